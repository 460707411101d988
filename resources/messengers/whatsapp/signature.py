"""Whether a webhook is Meta's: HMAC-SHA256 with the app's secret over the raw body.

Meta, "Create a webhook endpoint".
"""

from __future__ import annotations

import hashlib
import hmac

SIGNATURE_HEADER = "x-hub-signature-256"

_PREFIX = "sha256="


def signature_of(app_secret: str, body: bytes) -> str:
    """Return what the header must hold."""
    return _PREFIX + hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()


def is_signed(app_secret: str, body: bytes, given: str | None) -> bool:
    """Tell, in constant time, whether a header's signature fits the body; an empty secret signs nothing."""
    wanted = signature_of(app_secret, body)
    return bool(app_secret) & hmac.compare_digest(wanted.encode(), (given or "").encode())
