"""The list of calls, one call leg by leg, and the same list as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    Text,
    and_,
    case,
    cast,
    func,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by

from gateway.journal.filters import CALLS, CallFilter, conditions
from gateway.journal.regions import in_region
from gateway.journal.search import Candidates, Days, Pattern, candidates_of, with_text
from gateway.people import Viewer
from resources.warehouse.tables import (
    call_history,
    call_legs,
    crm_employees,
    crm_parties,
    crm_phones,
    employee_extensions,
    enriched_calls,
    recordings,
)

PAGE_CALLS = 50
MOST_EXPORTED = 200_000
RECORDING_STATES = ("available", "named", "pending", "missing", "none")
PENDING_AT_MOST = timedelta(days=1)
"""So long after its call a recording may be in the making, as `assets.history.recorded` has it."""


class Place(NamedTuple):
    """Where a page of calls ended."""

    call_day: date
    started_at: datetime
    pbx_id: str
    linkedid: str


class Journal:
    """Reads calls for one viewer.

    Args:
        connection: the warehouse.
        viewer: who asks; sees what they may.
        zone: the business zone.
    """

    def __init__(self, connection: Connection, viewer: Viewer, zone: str) -> None:
        self._connection = connection
        self._viewer = viewer
        self._zone = zone
        self._candidates: dict[Pattern, Candidates | None] = {}

    def page(self, asked: CallFilter, after: Place | None = None) -> dict[str, Any]:
        """Return the newest calls that are asked for, or those after a place, and whether there are more."""
        wanted = PAGE_CALLS + 1
        rows: Sequence[RowMapping] = []
        # The calls of the last few clients that fit a text are most often enough, and soon gathered. Where filters
        # leave few of them, those of twice as many cost about as much again, those of all many times that.
        for callers in (wanted, 8 * wanted, 16 * wanted, 32 * wanted, None):
            found, is_all = self._conditions(asked, after, callers)
            rows = self._connection.execute(_sorted(found, after).limit(wanted)).mappings().all()
            if is_all or len(rows) == wanted:
                break
        return {"calls": [_call(row) for row in rows[:PAGE_CALLS]], "has_more": len(rows) > PAGE_CALLS}

    def call(self, pbx_id: str, linkedid: str) -> dict[str, Any] | None:
        """Return a call with its legs; None where there is none, or it is not theirs to see."""
        key = [call_history.c.pbx_id == pbx_id, call_history.c.linkedid == linkedid]
        found = [*key, *conditions(CallFilter(), self._viewer, self._zone)]
        row = self._connection.execute(_query(found)).mappings().one_or_none()
        if row is None:
            return None
        legs = self._connection.execute(_legs(pbx_id, linkedid)).mappings()
        return {**_call(row), "legs": [dict(leg) for leg in legs]}

    def may_hear(self, pbx_id: str, leg_id: str) -> dict[str, Any] | None:
        """Return the recording of a leg as its row names it; None where there is none, or it is not theirs."""
        leg = call_legs.c
        allowed = conditions(CallFilter(), self._viewer, self._zone)
        named = func.coalesce(leg.recording, recordings.c.file)
        found = self._connection.execute(
            select(leg.leg_id, leg.linkedid, named.label("file"), leg.started_at, leg.talk_seconds)
            .select_from(
                call_legs.join(
                    CALLS, (leg.pbx_id == call_history.c.pbx_id) & (leg.linkedid == call_history.c.linkedid)
                ).outerjoin(recordings, (recordings.c.pbx_id == leg.pbx_id) & (recordings.c.leg_id == leg.leg_id))
            )
            .where(leg.pbx_id == pbx_id, leg.leg_id == leg_id, *allowed)
        ).mappings()
        row = found.one_or_none()
        return dict(row) if row and row["file"] else None

    def lines(self, asked: CallFilter, words: dict[str, str], delimiter: str) -> Iterator[str]:
        """Yield the calls asked for as lines of a CSV file, newest first; the last says if some are left out."""
        zone = ZoneInfo(self._zone)
        names = (
            "started_at", "direction", "status", "client", "number", "employees", "did", "wait_seconds",
            "talk_seconds", "first_contact", "needs_attention", "pbx_id", "linkedid",
        )  # fmt: skip
        # Excel reads UTF-8 where it is told so.
        yield "\ufeff" + _line([words[name] for name in names], delimiter)
        query = _sorted(self.conditions(asked)).limit(MOST_EXPORTED + 1).execution_options(yield_per=1000)
        # With: a cursor that is left before its end is to be closed.
        with self._connection.execute(query) as found:
            for number, row in enumerate(found.mappings()):
                if number == MOST_EXPORTED:
                    yield _line([words["cut"]], delimiter)
                    return
                call = _call(row)
                call["started_at"] = f"{row['started_at'].astimezone(zone):%Y-%m-%d %H:%M:%S}"
                call["direction"], call["status"] = words[row["direction"]], words[row["status"]]
                call["client"] = row["party_name"] or ""
                call["employees"] = ", ".join(one["name"] for one in call["employees"])
                for mark in ("first_contact", "needs_attention"):
                    call[mark] = words["yes"] if row[mark] else ""
                yield _line([call[name] for name in names], delimiter)

    def options(self) -> dict[str, Any]:
        """Return what there is to choose from: employees, our numbers, telephony servers."""
        person, call = crm_employees.c, call_history.c
        # Those who left as well: their calls stay.
        people = select(person.employee_id, person.name).order_by(person.name, person.employee_id)
        since = func.current_date() - 92
        lines = select(call.did).where(call.did.is_not(None), call.call_day >= since).distinct().order_by(call.did)
        servers = select(call.pbx_id).where(call.call_day >= since).distinct().order_by(call.pbx_id)
        if not self._viewer.is_supervisor:
            people = people.where(person.employee_id == self._viewer.employee_id)
        return {
            "employees": [dict(row) for row in self._connection.execute(people).mappings()],
            "dids": list(self._connection.execute(lines.limit(500)).scalars()),
            "pbxs": list(self._connection.execute(servers).scalars()),
        }

    def first_day(self) -> date | None:
        """Return the day of the first call there is."""
        first: date | None = self._connection.execute(select(func.min(call_history.c.call_day))).scalar_one()
        return first

    def conditions(self, asked: CallFilter) -> list[ColumnElement[bool]]:
        """Return all that holds for the calls asked for."""
        return self._conditions(asked, None, None)[0]

    def _conditions(
        self, asked: CallFilter, after: Place | None, callers: int | None
    ) -> tuple[list[ColumnElement[bool]], bool]:
        """Return the same for calls after a place; and, of those that a text fits, since so many had called."""
        found = conditions(asked, self._viewer, self._zone)
        if asked.region:
            found.append(in_region(self._connection, asked.region, found))
        pattern = Pattern.of(asked.text)
        if pattern is None:
            return found, True
        last_day = min((day for day in (asked.last_day, after and after.call_day) if day), default=None)
        if pattern not in self._candidates:
            self._candidates[pattern] = candidates_of(self._connection, pattern)
        days = Days(asked.first_day, last_day, self._zone)
        return with_text(self._connection, pattern, self._candidates[pattern], found, days, callers)


def _sorted(found: list[ColumnElement[bool]], after: Place | None = None) -> Select[Any]:
    """Read calls, newest first; those after a place."""
    call = call_history.c
    order = (call.call_day, call.started_at, call.pbx_id, call.linkedid)
    query = _query(found)
    if after:
        query = query.where(tuple_(*order) < tuple_(*after))
        # The index knows days only.
        query = query.where(call.call_day <= after.call_day)
    return query.order_by(*(column.desc() for column in order))


def _query(found: list[ColumnElement[bool]]) -> Select[Any]:
    call, owner, party, phone = call_history.c, enriched_calls.c, crm_parties.c, crm_phones.c
    contact = (
        select(func.nullif(func.min(phone.contact_name), ""))
        .where(
            phone.source == party.source,
            phone.party_id == owner.party_id,
            phone.contact_id == owner.contact_id,
            phone.gone_at.is_(None),
        )
        .scalar_subquery()
    )
    return (
        select(
            call.pbx_id,
            call.linkedid,
            call.call_day,
            call.started_at,
            call.answered_at,
            call.ended_at,
            call.direction,
            call.status,
            func.coalesce(owner.number, call.client_number).label("number"),
            owner.party_id,
            party.name.label("party_name"),
            contact.label("contact_name"),
            owner.outcome,
            owner.listed_as,
            call.did,
            call.talk_seconds,
            call.wait_seconds,
            call.duration_seconds,
            call.legs,
            call.extensions,
            call.first_contact,
            call.needs_attention,
            _employees(),
            _recording_of_call().label("recording"),
        )
        .select_from(CALLS.outerjoin(crm_parties, party.party_id == owner.party_id))
        .where(*found)
    )


def _employees() -> ColumnElement[Any]:
    """The employees of a call, most talk first, with their names."""
    took_part = func.unnest(call_history.c.employees).table_valued(
        "employee_id", with_ordinality="place", name="took_part"
    ).render_derived()  # fmt: skip
    person = crm_employees.c
    one = func.jsonb_build_object(
        "employee_id",
        took_part.c.employee_id,
        "name",
        func.coalesce(person.name, took_part.c.employee_id),
    )
    return (
        select(func.coalesce(func.jsonb_agg(aggregate_order_by(one, took_part.c.place)), func.jsonb_build_array()))
        .select_from(took_part.outerjoin(crm_employees, person.employee_id == took_part.c.employee_id))
        .scalar_subquery()
        .label("employees")
    )


def _recording_of_call() -> ColumnElement[str]:
    """What there is to hear of a call: the best of its legs' states; NULL where nobody talked."""
    leg, call, kept = call_legs.c, call_history.c, recordings.c
    # Not EXISTS: the server may answer that by reading the legs of all calls.
    return (
        select(_state_of_leg())
        .select_from(call_legs.outerjoin(recordings, (kept.pbx_id == leg.pbx_id) & (kept.leg_id == leg.leg_id)))
        .where(leg.pbx_id == call.pbx_id, leg.linkedid == call.linkedid, leg.talk_seconds > 0, leg.gone_at.is_(None))
        .order_by(func.array_position(cast(list(RECORDING_STATES), ARRAY(Text)), _state_of_leg()))
        .limit(1)
        .scalar_subquery()
    )


