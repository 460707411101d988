"""One posted call event: what it becomes, and what is said of one that cannot be read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from resources.telephony.live.event import CallEvent, Kind
from resources.telephony.live.webhook_events import event_of

NOW = datetime(2026, 3, 31, 9, 0, tzinfo=UTC)
WHOLE = {
    "event": "ringing",
    "call_id": "1711875600.17",
    "leg_id": "1711875600.18",
    "at": "2026-03-31T12:00:00.250+03:00",
    "extension": "201",
    "direction": "in",
    "client_number": "+79161234567",
    "src_number": "79161234567",
    "dst_number": "201",
    "did": "74957770010",
}


def test_a_whole_event() -> None:
    """Every field comes where it belongs."""
    assert event_of(WHOLE, NOW) == CallEvent(
        kind=Kind.RINGING,
        linkedid="1711875600.17",
        leg_id="1711875600.18",
        received_at=NOW,
        source_at=datetime(2026, 3, 31, 9, 0, 0, 250000, UTC),
        extension="201",
        direction="in",
        client_number="+79161234567",
        src_number="79161234567",
        dst_number="201",
        did="74957770010",
        raw=WHOLE,
    )


@pytest.mark.parametrize("kind", list(Kind))
def test_kinds(kind: Kind) -> None:
    """Every kind of event can be posted."""
    assert event_of(WHOLE | {"event": kind.value, "to_number": "202"}, NOW).kind is kind


def test_the_least_that_is_enough() -> None:
    """An event and a call are enough; without an extension it is the outside party's leg."""
    event = event_of({"event": "ended", "call_id": "c1"}, NOW)
    assert (event.leg_id, event.extension, event.source_at, event.direction) == ("c1", None, None, None)


def test_call_and_extension_make_up_a_leg() -> None:
    """Without a leg's id two employees of one call still have two legs."""
    assert event_of({"event": "ended", "call_id": "c1", "extension": "201"}, NOW).leg_id == "c1/201"


def test_numbers_without_quotes_and_empty_texts() -> None:
    """A script may write numbers as JSON numbers, and leave texts empty."""
    event = event_of({"event": "ringing", "call_id": "c1", "extension": 201, "did": "", "client_number": " "}, NOW)
    assert (event.extension, event.did, event.client_number) == ("201", None, None)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"event": "rings"}, "field 'event'"),
        ({"call_id": ""}, "field 'call_id'"),
        ({"call_id": None}, "field 'call_id'"),
        ({"at": "2026-03-31 12:00:00"}, "field 'at': not a date and time with an offset"),
        ({"at": 1711875600}, "field 'at': not a text"),
        ({"direction": "inbound"}, "field 'direction'"),
        ({"extension": "+79161234567" * 9}, "field 'extension'"),
        ({"event": "transferred"}, "'transferred' needs 'to_number'"),
        ({"callid": "+79161234567"}, "field 'callid'"),
    ],
)
def test_errors_name_the_field_and_not_what_stands_in_it(change: dict[str, Any], words: str) -> None:
    """Whoever posts it learns what is wrong; numbers are in no message."""
    with pytest.raises(ValueError, match="'") as refused:
        event_of(WHOLE | change, NOW)
    assert str(refused.value).startswith(words)
    assert "79161234567" not in str(refused.value)


def test_all_wrong_fields_are_named() -> None:
    """Two faults are told at once."""
    with pytest.raises(ValueError, match=r"field 'event': .*; field 'direction': "):
        event_of(WHOLE | {"event": "x", "direction": "y"}, NOW)
