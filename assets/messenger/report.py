"""How the work with messages stands, in words and figures for the UI."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assets.messenger.intake import Taken
from assets.messenger.work import Round
from resources.warehouse.connection import Warehouse
from resources.warehouse.statements import run

UNKNOWN_FOR_TOO_LONG_MINUTES = 10


@dataclass(frozen=True)
class SyncReport:
    """What a tick did, and what waits.

    Attributes:
        words: that in a sentence.
        figures: for the assets.
        troubles: what somebody must look at.
        moved: whether anything was taken in or sent, or came to another state.
    """

    words: str
    figures: dict[str, Any]
    troubles: list[str]
    moved: bool


def report_sync(warehouse: Warehouse, taken: Taken, rounds: Mapping[str, Round]) -> SyncReport:
    """Return what a tick did, from what its parts say and what waits in the outbox."""
    with warehouse.transaction() as connection:
        values = {"minutes": UNKNOWN_FOR_TOO_LONG_MINUTES}
        standing = run(connection, "assets.messenger", "count_outbox", values).one()
    outcomes: dict[str, int] = {}
    troubles = []
    for name, done in rounds.items():
        for outcome, count in done.sent.outcomes.items():
            outcomes[outcome] = outcomes.get(outcome, 0) + count
        troubles += [f"{name}: {why}" for why in done.sent.stopped_because.values()]
        troubles += [f"{name}: {done.error}"] if done.error else []
    if standing.unknown_for_long:
        troubles.append(
            f"{standing.unknown_for_long} messages of which nobody knows whether they were sent: decide at /messenger."
        )
    figures: dict[str, Any] = {
        "webhooks taken in": taken.webhooks,
        "incoming": taken.incoming,
        "statuses": taken.statuses,
        "edits and reactions": taken.changes,
        "quarantined": taken.quarantined,
        **{f"sent: {outcome}": count for outcome, count in sorted(outcomes.items())},
        "windows closed while waiting": sum(done.sent.closed_windows for done in rounds.values()),
        "found accepted": sum(done.settled.accepted for done in rounds.values()),
        "found not accepted": sum(done.settled.not_accepted for done in rounds.values()),
        "lost statuses found": sum(done.repaired for done in rounds.values()),
        "outbox: waiting": standing.queued,
        "outbox: oldest waits seconds": standing.oldest_waits_seconds,
        "outbox: unknown": standing.unknown,
        "outbox: needs a template": standing.needs_template,
    }
    moved = bool(
        taken.webhooks
        or outcomes
        or any(done.sent.lost or done.sent.closed_windows or done.repaired for done in rounds.values())
        or any(done.settled.accepted or done.settled.not_accepted for done in rounds.values())
    )
    sent = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items())) or "none"
    words = f"Webhooks taken in: {taken.webhooks}; sent: {sent}; waiting: {standing.queued}"
    if standing.unknown:
        words += f"; unknown outcome: {standing.unknown}"
    if standing.needs_template:
        words += f"; need a template: {standing.needs_template}"
    return SyncReport(". ".join([words, *troubles]).rstrip(".") + ".", figures, troubles, moved)
