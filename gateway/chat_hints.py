"""Which chats change, told to open pages: hints without content; a page asks anew for what it shows.

PostgreSQL wakes us (`switchboard_chats`, from a trigger on the table). After a break everything may have changed, and
the hint says so.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import psycopg
from sse_starlette.sse import EventSourceResponse, SendTimeoutError
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from gateway.database import Database, NoAnswerError
from gateway.streams import PING_SECONDS, SEND_SECONDS
from gateway.told import frame

CHANNEL = "switchboard_chats"
EVERYTHING = 0
"""Stands for all chats."""

MOST_STREAMS_OF_ONE = 20
_MOST_HINTS = 200
_PAUSE_SECONDS = 1.0
_LOOK_SECONDS = 5.0

_log = logging.getLogger(__name__)


class Reader:
    """A page that is open: which chats it has not been told of yet."""

    def __init__(self, employee_id: str) -> None:
        self.employee_id = employee_id
        self.chats: set[int] = set()
        self.woken = asyncio.Event()
        self.is_ended = False

    def put(self, chat_id: int) -> None:
        """Tell of a chat; many at once are everything."""
        self.chats.add(chat_id)
        if len(self.chats) > _MOST_HINTS or EVERYTHING in self.chats:
            self.chats = {EVERYTHING}
        self.woken.set()

    def end(self) -> None:
        """End the stream."""
        self.is_ended = True
        self.woken.set()


class ChatHints:
    """Hands hints out to all open pages of this gateway, from one connection."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._readers: set[Reader] = set()
        self._is_ending = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen until the end of the block; then all streams end."""
        listening = asyncio.create_task(self._listen())
        try:
            yield
        finally:
            self.end()
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    def end(self) -> None:
        """End all streams."""
        self._is_ending = True
        for reader in self._readers:
            reader.end()

    @asynccontextmanager
    async def reading(self, reader: Reader) -> AsyncIterator[None]:
        """Let what changes from now on wait for a reader.

        Raises:
            HTTPException: 429, they have too many streams.
        """
        if Counter(each.employee_id for each in self._readers)[reader.employee_id] >= MOST_STREAMS_OF_ONE:
            raise HTTPException(429, "There are too many streams; close one.")
        self._readers.add(reader)
        if self._is_ending:
            reader.end()
        try:
            yield
        finally:
            self._readers.discard(reader)

    async def _listen(self) -> None:
        while True:
            try:
                async with await self._database.connect("switchboard chats") as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    self._tell(EVERYTHING)
                    while True:
                        # A connection that died without a word is noticed by asking.
                        await connection.execute("SELECT 1")
                        async for told in connection.notifies(timeout=_LOOK_SECONDS):
                            self._tell(int(told.payload))
            except (psycopg.Error, OSError, ValueError) as error:
                _log.warning("Chats cannot be listened for (%s); trying again.", type(error).__name__)
            await asyncio.sleep(_PAUSE_SECONDS)

    def _tell(self, chat_id: int) -> None:
        for reader in self._readers:
            reader.put(chat_id)


class HintStream(EventSourceResponse):
    """Hints for one page, until it goes, or its log-in ends, or the gateway.

    Args:
        hints: where they come from.
        employee_id: whose page it is.
        is_welcome: asked every 15 seconds whether they are still logged in.
    """

    def __init__(self, hints: ChatHints, employee_id: str, is_welcome: Callable[[], Awaitable[bool]]) -> None:
        super().__init__(
            _nothing(), headers={"Cache-Control": "no-store, no-transform"}, ping=0, send_timeout=SEND_SECONDS
        )
        self._hints = hints
        self._reader = Reader(employee_id)
        self._is_welcome = is_welcome

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send hints until the end."""
        try:
            async with self._hints.reading(self._reader):
                self.body_iterator = self._frames()
                await super().__call__(scope, receive, send)
        except SendTimeoutError:
            _log.info("A page that takes no hints was let go")

    async def _frames(self) -> AsyncIterator[bytes]:
        yield b"retry: 1000\n\n" + frame("hello", {})
        look_at = time.monotonic() + PING_SECONDS
        while True:
            try:
                await asyncio.wait_for(self._reader.woken.wait(), max(0.0, look_at - time.monotonic()))
            except TimeoutError:
                if not await self._may_go_on():
                    return
                look_at = time.monotonic() + PING_SECONDS
                yield b": here\n\n"
                continue
            if self._reader.is_ended:
                return
            self._reader.woken.clear()
            chats, self._reader.chats = self._reader.chats, set()
            yield frame("chats", {"chats": sorted(chats)})

    async def _may_go_on(self) -> bool:
        try:
            return await self._is_welcome()
        except NoAnswerError:
            return True


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield  # what makes it a generator
