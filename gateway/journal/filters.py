"""Which calls are meant: the journal's filters, the same for lists, exports, reports and what reports lead to."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import ColumnElement, and_, extract, func, literal, or_
from starlette.exceptions import HTTPException
from starlette.requests import Request

from gateway.asked import LONGEST_ID
from gateway.people import Viewer
from resources.warehouse.tables import call_history, enriched_calls

Name = Annotated[str, Field(max_length=LONGEST_ID)]

# Nobody has calls of other days, and they leave room to reckon with days.
Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2200, 1, 1))]

CALLS = call_history.outerjoin(
    enriched_calls,
    and_(enriched_calls.c.pbx_id == call_history.c.pbx_id, enriched_calls.c.linkedid == call_history.c.linkedid),
)

PREFIX_DIGITS = 7
"""So many digits of an E.164 number, its country code included, tell its region."""


class CallFilter(BaseModel):
    """Which calls are asked for.

    Attributes:
        first_day: business day; None is from the beginning.
        last_day: included; None is until now.
        kind: direction, or missed (inbound, nobody answered), or lost (missed, first contact, no talk later that day).
        status: of the call, as in `call_history`.
        first_contact: only first contacts.
        needs_attention: only calls that nobody answered and nobody made up for.
        unregistered: only outside numbers that no client owns.
        mine: only calls the viewer took part in.
        employee: who took part.
        pbx: telephony server.
        did: our number that was called.
        party: the client.
        number: the outside party, E.164 or as the server wrote it.
        region: the outside party's, as reports name it.
        hour: of the business day, 0 to 23.
        weekday: 1 is Monday.
        text: part of a client's name or number.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    first_day: Day | None = None
    last_day: Day | None = None
    kind: Literal["all", "in", "out", "internal", "external", "missed", "lost"] = "all"
    status: Literal["accepted", "reached", "no_answer", "lost", "cancelled", "busy", "failed"] | None = None
    first_contact: bool = False
    needs_attention: bool = False
    unregistered: bool = False
    mine: bool = False
    employee: Name = ""
    pbx: Name = ""
    did: Name = ""
    party: Name = ""
    number: Name = ""
    region: Name = ""
    hour: int | None = Field(default=None, ge=0, le=23)
    weekday: int | None = Field(default=None, ge=1, le=7)
    text: Annotated[str, Field(max_length=100)] = ""


def read_filter(request: Request, *ignored: str) -> CallFilter:
    """Return the filter in a request's address.

    Args:
        request: asks.
        ignored: parameters that are no filters.

    Raises:
        HTTPException: 422, it cannot be read.
    """
    given: dict[str, Any] = {
        name: value.replace("\0", "").strip()
        for name, value in request.query_params.items()
        if name not in ignored and value.strip()
    }
    try:
        return CallFilter.model_validate(given)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, one["loc"])) for one in error.errors(include_input=False))
        raise HTTPException(422, f"This cannot be read: {fields}.") from None


def conditions(asked: CallFilter, viewer: Viewer, zone: str) -> list[ColumnElement[bool]]:
    """Return what holds for the calls asked for that the viewer may see, but for text and region.

    An employee sees the calls they took part in and those of clients they answer for, a supervisor all.
    """
    call, owner = call_history.c, enriched_calls.c
    took_part = call.employees.contains([viewer.employee_id])
    found: list[ColumnElement[bool]] = [call.gone_at.is_(None)]
    if not viewer.is_supervisor:
        found.append(or_(took_part, owner.responsible_id == viewer.employee_id))
    if asked.first_day:
        found.append(call.call_day >= asked.first_day)
    if asked.last_day:
        found.append(call.call_day <= asked.last_day)
    if asked.kind in ("in", "out", "internal"):
        found.append(call.direction == asked.kind)
    elif asked.kind == "external":
        found.append(call.direction != "internal")
    elif asked.kind == "missed":
        found.append(is_missed())
    elif asked.kind == "lost":
        # A lost call needs attention, and those have an index.
        found += [call.status == "lost", call.needs_attention]
    for column, value in (
        (call.status, asked.status),
        (call.pbx_id, asked.pbx),
        (call.did, asked.did),
        (owner.party_id, asked.party),
    ):
        if value:
            found.append(column == value)
    if asked.number:
        found.append(or_(owner.number == asked.number, call.client_number == asked.number))
    if asked.first_contact:
        found.append(call.first_contact)
    if asked.needs_attention:
        found.append(call.needs_attention)
    if asked.unregistered:
        found += [call.direction != "internal", owner.party_id.is_(None)]
    if asked.mine:
        found.append(took_part)
    if asked.employee:
        found.append(call.employees.contains([asked.employee]))
    local = func.timezone(literal(zone), call.started_at)
    if asked.hour is not None:
        found.append(extract("hour", local) == asked.hour)
    if asked.weekday is not None:
        found.append(extract("isodow", local) == asked.weekday)
    return found


def is_missed() -> ColumnElement[bool]:
    """Return what holds for an inbound call that nobody answered."""
    return and_(call_history.c.direction == "in", call_history.c.answered_at.is_(None))


def number_prefix() -> ColumnElement[str]:
    """Return the digits of the outside party's number that tell its region; NULL where it is no E.164 number."""
    return func.substr(enriched_calls.c.number, 2, PREFIX_DIGITS)
