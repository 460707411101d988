"""MikoPBX's `CdrConnector` events: what they hold, and what they mean."""

from __future__ import annotations

import base64
import gzip
import json
import logging
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.telephony.live.cdr_connector import CdrConnectorCalls, CdrConnectorError, unpacked
from resources.telephony.live.event import CallEvent, Kind
from resources.telephony.live.manager_events import ManagerEvents
from resources.telephony.live.manager_messages import Message

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
CALL = "mikopbx-1795406860.34"
LEG = "mikopbx-1795406860.35_1349bM"
OUTSIDE = f"{CALL}/outside"
CLIENT_CHANNEL = "PJSIP/SIP-TRUNK-1-00000001"


def _message(data: object, *, packed: bool = False) -> Message:
    text = json.dumps(data).encode()
    agi_data = "GZ:" + base64.b64encode(gzip.compress(text)).decode() if packed else base64.b64encode(text).decode()
    return {"event": "UserEvent", "userevent": "CdrConnector", "agidata": agi_data}


def _data(action: str, **more: str) -> dict[str, Any]:
    return {"action": action, "linkedid": CALL, "UNIQUEID": LEG, **more}


def _dial(**more: str) -> dict[str, Any]:
    fields = {"src_num": "79001112233", "dst_num": "203", "did": "74951230001", "src_chan": CLIENT_CHANNEL}
    return _data("dial", **(fields | more))


def _told(*data: dict[str, Any], calls: CdrConnectorCalls | None = None) -> list[CallEvent]:
    calls = calls or CdrConnectorCalls(4)
    return [event for one in data for event in calls.take(_message(one), NOW)]


def _short(events: list[CallEvent]) -> list[tuple[str, str]]:
    return [(event.kind.value, event.leg_id) for event in events]


CREATED = _data("dial_create_chan", dst_chan="PJSIP/203-00000002")
ANSWER = {"action": "dial_answer", "linkedid": CALL, "id": LEG, "dst_num": "203", "agi_channel": CLIENT_CHANNEL}
END = _data("dial_end", endtime="2026-11-23 12:01:00.000")
CALLER_GONE = _data("hangup_chan", UNIQUEID="", agi_channel=CLIENT_CHANNEL)


def test_packed_and_plain_data_are_the_same() -> None:
    """Long data come as `GZ:` and gzip; names in Russian survive both."""
    row = _dial(src_name="Иван")
    assert unpacked(_message(row)["agidata"]) == unpacked(_message(row, packed=True)["agidata"]) == row


def test_an_incoming_call_from_ring_to_end() -> None:
    """The row is the employee's leg, and the outside party is one leg for the call."""
    events = _told(_dial(), CREATED, ANSWER, END, CALLER_GONE)
    assert _short(events) == [
        ("ringing", OUTSIDE), ("ringing", LEG), ("answered", OUTSIDE), ("answered", LEG), ("ended", LEG),
        ("ended", OUTSIDE),
    ]  # fmt: skip
    employee = events[1]
    assert (employee.linkedid, employee.extension, employee.direction) == (CALL, "203", "in")
    assert (employee.client_number, employee.did) == ("79001112233", "74951230001")
    assert events[0].extension is None


def test_a_caller_who_waits_between_two_rows_is_still_there() -> None:
    """The first telephone stopped ringing: the outside party has not ended, and the second one rings in its call."""
    events = _told(_dial(), END, _dial(UNIQUEID="x_2", dst_num="205"))
    assert _short(events)[2:] == [("ended", LEG), ("ringing", "x_2")]


def test_a_caller_who_hangs_up_ends_what_rings() -> None:
    """`hangup_chan` of the calling channel names no row; all rows that it called in are over."""
    events = _told(_dial(), _dial(UNIQUEID="x_2", dst_num="205"), CALLER_GONE)
    assert sorted(_short(events)[3:]) == sorted([("ended", LEG), ("ended", "x_2"), ("ended", OUTSIDE)])


