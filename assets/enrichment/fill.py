"""Fills owners of whole days, day by day, each in a transaction: an interrupted run keeps what it did."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from assets.enrichment.enrich import NumberRules, enrich_touched_calls
from assets.history.calls import prepare, touch_days
from resources.warehouse.connection import Warehouse
from resources.warehouse.statements import run


def fill_owners(
    warehouse: Warehouse, first_day: date, last_day: date, rules: NumberRules, as_of: datetime | None = None
) -> dict[date, int]:
    """Give the calls of these business days, both included, the owners their numbers had.

    Args:
        warehouse: where the calls are.
        first_day: business day.
        last_day: business day.
        rules: see there.
        as_of: at which moment; None is at the start of each call.

    Returns:
        Rows written per day; days on which nothing changed are 0.
    """
    written: dict[date, int] = {}
    with warehouse.engine.connect() as connection:
        prepare(connection)
        connection.commit()
        day = first_day
        while day <= last_day:
            touch_days(connection, day, day)
            connection.exec_driver_sql("ANALYZE touched_calls")
            written[day] = enrich_touched_calls(connection, rules, as_of)
            if written[day]:
                run(connection, "assets.history", "queue_touched_calls")
            connection.commit()
            day += timedelta(days=1)
    return written
