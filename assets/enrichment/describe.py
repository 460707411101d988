"""What the enriched calls tell the UI: how many found their owner and how, and whom nobody knows."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import dagster as dg
from sqlalchemy import Connection

from assets.describe import ROWS_OF_DAY, count_by_day, query_table
from resources.warehouse.statements import run, statement
from resources.warehouse.tables import enriched_calls

PACKAGE = "assets.enrichment"

RUNGS = ("manual", "exact", "national", "tail")
OUTCOMES = ("ambiguous", "shared", "unknown", "listed")


def figures_by_day(connection: Connection, days: Collection[date]) -> dict[date, dict[str, float | int]]:
    """Return for each of these business days the same figures, which plot over time: its calls, and how they matched.

    Shares are of the calls with an outsider whose number was shown: 0..1. Calls filled by an earlier version, which
    noted no outcome, are not among them. A day without such calls has no shares: they would plot as a fall.
    """
    counts = count_by_day(connection, enriched_calls, days)
    figures: dict[date, dict[str, float | int]] = {
        day: {ROWS_OF_DAY: calls, **{f"{outcome} calls": 0 for outcome in OUTCOMES}} for day, calls in counts.items()
    }
    for row in run(connection, PACKAGE, "count_matches", {"days": list(days)}):
        figures[row.call_day] |= {
            "share with an owner": _share(row.owned, row.calls),
            **{f"share matched: {rung}": _share(getattr(row, rung), row.calls) for rung in RUNGS},
            **{f"{outcome} calls": getattr(row, outcome) for outcome in OUTCOMES},
        }
    return figures


def busiest_unknown(connection: Connection, first_day: date, last_day: date) -> dg.MarkdownMetadataValue:
    """Show the ten numbers nobody knows with which most was spoken in these days."""
    query = statement(PACKAGE, "select_busiest_unknown")
    return query_table(connection, query, {"first_day": first_day, "last_day": last_day})


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4)
