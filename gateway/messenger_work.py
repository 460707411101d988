"""The messengers' work that waits for no tick.

Webhooks are taken in as they come; and where the settings say so, what somebody writes is sent at once. Each gateway
does it: whatever is in hand is locked or leased in the database.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from psycopg.rows import tuple_row
from sqlalchemy.exc import SQLAlchemyError

from assets.messenger.rules import Messengers
from assets.messenger.work import SWITCH, send_due, take_in
from gateway.config import GatewayConfig
from gateway.database import Database, NoAnswerError
from resources.warehouse.connection import Warehouse

_log = logging.getLogger(__name__)

LOOK_SECONDS = 15.0
"""What came while nobody listened is found after so long."""

_PAUSE_SECONDS = 1.0


class MessengerWork:
    """Takes in, and sends, while the gateway runs."""

    def __init__(self, database: Database, messengers: Messengers, config: GatewayConfig) -> None:
        self._database = database
        self._messengers = messengers
        self._warehouse = Warehouse(config.database_url)
        self._has_come = asyncio.Event()
        self._is_written = asyncio.Event()
        self._is_ending = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Work until the end of the block; what is in hand then is finished first."""
        if not self._messengers.accounts:
            yield
            return
        listening = asyncio.create_task(self._listen())
        working = [asyncio.create_task(self._take_in())]
        if self._messengers.sends_at_once:
            working.append(asyncio.create_task(self._send()))
        try:
            yield
        finally:
            self._is_ending = True
            listening.cancel()
            self._has_come.set()
            self._is_written.set()
            await asyncio.gather(listening, *working, return_exceptions=True)
            self._warehouse.engine.dispose()

    async def _listen(self) -> None:
        while True:
            try:
                async with await self._database.connect("switchboard messenger") as connection:
                    await connection.execute("LISTEN switchboard_webhooks")
                    await connection.execute("LISTEN switchboard_outbox")
                    while True:
                        self._has_come.set()
                        self._is_written.set()
                        async for told in connection.notifies(timeout=LOOK_SECONDS):
                            (self._is_written if told.channel == "switchboard_outbox" else self._has_come).set()
            except (psycopg.Error, OSError) as error:
                _log.warning("New messages cannot be listened for (%s); trying again.", type(error).__name__)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _take_in(self) -> None:
        while not self._is_ending:
            await self._has_come.wait()
            self._has_come.clear()
            try:
                await asyncio.to_thread(take_in, self._warehouse, self._messengers, lambda: self._is_ending)
            except SQLAlchemyError as error:
                _log.warning("What came waits: the warehouse cannot be asked (%s).", type(error).__name__)
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _send(self) -> None:
        while not self._is_ending:
            await self._is_written.wait()
            self._is_written.clear()
            try:
                if await self._is_on():
                    await asyncio.to_thread(send_due, self._warehouse, self._messengers, lambda: self._is_ending)
            except (SQLAlchemyError, NoAnswerError) as error:
                _log.warning("What is to be sent waits: the warehouse cannot be asked (%s).", type(error).__name__)
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _is_on(self) -> bool:
        """Whether sending is switched on; where nobody noted it, it is not."""
        found = await self._database.ask("is_switched_on", {"name": SWITCH}, tuple_row)
        return bool(found and found[0][0])
