"""Employees of a base, with dated internal numbers.

A base knows only which internal number an employee has today. When it changes hands, the holdings are dated here; see
`sql/select_employees.sql`.
"""

from __future__ import annotations

import pandas as pd
from sqlalchemy import Connection

from assets.contacts.crm.base import PACKAGE, CrmBase
from assets.contacts.load import EmployeesReport, store_employees
from assets.contacts.numbers import remember_numbers
from resources.contacts.rows import EMPLOYEE_COLUMNS, ContactPortion
from resources.warehouse.statements import run


def store_base_employees(connection: Connection, base: CrmBase) -> EmployeesReport:
    """Bring employees and their internal numbers in line with their cards in the mirror.

    Args:
        connection: inside a transaction that holds the lock of contacts; the caller commits.
        base: see there.

    Raises:
        ContactsShrankError: too many are missing; the caller's transaction is to be rolled back.
    """
    values = {"source": base.name, "region": base.rules.region, "business_zone": base.rules.business_zone}
    unknown = run(connection, PACKAGE, "select_new_employee_phones", values).scalars()
    remember_numbers(connection, unknown, base.rules.region, base.rules.internal_digits)
    found = run(connection, PACKAGE, "select_employees", values).all()
    rows = pd.DataFrame([tuple(row) for row in found], columns=list(EMPLOYEE_COLUMNS), dtype=str)
    return store_employees(connection, base.name, [ContactPortion(rows)], base.rules)
