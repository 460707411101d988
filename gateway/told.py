"""Events and calls in the form in which programs and pages are told of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel, Field


class CallEventTold(BaseModel):
    """An event of a leg of a call."""

    event_id: int = Field(description="events come in this order; a stream resumes after one")
    kind: Literal["ringing", "answered", "held", "resumed", "transferred", "ended"]
    pbx_id: str
    call_id: str = Field(description="linkedid: the call, as in the server's history")
    leg_id: str
    extension: str | None = Field(description="whose telephone the leg is; null is the outside party")
    employee_id: str | None
    employee_name: str | None
    direction: Literal["in", "out", "internal"] | None
    number: str | None = Field(description="the outside party, E.164 where it is one")
    did: str | None
    to_number: str | None = Field(description="to whom the call was handed over")
    at: datetime = Field(description="by the server's clock, where it says")
    received_at: datetime
    stored_at: datetime
    party_id: str | None = Field(description="whose number it is now")
    party_name: str | None
    contact_name: str | None


class EmployeeInCall(BaseModel):
    """An employee whose leg of a call lives."""

    employee_id: str
    name: str
    extension: str | None


class CallTold(BaseModel):
    """A call that is going on."""

    pbx_id: str
    call_id: str
    began_at: datetime
    direction: Literal["in", "out", "internal"] | None
    state: Literal["ringing", "answered", "held"]
    number: str | None
    did: str | None
    answered_at: datetime | None
    extensions: list[str]
    employees: list[EmployeeInCall]
    party_id: str | None
    party_name: str | None
    contact_name: str | None
    is_mine: bool = Field(description="whether the asking employee takes part; false for programs")


class LiveCalls(BaseModel):
    """What is going on, and from which event on a stream tells what happens next."""

    last_event_id: int
    calls: list[CallTold]


_EVENT, _CALL = tuple(CallEventTold.model_fields), tuple(CallTold.model_fields)


@dataclass(frozen=True)
class ToldEvent:
    """An event as the statement `select_events` gives it, ready to be sent.

    Attributes:
        row: its columns.
    """

    row: Mapping[str, Any]

    @property
    def event_id(self) -> int:
        """Its place in the order of storing."""
        event_id: int = self.row["event_id"]
        return event_id

    @property
    def pbx_id(self) -> str:
        """The telephony server."""
        pbx_id: str = self.row["pbx_id"]
        return pbx_id

    @cached_property
    def members(self) -> frozenset[str]:
        """Employees who take part in the call, and so may see it."""
        return frozenset(self.row["members"])

    def opens_for(self, employee_id: str | None) -> bool:
        """Tell whether it opens the card of this employee."""
        return bool(self.row["opens"]) and employee_id is not None and self.row["employee_id"] == employee_id

    @cached_property
    def plain(self) -> bytes:
        """As other programs get it."""
        return self._frame({})

    @cached_property
    def opening(self) -> bytes:
        """As the employee gets it whose card it opens."""
        return self._frame({"opens": True})

    @cached_property
    def following(self) -> bytes:
        """As everybody else's pages get it."""
        return self._frame({"opens": False})

    def _frame(self, more: Mapping[str, Any]) -> bytes:
        return frame("call", {**shown(self.row, _EVENT), **more}, self.event_id)


def call_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of `select_calls` as `CallTold` describes it."""
    return shown(row, _CALL)


def shown(row: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Return columns of a row as JSON knows them; instants in UTC."""
    return {name: as_json(row[name]) for name in names}


def as_json(value: Any) -> Any:  # noqa: ANN401
    """Return a value of a column as JSON knows it; instants in UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else value


def frame(event: str, data: Mapping[str, Any], event_id: int | None = None) -> bytes:
    """Return an event of a stream (WHATWG HTML, server-sent events)."""
    number = "" if event_id is None else f"id: {event_id}\n"
    return f"{number}event: {event}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
