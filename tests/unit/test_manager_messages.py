"""The manager's messages read from bytes, lines and XML: the same in, the same out."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.telephony.live.manager_messages import (
    ManagerMessagesError,
    Message,
    MessageStream,
    happened_at,
    messages_of_mxml,
    messages_of_rawman,
)
from tests.recorded_manager import RECORDINGS, SAMPLES, recorded_messages


def _bodies(path: Path) -> list[bytes]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line)["body"].encode() for line in lines]


def _events(messages: list[Message]) -> list[Message]:
    return [message for message in messages if message.get("event", "WaitEventComplete") != "WaitEventComplete"]


@pytest.mark.parametrize("folder", RECORDINGS)
def test_both_ways_of_writing_give_the_same_events(folder: Path) -> None:
    """Two sessions over the same calls, one by /rawman and one by /mxml, hold the same messages in the same order."""
    lines = _events([m for body in _bodies(folder / "rawman.jsonl.gz") for m in messages_of_rawman(body)])
    xml = _events([m for body in _bodies(folder / "mxml.jsonl.gz") for m in messages_of_mxml(body)])
    assert len(lines) > 500
    assert lines == xml


def test_a_value_may_hold_the_separator_and_a_key_may_come_again() -> None:
    """`: ` belongs to a value from its second time on; repeated keys are kept as /mxml numbers them."""
    [message] = messages_of_rawman(
        b"Event: X\r\nCallerIDName: a: b: c\r\nno colon here\r\nVariable: 1\r\nVariable: 2\r\nVariable: 3\r\n\r\n"
    )
    assert message == {
        "event": "X", "calleridname": "a: b: c", "variable": "1", "variable-2": "2", "variable-3": "3",
    }  # fmt: skip
    [same] = messages_of_mxml(
        b"<ajax-response><response><generic event='X' calleridname='a: b: c' variable='1' variable-2='2'"
        b" variable-3='3' /></response></ajax-response>"
    )
    assert same == message


def test_bytes_that_are_no_text_cost_no_message() -> None:
    """A name in another encoding, or with control characters, is read with replacements; the rest stays whole."""
    [line] = messages_of_rawman(b"Event: Newchannel\r\nCallerIDName: \xcf\xf0\xe8\xe2\xe5\xf2\r\nExten: 101\r\n\r\n")
    assert line["exten"] == "101"
    [xml] = messages_of_mxml(b"<a><generic event='Newchannel' calleridname='\x01\xcf\xf0' exten='101' /></a>")
    assert xml["exten"] == "101"


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a><generic event='&b;'/></a>", b"Response: Success"]
)
def test_what_is_no_xml_is_an_error(body: bytes) -> None:
    """An HTML page, a cut answer or an entity bomb is no empty answer."""
    with pytest.raises(ManagerMessagesError):
        messages_of_mxml(body)


@given(st.lists(st.integers(1, 4000), max_size=60))
def test_a_stream_may_be_cut_anywhere(sizes: list[int]) -> None:
    """However TCP cuts the bytes, the same messages come out."""
    data = gzip.decompress((SAMPLES / "ami_transcript.txt.gz").read_bytes())[:60_000]
    stream, messages, at = MessageStream(), [], 0
    for size in [*sizes, len(data)]:
        messages += stream.feed(data[at : at + size])
        at += size
    assert messages == MessageStream().feed(data)


@given(st.binary(max_size=300))
def test_rubbish_never_raises_from_lines(data: bytes) -> None:
    """Whatever comes in over TCP, reading lines does not fail."""
    MessageStream().feed(data + b"\r\n\r\n")
    messages_of_rawman(data)


def test_a_message_without_end_is_given_up() -> None:
    """A peer that is no manager cannot fill the memory."""
    stream = MessageStream()
    stream.feed(b"x" * 1_000_000)
    with pytest.raises(ManagerMessagesError):
        stream.feed(b"x" * 100_000)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1795406860.157016", datetime(2026, 11, 23, 4, 7, 40, 157016, UTC)),
        ("1795406860", datetime(2026, 11, 23, 4, 7, 40, tzinfo=UTC)),
        ("", None),
        ("yesterday", None),
    ],
)
def test_the_servers_time_is_read_to_the_microsecond(text: str, at: datetime | None) -> None:
    """`Timestamp` is epoch seconds with microseconds; anything else is no time."""
    assert happened_at({"timestamp": text}) == at


def test_the_recording_says_when_everything_happened() -> None:
    """Every event of the recording but the one at start-up carries its time."""
    events = [m for m in recorded_messages(SAMPLES) if "privilege" in m and m["event"] != "FullyBooted"]
    assert all(happened_at(message) for message in events if message["event"] not in {"Status", "StatusComplete"})
