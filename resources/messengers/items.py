"""What a messenger's provider tells of: messages, what becomes of them, and whose they are.

Every item keeps `raw`, the provider's own words, without the secrets of the request that brought it. Times are the
provider's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal


@dataclass(frozen=True)
class Person:
    """Who writes to us, or is written to. At least one of the four ids is known; '' is not known.

    Attributes:
        wa_id: the account by its telephone: digits without plus, as the provider writes them.
        user_id: the business-scoped id (BSUID), such as US.13491208655302741918; it outlives a user name, not a number.
        username: the name the person chose, without @.
        lid: the id before @lid, where a provider of linked devices names it.
        name: as the person calls themself.
        number: E.164 of `wa_id` in its canonical form; '' where it is none.
    """

    wa_id: str = ""
    user_id: str = ""
    username: str = ""
    lid: str = ""
    name: str = ""
    number: str = ""


@dataclass(frozen=True)
class Media:
    """A file that is part of a message.

    Attributes:
        media_id: by which the provider gives it, for some days.
        mime_type: as the provider says.
        sha256: of the bytes, hexadecimal in lower case, where the provider says it.
        file_name: as the sender named it.
        is_voice: recorded in the chat.
        is_animated: a moving sticker.
    """

    media_id: str
    mime_type: str = ""
    sha256: str = ""
    file_name: str = ""
    is_voice: bool = False
    is_animated: bool = False


@dataclass(frozen=True)
class SharedContact:
    """A visiting card in a message.

    Attributes:
        name: as shown.
        organization: as written.
        phones: numbers as written.
        emails: addresses as written.
    """

    name: str
    organization: str = ""
    phones: Sequence[str] = ()
    emails: Sequence[str] = ()


@dataclass(frozen=True)
class Product:
    """A line of an order.

    Attributes:
        product_id: the retailer's.
        quantity: pieces.
        price: of one, as the provider wrote it.
        currency: ISO 4217.
    """

    product_id: str
    quantity: str = ""
    price: str = ""
    currency: str = ""


class Kind(StrEnum):
    """What a message is."""

    TEXT = "text"
    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    DOCUMENT = "document"
    STICKER = "sticker"
    LOCATION = "location"
    CONTACTS = "contacts"
    INTERACTIVE = "interactive"
    BUTTON = "button"
    ORDER = "order"
    SYSTEM = "system"
    TEMPLATE = "template"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True)
class Message:
    """A message, once for each provider id.

    Attributes:
        message_id: the provider's (wamid).
        direction: in is the client's; out was sent by us past the outbox, from the telephone's own app.
        person: the client.
        sent_at: when.
        kind: what it is; a kind that is not known yet is unsupported.
        text: what a reader sees first: the body, caption, title of the choice; '' where there is none.
        reply_to_id: of the message that it answers.
        is_forwarded: it was written for somebody else first.
        media: its file.
        contacts: its visiting cards.
        products: the lines of its order.
        details: what the kind has besides: a location's coordinates, the id of a choice, where an advertisement led
            from.
        raw: as it came.
    """

    message_id: str
    direction: Literal["in", "out"]
    person: Person
    sent_at: datetime
    kind: Kind
    text: str = ""
    reply_to_id: str = ""
    is_forwarded: bool = False
    media: Media | None = None
    contacts: Sequence[SharedContact] = ()
    products: Sequence[Product] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """A message was edited or taken back.

    Attributes:
        change_id: the provider's id of the change.
        message_id: of the message that changed.
        what: edited or revoked.
        person: whose message it is.
        changed_at: when.
        text: the new one.
        media: the new one.
        raw: as it came.
    """

    change_id: str
    message_id: str
    what: Literal["edited", "revoked"]
    person: Person
    changed_at: datetime
    text: str = ""
    media: Media | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reaction:
    """A sign set at a message, or taken away.

    Attributes:
        reaction_id: the provider's id of this act.
        message_id: of the message.
        direction: in is the client's; out is ours.
        person: the client.
        emoji: the sign; '' takes it away.
        reacted_at: when.
        raw: as it came.
    """

    reaction_id: str
    message_id: str
    direction: Literal["in", "out"]
    person: Person
    emoji: str
    reacted_at: datetime
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Status:
    """What became of a message that we sent.

    Attributes:
        message_id: the provider's.
        status: accepted, sent, delivered, read, played, failed or deleted; others as the provider writes them.
        occurred_at: when.
        attempt_id: what we gave the provider with the message to know it by; '' where it was not returned.
        person: the client, as far as the provider tells.
        error_code: the provider's, of a failure.
        error_text: the provider's.
        raw: as it came.
    """

    message_id: str
    status: str
    occurred_at: datetime
    attempt_id: str = ""
    person: Person = Person()
    error_code: int | None = None
    error_text: str = ""
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class NumberChange:
    """A person has another telephone number, so other ids.

    Attributes:
        change_id: the provider's id of the message that tells it.
        old: the ids before.
        new: the ids from then on.
        changed_at: when.
        raw: as it came.
    """

    change_id: str
    old: Person
    new: Person
    changed_at: datetime
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Trouble:
    """The provider tells of an error that belongs to no message.

    Attributes:
        code: the provider's.
        text: the provider's.
        raw: as it came.
    """

    code: int | None
    text: str
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Unreadable:
    """A part of a webhook that could not be read; the rest of it was.

    Attributes:
        where: the path in the webhook, such as entry[0].changes[1].messages[3].
        reason: what is wrong with it.
        raw: the part.
    """

    where: str
    reason: str
    raw: Any


Item = Message | Change | Reaction | Status | NumberChange | Trouble | Unreadable
