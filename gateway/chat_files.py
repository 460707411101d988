"""Files of chats: kept under the hash of their bytes as they come from an employee, given to who may read the chat."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from psycopg.rows import dict_row
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from assets.messenger.sender import media_path
from gateway.asked import plain
from gateway.config import GatewayConfig
from gateway.database import Database

LARGEST_FILE_BYTES = 16 * 1024 * 1024
LONGEST_NAME = 200
LONGEST_CAPTION = 1024

KINDS = {
    "image/jpeg": "image",
    "image/png": "image",
    "video/mp4": "video",
    "video/3gpp": "video",
    "audio/mpeg": "audio",
    "audio/ogg": "audio",
    "audio/aac": "audio",
    "audio/mp4": "audio",
    "application/pdf": "document",
    "text/plain": "document",
    "application/msword": "document",
    "application/vnd.ms-excel": "document",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "document",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "document",
}
"""What WhatsApp takes (Meta, "Media", supported types), and as what it is sent."""

_SHOWN = {"image/jpeg", "image/png", "image/webp", "audio/ogg", "audio/mpeg", "audio/aac", "audio/mp4", "video/mp4"}


class ChatFiles:
    """Files of chats, in the folder where the fetched ones are."""

    def __init__(self, database: Database, config: GatewayConfig) -> None:
        self._database = database
        self._folder = config.messengers.media_folder

    def caption_of(self, request: Request) -> str:
        """Return what is written to a file: it comes in a header, for addresses are kept in logs.

        Raises:
            HTTPException: 422, it is too long, or goes with a sound, which WhatsApp sends without a text.
        """
        caption = plain(unquote(request.headers.get("x-text", ""), errors="replace"))
        if len(caption) > LONGEST_CAPTION:
            raise HTTPException(422, f"What is written to a file has {LONGEST_CAPTION} characters at most.")
        if caption and KINDS.get(_mime_type(request)) == "audio":
            raise HTTPException(422, "A sound is sent without a text.")
        return caption

    async def keep(self, request: Request) -> dict[str, Any]:
        """Keep the file that is a request's body; return the columns of the outbox that tell of it.

        Raises:
            HTTPException: 413, it is too large; 415, of a type that is not sent; 422, it is empty.
        """
        mime_type = _mime_type(request)
        if mime_type not in KINDS:
            raise HTTPException(415, "WhatsApp takes pictures, PDF, office documents, MP3, OGG and MP4.")
        name = unquote(request.headers.get("x-file-name", ""), errors="replace").replace("\0", "")
        await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
        descriptor, part = tempfile.mkstemp(dir=self._folder, prefix="part-")
        digest, size_bytes = hashlib.sha256(), 0
        try:
            with os.fdopen(descriptor, "wb") as file:
                async for portion in request.stream():
                    size_bytes += len(portion)
                    if size_bytes > LARGEST_FILE_BYTES:
                        raise HTTPException(
                            413, f"The file is larger than {LARGEST_FILE_BYTES // 2**20} MB.", {"Connection": "close"}
                        )
                    digest.update(portion)
                    await asyncio.to_thread(file.write, portion)
            if not size_bytes:
                raise HTTPException(422, "The file is empty.")
            kept = media_path(self._folder, digest.hexdigest())
            kept.parent.mkdir(exist_ok=True)
            Path(part).replace(kept)
        finally:
            Path(part).unlink(missing_ok=True)
        return {
            "kind": KINDS[mime_type],
            "sha256": digest.hexdigest(),
            "mime_type": mime_type,
            "file_name": Path(name).name[:LONGEST_NAME],
        }

    async def give(self, asked: dict[str, Any]) -> Response:
        """Give a file; only pictures, sounds and films are shown by the browser, anything else is saved.

        Raises:
            HTTPException: 404, there is none, or it is not theirs to see; 410, it is kept no more.
        """
        found = await self._database.ask("select_file", asked, dict_row)
        if not found:
            raise HTTPException(404, "There is no such file.")
        file = found[0]
        if file["state"] == "waiting":
            raise HTTPException(404, "The file has not been fetched yet.")
        path = media_path(self._folder, file["sha256"]) if file["state"] == "kept" else None
        if path is None or not path.is_file():
            raise HTTPException(410, "The file is kept no more.")
        mime_type = file["mime_type"].partition(";")[0].strip().lower()
        is_shown = mime_type in _SHOWN
        name = quote(file["file_name"] or file["sha256"][:12])
        return FileResponse(
            path,
            media_type=mime_type if is_shown else "application/octet-stream",
            headers={
                "Content-Disposition": f"{'inline' if is_shown else 'attachment'}; filename*=UTF-8''{name}",
                "Content-Security-Policy": "default-src 'none'; sandbox",
                "Cache-Control": "private, max-age=3600",
            },
        )


def _mime_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
