"""Finding calls by a part of a name or number, as it is typed, among ten million of them.

Which clients and numbers fit is looked up first. Few: their calls are gathered, beginning with those who called
last. Many: nearly every page of the newest calls has some, so the newest are read and compared.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    TIMESTAMP,
    ColumnElement,
    Connection,
    Select,
    Text,
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
MOST_NEAR = 300
"""So many of the candidates, those who called last, are looked into where other filters may pass over their calls."""


@dataclass(frozen=True)
class Pattern:
    """What was typed, as patterns.

    Attributes:
        name: for ILIKE.
        digits: for LIKE on digits of numbers; empty where what was typed is no number.
    """

    name: str
    digits: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Pattern:
        """Read what was typed; 8 in front of a Russian number stands for 7."""
        digits = re.sub(r"[\s()+.-]", "", text)
        forms: tuple[str, ...] = ()
        if digits.isascii() and digits.isdigit() and len(digits) >= SHORTEST_TEXT:
            forms = (f"%{digits}%",)
            if digits[0] == "8" and len(digits) > SHORTEST_TEXT:
                forms += (f"7{digits[1:]}%",)
        return cls(f"%{_escaped(text)}%", forms)


def with_text(
    connection: Connection, pattern: Pattern, found: list[ColumnElement[bool]], limit: int, *, is_narrow: bool
) -> list[ColumnElement[bool]]:
    """Return conditions that leave only calls whose client or number fits.

    Args:
        connection: the warehouse.
        pattern: what was typed.
        found: what holds besides.
        limit: how many calls are wanted.
        is_narrow: whether `found` may pass over a client's newest calls.
    """
    owner = enriched_calls.c
    parties = connection.execute(_parties(pattern)).scalars().all()
    numbers = connection.execute(_numbers(pattern)).scalars().all() if pattern.digits else []
    if not parties and not numbers:
        return [*found, false()]
    if len(parties) + len(numbers) > MOST_CANDIDATES:
        return [*found, _fits(pattern)]
    last = union_all(
        _last_calls("party", parties, owner.party_id, owner.started_at),
        _last_calls("number", numbers, owner.number, owner.call_day),
    ).subquery()
    nearest = connection.execute(
        select(last.c.kind, last.c.key)
        .where(last.c.last_at.is_not(None))
        .order_by(last.c.last_at.desc(), last.c.key)
        .limit(MOST_NEAR if is_narrow else limit)
    ).all()
    chosen = {kind: [row.key for row in nearest if row.kind == kind] for kind in ("party", "number")}
    # Looked up by themselves: as a condition on the join the server would read all calls and compare.
    keys = union(
        select(owner.pbx_id, owner.linkedid).where(owner.party_id == func.any(_texts(chosen["party"]))),
        select(owner.pbx_id, owner.linkedid).where(owner.number == func.any(_texts(chosen["number"]))),
    ).subquery()
    call = call_history.c
    return [*found, tuple_(call.pbx_id, call.linkedid).in_(select(keys.c.pbx_id, keys.c.linkedid))]


def _last_calls(
    kind: str, keys: Sequence[str], key_column: ColumnElement[str], time_column: ColumnElement[Any]
) -> Select[Any]:
    """Return kind, key and the time of the last call of each key: one look into an index each."""
    given = select(func.unnest(_texts(keys)).label("key")).subquery()
    last = select(cast(func.max(time_column), TIMESTAMP(timezone=True))).where(key_column == given.c.key)
    return select(literal(kind).label("kind"), given.c.key, last.scalar_subquery().label("last_at"))


def _texts(values: Sequence[str]) -> ColumnElement[Any]:
    return cast(list(values), ARRAY(Text))


def _parties(pattern: Pattern) -> Select[str]:
    name, phone = crm_parties.c, crm_phones.c
    fitting = union_all(
        select(name.party_id).where(name.name.ilike(pattern.name)),
        select(phone.party_id).where(phone.contact_name.ilike(pattern.name)),
    ).subquery()
    return select(fitting.c.party_id).distinct().limit(MOST_CANDIDATES + 1)


def _numbers(pattern: Pattern) -> Select[str]:
    form = number_forms.c
    fits = or_(*[form.digits.like(digits) for digits in pattern.digits])
    return select(form.number).where(fits, form.number.is_not(None)).distinct().limit(MOST_CANDIDATES + 1)


def _fits(pattern: Pattern) -> ColumnElement[bool]:
    """Compare a call's own client and number."""
    # Other names: the list itself joins the tables. And no EXISTS, which the server may answer for all clients at once.
    owner, party, phone = enriched_calls.c, crm_parties.alias("fitting").c, crm_phones.alias("fitting_phone").c
    name = select(party.name).where(party.party_id == owner.party_id).scalar_subquery().ilike(pattern.name)
    contact = (
        select(func.min(phone.contact_name))
        .where(
            phone.party_id == owner.party_id,
            phone.contact_id == owner.contact_id,
            phone.contact_name.ilike(pattern.name),
        )
        .scalar_subquery()
        .is_not(None)
    )
    numbers = [func.substr(owner.number, 2).like(digits) for digits in pattern.digits]
    return or_(name, contact, *numbers)


def _escaped(text: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", text)
