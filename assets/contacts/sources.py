"""Where clients, employees and what is set by hand come from: what every source can do, and files as sources.

A look tells cheaply whether a source has anything new; a refresh takes it in, in transactions of its
own, and remembers which state was taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from resources.warehouse.connection import Warehouse
from resources.warehouse.tables import load_cursors

if TYPE_CHECKING:
    from assets.contacts.rules import ContactRules

# Readers bring pandas along and are imported where a file is read: a look at a file's time needs none.

FileKind = Literal[
    "contacts_csv",
    "contacts_vcard",
    "employees_csv",
    "absences_csv",
    "working_hours_csv",
    "holidays_csv",
    "exclusions_csv",
    "deputies_csv",
    "pins_csv",
    "overrides_csv",
    "listed_numbers_csv",
]


class ContactSourcesError(Exception):
    """Some sources could not be taken in; what the others gave is stored. The text says which and why."""


@dataclass(frozen=True)
class SourceLook:
    """What a look at a source saw.

    Attributes:
        has_news: whether a refresh would change anything, as far as a look can tell.
        seen: in words, for people.
    """

    has_news: bool
    seen: str


@dataclass
class Refreshed:
    """What refreshes changed, in rows; `interactions` by business day."""

    parties: int = 0
    phones: int = 0
    employees: int = 0
    extensions: int = 0
    calls_regrouped: int = 0
    overrides: int = 0
    listed_numbers: int = 0
    eligibility: int = 0
    refused: int = 0
    interactions: dict[date, int] = field(default_factory=dict)

    def add(self, other: Refreshed) -> None:
        """Count another refresh in."""
        for each in fields(self):
            if each.name == "interactions":
                for day, rows in other.interactions.items():
                    self.interactions[day] = self.interactions.get(day, 0) + rows
            else:
                setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))


class ContactSource(Protocol):
    """A file, a query or a CRM."""

    @property
    def name(self) -> str:
        """Its name in the settings."""

    @property
    def is_cheap(self) -> bool:
        """Whether a look costs next to nothing, so that each tick may take one."""

    def look(self, warehouse: Warehouse) -> SourceLook:
        """Tell whether there is anything new; nothing is written."""

    def refresh(self, warehouse: Warehouse, rules: ContactRules, *, is_whole: bool = False) -> Refreshed:
        """Take in what the source says now.

        Args:
            warehouse: where to.
            rules: see there.
            is_whole: read everything anew, also where the source can tell what changed.
        """


@dataclass(frozen=True)
class FileSource:
    """A file that is the whole truth about what stands in it."""

    name: FileKind
    path: Path
    is_cheap: bool = True

    def look(self, warehouse: Warehouse) -> SourceLook:
        """Compare the file's size and time with those it had when it was taken in."""
        with warehouse.transaction() as connection:
            taken = state_taken(connection, self.name)
        if taken == self._state():
            return SourceLook(False, f"{self.name}: unchanged")
        return SourceLook(True, f"{self.name}: {self.path.name} changed")

    def refresh(self, warehouse: Warehouse, rules: ContactRules, *, is_whole: bool = False) -> Refreshed:
        """Make what came from the file what it says now.

        Raises:
            ContactFileError: the file cannot be used.
            ContactsShrankError: it suddenly lacks too much.
        """
        # The state is taken before the file is read: a change while reading is seen next time.
        state = self._state()
        with warehouse.transaction() as connection:
            done = self._store(connection, rules)
            remember_state(connection, self.name, state)
        return done

    def _store(self, connection: Connection, rules: ContactRules) -> Refreshed:
        from assets.contacts.load import store_contacts, store_employees

        match self.name:
            case "contacts_csv" | "contacts_vcard":
                from resources.contacts.csv_files import read_contacts_csv
                from resources.contacts.vcard_files import read_vcards

                read = read_contacts_csv if self.name == "contacts_csv" else read_vcards
                clients = store_contacts(connection, self.name, read(self.path), rules)
                return Refreshed(
                    parties=clients.parties.written, phones=clients.phones.written, refused=clients.refused
                )
            case "employees_csv":
                from resources.contacts.csv_files import read_employees_csv

                people = store_employees(connection, self.name, read_employees_csv(self.path), rules)
                return Refreshed(
                    employees=people.employees.written,
                    extensions=people.extensions.written,
                    calls_regrouped=people.regrouped,
                    refused=people.refused,
                )
            case "overrides_csv":
                from assets.contacts.overrides import store_overrides
                from resources.contacts.number_files import read_overrides_csv

                by_hand = store_overrides(connection, self.name, read_overrides_csv(self.path), rules)
                return Refreshed(overrides=by_hand.recorded, refused=by_hand.refused)
            case "listed_numbers_csv":
                from assets.contacts.number_lists import store_number_list
                from resources.contacts.number_files import read_number_list_csv

                listed = store_number_list(connection, self.name, read_number_list_csv(self.path), rules)
                return Refreshed(listed_numbers=listed.numbers.written, refused=listed.refused)
            case _:
                from assets.eligibility.store import store_eligibility
                from resources.contacts.eligibility_files import read_eligibility_csv

                facts = store_eligibility(connection, self.name, read_eligibility_csv(self.name, self.path), rules)
                return Refreshed(eligibility=facts.written, refused=facts.refused)

    def _state(self) -> dict[str, Any]:
        if not self.path.exists():
            return {"path": str(self.path), "is_missing": True}
        found = self.path.stat()
        return {"path": str(self.path), "bytes": found.st_size, "modified_ns": found.st_mtime_ns}


def refresh_sources(
    warehouse: Warehouse, sources: Sequence[ContactSource], rules: ContactRules, *, is_whole: bool = False
) -> Refreshed:
    """Take in what these sources say now; one that cannot be read does not keep the others back.

    Raises:
        ContactSourcesError: after all have been tried, if one could not be taken in.
    """
    done = Refreshed()
    failures: list[Exception] = []
    for source in sources:
        try:
            done.add(source.refresh(warehouse, rules, is_whole=is_whole))
        except Exception as error:
            failures.append(error)
            error.add_note(f"While taking in {source.name}.")
    if failures:
        reasons = " ".join(str(failure) for failure in failures)
        raise ContactSourcesError(reasons) from ExceptionGroup("contact sources", failures)
    return done


def state_taken(connection: Connection, name: str) -> dict[str, Any] | None:
    """Return the state in which a source was last taken in."""
    query = select(load_cursors.c.cursor).where(load_cursors.c.source == _cursor_of(name))
    return connection.execute(query).scalar_one_or_none()


def remember_state(connection: Connection, name: str, state: dict[str, Any]) -> None:
    """Note in which state a source was taken in, in the transaction that stores it."""
    values = {"cursor": state, "updated_at": func.now()}
    connection.execute(
        insert(load_cursors)
        .values(source=_cursor_of(name), **values)
        .on_conflict_do_update(index_elements=["source"], set_=values)
    )


def _cursor_of(name: str) -> str:
    # A CRM may bear the name of a telephony server, whose cursor stands under its bare name.
    return f"contacts {name}"
