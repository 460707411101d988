"""Brings rows of a telephony source into `call_legs`, and the calls they touch up to date.

A transaction holds whole portions: their legs, the calls and owners that hang on them, the queue for
the routing and the cursor are stored together or not at all. Legs are kept by the source's own key,
so a portion may come twice and two loads may start at once: the result is the same.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from sqlalchemy import Connection, CursorResult, func, select
from sqlalchemy.dialects.postgresql import insert

from assets.contacts.rules import MatchingRules
from assets.enrichment.enrich import NumberRules, enrich_touched_calls
from assets.history.calls import prepare, regroup_touched_calls
from assets.history.gather import gathered
from resources.telephony.asterisk_csv import split_bad_rows
from resources.telephony.source import Cursor, Portion, RefusedRow, SourceAnswerError, SourceResetError, TelephonySource
from resources.warehouse.connection import Warehouse, copy_csv
from resources.warehouse.statements import run
from resources.warehouse.tables import call_legs, load_cursors

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadRules:
    """What a load must know besides the source.

    Attributes:
        business_zone: IANA name of the zone whose days partition the calls.
        source_zone: IANA name of the zone in which the source shows its clocks.
        region: ISO country assumed for numbers written without a country code.
        internal_digits: longest number that is an internal one.
        matching: how far the search for a number's owner goes.
        rows_per_commit: portions that come faster than they are stored go into one transaction together, up to
            so many rows: what follows the legs (calls, owners) costs less once for many than often for few.
    """

    business_zone: str = "Europe/Moscow"
    source_zone: str = "Europe/Moscow"
    region: str = "RU"
    internal_digits: int = 4
    matching: MatchingRules = field(default_factory=MatchingRules)
    rows_per_commit: int = 20_000

    @property
    def internal_pattern(self) -> str:
        """The regular expression of an internal number."""
        return rf"^\d{{2,{self.internal_digits}}}$"


@dataclass
class LoadReport:
    """What a load did, in rows.

    Attributes:
        read: rows the source gave.
        new: legs stored for the first time.
        changed: legs whose facts were different.
        gone: legs the source no longer has.
        quarantined: rows refused, with their reason in `quarantine`.
        days: business days whose calls were touched, with the number of calls touched.
        was_reset: the source had begun its ids anew and was read from the start.
    """

    read: int = 0
    new: int = 0
    changed: int = 0
    gone: int = 0
    quarantined: int = 0
    portions: int = 0
    days: dict[date, int] = field(default_factory=dict)
    was_reset: bool = False
    analyze_at: int = field(default=1_000, repr=False)

    @property
    def repeated(self) -> int:
        """Rows that were there already, unchanged."""
        return self.read - self.new - self.changed - self.quarantined


Progress = Callable[[LoadReport], None]


def load_new(
    warehouse: Warehouse, source: TelephonySource, rules: LoadRules, progress: Progress | None = None
) -> LoadReport:
    """Follow the source from its stored cursor until it has no more.

    Raises:
        SourceError: the source could not be read; what was stored before stays.
        WarehouseBusyError: another load of this source is running.
    """
    report = LoadReport()
    with warehouse.locked(lock_of(source.pbx_id)) as connection:
        prepare(connection)
        cursor = stored_cursor(connection, source.pbx_id)
        connection.commit()
        try:
            _follow(connection, source, rules, report, cursor, progress)
        except SourceResetError as reset:
            log.warning("Source %s began its ids anew, reading it from the start: %s", source.pbx_id, reset)
            connection.rollback()
            report.was_reset = True
            _save_cursor(connection, source.pbx_id, {}, is_reset=True)
            connection.commit()
            _follow(connection, source, rules, report, {}, progress)
    return report


def load_portions(
    warehouse: Warehouse,
    pbx_id: str,
    dialect: str,
    portions: Iterable[Portion],
    rules: LoadRules,
    progress: Progress | None = None,
) -> LoadReport:
    """Store portions that belong to no followed source (files handed over), each in a transaction."""
    report = LoadReport()
    with warehouse.locked(lock_of(pbx_id)) as connection:
        prepare(connection)
        connection.commit()
        with closing(gathered(iter(portions), rules.rows_per_commit)) as arriving:
            for together in arriving:
                store_portions(connection, pbx_id, dialect, together, rules, report)
                finish(connection, rules, report)
                connection.commit()
                if progress:
                    progress(report)
    return report


def reread_days(
    warehouse: Warehouse,
    source: TelephonySource,
    rules: LoadRules,
    first_day: date,
    last_day: date,
    *,
    wait_seconds: float = 30,
) -> LoadReport:
    """Read business days again, both included: late changes are taken, missing legs are marked gone.

    The days become what the source says, in one transaction; the cursor is not moved. Another load of this source is
    waited for, so long at most.

    Raises:
        WarehouseBusyError: another load of this source is running.
        SourceAnswerError: the source has nothing for days of which we hold calls. That is more often a
            fault or its retention than the truth, so nothing is changed.
    """
    report = LoadReport()
    zone = ZoneInfo(rules.business_zone)
    start_at = datetime.combine(first_day, time.min, zone)
    end_at = datetime.combine(last_day + timedelta(days=1), time.min, zone)
    with warehouse.locked(lock_of(source.pbx_id), wait_seconds) as connection:
        prepare(connection)
        connection.commit()
        with connection.begin():
            between = source.portions_between(start_at, end_at)
            with closing(gathered(between, rules.rows_per_commit)) as arriving:
                for portions in arriving:
                    store_portions(connection, source.pbx_id, source.dialect, portions, rules, report)
                    _run(connection, "remember_seen_legs")
            if not report.read:
                refuse_to_empty(connection, source.pbx_id, first_day, last_day)
            days = {"pbx_id": source.pbx_id, "first_day": first_day, "last_day": last_day}
            report.gone = _run(connection, "mark_gone_legs", days).scalar_one()
            finish(connection, rules, report)
    return report


def lock_of(pbx_id: str) -> str:
    """Return the name of the lock whoever reads a source holds."""
    return f"load {pbx_id}"


def stored_cursor(connection: Connection, pbx_id: str) -> Cursor:
    """Return where the source stands; empty before its first load."""
    found = connection.execute(
        load_cursors.select().with_only_columns(load_cursors.c.cursor).where(load_cursors.c.source == pbx_id)
    ).scalar_one_or_none()
    return found or {}


def _follow(
    connection: Connection,
    source: TelephonySource,
    rules: LoadRules,
    report: LoadReport,
    cursor: Cursor,
    progress: Progress | None,
) -> None:
    with closing(gathered(source.portions_after(cursor), rules.rows_per_commit)) as arriving:
        for portions in arriving:
            store_portions(connection, source.pbx_id, source.dialect, portions, rules, report)
            finish(connection, rules, report)
            _save_cursor(connection, source.pbx_id, portions[-1].cursor)
            connection.commit()
            if progress:
                progress(report)


def store_portions(
    connection: Connection,
    pbx_id: str,
    dialect: str,
    portions: Sequence[Portion],
    rules: LoadRules,
    report: LoadReport,
) -> None:
    """Bring portions' rows into `call_legs`; the calls concerned stand in `touched_calls`, for `finish`."""
    values = {
        "pbx_id": pbx_id,
        "zone": rules.source_zone,
        "business_zone": rules.business_zone,
        "internal_pattern": rules.internal_pattern,
    }
    refused: list[RefusedRow] = []
    mapped = 0
    # A re-read stores several times in one transaction.
    connection.exec_driver_sql("DELETE FROM mapped_legs")
    # Equal rows of an Asterisk are told apart by their order in a portion: its portions are mapped one by one.
    for together in [[portion] for portion in portions] if dialect == "asterisk" else [portions]:
        connection.exec_driver_sql("DELETE FROM staged_rows; DELETE FROM staged_asterisk")
        for portion in together:
            refused += _stage(connection, dialect, portion).refused
        first_row_id = together[0].first_row_id
        mapped += _run(connection, f"map_{dialect}", values | {"first_row_id": first_row_id}).rowcount
    problems = _run(connection, "quarantine_problems", values).scalar_one()
    if refused:
        listed = json.dumps([{"reason": row.reason, "raw": row.raw} for row in refused])
        _run(connection, "quarantine_refused", {"pbx_id": pbx_id, "refused": listed})
    legs = mapped - problems - _run(connection, "drop_repeated_rows").rowcount
    new = _run(connection, "insert_new_legs", values).scalar_one()
    if new < legs:
        report.changed += _run(connection, "update_changed_legs", values).scalar_one()
    report.portions += len(portions)
    report.read += mapped + len(refused)
    report.quarantined += problems + len(refused)
    report.new += new


