"""Live calls by AMI, the manager of an Asterisk over TCP (5038; 5039 with TLS).

Public source of the rules: Asterisk 22, `main/manager.c`. Events flow from the log-in on, so the channels that live are
asked for after it, and what happens meanwhile is taken in afterwards: nothing falls between. The server never repeats
what it said on a connection that is lost.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import ssl
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from resources.telephony.live.event import CallEvent, EventChannelError, Listening, Snapshot
from resources.telephony.live.manager_events import ManagerEvents, Stream
from resources.telephony.live.manager_messages import ManagerMessagesError, Message, MessageStream

_log = logging.getLogger(__name__)

_LONGEST_WAIT_SECONDS = 2.0
_PING_AFTER_SECONDS = 3.0
_CLOSE_SECONDS = 0.4
_READ_BYTES = 1 << 16


class AmiChannel:
    """Listens to a server's manager.

    Args:
        host: where the server is.
        port: of its manager.
        login: the manager's user; it needs the read classes `call` and `reporting` (`user` for `CdrConnector`).
        secret: the user's password. Where the server can (it always could), only a digest of it travels.
        internal_digits: longest number that is an extension.
        stream: what tells the calls.
        timezone: IANA name of the zone of a MikoPBX's clock; empty where its events say their time.
        tls: whether the connection is encrypted.
        ca_file: a PEM file to trust, for a server with a self-signed certificate.
        verify_tls: whether the certificate is checked at all.
        connect_seconds: to connect, to log in, and for the list of channels, each.
        silence_seconds: after how long without a word, not even to a ping, the connection counts as lost.

    Raises:
        ValueError: user or password cannot stand in a message.
        zoneinfo.ZoneInfoNotFoundError: no such time zone.
    """

    def __init__(
        self,
        host: str,
        port: int,
        login: str,
        secret: str,
        *,
        internal_digits: int = 4,
        stream: Stream = "auto",
        timezone: str = "",
        tls: bool = False,
        ca_file: str = "",
        verify_tls: bool = True,
        connect_seconds: float = 5.0,
        silence_seconds: float = 9.0,
    ) -> None:
        if not (login.isprintable() and secret.isprintable()):
            raise ValueError(f"{host}:{port}: the manager's user or password holds a line break or the like")
        self._host, self._port, self._login, self._secret = host, port, login, secret
        self._events = ManagerEvents(stream, internal_digits, ZoneInfo(timezone) if timezone else None)
        self._stream = stream
        self._tls: ssl.SSLContext | None = None
        if tls:
            self._tls = ssl.create_default_context(cafile=ca_file or None)
            if not verify_tls:
                self._tls.check_hostname, self._tls.verify_mode = False, ssl.CERT_NONE
        self._connect_seconds = connect_seconds
        self._silence_seconds = silence_seconds

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[Listening]:
        """Connect, log in and take the snapshot.

        Raises:
            EventChannelError: the server cannot be reached, or refuses.
        """
        where = f"the manager at {self._host}:{self._port}"
        reader, writer = await self._connect(where)
        try:
            listening = _AmiListening(where, reader, writer, self._events, self._silence_seconds)
            try:
                async with asyncio.timeout(self._connect_seconds):
                    await listening.log_in(self._login, self._secret)
                    if self._stream == "cdr_connector":
                        await listening.let_through("UserEvent: CdrConnector")
                async with asyncio.timeout(self._connect_seconds):
                    await listening.begin()
            except TimeoutError:
                raise EventChannelError(
                    f"{where} accepts connections, but does not answer within {self._connect_seconds:g} s; is it "
                    "overloaded, or another service?"
                ) from None
            yield listening
        finally:
            await _close(writer)

    async def _connect(self, where: str) -> tuple[StreamReader, StreamWriter]:
        try:
            async with asyncio.timeout(self._connect_seconds):
                return await asyncio.open_connection(self._host, self._port, ssl=self._tls)
        except ssl.SSLCertVerificationError:
            raise EventChannelError(
                f"{where}: the server's certificate is not trusted; name its authority in the settings (ca_file), or "
                "switch the check off",
                is_permanent=True,
            ) from None
        except (OSError, TimeoutError) as error:
            raise EventChannelError(
                f"{where}: no connection ({type(error).__name__}); is the PBX up, the port right, and does its "
                "firewall let this machine in?"
            ) from None


class _AmiListening:
    """One connection."""

    snapshot: Snapshot | None = None

    def __init__(
        self, where: str, reader: StreamReader, writer: StreamWriter, events: ManagerEvents, silence_seconds: float
    ) -> None:
        self._where = where
        self._reader = reader
        self._writer = writer
        self._events = events
        self._silence_seconds = silence_seconds
        self._messages = MessageStream()
        self._early: list[tuple[Message, datetime]] = []
        self._answers: list[Message] = []
        self._actions = 0
        self._heard_at_seconds = self._asked_at_seconds = time.monotonic()

    async def log_in(self, login: str, secret: str) -> None:
        """Read the greeting and log in, by challenge if the server knows it.

        Raises:
            EventChannelError: refused, or this is no manager.
        """
        await self._read_greeting()
        fields = {"Username": login, "Events": self._events.needed_classes}
        challenge = await self._ask("Challenge", AuthType="MD5")
        if challenge.get("response") == "Success" and (text := challenge.get("challenge")):
            key = hashlib.md5((text + secret).encode(), usedforsecurity=False).hexdigest()
            answer = await self._ask("Login", AuthType="MD5", Key=key, **fields)
        else:
            answer = await self._ask("Login", Secret=secret, **fields)
        if answer.get("response") != "Success":
            raise EventChannelError(
                f"{self._where} refused the log-in; check the manager's user and password, and that the user's network "
                "filter (permit) lets this machine in",
                is_permanent=True,
            )

    async def let_through(self, text: str) -> None:
        """Ask for events with this text only; a server that refuses (it takes the right `system`) sends all."""
        if (await self._ask("Filter", Operation="Add", Filter=text)).get("response") != "Success":
            _log.info("%s takes no filter; all events of the class come, and are chosen here", self._where)

    async def begin(self) -> None:
        """Take the snapshot, then what happened meanwhile.

        Raises:
            EventChannelError: the server does not tell its channels.
        """
        action_id = self._send("CoreShowChannels")
        channels: list[Message] = []
        while True:
            answer = await self._answer_to(action_id)
            if answer.get("event") == "CoreShowChannel":
                channels.append(answer)
            elif answer.get("event") == "CoreShowChannelsComplete":
                break
            elif answer.get("response") == "Error":
                raise EventChannelError(
                    f"{self._where} does not list its channels; give the manager's user `read = call,user` and "
                    "`write = reporting`",
                    is_permanent=True,
                )
        self.snapshot = self._events.snapshot(channels, datetime.now(UTC))

    async def next(self) -> Sequence[CallEvent]:
        """Wait up to two seconds for what happens next.

        Raises:
            EventChannelError: the connection is lost, or silent for too long.
        """
        until_seconds = time.monotonic() + _LONGEST_WAIT_SECONDS
        while True:
            early, self._early = self._early, []
            events = [event for message, at in early for event in self._events.take(message, at)]
            left_seconds = until_seconds - time.monotonic()
            if events or left_seconds <= 0:
                return events
            self._ping_when_due()
            with suppress(TimeoutError):
                async with asyncio.timeout(left_seconds):
                    await self._read()
            self._answers.clear()

    def _ping_when_due(self) -> None:
        now_seconds = time.monotonic()
        silent_seconds = now_seconds - self._heard_at_seconds
        if silent_seconds >= self._silence_seconds:
            raise EventChannelError(
                f"{self._where} has been silent for {silent_seconds:.0f} s, to pings too; is the PBX up and the "
                "network well?"
            )
        if min(silent_seconds, now_seconds - self._asked_at_seconds) >= _PING_AFTER_SECONDS:
            self._send("Ping")

    def _send(self, action: str, **fields: str) -> str:
        self._actions += 1
        action_id = f"switchboard-{self._actions}"
        lines = {"Action": action, "ActionID": action_id, **fields}
        # Never waited for: these are few and short, and a peer that takes none of them is a silent one.
        self._writer.write("".join(f"{key}: {value}\r\n" for key, value in lines.items()).encode() + b"\r\n")
        self._asked_at_seconds = time.monotonic()
        return action_id

    async def _ask(self, action: str, **fields: str) -> Message:
        return await self._answer_to(self._send(action, **fields))

    async def _answer_to(self, action_id: str) -> Message:
        while True:
            while self._answers:
                answer = self._answers.pop(0)
                if answer.get("actionid", action_id) == action_id:
                    return answer
            await self._read()

    async def _read_greeting(self) -> None:
        try:
            greeting = await self._reader.readline()
        except (OSError, ValueError) as error:
            raise self._lost(error) from None
        if not greeting.startswith(b"Asterisk Call Manager"):
            raise EventChannelError(
                f"{self._where} does not greet as an Asterisk's manager"
                + ("; is the port right?" if greeting else ", it closes; does its firewall let this machine in?")
            )

    async def _read(self) -> None:
        """Wait for bytes, and sort the messages they complete."""
        try:
            data = await self._reader.read(_READ_BYTES)
        except OSError as error:
            raise self._lost(error) from None
        if not data:
            raise EventChannelError(f"{self._where} closed the connection; was the PBX restarted?")
        self._heard_at_seconds = time.monotonic()
        at = datetime.now(UTC)
        try:
            messages = self._messages.feed(data)
        except ManagerMessagesError as error:
            raise EventChannelError(f"{self._where}: {error}") from None
        for message in messages:
            if "response" in message or message.get("event", "").startswith("CoreShowChannel"):
                self._answers.append(message)
            else:
                self._early.append((message, at))

    def _lost(self, error: Exception) -> EventChannelError:
        return EventChannelError(f"{self._where}: the connection was cut ({type(error).__name__}); is the PBX well?")


async def _close(writer: StreamWriter) -> None:
    with suppress(OSError, TimeoutError, ssl.SSLError):
        writer.write(b"Action: Logoff\r\n\r\n")
        writer.close()
        async with asyncio.timeout(_CLOSE_SECONDS):
            await writer.wait_closed()
            return
    writer.transport.abort()
