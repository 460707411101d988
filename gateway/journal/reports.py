"""Reports: how many calls, of what kind, when, by whom and from where; each line leads to its calls.

A report is a list of rows. `drill` holds the filters that, on top of the report's own, leave the calls of a row.
Days are business days; hours and weekdays are of the business zone.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    Integer,
    Select,
    Text,
    and_,
    cast,
    extract,
    func,
    literal,
    literal_column,
    select,
    true,
)

from gateway.journal.calls import Journal
from gateway.journal.filters import CALLS, CallFilter, is_missed, number_prefix
from gateway.journal.regions import UNKNOWN_REGION, region_of
from resources.warehouse.tables import call_history, crm_employees, crm_parties, enriched_calls

Unit = Literal["day", "week", "month"]
Row = dict[str, Any]

MOST_CLIENTS = 200
CALL_BACK_WITHIN = timedelta(hours=24)

CALL = call_history.c
OWNER = enriched_calls.c
ANSWERED = CALL.answered_at.is_not(None)


class Reports:
    """Counts calls for one viewer.

    Args:
        connection: the warehouse.
        journal: whose conditions hold.
        zone: the business zone.
        language: of regions.
    """

    def __init__(self, connection: Connection, journal: Journal, zone: str, language: str) -> None:
        self._connection = connection
        self._journal = journal
        self._zone = zone
        self._language = language

    def of(self, name: str, asked: CallFilter, unit: Unit) -> dict[str, Any] | None:
        """Return a report by its name; None where there is no such report."""
        reports: dict[str, Callable[[CallFilter], list[Row]]] = {
            "periods": lambda given: self._periods(given, unit),
            "regions": self._regions,
            "hours": self._hours,
            "lines": self._lines,
            "employees": self._employees,
            "clients": self._clients,
            "leads": lambda given: self._leads(given, unit),
            "missed": lambda given: self._missed(given, unit),
        }
        report = reports.get(name)
        return {"report": name, "rows": report(asked)} if report else None

    def _periods(self, asked: CallFilter, unit: Unit) -> list[Row]:
        """Count by day, week or month, each beside the one it is compared with."""
        now, former = self._count_periods(asked, unit), _former(asked, unit)
        before = self._count_periods(former, unit)
        rows: list[Row] = []
        for first_day, last_day in _periods_between(asked, unit):
            counts, start = now.get(first_day, {}), _before(first_day, asked, unit)
            compared = before.get(start, {})
            rows.append(
                {
                    "key": first_day,
                    **{name: counts.get(name, 0) for name in _MEASURES},
                    "before": {name: compared.get(name, 0) for name in _MEASURES},
                    "drill": _cut(first_day, last_day, asked),
                    "drill_before": _cut(start, _following(start, unit) - timedelta(days=1), former),
                }
            )
        return rows

    def _count_periods(self, asked: CallFilter, unit: Unit) -> dict[date, Row]:
        period = _period(unit)
        rows = self._group(asked, [period.label("key")])
        return {row["key"]: row for row in rows}

    def _regions(self, asked: CallFilter) -> list[Row]:
        """Count by the region of the outside number, in and out."""
        totals: dict[str, Row] = {}
        for row in self._group(asked, [number_prefix().label("key")], CALL.direction != "internal"):
            region = region_of(row["key"], self._language) if row["key"] else ""
            total = totals.setdefault(region, {"key": region, **dict.fromkeys(_MEASURES, 0)})
            for measure in _MEASURES:
                total[measure] += row[measure]
        for region, total in totals.items():
            # Internal calls have no region either, and are not meant.
            unknown = {"region": UNKNOWN_REGION, "kind": "external" if asked.kind == "all" else asked.kind}
            total["drill"] = {"region": region} if region else unknown
        return sorted(totals.values(), key=lambda total: -int(total["calls"]))

    def _hours(self, asked: CallFilter) -> list[Row]:
        """Count by weekday and hour."""
        local = func.timezone(literal(self._zone), CALL.started_at)
        weekday, hour = cast(extract("isodow", local), Integer), cast(extract("hour", local), Integer)
        rows = self._group(asked, [weekday.label("weekday"), hour.label("hour")])
        return [
            {**row, "key": f"{row['weekday']}-{row['hour']:02d}", "drill": {x: row[x] for x in ("weekday", "hour")}}
            for row in sorted(rows, key=lambda row: (row["weekday"], row["hour"]))
        ]

    def _lines(self, asked: CallFilter) -> list[Row]:
        """Count by the number of ours that was called."""
        rows = self._group(asked, [CALL.pbx_id, CALL.did], CALL.did.is_not(None))
        return [
            {**row, "key": row["did"], "drill": {"did": row["did"], "pbx": row["pbx_id"]}}
            for row in sorted(rows, key=lambda row: -int(row["calls"]))
        ]

    def _employees(self, asked: CallFilter) -> list[Row]:
        """Count by who took part; a call of two is counted for both."""
        who = func.unnest(CALL.employees).table_valued("employee_id", name="who").render_derived()
        person = crm_employees.c
        query = (
            select(who.c.employee_id, func.max(person.name).label("name"), *_counts())
            .select_from(CALLS.join(who, true()).outerjoin(crm_employees, person.employee_id == who.c.employee_id))
            .where(*self._journal.conditions(asked), who.c.employee_id == (asked.employee or who.c.employee_id))
            .group_by(who.c.employee_id)
            .order_by(literal_column("talk_seconds").desc())
        )
        return [
            {**row, "key": row["name"] or row["employee_id"], "drill": {"employee": row["employee_id"]}}
            for row in self._rows(query)
        ]

    def _clients(self, asked: CallFilter) -> list[Row]:
        """Count by client, and by number where nobody is known."""
        key = func.coalesce(OWNER.party_id, OWNER.number, CALL.client_number)
        query = (
            select(
                key.label("client"),
                func.max(OWNER.party_id).label("party_id"),
                func.max(crm_parties.c.name).label("name"),
                *_counts(),
            )
            .select_from(CALLS.outerjoin(crm_parties, crm_parties.c.party_id == OWNER.party_id))
            .where(*self._journal.conditions(asked), CALL.direction != "internal", key.is_not(None))
            .group_by(key)
            .order_by(literal_column("calls").desc(), key)
            .limit(MOST_CLIENTS)
        )
        return [
            {
                **row,
                "key": row["name"] or row["client"],
                "drill": {"party": row["party_id"]}
                if row["party_id"]
                else {"number": row["client"], "unregistered": True},
            }
            for row in self._rows(query)
        ]

    def _leads(self, asked: CallFilter, unit: Unit) -> list[Row]:
        """Count first contacts, and those of them that were lost."""
        period = _period(unit)
        query = (
            select(
                period.label("key"),
                func.count().label("leads"),
                func.count().filter(CALL.status == "lost").label("lost_leads"),
                func.count().filter(and_(CALL.direction == "in", ANSWERED)).label("answered_leads"),
            )
            .select_from(CALLS)
            .where(*self._journal.conditions(asked), CALL.first_contact)
            .group_by(period)
        )
        counts = {row["key"]: row for row in self._rows(query)}
        return [
            {
                "key": first_day,
                **{name: counts.get(first_day, {}).get(name, 0) for name in ("leads", "lost_leads", "answered_leads")},
                "drill": {**_cut(first_day, last_day, asked), "first_contact": True},
            }
            for first_day, last_day in _periods_between(asked, unit)
        ]

    def _missed(self, asked: CallFilter, unit: Unit) -> list[Row]:
        """Count missed calls, those followed within a day by a call with the same client, and how soon.

        Called back is an outgoing call, answered or not; reached is any talk with the client.
        """
        other = call_history.alias("other")
        follows = and_(
            other.c.client_key == CALL.client_key,
            other.c.call_day.between(CALL.call_day, CALL.call_day + 1),
            other.c.started_at > CALL.started_at,
            other.c.started_at <= CALL.started_at + CALL_BACK_WITHIN,
            other.c.gone_at.is_(None),
        )
        back = (
            select(
                func.min(other.c.started_at).filter(other.c.direction == "out").label("called_at"),
                func.min(other.c.answered_at).label("reached_at"),
            )
            .where(follows)
            .lateral("back")
        )
        seconds = extract("epoch", back.c.called_at - CALL.started_at)
        period = _period(unit)
        query = (
            select(
                period.label("key"),
                func.count().label("missed"),
                func.count(back.c.called_at).label("called_back"),
                func.count(back.c.reached_at).label("reached_after"),
                func.count().filter(CALL.needs_attention).label("needs_attention"),
                cast(func.percentile_cont(0.5).within_group(seconds), Integer).label("call_back_seconds"),
            )
            .select_from(CALLS.join(back, true()))
            .where(*self._journal.conditions(asked), is_missed())
            .group_by(period)
        )
        counts = {row["key"]: row for row in self._rows(query)}
        names = ("missed", "called_back", "reached_after", "needs_attention")
        return [
            {
                "key": first_day,
                **{name: counts.get(first_day, {}).get(name, 0) for name in names},
                "call_back_seconds": counts.get(first_day, {}).get("call_back_seconds"),
                "drill": {**_cut(first_day, last_day, asked), "kind": "lost" if asked.kind == "lost" else "missed"},
            }
            for first_day, last_day in _periods_between(asked, unit)
        ]

    def _group(self, asked: CallFilter, keys: list[ColumnElement[Any]], *found: ColumnElement[bool]) -> list[Row]:
        query = (
            select(*keys, *_counts())
            .select_from(CALLS)
            .where(*self._journal.conditions(asked), *found)
            .group_by(*[literal_column(str(place + 1)) for place in range(len(keys))])
        )
        return self._rows(query)

    def _rows(self, query: Select[*tuple[Any, ...]]) -> list[Row]:
        return [dict(row) for row in self._connection.execute(query).mappings()]


_MEASURES = ("calls", "inbound", "answered", "missed", "lost", "outbound", "reached", "internal", "talk_seconds")


def _counts() -> list[ColumnElement[Any]]:
    """The measures every report of calls has."""
    inbound, outbound = CALL.direction == "in", CALL.direction == "out"
    counted = {
        "calls": true(),
        "inbound": inbound,
        "answered": and_(inbound, ANSWERED),
        "missed": is_missed(),
        "lost": CALL.status == "lost",
        "outbound": outbound,
        "reached": and_(outbound, ANSWERED),
        "internal": CALL.direction == "internal",
    }
    talk = func.coalesce(func.sum(CALL.talk_seconds), 0).label("talk_seconds")
    return [*[func.count().filter(condition).label(name) for name, condition in counted.items()], talk]


def _period(unit: Unit) -> ColumnElement[date]:
    if unit == "day":
        return CALL.call_day
    return cast(func.date_trunc(literal(unit, Text), CALL.call_day), Date)


def _periods_between(asked: CallFilter, unit: Unit) -> list[tuple[date, date]]:
    """Return the first and last days of the periods that have any of the days asked for."""
    first_day, last_day = _days(asked)
    found: list[tuple[date, date]] = []
    start = _first_of(first_day, unit)
    while start <= last_day:
        following = _following(start, unit)
        found.append((start, following - timedelta(days=1)))
        start = following
    return found


def _cut(first_day: date, last_day: date, asked: CallFilter) -> Row:
    """Return a period's days, of those asked for."""
    first_asked, last_asked = _days(asked)
    return {"first_day": max(first_day, first_asked), "last_day": min(last_day, last_asked)}


