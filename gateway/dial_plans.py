"""Which versions of our sample dial plan ask: noted at most once an hour, beside the call and never in its way."""

from __future__ import annotations

import asyncio
import logging
import time

from psycopg.rows import tuple_row

from gateway.database import Database, NoAnswerError

NOTED_EVERY_SECONDS = 3600.0
LARGEST = 999

_log = logging.getLogger(__name__)


class DialPlans:
    """Notes versions of dial plans."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._noted_at: dict[int, float] = {}
        self._noting: set[asyncio.Task[None]] = set()

    def note(self, told: str) -> None:
        """Note a version, as the dial plan wrote it; what is no small number is none."""
        if not (told.isascii() and told.isdigit() and 0 < int(told[:4]) <= LARGEST and len(told) < 4):
            return
        version, now = int(told), time.monotonic()
        if now - self._noted_at.get(version, -NOTED_EVERY_SECONDS) < NOTED_EVERY_SECONDS:
            return
        self._noted_at[version] = now
        noting = asyncio.create_task(self._note(version))
        self._noting.add(noting)
        noting.add_done_callback(self._noting.discard)

    async def _note(self, version: int) -> None:
        try:
            await self._database.ask("note_dial_plan", {"version": version}, tuple_row)
        except NoAnswerError as error:
            _log.info("The version of a dial plan was not noted: %s", error)
