"""By which rules evidence is weighed and employees are ranked: every number that can be tuned."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

SECONDS_PER_DAY = 86_400


@dataclass(frozen=True)
class RoutingRules:
    """The scoring rules.

    `S = sum(weight * 2^(-age / half_life))`, where a call weighs
    `call_weight * ln(1 + min(talk, longest) / 30) * role * direction`.

    Attributes:
        half_life_days: after how long an interaction counts half.
        call_weight: what a call counts before talk time, role and direction.
        shortest_talk_seconds: shorter talk is no evidence.
        longest_talk_seconds: talk beyond this adds nothing.
        transferrer_factor: what talk counts for whoever handed the call on.
        outbound_factor: what our own calls count against theirs.
        smallest_share: the share of the work from which the first is called responsible.
        fewest_interactions: how many interactions make the first responsible,
        enough_talk_seconds: or how much talk does.
        names: how many employees are kept per number.
    """

    half_life_days: float = 90
    call_weight: float = 1
    shortest_talk_seconds: int = 10
    longest_talk_seconds: int = 1800
    transferrer_factor: float = 0.3
    outbound_factor: float = 1
    smallest_share: float = 0.45
    fewest_interactions: int = 2
    enough_talk_seconds: int = 60
    names: int = 3

    def as_values(self) -> dict[str, Any]:
        """Return the rules as values to bind in SQL."""
        return asdict(self) | {"half_life_seconds": self.half_life_days * SECONDS_PER_DAY}
