"""Live calls of a MikoPBX over real sockets: by polling its running calls, and by its channel `pbx-events`."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from resources.telephony.live import active_calls, nchan
from resources.telephony.live.active_calls import ActiveCallsChannel
from resources.telephony.live.event import CallEvent, EventChannel, EventChannelError, Kind, Listening
from resources.telephony.live.nchan import NchanChannel
from simulators.company import Company
from simulators.mikopbx.clock import Clock
from simulators.mikopbx.faults import FaultKind
from simulators.mikopbx.guard import RateLimit
from simulators.mikopbx.history import FinishedCall, one_call
from tests.fix_simulators import ServedPbx

Serve = Callable[..., ServedPbx]
NOON = datetime(2026, 3, 31, 9, 0, tzinfo=UTC)
"""Noon in Moscow."""
CLIENT = "79161234567"
CALL = "mikopbx-1774947600.1"
ACTIVE = "/pbxcore/api/v3/pbx-status:getActiveCalls"
PUBSUB = "/pbxcore/api/nchan/"


def leg(number: int, start: float, answer: float | None, end: float, **unusual: Any) -> dict[str, Any]:  # noqa: ANN401
    """A row of the call, with its times as seconds after noon."""

    def wall(seconds: float | None) -> str:
        moment = None if seconds is None else NOON.astimezone(ZoneInfo("Europe/Moscow")) + timedelta(seconds=seconds)
        return moment.isoformat(" ", "milliseconds")[:23] if moment else ""

    return {
        "UNIQUEID": f"mikopbx-1774947600.{number}_abCd12",
        "linkedid": CALL,
        "start": wall(start),
        "answer": wall(answer),
        "endtime": wall(end),
        "src_num": CLIENT,
        "src_chan": "PJSIP/SIP-TRUNK-1-00000001",
        "dst_num": "201",
        "dst_chan": "PJSIP/201-00000002",
        "did": "74957770010",
        "is_app": "",
        "duration": 0,
        "billsec": 0,
    } | unusual


MENU = leg(2, 0, 0.1, 5, dst_num="2200010", dst_chan="App:2200010", is_app="1")
TAKEN = leg(3, 5, 10, 40)
SILENT = leg(4, 5, None, 10, dst_num="202", dst_chan="PJSIP/202-00000003")
LASTS = leg(5, 0, 1, 10_000)


def call(*rows: dict[str, Any], finalised: float = 47) -> FinishedCall:
    """A call that is finalised so many seconds after noon."""
    at = NOON + timedelta(seconds=finalised)
    return FinishedCall(at, rows, at)


def polling(served: ServedPbx, **unusual: Any) -> ActiveCallsChannel:  # noqa: ANN401
    """The polling channel, quick."""
    how: dict[str, Any] = {"timezone": served.pbx.timezone, "interval_seconds": 0.1}
    return ActiveCallsChannel(served.url, served.api_key, **how | unusual)


def subscribing(served: ServedPbx, **unusual: Any) -> NchanChannel:  # noqa: ANN401
    """The subscribing channel, with its snapshot."""
    return NchanChannel(served.url, served.pbx.nchan_token, **{"api_key": served.api_key} | unusual)


def listen(channel: EventChannel, scenario: Callable[[Listening], Awaitable[None]], most_seconds: float = 30) -> None:
    """Run a scenario on an open listening."""

    async def run() -> None:
        async with asyncio.timeout(most_seconds), channel.listen() as listening:
            await scenario(listening)

    asyncio.run(run())


async def gather(listening: Listening, enough: int = 0, seconds: float = 1.0) -> list[CallEvent]:
    """Collect events: so many, or, to see that no more come, for so long."""
    events: list[CallEvent] = []
    until = time.monotonic() + (10 if enough else seconds)
    while time.monotonic() < until and (not enough or len(events) < enough):
        try:
            async with asyncio.timeout(max(until - time.monotonic(), 0.01)):
                events += await listening.next()
        except TimeoutError:
            break
    return events


async def answers(listening: Listening, times: int) -> list[CallEvent]:
    """Put so many questions, whole ones: one that a time-out drops half-way would use up a fault unseen."""
    return [event for _ in range(times) for event in await listening.next()]


def shown(events: list[CallEvent]) -> set[tuple[str | None, str, int | None]]:
    """Of each event: whose leg, what, and at which second after noon."""
    return {
        (one.extension, str(one.kind), round((one.source_at - NOON).total_seconds()) if one.source_at else None)
        for one in events
    }


def serve_at_noon(simulated_pbx: Serve, *calls: FinishedCall, **how: Any) -> ServedPbx:  # noqa: ANN401
    """A PBX whose clock stands at noon."""
    return simulated_pbx(calls, clock=Clock(NOON), **how)


# ── What the simulated PBX serves ─────────────────────────────────────────────────────────────────


def ask(served: ServedPbx, path: str, **headers: str) -> httpx.Response:
    return httpx.get(
        served.url + path, headers={"Authorization": f"Bearer {served.api_key}"} | headers, timeout=httpx.Timeout(5)
    )


def test_running_calls_are_shown_as_they_go(simulated_pbx: Serve) -> None:
    """Rows are there from their start until the call is finalised, ended ones and menus too, without ids."""
    served = serve_at_noon(simulated_pbx, call(MENU, TAKEN, SILENT))

    def now() -> list[tuple[str, bool, bool]]:
        data = ask(served, ACTIVE).json()["data"]
        assert all("UNIQUEID" not in one and "src_chan" not in one for one in data)
        return [(one["dst_num"], bool(one["answer"]), bool(one["endtime"])) for one in data]

    assert now() == [("2200010", False, False)]
    served.clock.advance(7)
    assert now() == [("2200010", True, True), ("201", False, False), ("202", False, False)]
    served.clock.advance(5)
    assert now() == [("2200010", True, True), ("201", True, False), ("202", False, True)]
    channels = ask(served, "/pbxcore/api/v3/pbx-status:getActiveChannels").json()["data"]
    assert [one["dst_chan"] for one in channels] == ["PJSIP/201-00000002"]
    assert "endtime" not in channels[0]
    served.clock.advance(40)
    assert now() == []
    assert served.store.count("1 = 1", ()) == 3


def test_the_channel_asks_for_its_token_and_keeps_messages_for_ten_seconds(simulated_pbx: Serve) -> None:
    """Without the token 403; a position leads to the message after it; what is ten seconds old is gone."""
    served = serve_at_noon(simulated_pbx, call(LASTS, finalised=20_000))
    path = f"{PUBSUB}sub/pbx-events"
    assert ask(served, path).status_code == 403
    path += f"?token={served.pbx.nchan_token}"
    first = ask(served, path)
    assert first.json()["action"] == "USERS"
    position = {"If-Modified-Since": first.headers["Last-Modified"], "If-None-Match": first.headers["Etag"]}
    ring = ask(served, path, **position)
    assert ring.json() == {
        "uid": LASTS["UNIQUEID"], "id": CALL, "date": "2026-03-31T12:00:00+03:00", "user": "", "src": CLIENT,
        "dst": "201", "action": "call", "src-chan": LASTS["src_chan"], "dst-chan": "",
    }  # fmt: skip
    assert ask(served, path, **position).json() == ring.json()
    after = {"If-Modified-Since": ring.headers["Last-Modified"], "If-None-Match": ring.headers["Etag"]}
    table = ask(served, path, **after)
    assert table.json()["data"][0]["uid"] == LASTS["UNIQUEID"]
    time.sleep(10.2)
    served.clock.advance(2)
    assert ask(served, path, **position).json()["data"][0]["answer"] == "2026-03-31T12:00:01+03:00"


# ── Polling ───────────────────────────────────────────────────────────────────────────────────────


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


@pytest.mark.parametrize("make", [polling, subscribing])
def test_a_refusal_ends_it_at_once(simulated_pbx: Serve, make: Callable[[ServedPbx], EventChannel]) -> None:
    """A wrong key is told as lasting, when connecting and later."""
    served = serve_at_noon(simulated_pbx, call(LASTS, finalised=20_000))

    async def scenario(listening: Listening) -> None:
        served.faults.switch_on(FaultKind.unauthorised)
        with pytest.raises(EventChannelError, match="401: the key was not accepted") as refused:
            await gather(listening)
        assert refused.value.is_permanent

    listen(make(served), scenario)
    served.faults.switch_on(FaultKind.unauthorised)
    with pytest.raises(EventChannelError, match="401"):
        listen(make(served), scenario)


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


# ── Subscribing ───────────────────────────────────────────────────────────────────────────────────


def test_subscribing_tells_a_call_from_ringing_to_end(simulated_pbx: Serve) -> None:
    """Ids are the PBX's own; each leg's events come once, although `call` and `CDRs` both tell of it."""
    served = serve_at_noon(simulated_pbx)

    async def scenario(listening: Listening) -> None:
        assert listening.snapshot is not None
        assert listening.snapshot.linkedids == frozenset()
        served.store.expect([call(MENU, TAKEN, SILENT)])
        assert shown(await gather(listening, 1)) == {(None, "ringing", 0)}
        served.clock.advance(6)
        ringing = await gather(listening, 2)
        assert shown(ringing) == {("201", "ringing", 5), ("202", "ringing", 5)}
        assert {one.leg_id for one in ringing} == {TAKEN["UNIQUEID"], SILENT["UNIQUEID"]}
        served.clock.advance(6)
        assert shown(await gather(listening, 3)) == {
            (None, "answered", 10), ("201", "answered", 10), ("202", "ended", 10)
        }  # fmt: skip
        served.clock.advance(30)
        assert shown(await gather(listening, 1)) == {("201", "ended", 40)}
        served.clock.advance(30)
        assert shown(await gather(listening, 1)) == {(None, "ended", None)}
        assert await gather(listening) == []

    listen(subscribing(served), scenario)


def test_nothing_after_the_snapshot_is_missed(simulated_pbx: Serve) -> None:
    """What was published between the snapshot and the first question is asked for."""
    served = serve_at_noon(simulated_pbx, call(LASTS, finalised=20_000))

    async def idle(_listening: Listening) -> None:
        pass

    async def wake(listening: Listening) -> None:
        await gather(listening, 1)

    listen(subscribing(served), wake)  # from now on the module publishes

    async def scenario(listening: Listening) -> None:
        assert listening.snapshot is not None
        assert listening.snapshot.linkedids == {CALL}
        served.clock.advance(2)
        await asyncio.sleep(1.5)
        assert ("201", "answered", 1) in shown(await gather(listening, 4))

    listen(subscribing(served), idle)
    listen(subscribing(served), scenario)


def test_without_a_key_there_is_no_snapshot(simulated_pbx: Serve) -> None:
    """Nobody can be asked, and that is said; the next table tells what lives."""
    served = serve_at_noon(simulated_pbx, call(LASTS, finalised=20_000))

    async def scenario(listening: Listening) -> None:
        assert listening.snapshot is None
        assert ("201", "ringing", 0) in shown(await gather(listening, 2))

    listen(subscribing(served, api_key=""), scenario)


@pytest.mark.parametrize("fault", [FaultKind.cut, FaultKind.unavailable])
def test_a_short_break_loses_nothing(simulated_pbx: Serve, fault: FaultKind) -> None:
    """The place in the channel survives a cut connection, and what came meanwhile is fetched."""
    served = serve_at_noon(simulated_pbx)

    async def scenario(listening: Listening) -> None:
        served.store.expect([call(TAKEN, finalised=100)])
        served.clock.advance(6)
        served.faults.switch_on(fault, times=3, path=PUBSUB)
        assert shown(await gather(listening, 2)) == {(None, "ringing", 5), ("201", "ringing", 5)}

    listen(subscribing(served), scenario)


def test_a_pause_longer_than_messages_are_kept_is_a_gap(simulated_pbx: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever did not ask for longer has missed messages and is not told by the PBX, so the listening ends."""
    monkeypatch.setattr(nchan, "_KEPT_SECONDS", 1.0)
    served = serve_at_noon(simulated_pbx, call(LASTS, finalised=20_000))

    async def scenario(listening: Listening) -> None:
        await gather(listening, 1)
        await asyncio.sleep(1.2)
        with pytest.raises(EventChannelError, match="messages may be missed") as gap:
            await listening.next()
        assert not gap.value.is_permanent

    listen(subscribing(served), scenario)


