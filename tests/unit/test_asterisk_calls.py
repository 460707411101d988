"""Channels of a recorded Asterisk followed, and checked against the call records that the same server wrote."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.telephony.live.asterisk_calls import AsteriskCalls
from resources.telephony.live.event import CallEvent, Kind
from resources.telephony.live.manager_messages import Message
from tests.recorded_manager import RECORDINGS, SAMPLES, recorded_messages

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def _told(messages: Iterable[Message], calls: AsteriskCalls | None = None) -> list[CallEvent]:
    calls = calls or AsteriskCalls(4)
    return [event for message in messages for event in calls.take(message, NOW)]


def _records(messages: Iterable[Message]) -> dict[str, list[Message]]:
    records: defaultdict[str, list[Message]] = defaultdict(list)
    for message in messages:
        if message.get("event") == "Cdr":
            records[message["linkedid"]].append(message)
    return records


def _employee(channel: str, number: str) -> str | None:
    """Whose telephone it is, as `map_asterisk.sql` reads a row."""
    name = re.fullmatch(r"(?:PJSIP|SIP|IAX2)/[A-Za-z]?(\d{2,4})-\w+", channel)
    return name.group(1) if name else number if re.fullmatch(r"\d{2,4}", number) else None


def _people(records: Iterable[Message], *, answered: bool) -> set[str]:
    return {
        employee
        for record in records
        if record["destinationchannel"] and not record["destinationchannel"].startswith("Local/")
        if not answered or record["disposition"] == "ANSWERED"
        if (employee := _employee(record["destinationchannel"], record["destination"]))
    }


@pytest.mark.parametrize("folder", RECORDINGS)
def test_every_call_of_the_records_has_events(folder: Path) -> None:
    """Whatever was written to the history was told before, calls that only plumbing took part in among them."""
    messages = recorded_messages(folder)
    told = {event.linkedid for event in _told(messages)}
    assert len(_records(messages)) > 40
    assert _records(messages).keys() <= told


@pytest.mark.parametrize("folder", RECORDINGS)
def test_who_rang_and_who_answered_is_what_the_records_say(folder: Path) -> None:
    """Employees rung and answered by call are those of the rows; callers of ours, who are in no row, come besides."""
    messages = recorded_messages(folder)
    rung: defaultdict[str, set[str]] = defaultdict(set)
    answered: defaultdict[str, set[str]] = defaultdict(set)
    for event in _told(messages):
        if event.extension and event.kind in (Kind.RINGING, Kind.ANSWERED):
            (rung if event.kind is Kind.RINGING else answered)[event.linkedid].add(event.extension)
    people = 0
    for linkedid, records in _records(messages).items():
        if all(record["channel"].startswith("Local/") for record in records):
            continue  # the callers' side of the recording
        ours = {_employee(record["channel"], "") for record in records} - {None}
        assert _people(records, answered=False) <= rung[linkedid] <= _people(records, answered=False) | ours, linkedid
        assert _people(records, answered=True) <= answered[linkedid], linkedid
        assert answered[linkedid] <= _people(records, answered=True) | ours, linkedid
        people += len(answered[linkedid])
    assert people >= 20


@pytest.mark.parametrize("folder", RECORDINGS)
def test_callers_are_answered_by_people_only(folder: Path) -> None:
    """Menus, queues and parking answer a call too, but a caller is answered where a row has a person that answered."""
    messages = recorded_messages(folder)
    callers = {event.leg_id for event in _told(messages) if event.kind is Kind.ANSWERED}
    machine_only = 0
    for linkedid, records in _records(messages).items():
        first = [record for record in records if record["uniqueid"] == linkedid]
        if not first or not first[0]["channel"].startswith("IAX2/prov-"):
            continue
        talked = any(r["disposition"] == "ANSWERED" and r["destinationchannel"] for r in records)
        machine_only += not talked and any(r["disposition"] == "ANSWERED" for r in records)
        assert (linkedid in callers) == talked, linkedid
    assert machine_only >= 1


@pytest.mark.parametrize("folder", RECORDINGS)
def test_incoming_calls_show_who_calls_and_which_number_of_ours(folder: Path) -> None:
    """Direction, client and DID are what the history makes of the call's first row."""
    messages = recorded_messages(folder)
    events = _told(messages)
    checked = 0
    for linkedid, records in _records(messages).items():
        if records[0]["uniqueid"] != linkedid or records[0]["destinationcontext"] != "from-trunk":
            continue
        ringing = next(event for event in events if event.linkedid == linkedid)
        source = records[0]["source"]
        assert (ringing.direction, ringing.extension) == ("in", None)
        assert ringing.client_number == (source if any(char.isdigit() for char in source) else None)
        dialled = next(m["exten"] for m in messages if m.get("uniqueid") == linkedid and m["event"] == "Newchannel")
        assert ringing.did == dialled
        checked += 1
    assert checked > 10