def _stage(connection: Connection, dialect: str, portion: Portion) -> Portion:
    if portion.csv_text:
        columns = portion.csv_columns
        try:
            with connection.begin_nested():
                copy_csv(connection, "staged_asterisk", columns, portion.csv_text)
        except psycopg.DataError:
            # A row in it is broken: go row by row, once, and set the broken ones aside.
            portion = split_bad_rows(portion)
            copy_csv(connection, "staged_asterisk", columns, portion.csv_text)
    elif portion.records and dialect == "asterisk":
        _run(connection, "stage_asterisk", {"page": json.dumps(list(portion.records), ensure_ascii=False)})
    elif portion.records:
        copy_csv(connection, "staged_rows", ("raw",), _one_column(portion.records))
    return portion


def _one_column(records: Iterable[Mapping[str, Any]]) -> bytes:
    """Write records as CSV text with one column, each as JSON."""
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    return "".join('"' + encode(record).replace('"', '""') + '"\n' for record in records).encode()


def finish(connection: Connection, rules: LoadRules, report: LoadReport) -> None:
    """Bring everything that hangs on the touched calls up to date."""
    if report.new >= report.analyze_at:
        # Autovacuum looks once a minute; a first load fills empty tables in seconds, and plans made for empty
        # tables turn quadratic. Only what plans hang on is looked at: the rest would take longer than the load.
        connection.exec_driver_sql(
            "SET LOCAL default_statistics_target = 10; "
            "ANALYZE call_legs (pbx_id, leg_id, linkedid, gone_at), enriched_calls (pbx_id, linkedid), "
            "call_history (pbx_id, linkedid, client_key, call_day, gone_at), number_forms (raw, region)"
        )
        report.analyze_at = 2 * report.new
    regroup_touched_calls(connection, rules.business_zone)
    enrich_touched_calls(connection, NumberRules({"": rules.region}, rules.internal_digits, rules.matching))
    _run(connection, "queue_touched_calls")
    for call_day, calls in _run(connection, "count_touched_days"):
        report.days[call_day] = report.days.get(call_day, 0) + calls


