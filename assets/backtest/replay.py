"""The walk through time: each call is predicted from what was known strictly before it began.

Sums are kept by forward decay (Cormode et al., ICDE 2009), so that a step costs as much as the client has
employees, not as much as it has history.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from assets.routing.rules import SECONDS_PER_DAY, RoutingRules

if TYPE_CHECKING:
    import pandas as pd

NEVER = 2**63 - 1

MOST_HALF_LIVES = 500
"""How far sums may run ahead of their landmark before they are re-based: 2^1024 no longer is a number."""

SCORE_STEPS = 10**6
"""Scores are compared to so many parts of one, as the routing table keeps them."""


SHARE_DIGITS = 9
"""All of the work is a share of 1, whatever the last bits of the sums."""


class LeakageError(Exception):
    """Evidence of the predicted moment, or of a later one, reached the prediction."""


class Evidence(NamedTuple):
    """A row of events as the predictor takes it; instants in microseconds since 1970. Its order is the walk's."""

    known_at: int
    at: int
    client: str
    contact: str
    employee: str
    weight: float
    talk_seconds: int
    is_talker: bool
    expires_at: int


class Call(NamedTuple):
    """A call to be predicted; its order is the walk's."""

    at: int
    client: str
    contact: str
    employee: str
    team: str
    owner: str
    pbx_id: str
    linkedid: str
    call_day: date | None


class Prediction(NamedTuple):
    """What was predicted before a call.

    Attributes:
        ranked: employees, best first.
        share: of the work, that of the first; 0 without any.
        has_evidence: whether the first's evidence is enough to call them responsible.
        last: who took the client's latest call; '' is nobody.
        frequent: who took most of the client's calls; '' is nobody.
        gap: microseconds since the client's latest interaction; None without any.
    """

    ranked: Sequence[str]
    share: float
    has_evidence: bool
    last: str
    frequent: str
    gap: int | None


NOTHING = Prediction((), 0.0, has_evidence=False, last="", frequent="", gap=None)


@dataclass(slots=True)
class _Part:
    """An employee's part in the work with a client; `score` as of the client's landmark."""

    score: float = 0.0
    interactions: int = 0
    talk_seconds: int = 0
    last_at: int = 0


@dataclass(slots=True)
class _Client:
    """What is known of a client. `landmark` and `latest` are in half-lives since 1970."""

    landmark: float | None = None
    latest: float = -math.inf
    parts: dict[str, _Part] = field(default_factory=dict)
    contacts: dict[str, dict[str, float]] = field(default_factory=dict)
    evidence: list[Evidence] = field(default_factory=list)
    expires_at: int = NEVER
    latest_at: int = 0
    last_talk: tuple[int, int] = (-NEVER, 0)
    last_talker: str = ""
    talks: dict[str, tuple[int, int]] = field(default_factory=dict)
    most_frequent: tuple[int, int, str] = (0, 0, "")


