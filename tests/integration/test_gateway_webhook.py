"""Events that telephony servers send us by themselves."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from resources.warehouse import Warehouse
from tests.fix_gateway import IVANOV, ServedGateway, execute
from tests.integration.test_gateway_soap import PANEL, PANEL_NAMESPACE, envelope, post, result
from tests.live_calls import BEARER
from tests.rows import select

RINGING = {"event": "ringing", "call_id": "c1", "leg_id": "l1", "extension": "201", "client_number": "8 495 111-22-33",
           "direction": "in", "at": "2026-11-24T10:00:00+03:00"}  # fmt: skip
CALLING = {"state": "Calling", "call_id": "m1", "time": "2026-11-24T10:00:00+03:00",
           "from": {"number": "74951112233"}, "to": {"extension": "201", "number": "74950000000"}}  # fmt: skip


def send(gateway: ServedGateway, body: Any, pbx: str = "office", **headers: str) -> httpx.Response:  # noqa: ANN401
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.post(
        f"{gateway.url}/v1/events/{pbx}", content=content, headers=BEARER | headers, timeout=10, trust_env=False
    )


def stored(warehouse: Warehouse) -> list[Any]:
    return select(warehouse, "SELECT kind, leg_id, employee_id, number FROM call_events ORDER BY event_id")


def test_an_event_or_a_list_is_stored_once_however_often_it_is_sent(
    gateway: ServedGateway, warehouse: Warehouse
) -> None:
    """With the employee and the number's E.164 form; the message is kept as it came."""
    answer = send(gateway, RINGING)
    assert (answer.status_code, answer.json()) == (202, {"stored": 1})
    assert send(gateway, [RINGING, RINGING | {"event": "answered"}]).json() == {"stored": 1}
    assert send(gateway, RINGING).json() == {"stored": 0}
    assert stored(warehouse) == [("ringing", "l1", "anna", IVANOV), ("answered", "l1", "anna", IVANOV)]
    rows = select(warehouse, "SELECT source, times_seen FROM received_events ORDER BY event_id")
    assert rows == [("events/office", 2), ("events/office", 1)]


def test_mikos_events_are_known_by_their_shape(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """Connected after a hold is the end of the hold, whether it comes in the same message or later."""
    states = [CALLING | {"state": state, "time": f"2026-11-24T10:00:0{second}+03:00"} for second, state in
              enumerate(("Calling", "Connected", "OnHold", "Connected"))]  # fmt: skip
    assert send(gateway, states).json() == {"stored": 4}
    for second, state in ((5, "OnHold"), (6, "Connected"), (7, "Finished")):
        send(gateway, CALLING | {"state": state, "time": f"2026-11-24T10:00:0{second}+03:00"})
    kinds = ["ringing", "answered", "held", "resumed", "held", "resumed", "ended"]
    assert [row.kind for row in stored(warehouse)] == kinds
    assert {row.number for row in stored(warehouse)} == {IVANOV}


def test_while_the_switch_is_off_events_are_kept_but_not_taken_in(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """The sender hears that all is well: sending again would change nothing."""
    execute(warehouse, "INSERT INTO switches (name, is_on, reason) VALUES ('call_events_other', false, 'off')")
    answer = send(gateway, RINGING)
    assert (answer.status_code, answer.json()) == (202, {"stored": 0, "is_on": False})
    assert stored(warehouse) == []
    assert select(warehouse, "SELECT data ->> 'call_id' FROM received_events") == [("c1",)]
    execute(warehouse, "UPDATE switches SET is_on = true")
    assert send(gateway, RINGING).json() == {"stored": 1}


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"\xff", 400), (b"[" * 30_000, 400), (5, 422), ("x", 422), ([RINGING, 5], 422), ({}, 422),
     (RINGING | {"event": "sang"}, 422), ([RINGING, RINGING | {"call_id": ""}], 422), ([RINGING] * 501, 413),
     (CALLING | {"state": "Sung"}, 422), (b"x" * 70_000, 413), ([], 202),
     (b'{"event": "ringing", "call_id": "c", "did": "\\u0000"}', 422)],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_as_a_whole(
    gateway: ServedGateway,
    warehouse: Warehouse,
    body: Any,  # noqa: ANN401
    status: int,
) -> None:
    """Never a 500, nothing half stored, and no number in the answer."""
    answer = send(gateway, body)
    assert answer.status_code == status
    assert stored(warehouse) == []
    assert "111" not in answer.text


def test_only_servers_of_the_settings_with_the_token_are_heard(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """An unknown name is a mistake that should be seen."""
    assert send(gateway, RINGING, "elsewhere").status_code == 404
    assert send(gateway, RINGING, Authorization="Bearer wrong").status_code == 401
    assert stored(warehouse) == []


def call_event(gateway: ServedGateway, data: str, subject: str = "provider.v1.calls") -> Any:  # noqa: ANN401
    escaped = data.replace("&", "&amp;").replace("<", "&lt;")
    body = envelope("call_event", PANEL_NAMESPACE, Subject=subject, Data=escaped)
    return result(post(gateway, body, PANEL), "call_event", PANEL_NAMESPACE)


def test_soap_call_events_of_the_provider_are_taken_in_for_the_one_webhook_server(
    gateway: ServedGateway, warehouse: Warehouse
) -> None:
    """Other subjects, and what cannot be read, are kept for people and answered as before."""
    assert call_event(gateway, json.dumps(CALLING)) == {"result": "Success"}
    assert stored(warehouse) == [("ringing", "m1/201", "anna", IVANOV)]
    assert call_event(gateway, json.dumps(CALLING | {"call_id": "m2"}), "other")["result"] == "Success"
    assert call_event(gateway, '{"state": "Sung", "call_id": "m3"}')["result"] == "Success"
    assert len(stored(warehouse)) == 1
    assert select(warehouse, "SELECT count(*) FROM received_events") == [(3,)]
    assert select(warehouse, "SELECT DISTINCT pbx_id, channel FROM call_events") == [("office", "webhook")]
