"""How much may be sent: throughput of the number, pace to one person, and the 24-hour window.

Public sources: Meta, "Throughput" (May 2026), "About the platform" (December 2025), "Send messages" (2026).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from simulators.whatsapp.errors import GraphError

DAY_SECONDS = 86_400.0


@dataclass
class _Bucket:
    """What may be taken at once; it fills again as time passes."""

    left: float
    at: float


@dataclass
class Limits:
    """The limits of one number.

    Attributes:
        per_second: messages, incoming and outgoing together; 0 for no limit.
        pair_burst: messages to one person at once; 0 for no limit.
        pair_seconds: after how long one more may go to that person.
        window_seconds: for how long free text may be sent after a person's message; 0 for always.
        is_window_refused_later: accept outside the window, and let the message fail by a status.
    """

    per_second: int = 80
    pair_burst: int = 45
    pair_seconds: float = 6.0
    window_seconds: float = DAY_SECONDS
    is_window_refused_later: bool = False
    _buckets: dict[str, _Bucket] = field(default_factory=dict)
    _written_at: dict[str, float] = field(default_factory=dict)

    @classmethod
    def none(cls) -> Limits:
        """Return limits that limit nothing."""
        return cls(per_second=0, pair_burst=0, window_seconds=0)

    def incoming(self, person: str, now: float) -> None:
        """Count a person's message, which opens the window."""
        self.open_window(person, now)
        if self.per_second:
            self._filled("", self.per_second, self.per_second, now).left -= 1

    def open_window(self, person: str, now: float) -> None:
        """Open the window, as a call does, too."""
        self._written_at[person] = now

    def is_window_open(self, person: str, now: float) -> bool:
        """Tell whether free text may be sent."""
        return not self.window_seconds or now - self._written_at.get(person, 0.0) < self.window_seconds

    def outgoing(self, person: str, now: float) -> None:
        """Count a message to a person.

        Raises:
            GraphError: 130429 or 131056, nothing is counted then.
        """
        number = self._filled("", self.per_second, self.per_second, now) if self.per_second else None
        pair = self._filled(person, self.pair_burst, 1 / self.pair_seconds, now) if self.pair_burst else None
        if number and number.left < 1:
            raise GraphError(130429)
        if pair and pair.left < 1:
            raise GraphError(131056)
        for bucket in (number, pair):
            if bucket:
                bucket.left -= 1

    def _filled(self, name: str, size: float, per_second: float, now: float) -> _Bucket:
        bucket = self._buckets.setdefault(name, _Bucket(size, now))
        bucket.left = min(size, bucket.left + max(0.0, now - bucket.at) * per_second)
        bucket.at = now
        return bucket
