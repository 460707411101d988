"""Instants out of what telephony servers write: RFC 3339 text, and a PBX's wall clock without a zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:?\d\d)")
_WALL = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?")


def instant_of(text: str) -> datetime:
    """Read a date and time with its offset, as in RFC 3339.

    Raises:
        ValueError: it is none; the text is not repeated.
    """
    if not _RFC_3339.fullmatch(text):
        raise ValueError("not a date and time with an offset, such as 2026-03-31T12:00:00+03:00")
    return datetime.fromisoformat(text.upper())


def instant_of_wall(text: str, zone: ZoneInfo, near_at: datetime) -> datetime:
    """Read what a clock in `zone` showed; in the hour that comes twice, take the one nearer to `near_at`.

    Raises:
        ValueError: it is no date and time; the text is not repeated.
    """
    if not _WALL.fullmatch(text):
        raise ValueError("not a date and time of the PBX's clock, such as 2026-03-31 12:00:00.250")
    shown = datetime.fromisoformat(text).replace(tzinfo=zone)
    # In UTC, for an ambiguous time of a zone is equal to none of another.
    return min((shown.replace(fold=fold).astimezone(UTC) for fold in (0, 1)), key=lambda at: abs(at - near_at))
