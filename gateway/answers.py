"""Answers to numbers, from the warehouse: one statement for each, so that no answer mixes two tables.

The rules are those of the SQL function `switchboard.route`; here is only how it is asked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from psycopg.rows import class_row, dict_row, tuple_row

from assets.contacts.numbers import parse_number
from gateway.config import GatewayConfig
from gateway.database import Database, NoAnswerError

TEST_CALL = "777777777"
"""What a MikoPBX asks for when one of its own telephones tries the menu."""

_REMEMBERED_NUMBERS = 100_000
_E164 = re.compile(r"\+[1-9]\d{9,14}")


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
        is_exchange_on: whether names may be told: the switch `contact_exchange`.
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
    is_exchange_on: bool

    @property
    def phrases(self) -> list[str]:
        """What the voice menu says."""
        said = [self.greeting, *(who.get("phrase") for who in self.ranked), self.ending]
        return [phrase for phrase in said if phrase]

    @property
    def caller_name(self) -> str:
        """The name shown while the telephone rings; empty where nobody is known."""
        return caller_name_of(self.contact_name, self.client_name)

    @property
    def intercepting_extension(self) -> str | None:
        """Whose telephone may ring beside the call's normal route; None is nobody's."""
        if self.employee_id is None or self.interception == "off":
            return None
        if self.interception == "crm_attribute" and self.reason != "crm_owner":
            return None
        return self.extension


@dataclass(frozen=True)
class Caller:
    """Who calls from a number, as far as the cards tell.

    Attributes:
        party_id: the client; None is nobody known.
        client_name: its name.
        contact_name: the contact whose number it is.
        is_exchange_on: whether names may be told: the switch `contact_exchange`.
        switch_reason: why it is on or off, for people.
    """

    party_id: str | None
    client_name: str | None
    contact_name: str | None
    is_exchange_on: bool
    switch_reason: str

    @property
    def caller_name(self) -> str:
        """The name shown while the telephone rings; empty where nobody is known."""
        return caller_name_of(self.contact_name, self.client_name)


class Answers:
    """What PBXs and other programs ask of the warehouse."""

    def __init__(self, database: Database, config: GatewayConfig) -> None:
        self._database = database
        self._config = config
        self.number_of = lru_cache(_REMEMBERED_NUMBERS)(self._number_of)

    def form_of(self, asked: str) -> str:
        """Return a number in any notation as the tables have it: E.164, or as it is where it is none."""
        return self.number_of(_without_nul(asked).strip())

    async def of(self, asked: str, at: datetime | None = None) -> Answer:
        """Answer a number in any notation, now or at a moment.

        Raises:
            NoAnswerError: the database cannot be asked, or takes too long.
        """
        values = {"number": self.form_of(asked), "at": at}
        [answer] = await self._database.ask("select_answer", values, class_row(Answer))
        return answer

    async def caller(self, asked: str) -> Caller:
        """Tell whose a number in any notation is now.

        Raises:
            NoAnswerError: see `of`.
        """
        values = {"number": self.form_of(asked)}
        [caller] = await self._database.ask("select_caller", values, class_row(Caller))
        return caller

    async def employees(self) -> list[dict[str, Any]]:
        """Return who works here today: `id`, `name`, `mobile`, `extension`.

        Raises:
            NoAnswerError: see `of`.
        """
        return await self._database.ask("select_employees", {}, dict_row)

    async def keep_event(self, source: str, subject: str, data: str) -> None:
        """Store an event that a PBX sent, a JSON text; one that came before is only counted.

        Raises:
            NoAnswerError: it was not stored; the sender should send it again.
            RefusedError: it is no JSON that can be stored.
        """
        await self._database.ask("store_event", {"source": source, "subject": subject, "data": data}, tuple_row)

    async def keep_callback_number(self, source: str, number: str) -> None:
        """Store the number at which a PBX says its voice menu is reached.

        Raises:
            NoAnswerError: it was not stored.
        """
        await self._database.ask("store_callback_number", {"source": source, "number": _without_nul(number)}, tuple_row)

    async def is_there(self) -> bool:
        """Tell whether the database answers."""
        try:
            await self._database.ask("is_there", {}, tuple_row)
        except NoAnswerError:
            return False
        return True

    def _number_of(self, asked: str) -> str:
        if _E164.fullmatch(asked):
            return asked
        form = parse_number(asked, self._config.region, self._config.internal_digits)
        return form.number or form.national_number or asked


def _without_nul(text: str) -> str:
    """Return a text without the one sign that no text of the database may hold."""
    return text.replace("\0", "")


def caller_name_of(contact_name: str | None, client_name: str | None) -> str:
    """Return the name of a caller for a telephone's display."""
    return " - ".join(filter(None, (contact_name, client_name)))


def extensions_of(ranked: Sequence[dict[str, Any]]) -> list[str]:
    """Return the extensions of those offered, in order."""
    return [who["extension"] for who in ranked]
