"""Clients and employees out of any database that SQLAlchemy reaches, by the operator's own queries."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from assets.contacts.sources import Refreshed, SourceLook, remember_state, state_taken
from resources.warehouse.connection import Warehouse

if TYPE_CHECKING:
    from assets.contacts.rules import ContactRules

LOOK_SECONDS = 20


@dataclass(frozen=True)
class Query:
    """A query and which of its columns is which of ours: ours to the query's."""

    text: str
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class QuerySource:
    """A database that is asked by queries; each gives all there is.

    Attributes:
        name: in the settings.
        url: with user and password.
        contacts: gives clients and their numbers.
        employees: gives employees and their extensions.
        country: ISO country of its numbers without a country code; None is that of the rules.
        changes: a query for one value that differs after every change; without it a look reads everything.
    """

    name: str
    url: str = field(repr=False)
    contacts: Query | None = None
    employees: Query | None = None
    changes: str = ""
    country: str | None = None

    @property
    def is_cheap(self) -> bool:
        """Whether the database can say that something changed."""
        return bool(self.changes)

    def look(self, warehouse: Warehouse) -> SourceLook:
        """Compare the database's own word, or everything it gives, with what was last taken in.

        Raises:
            ContactQueryError: the database cannot be asked.
        """
        with warehouse.transaction() as connection:
            taken = state_taken(connection, self.name)
        state = self._state(time.monotonic() + LOOK_SECONDS)
        if state is None:
            return SourceLook(True, f"{self.name}: too much to compare in a look")
        if state == taken:
            return SourceLook(False, f"{self.name}: unchanged")
        return SourceLook(True, f"{self.name}: changed")

    def refresh(self, warehouse: Warehouse, rules: ContactRules, *, is_whole: bool = False) -> Refreshed:
        """Make what came from the database what it says now.

        Raises:
            ContactQueryError: the database cannot be asked, or a query lacks a column.
            ContactsShrankError: it suddenly lacks too much.
        """
        from assets.contacts.load import store_contacts, store_employees
        from resources.contacts.sql_query import read_contacts_query, read_employees_query

        rules = rules.of_country(self.country)
        state = self._state(None)
        done = Refreshed()
        with warehouse.transaction() as connection:
            if self.contacts:
                portions = read_contacts_query(self.url, self.contacts.text, self.contacts.columns)
                clients = store_contacts(connection, self.name, portions, rules)
                done.add(
                    Refreshed(parties=clients.parties.written, phones=clients.phones.written, refused=clients.refused)
                )
            if self.employees:
                portions = read_employees_query(self.url, self.employees.text, self.employees.columns)
                people = store_employees(connection, self.name, portions, rules)
                done.add(
                    Refreshed(
                        employees=people.employees.written,
                        extensions=people.extensions.written,
                        calls_regrouped=people.regrouped,
                        refused=people.refused,
                    )
                )
            if state is not None:
                remember_state(connection, self.name, state)
        return done

    def _state(self, deadline: float | None) -> dict[str, Any] | None:
        """What tells one state of the database from another; None if it could not be had in time."""
        from resources.contacts.sql_query import fingerprint, newest_change

        if self.changes:
            return {"newest_change": newest_change(self.url, self.changes)}
        prints = [
            fingerprint(self.url, query.text, query.columns, deadline)
            for query in (self.contacts, self.employees)
            if query
        ]
        return None if None in prints else {"fingerprints": prints}
