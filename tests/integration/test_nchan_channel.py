"""Live calls of a MikoPBX over real sockets, by its channel `pbx-events`."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import httpx
import pytest

from resources.telephony.live import nchan
from resources.telephony.live.event import EventChannelError, Listening
from resources.telephony.live.nchan import NchanChannel
from simulators.mikopbx.faults import FaultKind
from tests.mikopbx_live import (
    CALL,
    CLIENT,
    LASTS,
    MENU,
    PUBSUB,
    SILENT,
    TAKEN,
    Serve,
    call,
    gather,
    listen,
    serve_at_noon,
    shown,
    subscribing,
)


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
