"""Reconciliation: every finalised call has its events, and the other way round; how long a card took to open."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection

from resources.warehouse import Warehouse
from resources.warehouse.statements import run

PACKAGE = "assets.live"


def reconcile_days(warehouse: Warehouse, zone: str, first_day: date, last_day: date) -> dict[date, dict[str, Any]]:
    """Compare history and events of business days, both included, and keep what disagrees.

    Returns:
        figures of each day: counts of findings, and the stages from ring to card in milliseconds.
    """
    days = [first_day + timedelta(days=number) for number in range((last_day - first_day).days + 1)]
    with warehouse.transaction() as connection:
        values = {"first_day": first_day, "last_day": last_day, "business_zone": zone}
        run(connection, PACKAGE, "drop_reconciled_days", values)
        run(connection, PACKAGE, "reconcile_days", values)
        return {day: _figures(connection, day, zone) for day in days}


def _figures(connection: Connection, day: date, zone: str) -> dict[str, Any]:
    values = {"day": day, "business_zone": zone}
    counts = run(connection, PACKAGE, "count_reconciled", values).mappings().one()
    stages = run(connection, PACKAGE, "time_stages", values).mappings().all()
    figures: dict[str, Any] = {name.replace("_", " "): count for name, count in counts.items()}
    for row in stages:
        for percentile in ("p50", "p95", "p99"):
            figures[f"{row['stage']}, {percentile}, ms"] = round(float(row[percentile]), 1)
    if stages:
        figures["cards shown"] = int(stages[-1]["cards"])
    return figures
