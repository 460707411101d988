"""What the enriched calls tell the UI: how many found their owner and how, and whom nobody knows."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

import dagster as dg
from sqlalchemy import Connection

from assets.describe import query_table
from resources.warehouse.statements import run, statement

PACKAGE = "assets.enrichment"

RUNGS = ("manual", "exact", "national", "tail")
OUTCOMES = ("ambiguous", "shared", "unknown", "listed")


def match_figures(connection: Connection, days: Collection[date]) -> dict[date, dict[str, float | int]]:
    """Return, for each of these business days that has calls, figures that plot over time.

    Shares are of the calls with an outsider whose number was shown: 0..1. Calls filled by an earlier version, which
    noted no outcome, are not among them.
    """
    figures: dict[date, dict[str, float | int]] = {}
    for row in run(connection, PACKAGE, "count_matches", {"days": list(days)}):
        calls = row.calls
        figures[row.call_day] = {
            "share with an owner": _share(row.owned, calls),
            **{f"share matched: {rung}": _share(getattr(row, rung), calls) for rung in RUNGS},
            **{f"{outcome} calls": getattr(row, outcome) for outcome in OUTCOMES},
        }
    return figures


def busiest_unknown(connection: Connection, first_day: date, last_day: date) -> dg.MarkdownMetadataValue:
    """Show the ten numbers nobody knows with which most was spoken in these days."""
    query = statement(PACKAGE, "select_busiest_unknown")
    return query_table(connection, query, {"first_day": first_day, "last_day": last_day})


def sum_figures(figures: Collection[dict[str, float | int]]) -> dict[str, Any]:
    """Return one set of figures for several days: counts added, shares averaged."""
    if not figures:
        return {}
    names = next(iter(figures))
    totals = {name: sum(each[name] for each in figures) for name in names}
    return {name: value / len(figures) if name.startswith("share") else value for name, value in totals.items()}


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