@pytest.mark.parametrize("folder", RECORDINGS)
def test_every_leg_ends_with_its_channel_and_nothing_is_kept_of_it(folder: Path) -> None:
    """A leg is told once as ringing and once as ended, in this order, and ended calls are forgotten."""
    messages = recorded_messages(folder)
    calls = AsteriskCalls(4)
    kinds: defaultdict[str, list[Kind]] = defaultdict(list)
    for event in _told(messages, calls):
        kinds[event.leg_id].append(event.kind)
    hung_up = {message["uniqueid"] for message in messages if message.get("event") == "Hangup"}
    for leg_id, told in kinds.items():
        assert told[0] is Kind.RINGING
        assert told.count(Kind.RINGING) == 1
        assert (told.count(Kind.ENDED), told[-1] is Kind.ENDED) == ((1, True) if leg_id in hung_up else (0, False))
    born = {message["linkedid"] for message in messages if message.get("event") == "Newchannel"}
    dead = {m["linkedid"] for m in messages if m.get("event") == "Hangup" and m["uniqueid"] == m["linkedid"]}
    assert len(calls.linkedids) <= len(born - dead)


SLICE = [m for m in recorded_messages(SAMPLES) if m.get("event") not in (None, "CEL", "Cdr", "DeviceStateChange")][:900]


@given(st.lists(st.integers(0, len(SLICE) - 1), max_size=80))
@settings(max_examples=25, deadline=None)
def test_a_message_that_comes_twice_tells_nothing_new(doubled: list[int]) -> None:
    """The events are the same; only a transfer may be told twice, as the very same event."""
    again = [m for at, m in enumerate(SLICE) for _ in range(1 + doubled.count(at))]
    known = [(e.kind, e.leg_id, e.source_at) for e in _told(SLICE)]
    assert list(dict.fromkeys((e.kind, e.leg_id, e.source_at) for e in _told(again))) == known


def _shuffled(seed: int, reach: int) -> list[Message]:
    chance = random.Random(seed)
    places = sorted((at + chance.uniform(0, reach), at) for at in range(len(SLICE)))
    return [SLICE[at] for _, at in places]


@given(st.integers(0, 10_000), st.sampled_from([3, 20, 200]))
@settings(max_examples=25, deadline=None)
def test_out_of_order_no_end_is_lost_and_none_comes_twice(seed: int, reach: int) -> None:
    """However messages overtake each other, a channel that ended leaves no living leg, and ends once."""
    messages = _shuffled(seed, reach)
    events = _told(messages)
    hung_up = {message["uniqueid"] for message in messages if message["event"] == "Hangup"}
    ended = [event.leg_id for event in events if event.kind is Kind.ENDED]
    assert len(ended) == len(set(ended))
    assert {event.leg_id for event in events} & hung_up == set(ended)


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(
                [
                    "event",
                    "channel",
                    "destchannel",
                    "uniqueid",
                    "destuniqueid",
                    "linkedid",
                    "channelstate",
                    "destchannelstate",
                    "exten",
                    "calleridnum",
                    "timestamp",
                    "bridgeuniqueid",
                    "result",
                    "dialstatus",
                    "dialstring",
                    "transfererchannel",
                    "transfereruniqueid",
                ]
            ),
            st.sampled_from(
                [
                    "Newchannel",
                    "Hangup",
                    "DialBegin",
                    "DialEnd",
                    "BridgeEnter",
                    "BridgeLeave",
                    "Hold",
                    "BlindTransfer",
                    "AttendedTransfer",
                    "Pickup",
                    "LocalBridge",
                    "a",
                    "b",
                    "PJSIP/101-1",
                    "Local/x@y-1;1",
                    "Local/x@y-1;2",
                    "4",
                    "5",
                    "6",
                    "",
                    "<unknown>",
                    "1795406860.5",
                    "/",
                    "-",
                    "Success",
                    "ANSWER",
                    "\x00",
                    "٣٤",
                ]
            ),
        ),
        max_size=30,
    )
)
@settings(max_examples=200, deadline=None)
def test_strange_messages_never_raise(messages: list[dict[str, str]]) -> None:
    """Fields that are absent, empty, foreign or in the wrong place are passed over."""
    calls = AsteriskCalls(4)
    _told(messages, calls)
    calls.snapshot(messages, NOW)


