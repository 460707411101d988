"""The outbox out: each message claimed by one sender, its attempt written before the request, its outcome after it.

A request whose outcome nobody knows is never simply repeated: `assets.messenger.settle` finds it out, or somebody
decides.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection

from assets.messenger.rules import Messenger, MessengerAccount
from resources.messengers.exchange import (
    Accepted,
    NotSentError,
    OutcomeUnknownError,
    Outgoing,
    RefusalClass,
    RefusedError,
    TemplateUse,
)
from resources.messengers.items import Kind, Person
from resources.warehouse.connection import Warehouse, on_deadlock_again
from resources.warehouse.statements import run

_HERE = "assets.messenger"
_log = logging.getLogger(__name__)

LONGEST_RETRY_SECONDS = 300.0
_SLOW_ACCOUNT_SECONDS = 120.0
_STOPPED_SECONDS = 300.0
_NUISANCE_SECONDS = 4 * 3600.0
_UNREACHABLE_SECONDS = 60.0


@dataclass
class Sent:
    """What became of the messages that were in hand.

    Attributes:
        outcomes: accepted, refused, unknown, unreachable: how many requests ended so.
        closed_windows: messages whose 24 hours ended while they waited.
        lost: messages that a dead sender had in hand.
        waiting: still in the outbox.
        stopped_because: by account: why nothing can be sent until somebody mends it.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    closed_windows: int = 0
    lost: int = 0
    waiting: int = 0
    stopped_because: dict[str, str] = field(default_factory=dict)


