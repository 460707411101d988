"""Statuses of sent messages: when they come by themselves, and how they look.

Public source: Meta, "Status messages webhook reference" (May 2026).
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from typing import Any, Literal

from simulators.whatsapp.errors import told
from simulators.whatsapp.people import Person
from simulators.whatsapp.truth import SentMessage, StatusEvent, Update

CONVERSATION_SECONDS = 86_400


@dataclass
class Habits:
    """What becomes of messages by itself; seconds are means of random waits, each after the one before.

    Attributes:
        sent_seconds: until `sent`.
        delivered_seconds: until `delivered`.
        read_seconds: until `read`.
        read_share: of what is delivered, how much is read; the others turned receipts off, or do not look.
        failed_share: how much fails after `sent`.
        skipped_share: of what is read, how much comes without `delivered` before it.
        failure_code: of those that fail.
        pricing_model: PMP since July 2025; CBP comes with `conversation`.
        is_contact_told: whether `contacts` stand beside statuses, as since 2026.
    """

    sent_seconds: float = 0.01
    delivered_seconds: float = 0.03
    read_seconds: float = 0.1
    read_share: float = 1.0
    failed_share: float = 0.0
    skipped_share: float = 0.0
    failure_code: int = 131026
    pricing_model: Literal["PMP", "CBP"] = "PMP"
    is_contact_told: bool = True

    def course(self, chance: random.Random) -> list[tuple[str, float]]:
        """Return statuses, each with the seconds from acceptance."""
        after = self._wait(chance, self.sent_seconds)
        course = [("sent", after)]
        if chance.random() < self.failed_share:
            return [*course, ("failed", after + self._wait(chance, self.delivered_seconds))]
        after += self._wait(chance, self.delivered_seconds)
        is_read = chance.random() < self.read_share
        if not (is_read and chance.random() < self.skipped_share):
            course.append(("delivered", after))
        if is_read:
            course.append(("read", after + self._wait(chance, self.read_seconds)))
        return course

    @staticmethod
    def _wait(chance: random.Random, mean_seconds: float) -> float:
        return chance.uniform(0.5, 1.5) * mean_seconds


def event_of(message: SentMessage, status: str, at: float, habits: Habits, error_code: int | None) -> StatusEvent:
    """Return a status of a message, with the update that tells it."""
    item = _item(message.wamid, status, at, message.person)
    if message.biz_opaque_callback_data:
        item["biz_opaque_callback_data"] = message.biz_opaque_callback_data
    if status == "failed":
        item["errors"] = [told(error_code or habits.failure_code)]
    else:
        item |= _price(message, status, at, habits)
    contact = message.person.contact() if habits.is_contact_told else None
    return StatusEvent(status, at, Update("messages", "statuses", item, contact), error_code)


def orphan(wamid: str, status: str, at: float, person: Person, error_code: int | None) -> Update:
    """Return a status of a message that nobody here sent."""
    item = _item(wamid, status, at, person)
    if status == "failed":
        item["errors"] = [told(error_code or 131026)]
    return Update("messages", "statuses", item)


def _item(wamid: str, status: str, at: float, person: Person) -> dict[str, Any]:
    item: dict[str, Any] = {"id": wamid, "status": status, "timestamp": str(int(at))}
    ids = {"recipient_id": person.shown_wa_id, "recipient_user_id": person.user_id}
    return item | {key: value for key, value in ids.items() if value}


def _price(message: SentMessage, status: str, at: float, habits: Habits) -> dict[str, Any]:
    category = "utility" if message.kind == "template" else "service"
    pricing: dict[str, Any] = {
        "billable": message.kind == "template",
        "pricing_model": habits.pricing_model,
        "category": category,
    }
    if habits.pricing_model == "PMP":
        return {"pricing": pricing | {"type": "regular" if pricing["billable"] else "free_customer_service"}}
    conversation: dict[str, Any] = {
        "id": hashlib.sha256(message.person.key.encode()).hexdigest()[:32],
        "origin": {"type": category},
    }
    if status == "sent":
        conversation["expiration_timestamp"] = str(int(at) + CONVERSATION_SECONDS)
    return {"conversation": conversation, "pricing": pricing}
