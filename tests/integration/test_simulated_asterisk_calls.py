"""Calls that tests drive at the simulated manager are told as the recorded server tells calls."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from simulators.asterisk.manager import SimulatedManager
from simulators.asterisk.messages import parse
from simulators.asterisk.replay import recorded
from tests.manager_clients import AmiWire

AMI = Path(__file__).parents[1] / "data" / "asterisk" / "ami_transcript.txt.gz"
# What a dialplan or a module of the recorded server adds to a call's own events.
FOREIGN = {"CEL", "Cdr", "DeviceStateChange", "NewAccountCode"}


def shape(events: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Events with ids and channels by order of appearance, and without what is a set-up's own."""
    known: dict[str, str] = {}

    def one(key: str, value: str) -> str:
        if key.endswith(("niqueid", "inkedid", "Channel")):
            return known.setdefault(value, f"{value.split('-')[0]} {len(known)}" if "/" in value else f"{len(known)}")
        if key.endswith(("Timestamp", "AccountCode", "Priority", "IDName", "LineName", "DialString", "CallingPres")):
            return ""
        return str(bool(value)) if key.endswith("Context") else value

    return [{key: one(key, value) for key, value in event.items()} for event in events]


def recorded_call(linkedid: str) -> list[dict[str, str]]:
    """Events of one recorded call, its bridges' included."""
    events = [event for event in map(parse, recorded(AMI)) if event["Event"] not in FOREIGN]
    bridges = {
        event["BridgeUniqueid"] for event in events if event.get("Linkedid") == linkedid and "BridgeUniqueid" in event
    }
    return [
        event
        for event in events
        if linkedid in {event.get("Linkedid"), event.get("DestLinkedid"), event.get("TransfererLinkedid")}
        or event.get("BridgeUniqueid") in bridges
    ]


def driven(manager: SimulatedManager, drive: Callable[[], None]) -> list[dict[str, str]]:
    """Events of what is driven, as AMI told them."""
    with AmiWire(manager.ami_port) as ami:
        ami.log_in(manager.secret)
        before = manager.counters.events
        drive()
        return [ami.take_fields() for _ in range(manager.counters.events - before)]


def test_driven_calls_are_told_as_recorded_ones(make_asterisk_manager: Callable[..., SimulatedManager]) -> None:
    """An outgoing call up to its talk, and a transferred inside call: field by field, in order, as the server told."""
    manager = make_asterisk_manager(technology="IAX2", trunk="trunk-mango", own_number="+74951230001")
    expected = recorded_call("pbx-msk-1795406868.121")
    came = driven(manager, lambda: manager.dial_out("u102", "89000000005").answer())
    assert len(expected) > 13
    assert shape(came) == shape(expected)[: len(came)]

    def transfer() -> None:
        call = manager.dial_inside("u203", "103")
        call.answer()
        call.unhold(by_caller=True)
        call.blind_transfer("89161234567", by_caller=True)

    expected = recorded_call("pbx-msk-1795406865.71")
    came = driven(manager, transfer)
    assert shape(came)[:16] == shape(expected)[:16]
    # The new dial runs beside the giver's end; who comes first is chance.
    new = [event["Event"] for event in came if "trunk-mango" in event.get("Channel", "") + event.get("DestChannel", "")]
    assert new == ["Newchannel", "NewCallerid", "NewConnectedLine", "Newstate", "DialBegin", "DialState"]


def test_group_that_rings_is_told_as_recorded(make_asterisk_manager: Callable[..., SimulatedManager]) -> None:
    """Of two telephones one answers, the other ends with CANCEL and `Answered elsewhere`; then they hang up."""
    manager = make_asterisk_manager(technology="IAX2", trunk="prov-mango")
    expected = recorded_call("pbx-msk-1795406868.115")
    # The recorded call rang another telephone first, in vain.
    lonely = next(event["Uniqueid"] for event in expected if event["Channel"].startswith("IAX2/101"))
    expected = [e for e in expected if lonely not in {e.get("Uniqueid"), e.get("DestUniqueid")}]

    def ring() -> None:
        call = manager.ring("+79000000056", ["102", "103"], "74951230003")
        call.answer("103")
        call.hangup()

    came = driven(manager, ring)
    assert Counter(e["Event"] for e in came) == Counter(e["Event"] for e in expected)
    for who in ("IAX2/102", "IAX2/103", "IAX2/prov-mango"):

        def of(events: Sequence[dict[str, str]], who: str = who) -> list[dict[str, str]]:
            return [e for e in events if e.get("Channel", e.get("DestChannel", "")).startswith(who)]

        # The bridge is left and the channel ended by two threads of the server.
        assert sorted(map(str, shape(of(came)))) == sorted(map(str, shape(of(expected))))


