"""Why a number is answered as it is: the ranking, each piece of evidence, and why not somebody else.

The evidence is that of now, weighed as the ranking weighs it; where the table that answers was built from
other evidence, the explanation says so.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from assets.routing.rules import RoutingRules
from resources.warehouse.statements import run

PACKAGE = "assets.routing"

_TOLERANCE = 1e-4
_AWAY = {
    "not_employed": "does not work here on that day",
    "excluded": "is excluded from the routing",
    "absent": "is away",
    "holiday": "it is a holiday",
    "off_hours": "it is outside of their working hours",
}


@dataclass(frozen=True)
class Contribution:
    """One piece of evidence and what it adds to its employee's score.

    Attributes:
        kind: call, or as the configuration names it.
        source: the PBX or CRM, with `source_key`, the linkedid or the document.
        source_key: see `source`.
        at: when it was.
        direction: in, out, or empty.
        role: talker, transferrer or author.
        talk_seconds: how long the employee talked.
        weight: what it counted on its day.
        decay: what is left of that at the client's latest interaction, 0..1.
        points: what it adds to the score.
    """

    kind: str
    source: str
    source_key: str
    at: datetime
    direction: str
    role: str
    talk_seconds: int
    weight: float
    decay: float
    points: float


@dataclass(frozen=True)
class Candidate:
    """An employee who is ranked, could answer, or only worked with the client.

    Attributes:
        employee_id: who.
        name: their name.
        extension: the internal number they hold; None where they hold none.
        rank: place in the table that answers; None where they have none.
        score: sum of the contributions.
        share: of all the contributions of employees who can be ranked, 0..1; 0 for who cannot.
        reason: by which rule they stand there; empty without a rank.
        why_not: why the call does not go to them; empty for the responsible.
        contributions: the evidence, the latest first.
    """

    employee_id: str
    name: str
    extension: str | None
    rank: int | None
    score: float
    share: float
    reason: str
    why_not: str
    contributions: list[Contribution]


@dataclass(frozen=True)
class Explanation:
    """Why a number is answered as it is.

    Attributes:
        number: E.164, or as dialled.
        client_id: the party, or `tel:<number>`.
        client_name: its name; None where nobody is known.
        answer: what `switchboard.route` says: responsible, reason, those offered, version, age.
        candidates: the ranked first, then who worked with the client besides.
        notes: what else matters: a table built from other evidence, a stale table, a held version.
    """

    number: str
    client_id: str
    client_name: str | None
    answer: dict[str, Any]
    candidates: list[Candidate]
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return it in types that JSON knows; instants as ISO 8601."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain


def explain_answer(
    connection: Connection, number: str, rules: RoutingRules, business_zone: str, at: datetime | None = None
) -> Explanation:
    """Explain the answer to a number.

    Args:
        connection: inside a transaction.
        number: E.164, or as dialled where it is none.
        rules: by which the table is built.
        business_zone: IANA name.
        at: the moment of the call; None is now.
    """
    at = at or datetime.now(UTC)
    asked = {"number": number, "at": at}
    answer = dict(run(connection, PACKAGE, "select_answer", asked).one()._mapping)
    owner = run(connection, PACKAGE, "select_contact_of_number", asked).one_or_none()
    values = rules.as_values() | {
        "business_zone": business_zone,
        "client_id": answer["client_id"],
        "contact_id": owner.contact_id if owner else "",
    }
    evidence: dict[str, list[Contribution]] = {}
    for row in run(connection, PACKAGE, "explain_contributions", values):
        evidence.setdefault(row.employee_id, []).append(
            Contribution(
                row.kind,
                row.source,
                row.source_key,
                row.at,
                row.direction,
                row.role,
                row.talk_seconds,
                row.weight,
                row.decay,
                row.contribution,
            )
        )
    rows = {row.employee_id: row for row in run(connection, PACKAGE, "select_live_rows", asked)}
    offered = {who["employee_id"]: who for who in [*answer["ranked"], *answer["unavailable"]]}
    wanted = {"at": at, "business_zone": business_zone, "employees": [*{*evidence, *rows, *offered}]}
    people = {row.employee_id: row for row in run(connection, PACKAGE, "select_availability", wanted)}
    scores = {who: sum(each.points for each in evidence.get(who, [])) for who in people}
    total = sum(score for who, score in scores.items() if _can_be_ranked(people[who]))
    candidates = [
        Candidate(
            employee_id=who,
            name=person.name,
            extension=person.extension,
            rank=rows[who].rank if who in rows else None,
            score=scores[who],
            share=scores[who] / total if total and _can_be_ranked(person) else 0,
            reason=rows[who].reason if who in rows else offered.get(who, {}).get("reason", ""),
            why_not=_why_not(who, person, answer, rows.get(who), offered.get(who)),
            contributions=evidence.get(who, []),
        )
        for who, person in people.items()
    ]
    candidates.sort(key=lambda each: (each.rank or len(rows) + 1, -each.score, each.employee_id))
    return Explanation(
        number, answer["client_id"], answer["client_name"], answer, candidates, _notes(answer, rows, scores)
    )


def _can_be_ranked(person: Any) -> bool:  # noqa: ANN401
    return person.unavailable not in ("not_employed", "excluded")


def _why_not(who: str, person: Any, answer: dict[str, Any], row: Any, offer: dict[str, Any] | None) -> str:  # noqa: ANN401
    if who == answer["employee_id"]:
        return ""
    if person.unavailable:
        until = f" until {person.unavailable_until:%Y-%m-%d %H:%M %Z}" if person.unavailable_until else ""
        return _AWAY[person.unavailable] + until
    if person.extension is None:
        return "holds no extension on that day"
    if answer["is_stale"] and row is not None:
        return "the table is stale, so its ranks are left out"
    if row is not None and row.reason == "share_too_small":
        return "nobody's share of the work is large enough to be responsible"
    if row is not None and row.reason == "too_little_evidence":
        return "there is too little evidence to call anybody responsible"
    if row is None and offer is None:
        return "has no place in the table that answers"
    if answer["employee_id"] is None:
        return "no rule makes them responsible"
    return f"{answer['employee_name']} comes first by the rule '{answer['reason']}'"


def _notes(answer: dict[str, Any], rows: dict[str, Any], scores: dict[str, float]) -> list[str]:
    notes = []
    if answer["version"] is None:
        notes.append("Nothing is published yet: every call goes to the queue.")
    elif answer["is_stale"]:
        notes.append("The table was not verified in time: only pins, the CRM's owner and the last talker count.")
    if any(abs(scores.get(who, 0) - row.score) > _TOLERANCE * max(1, row.score) for who, row in rows.items()):
        notes.append(
            f"Version {answer['version']} was built from other evidence than there is now; an update will take it in."
        )
    return notes


def _plain(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, datetime) else value