def _save_cursor(connection: Connection, pbx_id: str, cursor: Cursor, *, is_reset: bool = False) -> None:
    values: dict[str, Any] = {"cursor": cursor, "updated_at": func.now()}
    if is_reset:
        values["reset_at"] = func.now()
    connection.execute(
        insert(load_cursors)
        .values(source=pbx_id, **values)
        .on_conflict_do_update(index_elements=["source"], set_=values)
    )


def refuse_to_empty(connection: Connection, pbx_id: str, first_day: date, last_day: date) -> None:
    """Complain of a source that has nothing of days of which we hold calls.

    Raises:
        SourceAnswerError: it is so.
    """
    held = connection.execute(
        select(func.count())
        .select_from(call_legs)
        .where(
            call_legs.c.pbx_id == pbx_id,
            call_legs.c.call_day.between(first_day, last_day),
            call_legs.c.gone_at.is_(None),
        )
    ).scalar_one()
    if held:
        raise SourceAnswerError(
            f"Source {pbx_id} has no call from {first_day} to {last_day}, but {held} legs of those days are "
            "stored. Nothing was changed. Either the server keeps its history for a shorter time, or it is "
            "not answering truly; check it, then read the days again."
        )


def _run(connection: Connection, name: str, values: Mapping[str, Any] | None = None) -> CursorResult[*tuple[Any, ...]]:
    return run(connection, "assets.history", name, values)
