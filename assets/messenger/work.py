"""One round of the messengers' work: take in what came, find out what is not known, send what is due.

The sensor's tick does it, and the gateway, which does not wait for a tick. Both may do it at once.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field

from assets.messenger.intake import Intake, Taken
from assets.messenger.rules import Messenger, MessengerAccount, Messengers
from assets.messenger.sender import Sender, Sent
from assets.messenger.settle import Settled, repair_statuses, settle_unknown
from resources.messengers.exchange import MessengerError
from resources.warehouse.connection import Warehouse
from resources.warehouse.statements import run

_HERE = "assets.messenger"
_log = logging.getLogger(__name__)

SWITCH = "messenger_sync"


@dataclass
class Round:
    """What a round did for an account.

    Attributes:
        sent: what became of what was due.
        settled: what was found out.
        repaired: statuses whose webhooks were lost.
        error: why the provider could not be asked; '' where it could.
    """

    sent: Sent = field(default_factory=Sent)
    settled: Settled = field(default_factory=Settled)
    repaired: int = 0
    error: str = ""


def make_intake(warehouse: Warehouse, messengers: Messengers) -> Intake:
    """Return what takes webhooks in."""
    names = {account.number_id: name for name, account in messengers.accounts.items()}
    return Intake(warehouse, names, messengers.rules, messengers.read)


def take_in(warehouse: Warehouse, messengers: Messengers, is_over: Callable[[], bool] = lambda: False) -> Taken:
    """Take in what came.

    Raises:
        sqlalchemy.exc.OperationalError: the warehouse cannot be asked; what waits goes on waiting.
    """
    return make_intake(warehouse, messengers).take(is_over)


def send_due(
    warehouse: Warehouse, messengers: Messengers, is_over: Callable[[], bool], *, repairs: bool = False
) -> dict[str, Round]:
    """Send what is due by each account that may send; an account that fails holds no other up.

    Args:
        warehouse: where the outbox is.
        messengers: the accounts.
        is_over: whether no further message is to be taken in hand.
        repairs: whether statuses are asked for whose webhooks were lost, and templates are listed anew.

    Raises:
        sqlalchemy.exc.OperationalError: the warehouse cannot be asked.
    """
    sending = {name: account for name, account in messengers.accounts.items() if account.sends}
    if not sending:
        return {}
    with ThreadPoolExecutor(len(sending), thread_name_prefix="messenger") as threads:
        rounds = {
            name: threads.submit(_round, warehouse, messengers, name, account, is_over, repairs)
            for name, account in sending.items()
        }
    return {name: each.result() for name, each in rounds.items()}


def _round(
    warehouse: Warehouse,
    messengers: Messengers,
    name: str,
    account: MessengerAccount,
    is_over: Callable[[], bool],
    repairs: bool,
) -> Round:
    done = Round()
    with warehouse.transaction() as connection:
        done.sent.lost = run(connection, _HERE, "release_leases", {"accounts": [name]}).scalar_one()
        done.sent.closed_windows = run(connection, _HERE, "close_windows", {"accounts": [name]}).scalar_one()
        work = run(connection, _HERE, "count_work", {"account": name}).one()
    if work.due or work.unknown or repairs:
        with account.open() as messenger:
            if work.due:
                sender = Sender(warehouse, name, account, messengers.media_folder)
                done.sent.outcomes = sender.send_due(messenger, is_over)
            try:
                if work.unknown:
                    done.settled = settle_unknown(warehouse, name, messenger, account.pace)
                if repairs:
                    done.repaired = repair_statuses(warehouse, name, messenger)
                    _store_templates(warehouse, name, messenger)
            except MessengerError as error:
                done.error = str(error)
                _log.warning("What '%s' sent, or may send, could not be read: %s", name, error)
    with warehouse.transaction() as connection:
        left = run(connection, _HERE, "count_work", {"account": name}).one()
    done.sent.waiting = left.waiting
    if left.blocked_because:
        done.sent.stopped_because[name] = left.blocked_because
    return done


def _store_templates(warehouse: Warehouse, account: str, messenger: Messenger) -> None:
    templates = json.dumps([asdict(template) for template in messenger.templates()])
    with warehouse.transaction() as connection:
        run(connection, _HERE, "store_templates", {"account": account, "templates": templates})
