"""The manager over HTTP (AJAM): `/rawman` and `/mxml`, also under `/asterisk/` as MikoPBX serves them."""

from __future__ import annotations

import asyncio
import contextlib
import re
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import formatdate
from urllib.parse import parse_qsl, urlsplit

from simulators.asterisk.actions import answer
from simulators.asterisk.core import Core
from simulators.asterisk.messages import message, to_xml
from simulators.asterisk.sessions import Session

MARGIN_SECONDS = 10.0
"""By how much a waitevent ends before its session would."""
REFUSAL_SECONDS = 1.0
PATHS = re.compile(r"(?:/asterisk)?/(rawman|mxml)")
WAITED = message({"Response": "Success", "Message": "Waiting for Event completed."})
WAIT_COMPLETE = message({"Event": "WaitEventComplete"})


@dataclass(frozen=True)
class Request:
    """An HTTP request.

    Attributes:
        method: in capitals.
        path: without the query.
        query: its parameters, those of a form included, names in lower case.
        headers: names in lower case.
        body: as it came.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def session(self) -> str:
        """Number of the session that its cookie names."""
        found = re.search(r'mansession_id="?([0-9a-fA-F]+)', self.headers.get("cookie", ""))
        return found[1].lower().zfill(8) if found else ""


@dataclass(frozen=True)
class Reply:
    """An HTTP answer.

    Attributes:
        status: code and words.
        body: its bytes.
        headers: header lines, in order.
    """

    status: str
    body: bytes
    headers: tuple[str, ...] = ()


Control = Callable[[Request], Awaitable[Reply]]


class AjamServer:
    """Serves HTTP connections; `control` answers what is under `/_sim/`."""

    def __init__(self, core: Core, control: Control) -> None:
        self._core = core
        self._control = control

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Serve one connection, request by request, until either side ends it."""
        self._core.connections.add(writer)
        try:
            while request := await _read(reader):
                if not await self._serve_one(request, writer):
                    break
        except (OSError, ValueError, asyncio.IncompleteReadError):
            pass
        finally:
            self._core.connections.discard(writer)
            writer.close()

    async def _serve_one(self, request: Request, writer: StreamWriter) -> bool:
        keeps = request.headers.get("connection", "").lower() != "close"
        connection = () if keeps else ("Connection: close",)
        if request.path.startswith("/_sim/"):
            # Who drives the simulator is no client of it, and no fault may touch him.
            self._core.connections.discard(writer)
            reply = await self._control(request)
            writer.write(_head(reply, connection) + reply.body)
            await writer.drain()
            return keeps
        await self._core.faults.hold()
        reply = await self._reply(request)
        # What a slow or silent server answers is late at its end, too.
        await self._core.faults.hold()
        return await self._core.faults.write(writer, _head(reply, connection), reply.body) and keeps

    async def _reply(self, request: Request) -> Reply:
        known = PATHS.fullmatch(request.path)
        if not known:
            return Reply("404 Not Found", b"<h1>Not Found</h1>", ("Content-type: text/html",))
        session = self._core.http_session(request.session)
        text = await self._act(session, request.query)
        if not session.has_ended:
            self._core.prolong(session)
        is_xml = known[1] == "mxml"
        body = (to_xml(text) if is_xml else text).encode(errors="surrogateescape")
        return Reply("200 OK", self._core.faults.littered(body), (
            f"Content-type: text/{'xml' if is_xml else 'plain'}",
            "Cache-Control: no-cache;",
            f'Set-Cookie: mansession_id="{session.ident}"; Version=1; Max-Age={self._core.idle_seconds:.0f}',
            "Pragma: SuppressEvents",
        ))  # fmt: skip

    async def _act(self, session: Session, query: dict[str, str]) -> str:
        if session.is_authenticated and query.get("action", "").lower() == "waitevent":
            return await self._wait(session, query.get("timeout", "-1"))
        answered = answer(self._core, session, query)
        if answered.ends:
            if "Authentication failed" in answered.text:
                await asyncio.sleep(REFUSAL_SECONDS)
            self._core.end_http_session(session)
        return answered.text

    async def _wait(self, session: Session, timeout: str) -> str:
        """Wait for events. A newer waitevent sends an older one home with an empty answer."""
        self._core.counters.waitevent_requests += 1
        longest = max(0.0, self._core.idle_seconds - MARGIN_SECONDS)
        asked = float(timeout) if re.fullmatch(r"-?\d+", timeout) else 0.0
        me = session.waiter = object()
        session.woken.set()
        # The first one after the log-in comes back at once, with or without events.
        seconds = 0.0 if session.is_fresh else longest if asked < 0 else min(asked, longest)
        session.is_fresh = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken(session, me)
        if session.waiter is not me:
            return ""
        session.waiter = None
        return WAITED + "".join(session.fetch()) + WAIT_COMPLETE

    async def _woken(self, session: Session, me: object) -> None:
        while session.waiter is me and not session.has_ended and not any(map(session.wants, session.queue)):
            session.woken.clear()
            await session.woken.wait()


def _head(reply: Reply, connection: tuple[str, ...]) -> bytes:
    lines = (
        f"HTTP/1.1 {reply.status}",
        "Server: Asterisk/22.10.1",
        f"Date: {formatdate(usegmt=True)}",
        *connection,
        *reply.headers,
        f"Content-Length: {len(reply.body)}",
    )
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"


async def _read(reader: StreamReader) -> Request | None:
    start = await reader.readline()
    if not start.strip():
        return None
    method, target, _ = start.decode("latin-1").split(" ", 2)
    headers: dict[str, str] = {}
    while line := (await reader.readline()).decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    parts = urlsplit(target)
    form = body.decode() if headers.get("content-type", "").startswith("application/x-www-form-urlencoded") else ""
    pairs = parse_qsl(parts.query, keep_blank_values=True) + parse_qsl(form, keep_blank_values=True)
    return Request(method, parts.path, {name.lower(): value for name, value in pairs}, headers, body)