class Predictor:
    """Ranks a client's employees by what it has learned so far, as the routing table would.

    Who is absent and who was published before (hysteresis) is left out.
    """

    def __init__(self, rules: RoutingRules) -> None:
        self._rules = rules
        self._half_life = rules.half_life_days * SECONDS_PER_DAY * 1e6
        self._clients: dict[str, _Client] = {}
        self._latest = -NEVER

    def learn(self, evidence: Evidence) -> None:
        """Take evidence in; its order only matters for the last bit of a sum."""
        self._latest = max(self._latest, evidence.known_at, evidence.at)
        client = self._clients.setdefault(evidence.client, _Client())
        client.latest_at = max(client.latest_at, evidence.at)
        if evidence.is_talker:
            _count_talk(client, evidence)
        if evidence.weight > 0:
            client.evidence.append(evidence)
            self._weigh(client, evidence)

    def predict(self, at: int, client_id: str, contact_id: str) -> Prediction:
        """Say who will take a call of this contact of the client.

        Args:
            at: when the call begins, in microseconds since 1970.
            client_id: whose call it is.
            contact_id: '' where the number is the client's own.

        Raises:
            LeakageError: something learned was not known before `at`.
        """
        if self._latest >= at:
            raise LeakageError(
                f"Evidence of {_shown(self._latest)} reached the prediction of a call of {_shown(at)}. Each row's "
                "`at` and `known_at` must lie before the calls that it is used for: look at the rows of that moment."
            )
        client = self._clients.get(client_id)
        if client is None:
            return NOTHING
        if client.expires_at <= at:
            self._forget_expired(client, at)
        ranked, share, has_evidence = self._rank(client, contact_id)
        last, frequent = client.last_talker, client.most_frequent[-1]
        return Prediction(ranked, share, has_evidence, last, frequent, at - client.latest_at)

    def _weigh(self, client: _Client, evidence: Evidence) -> None:
        age = evidence.at / self._half_life
        if client.landmark is None:
            client.landmark = math.floor(age)
        elif age - client.landmark > MOST_HALF_LIVES:
            _rebase(client, math.floor(age - client.landmark))
        score = evidence.weight * 2.0 ** (age - client.landmark)
        part = client.parts.setdefault(evidence.employee, _Part())
        part.score += score
        part.interactions += 1
        part.talk_seconds += evidence.talk_seconds
        part.last_at = max(part.last_at, evidence.at)
        if evidence.contact:
            own = client.contacts.setdefault(evidence.contact, {})
            own[evidence.employee] = own.get(evidence.employee, 0.0) + score
        client.latest = max(client.latest, age)
        client.expires_at = min(client.expires_at, evidence.expires_at)

    def _forget_expired(self, client: _Client, at: int) -> None:
        """Weigh what still counts anew: taking expired evidence off the sums would leave their rounding behind."""
        held = [evidence for evidence in client.evidence if evidence.expires_at > at]
        client.evidence, client.parts, client.contacts = held, {}, {}
        client.landmark, client.latest, client.expires_at = None, -math.inf, NEVER
        for evidence in held:
            self._weigh(client, evidence)

    def _rank(self, client: _Client, contact_id: str) -> tuple[list[str], float, bool]:
        if client.landmark is None:
            return [], 0.0, False
        # As of the client's latest interaction, so that time alone changes nothing; see rank_employees.sql.
        scale = 2.0 ** (client.landmark - client.latest)
        parts = client.parts
        total = sum([part.score for part in parts.values()]) * scale
        own = client.contacts.get(contact_id, {})
        backing = sum(own.values()) * scale + self._rules.shrinkage if own else 0.0
        # A score is company * the work with the whole client + contact * that with this contact.
        company, contact = scale, 0.0
        if backing > 0:
            company, contact = scale * self._rules.shrinkage / backing, scale * total / backing
        own_score = own.get
        order = sorted(
            [
                (-int((part.score * company + own_score(name, 0.0) * contact) * SCORE_STEPS + 0.5), -part.last_at, name)
                for name, part in parts.items()
            ]
        )
        ranked = [name for _, _, name in order]
        first = parts[ranked[0]]
        share = (first.score * company + own_score(ranked[0], 0.0) * contact) / total if total > 0 else 0.0
        has_evidence = (
            first.interactions >= self._rules.fewest_interactions
            or first.talk_seconds >= self._rules.enough_talk_seconds
        )
        return ranked, round(share, SHARE_DIGITS), has_evidence


