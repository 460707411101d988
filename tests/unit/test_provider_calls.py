"""MIKO's call event `provider.v1.calls`: what each state means, whose leg it is, and what cannot be read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from resources.telephony.live.event import Kind
from resources.telephony.live.provider_calls import events_of

NOW = datetime(2026, 3, 31, 9, 0, tzinfo=UTC)
PUBLISHED = {
    "user_id": "35f2a139-0000-0000-0000-000000000000",
    "entire_id": "",
    "feature": "",
    "time": "2025-11-27T11:04:31.588445Z",
    "state": "Connected",
    "from": {"number": "79109136612", "extension": ""},
    "to": {"number": "79198896688", "extension": "201"},
    "call_id": "fs-mts-88317125934",
}


def test_the_published_message_is_read() -> None:
    """The message that MIKO's module for MTS sends is an incoming call that an employee has answered."""
    (event,) = events_of(PUBLISHED, NOW)
    assert event.kind is Kind.ANSWERED
    assert (event.linkedid, event.leg_id) == ("fs-mts-88317125934", "fs-mts-88317125934/201")
    assert event.source_at == datetime(2025, 11, 27, 11, 4, 31, 588445, UTC)
    assert event.received_at == NOW
    assert (event.extension, event.direction, event.client_number) == ("201", "in", "79109136612")
    assert (event.src_number, event.dst_number, event.did) == ("79109136612", "79198896688", "79198896688")
    assert event.raw == PUBLISHED


@pytest.mark.parametrize(
    ("state", "kind"),
    [("Calling", Kind.RINGING), ("Connected", Kind.ANSWERED), ("OnHold", Kind.HELD), ("Finished", Kind.ENDED)],
)
def test_states(state: str, kind: Kind) -> None:
    """Each state has its kind of event."""
    assert [event.kind for event in events_of(PUBLISHED | {"state": state}, NOW)] == [kind]


def test_connected_after_hold_is_resumed() -> None:
    """A leg on hold that is connected again was not answered a second time."""
    (event,) = events_of(PUBLISHED, NOW, held_leg_ids={"fs-mts-88317125934/201"})
    assert event.kind is Kind.RESUMED
    (event,) = events_of(PUBLISHED | {"state": "Finished"}, NOW, held_leg_ids={"fs-mts-88317125934/201"})
    assert event.kind is Kind.ENDED


def test_several_employees_have_legs_of_their_own() -> None:
    """A call that rings two employees under one id has two legs, and one may end while the other goes on."""
    legs = {
        events_of(PUBLISHED | {"to": {"number": "", "extension": extension}}, NOW)[0].leg_id
        for extension in ("201", "202")
    }
    assert len(legs) == 2


def test_outgoing() -> None:
    """The side with the extension calls: the other number is the client's."""
    data = PUBLISHED | {"from": {"number": "", "extension": "203"}, "to": {"number": "79161234567"}}
    (event,) = events_of(data, NOW)
    assert (event.extension, event.direction, event.client_number, event.did) == ("203", "out", "79161234567", None)
    assert event.src_number == "203"


def test_internal() -> None:
    """Both sides have an extension: two legs, no client."""
    data = PUBLISHED | {"from": {"number": "", "extension": "203"}, "to": {"number": "", "extension": "201"}}
    events = events_of(data, NOW)
    assert [(event.extension, event.direction, event.client_number) for event in events] == [
        ("203", "internal", None),
        ("201", "internal", None),
    ]


def test_a_call_nobody_of_ours_takes_part_in_yet() -> None:
    """Without an extension it is the outside party's leg, and its direction is not known."""
    (event,) = events_of(PUBLISHED | {"to": {"number": "79198896688", "extension": ""}}, NOW)
    assert (event.leg_id, event.extension, event.direction) == ("fs-mts-88317125934", None, None)


def test_the_group_is_the_call_and_the_line_our_number() -> None:
    """Calls that transfers made of one have its `entire_id`; `line_number` is the number that was called."""
    (event,) = events_of(PUBLISHED | {"entire_id": "fs-mts-1", "line_number": "74957770010"}, NOW)
    assert (event.linkedid, event.did) == ("fs-mts-1", "74957770010")


def test_an_offset_is_kept() -> None:
    """Times come with any offset and are instants."""
    (event,) = events_of(PUBLISHED | {"time": "2026-03-31T12:00:00+03:00"}, NOW)
    assert event.source_at == datetime(2026, 3, 31, 12, tzinfo=timezone(timedelta(hours=3)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"state": "Ringing 79109136612"}, "field 'state': unknown"),
        ({"state": None}, "field 'state': unknown"),
        ({"call_id": ""}, "field 'call_id': empty or absent"),
        ({"call_id": 79109136612}, "field 'call_id': not a text"),
        ({"time": "2025-11-27T11:04:31"}, "field 'time': not a date and time with an offset"),
        ({"time": ""}, "field 'time': not a date and time with an offset"),
        ({"time": "2025-13-41T11:04:31Z"}, "field 'time'"),
        ({"from": "79109136612"}, "field 'from': not an object"),
        ({"to": {"number": 79109136612}}, "in 'to', field 'number': not a text"),
    ],
)
def test_what_cannot_be_read_is_said_without_numbers(change: dict[str, Any], words: str) -> None:
    """The error names the field and the reason, and repeats nothing of what stood there."""
    with pytest.raises(ValueError, match="field") as refused:
        events_of(PUBLISHED | change, NOW)
    assert str(refused.value).startswith(words)
    assert "79109136612" not in str(refused.value)
