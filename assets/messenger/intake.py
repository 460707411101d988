"""Webhooks of messengers into messages, statuses and chats: each part once, however often and in whatever order.

The gateway stores a webhook and answers; this works on what is stored. What it is given twice changes nothing, so it
may be broken off anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.exc import DataError, IntegrityError

from assets.messenger.rules import ChatRules
from resources.messengers.items import Change, Item, Message, NumberChange, Reaction, Status, Trouble, Unreadable
from resources.warehouse.connection import Warehouse, on_deadlock_again
from resources.warehouse.statements import run

LOCK = "intake of messages"
PORTION = 200
MEDIA_DAYS = 7
"""For how long WhatsApp keeps a file that a webhook told of (protocol page A9)."""

_HERE = "assets.messenger"

Reader = Callable[[bytes], Sequence[tuple[str, Item]]]
"""Reads a webhook's body into its parts, each with the provider's id of our number that it is of."""


@dataclass
class Taken:
    """What was taken in.

    Attributes:
        webhooks: how many.
        incoming: new messages of clients.
        echoes: new messages that we wrote past the outbox.
        statuses: new statuses.
        changes: edits, withdrawals and reactions.
        quarantined: parts that could not be taken.
    """

    webhooks: int = 0
    incoming: int = 0
    echoes: int = 0
    statuses: int = 0
    changes: int = 0
    quarantined: int = 0


@dataclass
class _Parts:
    """What webhooks hold, sorted by what becomes of it; rows as the statements take them."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    people: list[dict[str, Any]] = field(default_factory=list)
    number_changes: list[dict[str, Any]] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    reactions: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)


class Intake:
    """Takes in what waits.

    Args:
        warehouse: where it waits, and goes.
        accounts: name of each account by the provider's id of its number.
        rules: how chats find who answers them.
        read: reads a webhook.
    """

    def __init__(self, warehouse: Warehouse, accounts: Mapping[str, str], rules: ChatRules, read: Reader) -> None:
        self._warehouse = warehouse
        self._accounts = accounts
        self._read = read
        self._values = {
            "rules": json.dumps(
                [
                    {
                        "position": position,
                        "name": rule.name,
                        "account": rule.account,
                        "keywords": list(rule.keywords),
                        "employees": list(rule.employees),
                        "departments": list(rule.departments),
                    }
                    for position, rule in enumerate(rules.rules)
                ]
            ),
            "returns_to_owner": rules.returns_to_owner,
            "zone": rules.zone,
            "media_days": MEDIA_DAYS,
        }

    def take(self, is_over: Callable[[], bool] = lambda: False) -> Taken:
        """Take in all webhooks that wait, or what comes before `is_over` says to end.

        Raises:
            sqlalchemy.exc.OperationalError: the warehouse cannot be asked; what waits goes on waiting.
        """
        total, after = Taken(), 0
        while not is_over():
            last = self._take_portion(PORTION, total, after)
            if last is None:
                break
            after = last
        return total

    @on_deadlock_again
    def _take_portion(self, portion: int, total: Taken, after: int) -> int | None:
        """Take in some; return the last webhook's id, None where none wait."""
        try:
            with self._warehouse.transaction() as connection:
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (LOCK,))
                waiting = run(connection, _HERE, "select_waiting_webhooks", {"portion": portion, "after": after}).all()
                if not waiting:
                    return None
                taken = self._store(connection, self._sorted(waiting))
                taken.webhooks = len(waiting)
                webhooks = [row.webhook_id for row in waiting]
                run(connection, _HERE, "note_taken_webhooks", {"webhooks": webhooks})
        except (DataError, IntegrityError) as error:
            # Something in it no database takes: one by one, the others get in.
            if portion > 1:
                last = None
                for _ in range(portion):
                    one = self._take_portion(1, total, after if last is None else last)
                    if one is None:
                        break
                    last = one
                return last
            return self._set_aside(after, error, total)
        for name, value in vars(taken).items():
            setattr(total, name, getattr(total, name) + value)
        return int(webhooks[-1])

    def _set_aside(self, after: int, error: DataError | IntegrityError, total: Taken) -> int | None:
        """Quarantine the next webhook whole."""
        with self._warehouse.transaction() as connection:
            waiting = run(connection, _HERE, "select_waiting_webhooks", {"portion": 1, "after": after}).first()
            if waiting is None:
                return None
            row = _refused(
                waiting.account,
                f"The warehouse does not take it ({type(error.orig).__name__}).",
                waiting.body.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}"),
            )
            run(connection, _HERE, "quarantine_parts", {"refused": json.dumps([row])})
            run(connection, _HERE, "note_taken_webhooks", {"webhooks": [waiting.webhook_id]})
        total.webhooks += 1
        total.quarantined += 1
        return int(waiting.webhook_id)

    def _sorted(self, waiting: Sequence[Any]) -> _Parts:
        parts = _Parts()
        for webhook in waiting:
            for number_id, item in self._read(bytes(webhook.body)):
                account = self._accounts.get(number_id)
                if isinstance(item, Unreadable):
                    raw = item.raw if isinstance(item.raw, str) else json.dumps(item.raw, ensure_ascii=False)
                    parts.refused.append(_refused(webhook.account, f"{item.where}: {item.reason}", raw))
                elif isinstance(item, Trouble):
                    raw = json.dumps(item.raw, ensure_ascii=False)
                    words = f"The provider tells of an error that belongs to no message: {item.code} {item.text}"
                    parts.refused.append(_refused(account or webhook.account, words, raw))
                elif account is None:
                    words = f"No account in the settings has the number id {number_id}."
                    parts.refused.append(
                        _refused(webhook.account, words, json.dumps(dict(item.raw), ensure_ascii=False))
                    )
                else:
                    _sort(item, account, parts)
        return parts

    def _store(self, connection: Connection, parts: _Parts) -> Taken:
        taken = Taken(
            quarantined=len(parts.refused),
            changes=len(parts.changes) + len(parts.reactions) + len(parts.number_changes),
        )
        if parts.statuses:
            # First: a sender that notes an outcome locks its message before the chat, as this does.
            taken.statuses = store_statuses(connection, parts.statuses, "webhook")
        if parts.number_changes:
            # Who wrote under the old number must be known before the change, and be asked for anew after it.
            run(connection, _HERE, "note_people", {"people": json.dumps(parts.people)})
            run(connection, _HERE, "change_numbers", {"changes": json.dumps(parts.number_changes)})
        if parts.messages:
            told = {"messages": json.dumps(parts.messages), "people": json.dumps(parts.people)}
            run(connection, _HERE, "gather_messages", told)
            run(connection, _HERE, "open_chats")
            counts = run(connection, _HERE, "store_messages", self._values).one()
            taken.incoming, taken.echoes = counts.incoming, counts.outgoing
            run(connection, _HERE, "store_message_parts", self._values)
            connection.exec_driver_sql("DROP TABLE told_messages")
        if parts.changes:
            run(connection, _HERE, "store_changes", {"changes": json.dumps(parts.changes)} | self._values)
        if parts.reactions:
            run(connection, _HERE, "store_reactions", {"reactions": json.dumps(parts.reactions)})
        touched = [
            {"account": row["account"], "message_id": row["message_id"]} for row in parts.changes + parts.reactions
        ]
        if touched:
            run(connection, _HERE, "touch_chats", {"touched": json.dumps(touched)})
        if parts.refused:
            run(connection, _HERE, "quarantine_parts", {"refused": json.dumps(parts.refused)})
        return taken


