"""Contacts and employees as readers give them, made for tests, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from sqlalchemy import text

from assets.contacts.load import (
    ContactsReport,
    EmployeesReport,
    store_contacts,
    store_employees,
)
from assets.contacts.rules import ContactRules
from resources.contacts.rows import CONTACT_COLUMNS, EMPLOYEE_COLUMNS, ContactPortion, RefusedContact
from resources.warehouse import Warehouse

RULES = ContactRules()
TODAY_SQL = "CAST(now() AT TIME ZONE 'Europe/Moscow' AS date)"


def contact(party: str, phones: str = "", **other: str) -> dict[str, str]:
    """Return a row of contacts: only what a test says is unusual."""
    given = {"party_id": party, "party_name": f"Name {party}", "party_kind": "company", "phones": phones}
    return dict.fromkeys(CONTACT_COLUMNS, "") | given | other


def employee(employee_id: str, extension: str = "", **other: str) -> dict[str, str]:
    """Return a row of employees: only what a test says is unusual."""
    given = {"employee_id": employee_id, "name": f"Name {employee_id}", "extension": extension}
    return dict.fromkeys(EMPLOYEE_COLUMNS, "") | given | other


def portion(rows: Sequence[dict[str, str]], columns: tuple[str, ...], *refused: RefusedContact) -> ContactPortion:
    """Return rows as a reader gives them."""
    return ContactPortion(pd.DataFrame(rows, columns=list(columns), dtype=str), refused)


def store(
    warehouse: Warehouse,
    *rows: dict[str, str],
    source: str = "crm",
    rules: ContactRules = RULES,
    refused: Sequence[RefusedContact] = (),
) -> ContactsReport:
    """Make these contacts all their source has."""
    with warehouse.transaction() as connection:
        return store_contacts(connection, source, [portion(rows, CONTACT_COLUMNS, *refused)], rules)


def employ(
    warehouse: Warehouse,
    *rows: dict[str, str],
    source: str = "crm",
    refused: Sequence[RefusedContact] = (),
) -> EmployeesReport:
    """Make these employees all their source has."""
    with warehouse.transaction() as connection:
        return store_employees(connection, source, [portion(rows, EMPLOYEE_COLUMNS, *refused)], RULES)


def fetch(warehouse: Warehouse, query: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    with warehouse.transaction() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def queued(warehouse: Warehouse) -> set[str]:
    """Take the queued clients."""
    return {client for (client,) in fetch(warehouse, "DELETE FROM changed_clients RETURNING client_id")}


def holdings(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    """Return who held which extension when."""
    return fetch(
        warehouse,
        "SELECT extension, employee_id, valid_from, valid_to FROM employee_extensions "
        "ORDER BY extension, valid_from NULLS FIRST",
    )