def _listed(messages: Sequence[Message]) -> list[Message]:
    """What CoreShowChannels would have said after these messages, worked out apart from the code under test."""
    live: dict[str, dict[str, str]] = {}
    for message in messages:
        event, uniqueid = message.get("event"), message.get("uniqueid", "")
        if event == "Newchannel":
            is_called = message["channelstate"] == "0"
            live[uniqueid] = {"application": "AppDial" if is_called else "Dial", "bridgeid": ""}
        if event == "Hangup":
            live.pop(uniqueid, None)
        for prefix in ("", "dest"):
            if (
                f"{prefix}channelstate" in message
                and (row := live.get(message.get(f"{prefix}uniqueid", ""))) is not None
            ):
                keys = ("channel", "uniqueid", "linkedid", "channelstate", "calleridnum", "connectedlinenum", "exten")
                row.update({key: message[prefix + key] for key in keys})
        if event in ("BridgeEnter", "BridgeLeave") and uniqueid in live:
            is_in = event == "BridgeEnter" and message["bridgetechnology"] != "holding_bridge"
            live[uniqueid]["bridgeid"] = message["bridgeuniqueid"] if is_in else ""
    return list(live.values())


@pytest.mark.parametrize("cut_at", range(100, 900, 100))
def test_a_break_is_bridged_by_the_snapshot(cut_at: int) -> None:
    """Who begins in the middle of calls knows the legs that live, what they do, and hears their ends."""
    whole, before = _told(SLICE), _told(SLICE[:cut_at])
    calls = AsteriskCalls(4)
    snapshot = calls.snapshot(_listed(SLICE[:cut_at]), NOW)
    assert snapshot.leg_ids is not None
    living = {e.leg_id for e in before} - {e.leg_id for e in before if e.kind is Kind.ENDED}
    assert {event.leg_id for event in snapshot.events} == living
    assert living <= snapshot.leg_ids
    assert {event.linkedid for event in snapshot.events} <= snapshot.linkedids
    # Who talked once and is parked now does not look answered.
    parked = {m["parkeeuniqueid"] for m in SLICE[:cut_at] if m["event"] == "ParkedCall"}
    answered = ({e.leg_id for e in before if e.kind is Kind.ANSWERED} & living) - parked
    assert {e.leg_id for e in snapshot.events if e.kind is Kind.ANSWERED} - parked == answered
    after = _told(SLICE[cut_at:], calls)
    told = [*snapshot.events, *after]
    for kind in (Kind.ANSWERED, Kind.ENDED):
        expected = {e.leg_id for e in whole if e.kind is kind} - {e.leg_id for e in before if e.kind is Kind.ENDED}
        assert {e.leg_id for e in told if e.kind is kind} - parked == expected - parked


def _channel(uniqueid: str, name: str, state: int, linkedid: str, prefix: str = "", **more: str) -> dict[str, str]:
    fields = {"channel": name, "channelstate": str(state), "uniqueid": uniqueid, "linkedid": linkedid, **more}
    return {f"{prefix}{key}": value for key, value in fields.items()}


def test_after_a_consultation_the_colleague_has_the_client() -> None:
    """When an attended transfer ends, the colleague's leg is told again, with the client and the client's call."""
    calls = AsteriskCalls(4)
    client = _channel("1.1", "PJSIP/trunk-1", 4, "1.1", calleridnum="+79001112233", exten="74951230001")
    agent = _channel("1.2", "PJSIP/203-2", 5, "1.1")
    asks = _channel("2.1", "PJSIP/203-3", 4, "2.1", calleridnum="203", exten="205")
    colleague = _channel("2.2", "PJSIP/205-4", 5, "2.1")
    up = {"channelstate": "6"}
    for fields in (client, agent, asks, colleague):
        _told([{"event": "Newchannel", **fields}], calls)
    for bridge, pair in (("b1", (client, agent)), ("b2", (asks, colleague))):
        _told([{"event": "BridgeEnter", **one, **up, "bridgeuniqueid": bridge} for one in pair], calls)
    [handed] = _told(
        [{
            "event": "AttendedTransfer", "result": "Success",
            **_channel("1.2", "PJSIP/203-2", 6, "1.1", "origtransferer"),
            **_channel("2.1", "PJSIP/203-3", 6, "2.1", "secondtransferer"),
            **_channel("1.1", "PJSIP/trunk-1", 6, "1.1", "transferee"),
            **_channel("2.2", "PJSIP/205-4", 6, "2.1", "transfertarget"),
        }],
        calls,
    )  # fmt: skip
    assert (handed.kind, handed.extension, handed.to_number) == (Kind.TRANSFERRED, "203", "205")
    [told] = _told([{"event": "BridgeEnter", **colleague, **up, "linkedid": "1.1", "bridgeuniqueid": "b1"}], calls)
    assert (told.kind, told.leg_id, told.extension, told.linkedid) == (Kind.ANSWERED, "2.2", "205", "1.1")
    assert told.client_number == "+79001112233"


