"""Live calls of a MikoPBX over real sockets, by polling its running calls."""

from __future__ import annotations

import pytest

from resources.telephony.live import active_calls
from resources.telephony.live.active_calls import ActiveCallsChannel
from resources.telephony.live.event import EventChannelError, Listening
from simulators.mikopbx.faults import FaultKind
from simulators.mikopbx.guard import RateLimit
from tests.mikopbx_live import (
    CALL,
    CLIENT,
    LASTS,
    MENU,
    SILENT,
    TAKEN,
    Serve,
    answers,
    call,
    gather,
    leg,
    listen,
    polling,
    serve_at_noon,
    shown,
)


def test_polling_tells_a_call_from_ringing_to_end(simulated_pbx: Serve) -> None:
    """A new row rings, its answer is an answer, its end an end; the menu is no leg; the outside party has one leg."""
    served = serve_at_noon(simulated_pbx)

    async def scenario(listening: Listening) -> None:
        assert listening.snapshot is not None
        assert (listening.snapshot.events, listening.snapshot.linkedids) == ([], frozenset())
        served.store.expect([call(MENU, TAKEN, SILENT)])
        begun = await gather(listening, 1)
        assert shown(begun) == {(None, "ringing", 0)}
        assert (begun[0].direction, begun[0].client_number, begun[0].did) == ("in", CLIENT, "74957770010")
        served.clock.advance(6)
        ringing = await gather(listening, 2)
        assert shown(ringing) == {("201", "ringing", 5), ("202", "ringing", 5)}
        assert {one.client_number for one in ringing} == {CLIENT}
        assert len({one.leg_id for one in (*begun, *ringing)}) == 3
        served.clock.advance(6)
        answered = await gather(listening, 3)
        assert shown(answered) == {(None, "answered", 10), ("201", "answered", 10), ("202", "ended", 10)}
        served.clock.advance(30)
        ended = await gather(listening, 2)
        assert shown(ended) == {("201", "ended", 40), (None, "ended", 40)}
        served.clock.advance(30)
        assert await gather(listening) == []

    listen(polling(served), scenario)


def test_the_snapshot_holds_what_lives(simulated_pbx: Serve) -> None:
    """Legs that ended before, though their rows still stand, are not in it, and are not told of later."""
    served = serve_at_noon(simulated_pbx, call(MENU, TAKEN, SILENT))
    served.clock.advance(20)

    async def scenario(listening: Listening) -> None:
        snapshot = listening.snapshot
        assert snapshot is not None
        assert shown(list(snapshot.events)) == {
            (None, "ringing", 0), (None, "answered", 10), ("201", "ringing", 5), ("201", "answered", 10)
        }  # fmt: skip
        assert snapshot.linkedids == {CALL}
        assert snapshot.leg_ids == frozenset(one.leg_id for one in snapshot.events)
        assert await gather(listening) == []

    listen(polling(served), scenario)


def test_a_leg_is_known_again_by_the_next_listening(simulated_pbx: Serve) -> None:
    """Ids do not change between two connections, and equal rows have different ones."""
    twin = LASTS | {"UNIQUEID": "mikopbx-1774947600.6_abCd12"}
    served = serve_at_noon(simulated_pbx, call(LASTS, twin, finalised=20_000))
    seen: list[frozenset[str]] = []

    async def scenario(listening: Listening) -> None:
        assert listening.snapshot is not None
        assert listening.snapshot.leg_ids is not None
        seen.append(listening.snapshot.leg_ids)

    for _ in range(2):
        listen(polling(served), scenario)
    assert seen[0] == seen[1]
    assert len(seen[0]) == 3


def test_outgoing_and_internal_calls(simulated_pbx: Serve) -> None:
    """Who has the extension decides the direction; an internal call has no outside party."""
    out = leg(7, 0, None, 100, src_num="203", dst_num=CLIENT, linkedid="out", did="")
    inside = leg(8, 0, None, 100, src_num="203", dst_num="u201", linkedid="inside", did="")
    served = serve_at_noon(simulated_pbx, call(out, finalised=200), call(inside, finalised=200))

    async def scenario(listening: Listening) -> None:
        assert listening.snapshot is not None
        told = {(one.linkedid, one.extension, one.direction, one.client_number) for one in listening.snapshot.events}
        assert told == {
            ("out", "203", "out", CLIENT), ("out", None, "out", CLIENT), ("inside", "u201", "internal", None)
        }  # fmt: skip

    listen(polling(served), scenario)


