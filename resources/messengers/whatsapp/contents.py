"""What a message holds, type by type (Meta's OpenAPI description: `IncomingMessage`)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from resources.messengers.items import Kind, Media, Product, SharedContact

_FILES = {Kind.IMAGE, Kind.VIDEO, Kind.AUDIO, Kind.DOCUMENT, Kind.STICKER}
_SHA256_BYTES = 32


@dataclass(frozen=True)
class Content:
    """What a message holds; see `Message`."""

    kind: Kind
    text: str = ""
    media: Media | None = None
    contacts: Sequence[SharedContact] = ()
    products: Sequence[Product] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


def content_of(told: Mapping[str, Any], kind_told: str) -> Content:
    """Return what a message of a type holds; of a type that is not known it is unsupported.

    Raises:
        ValueError: a file has no id.
    """
    try:
        kind = Kind(kind_told)
    except ValueError:
        kind = Kind.UNSUPPORTED
    inner = told.get(kind_told)
    body: Mapping[str, Any] = inner if isinstance(inner, dict) else {}
    details: dict[str, Any] = {}
    if isinstance(referral := told.get("referral"), dict):
        details["referral"] = referral
    if kind in _FILES:
        return Content(kind, _text(body, "caption"), media_of(body), details=details)
    match kind:
        case Kind.TEXT:
            return Content(kind, _text(body, "body"), details=details)
        case Kind.LOCATION:
            details |= {key: body[key] for key in ("latitude", "longitude", "name", "address", "url") if key in body}
            return Content(kind, _text(body, "name") or _text(body, "address"), details=details)
        case Kind.CONTACTS:
            cards = [_card(card) for card in inner if isinstance(card, dict)] if isinstance(inner, list) else []
            return Content(kind, ", ".join(card.name for card in cards), contacts=cards, details=details)
        case Kind.INTERACTIVE:
            reply = body.get(_text(body, "type"))
            reply = reply if isinstance(reply, dict) else {}
            details |= {"interactive": body}
            return Content(kind, _text(reply, "title") or _text(reply, "body"), details=details)
        case Kind.BUTTON:
            return Content(kind, _text(body, "text"), details=details | {"payload": _text(body, "payload")})
        case Kind.ORDER:
            items = body.get("product_items")
            products = [_product(item) for item in items if isinstance(item, dict)] if isinstance(items, list) else []
            details |= {"catalog_id": _text(body, "catalog_id")}
            return Content(kind, _text(body, "text"), products=products, details=details)
        case Kind.SYSTEM:
            return Content(kind, _text(body, "body"), details=details | {"system": _text(body, "type")})
        case _:
            return Content(Kind.UNSUPPORTED, details=details | {"type": kind_told, "errors": told.get("errors") or []})


def media_of(told: Mapping[str, Any]) -> Media:
    """Return a message's file.

    Raises:
        ValueError: it has no id.
    """
    media_id = _text(told, "id")
    if not media_id:
        raise ValueError("Its file has no 'id'.")
    return Media(
        media_id=media_id,
        mime_type=_text(told, "mime_type"),
        sha256=_hex(_text(told, "sha256")),
        file_name=_text(told, "filename"),
        is_voice=told.get("voice") is True,
        is_animated=told.get("animated") is True,
    )


def _card(told: Mapping[str, Any]) -> SharedContact:
    name, company = told.get("name"), told.get("org")
    return SharedContact(
        name=_text(name, "formatted_name") if isinstance(name, dict) else "",
        organization=_text(company, "company") if isinstance(company, dict) else "",
        phones=_texts(told.get("phones"), "phone"),
        emails=_texts(told.get("emails"), "email"),
    )


def _product(told: Mapping[str, Any]) -> Product:
    return Product(
        product_id=_text(told, "product_retailer_id"),
        quantity=_text(told, "quantity"),
        price=_text(told, "item_price"),
        currency=_text(told, "currency"),
    )


def _texts(told: Any, key: str) -> list[str]:  # noqa: ANN401
    found = [_text(each, key) for each in told if isinstance(each, dict)] if isinstance(told, list) else []
    return [text for text in found if text]


def _text(told: Mapping[str, Any], key: str) -> str:
    value = told.get(key)
    return value if isinstance(value, str) else str(value) if isinstance(value, int | float) else ""


def _hex(told: str) -> str:
    """Return a hash in hexadecimal: webhooks write it in Base64, the media's own address in hexadecimal."""
    if len(told) == 2 * _SHA256_BYTES:
        return told.lower()
    try:
        raw = base64.b64decode(told, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return raw.hex() if len(raw) == _SHA256_BYTES else ""
