"""The gap auditor: finds what the history lacks, and reads exactly that again.

What gives a hole away: row ids that do not follow one another, hours of which the server counts other rows than
we hold, calls that are made of more legs than are held. Each is asked for by itself, by its ids or its hour, so a
repair costs what is missing and not what is there. A source that has neither ids nor counts is read again by days.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row

from assets.history.calls import prepare
from assets.history.gaps import Gap, judge_call, judge_hour, judge_ids
from assets.history.load import (
    LoadReport,
    LoadRules,
    finish,
    lock_of,
    refuse_to_empty,
    store_portions,
    stored_cursor,
)
from resources.telephony.source import (
    CountingSource,
    IdRange,
    NumberedSource,
    Portion,
    SourceAnswerError,
    TelephonySource,
)
from resources.warehouse.connection import Warehouse
from resources.warehouse.statements import run

PACKAGE = "assets.history"
HOUR = timedelta(hours=1)
LONGEST_CALL_HOURS = 48
"""For so many hours after a call's start its legs are looked for; a wrong clock may have it end years later."""


@dataclass
class AuditReport:
    """What an audit of one source did.

    Attributes:
        gaps: what was found, with what became of it.
        load: what the repair stored.
    """

    gaps: list[Gap] = field(default_factory=list)
    load: LoadReport = field(default_factory=LoadReport)


def audit_days(
    warehouse: Warehouse,
    source: TelephonySource,
    rules: LoadRules,
    first_day: date,
    last_day: date,
    *,
    is_repairing: bool = True,
    wait_seconds: float = 30,
) -> AuditReport:
    """Find what is missing of business days, both included, and bring it back; keep the findings.

    Everything is one transaction: a killed audit has changed nothing, and a second one finds the same. A load of this
    source is waited for, so long at most.

    Raises:
        SourceError: the source could not be read, or has nothing of days of which we hold calls.
        WarehouseBusyError: the source is being loaded.
    """
    with warehouse.locked(lock_of(source.pbx_id), wait_seconds) as connection:
        prepare(connection)
        connection.commit()
        with connection.begin():
            audit = _Audit(connection, source, rules, first_day, last_day)
            report = audit.run(is_repairing=is_repairing)
            found = {"pbx_id": source.pbx_id, "found": json.dumps([gap.as_row() for gap in report.gaps])}
            run(connection, PACKAGE, "store_gaps", found)
            run(connection, PACKAGE, "settle_former_gaps", found | audit.days)
    return report


