"""The list of calls, one call leg by leg, and the same list as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, case, func, or_, select, tuple_
from sqlalchemy.dialects.postgresql import aggregate_order_by

from gateway.journal.filters import CALLS, CallFilter, conditions, number_prefix
from gateway.journal.regions import prefixes_of
from gateway.journal.search import SHORTEST_TEXT, Pattern, with_text
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
        language: of regions.
    """

    def __init__(self, connection: Connection, viewer: Viewer, zone: str, language: str) -> None:
        self._connection = connection
        self._viewer = viewer
        self._zone = zone
        self._language = language

    def page(self, asked: CallFilter, after: Place | None = None) -> dict[str, Any]:
        """Return the newest calls that are asked for, or those after a place, and whether there are more."""
        query = self._newest(asked, after).limit(PAGE_CALLS + 1)
        rows = self._connection.execute(query).mappings().all()
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
        """Yield the calls asked for as lines of a CSV file, newest first, `MOST_EXPORTED` at most."""
        zone = ZoneInfo(self._zone)
        names = (
            "started_at", "direction", "status", "client", "number", "employees", "did", "wait_seconds",
            "talk_seconds", "first_contact", "needs_attention", "pbx_id", "linkedid",
        )  # fmt: skip
        # Excel reads UTF-8 where it is told so.
        yield "\ufeff" + _line([words[name] for name in names], delimiter)
        query = self._newest(asked, None).limit(MOST_EXPORTED).execution_options(yield_per=1000)
        for row in self._connection.execute(query).mappings():
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
        people = select(person.employee_id, person.name).where(person.gone_at.is_(None)).order_by(person.name)
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

    def conditions(
        self, asked: CallFilter, *, limit: int = PAGE_CALLS, is_paged: bool = False
    ) -> list[ColumnElement[bool]]:
        """Return all that holds for the calls asked for."""
        found = conditions(asked, self._viewer, self._zone)
        if asked.region:
            prefixes = prefixes_of(self._connection, asked.region, found, self._language)
            found.append(number_prefix().in_(prefixes))
        if len(asked.text) >= SHORTEST_TEXT:
            days = {"text": "", "first_day": None, "last_day": None}
            is_narrow = is_paged or bool(asked.last_day) or not asked.model_copy(update=days).is_days_only
            found = with_text(
                self._connection,
                Pattern.of(asked.text),
                found,
                limit + 1,
                is_narrow=is_narrow or not self._viewer.is_supervisor,
            )
        return found

    def _newest(self, asked: CallFilter, after: Place | None) -> Select[Any]:
        call = call_history.c
        order = (call.call_day, call.started_at, call.pbx_id, call.linkedid)
        query = _query(self.conditions(asked, is_paged=after is not None))
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
            _has_recording(),
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


def _has_recording() -> ColumnElement[bool]:
    leg, call = call_legs.c, call_history.c
    # Not EXISTS: the server may answer that by reading the legs of all calls.
    found = (
        select(leg.leg_id)
        .where(
            leg.pbx_id == call.pbx_id,
            leg.linkedid == call.linkedid,
            leg.recording.is_not(None),
            leg.talk_seconds > 0,
            leg.gone_at.is_(None),
        )
        .limit(1)
        .scalar_subquery()
    )
    return found.is_not(None).label("has_recording")


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
            case(
                (leg.talk_seconds == 0, None),
                else_=func.coalesce(kept.state, case((leg.recording.is_not(None), "named"), else_="none")),
            ).label("recording"),
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
    csv.writer(line, delimiter=delimiter).writerow([_harmless(str(value)) for value in values])
    return line.getvalue()


def _harmless(value: str) -> str:
    is_number = value[:1] == "+" and value[1:].isdigit()
    return f"'{value}" if value[:1] in {"=", "+", "-", "@", "\t", "\r"} and not is_number else value
