"""Files of WhatsApp messages: an address is asked for, which is good for five minutes, and read with the token.

Protocol page A9 (Meta, "Media", updated 2026-06-16).
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from resources.messengers.exchange import Fetched, MediaGoneError, MessengerError, OutcomeUnknownError, RefusalClass
from resources.messengers.whatsapp.refusals import refusal_of

_PORTION_BYTES = 64 * 1024


def fetch(http: httpx.Client, number_id: str, media_id: str, folder: Path, largest_bytes: int) -> Fetched:
    """Write a file into a folder, under the hash of its bytes; see `WhatsAppClient.fetch_media`."""
    for is_last in (False, True):
        told = _address_of(http, number_id, media_id)
        if int(str(told.get("file_size") or 0)) > largest_bytes:
            raise MediaGoneError(f"The file is larger than {largest_bytes} bytes; it was not fetched.")
        fetched = _read(http, str(told.get("url") or ""), str(told.get("mime_type") or ""), folder, largest_bytes)
        if fetched is None:
            # The address was too old, or the network slow: the next one is fresh.
            continue
        if not told.get("sha256") or told["sha256"] == fetched.sha256:
            return fetched
        (folder / fetched.sha256[:2] / fetched.sha256).unlink(missing_ok=True)
        if is_last:
            raise MediaGoneError("What WhatsApp gives is not the file that was sent: its hash is another.")
    raise MessengerError("WhatsApp does not give the file at the address it named.")


def _address_of(http: httpx.Client, number_id: str, media_id: str) -> dict[str, object]:
    try:
        answer = http.get(media_id, params={"phone_number_id": number_id})
    except httpx.HTTPError as error:
        raise MessengerError(f"WhatsApp gave no answer ({type(error).__name__}).") from None
    if answer.status_code != 200:
        refusal = refusal_of(answer.status_code, answer.headers, answer.content)
        is_gone = not isinstance(refusal, OutcomeUnknownError) and refusal.refusal is RefusalClass.PERMANENT
        if is_gone or answer.status_code == 404:
            raise MediaGoneError("WhatsApp does not have the file any more.")
        raise MessengerError(f"WhatsApp did not name the file's address ({answer.status_code}).")
    try:
        told = answer.json()
    except ValueError:
        told = None
    if not isinstance(told, dict) or not told.get("url"):
        raise MessengerError("WhatsApp's answer has no address of the file.")
    return told


def _read(http: httpx.Client, url: str, mime_type: str, folder: Path, largest_bytes: int) -> Fetched | None:
    """Write what is at an address; None where nothing is given there."""
    base, asked = urlsplit(str(http.base_url)), urlsplit(url)
    # The token goes with the request: to nobody who could listen, but the server that has it already.
    if asked.scheme != "https" and asked.netloc != base.netloc:
        raise MessengerError("WhatsApp named an address that is not encrypted; the file was not fetched.")
    folder.mkdir(parents=True, exist_ok=True)
    digest, size_bytes = hashlib.sha256(), 0
    descriptor, name = tempfile.mkstemp(dir=folder, prefix="part-")
    try:
        with os.fdopen(descriptor, "wb") as file, http.stream("GET", url) as answer:
            if answer.status_code in {401, 403, 404, 410}:
                return None
            if answer.status_code != 200:
                raise MessengerError(f"WhatsApp did not give the file ({answer.status_code}).")
            for portion in answer.iter_bytes(_PORTION_BYTES):
                size_bytes += len(portion)
                if size_bytes > largest_bytes:
                    raise MediaGoneError(f"The file is larger than {largest_bytes} bytes; it was not fetched.")
                digest.update(portion)
                file.write(portion)
        kept = folder / digest.hexdigest()[:2] / digest.hexdigest()
        kept.parent.mkdir(exist_ok=True)
        Path(name).replace(kept)
    except httpx.HTTPError as error:
        raise MessengerError(f"The file broke off ({type(error).__name__}).") from None
    finally:
        Path(name).unlink(missing_ok=True)
    return Fetched(digest.hexdigest(), size_bytes, mime_type)
