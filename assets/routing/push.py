"""The responsibles of the live table, handed to a PBX that keeps them itself: only what it does not know yet.

What a PBX has taken is remembered in `pushed_routes` and `pushed_users`, in the transaction after the post: killed
between the two, the same post is made once more, which changes nothing there. Each number is read back; one that
shows something else is not remembered, and so posted again the next time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection, Row, delete
from sqlalchemy.dialects.postgresql import insert

from assets.routing.policy import Interception
from resources.telephony.interception import ModuleUser, Responsible, ResponsibleBook
from resources.warehouse.connection import Warehouse
from resources.warehouse.statements import run, statement
from resources.warehouse.tables import pushed_users

PACKAGE = "assets.routing"
CLIENTS_PER_POST = 200

_Item = TypeVar("_Item")


@dataclass
class PushReport:
    """What a push did.

    Attributes:
        users: employees posted or deleted.
        clients: clients posted, each with all its numbers.
        rows: numbers with a responsible among them.
        read_back: numbers that were read back.
        differing: of those, how many show something else; they are posted again the next time.
    """

    users: int = 0
    clients: int = 0
    rows: int = 0
    read_back: int = 0
    differing: int = 0


def push_responsibles(
    warehouse: Warehouse,
    pbx_id: str,
    book: ResponsibleBook,
    interception: Interception,
    business_zone: str,
    *,
    most_read_back: int = 500,
) -> PushReport:
    """Hand a PBX what changed since it was last handed something.

    Args:
        warehouse: where the live table is.
        pbx_id: the PBX.
        book: its module.
        interception: which responsibles it may know.
        business_zone: IANA name.
        most_read_back: so many numbers are read back at most, the first of each post; a first push of a whole
            table would else ask the PBX for hours.

    Raises:
        SourceUnavailableError: the PBX cannot be reached; what was confirmed before stands.
        SourceRefusedError: it refuses us.
        SourceAnswerError: it answers, but not as the module does.
    """
    report = PushReport()
    with warehouse.locked(f"push {pbx_id}") as connection:
        connection.exec_driver_sql(statement(PACKAGE, "create_push_tables").text)
        run(connection, PACKAGE, "collect_wanted_routes", {"interception": interception})
        run(connection, PACKAGE, "collect_wanted_users", {"business_zone": business_zone})
        connection.commit()
        gone = _push_users(connection, pbx_id, book, report)
        values = {"pbx_id": pbx_id}
        clients = run(connection, PACKAGE, "select_clients_to_push", values).scalars().all()
        connection.commit()
        for some in _posts(clients):
            _push_clients(connection, pbx_id, book, some, most_read_back - report.read_back, report)
        # Last, because rows that name them are only now gone.
        if gone:
            book.delete_users(gone)
            connection.execute(
                delete(pushed_users).where(pushed_users.c.pbx_id == pbx_id, pushed_users.c.employee_id.in_(gone))
            )
            connection.commit()
    return report


def _push_users(connection: Connection, pbx_id: str, book: ResponsibleBook, report: PushReport) -> list[str]:
    """Post new and changed employees; return those to be forgotten."""
    changed = run(connection, PACKAGE, "select_users_to_push", {"pbx_id": pbx_id}).all()
    connection.commit()
    present = [row for row in changed if not row.is_gone]
    report.users = len(changed)
    for some in _posts(present):
        book.add_users([ModuleUser(row.employee_id, row.name, row.position, row.extension) for row in some])
        rows = [
            {
                "pbx_id": pbx_id,
                "employee_id": row.employee_id,
                "name": row.name,
                "position": row.position,
                "extension": row.extension,
            }
            for row in some
        ]
        new = insert(pushed_users).values(rows)
        fresh = {name: new.excluded[name] for name in ("name", "position", "extension")}
        connection.execute(new.on_conflict_do_update(index_elements=["pbx_id", "employee_id"], set_=fresh))
        connection.commit()
    return [row.employee_id for row in changed if row.is_gone]


def _push_clients(
    connection: Connection,
    pbx_id: str,
    book: ResponsibleBook,
    clients: Sequence[str],
    left_to_read: int,
    report: PushReport,
) -> None:
    rows = run(connection, PACKAGE, "select_routes_of_clients", {"clients": clients}).all()
    connection.commit()
    book.add_responsibles(list(_posted(clients, rows)))
    unconfirmed = []
    for row in rows[: max(left_to_read, 0)]:
        report.read_back += 1
        if book.responsible_of(row.number) != row.client_name:
            unconfirmed.append(row.phone_id)
    values = {"pbx_id": pbx_id, "clients": clients, "unconfirmed": unconfirmed}
    run(connection, PACKAGE, "confirm_routes", values)
    connection.commit()
    report.clients += len(clients)
    report.rows += len(rows)
    report.differing += len(unconfirmed)


def _posts(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for first in range(0, len(items), CLIENTS_PER_POST):
        yield items[first : first + CLIENTS_PER_POST]


def _posted(clients: Sequence[str], rows: Sequence[Row[tuple[str, str, str, str, str]]]) -> Iterator[Responsible]:
    with_rows = set()
    for row in rows:
        with_rows.add(row.client_id)
        yield Responsible(row.client_id, row.client_name, row.number, row.employee_id)
    for client in clients:
        if client not in with_rows:
            yield Responsible(client, "", "", "")