def test_sip_telephone_rings_after_its_dial(asterisk_manager: SimulatedManager) -> None:
    """PJSIP tells the dial first and the ringing when the telephone says so; hold and unhold name who holds."""

    def ring() -> None:
        call = asterisk_manager.ring("+79001234567", "101", did="74951230002", name="Иван")
        call.answer()
        call.hold()
        call.unhold()
        call.hangup(by_caller=True)

    came = driven(asterisk_manager, ring)
    assert [(e["Event"], e.get("ChannelStateDesc")) for e in came[:7]] == [
        ("Newchannel", "Ring"),
        ("Newchannel", "Down"),
        ("NewCallerid", "Down"),
        ("NewConnectedLine", "Down"),
        ("DialBegin", "Ring"),
        ("Newstate", "Ringing"),
        ("DialState", "Ring"),
    ]
    assert (came[0]["CallerIDNum"], came[0]["CallerIDName"], came[0]["Exten"]) == (
        "+79001234567",
        "Иван",
        "74951230002",
    )
    held = [e["Channel"][:9] for e in came if e["Event"] in {"Hold", "Unhold"}]
    assert held == ["PJSIP/101", "PJSIP/101"]
    assert asterisk_manager.channels == []


def test_unanswered_calls_end_with_their_reason(asterisk_manager: SimulatedManager) -> None:
    """A caller who gives up cancels, a time that runs out is NOANSWER, a refusal is BUSY."""

    def statuses(drive: Callable[[], None]) -> list[str]:
        return [e["DialStatus"] for e in driven(asterisk_manager, drive) if e["Event"] == "DialEnd"]

    assert statuses(lambda: asterisk_manager.ring("1", "101").hangup()) == ["CANCEL"]
    assert statuses(lambda: asterisk_manager.ring("1", ["101", "102"]).ring_out()) == ["NOANSWER", "NOANSWER"]
    assert statuses(lambda: asterisk_manager.ring("1", "101").reject()) == ["BUSY"]
    assert asterisk_manager.channels == []


def unpacked(event: dict[str, str]) -> dict[str, str]:
    """The JSON of a CdrConnector event."""
    data = event["AgiData"]
    packed = base64.b64decode(data.removeprefix("GZ:"))
    told: dict[str, str] = json.loads(gzip.decompress(packed) if data.startswith("GZ:") else packed)
    return told


def test_cdr_connector_tells_the_call_in_mikopbx_words(make_asterisk_manager: Callable[..., SimulatedManager]) -> None:
    """Only its events come when asked so; long data is packed; the row is told a while after the end."""
    manager = make_asterisk_manager(cdr_connector=True, channel_events=False, finalise_seconds=0.1)
    with AmiWire(manager.ami_port) as ami:
        ami.log_in(manager.secret)
        call = manager.ring("+79001234567", "101", did="74951230002", name="Иван " * 60)
        call.answer()
        assert len(manager.channels) == 2
        call.hangup()
        manager.wait_for(lambda: manager.counters.events == 7)
        came = [ami.take_fields() for _ in range(7)]
    assert {(e["Event"], e["Privilege"], e["UserEvent"]) for e in came} == {("UserEvent", "user,all", "CdrConnector")}
    told = [unpacked(event) for event in came]
    assert [one["action"] for one in told] == [
        "dial", "dial_create_chan", "dial_answer", "dial_end", "hangup_chan", "hangup_chan", "hangup_update_cdr",
    ]  # fmt: skip
    assert came[0]["AgiData"].startswith("GZ:")
    assert not came[1]["AgiData"].startswith("GZ:")
    dial = told[0]
    assert (dial["src_num"], dial["dst_num"], dial["did"]) == ("+79001234567", "101", "74951230002")
    assert {one["linkedid"] for one in told} == {call.id}
    assert dial["UNIQUEID"] == told[1]["UNIQUEID"] == told[2]["id"] == told[3]["UNIQUEID"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}", dial["start"])
    assert told[-1]["GLOBAL_STATUS"] == "ANSWERED"


def test_transferred_call_goes_on_with_the_outside_party(
    make_asterisk_manager: Callable[..., SimulatedManager],
) -> None:
    """Who was handed over keeps channel and call; the new telephone rings, answers and ends; MikoPBX says transfer."""
    manager = make_asterisk_manager(cdr_connector=True, finalise_seconds=0.1)
    with AmiWire(manager.ami_port) as ami:
        ami.log_in(manager.secret)
        call = manager.ring("+79001234567", "101")
        outside = call.caller.channel
        call.answer()
        call.blind_transfer("102")
        assert [one["Channel"].split("-")[0] for one in manager.channels] == ["PJSIP/SIP", "PJSIP/102"]
        assert {one["Linkedid"] for one in manager.channels} == {call.id}
        call.answer()
        call.hangup()
        assert manager.channels == []
        ends = manager.counters.events + 2
        manager.wait_for(lambda: manager.counters.events == ends)
        came = [ami.take_fields() for _ in range(ends)]
    given = next(event for event in came if event["Event"] == "BlindTransfer")
    assert (given["TransfereeChannel"], given["Extension"]) == (outside, "102")
    told = [unpacked(event)["action"] for event in came if event["Event"] == "UserEvent"]
    assert [one for one in told if "transfer" in one] == [
        "transfer_dial", "transfer_dial_create_chan", "transfer_dial_answer", "transfer_dial_hangup",
    ]  # fmt: skip
    assert told[-2:] == ["hangup_update_cdr"] * 2
