"""Events of calls handed out as they are stored: one connection listens for all streams of this gateway.

PostgreSQL wakes us (`switchboard_call_events`), the new events are read once and put into the queue of everybody who
may see them. While nobody reads a stream nothing is read. Ids are given in the order of commits, so whoever reads on
from one misses nothing. Whoever does not keep up is let go, and resumes from the last id they got.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import class_row, dict_row, tuple_row

from gateway.database import Database, NoAnswerError, statement
from gateway.told import ToldEvent

CHANNEL = "switchboard_call_events"
LOOK_SECONDS = 5.0
"""How long a change of the switches, or a wake-up that was lost, may stay unseen while somebody reads."""
LONGEST_QUEUE = 500
PORTION = 500
MOST_REPLAYED = 10_000
"""Whoever was away for longer loads what is going on anew, which is less."""
MOST_STREAMS_OF_ONE = 20
MOST_STREAMS_OF_PROGRAMS = 100

_PATIENCE_SECONDS = 5.0
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.2, 2.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Position:
    """Where the events stand.

    Attributes:
        newest: event_id of the last one stored, 0 where there is none.
        oldest: of the first one kept.
        is_on: whether calls are listened to.
        reason: why, for people.
    """

    newest: int
    oldest: int
    is_on: bool
    reason: str

    def can_resume(self, after: int) -> bool:
        """Tell whether all that came after an event is kept, and not too much."""
        return max(self.oldest - 1, self.newest - MOST_REPLAYED) <= after <= self.newest


class TooManyStreamsError(Exception):
    """There are as many streams as one may have."""


class Subscription:
    """One reader's place: what they may see, and what waits for them.

    Args:
        employee_id: an employee; None is another program.
        sees_all: whether everybody's calls.
        pbx: of one server only; None is all.
    """

    def __init__(self, employee_id: str | None, *, sees_all: bool, pbx: str | None = None) -> None:
        self.employee_id = employee_id
        self.sees_all = sees_all
        self.pbx = pbx
        self.waiting: asyncio.Queue[ToldEvent | Position] = asyncio.Queue(LONGEST_QUEUE)
        self.ended = asyncio.Event()

    def may_see(self, event: ToldEvent) -> bool:
        """Tell whether an event is one of theirs."""
        is_theirs = self.sees_all or self.employee_id in event.members
        return is_theirs and self.pbx in (None, event.pbx_id)

    async def next(self, seconds: float) -> ToldEvent | Position | None:
        """Wait for what comes next; None where nothing came in time, or the reader is to end."""
        getting, ending = asyncio.create_task(self.waiting.get()), asyncio.create_task(self.ended.wait())
        try:
            await asyncio.wait({getting, ending}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            return getting.result() if getting.done() else None
        finally:
            getting.cancel()
            ending.cancel()

    def put(self, told: ToldEvent | Position) -> None:
        """Let something wait for them; a reader with too much waiting is let go."""
        try:
            self.waiting.put_nowait(told)
        except asyncio.QueueFull:
            _log.info("A reader of events did not keep up and was let go")
            self.ended.set()


class Live:
    """The events of this gateway's readers."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._readers: set[Subscription] = set()
        # Up to which event; None while nobody reads: what is stored then waits for nobody.
        self.handed_out: int | None = None
        self._switch: tuple[bool, str] | None = None
        self._noting: set[asyncio.Task[Any]] = set()
        self._is_ending = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Live]:
        """Listen until the end of the block; then all streams end."""
        listening = asyncio.create_task(self._listen())
        try:
            yield self
        finally:
            self.end()
            listening.cancel()
            await asyncio.gather(listening, *self._noting, return_exceptions=True)

    def end(self) -> None:
        """End all streams: their readers find another gateway, or this one when it is back."""
        self._is_ending = True
        for reader in self._readers:
            reader.ended.set()

    @property
    def readers(self) -> int:
        """How many streams are read now."""
        return len(self._readers)

    async def position(self) -> Position:
        """Tell where the events stand.

        Raises:
            NoAnswerError: the database did not answer in time.
        """
        [position] = await self._database.ask("select_position", {}, class_row(Position))
        return position

    @asynccontextmanager
    async def reading(self, reader: Subscription) -> AsyncIterator[Position]:
        """Let what happens from now on wait for a reader; give where the events stood before.

        Raises:
            TooManyStreamsError: they have too many streams.
            NoAnswerError: the database did not answer in time.
        """
        count = Counter(each.employee_id for each in self._readers)[reader.employee_id]
        if count >= (MOST_STREAMS_OF_PROGRAMS if reader.employee_id is None else MOST_STREAMS_OF_ONE):
            raise TooManyStreamsError
        # Counted before anything is awaited, or many at once would all find room.
        self._readers.add(reader)
        if self._is_ending:
            reader.ended.set()
        try:
            position = await self.position()
            if self.handed_out is None:
                self.handed_out = position.newest
            yield position
        finally:
            self._readers.discard(reader)
            if not self._readers:
                self.handed_out = None

    async def after(self, event_id: int, reader: Subscription) -> list[ToldEvent]:
        """Return a portion of the events after one that a reader may see; fewer than `PORTION` is all there are.

        Raises:
            NoAnswerError: the database did not answer in time.
        """
        values = _asked(event_id, None if reader.sees_all else reader.employee_id, reader.pbx)
        return [ToldEvent(row) for row in await self._database.ask("select_events", values, dict_row)]

    def note_sent(self, event: ToldEvent, employee_id: str) -> None:
        """Note that an event that opens a card has been sent; nobody waits for it."""
        values = {"event_id": event.event_id, "employee_id": employee_id, "at": datetime.now(UTC)}
        noting = asyncio.create_task(self._note("note_sent_card", values))
        self._noting.add(noting)
        noting.add_done_callback(self._noting.discard)

    async def note_shown(self, event_id: int, employee_id: str) -> bool:
        """Note that a card is shown; False where that event opened no card of theirs.

        Raises:
            NoAnswerError: the database did not answer in time.
        """
        values = {"event_id": event_id, "employee_id": employee_id, "at": datetime.now(UTC)}
        return bool(await self._database.ask("note_shown_card", values, tuple_row))

    async def _note(self, name: str, values: dict[str, Any]) -> None:
        try:
            await self._database.ask(name, values, tuple_row)
        except NoAnswerError as error:
            _log.warning("When a card was sent was not noted: %s", error)

    async def _listen(self) -> None:
        pause = _SHORTEST_PAUSE
        while True:
            try:
                async with await self._database.connect("switchboard gateway") as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    while True:
                        async with asyncio.timeout(_PATIENCE_SECONDS):
                            await self._look(connection)
                        pause = _SHORTEST_PAUSE
                        async for _ in connection.notifies(timeout=LOOK_SECONDS, stop_after=1):
                            pass
            except (psycopg.Error, TimeoutError, OSError) as error:
                _log.warning("Events cannot be listened for (%s); trying again.", type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _look(self, connection: AsyncConnection[Any]) -> None:
        """Hand out what is new."""
        while self.handed_out is not None:
            cursor = connection.cursor(row_factory=dict_row)
            await cursor.execute(statement("select_events"), _asked(self.handed_out, None, None), prepare=True)
            events = [ToldEvent(row) for row in await cursor.fetchall()]
            for event in events:
                for reader in self._readers:
                    if reader.may_see(event):
                        reader.put(event)
            # Meanwhile the last reader may have gone, and another come.
            if events and self.handed_out is not None:
                self.handed_out = max(self.handed_out, events[-1].event_id)
            if len(events) < PORTION:
                break
        if self._readers:
            await self._look_at_switches(connection)

    async def _look_at_switches(self, connection: AsyncConnection[Any]) -> None:
        cursor = connection.cursor(row_factory=class_row(Position))
        await cursor.execute(statement("select_position"), prepare=True)
        position = await cursor.fetchone()
        assert position is not None
        switch = position.is_on, position.reason
        if switch != self._switch:
            self._switch = switch
            for reader in self._readers:
                reader.put(position)


def _asked(after: int, viewer: str | None, pbx: str | None) -> dict[str, Any]:
    return {"after": after, "viewer": viewer, "pbx": pbx, "portion": PORTION}
