"""A stream of events as a response (WHATWG HTML, server-sent events): begun, resumed, kept alive and ended in time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.database import NoAnswerError
from gateway.live import PORTION, Live, Position, Subscription, TooManyStreamsError
from gateway.told import ToldEvent, frame

PING_SECONDS = 15.0
GOODBYE_SECONDS = 0.5

_log = logging.getLogger(__name__)


class EventStream(Response):
    """Events for one reader, until they go, do not keep up, or may read no longer, or the gateway ends.

    Args:
        live: where events come from.
        reader: what may be seen. Of an employee the stream also tells of the switches, and notes which cards open.
        after: event_id of the last event the reader has; None is from now on.
        is_welcome: asked every 15 seconds whether the reader may read on.
    """

    media_type = "text/event-stream"

    def __init__(
        self, live: Live, reader: Subscription, after: int | None, is_welcome: Callable[[], Awaitable[bool]]
    ) -> None:
        # Compression and buffering on the way would hold events back.
        self.init_headers({"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"})
        self.status_code = 200
        self.background = None
        self._live = live
        self._reader = reader
        self._after = after
        self._is_welcome = is_welcome

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until the end."""
        try:
            async with self._live.reading(self._reader) as position:
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                await self._until_the_end(receive, send, position)
        except TooManyStreamsError:
            raise HTTPException(429, "There are too many streams; close one.") from None
        except NoAnswerError as error:
            raise HTTPException(503, str(error)) from None

    async def _until_the_end(self, receive: Receive, send: Send, position: Position) -> None:
        writing = asyncio.create_task(self._write(send, position))
        ends = [asyncio.create_task(_is_gone(receive)), asyncio.create_task(self._reader.ended.wait())]
        try:
            await asyncio.wait([writing, *ends], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (writing, *ends):
                task.cancel()
            [failed, *_] = await asyncio.gather(writing, *ends, return_exceptions=True)
        if isinstance(failed, Exception) and not isinstance(failed, OSError | NoAnswerError):
            raise failed
        with suppress(TimeoutError, OSError):
            # A reader that does not read takes no goodbye either.
            async with asyncio.timeout(GOODBYE_SECONDS):
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _write(self, send: Send, position: Position) -> None:
        async def write(text: bytes) -> None:
            await send({"type": "http.response.body", "body": text, "more_body": True})

        after = position.newest if self._after is None else self._after
        is_resumed = position.can_resume(after)
        if not is_resumed:
            after = position.newest
        await write(b"retry: 1000\n\n" + _hello(after))
        if not is_resumed:
            await write(frame("reset", {"last_event_id": after}, after))
        if self._reader.employee_id is not None:
            await write(_switch(position))
        async for told in self._told(after):
            match told:
                case int():
                    await write(b": here\nid: %d\n\n" % told)
                case Position():
                    if self._reader.employee_id is not None:
                        await write(_switch(told))
                case ToldEvent():
                    await write(self._frame(told))
                    if told.opens_for(self._reader.employee_id) and self._reader.employee_id is not None:
                        self._live.note_sent(told, self._reader.employee_id)

    async def _told(self, after: int) -> AsyncIterator[ToldEvent | Position | int]:
        """Give each event after one once, in order; a number is a sign of life: up to there nothing is missing."""
        last = after
        while True:
            missed = await self._live.after(last, self._reader)
            for event in missed:
                last = event.event_id
                yield event
            if len(missed) < PORTION:
                break
        look_at = time.monotonic() + PING_SECONDS
        while True:
            if time.monotonic() >= look_at:
                if not await self._may_go_on():
                    return
                look_at = time.monotonic() + PING_SECONDS
                if self._reader.waiting.empty():
                    last = max(last, self._live.handed_out or 0)
                yield last
            try:
                async with asyncio.timeout(look_at - time.monotonic()):
                    told = await self._reader.waiting.get()
            except TimeoutError:
                continue
            if isinstance(told, ToldEvent):
                if told.event_id <= last:
                    continue
                last = told.event_id
            yield told

    async def _may_go_on(self) -> bool:
        try:
            return await self._is_welcome()
        except NoAnswerError:
            # Nothing can be read then either.
            return True

    def _frame(self, event: ToldEvent) -> bytes:
        if self._reader.employee_id is None:
            return event.plain
        return event.opening if event.opens_for(self._reader.employee_id) else event.following


async def _is_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _hello(last_event_id: int) -> bytes:
    data = {"last_event_id": last_event_id, "server_time": datetime.now(UTC).isoformat()}
    return frame("hello", data, last_event_id)


def _switch(position: Position) -> bytes:
    return frame("switch", {"is_on": position.is_on, "reason": position.reason})


def resumed_after(request: Request) -> int | None:
    """Return after which event a reader wants to read on: `Last-Event-ID`, or `?after=`; None is from now on.

    Raises:
        HTTPException: 422, it is no such id.
    """
    given = request.headers.get("last-event-id") or request.query_params.get("after")
    if not given:
        return None
    if not given.isascii() or not given.isdigit() or len(given) > 18:
        raise HTTPException(422, "The id of the last event is a number.")
    return int(given)
