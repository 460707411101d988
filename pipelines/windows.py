"""Working windows as crons: "8 to 21, every 120 s" with both ends included."""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo


def crons_within(start: time, end: time, interval_seconds: int) -> list[str]:
    """Return the crons that tick every `interval_seconds` from `start` to `end`, both included.

    Args:
        start: on the hour.
        end: on the hour, later the same day.
        interval_seconds: whole minutes that divide an hour.
    """
    minutes = interval_seconds // 60
    minute = "0" if minutes == 60 else f"*/{minutes}"
    hours = f"{start.hour}-{end.hour - 1}" if end.hour - start.hour > 1 else str(start.hour)
    return [f"{minute} {hours} * * *", f"0 {end.hour} * * *"]


def is_within(moment: datetime, start: time, end: time, business_zone: str) -> bool:
    """Tell whether an instant lies in the working window of its business day, both ends included."""
    local = moment.astimezone(ZoneInfo(business_zone)).time()
    return start <= local <= end