def replay(events: pd.DataFrame, rules: RoutingRules) -> pd.DataFrame:
    """Predict each test of the events from the events known strictly before it.

    Args:
        events: as `assets.backtest.events` describes; the order of its rows does not matter.
        rules: half-life, shrinkage and least evidence; the weights of the events are taken as they are.

    Returns:
        a row per test, oldest first, those of one instant by client, contact and employee. Columns: `at`, `client`,
        `contact`, `employee` (who took it), `team`, `owner`, `pbx_id`, `linkedid`, `call_day`; `first` of the ranking,
        their `share` (NaN without a ranking), `has_evidence`; `rank` of the one who took it (NaN where not ranked);
        `last` and `frequent` ('' is nobody); `gap_days` since the client's latest interaction (NaN for the first; 0
        for all but the first of one instant).

    Raises:
        LeakageError: a row claims to have been known before it happened.
    """
    evidence, calls = sorted(_evidence_of(events)), sorted(_calls_of(events))
    predictor = Predictor(rules)
    place, before = 0, (0, "")
    predictions = []
    for call in calls:
        while place < len(evidence) and evidence[place].known_at < call.at:
            predictor.learn(evidence[place])
            place += 1
        prediction = predictor.predict(call.at, call.client, call.contact)
        if (call.at, call.client) == before:
            # It is predicted from what was before both, but it follows at once.
            prediction = prediction._replace(gap=0)
        before = call.at, call.client
        predictions.append(prediction)
    return _as_frame(calls, predictions)


def _count_talk(client: _Client, evidence: Evidence) -> None:
    # Kept negative, so that the smallest is the most frequent, of these the latest, of these the first by id.
    number, last_at = client.talks.get(evidence.employee, (0, NEVER))
    counted = client.talks[evidence.employee] = (number - 1, min(last_at, -evidence.at))
    client.most_frequent = min(client.most_frequent, (*counted, evidence.employee))
    talk = (evidence.at, evidence.talk_seconds)
    if talk > client.last_talk or (talk == client.last_talk and evidence.employee < client.last_talker):
        client.last_talk, client.last_talker = talk, evidence.employee


def _rebase(client: _Client, half_lives: int) -> None:
    """Move the landmark on; sums change by a power of two, which costs no digit."""
    assert client.landmark is not None
    client.landmark += half_lives
    for part in client.parts.values():
        part.score = math.ldexp(part.score, -half_lives)
    for own in client.contacts.values():
        for employee in own:
            own[employee] = math.ldexp(own[employee], -half_lives)


def _evidence_of(events: pd.DataFrame) -> Iterable[Evidence]:
    return map(
        Evidence,
        _microseconds(events["known_at"]),
        _microseconds(events["at"]),
        *(events[name].tolist() for name in ("client", "contact", "employee", "weight", "talk_seconds", "is_talker")),
        _microseconds(events["expires_at"]),
    )


def _calls_of(events: pd.DataFrame) -> Iterable[Call]:
    tests = events[events["is_test"].astype(bool)]
    columns = ("client", "contact", "employee", "team", "crm_owner", "pbx_id", "linkedid", "call_day")
    return map(Call, _microseconds(tests["at"]), *(tests[name].tolist() for name in columns))


def _microseconds(instants: pd.Series[pd.Timestamp]) -> list[int]:
    """Return instants as numbers; a missing one is never."""
    numbers = instants.astype("datetime64[us, UTC]").astype("int64")
    return numbers.where(instants.notna(), NEVER).tolist()


def _shown(microseconds: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)).isoformat()


def _as_frame(calls: Sequence[Call], predictions: Sequence[Prediction]) -> pd.DataFrame:
    import pandas as pd

    microseconds_per_day = SECONDS_PER_DAY * 1e6
    frame = pd.DataFrame(calls, columns=list(Call._fields))
    pairs = list(zip(calls, predictions, strict=True))
    frame["at"] = pd.to_datetime(frame["at"].astype("int64"), unit="us", utc=True)
    frame["first"] = [guess.ranked[0] if guess.ranked else "" for guess in predictions]
    frame["share"] = pd.Series([guess.share if guess.ranked else math.nan for guess in predictions], dtype="float64")
    frame["has_evidence"] = pd.Series([guess.has_evidence for guess in predictions], dtype="bool")
    frame["rank"] = pd.Series(
        [guess.ranked.index(call.employee) + 1 if call.employee in guess.ranked else math.nan for call, guess in pairs],
        dtype="float64",
    )
    frame["last"] = [guess.last for guess in predictions]
    frame["frequent"] = [guess.frequent for guess in predictions]
    frame["gap_days"] = pd.Series(
        [math.nan if guess.gap is None else guess.gap / microseconds_per_day for guess in predictions], dtype="float64"
    )
    return frame
