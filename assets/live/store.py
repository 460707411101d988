"""Where a listener keeps what it hears: one connection to the warehouse, one statement for each thing told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from psycopg import AsyncConnection

from assets.contacts.numbers import parse_number
from assets.live.rows import rows_of
from resources.telephony.live.event import CallEvent, Snapshot
from resources.warehouse.connection import SESSION

LOCK = "listener of call events"

_REMEMBERED_NUMBERS = 10_000


class EventStore:
    """The tables of live calls, as the listener writes them.

    Args:
        connection: in autocommit mode; statements of several channels take turns on it.
        zone: the business zone.
        region: ISO country of numbers without a country code.
        internal_digits: longest number that is an internal one.
    """

    def __init__(self, connection: AsyncConnection[Any], zone: str, region: str, internal_digits: int) -> None:
        self._connection = connection
        self._turn = asyncio.Lock()
        self._zone = zone
        self._number_of = number_reader(region, internal_digits)

    @classmethod
    @asynccontextmanager
    async def opened(cls, url: str, zone: str, region: str, internal_digits: int) -> AsyncIterator[EventStore]:
        """Hold a connection of its own to the warehouse.

        Raises:
            psycopg.OperationalError: it cannot be reached.
        """
        async with await connect(url) as connection:
            yield cls(connection, zone, region, internal_digits)

    async def take_place(self) -> bool:
        """Become the one listener; False where another is. The place is held until the connection ends."""
        async with self._turn:
            cursor = await self._connection.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [LOCK])
            [is_taken] = await cursor.fetchone() or [False]
        return bool(is_taken)

    async def note_switches(self, switches: Mapping[str, Any]) -> None:
        """Note how the switches stand: name to `is_on` and `reason`."""
        await self._run(
            "note_switches",
            {
                "names": list(switches),
                "are_on": [switch.is_on for switch in switches.values()],
                "reasons": [switch.reason for switch in switches.values()],
            },
        )

    async def connected(self, pbx_id: str, channel: str, snapshot: Snapshot | None) -> None:
        """Note that a server is listened to; what it has now is taken in, what it no longer has is ended."""
        await self._run(
            "note_connected",
            {
                "pbx": pbx_id,
                "told_by": channel,
                "zone": self._zone,
                "calls": sorted(snapshot.linkedids) if snapshot else None,
                "legs": sorted(snapshot.leg_ids) if snapshot and snapshot.leg_ids is not None else None,
                "asked_at": datetime.now(UTC),
            },
        )
        if snapshot and snapshot.events:
            await self._run("store_events", self._events(pbx_id, channel, snapshot.events))

    async def heard(self, pbx_id: str, channel: str, events: Sequence[CallEvent]) -> None:
        """Keep events; none at all is a sign of life."""
        if events:
            await self._run("store_events", self._events(pbx_id, channel, events))
        else:
            await self._run("note_heard", {"pbx": pbx_id})

    async def lost(self, pbx_id: str, channel: str, error: str) -> None:
        """Note that a server cannot be listened to at the moment."""
        await self._run("note_lost", {"pbx": pbx_id, "told_by": channel, "error": error})

    async def stopped(self, pbx_id: str, reason: str) -> None:
        """Note that a server is not listened to any more, on purpose."""
        await self._run("note_stopped", {"pbx": pbx_id, "reason": reason})

    def _events(self, pbx_id: str, channel: str, events: Sequence[CallEvent]) -> dict[str, Any]:
        rows = rows_of(events, self._number_of)
        return {"pbx": pbx_id, "told_by": channel, "zone": self._zone, "events": json.dumps(rows)}

    async def _run(self, name: str, values: Mapping[str, Any]) -> None:
        async with self._turn:
            await self._connection.execute(_statement(name), values, prepare=True)


async def connect(url: str) -> AsyncConnection[Any]:
    """Connect to the warehouse in autocommit mode; a server that is gone is noticed within seconds.

    Raises:
        psycopg.OperationalError: it cannot be reached.
    """
    return await AsyncConnection.connect(
        url,
        autocommit=True,
        connect_timeout=5,
        # Where the machine of the database is gone without a word, a statement would wait for hours.
        keepalives_idle=5,
        keepalives_interval=5,
        keepalives_count=2,
        tcp_user_timeout=15_000,
        options=" ".join(f"-c{name}={value}" for name, value in SESSION.items()) + " -cstatement_timeout=10s",
        application_name="switchboard listener",
    )


def number_reader(region: str, internal_digits: int) -> Callable[[str], str]:
    """Return a function that gives the E.164 form of a number, or the number as it is where it is none."""

    @lru_cache(_REMEMBERED_NUMBERS)
    def number_of(raw: str) -> str:
        form = parse_number(raw, region, internal_digits)
        return form.number or form.national_number or raw

    return number_of


@cache
def _statement(name: str) -> bytes:
    return files("assets.live").joinpath("sql", f"{name}.sql").read_bytes()
