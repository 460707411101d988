"""Messages of people, as webhooks carry them: each type with believable content unless it is given.

Public sources: Meta's OpenAPI `business-messaging-api_v23.0`, "Webhooks" (April 2026); pywa's recorded updates.
"""

from __future__ import annotations

import base64
import copy
import hashlib
from typing import Any

from simulators.whatsapp.errors import told
from simulators.whatsapp.people import Person
from simulators.whatsapp.truth import Update

MEDIA_TYPES = {
    "image": "image/jpeg",
    "video": "video/mp4",
    "audio": "audio/ogg; codecs=opus",
    "document": "application/pdf",
    "sticker": "image/webp",
}

USUAL: dict[str, Any] = {
    "text": {"body": "Здравствуйте! Есть ли в наличии?"},
    "location": {
        "latitude": 55.751244,
        "longitude": 37.618423,
        "name": "Склад",
        "address": "Москва, Красная площадь, 1",
        "url": "https://maps.example/?q=55.75,37.61",
    },
    "contacts": [
        {
            "name": {"formatted_name": "Лидия Ершова", "first_name": "Лидия", "last_name": "Ершова"},
            "org": {"company": "ТД «Заря»"},
            "phones": [{"phone": "+7 (916) 555-23-19", "wa_id": "79165552319", "type": "MOBILE"}],
            "emails": [{"email": "l@zarya.example", "type": "WORK"}],
        }
    ],
    "interactive": {"type": "button_reply", "button_reply": {"id": "confirm", "title": "Подтвердить"}},
    "button": {"payload": "stop", "text": "Отписаться"},
    "reaction": {"emoji": "👍"},
    "order": {
        "catalog_id": "194836987003835",
        "text": "",
        "product_items": [{"product_retailer_id": "A-100", "quantity": 2, "item_price": 30.5, "currency": "RUB"}],
    },
    "unsupported": {"type": "poll"},
    "unknown": None,
}
"""Content by type; what is not here nor a medium (as a type of tomorrow) needs its content given."""


def content_of(kind: str, given: Any) -> Any:  # noqa: ANN401 - contacts are a list, all else objects
    """Return the content of a message: what is usual, with what is given put over it; None takes a field out.

    Raises:
        ValueError: a type without usual content, and none given.
    """
    if kind not in USUAL:
        if given is None:
            raise ValueError(f"say what a message of type {kind!r} contains")
        return given
    usual = copy.deepcopy(USUAL[kind])
    if isinstance(usual, dict) and isinstance(given, dict):
        # An interactive answer of another kind shares nothing with the usual one.
        content = given if kind == "interactive" else usual | given
        return {key: value for key, value in content.items() if value is not None}
    return usual if given is None else given


def message_of(
    kind: str,
    person: Person,
    wamid: str,
    at: float,
    content: Any,  # noqa: ANN401
    extra: dict[str, Any],
) -> Update:
    """Return a message of a person, with the update that tells it."""
    item: dict[str, Any] = {}
    if person.shown_wa_id:
        item["from"] = person.shown_wa_id
    if person.user_id:
        item["from_user_id"] = person.user_id
    item |= {"id": wamid, "timestamp": str(int(at)), "type": kind}
    if content is not None:
        item[kind] = content
    if kind in ("unsupported", "unknown"):
        item["errors"] = [told(131051)]
    return Update("messages", "messages", item | extra, None if kind == "system" else person.contact())


def media_of(kind: str, media_id: str, data: bytes, mime_type: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a message with a medium; the hash is Base64 here, and hexadecimal where it is fetched."""
    content: dict[str, Any] = {
        "mime_type": mime_type,
        "sha256": base64.b64encode(hashlib.sha256(data).digest()).decode(),
        "id": media_id,
    }
    usual: dict[str, dict[str, Any]] = {
        "document": {"filename": "счёт.pdf"},
        "audio": {"voice": True},
        "sticker": {"animated": False},
    }
    return content | usual.get(kind, {}) | given


def changed_number(person: Person, now: Person) -> dict[str, Any]:
    """Return the content of the system message about another number."""
    body = f"User {person.name} changed from {person.wa_id} to {now.wa_id}"
    return {"body": body, "wa_id": now.wa_id, "new_user_id": now.user_id, "type": "user_changed_number"}
