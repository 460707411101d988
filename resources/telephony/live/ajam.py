"""Live calls by AJAM, the manager of an Asterisk over HTTP with long-polling (8088; 8089 with TLS).

Public source of the rules: Asterisk 22, `main/manager.c` and `main/http.c`. A log-in gives a session, kept by a cookie;
events wait in it from then on until a `waitevent` fetches them, so the channels that live are asked for in the same
session. What is lost with the session is lost. Things to know:

- whether a session lives is told by the body alone: a lost one answers 200, `Permission denied` and a new cookie that
  is good for nothing. So the cookie of the log-in is kept and no other is taken;
- the manager takes its parameters from a form as well as from the query. The log-in goes as a form: queries stand in
  the logs of proxies, and in those of httpx;
- a session takes one `waitevent` at a time, and dies after a minute without a request.
"""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Literal
from zoneinfo import ZoneInfo

import httpx

from resources.telephony.live.event import CallEvent, EventChannelError, Listening, Snapshot
from resources.telephony.live.manager_events import ManagerEvents, Stream
from resources.telephony.live.manager_messages import (
    ManagerMessagesError,
    Message,
    messages_of_mxml,
    messages_of_rawman,
)

Format = Literal["rawman", "mxml"]
"""How the manager writes: as lines, or as XML. It says the same in both; lines are cheaper to read."""

_READERS = {"rawman": messages_of_rawman, "mxml": messages_of_mxml}
_SESSION = re.compile(r'mansession_id="?([0-9A-Za-z]+)"?')
_MAX_ANSWER_BYTES = 32 << 20
_LOG_OFF_SECONDS = 0.5


class AjamChannel:
    """Listens to a server's manager over HTTP.

    Args:
        url: of the manager without `/rawman`: http://pbx:8088, or with Asterisk's prefix http://pbx:8088/asterisk.
        login: the manager's user; it needs the read classes `call` and `reporting` (`user` for `CdrConnector`).
        secret: the user's password. It travels as it is: beyond one's own network, use https.
        internal_digits: longest number that is an extension.
        stream: what tells the calls.
        timezone: IANA name of the zone of a MikoPBX's clock; empty where its events say their time.
        written_as: which of the manager's addresses is asked.
        ca_file: a PEM file to trust, for a server with a self-signed certificate.
        verify_tls: whether an https certificate is checked at all.
        connect_seconds: to connect; twice as much for any answer but that of a `waitevent`.
        wait_seconds: how long the server may hold a `waitevent` in which nothing happens, whole.
        silence_seconds: how much later than that its answer may come.

    Raises:
        ValueError: `url` is no http(s) address.
        zoneinfo.ZoneInfoNotFoundError: no such time zone.
    """

    def __init__(
        self,
        url: str,
        login: str,
        secret: str,
        *,
        internal_digits: int = 4,
        stream: Stream = "auto",
        timezone: str = "",
        written_as: Format = "rawman",
        ca_file: str = "",
        verify_tls: bool = True,
        connect_seconds: float = 5.0,
        wait_seconds: int = 4,
        silence_seconds: float = 5.0,
    ) -> None:
        base = httpx.URL(url)
        if base.scheme not in ("http", "https") or not base.host:
            raise ValueError("the manager's URL must look like http://pbx.example.com:8088 or …:8088/asterisk")
        # httpx would log every question at INFO, once in a few milliseconds.
        if (log := logging.getLogger("httpx")).level == logging.NOTSET:
            log.setLevel(logging.WARNING)
        plain = base.copy_with(username=None, password=None, query=None, fragment=None)
        self._address = f"{str(plain).rstrip('/')}/{written_as}"
        self._login, self._secret = login, secret
        self._events = ManagerEvents(stream, internal_digits, ZoneInfo(timezone) if timezone else None)
        self._format: Format = written_as
        self._verify = ssl.create_default_context(cafile=ca_file or None) if verify_tls else False
        self._connect_seconds = connect_seconds
        self._wait_seconds = wait_seconds
        self._silence_seconds = silence_seconds

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[Listening]:
        """Log in and take the snapshot.

        Raises:
            EventChannelError: the server cannot be reached, or refuses.
        """
        no_cookies = CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))
        timeout = httpx.Timeout(self._connect_seconds)
        async with httpx.AsyncClient(verify=self._verify, cookies=no_cookies, timeout=timeout) as client:
            session = _Session(client, self._address, self._format, self._connect_seconds)
            await session.log_in(self._login, self._secret, self._events.needed_classes)
            try:
                snapshot = self._events.snapshot(await session.channels(), datetime.now(UTC))
                yield _AjamListening(session, self._events, snapshot, self._wait_seconds, self._silence_seconds)
            finally:
                await session.log_off()


