"""One call event as JSON, in a form that any PBX or script of one can post.

    {"event": "ringing", "call_id": "1711875600.17", "leg_id": "1711875600.18", "at": "2026-03-31T12:00:00+03:00",
     "extension": "201", "direction": "in", "client_number": "+79161234567", "did": "74957770010"}

`event` and `call_id` are needed, and `to_number` where a call is handed over; the rest is told as far as it is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from resources.telephony.live.event import CallEvent, Direction, Kind
from resources.telephony.live.moments import instant_of


def _moment(value: object) -> object:
    # Without this a bare number would be taken for seconds since 1970.
    if value is None or isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise ValueError("not a text; write a date and time with an offset, such as 2026-03-31T12:00:00+03:00")
    return instant_of(value)


_Id = Annotated[str, Field(min_length=1, max_length=200)]
_Number = Annotated[str, Field(max_length=64)] | None


class WebhookEvent(BaseModel):
    """What a PBX posts.

    Attributes:
        event: what happened; see `Kind`.
        call_id: the call, the same for all its legs.
        leg_id: the leg. Where it is absent, the call and its extension make it up, so a telephone that the same call
            rings twice needs one.
        at: when it happened, RFC 3339 with an offset.
        extension: whose telephone this leg is; absent for the outside party.
        direction: of the call.
        client_number: the outside party.
        src_number: who calls.
        dst_number: who is called by this leg.
        did: our number that was called.
        to_number: to whom the call is handed over.
    """

    model_config = ConfigDict(
        extra="forbid", hide_input_in_errors=True, str_strip_whitespace=True, coerce_numbers_to_str=True
    )

    event: Kind
    call_id: _Id
    leg_id: _Id | None = None
    at: Annotated[datetime | None, BeforeValidator(_moment)] = None
    extension: _Number = None
    direction: Direction | None = None
    client_number: _Number = None
    src_number: _Number = None
    dst_number: _Number = None
    did: _Number = None
    to_number: _Number = None

    @model_validator(mode="after")
    def _says_to_whom(self) -> Self:
        if self.event is Kind.TRANSFERRED and not self.to_number:
            raise ValueError("'transferred' needs 'to_number': to whom the call was handed over")
        return self

    def call_event(self, received_at: datetime, raw: Mapping[str, Any]) -> CallEvent:
        """Return the event in our schema; empty texts count as absent."""
        extension = self.extension or None
        return CallEvent(
            kind=self.event,
            linkedid=self.call_id,
            leg_id=self.leg_id or (f"{self.call_id}/{extension}" if extension else self.call_id),
            received_at=received_at,
            source_at=self.at,
            extension=extension,
            direction=self.direction,
            client_number=self.client_number or None,
            src_number=self.src_number or None,
            dst_number=self.dst_number or None,
            did=self.did or None,
            to_number=self.to_number or None,
            raw=raw,
        )


def event_of(data: Mapping[str, Any], received_at: datetime) -> CallEvent:
    """Read one posted event.

    Raises:
        ValueError: it cannot be read; the text names each wrong field and says why, without what stands in it.
    """
    try:
        return WebhookEvent.model_validate(data).call_event(received_at, data)
    except ValidationError as error:
        raise ValueError(
            "; ".join(_words(one["loc"], one["msg"]) for one in error.errors(include_input=False))
        ) from None


def _words(place: tuple[int | str, ...], message: str) -> str:
    words = message.removeprefix("Value error, ")
    return f"field '{place[0]}': {words}" if place else words
