"""The listener: exactly one, obeying its switch, losing nothing that can be kept when it is cut or killed."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable
from typing import Any

import dagster as dg
import psutil

from assets.live.store import LOCK
from resources.warehouse import Warehouse
from simulators.asterisk.manager import SimulatedManager
from tests.fix_listener import ami_settings
from tests.rows import select
from tests.switches import OFF, ON, switch

StartListener = Callable[..., subprocess.Popen[bytes]]


def wait_until(condition: Callable[[], object], seconds: float = 20.0) -> float:
    """Wait until something is so; return how many seconds it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"not so within {seconds} s"
        time.sleep(0.02)
    return time.monotonic() - began


def is_connected(warehouse: Warehouse) -> bool:
    """Whether the listener says that it hears the server."""
    return select(warehouse, "SELECT is_connected FROM event_listeners") == [(True,)]


def talks_to(listener: subprocess.Popen[bytes], manager: SimulatedManager) -> bool:
    """Whether a process holds a connection to the manager."""
    connections = psutil.Process(listener.pid).net_connections("tcp")
    return any(connection.raddr and connection.raddr.port == manager.ajam_port for connection in connections)


def live(warehouse: Warehouse) -> int:
    """How many legs have not ended."""
    [(legs,)] = select(warehouse, "SELECT count(*) FROM live_legs WHERE ended_at IS NULL")
    return int(legs)


def kinds_of(warehouse: Warehouse, extension: str) -> list[str]:
    """What was told of an employee's telephone, in order."""
    rows = select(warehouse, "SELECT extension, kind FROM call_events ORDER BY event_id")
    return [kind for of, kind in rows if of == extension]


def test_a_call_is_heard_from_ring_to_end(
    warehouse: Warehouse, asterisk_manager: SimulatedManager, start_listener: StartListener
) -> None:
    """Ringing, answered, held, talking again, ended: of the employee who took it."""
    start_listener(asterisk_manager)
    wait_until(lambda: is_connected(warehouse))
    call = asterisk_manager.ring("+79161234567", "201", did="74951230001")
    wait_until(lambda: kinds_of(warehouse, "201") == ["ringing"])
    call.answer()
    wait_until(lambda: kinds_of(warehouse, "201")[-1] == "answered")
    call.hold()
    wait_until(lambda: kinds_of(warehouse, "201")[-1] == "held")
    call.unhold()
    wait_until(lambda: kinds_of(warehouse, "201")[-1] == "resumed")
    assert select(warehouse, "SELECT number, direction, state, extensions FROM live_calls") == [
        ("+79161234567", "in", "answered", ["201"])
    ]
    call.hangup()
    wait_until(lambda: live(warehouse) == 0)
    assert kinds_of(warehouse, "201") == ["ringing", "answered", "held", "resumed", "ended"]


def test_by_ami_a_call_is_heard_and_the_other_sensor_is_its_switch(
    warehouse: Warehouse,
    switchable_instance: dg.DagsterInstance,
    make_asterisk_manager: Callable[..., SimulatedManager],
    start_listener: StartListener,
) -> None:
    """MikoPBX's own events over TCP; call_events says nothing about it."""
    manager = make_asterisk_manager(cdr_connector=True)
    switch(switchable_instance, "call_events", OFF)
    start_listener(manager, **ami_settings(manager))
    wait_until(lambda: is_connected(warehouse))
    call = manager.ring("+79161234567", "201")
    wait_until(lambda: kinds_of(warehouse, "201") == ["ringing"])
    call.answer()
    wait_until(lambda: kinds_of(warehouse, "201") == ["ringing", "answered"])
    call.hangup()
    wait_until(lambda: live(warehouse) == 0)
    assert kinds_of(warehouse, "201") == ["ringing", "answered", "ended"]
    assert select(warehouse, "SELECT DISTINCT channel, number FROM call_events WHERE extension = '201'") == [
        ("ami", "+79161234567")
    ]
    switch(switchable_instance, "call_events_other", OFF)
    assert wait_until(lambda: manager.connections == 0) < 5


