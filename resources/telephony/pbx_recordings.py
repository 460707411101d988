"""Recordings that a MikoPBX hands over itself.

Public sources of the rules: MikoPBX core, `Cdr/RestController.php` (links with a token, valid for an hour) and
PT1CCore's `GetController.php` (`records?view=`).
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from resources.telephony.recordings import NoRecordingError, OpenRecording, Recording
from resources.telephony.source import SourceRefusedError, SourceUnavailableError

_CDR = "/pbxcore/api/v3/cdr"
_RECORDS = "/pbxcore/api/cdr/records"
_TIMEOUT = httpx.Timeout(20.0, connect=5.0)
_PASSED_ON = ("content-type", "content-length", "content-range", "accept-ranges", "last-modified", "etag")


@dataclass(frozen=True)
class PbxAddress:
    """How a PBX's web server is reached.

    Attributes:
        url: scheme, host and port.
        api_key: for REST v3.
        ca_file: certificate of the authority that signed the server's.
        verify_tls: whether a certificate is checked at all.
    """

    url: str
    api_key: str = field(default="", repr=False)
    ca_file: str = ""
    verify_tls: bool = True

    def client(self) -> httpx.AsyncClient:
        """Return a client of this server; it follows no redirect, for a key goes with each question."""
        trust = ssl.create_default_context(cafile=self.ca_file or None) if self.verify_tls else False
        # httpx would log every address at INFO, with tokens and telephone numbers in it.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        return httpx.AsyncClient(timeout=_TIMEOUT, verify=trust, base_url=self.url.rstrip("/"))


class RestShelf:
    """A MikoPBX by REST v3: its row gives a link with a token, which is asked for anew each time."""

    def __init__(self, address: PbxAddress) -> None:
        self._address = address

    @asynccontextmanager
    async def opened(self, recording: Recording, byte_range: str) -> AsyncIterator[OpenRecording]:
        """Open a recording; see `RemoteShelf`."""
        async with self._address.client() as client:
            link = await self._link_of(client, recording)
            async with _streamed(client, link, {}, byte_range) as opened:
                yield opened

    async def _link_of(self, client: httpx.AsyncClient, recording: Recording) -> str:
        params = {"grouped": "false", "linkedid": recording.linkedid, "limit": "1000"}
        key = {"Authorization": f"Bearer {self._address.api_key}"}
        try:
            answer = await client.get(_CDR, params=params, headers=key)
            if answer.status_code in (401, 403):
                raise SourceRefusedError("The PBX does not accept the API key, or it may not read calls.")
            rows = answer.raise_for_status().json()["data"]["records"]
            links = {row["UNIQUEID"]: str(row.get("playback_url") or "") for row in rows}
        except httpx.HTTPError as error:
            raise SourceUnavailableError(f"The PBX does not answer ({type(error).__name__}).") from None
        except (ValueError, LookupError, TypeError) as error:
            raise SourceUnavailableError("The PBX's answer is no list of calls.") from error
        link = links.get(recording.leg_id, "")
        # A link that leads elsewhere would have us fetch whatever somebody wrote into a row.
        if not link.startswith("/") or link.startswith("//"):
            raise NoRecordingError("The PBX names no recording of this leg now: it is not ready, or was deleted.")
        return link


class ViewShelf:
    """A MikoPBX by `records?view=`, which older firmware and MIKO's modules have; it asks for no password."""

    def __init__(self, address: PbxAddress) -> None:
        self._address = address

    @asynccontextmanager
    async def opened(self, recording: Recording, byte_range: str) -> AsyncIterator[OpenRecording]:
        """Open a recording; see `RemoteShelf`."""
        async with (
            self._address.client() as client,
            _streamed(client, _RECORDS, {"view": recording.file}, byte_range) as opened,
        ):
            yield opened


@asynccontextmanager
async def _streamed(
    client: httpx.AsyncClient, path: str, params: Mapping[str, str], byte_range: str
) -> AsyncIterator[OpenRecording]:
    headers = {"Accept-Encoding": "identity"} | ({"Range": byte_range} if byte_range else {})
    try:
        async with client.stream("GET", path, params=params or None, headers=headers) as answer:
            if answer.status_code in (403, 404):
                raise NoRecordingError("The PBX has no such file any more.")
            if answer.status_code not in (200, 206, 416):
                raise SourceUnavailableError(f"The PBX answered {answer.status_code} instead of the recording.")
            kind = answer.headers.get("content-type", "")
            if answer.status_code != 416 and not kind.startswith(("audio/", "application/octet-stream")):
                raise SourceUnavailableError("The PBX answered with something else instead of the recording.")
            passed = {name: answer.headers[name] for name in _PASSED_ON if name in answer.headers}
            yield OpenRecording(answer.status_code, passed, _content(answer))
    except httpx.HTTPError as error:
        raise SourceUnavailableError(f"The PBX does not hand over the recording ({type(error).__name__}).") from None


async def _content(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for part in answer.aiter_raw():
            yield part
    except httpx.HTTPError as error:
        raise SourceUnavailableError(f"The PBX broke off in the recording ({type(error).__name__}).") from None
