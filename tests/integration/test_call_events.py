"""Events of calls are kept once, in whatever order they come; a leg's state only moves forward."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from assets.live.store import EventStore
from resources.telephony.live.event import CallEvent, Kind, Snapshot
from resources.warehouse import Warehouse
from tests.fix_gateway import execute
from tests.rows import select

ZONE = "Europe/Moscow"
NOON = datetime(2026, 11, 24, 9, tzinfo=UTC)
EVERYTHING = (
    "SELECT leg_id, linkedid, extension, employee_id, number, ringing_at, answered_at, held_at, resumed_at, ended_at, "
    "end_is_inferred FROM live_legs ORDER BY leg_id"
)


def event(kind: Kind, leg: str, second: float, call: str = "c1", **more: Any) -> CallEvent:  # noqa: ANN401
    """Return an event of a leg, so many seconds after noon by the source's clock."""
    at = NOON + timedelta(seconds=second)
    return CallEvent(kind, call, leg, received_at=at + timedelta(milliseconds=40), source_at=at, **more)


CALL = [
    event(Kind.RINGING, "client", 0, direction="in", client_number="8 916 000-00-01", did="74951230001"),
    event(Kind.RINGING, "anna", 1, extension="201", direction="in", client_number="8 916 000-00-01"),
    event(Kind.RINGING, "boris", 1, extension="202", direction="in", client_number="8 916 000-00-01"),
    event(Kind.ANSWERED, "anna", 5, extension="201"),
    event(Kind.ANSWERED, "client", 5),
    event(Kind.ENDED, "boris", 5.1, extension="202"),
    event(Kind.HELD, "anna", 20, extension="201"),
    event(Kind.RESUMED, "anna", 30, extension="201"),
    event(Kind.HELD, "anna", 40, extension="201"),
    event(Kind.RESUMED, "anna", 41, extension="201"),
    event(Kind.ENDED, "client", 60),
    event(Kind.ENDED, "anna", 60.1, extension="201"),
]


def keep(warehouse: Warehouse, *batches: Sequence[CallEvent]) -> None:
    """Store batches of events as the listener does."""

    async def run() -> None:
        async with opened(warehouse) as store:
            await store.connected("office", "ami", None)
            for batch in batches:
                await store.heard("office", "ami", batch)

    asyncio.run(run())


def opened(warehouse: Warehouse) -> Any:  # noqa: ANN401
    """Open a store on the warehouse."""
    url = warehouse.url.set(drivername="postgresql").render_as_string(hide_password=False)
    return EventStore.opened(url, ZONE, "RU", 4)


def employ(warehouse: Warehouse) -> None:
    """Let Anna hold 201 until yesterday and Vera from today on."""
    execute(
        warehouse,
        "INSERT INTO crm_employees (employee_id, source, name) VALUES ('anna', 'h', 'Анна'), ('vera', 'h', 'Вера')",
        "INSERT INTO employee_extensions (employee_id, extension, valid_from, valid_to) VALUES "
        "('anna', '201', NULL, '2026-11-24'), ('vera', '201', '2026-11-24', NULL)",
    )


def test_an_event_is_stored_once_however_often_it_comes(warehouse: Warehouse) -> None:
    """The same events again, in one batch and in another, add nothing but a count of batches."""
    keep(warehouse, CALL, [*CALL, *CALL], CALL[:3])
    assert select(warehouse, "SELECT count(*), max(times_seen) FROM call_events") == [(len(CALL), 3)]
    assert select(warehouse, "SELECT events FROM event_listeners") == [(len(CALL),)]


def test_the_order_in_which_events_come_does_not_matter(warehouse: Warehouse) -> None:
    """Any order, in batches of any size, ends in the same legs."""
    employ(warehouse)
    keep(warehouse, CALL)
    expected = select(warehouse, EVERYTHING)
    chance = random.Random(5)
    for _ in range(25):
        execute(warehouse, "TRUNCATE call_events, live_legs")
        events = chance.sample(CALL, len(CALL)) + chance.choices(CALL, k=4)
        size = chance.randint(1, len(events))
        keep(warehouse, *(events[start : start + size] for start in range(0, len(events), size)))
        assert select(warehouse, EVERYTHING) == expected


