"""Whose a number is, set by hand: dated facts in `number_overrides` that win over every card.

They come from a file, which is the whole truth about its own overrides, or one by one from a command.
A fact is never rewritten: a later word about the same time supersedes it. Overrides of two sources
cannot speak about one number at one time; whoever comes second is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import pandas as pd
from sqlalchemy import Connection, select

from assets.contacts.errors import OverrideError
from assets.contacts.load import PACKAGE, begin_load, quarantine_refused, refuse
from assets.contacts.numbers import parse_number, remember_numbers
from assets.contacts.rules import ContactRules
from resources.contacts.rows import ContactPortion
from resources.warehouse.connection import copy_rows
from resources.warehouse.statements import run, statement
from resources.warehouse.tables import crm_parties, crm_phones, number_overrides

COMMAND = "assign"
"""The source of overrides that were given one by one."""


@dataclass(frozen=True)
class OverridesReport:
    """What a load of overrides did.

    Attributes:
        recorded: overrides recorded, those cut short among them.
        refused: rows not taken, with their reason in `quarantine`.
    """

    recorded: int
    refused: int


def store_overrides(
    connection: Connection, source: str, portions: Iterable[ContactPortion], rules: ContactRules
) -> OverridesReport:
    """Make a source's overrides what it says; what it has no longer ends now.

    Args:
        connection: inside a transaction; the caller commits.
        source: the source's name in the settings.
        portions: everything the source has, in the columns `OVERRIDE_COLUMNS`.
        rules: see there.
    """
    return _store_portions(connection, source, portions, rules, is_whole=True)


def assign_all(connection: Connection, portions: Iterable[ContactPortion], rules: ContactRules) -> OverridesReport:
    """Assign the numbers of a file once, as if one by one; what was assigned before and is not in it stays."""
    return _store_portions(connection, COMMAND, portions, rules, is_whole=False)


def assign(
    connection: Connection,
    number: str,
    party_id: str | None,
    rules: ContactRules,
    *,
    contact_id: str = "",
    from_day: date | None = None,
    until_day: date | None = None,
    is_retroactive: bool = False,
    note: str = "",
) -> str:
    """Say by hand whose a number is, from now on or as dated.

    Args:
        connection: inside a transaction; the caller commits.
        number: in any notation.
        party_id: whose it is; None says that it is nobody's.
        rules: see there.
        contact_id: the party's contact; empty where the number is the party's own.
        from_day: first business day; None is now.
        until_day: first business day no longer; None is for good.
        is_retroactive: it was so from the beginning of time.
        note: why, for people.

    Returns:
        The number in E.164.

    Raises:
        OverrideError: the number is none, the party or contact is unknown, or a file holds the number.
    """
    form = parse_number(number, rules.region, rules.internal_digits)
    if form.kind != "external" or form.number is None:
        raise OverrideError(
            "This is no subscriber number. Write it with its country code, such as +7 495 123-45-67; numbers "
            f"without one are read as those of {rules.region}."
        )
    if is_retroactive and from_day:
        raise OverrideError("A retroactive assignment has no first day: leave one of the two out.")
    _check_party(connection, party_id, contact_id)
    values = _begin(connection, COMMAND, rules)
    row = {
        "number": form.number,
        "party_id": party_id or "",
        "contact_id": contact_id,
        "valid_from": from_day.isoformat() if from_day else "",
        "valid_to": until_day.isoformat() if until_day else "",
        "retroactive": "yes" if is_retroactive else "",
        "note": note,
    }
    _stage(connection, pd.DataFrame([row], dtype=str))
    _collect(connection, values, rules)
    refused = connection.exec_driver_sql("SELECT reason FROM refused_contacts").scalars().all()
    if refused:
        raise OverrideError(f"The assignment was not taken: {refused[0]}. {_held_by(connection, form.number)}".strip())
    _store(connection, COMMAND, is_whole=False)
    return form.number


def revoke(connection: Connection, number: str, rules: ContactRules, *, is_retroactive: bool = False) -> str:
    """Take back what was assigned by hand, from now on or as if it had never been; the cards decide again.

    Returns:
        The number in E.164.

    Raises:
        OverrideError: nothing is assigned by hand that could be taken back.
    """
    form = parse_number(number, rules.region, rules.internal_digits)
    _begin(connection, COMMAND, rules)
    since = "-infinity" if is_retroactive else "now"
    values = {"source": COMMAND, "number": form.number, "since": since}
    run(connection, PACKAGE, "revoke_overrides", values)
    has_ended = connection.execute(
        select(number_overrides.c.override_id).where(
            number_overrides.c.number == form.number,
            number_overrides.c.source == COMMAND,
            number_overrides.c.superseded_at == connection.exec_driver_sql("SELECT now()").scalar_one(),
        )
    ).first()
    if has_ended is None or form.number is None:
        held = _held_by(connection, form.number or "")
        raise OverrideError(f"Nothing is assigned by this command to that number now. {held}".strip())
    run(connection, PACKAGE, "store_overrides", {"source": COMMAND})
    return form.number


def _store_portions(
    connection: Connection, source: str, portions: Iterable[ContactPortion], rules: ContactRules, *, is_whole: bool
) -> OverridesReport:
    values = _begin(connection, source, rules)
    for portion in portions:
        refuse(connection, ((row.reason, row.raw, row.key) for row in portion.refused))
        _stage(connection, portion.rows)
    _collect(connection, values, rules)
    return OverridesReport(_store(connection, source, is_whole=is_whole), quarantine_refused(connection, source))


def _begin(connection: Connection, source: str, rules: ContactRules) -> dict[str, str]:
    values = begin_load(connection, source, rules)
    connection.exec_driver_sql(statement(PACKAGE, "create_override_tables").text)
    connection.exec_driver_sql("TRUNCATE staged_overrides, wanted_overrides, kept_overrides")
    return values


def _stage(connection: Connection, rows: pd.DataFrame) -> None:
    columns = ["number", "party_id", "contact_id", "valid_from", "valid_to", "retroactive", "note"]
    names = ("raw", "party_id", "contact_id", "valid_from", "valid_to", "is_retroactive", "note")
    rows = rows[columns].assign(retroactive=rows["retroactive"] == "yes")
    copy_rows(connection, "staged_overrides", names, rows.itertuples(index=False, name=None))


def _collect(connection: Connection, values: dict[str, str], rules: ContactRules) -> None:
    unknown = run(connection, PACKAGE, "select_new_override_numbers", values).scalars()
    remember_numbers(connection, unknown, rules.region, rules.internal_digits)
    run(connection, PACKAGE, "collect_overrides", values)
    run(connection, PACKAGE, "refuse_overrides", values)


def _store(connection: Connection, source: str, *, is_whole: bool) -> int:
    run(connection, PACKAGE, "end_overrides", {"source": source, "is_whole": is_whole})
    return int(run(connection, PACKAGE, "store_overrides", {"source": source}).scalar_one())


def _check_party(connection: Connection, party_id: str | None, contact_id: str) -> None:
    if party_id is None:
        if contact_id:
            raise OverrideError("A number that is nobody's has no contact.")
        return
    if connection.execute(select(crm_parties.c.name).where(crm_parties.c.party_id == party_id)).first() is None:
        raise OverrideError(
            f"No client has the party_id '{party_id}'. Names and ids stand in table crm_parties, for example: "
            'switchboard sql "TABLE crm_parties".'
        )
    if contact_id:
        contacts = (
            connection.execute(select(crm_phones.c.contact_id).where(crm_phones.c.party_id == party_id).distinct())
            .scalars()
            .all()
        )
        if contact_id not in contacts:
            known = ", ".join(sorted(filter(None, contacts))) or "none"
            raise OverrideError(f"Client '{party_id}' has no contact '{contact_id}'; known contacts: {known}.")


def _held_by(connection: Connection, number: str) -> str:
    held = number_overrides
    sources = connection.execute(
        select(held.c.source)
        .where(held.c.number == number, held.c.source != COMMAND, held.c.superseded_at.is_(None))
        .distinct()
    ).scalars()
    names = ", ".join(sorted(sources))
    return f"It is held from {names}: change it there." if names else ""
