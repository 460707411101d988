"""`message_history`: the statuses once more, for those whose webhooks were lost; never contents.

Public source: Meta's OpenAPI `business-messaging-api_v23.0`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulators.whatsapp.errors import GraphError
from simulators.whatsapp.number import BusinessNumber
from simulators.whatsapp.templates import page
from simulators.whatsapp.truth import SentMessage

FIRST_HISTORY_ID = 10**15


def history(number: BusinessNumber, asked: Mapping[str, str]) -> dict[str, Any]:
    """Answer `GET /{phone-number-id}/message_history`: of one wamid, or of all; `events` only if asked for.

    Raises:
        GraphError: the wamid is none of ours.
    """
    wamid = asked.get("message_id")
    if wamid is None:
        messages = list(number.truth.sent.values())
    elif wamid in number.truth.sent:
        messages = [number.truth.sent[wamid]]
    else:
        error = GraphError(100, message="The requested message_id was not found in the message history")
        error.status = 422
        raise error
    cut = page([{"place": place} for place in range(len(messages))], asked, 25)
    rows = []
    for row in cut["data"]:
        message = messages[row["place"]]
        rows.append({"id": _history_id(message), "message_id": message.wamid})
        if "events" in asked.get("fields", ""):
            rows[-1]["events"] = {"data": _events(number, message)}
    return cut | {"data": rows}


def events(number: BusinessNumber, history_id: str, asked: Mapping[str, str]) -> dict[str, Any] | None:
    """Answer `GET /{message-history-id}/events`; None where the id is unknown."""
    found = next((message for message in number.truth.sent.values() if _history_id(message) == history_id), None)
    return None if found is None else page(_events(number, found), asked, 25)


def _history_id(message: SentMessage) -> str:
    return str(FIRST_HISTORY_ID + message.number)


def _events(number: BusinessNumber, message: SentMessage) -> list[dict[str, Any]]:
    now = number.clock.now()
    return [
        {
            "id": f"{_history_id(message)}{place}",
            "delivery_status": event.status.upper(),
            "timestamp": int(event.at),
            "webhook_update_state": event.update.state.value,
            "webhook_uri": number.webhooks.url,
        }
        for place, event in enumerate(message.statuses)
        if event.at <= now
    ]