def test_of_two_listeners_started_at_once_one_works_and_the_other_takes_over(
    warehouse: Warehouse, asterisk_manager: SimulatedManager, start_listener: StartListener
) -> None:
    """The server sees one log-in; when the one that works is killed, the other is there within ten seconds."""
    listeners = [start_listener(asterisk_manager) for _ in range(2)]
    wait_until(lambda: is_connected(warehouse))
    time.sleep(3)
    assert asterisk_manager.counters.logins == 1
    [(before,)] = select(warehouse, "SELECT connected_at FROM event_listeners")
    [working] = [listener for listener in listeners if talks_to(listener, asterisk_manager)]
    working.kill()
    took = wait_until(
        lambda: is_connected(warehouse) and select(warehouse, "SELECT connected_at FROM event_listeners") != [(before,)]
    )
    assert took < 10
    assert asterisk_manager.counters.logins == 2
    assert select(warehouse, "SELECT reason FROM event_gaps") == [("the listener ended without a word",)]


def test_switched_off_it_lets_go_within_five_seconds_and_on_again_it_listens(
    warehouse: Warehouse,
    switchable_instance: dg.DagsterInstance,
    asterisk_manager: SimulatedManager,
    start_listener: StartListener,
) -> None:
    """The switch in the UI is all it takes; what happened meanwhile is a gap with its reason."""
    start_listener(asterisk_manager)
    wait_until(lambda: is_connected(warehouse))
    call = asterisk_manager.ring("+79161234567", "201")
    wait_until(lambda: kinds_of(warehouse, "201") == ["ringing"])
    switch(switchable_instance, "call_events", OFF)
    assert wait_until(lambda: asterisk_manager.connections == 0) < 5
    wait_until(lambda: not is_connected(warehouse))
    assert not warehouse.is_locked(LOCK)
    assert select(warehouse, "SELECT is_on, reason FROM switches WHERE name = 'call_events'") == [
        (False, "the sensor call_events is switched off")
    ]
    call.hangup()
    asterisk_manager.ring("+79160000002", "202")
    time.sleep(2)
    assert asterisk_manager.connections == 0
    switch(switchable_instance, "call_events", ON)
    wait_until(lambda: is_connected(warehouse))
    wait_until(lambda: kinds_of(warehouse, "202") == ["ringing"])
    assert kinds_of(warehouse, "201") == ["ringing", "ended"]
    [(reason, closed)] = select(warehouse, "SELECT reason, legs_closed FROM event_gaps")
    assert reason == "the sensor call_events is switched off"
    assert closed == 2


def test_ended_in_order_it_says_so(
    warehouse: Warehouse, asterisk_manager: SimulatedManager, start_listener: StartListener
) -> None:
    """At an upgrade the listener lets go at once, and the gap bears the reason."""
    listener = start_listener(asterisk_manager)
    wait_until(lambda: is_connected(warehouse))
    listener.terminate()
    assert wait_until(lambda: listener.poll() is not None) < 5
    assert listener.returncode == 0
    assert select(warehouse, "SELECT is_connected, stopped_because FROM event_listeners") == [
        (False, "Switchboard was stopped")
    ]
    wait_until(lambda: asterisk_manager.connections == 0, 2)


