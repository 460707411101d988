"""Streams of events: one's own calls only, in order, each once, whatever is cut, stopped or too slow."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx
import pytest

from gateway import streams
from gateway.live import LONGEST_QUEUE, MOST_STREAMS_OF_ONE
from resources.warehouse import Warehouse
from tests.fix_gateway import STRANGER, GatewayProcess, ServedGateway, build_table, execute
from tests.integration.test_listener import wait_until
from tests.live_calls import BEARER, Reader, card_api, leg, logged_in, ring, tell
from tests.rows import select


def test_one_sees_the_events_of_ones_own_calls_and_a_supervisor_all(
    gateway: ServedGateway, warehouse: Warehouse
) -> None:
    """Of a call with one's own leg all legs; of others nothing, neither in the stream nor among the living calls."""
    anna, boris = logged_in(warehouse, "anna"), logged_in(warehouse, "boris")
    chief = logged_in(warehouse, "chief", is_supervisor=True)
    execute(warehouse, "INSERT INTO crm_employees (employee_id, source, name) VALUES ('chief', 'hand', 'Шеф')")
    with (
        Reader(gateway.url, anna) as of_anna,
        Reader(gateway.url, boris) as of_boris,
        Reader(gateway.url, chief) as of_chief,
    ):
        for reader in (of_anna, of_boris, of_chief):
            reader.begun()
        ring(warehouse, "c1", "201")
        ring(warehouse, "c2", "202", number=STRANGER)
        ring(warehouse, "c3", "299", number=STRANGER)
        ids = {"anna": of_anna.calls(2), "boris": of_boris.calls(2), "chief": of_chief.calls(6)}
        assert [event["leg_id"] for event in ids["anna"]] == ["c1/client", "c1/201"]
        assert [event["leg_id"] for event in ids["boris"]] == ["c2/client", "c2/202"]
        assert [event["call_id"] for event in ids["chief"]] == ["c1", "c1", "c2", "c2", "c3", "c3"]
        assert all(reader.is_silent() for reader in (of_anna, of_boris, of_chief))
    calls = {who: card_api(gateway.url, "live", headers).json()["calls"] for who, headers in
             (("anna", anna), ("boris", boris), ("chief", chief))}  # fmt: skip
    assert [call["call_id"] for call in calls["anna"]] == ["c1"]
    assert [call["call_id"] for call in calls["boris"]] == ["c2"]
    assert [(call["call_id"], call["is_mine"]) for call in calls["chief"]] == [
        ("c1", False),
        ("c2", False),
        ("c3", False),
    ]


