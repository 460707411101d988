"""A simulated MikoPBX at noon, calls of which each second is known, and listening to them by both channels."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from resources.telephony.live.active_calls import ActiveCallsChannel
from resources.telephony.live.event import CallEvent, EventChannel, Listening
from resources.telephony.live.nchan import NchanChannel
from simulators.mikopbx.clock import Clock
from simulators.mikopbx.history import FinishedCall
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


def ask(served: ServedPbx, path: str, **headers: str) -> httpx.Response:
    """Ask the simulated PBX plainly."""
    return httpx.get(
        served.url + path, headers={"Authorization": f"Bearer {served.api_key}"} | headers, timeout=httpx.Timeout(5)
    )
