"""By which rules evidence is weighed and employees are ranked: every number that can be tuned."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

SECONDS_PER_DAY = 86_400


@dataclass(frozen=True)
class TrackedCalls:
    """What answered calls count as evidence.

    Attributes:
        weight: what a call counts before talk time, role and direction; 0 leaves calls out.
        validity_days: after so many days a call counts nothing at all; None is never.
        inbound: what their calls count,
        outbound: and ours.
        talker: what the talk of whoever talked longest counts,
        transferrer: and that of whoever handed the call on.
    """

    weight: float = 1
    validity_days: float | None = None
    inbound: float = 1
    outbound: float = 1
    talker: float = 1
    transferrer: float = 0.3


@dataclass(frozen=True)
class TrackedDocuments:
    """What documents of one kind count as evidence.

    Attributes:
        kind: the name their evidence bears.
        document: their kind in `crm_interactions`.
        weight: what a document counts on its day.
        validity_days: after so many days it counts nothing at all; None is never.
    """

    kind: str
    document: str
    weight: float = 1
    validity_days: float | None = None


@dataclass(frozen=True)
class RoutingRules:
    """The scoring rules.

    `S = sum(weight * 2^(-age / half_life))`, where a call weighs
    `weight * ln(1 + min(talk, longest) / 30) * role * direction`. For a contact of a company the company's
    work stands behind their own: `share = (S_contact + k * share_company) / (sum S_contact + k)`.

    Attributes:
        half_life_days: after how long an interaction counts half.
        shortest_talk_seconds: shorter talk is no evidence.
        longest_talk_seconds: talk beyond this adds nothing.
        shrinkage: k, how much own evidence a contact needs to outweigh what the whole company shows.
        smallest_share: the share of the work from which the first is called responsible.
        fewest_interactions: how many interactions make the first responsible,
        enough_talk_seconds: or how much talk does.
        hysteresis: the published responsible stays until somebody's score is so many times theirs.
        ranks: how many employees are kept per number; more than are offered, because some are away.
        calls: what calls count.
        documents: which documents count, and what.
    """

    half_life_days: float = 90
    shortest_talk_seconds: int = 10
    longest_talk_seconds: int = 1800
    shrinkage: float = 2
    smallest_share: float = 0.45
    fewest_interactions: int = 2
    enough_talk_seconds: int = 60
    hysteresis: float = 1.15
    ranks: int = 6
    calls: TrackedCalls = field(default_factory=TrackedCalls)
    documents: tuple[TrackedDocuments, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the rules as they are kept beside what was built by them."""
        return json.loads(json.dumps(asdict(self)))  # type: ignore[no-any-return]

    def as_values(self) -> dict[str, Any]:
        """Return the rules as values to bind in SQL."""
        values = asdict(self)
        calls = {f"call_{name}": value for name, value in values.pop("calls").items()}
        documents = json.dumps(values.pop("documents"))
        return values | calls | {"documents": documents, "half_life_seconds": self.half_life_days * SECONDS_PER_DAY}
