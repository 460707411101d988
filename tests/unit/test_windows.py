"""Working windows: both ends count, and so does the last interval before the end."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest

from pipelines.windows import crons_within, is_within


@pytest.mark.parametrize(
    ("interval_seconds", "crons"),
    [
        (120, ["*/2 8-20 * * *", "0 21 * * *"]),
        (900, ["*/15 8-20 * * *", "0 21 * * *"]),
        (3600, ["0 8-20 * * *", "0 21 * * *"]),
    ],
)
def test_the_end_of_the_window_is_a_tick_of_its_own(interval_seconds: int, crons: list[str]) -> None:
    """`*/2 8-20` stops at 20:58; 21:00 itself belongs to the window."""
    assert crons_within(time(8), time(21), interval_seconds) == crons


@pytest.mark.parametrize(
    ("utc", "inside"),
    [("04:59:59", False), ("05:00:00", True), ("18:00:00", True), ("18:00:01", False)],
)
def test_the_window_is_judged_on_the_business_clock_with_both_ends_inside(utc: str, inside: bool) -> None:
    """Moscow is three hours ahead of UTC: 8:00 there is 5:00 UTC."""
    moment = datetime.combine(datetime(2026, 11, 23, tzinfo=UTC), time.fromisoformat(utc), UTC)
    assert is_within(moment, time(8), time(21), "Europe/Moscow") is inside
