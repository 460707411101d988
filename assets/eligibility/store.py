"""Dated facts into their tables: each source is the whole truth about its own rows; only differences are written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
from sqlalchemy import Column, Connection, MetaData, Table, and_, delete, exists, func, insert, literal, select, update

from assets.contacts.load import begin_load, quarantine_refused, refuse
from assets.contacts.numbers import parse_number
from assets.contacts.rules import ContactRules
from resources.contacts.eligibility_files import EligibilityKind, moment_of, weekdays_of
from resources.contacts.rows import ContactPortion
from resources.warehouse import tables
from resources.warehouse.connection import copy_rows
from resources.warehouse.statements import run

PACKAGE = "assets.eligibility"

TABLES: dict[EligibilityKind, Table] = {
    "absences_csv": tables.employee_absences,
    "working_hours_csv": tables.working_hours,
    "holidays_csv": tables.holidays,
    "exclusions_csv": tables.routing_exclusions,
    "deputies_csv": tables.employee_deputies,
    "pins_csv": tables.routing_pins,
}

FACTS: dict[EligibilityKind, tuple[str, ...]] = {
    "absences_csv": ("employee_id", "absent_from", "absent_to", "kind"),
    "working_hours_csv": (
        "employee_id", "department", "weekday", "starts_at", "ends_at", "valid_from", "valid_to",
    ),
    "holidays_csv": ("day", "name", "works_as"),
    "exclusions_csv": ("employee_id", "excluded_from", "excluded_to", "note"),
    "deputies_csv": ("employee_id", "deputy_id", "position", "valid_from", "valid_to"),
    "pins_csv": ("client_id", "employee_id", "pinned_from", "pinned_until", "note"),
}  # fmt: skip
"""The columns of each table that its file says, in the order of `_facts`."""

KEYS: dict[EligibilityKind, tuple[str, ...]] = {
    "absences_csv": ("employee_id", "absent_from"),
    "working_hours_csv": ("employee_id", "department", "weekday", "starts_at", "valid_from"),
    "holidays_csv": ("day",),
    "exclusions_csv": ("employee_id", "excluded_from"),
    "deputies_csv": ("employee_id", "deputy_id", "valid_from"),
    "pins_csv": ("client_id", "employee_id", "pinned_from"),
}
"""What a row is about: of two rows about the same the last counts."""

Fact = tuple[Any, ...]


@dataclass(frozen=True)
class EligibilityReport:
    """What a load of a file did.

    Attributes:
        written: rows that are new, and rows that are no longer there.
        refused: rows not taken, with their reason in `quarantine`.
    """

    written: int
    refused: int


def store_eligibility(
    connection: Connection,
    kind: EligibilityKind,
    portions: Iterable[ContactPortion],
    rules: ContactRules,
    source: str | None = None,
) -> EligibilityReport:
    """Make the rows of a source what it says.

    Args:
        connection: inside a transaction; the caller commits.
        kind: of the facts, named after their file.
        portions: everything it has, see `resources.contacts.eligibility_files.COLUMNS`.
        rules: the business zone, and how numbers are read.
        source: where they come from; None is the file.
    """
    source = source or kind
    table, names = TABLES[kind], FACTS[kind]
    begin_load(connection, source, rules)
    facts: dict[Fact, Fact] = {}
    places = [names.index(name) for name in KEYS[kind]]
    for portion in portions:
        refuse(connection, ((row.reason, row.raw, row.key) for row in portion.refused))
        for fact in _facts(kind, portion.rows, rules):
            facts[tuple(fact[place] for place in places)] = fact
    given = _given(connection, table, names, facts.values())
    if kind == "exclusions_csv":
        # Asked before the rows change: whoever is excluded now, or was, is ranked anew.
        run(connection, PACKAGE, "queue_clients_of_changed_exclusions", {"source": source})
    written = _replace(connection, table, given, names, source)
    return EligibilityReport(written, quarantine_refused(connection, source))


def _given(connection: Connection, table: Table, names: tuple[str, ...], facts: Iterable[Fact]) -> Table:
    """Put the facts into a temporary table with the columns of theirs."""
    given = Table(
        "given_facts", MetaData(), *[Column(name, table.c[name].type) for name in names], prefixes=["TEMPORARY"]
    )
    connection.exec_driver_sql("DROP TABLE IF EXISTS given_facts")
    given.create(connection)
    copy_rows(connection, "given_facts", names, facts)
    return given


def _replace(connection: Connection, table: Table, given: Table, names: tuple[str, ...], source: str) -> int:
    same = and_(*[given.c[name].is_not_distinct_from(table.c[name]) for name in names])
    ours = table.c.source == source
    if table is tables.routing_pins:
        ours &= table.c.revoked_at.is_(None)
        dropped = connection.execute(
            update(table).where(ours, ~exists().where(same).correlate(table)).values(revoked_at=func.now())
        ).rowcount
    else:
        dropped = connection.execute(delete(table).where(ours, ~exists().where(same).correlate(table))).rowcount
    fresh = select(literal(source), *[given.c[name] for name in names]).where(
        ~exists(select(table.c.source).where(ours, same)).correlate(given)
    )
    added = insert(table).from_select(["source", *names], fresh).execution_options(preserve_rowcount=True)
    return int(dropped + connection.execute(added).rowcount)


def _facts(kind: EligibilityKind, rows: pd.DataFrame, rules: ContactRules) -> Iterator[Fact]:
    """Return rows of a file as facts, in the columns of `FACTS`."""
    zone = ZoneInfo(rules.business_zone)
    for row in rows.to_dict("records"):
        match kind:
            case "absences_csv":
                yield row["employee_id"], _start(row["from"], zone), _end(row["to"], zone), row["kind"]
            case "working_hours_csv":
                days = weekdays_of(row["weekdays"])
                # Midnight at the end of a day is midnight at the start of the next, which ends before it starts.
                ends_at = "00:00" if row["to"] == "24:00" else row["to"]
                valid_to = _day_after(row["valid_to"])
                for day in days:
                    yield (
                        row["employee_id"], row["department"], day, row["from"], ends_at, row["valid_from"] or None,
                        valid_to,
                    )  # fmt: skip
            case "holidays_csv":
                yield row["day"], row["name"], weekdays_of(row["works_as"])[0] if row["works_as"] else None
            case "exclusions_csv":
                yield row["employee_id"], _start(row["from"], zone), _end(row["to"], zone), row["note"]
            case "deputies_csv":
                position = int(row["position"] or 1)
                yield (
                    row["employee_id"], row["deputy_id"], position, _start(row["from"], zone), _end(row["to"], zone),
                )  # fmt: skip
            case "pins_csv":
                client = row["party_id"] or client_of_number(row["number"], rules)
                since = _start(row["from"], zone) or datetime(1970, 1, 1, tzinfo=zone)
                yield client, row["employee_id"], since, _end(row["until"], zone), row["note"]


def client_of_number(number: str, rules: ContactRules) -> str:
    """Return how a number is pinned: for itself, whoever owns it now or later."""
    form = parse_number(number, rules.region, rules.internal_digits)
    return f"tel:{form.number or form.national_number or number}"


def _start(text: str, zone: ZoneInfo) -> datetime | None:
    return moment_of(text)[0].replace(tzinfo=zone) if text else None


def _end(text: str, zone: ZoneInfo) -> datetime | None:
    """The first instant no longer; a day is the last one."""
    if not text:
        return None
    moment, is_day = moment_of(text)
    return (moment + timedelta(days=is_day)).replace(tzinfo=zone)


def _day_after(text: str) -> str | None:
    return (moment_of(text)[0] + timedelta(days=1)).date().isoformat() if text else None