def test_a_server_away_for_longer_than_messages_are_kept_is_a_gap(
    simulated_pbx: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Failures are passed over only as long as the place in the channel is worth something."""
    monkeypatch.setattr(nchan, "_KEPT_SECONDS", 1.0)
    served = serve_at_noon(simulated_pbx, call(LASTS, finalised=20_000))

    async def scenario(listening: Listening) -> None:
        await gather(listening, 1)
        lost = httpx.ConnectError("gone")

        async def refuse(*_: Any, **__: Any) -> httpx.Response:  # noqa: ANN401
            raise lost

        monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", refuse)
        with pytest.raises(EventChannelError, match="messages may be missed"):
            await gather(listening, 1)

    listen(subscribing(served), scenario)


def test_a_login_page_is_no_message(simulated_pbx: Serve) -> None:
    """HTML with status 200 ends the listening instead of being passed over for ever."""
    served = serve_at_noon(simulated_pbx)

    async def scenario(listening: Listening) -> None:
        served.faults.switch_on(FaultKind.html, path=PUBSUB)
        with pytest.raises(EventChannelError, match="no message of the channel"):
            await gather(listening, 1)

    listen(subscribing(served), scenario)


def test_messages_that_say_nothing_of_calls_and_broken_ones_are_passed_over(
    simulated_pbx: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """The place moves on past them; a broken one is counted in the log without its contents."""
    served = serve_at_noon(simulated_pbx)

    async def scenario(listening: Listening) -> None:
        await gather(listening, seconds=0.5)
        publish = served.pbx.events.publish
        publish({"action": "open-card", "data": {"phone": CLIENT}})
        publish({"action": "CDRs", "data": [{"src": CLIENT}]})
        made_up = {"uid": "0" * 32, "id": CALL, "date": "2026-03-31T12:00:00+03:00", "src": CLIENT, "dst": "201"}
        publish({"action": "call"} | made_up)
        served.store.expect([call(TAKEN)])
        served.clock.advance(6)
        assert {one.leg_id for one in await gather(listening, 2)} == {TAKEN["UNIQUEID"], f"{CALL}/outside"}

    listen(subscribing(served), scenario)
    assert "could not be read" in caplog.text
    assert CLIENT not in caplog.text


def test_a_ringing_told_before_the_table_shows_it_goes_on(simulated_pbx: Serve) -> None:
    """A table that was read before the row was written does not end the leg; the second one without it does."""
    served = serve_at_noon(simulated_pbx)

    async def scenario(listening: Listening) -> None:
        await gather(listening, seconds=0.5)
        publish = served.pbx.events.publish
        ring = {"uid": "mikopbx-1.2_a", "id": "mikopbx-1.1", "date": "2026-03-31T12:00:00+03:00", "src": CLIENT}
        publish({"action": "call", "dst": "201"} | ring)
        assert shown(await gather(listening, 2)) == {(None, "ringing", 0), ("201", "ringing", 0)}
        publish({"action": "CDRs", "data": []})
        assert await gather(listening, seconds=0.8) == []
        publish({"action": "CDRs", "data": []})
        assert shown(await gather(listening, 2)) == {(None, "ended", None), ("201", "ended", None)}

    listen(subscribing(served), scenario)


def test_falling_behind_is_a_gap(simulated_pbx: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a message was fetched shortly before it would have gone, others have gone already."""
    monkeypatch.setattr(nchan, "_LAG_SECONDS", 2)
    served = serve_at_noon(simulated_pbx, call(LASTS, finalised=20_000))

    async def scenario(listening: Listening) -> None:
        await gather(listening, seconds=0.5)
        served.pbx.events.publish({"action": "USERS", "data": []})
        await asyncio.sleep(3.2)
        with pytest.raises(EventChannelError, match="faster than they may be fetched"):
            await gather(listening, 1)

    listen(subscribing(served), scenario)


def test_the_token_is_in_no_log_and_no_error(simulated_pbx: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """It stands in the address that httpx would log at INFO, and in none of our words."""
    served = serve_at_noon(simulated_pbx, call(LASTS, finalised=20_000), nchan_token="s3cret-token")
    channel = subscribing(served)
    texts: list[str] = []
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="httpx")
    caplog.set_level(logging.DEBUG, logger="httpcore")

    async def scenario(listening: Listening) -> None:
        await gather(listening, 1)
        for fault in (FaultKind.cut, FaultKind.unavailable, FaultKind.html):
            served.faults.switch_on(fault, path=PUBSUB)
        with pytest.raises(EventChannelError) as lost:
            await gather(listening, 99)
        texts.append(str(lost.value))

    listen(channel, scenario)
    with pytest.raises(EventChannelError) as refused:
        listen(NchanChannel(served.url, "an0ther-token"), scenario)
    texts.append(str(refused.value))
    assert "nchan/sub/pbx-events" in caplog.text
    for text in (caplog.text, *texts):
        assert "s3cret" not in text
        assert "an0ther" not in text


# ── Both ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("make", [polling, subscribing])
@pytest.mark.parametrize("delay_seconds", [0.0, 5.0])
def test_a_cancelled_listening_lets_go_within_a_second(
    simulated_pbx: Serve, make: Callable[[ServedPbx], EventChannel], delay_seconds: float
) -> None:
    """Also while an answer is awaited: the connection is closed, and nothing goes on in the background."""
    served = serve_at_noon(simulated_pbx, call(LASTS, finalised=20_000))
    is_listening = asyncio.Event()

    async def run() -> float:
        async def listen_on() -> None:
            async with make(served).listen() as listening:
                if delay_seconds:
                    served.faults.switch_on(FaultKind.delay, times=None, seconds=delay_seconds)
                is_listening.set()
                while True:
                    await listening.next()

        task = asyncio.create_task(listen_on())
        await is_listening.wait()
        await asyncio.sleep(0.4)
        cancelled_at_seconds = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return time.monotonic() - cancelled_at_seconds

    assert asyncio.run(run()) < 1


@pytest.mark.parametrize("make", [polling, subscribing])
def test_a_server_that_is_not_there(make: Callable[..., EventChannel], simulated_pbx: Serve) -> None:
    """No connection is an error of the channel that may pass, not one of httpx."""
    served = serve_at_noon(simulated_pbx)
    served.url = "http://127.0.0.1:9"

    async def scenario(listening: Listening) -> None:
        await listening.next()

    with pytest.raises(EventChannelError, match="is the PBX up") as lost:
        listen(make(served), scenario)
    assert not lost.value.is_permanent


@pytest.mark.parametrize("make", [polling, subscribing])
def test_believable_calls_end_whole(
    simulated_pbx: Serve,
    invented_company: Company,
    make: Callable[[ServedPbx], EventChannel],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of fifteen invented calls with menus, queues and transfers each leg rings before it ends, and all end, once."""
    monkeypatch.setattr(nchan, "_LEAST_INTERVAL_SECONDS", 0.01)  # the clock runs many times faster
    served = serve_at_noon(simulated_pbx)
    serial, chance = count(1), Random(5)
    calls = [one_call(invented_company, NOON, "Europe/Moscow", chance, serial) for _ in range(15)]
    last_at = max(one.finalised_at for one in calls)

    async def scenario(listening: Listening) -> None:
        served.store.expect(calls)
        kinds: dict[str, list[Kind]] = {}
        live: set[str] = set()
        extensions: set[str | None] = set()
        while served.clock.now() < last_at:
            served.clock.advance(4 if served.clock.now() < NOON + timedelta(seconds=60) else 900)
            for event in await gather(listening, seconds=0.5):
                kinds.setdefault(event.leg_id, []).append(event.kind)
                live.add(event.linkedid)
                extensions.add(event.extension)
        for event in await gather(listening, seconds=1.5):
            kinds.setdefault(event.leg_id, []).append(event.kind)
        assert live == {one.rows[0]["linkedid"] for one in calls}
        for told in kinds.values():
            assert told[0] is Kind.RINGING
            assert told[-1] is Kind.ENDED
            assert len(told) == len(set(told))
        desks = {row["dst_num"] for one in calls for row in one.rows if len(row["dst_num"]) == 3}
        assert desks <= extensions

    listen(make(served), scenario, most_seconds=120)
