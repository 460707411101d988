"""How long a table is good that nobody verifies any more: counted in time of the working window."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.routing.staleness import stale_at

ZONE = "Europe/Berlin"
WINDOW = (time(8), time(21))


@pytest.mark.parametrize(
    ("verified", "minutes", "stale"),
    [
        ("2026-03-02 12:00", 30, "2026-03-02 12:30"),
        ("2026-03-02 20:55", 30, "2026-03-03 08:25"),
        ("2026-03-02 20:30", 30, "2026-03-02 21:00"),
        ("2026-03-02 23:00", 30, "2026-03-03 08:30"),
        ("2026-03-02 03:00", 30, "2026-03-02 08:30"),
        ("2026-03-02 12:00", 13 * 60, "2026-03-03 12:00"),
        # The night of the change to summer time is an hour shorter; the window is not.
        ("2026-03-28 20:55", 30, "2026-03-29 08:25"),
    ],
)
def test_only_time_inside_the_window_makes_a_table_stale(verified: str, minutes: int, stale: str) -> None:
    """Nobody looks at night, so nothing grows stale then."""
    zone = ZoneInfo(ZONE)
    verified_at = datetime.fromisoformat(verified).replace(tzinfo=zone)
    assert stale_at(verified_at, minutes * 60, WINDOW, ZONE) == datetime.fromisoformat(stale).replace(tzinfo=zone)


def test_a_window_of_the_whole_day_counts_every_hour() -> None:
    """Equal ends are no window."""
    noon = datetime(2026, 3, 2, 23, 50, tzinfo=UTC)
    assert stale_at(noon, 1800, (time(0), time(0)), ZONE) == noon + timedelta(minutes=30)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.integers(1, 100_000),
    st.integers(0, 50_000),
)
def test_a_later_verification_or_a_longer_limit_is_never_stale_sooner(
    verified_at: datetime, limit: int, more: int
) -> None:
    """And never before the limit has passed."""
    base = stale_at(verified_at, limit, WINDOW, ZONE)
    assert base >= verified_at + timedelta(seconds=limit)
    assert stale_at(verified_at + timedelta(seconds=more), limit, WINDOW, ZONE) >= base
    assert stale_at(verified_at, limit + more, WINDOW, ZONE) >= base
