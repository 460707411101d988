"""The responsibles of the live table, handed to a PBX that keeps them itself: only what it does not know yet.

What a PBX has taken is remembered in `pushed_routes` and `pushed_users`, in the transaction after the post: killed
between the two, the same post is made once more, which changes nothing there. What was posted is read back, also that
a number is gone; what shows something else is not remembered, and so posted again the next time. Some numbers of
earlier pushes are read back each time too, those seen longest ago first: somebody may have changed them there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, update
from sqlalchemy.dialects.postgresql import insert

from assets.routing.policy import Interception
from resources.telephony.interception import ModuleUser, Responsible, ResponsibleBook
from resources.warehouse.connection import Warehouse
from resources.warehouse.statements import run, statement
from resources.warehouse.tables import pushed_routes, pushed_users

PACKAGE = "assets.routing"
CLIENTS_PER_POST = 200
ROWS_PER_POST = 500
"""The module's queue takes no job above half a megabyte; a row with a long Russian name has 800 bytes there."""


@dataclass
class PushReport:
    """What a push did.

    Attributes:
        users: employees posted or deleted.
        clients: clients posted, each with all its numbers.
        rows: numbers with a responsible among them.
        read_back: numbers of these, and numbers taken away, that were read back.
        differing: of those, how many show something else; they are posted again the next time.
        looked_at: numbers of earlier pushes that were read back.
        changed_there: of those, how many showed something else; they were posted again.
        shown: numbers that showed a row of ours, right or wrong.
    """

    users: int = 0
    clients: int = 0
    rows: int = 0
    read_back: int = 0
    differing: int = 0
    looked_at: int = 0
    changed_there: int = 0
    shown: int = 0

    @property
    def is_blind(self) -> bool:
        """Whether numbers differ and none shows a row of ours: the module's full mode or its menu is off."""
        return bool(self.differing or self.changed_there) and not self.shown


def push_responsibles(
    warehouse: Warehouse,
    pbx_id: str,
    book: ResponsibleBook,
    interception: Interception,
    business_zone: str,
    *,
    most_read_back: int = 100,
    most_looked_at: int = 10,
) -> PushReport:
    """Hand a PBX what changed since it was last handed something.

    Args:
        warehouse: where the live table is.
        pbx_id: the PBX.
        book: its module.
        interception: which responsibles it may know.
        business_zone: IANA name.
        most_read_back: so many of the posted numbers are read back at most, spread evenly: the PBX answers 180
            questions a minute and then none for five.
        most_looked_at: so many numbers of earlier pushes are read back besides.

    Raises:
        SourceUnavailableError: the PBX cannot be reached; what was confirmed before stands.
        SourceRefusedError: it refuses us.
        SourceAnswerError: it answers, but not as the module does.
    """
    with warehouse.locked(f"push {pbx_id}") as connection:
        connection.exec_driver_sql(statement(PACKAGE, "create_push_tables").text)
        run(connection, PACKAGE, "collect_wanted_users", {"business_zone": business_zone})
        run(connection, PACKAGE, "collect_wanted_routes", {"interception": interception})
        connection.commit()
        return _Push(connection, pbx_id, book).run(most_read_back, most_looked_at)


