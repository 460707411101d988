"""MIKO's call event `provider.v1.calls`, as its servers hand it to 1C, read into our events.

Public sources of the rules: MIKO's Uniphone page on Asterisk, and the modules for MTS and MegaFon, which send it. One
message tells the state of one call for one employee; the same call comes once for each employee involved.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from datetime import datetime
from typing import Any

from resources.telephony.live.event import CallEvent, Direction, Kind
from resources.telephony.live.moments import instant_of

_KINDS = {
    "Calling": Kind.RINGING,
    "Connected": Kind.ANSWERED,
    "OnHold": Kind.HELD,
    "Finished": Kind.ENDED,
}


def events_of(
    data: Mapping[str, Any], received_at: datetime, *, held_leg_ids: Container[str] = frozenset()
) -> list[CallEvent]:
    """Read one message.

    An employee's leg is `call_id/extension`, for a call rings several employees under one `call_id`. An internal call
    has two such legs, and a call in which nobody of ours takes part yet has one leg without an extension.

    Args:
        data: the JSON object.
        received_at: when it came.
        held_leg_ids: legs on hold now: for these `Connected` means resumed, for all others answered.

    Returns:
        One event for each leg that the message tells of.

    Raises:
        ValueError: it cannot be read; the text says which field and why, without numbers.
    """
    state = _text(data, "state")
    if state not in _KINDS:
        raise ValueError("field 'state': unknown; known are Calling, Connected, OnHold and Finished")
    call_id = _text(data, "call_id")
    if not call_id:
        raise ValueError("field 'call_id': empty or absent; without it the call cannot be known again")
    try:
        source_at = instant_of(_text(data, "time"))
    except ValueError as error:
        raise ValueError(f"field 'time': {error}") from None
    from_number, from_extension = _side(data, "from")
    to_number, to_extension = _side(data, "to")
    direction = _direction(from_extension, to_extension)
    client_number = {"in": from_number, "out": to_number}.get(direction or "")
    line = _text(data, "line_number") or (to_number if direction == "in" and to_number != to_extension else "")
    extensions: list[str | None] = [extension for extension in (from_extension, to_extension) if extension]

    def told(extension: str | None) -> CallEvent:
        leg_id = f"{call_id}/{extension}" if extension else call_id
        kind = _KINDS[state]
        return CallEvent(
            kind=Kind.RESUMED if kind is Kind.ANSWERED and leg_id in held_leg_ids else kind,
            linkedid=_text(data, "entire_id") or call_id,
            leg_id=leg_id,
            received_at=received_at,
            source_at=source_at,
            extension=extension,
            direction=direction,
            client_number=client_number or None,
            src_number=from_number or from_extension or None,
            dst_number=to_number or to_extension or None,
            did=line or None,
            raw=data,
        )

    return [told(extension) for extension in extensions or [None]]


def _direction(from_extension: str, to_extension: str) -> Direction | None:
    if from_extension and to_extension:
        return "internal"
    if to_extension:
        return "in"
    return "out" if from_extension else None


def _side(data: Mapping[str, Any], name: str) -> tuple[str, str]:
    side = data.get(name)
    if not isinstance(side, Mapping):
        raise ValueError(f"field '{name}': not an object with a number and an extension")
    try:
        return _text(side, "number"), _text(side, "extension")
    except ValueError as error:
        raise ValueError(f"in '{name}', {error}") from None


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"field '{name}': not a text")
    return value.strip()
