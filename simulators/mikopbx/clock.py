"""The PBX's clock: the real one, or one that a test sets and advances."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """Tells the PBX what time it is.

    Args:
        now: the moment at which a virtual clock stands still until advanced; the real time where absent.
    """

    def __init__(self, now: datetime | None = None) -> None:
        self._now = now

    def now(self) -> datetime:
        """Return the current instant."""
        return self._now or datetime.now(UTC)

    def set(self, now: datetime) -> None:
        """Stand at this instant."""
        self._now = now

    def advance(self, seconds: float) -> None:
        """Go on by so many seconds; a real clock becomes a virtual one."""
        self._now = self.now() + timedelta(seconds=seconds)
