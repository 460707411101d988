"""Which version of the routing table answers: publication, verification, roll-back.

A version goes live by one change of one row, `published_routing`; its rows stand already. Every decision
is kept in `routing_publications`. Whoever decides holds that row, so that two never decide at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, func, select
from sqlalchemy.dialects.postgresql import insert

from assets.routing.policy import AnswerPolicy, PublicationRules
from assets.routing.staleness import stale_at
from resources.warehouse.connection import Warehouse
from resources.warehouse.statements import run
from resources.warehouse.tables import published_routing, routing_publications, routing_versions

PACKAGE = "assets.routing"
SAMPLE_ROWS = 20

Decision = Literal["nothing", "verified", "held", "published", "approved", "stopped"]


class PublicationError(Exception):
    """What was asked for cannot go live; the text says why and what to do."""


@dataclass(frozen=True)
class Diff:
    """What a publication changes, in clients with a responsible.

    Attributes:
        clients_before: how many there are.
        changed: get another one.
        lost: get none any more.
        gained: get one who had none.
        employees: by employee: `employee_id`, `name`, `gains`, `loses`, the most concerned first.
        some: examples: `client_id`, `party_name`, `from_name`, `to_name`.
    """

    clients_before: int = 0
    changed: int = 0
    lost: int = 0
    gained: int = 0
    employees: list[dict[str, Any]] = field(default_factory=list)
    some: list[dict[str, Any]] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Share of the clients who lose the responsible they have, 0..1."""
        return (self.changed + self.lost) / self.clients_before if self.clients_before else 0

    def as_json(self) -> dict[str, Any]:
        """Return it as `routing_publications.diff` keeps it."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True)
class Publication:
    """What came of a look at the newest version.

    Attributes:
        decision: `nothing` is built; the newest is `verified` as live; `held` after a roll-back; `published`; or
            `approved` by a person; or `stopped`: the live one stays.
        version: the newest version; None where none is built.
        live_version: the one that answers now.
        reason: why it was stopped or is held.
        diff: what it changes against the one that answered before.
    """

    decision: Decision
    version: int | None = None
    live_version: int | None = None
    reason: str = ""
    diff: Diff = field(default_factory=Diff)


@dataclass(frozen=True)
class Live:
    """What answers now, and what waits."""

    version: int | None
    newest: int | None
    held_since: datetime | None
    stopped_reason: str | None

    @property
    def has_news(self) -> bool:
        """Whether a version waits about which nothing was decided yet."""
        return self.newest not in (None, self.version) and not self.held_since and self.stopped_reason is None


def publish(
    warehouse: Warehouse,
    rules: PublicationRules,
    policy: AnswerPolicy,
    *,
    is_approved: bool = False,
    objection: str = "",
) -> Publication:
    """Let the newest version go live, if it is fit and changes no more than it may; else verify the live one.

    Args:
        warehouse: where the tables are.
        rules: how much may change.
        policy: goes live with it.
        is_approved: a person has seen the diff and wants it.
        objection: why the table should stay back, for a reason found elsewhere; empty is none.
    """
    with warehouse.transaction() as connection:
        newest = _newest(connection)
        live = _hold(connection)
        if newest is None:
            return Publication("nothing")
        if live is not None and live.version == newest:
            return _verified("verified", connection, rules, policy, live, newest)
        if live is not None and live.held_since and not is_approved:
            held = f"Rolled back to version {live.version}: {live.held_reason}"
            return _verified("held", connection, rules, policy, live, newest, held)
        former = live.version if live else None
        diff = compare(connection, former, newest)
        reason = _unfit(connection, newest, policy) or ("" if is_approved else _too_much(diff, rules) or objection)
        if reason:
            if _stopped(connection, newest) != reason:
                _note(connection, newest, former, "stopped", reason, diff)
            if live is not None:
                _verify(connection, rules, policy, live.version)
            return Publication("stopped", newest, former, reason, diff)
        _switch(connection, newest, former, rules, policy)
        decision: Decision = "approved" if is_approved else "published"
        _note(connection, newest, former, decision, "", diff)
        return Publication(decision, newest, newest, diff=diff)


def verify(warehouse: Warehouse, rules: PublicationRules, policy: AnswerPolicy) -> int | None:
    """Note that the live version is what should be live; return it, or None where nothing is."""
    with warehouse.transaction() as connection:
        live = _hold(connection)
        if live is None:
            return None
        _verify(connection, rules, policy, live.version)
        return int(live.version)


def look(warehouse: Warehouse) -> Live:
    """Tell what answers now, and whether a newer version waits."""
    with warehouse.transaction() as connection:
        live = connection.execute(select(published_routing)).one_or_none()
        newest = _newest(connection)
        return Live(
            version=live.version if live else None,
            newest=newest,
            held_since=live.held_since if live else None,
            stopped_reason=_stopped(connection, newest) if newest else None,
        )


def roll_back(
    warehouse: Warehouse, rules: PublicationRules, reason: str, version: int | None = None
) -> tuple[int, int, Diff]:
    """Let a former version answer again; nothing else goes live until it is released.

    Args:
        warehouse: where the tables are.
        rules: for how long it is good.
        reason: why, for people.
        version: which; None is the one that answered before.

    Returns:
        (version that answered, version that answers now, what that changes).

    Raises:
        PublicationError: there is no such version any more.
    """
    with warehouse.transaction() as connection:
        live = _hold(connection)
        if live is None:
            raise PublicationError("Nothing is published yet, so there is nothing to go back from.")
        wanted = live.previous_version if version is None else version
        if wanted is None:
            raise PublicationError(
                f"Version {live.version} is the first that was published. Name one: switchboard rollback --to VERSION."
            )
        _check_kept(connection, wanted)
        diff = compare(connection, live.version, wanted)
        connection.execute(
            published_routing.update().values(
                version=wanted,
                previous_version=live.version,
                published_at=func.now(),
                held_since=func.now(),
                held_reason=reason,
                **_good_for(rules, live.policy["zone"]),
            )
        )
        _note(connection, wanted, live.version, "rolled_back", reason, diff)
        return live.version, wanted, diff


def release(warehouse: Warehouse) -> int:
    """Let versions go live by themselves again; return the one that answers.

    Raises:
        PublicationError: nothing is held.
    """
    with warehouse.transaction() as connection:
        live = _hold(connection)
        if live is None or live.held_since is None:
            raise PublicationError("Nothing is held: the newest version goes live with the next update.")
        connection.execute(published_routing.update().values(held_since=None, held_reason=None))
        _note(connection, live.version, live.version, "released", "", Diff())
        return int(live.version)


def compare(connection: Connection, former: int | None, version: int) -> Diff:
    """Return what changes if `version` takes the place of `former`."""
    values = {"from_version": former, "to_version": version}
    return Diff(*run(connection, PACKAGE, "select_publication_diff", values).one())


def _newest(connection: Connection) -> int | None:
    newest: int | None = connection.execute(select(func.max(routing_versions.c.version))).scalar_one()
    return newest


def _hold(connection: Connection) -> Row[Any] | None:
    return connection.execute(select(published_routing).with_for_update()).one_or_none()


def _unfit(connection: Connection, version: int, policy: AnswerPolicy) -> str:
    values = {"version": version, "business_zone": policy.zone}
    problems = run(connection, PACKAGE, "select_unfit_rows", values).fetchmany(SAMPLE_ROWS)
    if not problems:
        return ""
    kinds = sorted({row.problem for row in problems})
    return f"Version {version} is broken and cannot be approved: {'; '.join(kinds)}. Materialise routing_table."


def _too_much(diff: Diff, rules: PublicationRules) -> str:
    if diff.clients_before < rules.guarded_from or diff.share <= rules.largest_change:
        return ""
    return (
        f"{diff.changed} clients would get another responsible and {diff.lost} would have none any more: "
        f"{diff.share:.0%} of {diff.clients_before}; at most {rules.largest_change:.0%} may change at once. If this "
        "is meant, materialise published_routing with 'approve: true'; the former table answers until then."
    )


def _stopped(connection: Connection, version: int) -> str | None:
    """The reason for which this version was stopped, if that is the last that was decided about it."""
    last = connection.execute(
        select(routing_publications.c.decision, routing_publications.c.reason)
        .where(routing_publications.c.version == version)
        .order_by(routing_publications.c.publication_id.desc())
        .limit(1)
    ).one_or_none()
    return last.reason if last is not None and last.decision == "stopped" else None


def _verified(
    decision: Decision,
    connection: Connection,
    rules: PublicationRules,
    policy: AnswerPolicy,
    live: Row[Any],
    newest: int,
    reason: str = "",
) -> Publication:
    _verify(connection, rules, policy, live.version)
    return Publication(decision, newest, live.version, reason)


def _verify(connection: Connection, rules: PublicationRules, policy: AnswerPolicy, version: int) -> None:
    connection.execute(
        published_routing.update()
        .where(published_routing.c.version == version)
        .values(policy=policy.as_json(), **_good_for(rules, policy.zone))
    )


def _switch(
    connection: Connection, version: int, former: int | None, rules: PublicationRules, policy: AnswerPolicy
) -> None:
    values = {
        "version": version,
        "previous_version": former,
        "published_at": func.now(),
        "held_since": None,
        "held_reason": None,
        "policy": policy.as_json(),
        **_good_for(rules, policy.zone),
    }
    connection.execute(
        insert(published_routing)
        .values(name="live", **values)
        .on_conflict_do_update(index_elements=["name"], set_=values)
    )


def _good_for(rules: PublicationRules, zone: str) -> dict[str, datetime]:
    now = datetime.now(UTC)
    return {"verified_at": now, "stale_at": stale_at(now, rules.stale_after_seconds, rules.window, zone)}


def _check_kept(connection: Connection, version: int) -> None:
    # Versions whose rows are deleted in part are themselves deleted; see the housekeeping.
    known = select(routing_versions.c.version).where(routing_versions.c.version == version)
    if connection.execute(known).one_or_none() is None:
        raise PublicationError(
            f"Version {version} is not kept. Those that are stand in table routing_versions; "
            "see 'switchboard sql \"TABLE routing_versions\"'."
        )


def _note(connection: Connection, version: int, former: int | None, decision: str, reason: str, diff: Diff) -> None:
    connection.execute(
        routing_publications.insert().values(
            version=version, from_version=former, decision=decision, reason=reason, diff=diff.as_json()
        )
    )
