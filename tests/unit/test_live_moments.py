"""Instants of live calls: text with an offset, and a clock without a zone."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from resources.telephony.live.moments import instant_of, instant_of_wall

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize("hour", [0, 1])
def test_in_the_hour_that_comes_twice_the_nearer_one_is_taken(hour: int) -> None:
    """A call of the moment began at the moment: half past two is the one that has just been."""
    near_at = datetime(2026, 10, 25, hour, 31, tzinfo=UTC)
    assert instant_of_wall("2026-10-25 02:30:00.250", BERLIN, near_at) == near_at.replace(minute=30, microsecond=250000)


@pytest.mark.parametrize("text", ["", "2026-10-25", "2026-10-25T02:30:00", "yesterday"])
def test_what_is_no_wall_clock_is_refused(text: str) -> None:
    """Only the form of MikoPBX's own table is read."""
    with pytest.raises(ValueError, match="not a date and time of the PBX's clock"):
        instant_of_wall(text, BERLIN, datetime(2026, 10, 25, tzinfo=UTC))


@pytest.mark.parametrize("text", ["2026-10-25T02:30:00Z", "2026-10-25t05:30:00+03:00", "2026-10-25 02:30:00.0-00:00"])
def test_offsets(text: str) -> None:
    """RFC 3339 in each of its forms."""
    assert instant_of(text) == datetime(2026, 10, 25, 2, 30, tzinfo=UTC)
