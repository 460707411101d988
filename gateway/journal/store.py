"""The warehouse as the journal asks it: a few connections of its own, in threads, and an answer in time or an error."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, create_engine, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from gateway.database import NoAnswerError, RefusedError

T = TypeVar("T")

CONNECTIONS = 4
LONGEST_SECONDS = 20

_SESSION = (
    "-csearch_path=switchboard,public -cTimeZone=UTC -cjit=off -crandom_page_cost=1.1 -cwork_mem=64MB "
    f"-cstatement_timeout={LONGEST_SECONDS}s -cdefault_transaction_read_only=on"
)


class JournalStore:
    """Reads the warehouse; nothing is ever written through it.

    Args:
        database_url: any `postgresql://` form.
    """

    def __init__(self, database_url: str) -> None:
        self.engine = create_engine(
            make_url(database_url).set(drivername="postgresql+psycopg"),
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_timeout=LONGEST_SECONDS,
            pool_pre_ping=True,
            hide_parameters=True,
            # Each question is another one: a plan kept for all of them fits none.
            connect_args={"options": _SESSION, "connect_timeout": 2, "prepare_threshold": None},
        )
        # Threads wait here and not in the pool of threads that all handlers share.
        self._seats = asyncio.Semaphore(CONNECTIONS)

    async def read(self, question: Callable[[Connection], T]) -> T:
        """Ask in a thread.

        Raises:
            NoAnswerError: the warehouse is away, or the question takes too long.
            RefusedError: it takes no such value.
        """
        try:
            await asyncio.wait_for(self._seats.acquire(), LONGEST_SECONDS)
        except TimeoutError:
            raise NoAnswerError("The warehouse is busy with other reports.") from None
        try:
            return await asyncio.to_thread(self._read, question)
        finally:
            self._seats.release()

    def _read(self, question: Callable[[Connection], T]) -> T:
        try:
            with self.engine.connect() as connection:
                return question(connection)
        except PoolTimeoutError:
            raise NoAnswerError("The warehouse is busy with other reports.") from None
        except DBAPIError as error:
            name = type(error.orig).__name__
            if name == "QueryCanceled":
                raise NoAnswerError(f"This took longer than {LONGEST_SECONDS} s: ask for fewer days.") from None
            # The words of the driver may hold what was asked for.
            kind = RefusedError if (getattr(error.orig, "sqlstate", "") or "").startswith("22") else NoAnswerError
            raise kind(f"The warehouse did not answer ({name}).") from None

    def close(self) -> None:
        """Let go of the connections."""
        self.engine.dispose()