def test_a_final_row_ends_its_call() -> None:
    """`hangup_update_cdr` comes when no channel lives any more: whatever else was missed, all is over."""
    events = _told(_dial(), ANSWER, _data("hangup_update_cdr", src_num="79001112233", dst_num="203"))
    assert {("ended", LEG), ("ended", OUTSIDE)} <= set(_short(events))


def test_an_outgoing_call_has_the_number_dialled_as_client() -> None:
    """The row is the calling employee's leg; who was called is gone with the last row."""
    events = _told(_dial(src_num="203", dst_num="89001112233", did=""), ANSWER | {"dst_num": "89001112233"}, END)
    assert [(e.kind.value, e.extension) for e in events] == [
        ("ringing", None), ("ringing", "203"), ("answered", None), ("answered", "203"), ("ended", "203"),
        ("ended", None),
    ]  # fmt: skip
    assert {(event.direction, event.client_number) for event in events} == {("out", "89001112233")}


def test_an_internal_call_has_no_outside_party() -> None:
    """Between two employees there is the called one's leg, and no client."""
    events = _told(_dial(src_num="201", did=""), ANSWER, END)
    assert [(e.kind.value, e.extension, e.client_number) for e in events] == [
        ("ringing", "203", None), ("answered", "203", None), ("ended", "203", None),
    ]  # fmt: skip


def test_a_queue_that_answers_is_nobody() -> None:
    """Rows of menus and queues are no legs; the caller is answered by the first person."""
    queue = {"UNIQUEID": "q_1", "src_num": "79001112233", "dst_num": "2200100", "is_app": "1"}
    events = _told(_data("queue_start", **queue), _data("queue_answer", **queue), _dial(), ANSWER)
    assert _short(events) == [("ringing", OUTSIDE), ("ringing", LEG), ("answered", OUTSIDE), ("answered", LEG)]


def test_a_pickup_moves_the_call_to_who_picked_up() -> None:
    """The row that rang is over, the picking telephone has its own."""
    picked = _data("answer_pickup_create_cdr", UNIQUEID="x_2", old_id=LEG, dst_num="205", src_num="79001112233")
    events = _told(_dial(), picked)
    assert _short(events)[2:] == [("ended", LEG), ("answered", OUTSIDE), ("ringing", "x_2"), ("answered", "x_2")]
    assert events[-1].extension == "205"


def test_a_consultation_does_not_end_with_who_began_it() -> None:
    """Who transfers leaves with an own channel; the new row goes on until its own end."""
    agent = "PJSIP/203-00000002"
    transfer = _data("transfer_dial", UNIQUEID="x_2", src_num="203", dst_num="205", src_chan=agent, transfer="1")
    answered = {"action": "transfer_dial_answer", "linkedid": CALL, "id": "x_2", "dst_num": "205"}
    gone = _data("hangup_chan", UNIQUEID="", agi_channel=agent)
    events = _told(_dial(), CREATED, ANSWER, transfer, answered, gone)
    assert _short(events)[4:] == [("ringing", "x_2"), ("answered", "x_2"), ("ended", LEG)]
    assert events[4].client_number == "79001112233"
    assert _short(_told(_dial(), transfer, _data("transfer_dial_hangup", UNIQUEID="x_2")))[3:] == [("ended", "x_2")]


def test_click_to_call_says_nothing_before_the_call() -> None:
    """`originate_start` and `originate_end` are about the telephone that is called first, not about a call."""
    assert _told(_dial(action_extra="originate_start"), _dial(action_extra="originate_end")) == []


def test_doubled_and_late_events_change_nothing() -> None:
    """Each thing is told once, and what ended does not ring again."""
    events = _told(_dial(), _dial(), ANSWER, ANSWER, END, END, CALLER_GONE, CALLER_GONE, _dial(), ANSWER)
    assert len(events) == len(set(_short(events))) == 6


