"""Days of calls as Dagster's partitions: the business day on which a call began."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import dagster as dg

DAYS_PER_RUN = 31


@dataclass(frozen=True)
class CallDays:
    """The partitions all daily assets share.

    Attributes:
        partitions: one partition per business day, today's included.
        backfill: how many days of a backfill one run takes: a run costs seconds before its first line.
    """

    partitions: dg.DailyPartitionsDefinition
    backfill: dg.BackfillPolicy

    @classmethod
    def since(cls, first_day: date, business_zone: str, days_per_run: int = DAYS_PER_RUN) -> CallDays:
        """Make the partitions from `first_day` on, in the business zone."""
        return cls(
            partitions=dg.DailyPartitionsDefinition(
                start_date=first_day.isoformat(), timezone=business_zone, end_offset=1
            ),
            backfill=dg.BackfillPolicy.multi_run(days_per_run),
        )


def days_of(context: dg.AssetExecutionContext) -> tuple[date, date]:
    """Return the first and the last business day of a run, both included."""
    window = context.partition_time_window
    zone = ZoneInfo(str(window.start.tzinfo))
    first_day = window.start.astimezone(zone).date()
    return first_day, window.end.astimezone(zone).date() - timedelta(days=1)


def days_between(first_day: date, last_day: date) -> list[date]:
    """Return the days, both included."""
    return [first_day + timedelta(days=number) for number in range((last_day - first_day).days + 1)]