def test_a_consultation_keeps_the_client(simulated_pbx: Serve) -> None:
    """A colleague who is asked during a call sees whose call it is."""
    asked = leg(9, 12, None, 30, src_num="201", dst_num="205")
    served = serve_at_noon(simulated_pbx, call(TAKEN, asked))
    served.clock.advance(15)

    async def scenario(listening: Listening) -> None:
        assert listening.snapshot is not None
        (told,) = (one for one in listening.snapshot.events if one.extension == "205")
        assert (told.direction, told.client_number) == ("in", CLIENT)

    listen(polling(served), scenario)


@pytest.mark.parametrize("hidden", ["", "anonymous"])
def test_a_hidden_caller_has_no_number(simulated_pbx: Serve, hidden: str) -> None:
    """An empty number or a word is a call from outside, of nobody known."""
    served = serve_at_noon(simulated_pbx, call(TAKEN | {"src_num": hidden}))
    served.clock.advance(6)

    async def scenario(listening: Listening) -> None:
        assert listening.snapshot is not None
        assert {(one.direction, one.client_number) for one in listening.snapshot.events} == {("in", None)}

    listen(polling(served), scenario)


def test_sudden_emptiness_is_believed_the_third_time(simulated_pbx: Serve) -> None:
    """The PBX's own time-out looks like an empty list: two of them end nothing, the third does."""
    served = serve_at_noon(simulated_pbx, call(LASTS, finalised=20_000))
    served.clock.advance(5)

    async def scenario(listening: Listening) -> None:
        served.faults.switch_on(FaultKind.no_calls, times=2)
        assert await gather(listening, seconds=0.8) == []
        served.faults.switch_on(FaultKind.no_calls, times=3)
        assert shown(await gather(listening, 2)) == {("201", "ended", None), (None, "ended", None)}

    listen(polling(served), scenario)


def test_an_empty_first_answer_is_not_the_snapshot(simulated_pbx: Serve) -> None:
    """A snapshot without calls would end all of ours: that, too, is believed with the third answer only."""
    served = serve_at_noon(simulated_pbx, call(LASTS, finalised=20_000))
    served.faults.switch_on(FaultKind.no_calls, times=2)

    async def scenario(listening: Listening) -> None:
        assert listening.snapshot is not None
        assert listening.snapshot.linkedids == {CALL}

    listen(polling(served), scenario)


@pytest.mark.parametrize("fault", [FaultKind.html, FaultKind.empty, FaultKind.cut, FaultKind.unavailable])
def test_two_failures_in_a_row_are_passed_over_and_the_third_is_told(simulated_pbx: Serve, fault: FaultKind) -> None:
    """Each answer is the whole state, so a failed one loses nothing; three mean that the PBX is not well."""
    served = serve_at_noon(simulated_pbx, call(LASTS, finalised=20_000))

    async def scenario(listening: Listening) -> None:
        served.faults.switch_on(fault, times=2)
        served.clock.advance(2)
        assert shown(await gather(listening, 2)) == {("201", "answered", 1), (None, "answered", 1)}
        served.faults.switch_on(fault, times=2)
        assert await answers(listening, 3) == []
        served.faults.switch_on(fault, times=3)
        with pytest.raises(EventChannelError, match="3 times in a row") as lost:
            await answers(listening, 3)
        assert not lost.value.is_permanent

    listen(polling(served), scenario)


def test_a_blocked_address_is_not_asked_again(simulated_pbx: Serve) -> None:
    """Above the limit the PBX blocks the address, longer each time: asking on would make it worse."""
    served = serve_at_noon(simulated_pbx, rate_limit=RateLimit(per_minute=1, burst=4))

    async def scenario(listening: Listening) -> None:
        with pytest.raises(EventChannelError, match="ask less often") as blocked:
            await gather(listening, 1)
        assert blocked.value.is_permanent

    listen(polling(served), scenario)


def test_a_silent_server_is_lost(simulated_pbx: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that does not come is a failure like others."""
    monkeypatch.setattr(active_calls, "_SILENCE_SECONDS", 0.2)
    served = serve_at_noon(simulated_pbx)

    async def scenario(listening: Listening) -> None:
        served.faults.switch_on(FaultKind.delay, times=None, seconds=1)
        with pytest.raises(EventChannelError, match=r"no answer within 0\.2 s"):
            await gather(listening, 1)

    listen(polling(served), scenario)


def test_the_usual_pace_leaves_room_for_others(simulated_pbx: Serve) -> None:
    """Unless told otherwise it asks every two seconds: 30 of the 180 requests a minute."""
    served = serve_at_noon(simulated_pbx, call(LASTS, finalised=20_000))

    async def scenario(listening: Listening) -> None:
        await gather(listening, seconds=4.5)

    listen(ActiveCallsChannel(served.url, served.api_key, timezone="Europe/Moscow"), scenario)
    assert 2 <= len(served.pbx.guard.requests) <= 4
