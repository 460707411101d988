"""A webhook's body into its parts: every one of them, each by itself, so that a bad one spoils no other.

Shapes as on Meta's pages "Webhooks" and in its OpenAPI description (`WebhookPayload`); what is not known yet is kept
as it came.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from resources.messengers.items import (
    Change,
    Item,
    Message,
    NumberChange,
    Person,
    Reaction,
    Status,
    Trouble,
    Unreadable,
)
from resources.messengers.whatsapp.contents import content_of
from resources.messengers.whatsapp.numbers import number_of

Part = tuple[str, Item]
"""The provider's id of our number, and what the webhook tells of it; '' where the number is not told."""

_FIELDS = {"messages", "smb_message_echoes"}
_NUMBER_CHANGES = {"user_changed_number", "user_changed_user_id"}
_EARLIEST, _LATEST = datetime(2009, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
# Neither has a place in a text of PostgreSQL, nor in UTF-8.
_UNFIT = re.compile("[\0\ud800-\udfff]")


def read_webhook(body: bytes) -> list[Part]:
    """Return what a webhook tells, part by part; never raises."""
    try:
        told = _fit(json.loads(body))
    except (ValueError, RecursionError):
        text = _UNFIT.sub("\N{REPLACEMENT CHARACTER}", body.decode("utf-8", "replace"))
        return [("", Unreadable("", "It is no JSON.", text))]
    if not isinstance(told, dict) or not isinstance(told.get("entry"), list):
        return [("", Unreadable("", "It has no 'entry'.", told))]
    parts: list[Part] = []
    for at, entry in enumerate(told["entry"]):
        changes = entry.get("changes") if isinstance(entry, dict) else None
        if not isinstance(changes, list):
            parts.append(("", Unreadable(f"entry[{at}]", "It has no 'changes'.", entry)))
            continue
        for place, change in enumerate(changes):
            parts += _change(change, f"entry[{at}].changes[{place}]")
    return parts


def _change(change: Any, where: str) -> Iterator[Part]:  # noqa: ANN401
    value = change.get("value") if isinstance(change, dict) else None
    if not isinstance(value, dict):
        yield "", Unreadable(where, "It has no 'value'.", change)
        return
    if change.get("field") not in _FIELDS:
        # Templates, quality of the account and so on: not subscribed to, and nothing of a chat.
        return
    metadata = value.get("metadata")
    number_id = _text(metadata, "phone_number_id") if isinstance(metadata, dict) else ""
    contacts = [contact for contact in _list(value, "contacts") if isinstance(contact, dict)]
    readers: dict[str, Callable[[Mapping[str, Any]], Item]] = {
        "messages": lambda told: _message(told, contacts),
        "message_echoes": lambda told: _echo(told, contacts),
        "statuses": lambda told: _status(told, contacts),
        "errors": _trouble,
    }
    for key, read in readers.items():
        for place, told in enumerate(_list(value, key)):
            try:
                if not isinstance(told, dict):
                    raise ValueError("It is no object.")
                yield number_id, read(told)
            except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
                reason = str(error) if isinstance(error, ValueError) else f"It is not as expected ({error!r})."
                yield number_id, Unreadable(f"{where}.value.{key}[{place}]", reason, told)


def _message(told: Mapping[str, Any], contacts: Sequence[Mapping[str, Any]]) -> Item:
    kind, sent_at, message_id = _text(told, "type"), _instant(told), _needed(told, "id")
    person = _person(_text(told, "from"), _text(told, "from_user_id"), contacts)
    if kind == "system" and _text(_dict(told, "system"), "type") in _NUMBER_CHANGES:
        system = _dict(told, "system")
        wa_id, user_id = _text(system, "wa_id") or _text(system, "new_wa_id"), _text(system, "new_user_id")
        new = Person(wa_id=wa_id, user_id=user_id, number=number_of(wa_id))
        return NumberChange(message_id, person, new, sent_at, told)
    if not person.wa_id and not person.user_id:
        raise ValueError("It does not say whose it is: neither 'from' nor 'from_user_id'.")
    return _read(told, kind, "in", message_id, person, sent_at)


def _echo(told: Mapping[str, Any], contacts: Sequence[Mapping[str, Any]]) -> Item:
    person = _person(_text(told, "to"), _text(told, "to_user_id"), contacts)
    if not person.wa_id and not person.user_id:
        raise ValueError("It does not say to whom it was sent.")
    return _read(told, _text(told, "type"), "out", _needed(told, "id"), person, _instant(told))


def _read(
    told: Mapping[str, Any],
    kind: str,
    direction: Literal["in", "out"],
    message_id: str,
    person: Person,
    sent_at: datetime,
) -> Item:
    if kind == "reaction":
        reaction = _dict(told, "reaction")
        target, emoji = _needed(reaction, "message_id"), _text(reaction, "emoji")
        return Reaction(message_id, target, direction, person, emoji, sent_at, told)
    if kind == "revoke":
        target = _needed(_dict(told, "revoke"), "original_message_id")
        return Change(message_id, target, "revoked", person, sent_at, raw=told)
    if kind == "edit":
        edit = _dict(told, "edit")
        new = _dict(edit, "message")
        content = content_of(new, _text(new, "type"))
        target = _needed(edit, "original_message_id")
        return Change(message_id, target, "edited", person, sent_at, content.text, content.media, told)
    content = content_of(told, kind)
    context = _dict(told, "context")
    return Message(
        message_id=message_id,
        direction=direction,
        person=person,
        sent_at=sent_at,
        kind=content.kind,
        text=content.text,
        reply_to_id=_text(context, "id"),
        is_forwarded=bool(context.get("forwarded") or context.get("frequently_forwarded")),
        media=content.media,
        contacts=content.contacts,
        products=content.products,
        details=content.details,
        raw=told,
    )


def _status(told: Mapping[str, Any], contacts: Sequence[Mapping[str, Any]]) -> Item:
    errors = [error for error in _list(told, "errors") if isinstance(error, dict)]
    error = errors[0] if errors else {}
    code = error.get("code")
    return Status(
        message_id=_needed(told, "id"),
        status=_needed(told, "status").lower(),
        occurred_at=_instant(told),
        attempt_id=_text(told, "biz_opaque_callback_data"),
        person=_person(_text(told, "recipient_id"), _text(told, "recipient_user_id"), contacts),
        error_code=code if isinstance(code, int) and abs(code) < 2**31 else None,
        error_text=_text(_dict(error, "error_data"), "details") or _text(error, "message") or _text(error, "title"),
        raw=told,
    )


def _trouble(told: Mapping[str, Any]) -> Item:
    code = told.get("code")
    text = _text(_dict(told, "error_data"), "details") or _text(told, "message") or _text(told, "title")
    return Trouble(code if isinstance(code, int) else None, text, told)


def _person(wa_id: str, user_id: str, contacts: Sequence[Mapping[str, Any]]) -> Person:
    """Return whose something is; a webhook may hold the contacts of several people."""
    for contact in contacts:
        has_user, has_phone = _text(contact, "user_id"), _text(contact, "wa_id")
        if (user_id and has_user == user_id) or (wa_id and has_phone == wa_id):
            profile = _dict(contact, "profile")
            return Person(
                wa_id=wa_id or has_phone,
                user_id=user_id or has_user,
                username=(_text(profile, "username") or _text(contact, "username")).removeprefix("@"),
                name=_text(profile, "name"),
                number=number_of(wa_id or has_phone),
            )
    return Person(wa_id=wa_id, user_id=user_id, number=number_of(wa_id))


def _instant(told: Mapping[str, Any]) -> datetime:
    try:
        at = datetime.fromtimestamp(int(told.get("timestamp", "")), UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        raise ValueError("Its 'timestamp' is no number of seconds.") from None
    if not _EARLIEST <= at < _LATEST:
        raise ValueError("Its 'timestamp' is in no time of ours.")
    return at


def _needed(told: Mapping[str, Any], key: str) -> str:
    value = _text(told, key)
    if not value:
        raise ValueError(f"It has no '{key}'.")
    return value


def _text(told: Mapping[str, Any], key: str) -> str:
    value = told.get(key)
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""


def _dict(told: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = told.get(key)
    return value if isinstance(value, dict) else {}


def _list(told: Mapping[str, Any], key: str) -> list[Any]:
    value = told.get(key)
    return value if isinstance(value, list) else []


def _fit(told: Any) -> Any:  # noqa: ANN401
    """Return JSON without what no database takes."""
    match told:
        case str():
            return _UNFIT.sub("\N{REPLACEMENT CHARACTER}", told)
        case list():
            return [_fit(each) for each in told]
        case dict():
            return {_UNFIT.sub("\N{REPLACEMENT CHARACTER}", key): _fit(value) for key, value in told.items()}
        case float() if told != told or told in (float("inf"), float("-inf")):
            return str(told)
    return told
