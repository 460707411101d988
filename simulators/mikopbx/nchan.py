"""The PBX's publish-and-subscribe channel, and the amoCRM module that publishes running calls on it.

Public sources of the rules: MikoPBX core (`nginx/mikopbx/locations/longpool.conf`), nchan, ModuleAmoCrm
(`AmoCdrDaemon::updateActiveCalls`, `WorkerAmoCrmAMI`). Fifty messages are kept, for ten seconds of nginx's own clock,
whatever the PBX's clock shows. A subscriber without a position waits for the next message; one with a position gets
the message that follows it, or the oldest that is left.

Only long-polling is served. Without a subscriber the module publishes nothing before the first one has come.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from simulators.mikopbx.live import running_rows
from simulators.mikopbx.rows import Row
from simulators.mikopbx.store import CdrStore

KEPT_MESSAGES = 50
KEPT_SECONDS = 10.0
CALLS_CHANNEL = "pbx-events"
EXTENSION_DIGITS = 4
_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Message:
    """One message; second and number within it are its place."""

    second: int
    number: int
    published_at_seconds: float
    body: bytes

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands among all messages."""
        return self.second, self.number


class EventChannel:
    """The channel `pbx-events` and its publisher.

    Args:
        store: whose running calls are published.
        timezone: of the PBX's clock.
        token: what subscribers must name.
    """

    def __init__(self, store: CdrStore, timezone: str, token: str) -> None:
        self._store = store
        self._timezone = timezone
        self._token = token
        self._messages: deque[Message] = deque(maxlen=KEPT_MESSAGES)
        self._newest = (0, 0)
        self._publisher: asyncio.Task[None] | None = None

    async def subscribe(self, request: Request) -> Response:
        """Answer `GET /pbxcore/api/nchan/sub/{channel}` with the next message, however long that takes."""
        if request.query_params.get("token") != self._token:
            return PlainTextResponse("", 403)
        if self._publisher is None:
            self._publisher = asyncio.create_task(self._publish_changes())
        channels = request.path_params["channel"].split(",")
        after = _position(request) or self._newest
        while True:
            message = self._after(after) if CALLS_CHANNEL in channels else None
            if message:
                sent_at = datetime.fromtimestamp(message.second, UTC)
                headers = {"Last-Modified": format_datetime(sent_at, usegmt=True), "Etag": str(message.number)}
                return Response(message.body, headers=headers, media_type="application/json")
            if await request.is_disconnected():
                return Response(status_code=499)
            await asyncio.sleep(_LOOK_SECONDS)

    def publish(self, message: dict[str, Any]) -> None:
        """Put a message on the channel."""
        now_seconds = time.time()
        second = max(int(now_seconds), self._newest[0])
        number = self._newest[1] + 1 if second == self._newest[0] else 0
        self._newest = second, number
        self._messages.append(Message(second, number, now_seconds, json.dumps(message).encode()))

    def _after(self, place: tuple[int, int]) -> Message | None:
        oldest_seconds = time.time() - KEPT_SECONDS
        return next(
            (one for one in self._messages if one.place > place and one.published_at_seconds > oldest_seconds), None
        )

    async def _publish_changes(self) -> None:
        """Publish each new ringing, and the whole table when it has changed, as the module's two workers do."""
        self.publish({"action": "USERS", "data": []})
        told: set[str] = set()
        last: list[dict[str, str]] | None = None
        while True:
            rows = running_rows(self._store, self._timezone)
            for row in rows:
                if row["UNIQUEID"] not in told and not row["endtime"]:
                    for call in self._rings(row):
                        self.publish(call)
            told = {row["UNIQUEID"] for row in rows}
            table = [self._table_row(row) for row in rows]
            if table != last:
                self.publish({"action": "CDRs", "data": table})
            last = table
            await asyncio.sleep(_LOOK_SECONDS)

    def _rings(self, row: Row) -> Iterator[dict[str, str]]:
        """Yield the message of a ringing: to or from an employee, none for menus and queues."""
        short = [0 < len(row[name]) <= EXTENSION_DIGITS for name in ("src_num", "dst_num")]
        if row["is_app"] == "1" or not any(short):
            return
        yield {
            "uid": row["UNIQUEID"],
            "id": row["linkedid"],
            "date": self._moment(row["start"]),
            "user": "",
            "src": row["src_num"],
            "dst": row["dst_num"],
            "action": "call",
            "src-chan": row["src_chan"],
            "dst-chan": "",
        }

    def _table_row(self, row: Row) -> dict[str, str]:
        return {
            "start": self._moment(row["start"]),
            "answer": self._moment(row["answer"]),
            "end": self._moment(row["endtime"]),
            "src": row["src_num"],
            "dst": row["dst_num"],
            "uid": row["UNIQUEID"],
            "id": row["linkedid"],
            "user-src": "",
            "user-dst": "",
            "src-chan": row["src_chan"],
            "dst-chan": row["dst_chan"],
        }

    def _moment(self, wall: str) -> str:
        """Return the wall clock's text as PHP's ATOM, to the second."""
        if not wall:
            return ""
        return datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo(self._timezone)).isoformat(timespec="seconds")


def _position(request: Request) -> tuple[int, int] | None:
    """Return the place that the subscriber names, in nchan's two headers."""
    with contextlib.suppress(KeyError, ValueError):
        since = parsedate_to_datetime(request.headers["if-modified-since"])
        return int(since.timestamp()), int(request.headers.get("if-none-match", "0"))
    return None