def test_resuming_shows_no_call_of_others_either(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """What is replayed is chosen by the same rule as what happens now."""
    boris = logged_in(warehouse, "boris")
    tell(warehouse, leg("ringing", "x", "c0", extension="202"))
    for call in ("c1", "c2", "c3"):
        ring(warehouse, call, "201")
    ring(warehouse, "c4", "201", "202")
    with Reader(gateway.url, boris, after=0) as reader:
        assert [event["call_id"] for event in reader.calls(4)] == ["c0", "c4", "c4", "c4"]
        assert reader.is_silent()


def test_an_event_says_who_and_whose(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """Names of the employee and of the number's owner, times in UTC; programs get no `opens`."""
    with (
        Reader(gateway.url, logged_in(warehouse, "anna")) as mine,
        Reader(gateway.url, BEARER, "/v1/events?pbx=office") as program,
    ):
        mine.begun()
        assert program.begun().headers["Content-Type"].startswith("text/event-stream")
        tell(warehouse, leg("ringing", "elsewhere", "c9"), pbx="branch")
        ring(warehouse, "c1", "201")
        event = mine.calls(2)[1]
        assert (event["employee_name"], event["party_name"]) == ("Анна <Смирнова> & Co", "ИП Иванов")
        assert (event["number"], event["pbx_id"], event["kind"]) == ("+74951112233", "office", "ringing")
        assert event["at"].endswith("+00:00")
        told = program.calls(2)
        assert [one["call_id"] for one in told] == ["c1", "c1"]
        assert set(event) - set(told[1]) == {"opens"}


@pytest.mark.parametrize(
    ("policy", "opens"), [("ringing", [("ringing", "l1")]), ("answered", [("answered", "l2")]), ("never", [])]
)
def test_a_card_opens_once_for_a_call_and_an_employee(
    gateway: ServedGateway, warehouse: Warehouse, policy: str, opens: list[tuple[str, str]]
) -> None:
    """By the employee's wish, in each tab; not by colleagues' legs, and not when the telephone rings again."""
    anna = logged_in(warehouse, "anna", opens_card_on=policy)
    logged_in(warehouse, "boris", opens_card_on="ringing")
    with Reader(gateway.url, anna) as first, Reader(gateway.url, anna) as second:
        first.begun(), second.begun()
        tell(warehouse, leg("ringing", "client"), leg("ringing", "l1", extension="201"))
        tell(warehouse, leg("ringing", "b", extension="202"), leg("ended", "l1", extension="201"))
        tell(warehouse, leg("ringing", "l2", extension="201"), leg("answered", "l2", extension="201"))
        tell(warehouse, leg("answered", "client"), leg("ended", "l2", extension="201"))
        for reader in (first, second):
            events = reader.calls(8)
            assert [(event["kind"], event["leg_id"]) for event in events if event["opens"]] == opens


def test_a_card_opens_on_the_answer_where_the_ring_was_missed(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """A break of the listener must not cost the card; an internal call has no client."""
    with Reader(gateway.url, logged_in(warehouse, "anna")) as reader:
        reader.begun()
        tell(warehouse, leg("answered", "a", "c1", extension="201"))
        assert reader.next()["opens"]
        tell(warehouse, leg("ringing", "b", "c2", extension="201", direction="internal", number=None))
        assert not reader.next()["opens"]


def test_a_page_that_comes_back_late_opens_no_card_of_a_call_that_is_over(
    gateway: ServedGateway, warehouse: Warehouse
) -> None:
    """Of a call that goes on it does."""
    anna = logged_in(warehouse, "anna")
    for call in ("over", "going"):
        tell(warehouse, leg("ringing", call, call, extension="201"))
    tell(warehouse, leg("ended", "over", "over", extension="201"))
    execute(warehouse, "UPDATE call_events SET stored_at = stored_at - interval '1 minute'")
    with Reader(gateway.url, anna, after=0) as reader:
        assert {event["call_id"]: event["opens"] for event in reader.calls(2)} == {"over": False, "going": True}


def test_it_is_noted_when_a_card_was_sent_and_shown(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """The first page counts; nobody can note a card for somebody else's call."""
    anna, boris = logged_in(warehouse, "anna"), logged_in(warehouse, "boris")
    with Reader(gateway.url, anna) as reader:
        reader.begun()
        ring(warehouse, "c1", "201")
        event = reader.calls(2)[1]
        assert (
            card_api(gateway.url, "shown", boris, method="POST", json={"event_id": event["event_id"]}).status_code
            == 403
        )
        shown = [
            card_api(gateway.url, "shown", anna, method="POST", json={"event_id": event["event_id"]}).status_code
            for _ in range(2)
        ]
        assert shown == [204, 204]
        time.sleep(0.3)
    [(event_id, who, is_forward)] = select(
        warehouse, "SELECT event_id, employee_id, sent_at <= shown_at FROM shown_cards"
    )
    assert (event_id, who, is_forward) == (event["event_id"], "anna", True)


def test_a_reader_cut_at_any_moment_misses_nothing_and_gets_nothing_twice(
    gateway: ServedGateway, warehouse: Warehouse
) -> None:
    """Thirty cuts while calls come and go; resumed by the id of the last whole frame."""
    anna = logged_in(warehouse, "anna")
    chance = random.Random(7)
    ended = threading.Event()

    def keep_calling() -> None:
        for number in range(60):
            ring(warehouse, f"c{number}", "201", "202")
            tell(warehouse, leg("ended", f"c{number}/201", f"c{number}", extension="201"))
            time.sleep(chance.random() / 50)
        ended.set()

    calling = threading.Thread(target=keep_calling)
    calling.start()
    got: list[int] = []
    last, cuts = 0, 0
    while not ended.is_set() or cuts < 30:
        with Reader(gateway.url, anna, after=last) as reader:
            time.sleep(chance.random() / 8)
        while not reader.frames.empty():
            name, data = reader.frames.get()
            assert name != "reset"
            got += [data["event_id"]] if name == "call" else []
        last, cuts = reader.last_id or last, cuts + 1
    calling.join()
    with Reader(gateway.url, anna, after=last) as reader:
        got += [event["event_id"] for event in reader.calls(240 - len(got))]
        assert reader.is_silent()
    assert got == [row.event_id for row in select(warehouse, "SELECT event_id FROM call_events ORDER BY 1")]


def test_whoever_asks_for_more_than_is_kept_is_told_to_begin_anew(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """Older than what is kept, or of a future that never was; then the stream goes on from now."""
    anna = logged_in(warehouse, "anna")
    for number in range(3):
        ring(warehouse, f"c{number}", "201")
    execute(warehouse, "DELETE FROM call_events WHERE event_id <= 3")
    for asked in (1, 10_000):
        with Reader(gateway.url, anna, after=asked) as reader:
            assert reader.next("reset")["last_event_id"] == 6
            assert reader.is_silent(0.3)
            assert reader.last_id == 6
    with Reader(gateway.url, anna, after=3) as reader:
        assert [event["event_id"] for event in reader.calls(3)] == [4, 5, 6]
    assert httpx.get(
        f"{gateway.url}/card/api/events?after=x", headers=anna, trust_env=False
    ).status_code == 422  # fmt: skip


# What is resumed is twelve megabytes: more than a busy machine reads in the usual second.
@pytest.mark.parametrize("answer_seconds", [10.0])
def test_a_reader_who_does_not_keep_up_is_let_go_and_resumes(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """Others are not held up, memory stays bounded, and nothing is lost to the slow one."""
    anna = logged_in(warehouse, "anna")
    address = urlsplit(gateway.url)
    with socket.socket() as slow, Reader(gateway.url, anna) as quick:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect((address.hostname, address.port))
        cookie = f"Cookie: {anna['Cookie']}\r\n"
        slow.sendall(f"GET /card/api/events HTTP/1.1\r\nHost: x\r\n{cookie}\r\n".encode())
        quick.begun()
        time.sleep(0.3)
        large = "9" * 8000
        count = 3 * LONGEST_QUEUE
        for start in range(0, count, 100):
            numbers = range(start, start + 100)
            tell(warehouse, *(leg("ringing", f"l{each}", f"c{each}", extension="201", did=large) for each in numbers))
            quick.calls(100)
        slow.settimeout(10)
        received = bytearray()
        while part := slow.recv(1 << 20):
            received += part
    whole = received.rpartition(b"\n\n")[0]
    ids = [int(line[4:]) for line in whole.split(b"\n") if line.startswith(b"id: ")]
    assert 0 < len(ids) < count
    with Reader(gateway.url, anna, after=ids[-1]) as again:
        resumed = [event["event_id"] for event in again.calls(count - ids[-1])]
    assert sorted({*ids, *resumed} - {0}) == list(range(1, count + 1))


def test_streams_go_on_when_the_database_was_started_again(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """Every connection cut at once, as a restart does it; what was stored meanwhile comes too."""
    with Reader(gateway.url, logged_in(warehouse, "anna")) as reader:
        reader.begun()
        ring(warehouse, "c1", "201")
        reader.calls(2)
        for call in ("c2", "c3"):
            select(
                warehouse,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
            ring(warehouse, call, "201")
            assert [event["call_id"] for event in reader.calls(2)] == [call, call]
        assert not reader.ended.is_set()


def test_a_gateway_that_stops_ends_its_streams_within_a_second_and_another_goes_on(
    warehouse: Warehouse, gateway_process: Callable[..., GatewayProcess]
) -> None:
    """Streams never end by themselves, so the server ends them before it waits for open answers."""
    build_table(warehouse)
    anna = logged_in(warehouse, "anna")
    stopping, other = gateway_process(), gateway_process()
    with Reader(stopping.url, anna) as reader:
        reader.begun()
        ring(warehouse, "c1", "201")
        reader.calls(2)
        begun = time.monotonic()
        stopping.process.terminate()
        assert reader.ended.wait(5)
        assert time.monotonic() - begun < 1
        ring(warehouse, "c2", "201")
        stopping.process.wait(timeout=5)
        assert time.monotonic() - begun < 3
    with Reader(other.url, anna, after=reader.last_id) as reader:
        assert [event["call_id"] for event in reader.calls(2)] == ["c2", "c2"]
    assert "Error" not in stopping.log.read_text()


def test_a_stream_ends_when_its_log_in_does(
    gateway: ServedGateway, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked again with each sign of life, which also moves the id on past what others' calls did."""
    monkeypatch.setattr(streams, "PING_SECONDS", 0.3)
    with Reader(gateway.url, logged_in(warehouse, "anna")) as reader:
        reader.begun()
        ring(warehouse, "c1", "202")
        assert reader.next("ping", 5) in (0, 2)
        time.sleep(0.5)
        assert reader.last_id == 2
        execute(warehouse, "DELETE FROM login_sessions")
        assert reader.ended.wait(3)


def test_one_employee_has_so_many_streams_and_no_more(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """A page that opens them without end takes nobody else's place."""
    anna = logged_in(warehouse, "anna")
    readers = [Reader(gateway.url, anna).begun() for _ in range(MOST_STREAMS_OF_ONE)]
    try:
        assert httpx.get(f"{gateway.url}/card/api/events", headers=anna, trust_env=False).status_code == 429
        with Reader(gateway.url, logged_in(warehouse, "boris")) as other:
            assert other.status == 200
    finally:
        for reader in readers:
            reader.cut()
    with Reader(gateway.url, anna) as again:
        assert again.begun().status == 200


def test_nothing_is_read_while_nobody_listens(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """The one connection waits for a sign and asks nothing, whatever happens."""
    last_asked = "SELECT query, query_start FROM pg_stat_activity WHERE application_name = 'switchboard gateway'"
    # The gateway answers before its connection has come up.
    wait_until(lambda: [row.query[:6] for row in select(warehouse, last_asked)] == ["LISTEN"])
    [before] = select(warehouse, last_asked)
    ring(warehouse, "c1", "201")
    time.sleep(0.5)
    assert select(warehouse, last_asked) == [before]


def test_a_page_is_told_when_calls_are_no_longer_listened_to(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """With the reason, at the beginning and when it changes."""
    switch = (
        "INSERT INTO switches (name, is_on, reason) VALUES ('call_events', :is_on, :reason) "
        "ON CONFLICT (name) DO UPDATE SET is_on = excluded.is_on, reason = excluded.reason"
    )
    with Reader(gateway.url, logged_in(warehouse, "anna")) as reader:
        assert reader.next("switch") == {"is_on": True, "reason": ""}
        execute(warehouse, switch, is_on=False, reason="outside the working window")
        ring(warehouse, "c1", "201")
        told = reader.next("switch")
        while told["is_on"]:
            told = reader.next("switch")
        assert told == {"is_on": False, "reason": "outside the working window"}


@pytest.mark.parametrize("path", ["/v1/events", "/v1/live", "/card/api/events", "/card/api/live", "/card/api/me"])
def test_without_a_log_in_or_token_nothing_is_told(gateway: ServedGateway, warehouse: Warehouse, path: str) -> None:
    """Nor with the other door's key, nor with a session that is over."""
    anna = logged_in(warehouse, "anna")
    wrong = BEARER if path.startswith("/card") else anna
    execute(warehouse, "UPDATE login_sessions SET expires_at = now()")
    for headers in ({}, wrong, anna, {"Cookie": "switchboard_login="}, {"Cookie": "switchboard_login=%00"}):
        assert httpx.get(gateway.url + path, headers=headers, trust_env=False).status_code == 401
