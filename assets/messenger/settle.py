"""What became of messages when no answer and no webhook told it: asked of the provider's own list."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from assets.messenger.intake import status_row, store_statuses
from assets.messenger.rules import Messenger, SendingPace
from resources.messengers.exchange import Delivery
from resources.warehouse.connection import Warehouse
from resources.warehouse.statements import run

_HERE = "assets.messenger"

CLOCK_SLACK = timedelta(seconds=60)
REPAIRED_HOURS = 24


@dataclass
class Settled:
    """What was found out about requests whose outcome nobody knew.

    Attributes:
        accepted: the provider had taken them.
        not_accepted: it had not.
        left_open: nobody knows yet; somebody may decide.
    """

    accepted: int = 0
    not_accepted: int = 0
    left_open: int = 0


def settle_unknown(warehouse: Warehouse, account: str, messenger: Messenger, pace: SendingPace) -> Settled:
    """Find out about requests of which nobody knows the outcome.

    Raises:
        MessengerError: the provider cannot be asked; nothing is settled then.
    """
    values: dict[str, Any] = {"account": account, "settle_after_seconds": pace.settle_after_seconds}
    with warehouse.transaction() as connection:
        attempts = run(connection, _HERE, "select_unknown_attempts", values).all()
    if not attempts:
        return Settled()
    since_at = min(attempt.begun_at for attempt in attempts) - CLOCK_SLACK
    until_at = max(attempt.ended_at for attempt in attempts) + CLOCK_SLACK
    deliveries = list(messenger.taken_between(since_at, until_at))
    values |= {
        "attempts": json.dumps([{"attempt_id": str(attempt.attempt_id)} for attempt in attempts]),
        "listed": json.dumps(
            [
                {
                    "message_id": delivery.message_id,
                    "at": min(each.occurred_at for each in delivery.statuses).isoformat(),
                }
                for delivery in deliveries
                if delivery.statuses
            ]
        ),
        "slack": CLOCK_SLACK.total_seconds(),
        "resends": pace.resends_what_was_not_taken,
    }
    with warehouse.transaction() as connection:
        told = run(connection, _HERE, "settle_attempts", values).one()
    with warehouse.transaction() as connection:
        _store(connection, account, deliveries)
    return Settled(told.accepted, told.not_accepted, told.left_open)


def repair_statuses(warehouse: Warehouse, account: str, messenger: Messenger) -> int:
    """Ask for statuses whose webhooks were lost, of the last day; return how many were new.

    Raises:
        MessengerError: the provider cannot be asked.
    """
    with warehouse.transaction() as connection:
        values = {"account": account, "hours": REPAIRED_HOURS}
        unfinished = run(connection, _HERE, "select_unfinished", values).one()
    if not unfinished.messages:
        return 0
    deliveries = list(messenger.taken_between(unfinished.since_at - CLOCK_SLACK, datetime.now(UTC)))
    with warehouse.transaction() as connection:
        return _store(connection, account, deliveries)


def _store(connection: Any, account: str, deliveries: list[Delivery]) -> int:  # noqa: ANN401
    rows = [status_row(account, status) for delivery in deliveries for status in delivery.statuses]
    return store_statuses(connection, rows, "history") if rows else 0
