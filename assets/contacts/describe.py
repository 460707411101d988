"""What the contact assets tell the UI: figures that plot, and the numbers people should look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Table

from assets.describe import ROWS, count_rows, query_table
from resources.warehouse import tables
from resources.warehouse.statements import run, statement

if TYPE_CHECKING:
    from assets.contacts.ownership import OwnershipReport
    from assets.contacts.sources import Refreshed

PACKAGE = "assets.contacts"


def describe_contacts(done: Refreshed) -> dict[Table, dict[str, Any]]:
    """Return what a refresh changed in each table."""
    return {
        tables.crm_parties: {"rows written": done.parties, "refused rows": done.refused},
        tables.crm_phones: {
            "rows written": done.phones,
            "overrides recorded": done.overrides,
            "listed numbers changed": done.listed_numbers,
        },
        tables.crm_employees: {
            "rows written": done.employees,
            "changed extensions": done.extensions,
            "calls regrouped": done.calls_regrouped,
            "hours, absences and pins changed": done.eligibility,
        },
    }


def describe_owners(connection: Connection, report: OwnershipReport) -> dict[Table, dict[str, Any]]:
    """Return what an update of the owners did, how the numbers stand, and those to be reviewed."""
    counts = run(connection, PACKAGE, "count_decisions").one()
    return {
        tables.contact_ownership: {
            ROWS: count_rows(connection, tables.contact_ownership),
            "facts recorded": report.recorded,
            "facts superseded": report.superseded,
        },
        tables.number_owners: {
            ROWS: count_rows(connection, tables.number_owners),
            "numbers looked at": report.looked_at,
            "numbers changed": report.changed,
            "owned numbers": counts.owned,
            "ambiguous numbers": counts.ambiguous,
            "shared numbers": counts.shared,
            "assigned by hand": counts.by_hand,
            "to review": query_table(connection, statement(PACKAGE, "select_numbers_to_review"), {"rows": 20}),
        },
    }
