"""What truly happened: every accepted message once, its statuses, and everything told by webhook."""

from __future__ import annotations

import base64
import random
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from simulators.whatsapp.people import Person

RANKS = ("accepted", "sent", "delivered", "read", "played")
"""Statuses only move forward; `failed` holds unless delivered or read proves otherwise."""


class UpdateState(StrEnum):
    """How far an update got, as `message_history` names it."""

    pending = "PENDING"
    retrying = "RETRYING"
    delivered = "DELIVERED"
    failed = "FAILED"


@dataclass(eq=False)
class Update:
    """One thing told by webhook.

    Attributes:
        field: of the subscription.
        key: under which it stands in `value`: messages, statuses, message_echoes, errors.
        item: what stands there.
        contact: who it is about; none with system messages.
        state: whether it arrived.
        deliveries: how often it was answered with 200.
    """

    field: str
    key: str
    item: dict[str, Any]
    contact: dict[str, Any] | None = None
    state: UpdateState = UpdateState.pending
    deliveries: int = 0


@dataclass(frozen=True, eq=False)
class StatusEvent:
    """A status of a message: `at` in seconds since 1970; `update` shows whether it arrived."""

    status: str
    at: float
    update: Update
    error_code: int | None = None


@dataclass(eq=False)
class SentMessage:
    """A message we were asked to send, and accepted.

    Attributes:
        wamid: its id.
        number: how many were accepted before it, and one.
        person: the recipient.
        to: the recipient as the request had it.
        kind: text, template, image, …
        body: the whole request.
        accepted_at: in seconds since 1970.
        is_answered: whether the caller was told the wamid.
        statuses: what became of it, in order of time; some may lie ahead.
    """

    wamid: str
    number: int
    person: Person
    to: str
    kind: str
    body: dict[str, Any]
    accepted_at: float
    is_answered: bool = False
    statuses: list[StatusEvent] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What the recipient reads: the text, or the caption; empty where there is none."""
        content = self.body.get(self.kind) or {}
        return str(content.get("body") or content.get("caption") or "") if isinstance(content, dict) else ""

    @property
    def biz_opaque_callback_data(self) -> str:
        """The sender's own key; empty if none was given."""
        return str(self.body.get("biz_opaque_callback_data") or "")

    @property
    def recipient(self) -> str:
        """The recipient's `wa_id`, or their BSUID where the number was never known."""
        return self.person.wa_id or self.person.user_id

    @property
    def status(self) -> str:
        """The final status."""
        return final_status([event.status for event in self.statuses])


@dataclass(eq=False)
class ReceivedMessage:
    """A message of a person, an edit, a reaction or a deletion included.

    Attributes:
        wamid: its id.
        person: who wrote.
        kind: of the message.
        update: how it was told, `update.item` is the message itself.
        at: in seconds since 1970.
        is_read: whether we sent a read receipt.
        is_typing_shown: whether we showed that somebody types.
    """

    wamid: str
    person: Person
    kind: str
    update: Update
    at: float
    is_read: bool = False
    is_typing_shown: bool = False

    @property
    def text(self) -> str:
        """The text or the caption, empty where there is none."""
        content = self.update.item.get(self.kind)
        return str(content.get("body") or content.get("caption") or "") if isinstance(content, dict) else ""


@dataclass
class Truth:
    """All that happened at one number; both by wamid, in order.

    Attributes:
        sent: what we were asked to send and accepted.
        received: what people wrote.
    """

    sent: dict[str, SentMessage] = field(default_factory=dict)
    received: dict[str, ReceivedMessage] = field(default_factory=dict)


def final_status(statuses: list[str]) -> str:
    """Return where statuses lead in whatever order they came."""
    farthest = max((RANKS.index(status) for status in statuses if status in RANKS), default=0)
    if "failed" in statuses and RANKS[farthest] in ("accepted", "sent"):
        return "failed"
    return RANKS[farthest]


def new_wamid(person: Person, chance: random.Random, *, is_outgoing: bool) -> str:
    """Return an id of a message, in Meta's shape: Base64 of the number, the direction and random hexadecimals."""
    who = person.key.encode()
    direction = b"\x15\x02\x00\x11\x18\x12" if is_outgoing else b"\x15\x02\x00\x12\x18\x14"
    token = f"{chance.getrandbits(80):020X}".encode()
    raw = b"\x1c\x18" + bytes([len(who)]) + who + direction + token + b"\x00"
    return "wamid." + base64.b64encode(raw).decode()
