"""When a table that nobody verifies any more begins to answer as stale: counted in time of the working window."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo


def stale_at(verified_at: datetime, limit_seconds: float, window: tuple[time, time], zone: str) -> datetime:
    """Return the instant at which `limit_seconds` of window time have passed since `verified_at`.

    Outside of the window nobody looks, so nothing grows stale: verified at 20:55 with a limit of half an
    hour and a window of 8 to 21, a table is stale at 8:25 of the next day.

    Args:
        verified_at: aware.
        limit_seconds: how long a table is good for.
        window: first and last hour, wall clock of `zone`; equal ends, or an end before the start, are the whole day.
        zone: IANA name.
    """
    starts_at, ends_at = window
    if ends_at <= starts_at:
        return verified_at + timedelta(seconds=limit_seconds)
    local = ZoneInfo(zone)
    day = verified_at.astimezone(local).date()
    left = timedelta(seconds=limit_seconds)
    while True:
        # In UTC, because a day on which the clocks change is shorter or longer.
        opens = datetime.combine(day, starts_at, local).astimezone(UTC)
        closes = datetime.combine(day, ends_at, local).astimezone(UTC)
        begins = max(verified_at, opens)
        if begins < closes:
            if left <= closes - begins:
                return begins + left
            left -= closes - begins
        day += timedelta(days=1)
