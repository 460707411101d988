"""Bodies of webhooks: the envelope, the escapes and the signature.

Public source: Meta, "Webhooks" and "Create a webhook endpoint" (2026).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from simulators.whatsapp.truth import Update

LARGEST_BYTES = 3_000_000
MOST_UPDATES = 1_000


class Layout(StrEnum):
    """How the updates of one body stand in it: together, or each in a change or an entry of its own."""

    together = "together"
    changes = "changes"
    entries = "entries"


def body_of(updates: Sequence[Update], waba_id: str, metadata: dict[str, str], layout: Layout) -> bytes:
    """Return the raw bytes of a webhook."""
    if layout is Layout.together:
        groups: dict[tuple[str, str, bool], list[Update]] = {}
        for update in updates:
            groups.setdefault((update.field, update.key, update.contact is None), []).append(update)
        changes = [_change(group, metadata) for group in groups.values()]
    else:
        changes = [_change([update], metadata) for update in updates]
    entries = [[change] for change in changes] if layout is Layout.entries else [changes]
    return escaped({"object": "whatsapp_business_account", "entry": [{"id": waba_id, "changes": e} for e in entries]})


def escaped(content: object) -> bytes:
    """Return JSON as Meta writes it: what is not ASCII, slashes and @ are escaped, so that only raw bytes verify."""
    text = json.dumps(content, separators=(",", ":"))
    return text.replace("/", "\\/").replace("@", "\\u0040").encode("ascii")


def signature_of(body: bytes, app_secret: str) -> str:
    """Return what `X-Hub-Signature-256` carries."""
    return "sha256=" + hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()


def _change(updates: Sequence[Update], metadata: dict[str, str]) -> dict[str, Any]:
    value: dict[str, Any] = {"messaging_product": "whatsapp", "metadata": metadata}
    contacts: list[dict[str, Any]] = []
    for update in updates:
        if update.contact is not None and update.contact not in contacts:
            contacts.append(update.contact)
    if contacts:
        value["contacts"] = contacts
    value[updates[0].key] = [update.item for update in updates]
    return {"value": value, "field": updates[0].field}
