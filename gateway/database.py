"""The warehouse as the gateway asks it: a pool of connections, and an answer in time or an error.

A PBX waits five seconds for us, so no question may wait longer than `answer_seconds`, whatever the server does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import BaseRowFactory
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import make_url

from gateway.config import GatewayConfig

T = TypeVar("T")

_SESSION = "-csearch_path=switchboard,public -cTimeZone=UTC -cjit=off -cstatement_timeout=2s"


class NoAnswerError(Exception):
    """The database did not answer in time; the caller goes its failover way."""


class RefusedError(NoAnswerError):
    """The database takes no such value, however often it is sent."""


class Database:
    """The warehouse, asked by named statements in `gateway/sql`."""

    def __init__(self, config: GatewayConfig) -> None:
        self._answer_seconds = config.answer_seconds
        self._url = make_url(config.database_url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._pool = AsyncConnectionPool(
            self._url,
            min_size=1,
            max_size=config.connections,
            timeout=config.answer_seconds,
            # A connection that the server closed meanwhile is replaced within seconds, not after minutes.
            reconnect_timeout=5,
            configure=_configure,
            kwargs={"options": _SESSION, "connect_timeout": 2},
            open=False,
        )
        self._given_up: set[asyncio.Task[Any]] = set()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Database]:
        """Hold connections to the warehouse. One that is away is waited for with each question, not here."""
        await self._pool.open()
        try:
            yield self
        finally:
            for asking in self._given_up:
                asking.cancel()
            await asyncio.gather(*self._given_up, return_exceptions=True)
            await self._pool.close()

    async def connect(self, name: str) -> AsyncConnection[Any]:
        """Return a connection of its own, in autocommit mode, to be closed by the caller.

        A server that vanished without a word is noticed within half a minute.

        Raises:
            psycopg.OperationalError: it cannot be reached.
        """
        return await AsyncConnection.connect(
            self._url,
            autocommit=True,
            connect_timeout=2,
            options=_SESSION,
            application_name=name,
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
        )

    async def ask(self, name: str, values: Mapping[str, Any], rows: BaseRowFactory[T]) -> list[T]:
        """Run the statement `gateway/sql/<name>.sql`; values are bound as `%(name)s`.

        Raises:
            NoAnswerError: the database cannot be asked, or takes too long.
            RefusedError: it takes no such value.
        """
        asking = asyncio.create_task(self._run(statement(name), values, rows))
        try:
            await asyncio.wait({asking}, timeout=self._answer_seconds)
        finally:
            if not asking.done():
                # Of a server that is silent the driver takes up to ten seconds' leave; no caller waits for that.
                asking.cancel()
                self._given_up.add(asking)
                asking.add_done_callback(self._forget)
        if not asking.done():
            raise NoAnswerError("The warehouse did not answer in time.")
        try:
            return asking.result()
        # The words of the driver may hold what was asked for.
        except (psycopg.DataError, psycopg.errors.StatementTooComplex) as error:
            raise RefusedError(f"The warehouse does not take this ({type(error).__name__}).") from None
        except psycopg.Error as error:
            raise NoAnswerError(f"The warehouse did not answer ({type(error).__name__}).") from None

    async def _run(self, text: bytes, values: Mapping[str, Any], rows: BaseRowFactory[T]) -> list[T]:
        while True:
            async with self._pool.connection() as connection:
                try:
                    cursor = connection.cursor(row_factory=rows)
                    await cursor.execute(text, values, prepare=True)
                    return await cursor.fetchall() if cursor.description else []
                except psycopg.OperationalError:
                    # A server that was started again has cut the connections of the pool: the next is as good.
                    if not connection.closed:
                        raise

    def _forget(self, asking: asyncio.Task[Any]) -> None:
        self._given_up.discard(asking)
        if not asking.cancelled():
            asking.exception()  # seen, or its words would be logged


async def _configure(connection: AsyncConnection[Any]) -> None:
    await connection.set_autocommit(True)


@cache
def statement(name: str) -> bytes:
    """Return the text of `gateway/sql/<name>.sql`."""
    return files("gateway").joinpath("sql", f"{name}.sql").read_bytes()