class Sender:
    """Sends what waits for one account.

    Args:
        warehouse: where the outbox is.
        name: of the account.
        account: how it is sent to.
        media_folder: where files are kept, by their hash.
    """

    def __init__(self, warehouse: Warehouse, name: str, account: MessengerAccount, media_folder: Path) -> None:
        self._warehouse = warehouse
        self._name = name
        self._account = account
        self._media_folder = media_folder
        self._counting = threading.Lock()

    def send_due(self, messenger: Messenger, is_over: Callable[[], bool]) -> Counter[str]:
        """Send what may be sent now; return how many requests ended how.

        Args:
            messenger: the account's connection.
            is_over: whether no further message is to be taken in hand.

        Raises:
            sqlalchemy.exc.OperationalError: the warehouse cannot be asked. What was in hand is found by its lease.
        """
        outcomes: Counter[str] = Counter()
        with ThreadPoolExecutor(self._account.pace.parallel, thread_name_prefix="sender") as threads:
            working = [
                threads.submit(self._work, messenger, is_over, outcomes) for _ in range(self._account.pace.parallel)
            ]
        for each in working:
            each.result()
        return outcomes

    def _work(self, messenger: Messenger, is_over: Callable[[], bool], outcomes: Counter[str]) -> None:
        with self._warehouse.engine.connect() as connection:
            while not is_over():
                attempt = str(uuid4())
                claimed = self._claim(connection, attempt)
                if claimed is None:
                    break
                outcome = self._send(connection, messenger, attempt, claimed)
                with self._counting:
                    outcomes[outcome] += 1

    @on_deadlock_again
    def _claim(self, connection: Connection, attempt: str) -> Any:  # noqa: ANN401
        values = {"account": self._name, "attempt": attempt} | asdict(self._account.pace)
        with connection.begin():
            return run(connection, _HERE, "claim_message", values).first()

    def _send(self, connection: Connection, messenger: Messenger, attempt: str, claimed: Any) -> str:  # noqa: ANN401
        try:
            accepted = messenger.send(self._outgoing(connection, messenger, claimed), attempt)
        except NotSentError as error:
            self._note_refused(connection, attempt, "not_sent", "queued", error=str(error))
            self._block(connection, 0, str(error), base=2, longest=_UNREACHABLE_SECONDS)
            return "unreachable"
        except OutcomeUnknownError as error:
            self._note(connection, "note_unknown", attempt=attempt, error=str(error))
            return "unknown"
        except RefusedError as error:
            self._refused(connection, attempt, claimed, error)
            return "refused"
        except Exception as error:
            # What is not foreseen says nothing about whether the request left.
            self._note(
                connection, "note_unknown", attempt=attempt, error=f"Something unforeseen: {type(error).__name__}."
            )
            _log.exception("Sending message %s of the outbox ended unforeseen.", claimed.outbox_id)
            return "unknown"
        self._accepted(connection, attempt, claimed.chat_id, accepted)
        return "accepted"

    def _outgoing(self, connection: Connection, messenger: Messenger, claimed: Any) -> Outgoing:  # noqa: ANN401
        media_id = claimed.media_id
        if claimed.sha256 and not media_id:
            file = media_path(self._media_folder, claimed.sha256)
            if not file.exists():
                raise RefusedError("The file to be sent is no longer kept here.", RefusalClass.PERMANENT)
            try:
                media_id = messenger.upload_media(file, claimed.mime_type, claimed.file_name)
            except OutcomeUnknownError as error:
                # A file handed over twice is seen by nobody: the message itself has not been sent.
                raise RefusedError(str(error), RefusalClass.RETRY) from None
            self._note(connection, "note_uploaded", media_id=media_id, outbox_id=claimed.outbox_id)
        template = None
        if claimed.kind == Kind.TEMPLATE:
            template = TemplateUse(claimed.template_name, claimed.template_language, claimed.template_values)
        return Outgoing(
            person=Person(
                wa_id=claimed.wa_id,
                user_id=claimed.user_id,
                number=claimed.number or (f"+{claimed.wa_id}" if claimed.wa_id else ""),
            ),
            kind=Kind(claimed.kind),
            text=claimed.text,
            template=template,
            media_id=media_id,
            file_name=claimed.file_name,
            reply_to_id=claimed.reply_to_id,
        )

    def _accepted(self, connection: Connection, attempt: str, chat_id: int, accepted: Accepted) -> None:
        self._note(
            connection,
            "note_accepted",
            account=self._name,
            chat=chat_id,
            attempt=attempt,
            message_id=accepted.message_id,
            wa_id=accepted.wa_id,
        )

    def _refused(self, connection: Connection, attempt: str, claimed: Any, error: RefusedError) -> None:  # noqa: ANN401
        wait_seconds, state, counts = 0.0, "queued", False
        match error.refusal:
            case RefusalClass.RETRY:
                counts = True
                wait_seconds = error.wait_seconds or min(2.0 ** (claimed.tries + 1), LONGEST_RETRY_SECONDS)
                if claimed.tries + 1 >= self._account.pace.most_tries:
                    state = "failed"
            case RefusalClass.NEEDS_TEMPLATE:
                state = "needs_template"
            case RefusalClass.PERMANENT:
                state = "failed"
            case RefusalClass.SLOW_PAIR:
                self._block(connection, claimed.chat_id, str(error), base=4, wait_seconds=error.wait_seconds)
            case RefusalClass.SLOW_NUMBER:
                self._block(connection, 0, str(error), base=2, wait_seconds=error.wait_seconds)
            case RefusalClass.SLOW_ACCOUNT:
                self._block(connection, 0, str(error), wait_seconds=error.wait_seconds or _SLOW_ACCOUNT_SECONDS)
            case RefusalClass.STOP:
                self._block(connection, 0, str(error), wait_seconds=_STOPPED_SECONDS, stopped=True)
            case RefusalClass.STOP_FOR_HOURS:
                self._block(connection, 0, str(error), wait_seconds=_NUISANCE_SECONDS, stopped=True)
        self._note_refused(
            connection, attempt, "refused", state, str(error), code=error.code, wait_seconds=wait_seconds, counts=counts
        )

    def _note_refused(
        self,
        connection: Connection,
        attempt: str,
        outcome: str,
        state: str,
        error: str,
        *,
        code: int | None = None,
        wait_seconds: float = 0.0,
        counts: bool = False,
    ) -> None:
        self._note(
            connection,
            "note_refused",
            attempt=attempt,
            outcome=outcome,
            state=state,
            error=error,
            code=code,
            wait_seconds=wait_seconds,
            counts=counts,
        )

    def _block(
        self,
        connection: Connection,
        chat_id: int,
        because: str,
        *,
        base: float = 2,
        longest: float = 1000.0,
        wait_seconds: float | None = None,
        stopped: bool = False,
    ) -> None:
        self._note(
            connection,
            "block_sending",
            account=self._name,
            chat=chat_id,
            because=because,
            base=base,
            longest=longest,
            wait_seconds=wait_seconds,
            stopped=stopped,
        )

    @on_deadlock_again
    def _note(self, connection: Connection, name: str, **values: object) -> None:
        with connection.begin():
            run(connection, _HERE, name, values)


def media_path(folder: Path, sha256: str) -> Path:
    """Return where a file is kept: below the first two digits of its hash, so that no folder grows too large."""
    return folder / sha256[:2] / sha256
