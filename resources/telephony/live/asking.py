"""Asking a telephony server over HTTP while calls run: one question at a time, few words, no patience of its own.

Troubles are told apart by what helps: `PassingTroubleError` may be over at the next question, any other
`EventChannelError` ends the listening. No text holds an address's query, where a token may stand.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from resources.telephony.answers import Answer, json_of
from resources.telephony.live.event import EventChannelError
from resources.telephony.source import SourceAnswerError

_CONNECT_SECONDS = 5.0
_REST_OF_ANSWER_SECONDS = 10.0

_REFUSALS = {
    401: "the key was not accepted; make a new one in the PBX and put it in the settings",
    403: "the key or token has no right to this, or is no longer valid, or its network filter excludes this machine",
    404: "there is no such address; check the base URL, and that the firmware or module that serves it is installed",
    429: "the PBX blocks this address for 300 s, twice as long at each repeat; ask less often, or exempt this machine "
    "in the PBX's firewall",
}

Trace = Callable[[str, Mapping[str, Any]], Awaitable[None]]


class PassingTroubleError(EventChannelError):
    """The next question may be answered."""


class SilenceError(PassingTroubleError):
    """The question was put, and no answer began in time."""


class LiveServer:
    """A server that is asked while calls run.

    Args:
        base_url: scheme, host, port and any path prefix.
        bearer: an API key for `Authorization: Bearer`; empty for none.
        token: for the query's `token`, out of sight of logs; empty for none.
        ca_file: a PEM file to trust, for a server with a self-signed certificate.
        verify_tls: whether an https certificate is checked at all.

    Raises:
        ValueError: `base_url` is no http(s) address, or a secret cannot stand in a request.
    """

    def __init__(
        self,
        base_url: str,
        *,
        bearer: str = "",
        token: str = "",
        ca_file: str = "",
        verify_tls: bool = True,
    ) -> None:
        url = httpx.URL(base_url)
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError("the base URL must look like http://pbx.example.com or https://…")
        for secret in (bearer := bearer.strip(), token := token.strip()):
            if not (secret.isascii() and secret.isprintable()):
                raise ValueError("the key or token holds characters that none has; copy it again")
        # httpx would log every question at INFO, once a second.
        if (log := logging.getLogger("httpx")).level == logging.NOTSET:
            log.setLevel(logging.WARNING)
        self._base = str(url.copy_with(username=None, password=None)).rstrip("/")
        self._auth = (url.username, url.password) if url.username else None
        self._headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        self._token = token
        self._verify = ssl.create_default_context(cafile=ca_file or None) if verify_tls else False

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Asking]:
        """Open a client; at the end of the block its connections are closed."""
        transport: httpx.AsyncBaseTransport = httpx.AsyncHTTPTransport(verify=self._verify)
        if self._token:
            transport = _WithToken(transport, self._token)
        async with httpx.AsyncClient(headers=self._headers, auth=self._auth, transport=transport) as client:
            yield Asking(self._base, client)


class Asking:
    """An open client of a `LiveServer`."""

    def __init__(self, base: str, client: httpx.AsyncClient) -> None:
        self._base = base
        self._client = client

    async def get(
        self,
        path: str,
        *,
        silence_seconds: float,
        headers: Mapping[str, str] | None = None,
        trace: Trace | None = None,
    ) -> httpx.Response:
        """Ask once; return the answer with status 200, 304 or 408, for long-polling gives all three.

        Args:
            path: appended to the base URL.
            silence_seconds: how long an answer may take to begin.
            headers: more of them.
            trace: told of each step, as httpx describes its extension.

        Raises:
            SilenceError: no answer began in time.
            PassingTroubleError: another trouble that may be over at the next question.
            EventChannelError: the server refuses, or cannot be trusted.
        """
        where = f"GET {self._base}{path}"
        timeout = httpx.Timeout(silence_seconds, connect=_CONNECT_SECONDS)
        extensions: dict[str, Any] = {"trace": trace} if trace else {}
        try:
            # The read time-out begins anew with every byte: a trickle would never end.
            async with asyncio.timeout(_CONNECT_SECONDS + silence_seconds + _REST_OF_ANSWER_SECONDS):
                response = await self._client.get(
                    self._base + path, headers=dict(headers or {}), timeout=timeout, extensions=extensions
                )
        except httpx.ReadTimeout:
            raise SilenceError(
                f"{where}: no answer within {silence_seconds:g} s; is the PBX overloaded or the network slow?"
            ) from None
        except (TimeoutError, httpx.TimeoutException):
            raise PassingTroubleError(f"{where}: not answered in time; is the PBX up and the network well?") from None
        except httpx.RequestError as error:
            if _is_certificate_trouble(error):
                raise EventChannelError(
                    f"{where}: the server's certificate is not trusted; name its authority in the settings (ca_file), "
                    "or switch the check off",
                    is_permanent=True,
                ) from None
            raise PassingTroubleError(
                f"{where}: the connection failed or was cut ({type(error).__name__}); is the PBX up and the address "
                "right?"
            ) from None
        status = response.status_code
        if status in (200, 304, 408):
            return response
        # MikoPBX answers 400 when its own worker was silent.
        if status in (400, 425) or status >= 500:
            raise PassingTroubleError(
                f"{where}: {status}, the server cannot answer now; if it stays, see the PBX's log"
            )
        hint = _REFUSALS.get(status, "not an answer this program knows; check the base URL")
        raise EventChannelError(f"{where}: {status}: {hint}", is_permanent=True)


def envelope_data(response: httpx.Response) -> object:
    """Open the envelope of MikoPBX's REST v3.

    Raises:
        PassingTroubleError: it is another document, or says that the PBX failed.
    """
    try:
        envelope = json_of(Answer(response.content, response.headers))
    except SourceAnswerError as error:
        raise PassingTroubleError(str(error)) from None
    if not isinstance(envelope, dict) or not isinstance(envelope.get("result"), bool) or "data" not in envelope:
        raise PassingTroubleError("JSON, but not the envelope of this API; does the base URL lead to a MikoPBX?")
    if not envelope["result"]:
        raise PassingTroubleError("200, but the PBX says that it failed; see its log")
    return envelope["data"]


class _WithToken(httpx.AsyncBaseTransport):
    """Adds the token below the place where httpx logs addresses."""

    def __init__(self, inner: httpx.AsyncBaseTransport, token: str) -> None:
        self._inner = inner
        self._token = token

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._inner.handle_async_request(
            httpx.Request(
                request.method,
                request.url.copy_merge_params({"token": self._token}),
                headers=request.headers,
                stream=request.stream,
                extensions=request.extensions,
            )
        )

    async def aclose(self) -> None:
        await self._inner.aclose()


def _is_certificate_trouble(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
