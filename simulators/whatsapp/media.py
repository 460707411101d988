"""Media: ids that end after days, addresses that end after minutes and ask for the token.

Public source: Meta, "Media" (June 2026).
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from email.parser import BytesHeaderParser
from email.policy import HTTP
from typing import Any

from simulators.whatsapp.clock import Clock
from simulators.whatsapp.errors import GraphError, no_object

DAY_SECONDS = 86_400.0
UPLOADED_SECONDS = 30 * DAY_SECONDS
RECEIVED_SECONDS = 7 * DAY_SECONDS
MEGABYTE = 1_000_000
LARGEST_BYTES = {"image": 5 * MEGABYTE, "video": 16 * MEGABYTE, "audio": 16 * MEGABYTE}
LARGEST_DOCUMENT_BYTES = 100 * MEGABYTE
LARGEST_STICKER_BYTES = 500_000


@dataclass
class Medium:
    """One file: `is_uploaded` by us, or else received; it is gone from `ends_at` on, in seconds since 1970."""

    id: str
    data: bytes
    mime_type: str
    is_uploaded: bool
    ends_at: float


@dataclass
class MediaShelf:
    """All media of one number.

    Attributes:
        clock: by which they end.
        url_seconds: how long an address lives.
        media: by id.
    """

    clock: Clock
    url_seconds: float = 300.0
    media: dict[str, Medium] = field(default_factory=dict)
    _tokens: dict[str, tuple[str, float]] = field(default_factory=dict)

    def put(self, data: bytes, mime_type: str, *, is_uploaded: bool) -> Medium:
        """Keep a file."""
        lives_seconds = UPLOADED_SECONDS if is_uploaded else RECEIVED_SECONDS
        media_id = str(10**15 + secrets.randbelow(9 * 10**15))
        medium = Medium(media_id, data, mime_type, is_uploaded, self.clock.now() + lives_seconds)
        self.media[media_id] = medium
        return medium

    def find(self, media_id: str, method: str = "get") -> Medium:
        """Return a file that has not ended.

        Raises:
            GraphError: there is none.
        """
        medium = self.media.get(media_id)
        if medium is None or medium.ends_at <= self.clock.now():
            raise no_object(method, media_id)
        return medium

    def described(self, medium: Medium, base_url: str) -> dict[str, Any]:
        """Return what `GET /{media-id}` answers: with a new address."""
        token = secrets.token_urlsafe(24)
        self._tokens[token] = (medium.id, self.clock.now() + self.url_seconds)
        return {
            "messaging_product": "whatsapp",
            "url": f"{base_url}/whatsapp_business/attachments/?mid={medium.id}&hash={token}",
            "mime_type": medium.mime_type,
            "sha256": hashlib.sha256(medium.data).hexdigest(),
            "file_size": str(len(medium.data)),
            "id": medium.id,
        }

    def at_address(self, token: str) -> Medium | None:
        """Return the file at an address, unless the address or the file has ended."""
        media_id, until = self._tokens.get(token, ("", 0.0))
        medium = self.media.get(media_id)
        return medium if medium and self.clock.now() < min(until, medium.ends_at) else None

    def upload(self, body: bytes, content_type: str) -> Medium:
        """Keep what `POST /{phone-number-id}/media` brought.

        Raises:
            GraphError: a part is missing, or the file is too large.
        """
        parts = _parts(body, content_type)
        if parts.get("messaging_product", ("", b""))[1] != b"whatsapp":
            raise GraphError(100, message="(#100) The parameter messaging_product is required.")
        if "file" not in parts:
            raise GraphError(100, message="(#100) The parameter file is required.")
        mime_type, data = parts["file"]
        mime_type = parts.get("type", ("", b""))[1].decode() or mime_type
        largest = LARGEST_BYTES.get(mime_type.partition("/")[0], LARGEST_DOCUMENT_BYTES)
        if mime_type == "image/webp":
            largest = LARGEST_STICKER_BYTES
        if not data or len(data) > largest:
            raise GraphError(131053, f"The file has {len(data)} bytes, of {mime_type} at most {largest} are allowed.")
        return self.put(data, mime_type, is_uploaded=True)


def _parts(body: bytes, content_type: str) -> dict[str, tuple[str, bytes]]:
    """Return the parts of a form by name: content type and bytes."""
    boundary = _header(f"Content-Type: {content_type}\r\n\r\n".encode()).get_boundary()
    if boundary is None:
        raise GraphError(100, "The body is no multipart/form-data.")
    parts = {}
    for piece in body.split(b"--" + boundary.encode())[1:-1]:
        head, _, data = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        header = _header(head + b"\r\n\r\n")
        name = header.get_param("name", "", header="content-disposition")
        parts[str(name)] = (header.get_content_type(), data.removesuffix(b"\r\n"))
    return parts


def _header(head: bytes) -> Any:  # noqa: ANN401 - the type of the standard library's message is generic
    return BytesHeaderParser(policy=HTTP).parsebytes(head)
