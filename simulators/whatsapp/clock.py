"""The clock of the simulated Cloud API: real, and put forward at will, so that windows and media end."""

from __future__ import annotations

import time


class Clock:
    """Seconds since 1970, ahead of the real ones by what it was put forward."""

    def __init__(self) -> None:
        self._ahead_seconds = 0.0

    def now(self) -> float:
        """Return the moment, in seconds since 1970."""
        return time.time() + self._ahead_seconds

    def advance(self, seconds: float) -> None:
        """Put the clock forward, or back if negative."""
        self._ahead_seconds += seconds
