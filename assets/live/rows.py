"""Events of a channel as the rows that `switchboard.store_call_events` takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from resources.telephony.live.event import CallEvent


def rows_of(events: Iterable[CallEvent], number_of: Callable[[str], str]) -> list[dict[str, Any]]:
    """Return events as JSON objects with the columns of `call_events`.

    Args:
        events: as a channel told them.
        number_of: gives the E.164 form of a number, or the number as it is where it is none.
    """
    return [_without_nul(_row(event, number_of)) for event in events]


def _row(event: CallEvent, number_of: Callable[[str], str]) -> dict[str, Any]:
    return {
        "kind": event.kind.value,
        "linkedid": event.linkedid,
        "leg_id": event.leg_id,
        "extension": event.extension,
        "direction": event.direction,
        "number": number_of(event.client_number) if event.client_number else None,
        "client_number": event.client_number,
        "src_number": event.src_number,
        "dst_number": event.dst_number,
        "did": event.did,
        "to_number": event.to_number,
        "source_at": event.source_at.isoformat() if event.source_at else None,
        "received_at": event.received_at.isoformat(),
        "is_inferred": False,
        "raw": dict(event.raw),
    }


def _without_nul(value: Any) -> Any:  # noqa: ANN401
    """Take out the one character that no text of the database may hold; names come as servers send them."""
    match value:
        case str():
            return value.replace("\0", "")
        case dict():
            return {_without_nul(key): _without_nul(inner) for key, inner in value.items()}
        case list():
            return [_without_nul(inner) for inner in value]
        case _:
            return value
