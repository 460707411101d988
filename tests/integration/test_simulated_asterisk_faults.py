"""The simulated manager fails in the ways that were asked of it, and can be driven from another process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from simulators.asterisk.faults import RUBBISH
from simulators.asterisk.manager import SimulatedManager
from simulators.asterisk.messages import parse
from tests.manager_clients import AjamWire, AmiWire

EVENT = {"Event": "Test", "Privilege": "call,all"}


@pytest.fixture
def ami(asterisk_manager: SimulatedManager) -> Iterator[AmiWire]:
    """A connection that has logged in."""
    with AmiWire(asterisk_manager.ami_port) as wire:
        wire.log_in(asterisk_manager.secret)
        yield wire


@pytest.fixture
def ajam(asterisk_manager: SimulatedManager) -> Iterator[AjamWire]:
    """An HTTP session that has logged in."""
    with AjamWire(asterisk_manager.ajam_url) as wire:
        wire.log_in(asterisk_manager.secret)
        yield wire


def test_cut_connections_end_by_reset_or_in_order(asterisk_manager: SimulatedManager) -> None:
    """A reset is seen as such, an orderly close as the end; the listener stays."""
    for reset in (True, False):
        with AmiWire(asterisk_manager.ami_port) as wire:
            wire.log_in(asterisk_manager.secret)
            assert asterisk_manager.connections == 1
            asterisk_manager.cut_connections(reset=reset)
            if reset:
                with pytest.raises(ConnectionResetError):
                    wire.socket.recv(1)
            else:
                assert wire.socket.recv(1) == b""
        asterisk_manager.wait_for(lambda: asterisk_manager.connections == 0)


def test_lost_sessions_are_refused(asterisk_manager: SimulatedManager, ajam: AjamWire) -> None:
    """After all sessions are lost the cookie is worth nothing, and the connection stands."""
    asterisk_manager.lose_sessions()
    assert "Permission denied" in ajam.wait()
    assert "Authentication accepted" in ajam.log_in(asterisk_manager.secret).text


def test_refused_log_ins_are_refused_until_switched_off(asterisk_manager: SimulatedManager) -> None:
    """Also the right password is refused."""
    asterisk_manager.faults.refuse_logins = True
    with AjamWire(asterisk_manager.ajam_url) as wire:
        login = {"action": "login", "username": "listener", "secret": asterisk_manager.secret}
        assert "Authentication failed" in wire.get(**login).text
        asterisk_manager.faults.switch_off()
        assert "Authentication accepted" in wire.get(**login).text


def test_silent_server_answers_nothing_and_then_late(
    asterisk_manager: SimulatedManager, ami: AmiWire, ajam: AjamWire
) -> None:
    """While it is silent connections are taken and nothing comes; events and answers come afterwards."""
    asterisk_manager.be_silent(0.6)
    asterisk_manager.emit("Test", {})
    ami.send(Action="Ping")
    with socket.create_connection(("127.0.0.1", asterisk_manager.ami_port), timeout=0.2) as new:
        with pytest.raises(TimeoutError):
            new.recv(1)
        began = time.monotonic()
        assert "Event: Test" in ajam.wait()
        assert time.monotonic() - began > 0.1
    assert {next(iter(ami.take_fields())), next(iter(ami.take_fields()))} == {"Event", "Response"}


def test_message_is_broken_off_in_its_middle(asterisk_manager: SimulatedManager, ami: AmiWire, ajam: AjamWire) -> None:
    """Half a message comes, then the connection is gone; over HTTP the body is shorter than announced."""
    asterisk_manager.faults.cut_midway = 1
    asterisk_manager.emit("Test", {"Filler": "x" * 100})
    came = b""
    try:
        while part := ami.socket.recv(1000):
            came += part
        pytest.fail("the connection was closed in order")
    except ConnectionResetError:
        pass
    assert came.startswith(b"Event: Test\r\n")
    assert b"\r\n\r\n" not in came
    asterisk_manager.faults.cut_midway = 1
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        ajam.wait()


def test_rubbish_stands_between_messages(asterisk_manager: SimulatedManager, ami: AmiWire) -> None:
    """The rubbish comes once and whole, the messages around it are as they should be."""
    asterisk_manager.faults.rubbish = 1
    for _ in range(2):
        asterisk_manager.emit_message(EVENT)
    assert ami.take(RUBBISH) == RUBBISH
    assert [ami.take_fields(), ami.take_fields()] == [EVENT, EVENT]


def test_events_come_twice_and_out_of_order(asterisk_manager: SimulatedManager, ami: AmiWire) -> None:
    """None is lost thereby, and what lives is known as if they came in order."""
    asterisk_manager.faults.deliver_twice = True
    asterisk_manager.faults.shuffle_seconds = 0.1
    for number in range(20):
        asterisk_manager.emit_message(EVENT | {"Number": str(number)})
    came = [ami.take_fields()["Number"] for _ in range(40)]
    assert sorted(came, key=int) == [str(number) for number in range(20) for _ in range(2)]
    assert came != sorted(came, key=int)
    call = asterisk_manager.ring("+79001234567", "101")
    assert len(asterisk_manager.channels) == 2
    call.hangup()
    assert asterisk_manager.channels == []


def test_restart_loses_calls_sessions_and_what_happens_meanwhile(
    asterisk_manager: SimulatedManager, ami: AmiWire, ajam: AjamWire
) -> None:
    """While it is down nobody can connect and events are lost; afterwards no old call lives or tells anything."""
    call = asterisk_manager.ring("+79001234567", "101")
    ports = asterisk_manager.ami_port, asterisk_manager.ajam_port
    asterisk_manager.restart(0.5, is_awaited=False)
    ami.wait_closed()
    with pytest.raises(ConnectionRefusedError):
        AmiWire(ports[0])
    lost = asterisk_manager.ring("+79007654321", "102")
    asterisk_manager.wait_for(lambda: not asterisk_manager.core.is_down)
    assert (asterisk_manager.ami_port, asterisk_manager.ajam_port) == ports
    assert asterisk_manager.counters.lost_events
    asterisk_manager.wait_for(lambda: _answers(ajam))
    with AmiWire(ports[0]) as again:
        again.log_in(asterisk_manager.secret)
        assert again.ask(Action="CoreShowChannels")["EventList"] == "start"
        assert again.take_fields()["ListItems"] == "0"
        call.answer()
        lost.answer()
        assert again.is_quiet()


def _answers(ajam: AjamWire) -> bool:
    try:
        return "Permission denied" in ajam.wait()
    except httpx.TransportError:
        return False


def test_slow_server_takes_its_time(asterisk_manager: SimulatedManager, ami: AmiWire) -> None:
    """Each message waits."""
    asterisk_manager.faults.slow_seconds = 0.2
    began = time.monotonic()
    assert ami.ask(Action="Ping")["Ping"] == "Pong"
    assert time.monotonic() - began > 0.2


def test_load_of_one_seed_is_the_same_and_believable(make_asterisk_manager: Callable[..., SimulatedManager]) -> None:
    """Calls begin at the asked rate, ring extensions of the list, and each one that begins can be followed."""
    begun: list[list[str]] = []
    for _ in range(2):
        manager = make_asterisk_manager()
        with AmiWire(manager.ami_port) as wire:
            wire.log_in(manager.secret)
            manager.start_load(1200, ["101", "102"], seed=5)
            came: list[str] = []
            while len(came) < 12:
                event = parse(wire.take().decode())
                if event["Event"] == "Newchannel":
                    came.append(event["Channel"] + event["CallerIDNum"])
            begun.append(came)
    assert begun[0] == begun[1]
    assert any("PJSIP/101" in one for one in begun[0])


def test_other_process_drives_calls_and_faults() -> None:
    """The process tells where it listens; over `/_sim/` it rings, tells what lives, and fails."""
    environment = os.environ | {"SIMULATED_MANAGER_SECRET": "of-the-environment"}
    command = [sys.executable, "-m", "simulators.asterisk"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        ami_port = int(process.stdout.readline().rsplit(":", 1)[1])
        url = process.stdout.readline().split()[-1]
        try:
            with AmiWire(ami_port) as wire, httpx.Client(base_url=f"{url}/_sim/") as sim:
                wire.log_in("of-the-environment")
                call = sim.post("ring", json={"number": "+79001234567", "extension": "101", "did": "7495"}).json()
                assert wire.take_fields()["Linkedid"] == call["call"]
                assert sim.post("answer", json=call).status_code == 200
                assert [one["ChannelStateDesc"] for one in sim.get("channels").json()] == ["Up", "Up"]
                assert sim.post("hangup", json=call | {"by_caller": True}).status_code == 200
                assert sim.get("stats").json()["channels"] == 0
                assert sim.post("hangup", json={"call": "none"}).status_code == 400
                assert sim.post("fault", json={"kind": "deliver_twice", "value": True}).status_code == 200
                assert sim.delete("fault").status_code == 200
                assert sim.post("fault", json={"kind": "cut"}).status_code == 200
                wire.wait_closed()
                assert sim.get("stats").json()["connections"] == 0
        finally:
            process.terminate()
        assert process.wait(5) == 0