def _state_of_leg() -> ColumnElement[str]:
    """The state of a leg's recording; as its row has it where nobody has looked yet."""
    leg = call_legs.c
    is_fresh = leg.ended_at > func.now() - PENDING_AT_MOST
    seen = case((leg.recording.is_not(None), "named"), (is_fresh, "pending"), else_="none")
    # The night has not seen what the server named since.
    was_named_since = and_(leg.recording.is_not(None), recordings.c.file.is_distinct_from(leg.recording))
    return case((was_named_since, "named"), else_=func.coalesce(recordings.c.state, seen))


def _legs(pbx_id: str, linkedid: str) -> Select[Any]:
    leg, kept = call_legs.c, recordings.c
    names = {side: _holder(getattr(leg, f"{side}_extension")) for side in ("src", "dst")}
    return (
        select(
            leg.leg_id,
            leg.started_at,
            leg.answered_at,
            leg.ended_at,
            leg.src_number,
            leg.dst_number,
            leg.src_extension,
            leg.dst_extension,
            names["src"].label("src_name"),
            names["dst"].label("dst_name"),
            leg.did,
            leg.disposition,
            leg.duration_seconds,
            leg.talk_seconds,
            leg.is_app,
            case((leg.talk_seconds == 0, None), else_=_state_of_leg()).label("recording"),
        )
        .select_from(call_legs.outerjoin(recordings, (kept.pbx_id == leg.pbx_id) & (kept.leg_id == leg.leg_id)))
        .where(leg.pbx_id == pbx_id, leg.linkedid == linkedid, leg.gone_at.is_(None))
        .order_by(leg.started_at, leg.leg_id)
    )


def _holder(extension: ColumnElement[str]) -> ColumnElement[str]:
    """Who held an extension on the day of the call."""
    held, person, day = employee_extensions.c, crm_employees.c, call_legs.c.call_day
    return (
        select(func.max(person.name))
        .select_from(employee_extensions.join(crm_employees, person.employee_id == held.employee_id))
        .where(
            held.extension == extension,
            or_(held.valid_from.is_(None), held.valid_from <= day),
            or_(held.valid_to.is_(None), held.valid_to > day),
        )
        .scalar_subquery()
    )


def _call(row: RowMapping) -> dict[str, Any]:
    return dict(row)


def _line(values: list[Any], delimiter: str) -> str:
    """Write a line; what a spreadsheet would take for a formula is text, but for telephone numbers."""
    line = io.StringIO()
    csv.writer(line, delimiter=delimiter).writerow(["" if value is None else _harmless(str(value)) for value in values])
    return line.getvalue()


def _harmless(value: str) -> str:
    is_number = value[:1] == "+" and value[1:].isdigit()
    return f"'{value}" if value[:1] in {"=", "+", "-", "@", "\t", "\r"} and not is_number else value
