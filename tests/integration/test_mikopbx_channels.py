"""Live calls of a MikoPBX over real sockets: what the simulated PBX serves, and what holds for both channels."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from random import Random

import pytest

from resources.telephony.live import nchan
from resources.telephony.live.event import EventChannel, EventChannelError, Kind, Listening
from simulators.company import Company
from simulators.mikopbx.faults import FaultKind
from simulators.mikopbx.history import one_call
from tests.fix_simulators import ServedPbx
from tests.mikopbx_live import (
    ACTIVE,
    CALL,
    CLIENT,
    LASTS,
    MENU,
    NOON,
    PUBSUB,
    SILENT,
    TAKEN,
    Serve,
    ask,
    call,
    gather,
    listen,
    polling,
    serve_at_noon,
    subscribing,
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
