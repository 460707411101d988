"""Answers to numbers, from the warehouse: one statement for each, so that no answer mixes two tables.

The rules are those of the SQL function `switchboard.route`; here is only how it is asked.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any, TypeVar

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import BaseRowFactory, class_row, dict_row, tuple_row
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import make_url

from assets.contacts.numbers import parse_number
from gateway.config import GatewayConfig

TEST_CALL = "777777777"
"""What a MikoPBX asks for when one of its own telephones tries the menu."""

_REMEMBERED_NUMBERS = 100_000
_E164 = re.compile(r"\+[1-9]\d{9,14}")


T = TypeVar("T")


class NoAnswerError(Exception):
    """The database did not answer in time; the caller goes its failover way."""


class RefusedError(NoAnswerError):
    """The database takes no such value, however often it is sent."""


@dataclass(frozen=True)
class Answer:
    """Who should answer a number at a moment: a row of `switchboard.route`, whose columns these are.

    Attributes:
        number: E.164, or as dialled.
        client_id: the party, or `tel:<number>`.
        party_id: the party.
        client_name: its name.
        contact_name: the contact whose number it is.
        is_known: whether the number has an owner.
        employee_id: the responsible; None is nobody, so the call is the queue's.
        employee_name: their name.
        extension: theirs, or the queue's.
        reason: the rung of the ladder: pin, crm_owner, rank, kept, last_talker, queue.
        instead_of: the employee for whom this one stands in.
        ranked: who is offered, in order: employee_id, name, extension, reason, step, score, share, phrase.
        unavailable: who would be offered but is away: the same, with `unavailable` and `until`.
        greeting: the menu's first words.
        ending: its last words.
        version: of the routing table; None where nothing is published.
        built_at: when that was built.
        verified_at: when it was last seen to be what should be live.
        is_stale: whether it was not verified in time.
        age_seconds: since it was verified.
        interception: off, crm_attribute or automatic.
    """

    number: str
    client_id: str
    party_id: str | None
    client_name: str | None
    contact_name: str | None
    is_known: bool
    employee_id: str | None
    employee_name: str | None
    extension: str | None
    reason: str
    instead_of: str | None
    ranked: list[dict[str, Any]]
    unavailable: list[dict[str, Any]]
    greeting: str | None
    ending: str | None
    version: int | None
    built_at: datetime | None
    verified_at: datetime | None
    is_stale: bool
    age_seconds: float | None
    interception: str

    @property
    def phrases(self) -> list[str]:
        """What the voice menu says."""
        said = [self.greeting, *(who.get("phrase") for who in self.ranked), self.ending]
        return [phrase for phrase in said if phrase]

    @property
    def caller_name(self) -> str:
        """The name shown while the telephone rings; empty where nobody is known."""
        return " - ".join(filter(None, (self.contact_name, self.client_name)))

    @property
    def intercepting_extension(self) -> str | None:
        """Whose telephone may ring beside the call's normal route; None is nobody's."""
        if self.employee_id is None or self.interception == "off":
            return None
        if self.interception == "crm_attribute" and self.reason != "crm_owner":
            return None
        return self.extension


class Answers:
    """The warehouse as the gateway asks it."""

    def __init__(self, config: GatewayConfig) -> None:
        self._config = config
        self._pool = AsyncConnectionPool(
            make_url(config.database_url).set(drivername="postgresql").render_as_string(hide_password=False),
            min_size=1,
            max_size=config.connections,
            timeout=config.answer_seconds,
            # A connection that the server closed meanwhile is replaced within seconds, not after minutes.
            reconnect_timeout=5,
            configure=_configure,
            kwargs={"options": "-csearch_path=switchboard -cTimeZone=UTC -cstatement_timeout=2s", "connect_timeout": 2},
            open=False,
        )
        self._given_up: set[asyncio.Task[Any]] = set()
        self.number_of = lru_cache(_REMEMBERED_NUMBERS)(self._number_of)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Answers]:
        """Hold connections to the warehouse. One that is away is waited for with each look-up, not here."""
        await self._pool.open()
        try:
            yield self
        finally:
            for asking in self._given_up:
                asking.cancel()
            await asyncio.gather(*self._given_up, return_exceptions=True)
            await self._pool.close()

    async def of(self, asked: str, at: datetime | None = None) -> Answer:
        """Answer a number in any notation, now or at a moment.

        Raises:
            NoAnswerError: the database cannot be asked, or takes too long.
        """
        values = {"number": self.number_of(_without_nul(asked).strip()), "at": at}
        [answer] = await self._ask(_SELECT_ANSWER, values, class_row(Answer))
        return answer

    async def employees(self) -> list[dict[str, Any]]:
        """Return who works here today: `id`, `name`, `mobile`, `extension`.

        Raises:
            NoAnswerError: see `of`.
        """
        return await self._ask(_SELECT_EMPLOYEES, {}, dict_row)

    async def keep_event(self, source: str, subject: str, data: str) -> None:
        """Store an event that a PBX sent, a JSON text; one that came before is only counted.

        Raises:
            NoAnswerError: it was not stored; the sender should send it again.
            RefusedError: it is no JSON that can be stored.
        """
        await self._ask(_STORE_EVENT, {"source": source, "subject": subject, "data": data}, tuple_row)

    async def keep_callback_number(self, source: str, number: str) -> None:
        """Store the number at which a PBX says its voice menu is reached.

        Raises:
            NoAnswerError: it was not stored.
        """
        await self._ask(_STORE_CALLBACK_NUMBER, {"source": source, "number": _without_nul(number)}, tuple_row)

    async def is_there(self) -> bool:
        """Tell whether the database answers."""
        try:
            await self._ask("SELECT 1", {}, tuple_row)
        except NoAnswerError:
            return False
        return True

    async def _ask(self, statement: str, values: Mapping[str, Any], rows: BaseRowFactory[T]) -> list[T]:
        asking = asyncio.create_task(self._run(statement, values, rows))
        try:
            await asyncio.wait({asking}, timeout=self._config.answer_seconds)
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

    async def _run(self, statement: str, values: Mapping[str, Any], rows: BaseRowFactory[T]) -> list[T]:
        while True:
            async with self._pool.connection() as connection:
                try:
                    cursor = connection.cursor(row_factory=rows)
                    await cursor.execute(statement, values, prepare=True)
                    return await cursor.fetchall() if cursor.description else []
                except psycopg.OperationalError:
                    # A server that was started again has cut the connections of the pool: the next is as good.
                    if not connection.closed:
                        raise

    def _forget(self, asking: asyncio.Task[Any]) -> None:
        self._given_up.discard(asking)
        if not asking.cancelled():
            asking.exception()  # seen, or its words would be logged

    def _number_of(self, asked: str) -> str:
        if _E164.fullmatch(asked):
            return asked
        form = parse_number(asked, self._config.region, self._config.internal_digits)
        return form.number or form.national_number or asked


async def _configure(connection: AsyncConnection[Any]) -> None:
    await connection.set_autocommit(True)


def _without_nul(text: str) -> str:
    """Return a text without the one sign that no text of the database may hold."""
    return text.replace("\0", "")


def extensions_of(ranked: Sequence[dict[str, Any]]) -> list[str]:
    """Return the extensions of those offered, in order."""
    return [who["extension"] for who in ranked]


def _sql(name: str) -> str:
    return files("gateway").joinpath("sql", f"{name}.sql").read_text("utf-8")


_SELECT_ANSWER = _sql("select_answer")
_SELECT_EMPLOYEES = _sql("select_employees")
_STORE_EVENT = _sql("store_event")
_STORE_CALLBACK_NUMBER = _sql("store_callback_number")