def test_a_state_only_moves_forward(warehouse: Warehouse) -> None:
    """A ringing that arrives after the end does not bring a leg back to life."""
    keep(warehouse, [event(Kind.ENDED, "anna", 9, extension="201")], [event(Kind.RINGING, "anna", 1, extension="201")])
    assert select(warehouse, "SELECT count(*) FROM live_calls") == [(0,)]


def test_a_going_call_is_shown_with_its_state(warehouse: Warehouse) -> None:
    """Ringing, then answered, then held, then talking again; gone when its last leg has ended."""
    states = []
    for upto in (3, 5, 7, 8, 11, 12):
        execute(warehouse, "TRUNCATE call_events, live_legs")
        keep(warehouse, CALL[:upto])
        states.append([row[0] for row in select(warehouse, "SELECT state FROM live_calls")])
    assert states == [["ringing"], ["answered"], ["held"], ["answered"], ["answered"], []]


def test_the_employee_is_who_held_the_extension_that_day(warehouse: Warehouse) -> None:
    """An extension changes hands; an event of today is the new holder's, in the business zone."""
    employ(warehouse)
    early = datetime(2026, 11, 23, 20, 59, tzinfo=UTC)  # 23:59 in Moscow
    late = early + timedelta(minutes=2)
    keep(
        warehouse,
        [
            CallEvent(Kind.RINGING, "c", "a", received_at=early, source_at=early, extension="201"),
            CallEvent(Kind.RINGING, "d", "b", received_at=late, source_at=late, extension="201"),
        ],
    )
    rows = select(warehouse, "SELECT leg_id, employee_id FROM live_legs ORDER BY 1")
    assert rows == [("a", "anna"), ("b", "vera")]


def test_numbers_are_stored_as_e164_beside_what_was_written(warehouse: Warehouse) -> None:
    """Look-ups go by the E.164 form, people who look for a fault by what the server wrote."""
    keep(warehouse, CALL[:1])
    assert select(warehouse, "SELECT number, client_number FROM call_events") == [("+79160000001", "8 916 000-00-01")]


def test_missed_ends_are_closed_after_a_break_and_the_gap_is_written_down(warehouse: Warehouse) -> None:
    """What the server no longer has has ended; what it has goes on; what is new is taken in."""

    async def run() -> None:
        async with opened(warehouse) as store:
            await store.connected("office", "ami", Snapshot([], frozenset()))
            await store.heard("office", "ami", [*CALL[:4], event(Kind.RINGING, "x", 7, "c2", extension="203")])
            await store.lost("office", "ami", "The server closed the connection.")
            ringing = event(Kind.RINGING, "y", 50, "c3", extension="204")
            living = frozenset({"anna", "client", "y"})
            await store.connected("office", "ami", Snapshot([ringing], frozenset({"c1", "c3"}), living))

    asyncio.run(run())
    ended = select(warehouse, "SELECT leg_id FROM live_legs WHERE ended_at IS NOT NULL AND end_is_inferred ORDER BY 1")
    assert ended == [("boris",), ("x",)]
    assert select(warehouse, "SELECT leg_id FROM live_legs WHERE ended_at IS NULL ORDER BY 1") == [
        ("anna",),
        ("client",),
        ("y",),
    ]
    [(reason, closed, is_forward)] = select(
        warehouse, "SELECT reason, legs_closed, ended_at > began_at FROM event_gaps"
    )
    assert (reason, closed, is_forward) == ("The server closed the connection.", 2, True)


def test_without_leg_ids_only_whole_calls_are_closed(warehouse: Warehouse) -> None:
    """A channel that cannot tell which legs live leaves those of living calls alone."""

    async def run() -> None:
        async with opened(warehouse) as store:
            await store.heard("office", "polling", [*CALL[:4], event(Kind.RINGING, "x", 7, "c2")])
            await store.connected("office", "polling", Snapshot([], frozenset({"c1"})))

    asyncio.run(run())
    assert select(warehouse, "SELECT leg_id FROM live_legs WHERE ended_at IS NOT NULL") == [("x",)]


