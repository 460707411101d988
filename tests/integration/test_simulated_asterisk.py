"""The simulated manager behaves on the wire as the recorded server and as Asterisk's protocol says."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from threading import Thread, Timer

import httpx
import pytest

from simulators.asterisk.manager import SimulatedManager
from simulators.asterisk.messages import parse, split
from simulators.asterisk.replay import recorded
from tests.manager_clients import AjamWire, AmiWire

DATA = Path(__file__).parents[1] / "data" / "asterisk"
AMI = DATA / "ami_transcript.txt.gz"
NOTHING = "Response: Success\r\nMessage: Waiting for Event completed.\r\n\r\nEvent: WaitEventComplete\r\n\r\n"


def kinds(text: str) -> list[str]:
    """Names of the events in a run of messages."""
    return re.findall(r"^Event: (\w+)\r$", text, re.MULTILINE)


def test_log_in_is_answered_byte_for_byte_as_recorded(asterisk_manager: SimulatedManager) -> None:
    """Greeting, acceptance with its ActionID, then FullyBooted: these are the first bytes of the recording."""
    start = gzip.decompress(AMI.read_bytes())
    with AmiWire(asterisk_manager.ami_port) as ami:
        ami.send(Action="Login", ActionID="login", Username="listener", Secret=asterisk_manager.secret)
        came = ami.greeting + ami.take() + ami.take()
    came, start = (re.sub(rb"(Uptime|LastReload): \d+", rb"\1: n", text) for text in (came, start))
    assert start.startswith(came)


def test_md5_log_in_takes_the_challenge_once_given(asterisk_manager: SimulatedManager) -> None:
    """The key is MD5 of challenge and password; the password itself never travels, and a guess is refused."""
    for right in (True, False):
        with AmiWire(asterisk_manager.ami_port) as ami:
            challenge = ami.ask(Action="Challenge", AuthType="MD5", ActionID="7")
            assert list(challenge) == ["Response", "ActionID", "Challenge"]
            known = asterisk_manager.secret if right else "guess"
            key = hashlib.md5((challenge["Challenge"] + known).encode(), usedforsecurity=False).hexdigest()
            answer = ami.ask(Action="Login", AuthType="MD5", Username="listener", Key=key)
            assert answer["Message"] == ("Authentication accepted" if right else "Authentication failed")
            if not right:
                ami.wait_closed()
    assert (asterisk_manager.counters.logins, asterisk_manager.counters.refused_logins) == (1, 1)


def test_nothing_is_told_before_log_in(asterisk_manager: SimulatedManager) -> None:
    """Without log-in an action is refused and no event comes."""
    with AmiWire(asterisk_manager.ami_port) as ami:
        assert ami.ask(Action="CoreShowChannels")["Message"] == "Permission denied"
        asterisk_manager.ring("+79001234567", "101")
        assert ami.is_quiet()


def test_each_action_carries_its_id_back(asterisk_manager: SimulatedManager) -> None:
    """Ping, an unknown action and Logoff answer with the ActionID, and Logoff closes."""
    with AmiWire(asterisk_manager.ami_port) as ami:
        ami.log_in(asterisk_manager.secret)
        assert ami.ask(Action="Ping", ActionID="1")["Ping"] == "Pong"
        unknown = ami.ask(Action="Sing", ActionID="2")
        assert (unknown["Response"], unknown["ActionID"]) == ("Error", "2")
        assert unknown["Message"].startswith("Invalid/unknown command: Sing.")
        assert ami.ask(Action="Logoff", ActionID="3")["Response"] == "Goodbye"
        ami.wait_closed()


def test_events_can_be_switched_off_and_filtered(asterisk_manager: SimulatedManager) -> None:
    """`Events: off` hears nothing; a filter lets only what fits pass, one with `!` all but that."""
    with AmiWire(asterisk_manager.ami_port) as silent, AmiWire(asterisk_manager.ami_port) as picky:
        silent.log_in(asterisk_manager.secret)
        assert silent.ask(Action="Events", EventMask="off")["Events"] == "Off"
        picky.log_in(asterisk_manager.secret)
        for pattern in (r"Event: (Newchannel|Hangup)\s", "!SIP-TRUNK"):
            assert picky.ask(Action="Filter", Operation="Add", Filter=pattern)["Response"] == "Success"
        asterisk_manager.ring("+79001234567", "101").hangup()
        assert silent.is_quiet()
        heard = [picky.take_fields(), picky.take_fields()]
        assert [(one["Event"], one["Channel"][:9]) for one in heard] == [
            ("Newchannel", "PJSIP/101"),
            ("Hangup", "PJSIP/101"),
        ]
        assert picky.is_quiet()


def test_core_show_channels_tells_what_lives(asterisk_manager: SimulatedManager) -> None:
    """The list is of the channels that have begun and not hung up, in their newest state, over AMI and HTTP."""
    ringing = asterisk_manager.ring("+79001234567", "101")
    talking = asterisk_manager.ring("+79007654321", "102")
    talking.answer()
    asterisk_manager.ring("+79000000000", "103").hangup()
    with AmiWire(asterisk_manager.ami_port) as ami, AjamWire(asterisk_manager.ajam_url) as ajam:
        ami.log_in(asterisk_manager.secret)
        ami.send(Action="CoreShowChannels", ActionID="c1")
        listed = ami.take(b"CoreShowChannelsComplete\r\n").decode() + ami.take().decode()
        ajam.log_in(asterisk_manager.secret)
        over_http = ajam.get(action="coreshowchannels", ActionID="c1").text
        bridges = split(ajam.get(action="bridgelist").text)
    assert re.sub(r"Duration: .*", "", over_http) == re.sub(r"Duration: .*", "", listed)
    first, *rows, last = map(parse, split(listed))
    assert first == {"Response": "Success", "ActionID": "c1", "EventList": "start", "Message": "Channels will follow"}
    assert last["ListItems"] == "4"
    assert {row["ActionID"] for row in rows} == {"c1"}
    states = {(row["Linkedid"], row["Channel"].split("-")[0]): row["ChannelStateDesc"] for row in rows}
    assert states == {
        (ringing.id, "PJSIP/SIP"): "Ring",
        (ringing.id, "PJSIP/101"): "Ringing",
        (talking.id, "PJSIP/SIP"): "Up",
        (talking.id, "PJSIP/102"): "Up",
    }
    assert {row["BridgeId"] for row in rows} == {"", talking.bridge}
    assert [parse(one).get("BridgeNumChannels") for one in bridges] == [None, "2", None]


def test_replay_sends_the_recorded_bytes(asterisk_manager: SimulatedManager) -> None:
    """Each event of the transcript comes over AMI as it was recorded, in its order."""
    events = recorded(AMI)
    with AmiWire(asterisk_manager.ami_port) as ami:
        ami.log_in(asterisk_manager.secret)
        asterisk_manager.replay(AMI)
        came = [ami.take() for _ in events]
        assert ami.is_quiet()
    assert b"".join(came) == "".join(events).encode()
    assert b"".join(came) in b"".join(
        part + b"\r\n\r\n"
        for part in gzip.decompress(AMI.read_bytes()).split(b"\r\n\r\n")
        if part.startswith(b"Event") and b"Timestamp" in part
    )


@pytest.mark.parametrize("page", ["rawman", "mxml"])
def test_http_answers_hold_the_recorded_events(asterisk_manager: SimulatedManager, page: str) -> None:
    """What both pages recorded of the same calls comes again byte for byte, whichever answer brings it."""
    expected = [
        json.loads(line)["body"] for line in gzip.decompress((DATA / f"{page}.jsonl.gz").read_bytes()).splitlines()
    ]
    with AjamWire(f"{asterisk_manager.ajam_url}/asterisk", page) as ajam:
        ajam.log_in(asterisk_manager.secret)
        asterisk_manager.replay(DATA / "rawman.jsonl.gz")
        body = ajam.wait()
    if page == "rawman":
        head, tail = NOTHING.split("Event: ")[0], "Event: WaitEventComplete\r\n\r\n"
    else:
        lines = expected[0].splitlines(keepends=True)
        head, tail = "".join(lines[:2]), "".join(lines[2:])
    assert expected[0] == head + tail
    assert body == head + "".join(one.removeprefix(head).removesuffix(tail) for one in expected) + tail


def test_replay_keeps_the_pace_and_can_be_moved_to_now(asterisk_manager: SimulatedManager) -> None:
    """At speed 20 half a second lasts 25 ms; shifted, the first event is stamped now, the ids stay."""
    recording = [one for one in recorded(AMI) if "\r\nChannel: " in one][:150]
    stamps = [float(parse(one)["Timestamp"]) for one in recording]
    with AmiWire(asterisk_manager.ami_port) as ami:
        ami.log_in(asterisk_manager.secret)
        began = time.time()
        asterisk_manager.replay(recording, speed=20, shift_to_now=True)
        lasted = time.time() - began
        came = [ami.take_fields() for _ in recording]
    assert (max(stamps) - stamps[0]) / 20 <= lasted < (max(stamps) - stamps[0]) / 20 + 1
    assert abs(float(came[0]["Timestamp"]) - began) < 1
    assert [one["Channel"] for one in came] == [parse(one)["Channel"] for one in recording]


def test_channels_are_true_after_a_replay(asterisk_manager: SimulatedManager) -> None:
    """After a transcript only those channels live of which it told no end."""
    begun: Counter[str] = Counter()
    for event in map(parse, recorded(AMI)):
        begun[event.get("Uniqueid", "")] += {"Newchannel": 1, "Hangup": -1}.get(event["Event"], 0)
    asterisk_manager.replay(AMI)
    assert {channel["Uniqueid"] for channel in asterisk_manager.channels} == {one for one in begun if begun[one] > 0}


def test_http_log_in_and_refusal_are_as_observed(asterisk_manager: SimulatedManager) -> None:
    """The cookie has its recorded form; without a valid one the answer is 200, an error and a new useless cookie."""
    with AjamWire(asterisk_manager.ajam_url) as ajam:
        response = ajam.get(action="login", username="listener", secret=asterisk_manager.secret)
        assert response.text == "Response: Success\r\nMessage: Authentication accepted\r\n\r\n"
        cookie = response.headers["set-cookie"]
        assert re.fullmatch(r'mansession_id="[0-9a-f]{8}"; Version=1; Max-Age=60', cookie)
        # The first answer after a log-in may come at once and empty.
        assert ajam.wait() == NOTHING
        ajam.client.cookies.clear()
        refused = ajam.get(action="waitevent", timeout="5")
        assert (refused.status_code, refused.text) == (200, "Response: Error\r\nMessage: Permission denied\r\n\r\n")
        assert refused.headers["set-cookie"] != cookie
        assert ajam.wait() == refused.text
    wrong = httpx.get(f"{asterisk_manager.ajam_url}/rawman?action=login&username=listener&secret=no")
    assert (wrong.status_code, wrong.text) == (200, "Response: Error\r\nMessage: Authentication failed\r\n\r\n")


def test_session_keeps_events_between_requests(asterisk_manager: SimulatedManager) -> None:
    """What happens between two waitevents comes with the next; one that waits is answered as soon as it happens."""
    with AjamWire(asterisk_manager.ajam_url) as ajam:
        ajam.log_in(asterisk_manager.secret)
        call = asterisk_manager.ring("+79001234567", "101")
        assert kinds(ajam.wait())[0] == "Newchannel"
        began = time.monotonic()
        assert ajam.wait(1) == NOTHING
        assert time.monotonic() - began >= 1
        later = Timer(0.1, call.answer)
        later.start()
        began = time.monotonic()
        assert "DialEnd" in kinds(ajam.wait(5))
        assert time.monotonic() - began < 1
        later.join()
    assert asterisk_manager.counters.waitevent_requests == 4


def test_newer_waitevent_sends_the_older_home(asterisk_manager: SimulatedManager) -> None:
    """A session has one waitevent: the older is answered with an empty body, the newer gets the events."""
    with AjamWire(asterisk_manager.ajam_url) as ajam:
        ajam.log_in(asterisk_manager.secret)
        bodies: list[str] = []
        older = Thread(target=lambda: bodies.append(ajam.wait(5)))
        older.start()
        asterisk_manager.wait_for(lambda: asterisk_manager.counters.waitevent_requests == 2)
        newer = Thread(target=lambda: bodies.append(ajam.wait(5)))
        newer.start()
        older.join()
        assert bodies == [""]
        asterisk_manager.ring("+79001234567", "101")
        newer.join()
    assert "Newchannel" in kinds(bodies[1])


def test_idle_session_dies(make_asterisk_manager: Callable[..., SimulatedManager]) -> None:
    """A session without a request for the idle time is gone, and its events with it."""
    manager = make_asterisk_manager(idle_seconds=0.2)
    with AjamWire(manager.ajam_url) as ajam:
        cookie = ajam.log_in(manager.secret).headers["set-cookie"].split(";")[0]
        ajam.client.cookies.clear()
        time.sleep(0.1)
        assert "Success" in ajam.client.get("/rawman?action=ping", headers={"Cookie": cookie}).text
        time.sleep(0.3)
        assert "Permission denied" in ajam.client.get("/rawman?action=ping", headers={"Cookie": cookie}).text
