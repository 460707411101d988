"""Fills owners of whole days, day by day, each in a transaction: an interrupted run keeps what it did."""

from __future__ import annotations

from datetime import date, timedelta

from assets.enrichment.enrich import Regions, enrich_touched_calls
from assets.history.calls import prepare, touch_days
from resources.warehouse.connection import Warehouse
from resources.warehouse.statements import run


def fill_owners(
    warehouse: Warehouse, first_day: date, last_day: date, regions: Regions, internal_digits: int = 4
) -> dict[date, int]:
    """Give the calls of these business days, both included, the owners their numbers had at their start.

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
            written[day] = enrich_touched_calls(connection, regions, internal_digits)
            if written[day]:
                run(connection, "assets.history", "queue_touched_calls")
            connection.commit()
            day += timedelta(days=1)
    return written
