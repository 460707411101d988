"""Finding calls by a part of a name or number, as it is typed, among ten million of them.

Which clients and numbers fit is looked up first. Few: their calls are gathered, and where only the newest are wanted,
since the day on which enough of them had called. Many: nearly every page of the newest calls has some, so the newest
are read and compared.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    Row,
    Select,
    Text,
    and_,
    cast,
    false,
    func,
    literal,
    or_,
    select,
    tuple_,
    union,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY

from resources.warehouse.tables import call_history, crm_parties, crm_phones, enriched_calls, number_forms

SHORTEST_TEXT = 3
MOST_CANDIDATES = 2_000
_MOST_FORMS = 3 * MOST_CANDIDATES
"""A number is written in one way or two, seldom in more."""

_BETWEEN_DIGITS = re.compile(r"[\s()+.\-/\u2010-\u2015]")


@dataclass(frozen=True)
class Pattern:
    """What was typed.

    Attributes:
        words: each stands in a name, in any order.
        digits: for LIKE on digits of numbers; empty where what was typed is no number.
    """

    words: tuple[str, ...]
    digits: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Pattern | None:
        """Read what was typed; 8 in front of a Russian number stands for 7. None where it is too short to look for."""
        digits = _BETWEEN_DIGITS.sub("", text)
        is_number = not digits or (digits.isascii() and digits.isdigit())
        words = tuple(text.split())
        if max(map(len, (digits,) if is_number else words)) < SHORTEST_TEXT:
            return None
        forms: tuple[str, ...] = ()
        if is_number:
            forms = (f"%{digits}%",)
            if digits[0] == "8" and len(digits) > SHORTEST_TEXT:
                forms += (f"7{digits[1:]}%",)
        return cls(words, forms)

    def is_in(self, name: ColumnElement[str]) -> ColumnElement[bool]:
        """Return what holds for a name that has all the words."""
        return and_(*[_has_word(name, word.lower()) for word in self.words])


@dataclass(frozen=True)
class Days:
    """Between which business days calls are wanted, both included; None is without an end."""

    first_day: date | None
    last_day: date | None
    zone: str

    def of_days(self, day: ColumnElement[date]) -> list[ColumnElement[bool]]:
        """Return what holds for a column of days."""
        found = [day >= self.first_day] if self.first_day else []
        return [*found, *([day <= self.last_day] if self.last_day else [])]

    def of_moments(self, moment: ColumnElement[datetime]) -> list[ColumnElement[bool]]:
        """Return the same for a column of instants."""
        found = [moment >= self._start(self.first_day)] if self.first_day else []
        return [*found, *([moment < self._start(self.last_day + timedelta(days=1))] if self.last_day else [])]

    def _start(self, day: date) -> datetime:
        return datetime.combine(day, time.min, ZoneInfo(self.zone))


@dataclass(frozen=True)
class Candidates:
    """Clients and numbers that fit what was typed; None where they are too many to be looked up one by one."""

    parties: Sequence[str]
    numbers: Sequence[str]

    def __len__(self) -> int:
        """Return how many there are of both."""
        return len(self.parties) + len(self.numbers)


def candidates_of(connection: Connection, pattern: Pattern) -> Candidates | None:
    """Look up who fits what was typed; None where it is more than `MOST_CANDIDATES`."""
    parties = connection.execute(_parties(pattern)).scalars().all()
    # Not DISTINCT: for three digits the server would first collect half of all numbers.
    forms = connection.execute(_numbers(pattern)).scalars().all() if pattern.digits else []
    fitting = Candidates(parties, list(dict.fromkeys(forms)))
    return None if len(fitting) > MOST_CANDIDATES or len(forms) > _MOST_FORMS else fitting


def with_text(
    connection: Connection,
    pattern: Pattern,
    fitting: Candidates | None,
    found: list[ColumnElement[bool]],
    days: Days,
    callers: int | None,
) -> tuple[list[ColumnElement[bool]], bool]:
    """Return conditions that leave only calls whose client or number fits, and whether they leave all of them.

    Args:
        connection: the warehouse.
        pattern: what was typed.
        fitting: who fits it.
        found: what holds besides.
        days: those that `found` leaves.
        callers: leave the calls since the day on which this many clients and numbers had called, counted from the
            newest; None is all calls.
    """
    if fitting is None:
        return [*found, _fits(pattern)], True
    if not fitting:
        return [*found, false()], True
    owner, parties, numbers = enriched_calls.c, fitting.parties, fitting.numbers
    is_all = callers is None or len(fitting) <= callers
    if callers is not None and not is_all:
        last = _last_callers(connection, parties, numbers, days, callers)
        parties, numbers = ([row.key for row in last if row.kind == kind] for kind in ("party", "number"))
        is_all = len(last) < callers
        if not is_all:
            days = replace(days, first_day=last[-1].last_day)
    # Looked up by themselves: as a condition on the join the server would read all calls and compare.
    of_parties = [owner.party_id == func.any(_texts(parties)), *days.of_moments(owner.started_at)]
    of_numbers = [owner.number == func.any(_texts(numbers)), *days.of_days(owner.call_day)]
    keys = union(
        select(owner.pbx_id, owner.linkedid).where(*of_parties),
        select(owner.pbx_id, owner.linkedid).where(*of_numbers),
    ).subquery()
    call = call_history.c
    return [*found, tuple_(call.pbx_id, call.linkedid).in_(select(keys.c.pbx_id, keys.c.linkedid))], is_all


def _last_callers(
    connection: Connection, parties: Sequence[str], numbers: Sequence[str], days: Days, callers: int
) -> Sequence[Row[Any, Any, Any]]:
    """Return kind, key and last day of those who called last: one look into an index for each."""
    owner = enriched_calls.c
    given = select(func.unnest(_texts(parties)).label("key")).subquery()
    moment = (
        select(func.max(owner.started_at))
        .where(owner.party_id == given.c.key, *days.of_moments(owner.started_at))
        .scalar_subquery()
    )
    last_day = cast(func.timezone(literal(days.zone), moment), Date).label("last_day")
    by_party = select(literal("party").label("kind"), given.c.key, last_day)
    given = select(func.unnest(_texts(numbers)).label("key")).subquery()
    day = (
        select(func.max(owner.call_day))
        .where(owner.number == given.c.key, *days.of_days(owner.call_day))
        .scalar_subquery()
    )
    by_number = select(literal("number"), given.c.key, day)
    last = union_all(by_party, by_number).subquery()
    return connection.execute(
        select(last.c.kind, last.c.key, last.c.last_day)
        .where(last.c.last_day.is_not(None))
        .order_by(last.c.last_day.desc())
        # All calls of that day are wanted.
        .fetch(callers, with_ties=True)
    ).all()


def _texts(values: Sequence[str]) -> ColumnElement[Any]:
    return cast(list(values), ARRAY(Text))


def _parties(pattern: Pattern) -> Select[str]:
    name, phone = crm_parties.c, crm_phones.c
    fitting = union_all(
        select(name.party_id).where(pattern.is_in(name.name)),
        select(phone.party_id).where(pattern.is_in(phone.contact_name)),
    ).subquery()
    return select(fitting.c.party_id).distinct().limit(MOST_CANDIDATES + 1)


def _numbers(pattern: Pattern) -> Select[str]:
    form = number_forms.c
    fits = or_(*[form.digits.like(digits) for digits in pattern.digits])
    return select(form.number).where(fits, form.number.is_not(None)).limit(_MOST_FORMS + 1)


def _fits(pattern: Pattern) -> ColumnElement[bool]:
    """Compare a call's own client and number."""
    # Other names: the list itself joins the tables. And no EXISTS, which the server may answer for all clients at once.
    owner, party, phone = enriched_calls.c, crm_parties.alias("fitting").c, crm_phones.alias("fitting_phone").c
    name = (
        select(party.name)
        .where(party.party_id == owner.party_id, pattern.is_in(party.name))
        .scalar_subquery()
        .is_not(None)
    )
    contact = (
        select(func.min(phone.contact_name))
        .where(
            phone.party_id == owner.party_id,
            phone.contact_id == owner.contact_id,
            pattern.is_in(phone.contact_name),
        )
        .scalar_subquery()
        .is_not(None)
    )
    numbers = [func.substr(owner.number, 2).like(digits) for digits in pattern.digits]
    return or_(name, contact, *numbers)


def _has_word(name: ColumnElement[str], word: str) -> ColumnElement[bool]:
    if "е" in word or "ё" in word:
        # People type е for ё.
        return name.regexp_match(re.sub("[её]", "[её]", re.escape(word)), flags="i")
    return name.ilike("%" + re.sub(r"([\\%_])", r"\\\1", word) + "%")
