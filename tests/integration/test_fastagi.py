"""FastAGI over a real socket, played as Asterisk plays it, politely and not."""

from __future__ import annotations

import shlex
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from resources.warehouse import Warehouse
from tests.fix_gateway import IVANOV, STRANGER, TOKEN, ServedGateway, execute, silent_server


@contextmanager
def calling(gateway: ServedGateway) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", gateway.agi_port), timeout=10) as call:
        yield call


def headers(script: str, number: str = "", **more: str) -> bytes:
    """Return what Asterisk sends first."""
    given = {
        "agi_network": "yes", "agi_network_script": script, "agi_request": f"agi://127.0.0.1/{script}",
        "agi_channel": "PJSIP/trunk-0000001", "agi_language": "ru", "agi_type": "PJSIP", "agi_uniqueid": "1.1",
        "agi_version": "22.10.1", "agi_callerid": number, "agi_calleridname": "unknown", "agi_enhanced": "0.0",
    } | more  # fmt: skip
    return ("".join(f"{name}: {value}\n" for name, value in given.items()) + "\n").encode()


def arguments(line: str) -> list[str]:
    """Split a command as Asterisk does: at spaces, but not within double quotes or after a backslash."""
    parts = shlex.shlex(line, posix=True)
    parts.whitespace_split, parts.quotes, parts.commenters = True, '"', ""
    return list(parts)


def variables(
    gateway: ServedGateway, script: str = f"route?token={TOKEN}", number: str = IVANOV, **more: str
) -> dict[str, str]:
    """Play a whole dialogue; return the variables that were set."""
    found = {}
    with calling(gateway) as call:
        call.sendall(headers(script, number, **more))
        for line in call.makefile("rb"):
            command, kind, name, value = arguments(line.decode())
            assert (command, kind) == ("SET", "VARIABLE")
            found[name] = value
            call.sendall(b"200 result=1\n")
    return found


def test_a_call_learns_who_should_answer_it(gateway: ServedGateway) -> None:
    """Everything a dial plan needs, the status last."""
    found = variables(gateway)
    assert found == {
        "SWITCHBOARD_RESPONSIBLE": "201",
        "SWITCHBOARD_RESPONSIBLE_NAME": "Анна <Смирнова> & Co",
        "SWITCHBOARD_CLIENT": "ИП Иванов",
        "SWITCHBOARD_MENU": "201&202",
        "SWITCHBOARD_REASON": "rank",
        "SWITCHBOARD_VERSION": "1",
        "SWITCHBOARD_STALE": "0",
        "SWITCHBOARD_INTERCEPT": "201",
        "SWITCHBOARD_STATUS": "OK",
    }
    assert list(found)[-1] == "SWITCHBOARD_STATUS"


@pytest.mark.parametrize("number", [STRANGER, "unknown", "", "anonymous"])
def test_a_call_nobody_knows_is_the_queues(gateway: ServedGateway, number: str) -> None:
    """Hidden numbers come as the word unknown."""
    found = variables(gateway, number=number)
    assert (found["SWITCHBOARD_RESPONSIBLE"], found["SWITCHBOARD_REASON"]) == ("600", "queue")
    assert found["SWITCHBOARD_INTERCEPT"] == ""


def test_the_token_may_come_as_an_argument_and_the_number_in_the_address(gateway: ServedGateway) -> None:
    """As `AGI(agi://host/route,TOKEN)`, and for a number other than the caller's."""
    assert variables(gateway, "route", agi_arg_1=TOKEN)["SWITCHBOARD_STATUS"] == "OK"
    script = f"route?token={TOKEN}&number=%2B74951112233"
    assert variables(gateway, script, number=STRANGER)["SWITCHBOARD_RESPONSIBLE"] == "201"


@pytest.mark.parametrize("script", ["route", "route?token=wrong", f"other?token={TOKEN}", "", "route?token="])
def test_without_the_token_nothing_is_told(gateway: ServedGateway, script: str) -> None:
    """But a dial plan learns why."""
    assert variables(gateway, script) == {"SWITCHBOARD_STATUS": "DENIED"}