def _first_of(day: date, unit: Unit) -> date:
    if unit == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if unit == "month" else day


def _following(start: date, unit: Unit) -> date:
    if unit == "month":
        return (start.replace(day=28) + timedelta(days=4)).replace(day=1)
    return start + timedelta(days=7 if unit == "week" else 1)


def _days(asked: CallFilter) -> tuple[date, date]:
    assert asked.first_day is not None
    assert asked.last_day is not None
    return asked.first_day, asked.last_day


def _former(asked: CallFilter, unit: Unit) -> CallFilter:
    """Return the same filter over the days to compare with."""
    first_day, last_day = _days(asked)
    last_of_month = _following(_first_of(last_day, "month"), "month") - timedelta(days=1)
    former_last = _before(last_day, asked, unit)
    if unit == "month" and last_day == last_of_month:
        former_last = _following(_first_of(former_last, "month"), "month") - timedelta(days=1)
    return asked.model_copy(update={"first_day": _before(first_day, asked, unit), "last_day": former_last})


def _before(day: date, asked: CallFilter, unit: Unit) -> date:
    """Return the day to compare with: as many months or whole weeks earlier as the days asked for take.

    Weeks, because a Monday beside a Sunday says nothing.
    """
    first_day, last_day = _days(asked)
    if unit == "month":
        months = (last_day.year - first_day.year) * 12 + last_day.month - first_day.month + 1
        year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
        return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
    weeks = -(-((last_day - first_day).days + 1) // 7)
    return day - timedelta(weeks=weeks)
