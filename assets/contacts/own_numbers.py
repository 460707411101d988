"""Numbers of our own, `own_numbers`: nobody's client calls from them.

Employees' mobiles come with the employees, lines from the settings; lines at which outsiders called
are learned where calls are enriched.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from assets.contacts.numbers import remember_numbers
from assets.contacts.rules import ContactRules
from resources.warehouse.statements import run

PACKAGE = "assets.contacts"


def store_own_mobiles(connection: Connection, source: str, rules: ContactRules) -> int:
    """Bring the mobiles of a source's employees in line with `crm_employees`; return how many numbers changed."""
    values = {"source": source, "region": rules.region}
    unknown = run(connection, PACKAGE, "select_new_mobiles", values).scalars()
    remember_numbers(connection, unknown, rules.region, rules.internal_digits)
    return run(connection, PACKAGE, "store_own_mobiles", {**values, "business_zone": rules.business_zone}).rowcount


def store_own_lines(connection: Connection, lines: Sequence[str], region: str, internal_digits: int) -> int:
    """Make the lines named in the settings ours; return how many numbers changed."""
    remember_numbers(connection, lines, region, internal_digits)
    return run(connection, PACKAGE, "store_own_lines", {"raws": list(lines), "region": region}).rowcount