def test_cut_fifty_times_no_card_comes_twice_no_end_is_lost_and_every_gap_is_written_down(
    warehouse: Warehouse, asterisk_manager: SimulatedManager, start_listener: StartListener
) -> None:
    """The connection is cut at random moments while calls ring, are answered and end."""
    start_listener(asterisk_manager)
    wait_until(lambda: is_connected(warehouse))
    chance = random.Random(5)
    going: list[Any] = []
    answered: list[Any] = []
    rung = 0
    for _ in range(50):
        for _ in range(chance.randint(1, 4)):
            rung += 1
            going.append(asterisk_manager.ring(f"+7916{rung:07}", str(200 + rung)))
            time.sleep(chance.uniform(0, 0.03))
        for call in chance.sample(going, len(going) // 2):
            if chance.random() < 0.5 and call not in answered:
                call.answer()
                answered.append(call)
            else:
                call.hangup()
                going.remove(call)
            time.sleep(chance.uniform(0, 0.02))
        if chance.random() < 0.5:
            asterisk_manager.cut_connections(reset=chance.random() < 0.5)
        else:
            asterisk_manager.lose_sessions()
        time.sleep(chance.uniform(0, 0.4))
    for call in going:
        call.hangup()
        if chance.random() < 0.3:
            asterisk_manager.cut_connections()
    wait_until(lambda: is_connected(warehouse) and live(warehouse) == 0, 30)
    twice = "SELECT linkedid, extension FROM call_events WHERE kind = 'ringing' GROUP BY 1, 2 HAVING count(*) > 1"
    assert select(warehouse, twice) == []
    [(gaps, lasting)] = select(
        warehouse, "SELECT count(*), count(*) FILTER (WHERE ended_at > began_at) FROM event_gaps"
    )
    assert gaps == lasting >= 20
    # A call that rang while nobody listened and was over before may be missing; each that was heard has ended.
    [(heard, ended)] = select(
        warehouse,
        "SELECT count(*) FILTER (WHERE kind = 'ringing'), count(*) FILTER (WHERE kind = 'ended') FROM call_events "
        "WHERE extension IS NOT NULL",
    )
    assert heard == ended > 0


def test_events_twice_and_out_of_order_make_one_call(
    warehouse: Warehouse, asterisk_manager: SimulatedManager, start_listener: StartListener
) -> None:
    """What a server repeats or mixes up changes nothing."""
    start_listener(asterisk_manager)
    wait_until(lambda: is_connected(warehouse))
    asterisk_manager.faults.deliver_twice = True
    asterisk_manager.faults.shuffle_seconds = 0.1
    calls = [asterisk_manager.ring(f"+791600000{number:02}", str(300 + number)) for number in range(20)]
    time.sleep(0.2)
    for call in calls:
        call.answer()
    time.sleep(0.2)
    for call in calls:
        call.hangup()
    wait_until(lambda: live(warehouse) == 0 and len(kinds_of(warehouse, "319")) >= 2)
    rows = select(
        warehouse,
        "SELECT extension, count(*) FILTER (WHERE kind = 'ringing'), count(*) FILTER (WHERE kind = 'ended') "
        "FROM call_events WHERE extension IS NOT NULL GROUP BY 1 ORDER BY 1",
    )
    assert rows == [(str(300 + number), 1, 1) for number in range(20)]


def test_a_restarted_server_is_heard_again_and_its_lost_calls_are_closed(
    warehouse: Warehouse, asterisk_manager: SimulatedManager, start_listener: StartListener
) -> None:
    """All channels of an Asterisk are gone with its restart, and no event tells of it."""
    start_listener(asterisk_manager)
    wait_until(lambda: is_connected(warehouse))
    asterisk_manager.ring("+79161234567", "201").answer()
    wait_until(lambda: "answered" in kinds_of(warehouse, "201"))
    asterisk_manager.restart(1.0)
    wait_until(lambda: live(warehouse) == 0)
    assert select(warehouse, "SELECT bool_and(end_is_inferred) FROM live_legs") == [(True,)]


def test_a_wrong_password_is_told_and_not_tried_again_at_once(
    warehouse: Warehouse, asterisk_manager: SimulatedManager, start_listener: StartListener
) -> None:
    """A PBX blocks addresses that try too often; the error stands where the sensor finds it, without the secret."""
    asterisk_manager.faults.refuse_logins = True
    start_listener(asterisk_manager)
    wait_until(lambda: select(warehouse, "SELECT last_error FROM event_listeners WHERE last_error IS NOT NULL"))
    time.sleep(3)
    assert (asterisk_manager.counters.logins, asterisk_manager.counters.refused_logins) == (0, 1)
    [(error,)] = select(warehouse, "SELECT last_error FROM event_listeners")
    assert asterisk_manager.secret not in error