class _Audit:
    """An audit under way."""

    def __init__(
        self, connection: Connection, source: TelephonySource, rules: LoadRules, first_day: date, last_day: date
    ) -> None:
        self._connection = connection
        self._source = source
        self._rules = rules
        self.days = {"pbx_id": source.pbx_id, "first_day": first_day, "last_day": last_day}
        self._edges = hours_between(first_day, last_day, ZoneInfo(rules.business_zone))
        self._problem = ""
        self._report = AuditReport()

    def run(self, *, is_repairing: bool) -> AuditReport:
        """Look, repair, and judge."""
        ids = self._find_id_holes()
        calls = self._find_broken_calls()
        hours = self._find_differing_hours()
        self._report.gaps = [*ids.values(), *calls.values(), *hours.values()]
        if not is_repairing:
            return self._report
        self._fill_ids(ids)
        if isinstance(self._source, CountingSource):
            self._fill_hours(hours)
        elif not isinstance(self._source, NumberedSource):
            self._read_again()
        still_broken = {row.linkedid: row.rows_missing for row in self._broken_calls()}
        for linkedid, gap in calls.items():
            judge_call(gap, still_broken.get(linkedid, 0), self._problem)
        given_up = [linkedid for linkedid, gap in calls.items() if gap.state == "empty"]
        run(self._connection, PACKAGE, "touch_calls", {"pbx_id": self._source.pbx_id, "linkedids": given_up})
        finish(self._connection, self._rules, self._report.load)
        return self._report

    def _find_id_holes(self) -> dict[IdRange, Gap]:
        source = self._source
        if not isinstance(source, NumberedSource):
            return {}
        last_id = source.last_id(stored_cursor(self._connection, source.pbx_id))
        holes = run(self._connection, PACKAGE, "find_id_holes", self.days | {"last_id": last_id})
        return {
            IdRange(hole.first_id, hole.last_id): Gap(
                "ids", f"{hole.first_id}-{hole.last_id}", hole.call_day, hole.last_id - hole.first_id + 1
            )
            for hole in holes
        }

    def _find_broken_calls(self) -> dict[str, Gap]:
        return {row.linkedid: Gap("call", row.linkedid, row.call_day, row.rows_missing) for row in self._broken_calls()}

    def _find_differing_hours(self) -> dict[int, Gap]:
        """Compare days, and the hours of those that differ; return what differs by the place of its start."""
        source = self._source
        if not isinstance(source, CountingSource):
            return {}
        held = self._count_held()
        by_day: dict[date, list[int]] = {}
        for place in held:
            by_day.setdefault(self._start_of(place).date(), []).append(place)
        days = list(by_day.values())
        counted = source.count_rows([(self._edges[places[0]], self._edges[places[-1] + 1]) for places in days])
        if not any(counted):
            self._refuse_to_empty()
        differing = [
            place
            for places, rows in zip(days, counted, strict=True)
            if rows != sum(held[place] for place in places)
            for place in places
        ]
        rows_of = dict(zip(differing, source.count_rows([self._span(place) for place in differing]), strict=True))
        kept = [places for places, rows in zip(days, counted, strict=True) if rows]
        oldest_kept = min((place for places in kept for place in places if rows_of.get(place, 1)), default=0)
        settled = {
            row.subject: (row.source_rows, row.held_rows)
            for row in run(self._connection, PACKAGE, "select_settled_hours", self.days)
        }
        found: dict[int, Gap] = {}
        for place, rows in rows_of.items():
            gap = self._hour(place, rows, held[place])
            if rows == held[place] or settled.get(gap.subject) == (rows, held[place]):
                continue
            if place < oldest_kept:
                gap.state, gap.explanation = "empty", "the server keeps nothing as old as this any more"
            found[place] = gap
        return found

    def _fill_ids(self, gaps: Mapping[IdRange, Gap]) -> None:
        source = self._source
        if not gaps or not isinstance(source, NumberedSource):
            return
        problem = self._store(source.portions_of_ids(list(gaps)))
        bounds = [bound for ids in gaps for bound in (ids.first, ids.last + 1)]
        counted = run(self._connection, PACKAGE, "count_rows_of_ids", {"pbx_id": source.pbx_id, "bounds": bounds})
        held = {row.place // 2: row.held_rows for row in counted}
        for number, gap in enumerate(gaps.values()):
            judge_ids(gap, held.get(number, 0), problem)

    def _fill_hours(self, gaps: Mapping[int, Gap]) -> None:
        """Read the hours that differ still, and those of calls that lack legs still."""
        source = self._source
        assert isinstance(source, CountingSource)
        held = self._count_held()
        differing = {place: gap for place, gap in gaps.items() if gap.state == "open"}
        places = {place for place, gap in differing.items() if held[place] != gap.source_rows}
        for call in self._broken_calls():
            first = max((call.started_at - self._edges[0]) // HOUR, 0)
            last = (call.ended_at - self._edges[0]) // HOUR
            places.update(range(first, min(last, first + LONGEST_CALL_HOURS) + 1))
        read: dict[int, int] = {}
        problems: dict[int, str] = {}
        for place in sorted(places):
            before = self._report.load.read
            # An hour that the server contradicts itself about keeps nothing from the others.
            problems[place] = self._store(source.portions_within([self._span(place)]))
            read[place] = self._report.load.read - before
        held = self._count_held()
        for place, gap in differing.items():
            judge_hour(gap, held[place], read.get(place, gap.source_rows or 0), problems.get(place, ""))

    def _read_again(self) -> None:
        """Read the days whole, from a source that can be asked for nothing less."""
        before = self._count_held()
        for portion in self._source.portions_between(self._edges[0], self._edges[-1]):
            self._store_portion(portion)
        if not self._report.load.read:
            self._refuse_to_empty()
        for place, rows in self._count_held().items():
            if rows != before[place]:
                gap = self._hour(place, rows, before[place])
                judge_hour(gap, rows, rows)
                self._report.gaps.append(gap)

    def _count_held(self) -> dict[int, int]:
        """Count the rows held of each hour, by the place of its start among the edges."""
        values = self.days | {"zone": self._rules.source_zone, "edges": self._edges}
        counts = {row.place - 1: row.held_rows for row in run(self._connection, PACKAGE, "count_held_rows", values)}
        return {place: counts.get(place, 0) for place in range(len(self._edges) - 1)}

    def _broken_calls(self) -> Sequence[Row[Any]]:
        return run(self._connection, PACKAGE, "find_broken_calls", self.days).all()

    def _store(self, portions: Iterable[Portion]) -> str:
        """Store what the source hands over; return what was wrong with its answers."""
        try:
            for portion in portions:
                self._store_portion(portion)
        except SourceAnswerError as error:
            self._problem = str(error)
            return self._problem
        return ""

    def _store_portion(self, portion: Portion) -> None:
        source = self._source
        store_portions(self._connection, source.pbx_id, source.dialect, [portion], self._rules, self._report.load)

    def _refuse_to_empty(self) -> None:
        last_day = self._start_of(len(self._edges) - 2).date()
        refuse_to_empty(self._connection, self._source.pbx_id, self._start_of(0).date(), last_day)

    def _hour(self, place: int, source_rows: int, held_rows: int) -> Gap:
        """Return the gap of an hour; it is named by its start."""
        start_at = self._start_of(place)
        subject = start_at.isoformat(timespec="minutes")
        missing = source_rows - held_rows
        return Gap("hour", subject, start_at.date(), missing, source_rows=source_rows, held_rows=held_rows)

    def _start_of(self, place: int) -> datetime:
        return self._edges[place].astimezone(ZoneInfo(self._rules.business_zone))

    def _span(self, place: int) -> tuple[datetime, datetime]:
        """Return an hour's start and end; also of one after the audited days, where a call went on."""
        beyond = place - (len(self._edges) - 1)
        if beyond < 0:
            return self._edges[place], self._edges[place + 1]
        return self._edges[-1] + HOUR * beyond, self._edges[-1] + HOUR * (beyond + 1)


def hours_between(first_day: date, last_day: date, zone: ZoneInfo) -> list[datetime]:
    """Return the edges of the hours of business days, both included: 25 or 23 of them where clocks change."""
    start_at = datetime.combine(first_day, time.min, zone).astimezone(ZoneInfo("UTC"))
    end_at = datetime.combine(last_day + timedelta(days=1), time.min, zone).astimezone(ZoneInfo("UTC"))
    count = -((start_at - end_at) // HOUR)
    return [min(start_at + HOUR * number, end_at) for number in range(count + 1)]
