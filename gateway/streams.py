"""A stream of events as a response (WHATWG HTML, server-sent events): begun, resumed, kept alive and ended in time."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

from sse_starlette.sse import EventSourceResponse, SendTimeoutError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from gateway.database import NoAnswerError
from gateway.live import PORTION, Live, Position, Subscription, TooManyStreamsError
from gateway.told import ToldEvent, frame

PING_SECONDS = 15.0
SEND_SECONDS = 10.0

_log = logging.getLogger(__name__)


class EventStream(EventSourceResponse):
    """Events for one reader, until they go, do not keep up, or may read no longer, or the gateway ends.

    Args:
        live: where events come from.
        reader: what may be seen. Of an employee the stream also tells of the switches, and notes which cards open.
        after: event_id of the last event the reader has; None is from now on.
        is_welcome: asked every 15 seconds whether the reader may read on.
    """

    def __init__(
        self, live: Live, reader: Subscription, after: int | None, is_welcome: Callable[[], Awaitable[bool]]
    ) -> None:
        super().__init__(
            _nothing(),
            # Compression and buffering on the way would hold events back.
            headers={"Cache-Control": "no-store, no-transform"},
            # Ours has an id, up to which nothing is missing.
            ping=0,
            send_timeout=SEND_SECONDS,
        )
        self._live = live
        self._reader = reader
        self._after = after
        self._is_welcome = is_welcome

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until the end."""
        try:
            async with self._live.reading(self._reader) as position:
                self.body_iterator = self._frames(position)
                await super().__call__(scope, receive, send)
        except TooManyStreamsError:
            raise HTTPException(429, "There are too many streams; close one.") from None
        except NoAnswerError as error:
            raise HTTPException(503, str(error)) from None
        except SendTimeoutError:
            _log.info("A reader of events takes none and was let go")

    async def _frames(self, position: Position) -> AsyncIterator[bytes]:
        """Give what is sent, in order; what comes after a `yield` happens when that was sent."""
        after = position.newest if self._after is None else self._after
        is_resumed = position.can_resume(after)
        if not is_resumed:
            after = position.newest
        yield b"retry: 1000\n\n" + _hello(after)
        if not is_resumed:
            yield frame("reset", {"last_event_id": after}, after)
        if self._reader.employee_id is not None:
            yield _switch(position)
        try:
            async for told in self._told(after):
                match told:
                    case int():
                        yield b": here\nid: %d\n\n" % told
                    case Position():
                        if self._reader.employee_id is not None:
                            yield _switch(told)
                    case ToldEvent():
                        yield self._frame(told)
                        if told.opens_for(self._reader.employee_id) and self._reader.employee_id is not None:
                            self._live.note_sent(told, self._reader.employee_id)
        except NoAnswerError as error:
            _log.warning("A stream of events ends: %s", error)

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
            told = await self._reader.next(look_at - time.monotonic())
            if self._reader.ended.is_set():
                return
            if told is None:
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


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield  # what makes it a generator


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