class _Push:
    """One push to one PBX, holding its lock."""

    def __init__(self, connection: Connection, pbx_id: str, book: ResponsibleBook) -> None:
        self._connection = connection
        self._pbx_id = pbx_id
        self._book = book
        self._report = PushReport()

    def run(self, most_read_back: int, most_looked_at: int) -> PushReport:
        self._look_at_earlier(most_looked_at)
        gone = self._push_users()
        clients = self._rows("select_clients_to_push")
        changed = sum(client.rows for client in clients)
        every = max(1, -(-changed // most_read_back)) if most_read_back else 0
        places = count()
        for some in _posts(clients):
            rows = self._rows("select_routes_of_clients", {"clients": some})
            self._post(some, [row for row in rows if not row.is_gone])
            # Every so many, over all posts: a lost one is found wherever it stands.
            self._confirm(some, rows, [row for row in rows if every and next(places) % every == 0])
        # Last, because rows that name them are only now gone.
        if gone:
            self._book.delete_users(gone)
            self._connection.execute(delete(pushed_users).where(self._are_users(gone)))
            self._connection.commit()
        return self._report

    def _look_at_earlier(self, most: int) -> None:
        rows = self._rows("select_routes_to_look_at", {"most": most})
        differing = {row.phone_id for row in rows if not self._shows(row)}
        self._report.looked_at = len(rows)
        self._report.changed_there = len(differing)
        ours = pushed_routes.c
        seen = [row.phone_id for row in rows if row.phone_id not in differing]
        of_pbx = ours.pbx_id == self._pbx_id
        self._connection.execute(delete(pushed_routes).where(of_pbx, ours.phone_id.in_(differing)))
        self._connection.execute(
            update(pushed_routes).where(of_pbx, ours.phone_id.in_(seen)).values(pushed_at=func.now())
        )
        self._doubt_users({row.employee_id for row in rows if row.phone_id in differing})

    def _push_users(self) -> list[str]:
        """Post new and changed employees; return those to be forgotten."""
        changed = self._rows("select_users_to_push")
        self._report.users = len(changed)
        present = [row for row in changed if not row.is_gone]
        for first in range(0, len(present), CLIENTS_PER_POST):
            some = present[first : first + CLIENTS_PER_POST]
            self._book.add_users([ModuleUser(row.employee_id, row.name, row.position, row.extension) for row in some])
            new = insert(pushed_users).values(
                [
                    {
                        "pbx_id": self._pbx_id,
                        "employee_id": row.employee_id,
                        "name": row.name,
                        "position": row.position,
                        "extension": row.extension,
                    }
                    for row in some
                ]
            )
            fresh = {name: new.excluded[name] for name in ("name", "position", "extension")}
            self._connection.execute(
                new.on_conflict_do_update(
                    index_elements=["pbx_id", "employee_id"], set_={**fresh, "pushed_at": func.now()}
                )
            )
            self._connection.commit()
        return [row.employee_id for row in changed if row.is_gone]

    def _post(self, clients: Sequence[str], rows: Sequence[Row[Any]]) -> None:
        emptied = set(clients) - {row.client_id for row in rows}
        self._book.add_responsibles(
            [Responsible(row.client_id, row.client_name, row.number, row.employee_id) for row in rows]
            + [Responsible(client, "", "", "") for client in clients if client in emptied]
        )
        self._report.clients += len(clients)
        self._report.rows += len(rows)

    def _confirm(self, clients: Sequence[str], rows: Sequence[Row[Any]], sample: Sequence[Row[Any]]) -> None:
        differing = [row for row in sample if not self._shows(row)]
        self._report.read_back += len(sample)
        self._report.differing += len(differing)
        values = {
            "clients": clients,
            "differing": [row.phone_id for row in differing if not row.is_gone],
            "lingering": [row.phone_id for row in differing if row.is_gone],
        }
        run(self._connection, PACKAGE, "confirm_routes", {"pbx_id": self._pbx_id, **values})
        self._doubt_users({row.employee_id for row in differing if not row.is_gone})

    def _shows(self, row: Row[Any]) -> bool:
        """Tell whether the PBX shows for this number who it should: nobody, where it was taken away."""
        shown = self._book.responsible_of(row.number)
        self._report.shown += shown is not None
        return shown is None if row.is_gone else shown is not None and shown.extension == row.extension

    def _doubt_users(self, employees: Collection[str]) -> None:
        """Have them posted again: the number may be right there, and the employee's extension wrong."""
        self._connection.execute(update(pushed_users).where(self._are_users(employees)).values(extension=""))
        self._connection.commit()

    def _are_users(self, employees: Collection[str]) -> ColumnElement[bool]:
        return (pushed_users.c.pbx_id == self._pbx_id) & pushed_users.c.employee_id.in_(employees)

    def _rows(self, name: str, values: dict[str, Any] | None = None) -> Sequence[Row[Any]]:
        rows = run(self._connection, PACKAGE, name, {"pbx_id": self._pbx_id, **(values or {})}).all()
        self._connection.commit()
        return rows


def _posts(clients: Sequence[Row[Any]]) -> Iterator[list[str]]:
    """Group clients, each whole, into posts that the module can take."""
    some: list[str] = []
    rows = 0
    for client in clients:
        if some and (len(some) == CLIENTS_PER_POST or rows + client.rows > ROWS_PER_POST):
            yield some
            some, rows = [], 0
        some.append(client.client_id)
        rows += client.rows
    if some:
        yield some