def test_holding_is_told_when_it_changes() -> None:
    """Held and resumed come in turns; a resumption of what was not held says nothing."""
    calls = AsteriskCalls(4)
    fields = _channel("1.1", "PJSIP/203-1", 4, "1.1", calleridnum="203")
    kinds = [e.kind for e in _told([{"event": name, **fields} for name in
                                    ("Newchannel", "Unhold", "Hold", "Hold", "Unhold")], calls)]  # fmt: skip
    assert kinds == [Kind.RINGING, Kind.HELD, Kind.RESUMED]


def test_a_telephone_that_never_rings_shows_no_card() -> None:
    """Dialled, but refused at once (busy, do not disturb): the employee's leg is not told, the caller's is."""
    calls = AsteriskCalls(4)
    client = _channel("1.1", "PJSIP/trunk-1", 4, "1.1", calleridnum="+79001112233", exten="74951230001")
    dest = _channel("1.2", "PJSIP/203-2", 0, "1.1", "dest")
    events = _told(
        [
            {"event": "Newchannel", **client},
            {"event": "DialBegin", **client, **dest},
            {"event": "DialEnd", **client, **dest, "dialstatus": "BUSY"},
            {"event": "Hangup", **_channel("1.2", "PJSIP/203-2", 0, "1.1")},
            {"event": "Hangup", **client},
        ],
        calls,
    )
    assert [(event.kind, event.leg_id) for event in events] == [(Kind.RINGING, "1.1"), (Kind.ENDED, "1.1")]


def test_who_is_alone_in_a_bridge_talks_with_nobody() -> None:
    """The first guest of a conference waits, the second makes it a talk; the parked never talk with each other."""
    calls = AsteriskCalls(4)
    client = _channel("1.1", "PJSIP/trunk-1", 4, "1.1", calleridnum="+79001112233", exten="74951230001")
    agent = _channel("2.1", "PJSIP/203-2", 4, "2.1", calleridnum="203", exten="900")
    _told([{"event": "Newchannel", **client}, {"event": "Newchannel", **agent}], calls)
    parking = {"event": "BridgeEnter", "bridgeuniqueid": "b1", "bridgetechnology": "holding_bridge"}
    assert _told([parking | client, parking | agent], calls) == []
    conference = {"event": "BridgeEnter", "bridgeuniqueid": "b2", "bridgetechnology": "softmix"}
    assert _told([conference | client], calls) == []
    told = _told([conference | agent], calls)
    assert {(event.kind, event.leg_id) for event in told} == {(Kind.ANSWERED, "1.1"), (Kind.ANSWERED, "2.1")}


def test_talk_goes_through_local_channels() -> None:
    """A queue that rings telephones by Local channels joins caller and employee by two bridges."""
    calls = AsteriskCalls(4)
    client = _channel("1.1", "PJSIP/trunk-1", 4, "1.1", calleridnum="+79001112233", exten="74951230001")
    halves = [_channel(f"1.{at}", f"Local/203@queue-0000000a;{at - 1}", 6, "1.1") for at in (2, 3)]
    agent = _channel("1.4", "PJSIP/203-2", 5, "1.1")
    _told([{"event": "Newchannel", **fields} for fields in (client, *halves, agent)], calls)
    enters = [(client, "b1"), (halves[0], "b1"), (halves[1], "b2"), (agent, "b2")]
    told = _told([{"event": "BridgeEnter", **one, "bridgeuniqueid": bridge} for one, bridge in enters], calls)
    assert {(event.kind, event.leg_id) for event in told} == {(Kind.ANSWERED, "1.1"), (Kind.ANSWERED, "1.4")}


def test_an_end_that_comes_first_is_final() -> None:
    """A leg whose end overtakes its beginning is told as ended, and never lives."""
    calls = AsteriskCalls(4)
    fields = _channel("1.1", "PJSIP/trunk-1", 4, "1.1", calleridnum="+79001112233", exten="74951230001")
    events = _told([{"event": name, **fields} for name in ("Hangup", "Newchannel", "Newstate", "Hangup")], calls)
    assert [event.kind for event in events] == [Kind.ENDED]
    assert calls.linkedids == frozenset()


def test_memory_is_bounded_where_ends_are_lost() -> None:
    """Channels whose ends never came do not pile up."""
    calls = AsteriskCalls(4)
    for at in range(20_500):
        calls.take({"event": "Newchannel", **_channel(f"{at}.1", f"PJSIP/203-{at}", 4, f"{at}.1")}, NOW)
    assert len(calls.linkedids) == 20_000