def test_a_name_cannot_smuggle_in_a_second_command(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """Quotes are escaped, line ends taken out."""
    execute(warehouse, "UPDATE crm_parties SET name = :name", name='A"\nEXEC System "reboot\\')
    assert variables(gateway)["SWITCHBOARD_CLIENT"] == 'A" EXEC System "reboot\\'


def test_no_line_is_longer_than_asterisk_reads(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """It runs what stands after its 2047th byte as the next command; full names in 1C are that long."""
    for sign in ("Я", '"', "\\", "x"):
        execute(warehouse, "UPDATE crm_parties SET name = :name", name=sign * 5000)
        with calling(gateway) as call:
            call.sendall(headers(f"route?token={TOKEN}", IVANOV))
            lines = []
            for line in call.makefile("rb"):
                lines.append(line)
                call.sendall(b"200 result=1\n")
        assert len(lines) == 9
        assert max(map(len, lines)) < 2048
        assert all(line.endswith(b'"\n') for line in lines)
        assert variables(gateway)["SWITCHBOARD_CLIENT"].strip(sign) == ""


def test_a_database_that_falls_silent_is_told_within_the_second(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """The caller hears nothing meanwhile."""
    assert variables(gateway)["SWITCHBOARD_STATUS"] == "OK"
    with silent_server(warehouse):
        begun = time.monotonic()
        assert variables(gateway) == {"SWITCHBOARD_STATUS": "ERROR"}
        assert time.monotonic() - begun < 2


def test_a_database_that_is_away_is_told_at_once(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """The dial plan goes on without us."""
    execute(warehouse, "ALTER TABLE published_routing RENAME TO hidden")
    begun = time.monotonic()
    assert variables(gateway) == {"SWITCHBOARD_STATUS": "ERROR"}
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x00" * 100_000,
        b"agi_network: yes",
        b"agi_x: y\n" * 1000,
        headers("route", "1")[:-1],
        headers(f"route?token={TOKEN}", "1" * 5000),
    ],
)
def test_rubbish_and_calls_that_end_early_harm_nobody(gateway: ServedGateway, sent: bytes) -> None:
    """The line is closed, nothing is told, and the next call is answered."""
    with calling(gateway) as call:
        try:
            call.sendall(sent)
            call.shutdown(socket.SHUT_WR)
            assert call.makefile("rb").read() == b""
        except OSError:
            pass  # it was closed while we were still sending
    assert variables(gateway)["SWITCHBOARD_STATUS"] == "OK"


@pytest.mark.parametrize("reply", [b"HANGUP\n", b"511 Command Not Permitted on a dead channel\n", b"", b"nonsense\n"])
def test_a_caller_who_hangs_up_in_the_middle_ends_the_dialogue(gateway: ServedGateway, reply: bytes) -> None:
    """After the first command no second one comes."""
    with calling(gateway) as call:
        call.sendall(headers(f"route?token={TOKEN}", IVANOV))
        lines = call.makefile("rb")
        assert lines.readline().startswith(b"SET VARIABLE SWITCHBOARD_RESPONSIBLE ")
        if reply:
            call.sendall(reply)
        else:
            call.shutdown(socket.SHUT_WR)
        assert lines.readline() == b""


def test_slow_callers_do_not_hold_up_the_others(gateway: ServedGateway) -> None:
    """Fifty lie idle in their headers; twenty calls are answered meanwhile."""
    idle = [socket.create_connection(("127.0.0.1", gateway.agi_port)) for _ in range(50)]
    try:
        for call in idle:
            call.sendall(b"agi_network: yes\n")
        with ThreadPoolExecutor(5) as pool:
            answers = list(pool.map(lambda _: variables(gateway)["SWITCHBOARD_STATUS"], range(20)))
        assert answers == ["OK"] * 20
    finally:
        for call in idle:
            call.close()
