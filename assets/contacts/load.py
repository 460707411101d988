"""Brings contacts and employees of a source into `crm_parties`, `crm_phones`, `crm_employees`.

A source gives all it has; the tables become what it says, and only differences are written. What it
no longer has is marked `gone_at`; what comes back is unmarked. Each load is one transaction of the
caller's, and loads wait for each other. Clients whose routing a difference can alter are queued in
`changed_clients`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd
from sqlalchemy import Connection

from assets.contacts.errors import ContactsShrankError
from assets.contacts.lock import lock_contacts
from assets.contacts.numbers import LONGEST_RAW, remember_numbers, split_cell
from assets.contacts.own_numbers import store_own_mobiles
from assets.contacts.rules import ContactRules
from assets.history.calls import prepare as prepare_calls
from assets.history.calls import regroup_touched_calls
from resources.contacts.rows import EMPLOYEE_COLUMNS, ContactPortion
from resources.warehouse.connection import copy_rows
from resources.warehouse.statements import run, statement

PACKAGE = "assets.contacts"


@dataclass(frozen=True)
class Changes:
    """How a table changed, in rows."""

    new: int = 0
    changed: int = 0
    gone: int = 0
    unchanged: int = 0

    @property
    def written(self) -> int:
        """Rows written."""
        return self.new + self.changed + self.gone


@dataclass(frozen=True)
class ContactsReport:
    """What a load of contacts did.

    Attributes:
        parties: rows of `crm_parties`.
        phones: rows of `crm_phones`.
        refused: rows not taken, with their reason in `quarantine`.
        skipped: entries in order but without a phone number.
    """

    parties: Changes
    phones: Changes
    refused: int
    skipped: int


@dataclass(frozen=True)
class EmployeesReport:
    """What a load of employees did.

    Attributes:
        employees: rows of `crm_employees`.
        extensions: rows of `employee_extensions`; a corrected one counts as gone and new.
        regrouped: calls looked at again because an internal number was held by somebody else.
        refused: rows not taken, with their reason in `quarantine`.
    """

    employees: Changes
    extensions: Changes
    regrouped: int
    refused: int


def store_contacts(
    connection: Connection, source: str, portions: Iterable[ContactPortion], rules: ContactRules
) -> ContactsReport:
    """Make clients and their numbers what the source says.

    Args:
        connection: inside a transaction; the caller commits.
        source: the source's name in the settings.
        portions: everything the source has, in the columns `CONTACT_COLUMNS`.
        rules: see there.

    Raises:
        ContactsShrankError: too much is missing; the caller's transaction is to be rolled back.
    """
    # What comes over a network is read before others have to wait for us.
    _lay_out(connection)
    given = skipped = 0
    for portion in portions:
        given += len(portion.rows)
        skipped += portion.skipped
        refuse(connection, ((row.reason, row.raw, row.key) for row in portion.refused))
        _stage_contacts(connection, portion.rows)
    lock_contacts(connection)
    run(connection, PACKAGE, "take_whole_source", {"source": source})
    return store_staged(connection, source, rules, is_empty=not given, skipped=skipped)


def begin_load(connection: Connection, source: str, rules: ContactRules) -> dict[str, str]:
    """Wait for other loads of contacts and lay out the work tables, all empty.

    Returns:
        What the statements of a load take: source, region, business_zone.
    """
    lock_contacts(connection)
    _lay_out(connection)
    return {"source": source, "region": rules.region, "business_zone": rules.business_zone}


def store_staged(
    connection: Connection, source: str, rules: ContactRules, *, is_empty: bool, skipped: int = 0
) -> ContactsReport:
    """Make the parties in `scope_parties` what `staged_parties` and `staged_phones` say of them.

    Args:
        connection: in the transaction of `begin_load`.
        source: the source's name in the settings.
        rules: see there.
        is_empty: whether the source gave nothing at all.
        skipped: entries that were in order but without a phone number, for the report.

    Raises:
        ContactsShrankError: too much is missing; the caller's transaction is to be rolled back.
    """
    values = {"source": source, "region": rules.region, "business_zone": rules.business_zone}
    connection.exec_driver_sql("ANALYZE staged_parties, staged_phones, scope_parties")
    unknown = run(connection, PACKAGE, "select_new_phones", values).scalars()
    remember_numbers(connection, unknown, rules.region, rules.internal_digits)
    run(connection, PACKAGE, "collect_parties", values)
    run(connection, PACKAGE, "collect_phones", values)
    connection.exec_driver_sql("ANALYZE wanted_parties, wanted_phones")
    _guard(connection, source, rules, "count_lost_contacts", is_empty=is_empty)
    parties = _changes(connection, "store_parties", values)
    phones = _changes(connection, "store_phones", values)
    return ContactsReport(parties, phones, quarantine_refused(connection, source), skipped)


def store_employees(
    connection: Connection, source: str, portions: Iterable[ContactPortion], rules: ContactRules
) -> EmployeesReport:
    """Make employees and their internal numbers what the source says, and the calls they took with them.

    An internal number has one holder at a time: a later row that says otherwise is refused. Who is no
    longer in the source keeps what was held until today.

    Args:
        connection: inside a transaction; the caller commits.
        source: the source's name in the settings.
        portions: everything the source has, in the columns `EMPLOYEE_COLUMNS`.
        rules: see there.

    Raises:
        ContactsShrankError: too much is missing; the caller's transaction is to be rolled back.
    """
    values = begin_load(connection, source, rules)
    given = 0
    for portion in portions:
        given += len(portion.rows)
        refuse(connection, ((row.reason, row.raw, row.key) for row in portion.refused))
        _copy(connection, "staged_employees", EMPLOYEE_COLUMNS, portion.rows)
    run(connection, PACKAGE, "collect_employees", values)
    _guard(connection, source, rules, "count_lost_employees", is_empty=not given)
    employees = _changes(connection, "store_employees", values)
    wanted = run(connection, PACKAGE, "reserve_extensions", values).rowcount
    wanted += run(connection, PACKAGE, "collect_extensions").rowcount
    run(connection, PACKAGE, "refuse_second_holders")
    wanted += run(connection, PACKAGE, "keep_former_extensions", values).rowcount
    gone = run(connection, PACKAGE, "drop_wrong_extensions").rowcount
    new = run(connection, PACKAGE, "store_extensions").rowcount
    regrouped = _regroup(connection, rules) if gone or new else 0
    run(connection, PACKAGE, "queue_clients_of_changed_employees")
    if employees.written:
        store_own_mobiles(connection, source, rules)
    extensions = Changes(new=new, gone=gone, unchanged=wanted - new)
    return EmployeesReport(employees, extensions, regrouped, quarantine_refused(connection, source))


def _lay_out(connection: Connection) -> None:
    connection.exec_driver_sql(statement(PACKAGE, "create_work_tables").text)
    connection.exec_driver_sql(
        "TRUNCATE staged_parties, staged_phones, staged_employees, scope_parties, refused_contacts, wanted_parties, "
        "wanted_phones, wanted_employees, wanted_extensions, changed_extensions, changed_employees"
    )


def _stage_contacts(connection: Connection, rows: pd.DataFrame) -> None:
    parties = rows[["party_id", "party_name", "party_kind", "responsible_id"]].drop_duplicates(keep="last")
    _copy(connection, "staged_parties", ("party_id", "name", "kind", "responsible_id"), parties)
    columns = ["party_id", "contact_id", "contact_name", "phones", "valid_from", "valid_to"]
    phones = rows[columns].assign(phones=rows["phones"].map(split_cell)).explode("phones").dropna()
    are_long = phones["phones"].str.len() > LONGEST_RAW
    refuse(
        connection,
        ((f"a number of more than {LONGEST_RAW} characters", raw, "") for raw in phones["phones"][are_long]),
    )
    names = ("party_id", "contact_id", "contact_name", "raw", "valid_from", "valid_to")
    _copy(connection, "staged_phones", names, phones[~are_long])


def _copy(connection: Connection, table: str, columns: Sequence[str], rows: pd.DataFrame) -> None:
    copy_rows(connection, table, columns, rows.itertuples(index=False, name=None))


def refuse(connection: Connection, refused: Iterable[tuple[str, str, str]]) -> None:
    """Set rows aside that are not taken: reason, raw text, and the key they speak of."""
    copy_rows(connection, "refused_contacts", ("reason", "raw", "key"), refused)


def _guard(connection: Connection, source: str, rules: ContactRules, count: str, *, is_empty: bool) -> None:
    for what, held, lost in run(connection, PACKAGE, count, {"source": source}):
        is_large = held >= rules.guarded_from and lost > held * rules.largest_loss
        if is_large or (is_empty and lost):
            raise ContactsShrankError(
                f"Source {source} has lost {lost} of {held} {what}. At most {rules.largest_loss:.0%} may go at "
                "once, and never everything. Nothing was changed. Check that the source is whole; if the loss "
                "is meant, allow a larger share for one load."
            )


def _changes(connection: Connection, name: str, values: dict[str, str]) -> Changes:
    return Changes(*run(connection, PACKAGE, name, values).one())


def _regroup(connection: Connection, rules: ContactRules) -> int:
    prepare_calls(connection)
    run(connection, PACKAGE, "lock_loads")
    touched = run(connection, PACKAGE, "touch_calls_of_changed_extensions").rowcount
    if touched:
        regroup_touched_calls(connection, rules.business_zone)
        run(connection, "assets.history", "queue_touched_calls")
    return touched


def quarantine_refused(connection: Connection, source: str) -> int:
    """Bring what was set aside into the quarantine; return how many rows."""
    return run(connection, PACKAGE, "quarantine_refused", {"source": source}).rowcount