def test_another_servers_calls_are_not_closed(warehouse: Warehouse) -> None:
    """Ids are unique at one server only."""

    async def run() -> None:
        async with opened(warehouse) as store:
            await store.heard("branch", "ami", CALL[:2])
            await store.connected("office", "ami", Snapshot([], frozenset(), frozenset()))

    asyncio.run(run())
    assert select(warehouse, "SELECT count(*) FROM live_legs WHERE ended_at IS NOT NULL") == [(0,)]


def test_what_was_inferred_gives_way_to_what_is_told(warehouse: Warehouse) -> None:
    """The end that comes late has the true time; the inferred one was only when we noticed."""

    async def run() -> None:
        async with opened(warehouse) as store:
            await store.heard("office", "ami", CALL[:4])
            await store.connected("office", "ami", Snapshot([], frozenset(), frozenset()))
            await store.heard("office", "ami", [CALL[-1]])

    asyncio.run(run())
    rows = select(warehouse, "SELECT ended_at, end_is_inferred FROM live_legs WHERE leg_id = 'anna'")
    assert rows == [(CALL[-1].source_at, False)]
    rows = select(warehouse, "SELECT source_at, is_inferred FROM call_events WHERE event_key = 'ended:anna'")
    assert rows == [(CALL[-1].source_at, False)]


def test_a_transfer_moves_a_leg_to_another_call_by_the_last_word(warehouse: Warehouse) -> None:
    """The linkedid of the latest event counts, in whatever order they come."""
    moved = [event(Kind.RINGING, "anna", 1, "c1"), event(Kind.ANSWERED, "anna", 2, "c9")]
    for batches in ([moved], [moved[::-1]], [[moved[1]], [moved[0]]]):
        execute(warehouse, "TRUNCATE call_events, live_legs")
        keep(warehouse, *batches)
        assert select(warehouse, "SELECT linkedid FROM live_legs") == [("c9",)]


def test_ids_are_given_in_the_order_of_commits(warehouse: Warehouse) -> None:
    """Whoever reads on from the last id misses nothing: a second writer waits for the first one's commit."""
    url = warehouse.url.set(drivername="postgresql").render_as_string(hide_password=False)
    store = "SELECT switchboard.store_call_events(%s, 'ami', 'UTC', %s)"
    one = '[{"kind": "ringing", "linkedid": "c", "leg_id": "l", "received_at": "2026-11-24T09:00:00Z"}]'
    with psycopg.connect(url) as first, psycopg.connect(url, autocommit=True) as second:
        first.execute(store, ["office", one])
        second.execute("SET statement_timeout = '300ms'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            second.execute(store, ["branch", one])


def test_whoever_waits_for_events_is_told(warehouse: Warehouse) -> None:
    """New events wake the gateways; what was known before does not."""
    url = warehouse.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as listening:
        listening.execute("LISTEN switchboard_call_events")
        keep(warehouse, CALL[:2])
        assert len(list(listening.notifies(timeout=5, stop_after=1))) == 1
        list(listening.notifies(timeout=0.1))
        keep(warehouse, CALL[:2])
        assert list(listening.notifies(timeout=0.5, stop_after=1)) == []


def test_texts_no_database_takes_do_not_lose_the_event(warehouse: Warehouse) -> None:
    """A server's text may hold any byte."""
    keep(warehouse, [event(Kind.RINGING, "a", 1, client_number="1\0 2", raw={"CallerIDName": "x\0\ud7ff", "b": [1]})])
    assert select(warehouse, "SELECT raw ->> 'CallerIDName' FROM call_events") == [("x\ud7ff",)]


def test_a_kind_nobody_knows_is_refused(warehouse: Warehouse) -> None:
    """A mistake of ours must be seen."""
    nonsense = '[{"kind": "nonsense", "linkedid": "c", "leg_id": "l", "received_at": "2026-11-24T09:00:00Z"}]'
    with pytest.raises(Exception, match="call_events_kind_check"):
        execute(warehouse, "SELECT switchboard.store_call_events('o', 'ami', 'UTC', :events)", events=nonsense)
