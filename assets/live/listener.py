"""The one listener: listens where the switches allow it, holds the lock that makes it single, lets go at once.

It keeps what it hears on the connection that holds the lock: if that is lost, so is the right to listen.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass

import psycopg

from assets.live.listen import Listened, listen
from assets.live.store import EventStore

LOOK_SECONDS = 1.0
STANDBY_SECONDS = 1.0
STOPPED = "Switchboard was stopped"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Switch:
    """Whether something may act now.

    Attributes:
        is_on: whether it may.
        reason: why, for people.
    """

    is_on: bool
    reason: str


@dataclass(frozen=True)
class Server:
    """A server that is listened to while its switch is on.

    Attributes:
        switch: the name of the sensor.
        listened: how it is listened to.
    """

    switch: str
    listened: Listened


class Listener:
    """Listens to servers while their switches are on.

    Args:
        servers: by their `pbx_id`.
        look: tells how the switches stand; asked in a thread, about every second. While it fails they stand as before.
        open_store: opens a connection to the warehouse.
    """

    def __init__(
        self,
        servers: Mapping[str, Server],
        look: Callable[[], Mapping[str, Switch]],
        open_store: Callable[[], AbstractAsyncContextManager[EventStore]],
    ) -> None:
        self._servers = servers
        self._look = look
        self._open_store = open_store
        self._switches: Mapping[str, Switch] = {}

    async def run(self) -> None:
        """Follow the switches until cancelled; then let go."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._follow_switches())
            both.create_task(self._listen())

    async def _follow_switches(self) -> None:
        told: Mapping[str, Switch] = {}
        while True:
            try:
                self._switches = await asyncio.to_thread(self._look)
                if self._switches != told:
                    async with self._open_store() as store:
                        await store.note_switches(self._switches)
                    told = self._switches
                    for name, switch in told.items():
                        _log.info("%s: %s", name, switch.reason)
            except Exception as error:
                # Whatever keeps Dagster's storage from being asked: listening goes on as it was.
                _log.warning("The switches cannot be asked (%s); they count as before.", type(error).__name__)
            await asyncio.sleep(LOOK_SECONDS)

    async def _listen(self) -> None:
        while True:
            if self._wanted():
                try:
                    async with self._open_store() as store:
                        if await store.take_place():
                            await self._listen_here(store)
                            continue
                except psycopg.Error as error:
                    _log.warning("The warehouse is lost (%s); nothing is listened to.", type(error).__name__)
            await asyncio.sleep(STANDBY_SECONDS)

    async def _listen_here(self, store: EventStore) -> None:
        """Listen as the switches say until all are off."""
        tasks: dict[str, asyncio.Task[None]] = {}
        reason = STOPPED
        try:
            while wanted := self._wanted():
                for pbx_id in wanted - tasks.keys():
                    tasks[pbx_id] = asyncio.create_task(listen(pbx_id, self._servers[pbx_id].listened, store))
                for pbx_id in tasks.keys() - wanted:
                    await self._let_go(store, {pbx_id: tasks.pop(pbx_id)}, self._reason(pbx_id))
                done, _ = await asyncio.wait(
                    tasks.values(), timeout=LOOK_SECONDS / 2, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    task.result()  # it never ends but by an error
            reason = ""
        finally:
            await self._let_go(store, tasks, reason)

    async def _let_go(self, store: EventStore, tasks: Mapping[str, asyncio.Task[None]], reason: str) -> None:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        with suppress(psycopg.Error):
            for pbx_id in tasks:
                await store.stopped(pbx_id, reason or self._reason(pbx_id))
                _log.info("No longer listening to %s: %s", pbx_id, reason or self._reason(pbx_id))

    def _wanted(self) -> set[str]:
        return {
            pbx_id
            for pbx_id, server in self._servers.items()
            if (switch := self._switches.get(server.switch)) and switch.is_on
        }

    def _reason(self, pbx_id: str) -> str:
        return self._switches[self._servers[pbx_id].switch].reason