def test_times_are_read_by_the_clock_of_the_pbx() -> None:
    """The event's own `Timestamp` counts; without one the row's wall clock is read in the PBX's zone."""
    row = _message(_dial(start="2026-11-23 12:00:00.250"))
    [event, _] = CdrConnectorCalls(4, ZoneInfo("Europe/Moscow")).take(row, NOW)
    assert event.source_at == datetime(2026, 11, 23, 9, 0, 0, 250_000, UTC)
    [event, _] = CdrConnectorCalls(4).take(row, NOW)
    assert event.source_at is None
    [event, _] = CdrConnectorCalls(4).take({**row, "timestamp": "1795406860.5"}, NOW)
    assert event.source_at == datetime.fromtimestamp(1795406860.5, UTC)


@pytest.mark.parametrize(
    "agi_data",
    [
        "", "*", "GZ:", "GZ:QUJD", base64.b64encode(b"[1]").decode(), base64.b64encode(b"79001112233 {").decode(),
        "GZ:" + base64.b64encode(gzip.compress(b" " * 50_000_000, mtime=0)).decode(),
        "GZ:" + base64.b64encode(gzip.compress(b'{"action": "dial"}', mtime=0)[:-9]).decode(), "A" * 1_000_000,
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_counted_and_not_repeated(agi_data: str, caplog: pytest.LogCaptureFixture) -> None:
    """Rubbish, cut data and packed bombs are passed over, and their content is in no log."""
    calls = CdrConnectorCalls(4)
    with caplog.at_level(logging.DEBUG):
        assert calls.take({"event": "UserEvent", "userevent": "CdrConnector", "agidata": agi_data}, NOW) == []
    assert calls.unreadable == 1
    assert "79001112233" not in caplog.text
    with pytest.raises(CdrConnectorError):
        unpacked(agi_data)


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["action", "linkedid", "UNIQUEID", "id", "src_num", "dst_num", "agi_channel", "old_id",
                             "src_chan", "is_app", "start"]),
            st.one_of(st.sampled_from(["dial", "dial_answer", "hangup_chan", "hangup_update_cdr", "203", "a", "", "1"]),
                      st.none(), st.integers(), st.lists(st.integers())),
        ),
        max_size=20,
    )
)  # fmt: skip
def test_strange_rows_never_raise(rows: list[dict[str, Any]]) -> None:
    """Fields that are absent or of another type are passed over, and no leg ends twice."""
    events = _told(*rows, calls=CdrConnectorCalls(4, ZoneInfo("Europe/Moscow")))
    ended = [event.leg_id for event in events if event.kind is Kind.ENDED]
    assert len({(e.linkedid, e.leg_id) for e in events if e.kind is Kind.ENDED}) == len(ended)


def test_no_call_is_told_in_both_ways() -> None:
    """With "auto" calls followed by channels stay so to their end; from the first `CdrConnector` on, rows count."""
    events = ManagerEvents("auto", 4, None)

    def channel(event: str, linkedid: str) -> Message:
        return {"event": event, "channel": "PJSIP/SIP-TRUNK-1-00000001", "channelstate": "4", "uniqueid": linkedid,
                "linkedid": linkedid, "calleridnum": "79001112233", "exten": "74951230001"}  # fmt: skip

    assert _short(events.take(channel("Newchannel", CALL), NOW)) == [("ringing", CALL)]
    assert events.take(_message(_dial()), NOW) == []
    assert events.take(channel("Newchannel", "mikopbx-2.1"), NOW) == []
    other = _dial(linkedid="mikopbx-2.1", UNIQUEID="x_2")
    assert _short(events.take(_message(other), NOW)) == [("ringing", "mikopbx-2.1/outside"), ("ringing", "x_2")]
    assert _short(events.take(channel("Hangup", CALL), NOW)) == [("ended", CALL)]
    snapshot = events.snapshot([channel("CoreShowChannel", "mikopbx-2.1")], NOW)
    assert not snapshot.events
    assert snapshot.linkedids == {"mikopbx-2.1"}
    assert snapshot.leg_ids is None


@pytest.mark.parametrize(("stream", "told"), [("channels", 0), ("cdr_connector", 2), ("auto", 2)])
def test_the_stream_says_whose_word_counts(stream: Any, told: int) -> None:  # noqa: ANN401
    """Rows mean nothing where channels were asked for."""
    assert len(ManagerEvents(stream, 4, None).take(_message(_dial()), NOW)) == told