class _Session:
    """A session at the manager."""

    def __init__(self, client: httpx.AsyncClient, address: str, written_as: Format, connect_seconds: float) -> None:
        self._client = client
        self._address = address
        self._read = _READERS[written_as]
        self._connect_seconds = connect_seconds
        self._cookie = ""

    async def log_in(self, login: str, secret: str, classes: str) -> None:
        """Open the session.

        Raises:
            EventChannelError: refused, or this is no manager.
        """
        fields = {"action": "login", "username": login, "secret": secret, "events": classes}
        messages, cookie = await self._ask("POST", fields, self._connect_seconds * 2)
        if not messages or messages[0].get("response") != "Success":
            raise EventChannelError(
                f"{self._address} refused the log-in; check the manager's user and password, and that the user's "
                "network filter (permit) lets this machine in",
                is_permanent=True,
            )
        if not cookie:
            raise EventChannelError(f"{self._address}: the log-in gave no session; does a proxy take its cookie away?")
        self._cookie = f'mansession_id="{cookie}"'

    async def channels(self) -> list[Message]:
        """Return the channels that live.

        Raises:
            EventChannelError: the server does not tell them.
        """
        messages, _ = await self._ask("GET", {"action": "CoreShowChannels"}, self._connect_seconds * 2)
        if not any(message.get("event") == "CoreShowChannelsComplete" for message in messages):
            # Not taken for permanent: a session that was lost since the log-in is answered in the same words.
            raise EventChannelError(
                f"{self._address} does not list its channels: the session was lost, or the manager's user lacks "
                "`read = call,user` or `write = reporting`."
            )
        return [message for message in messages if message.get("event") == "CoreShowChannel"]

    async def wait(self, seconds: int, silence_seconds: float) -> list[Message]:
        """Return the events that waited or happen within so many seconds.

        Raises:
            EventChannelError: the session or the connection is lost.
        """
        messages, _ = await self._ask(
            "GET", {"action": "waitevent", "timeout": str(seconds)}, seconds + silence_seconds
        )
        answer = next((message for message in messages if "response" in message), None)
        if answer is None or answer["response"] != "Success":
            raise EventChannelError(
                f"{self._address}: the session is lost, as after a restart of the PBX or a minute without a request"
                if answer
                else f"{self._address}: not an answer of a manager; what else serves this address?"
            )
        return messages

    async def log_off(self) -> None:
        """End the session, if the server is quick about it; otherwise it dies by itself."""
        with suppress(EventChannelError):
            await self._ask("GET", {"action": "logoff"}, _LOG_OFF_SECONDS)

    async def _ask(
        self, method: Literal["GET", "POST"], fields: Mapping[str, str], patience_seconds: float
    ) -> tuple[list[Message], str]:
        """Return the messages of an answer, and the session it names."""
        is_form = method == "POST"
        headers = {"Cookie": self._cookie} if self._cookie else {}
        timeout = httpx.Timeout(patience_seconds, connect=min(self._connect_seconds, patience_seconds))
        body = bytearray()
        try:
            async with (
                asyncio.timeout(patience_seconds),
                self._client.stream(
                    method,
                    self._address,
                    params=None if is_form else fields,
                    data=fields if is_form else None,
                    headers=headers,
                    timeout=timeout,
                ) as response,
            ):
                async for part in response.aiter_bytes():
                    body += part
                    if len(body) > _MAX_ANSWER_BYTES:
                        raise EventChannelError(f"{self._address}: an answer longer than any manager gives")
        except (TimeoutError, httpx.TimeoutException):
            raise EventChannelError(
                f"{self._address}: no answer within {patience_seconds:g} s; is the PBX up and the network well?"
            ) from None
        except httpx.RequestError as error:
            if _is_certificate_trouble(error):
                raise EventChannelError(
                    f"{self._address}: the server's certificate is not trusted; name its authority in the settings "
                    "(ca_file), or switch the check off",
                    is_permanent=True,
                ) from None
            raise EventChannelError(
                f"{self._address}: the connection failed or was cut ({type(error).__name__}); is the PBX up and the "
                "address right?"
            ) from None
        if response.status_code != 200:
            raise EventChannelError(
                f"{self._address}: {response.status_code}; check the address (MikoPBX has the prefix /asterisk), and "
                "that http.conf says enabled and manager.conf webenabled",
                is_permanent=400 <= response.status_code < 500,
            )
        try:
            messages = self._read(bytes(body))
        except ManagerMessagesError as error:
            raise EventChannelError(f"{self._address}: {error}") from None
        named = _SESSION.search(response.headers.get("set-cookie", ""))
        return messages, named.group(1) if named else ""


class _AjamListening:
    """One session that is listened to."""

    def __init__(
        self, session: _Session, events: ManagerEvents, snapshot: Snapshot, wait_seconds: int, silence_seconds: float
    ) -> None:
        self.snapshot: Snapshot | None = snapshot
        self._session = session
        self._events = events
        self._wait_seconds = wait_seconds
        self._silence_seconds = silence_seconds

    async def next(self) -> Sequence[CallEvent]:
        """Wait a few seconds at most for what happens next.

        Raises:
            EventChannelError: the session or the connection is lost.
        """
        messages = await self._session.wait(self._wait_seconds, self._silence_seconds)
        at = datetime.now(UTC)
        return [event for message in messages for event in self._events.take(message, at)]


def _is_certificate_trouble(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