def store_statuses(connection: Connection, rows: Sequence[Mapping[str, Any]], told_by: str) -> int:
    """Store statuses, as `status_row` makes them, and settle the attempts they bring back; return how many were new."""
    values = {"statuses": json.dumps(rows), "told_by": told_by}
    stored: int = run(connection, _HERE, "store_statuses", values).one().stored
    touched = [{"account": row["account"], "message_id": row["message_id"]} for row in rows]
    run(connection, _HERE, "touch_chats", {"touched": json.dumps(touched)})
    return stored


def status_row(account: str, status: Status) -> dict[str, Any]:
    """Return a status as the statement takes it."""
    return {
        "account": account,
        "message_id": status.message_id,
        "status": status.status,
        "occurred_at": status.occurred_at.isoformat(),
        "attempt_id": _uuid(status.attempt_id),
        "error_code": status.error_code,
        "error_text": status.error_text,
        "raw": status.raw,
    }


def _sort(item: Item, account: str, parts: _Parts) -> None:
    match item:
        case Message():
            place = len(parts.messages)
            row = asdict(item) | {"place": place, "account": account, "sent_at": item.sent_at.isoformat()}
            del row["person"]
            parts.messages.append(row)
            parts.people.append({"place": place, "seen_at": item.sent_at.isoformat()} | asdict(item.person))
        case Change():
            row = asdict(item) | {"account": account, "changed_at": item.changed_at.isoformat()}
            del row["person"]
            parts.changes.append(row)
        case Reaction():
            row = asdict(item) | {"account": account, "reacted_at": item.reacted_at.isoformat()}
            del row["person"]
            parts.reactions.append(row)
        case Status():
            parts.statuses.append(status_row(account, item))
        case NumberChange():
            parts.number_changes.append(
                {
                    "wa_id": item.old.wa_id,
                    "user_id": item.old.user_id,
                    "new_wa_id": item.new.wa_id,
                    "new_user_id": item.new.user_id,
                    "new_number": item.new.number,
                    "seen_at": item.changed_at.isoformat(),
                }
            )


def _uuid(text: str) -> str | None:
    """Return a UUID in its usual form; None where the text is none, so the message was sent by another program."""
    try:
        return str(UUID(text))
    except ValueError:
        return None


def _refused(account: str, reason: str, raw: str) -> dict[str, str]:
    return {"source": f"messenger {account}", "reason": reason, "raw": raw}
