"""A believable random load of calls, of a fixed seed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from simulators.asterisk.calls import Call, dial_out, ring
from simulators.asterisk.exchange import Exchange


@dataclass
class Load:
    """Calls that begin by chance and go their way.

    Attributes:
        exchange: the server.
        calls_per_minute: on average.
        extensions: whose telephones ring.
        numbers: who calls; invented where empty.
        dids: our numbers.
        chance: of what happens.
        began: called with each call as it begins.
        ring_seconds: shortest and longest time of ringing.
        talk_seconds: mean time of talking.
    """

    exchange: Exchange
    calls_per_minute: float
    extensions: Sequence[str]
    numbers: Sequence[str]
    dids: Sequence[str]
    chance: random.Random
    began: Callable[[Call], object]
    ring_seconds: tuple[float, float] = (2.0, 8.0)
    talk_seconds: float = 60.0
    _running: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> None:
        """Let calls begin until cancelled; then the ones that run are left as they are."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        try:
            while True:
                due += self.chance.expovariate(self.calls_per_minute / 60)
                await asyncio.sleep(max(0.0, due - loop.time()))
                if self.exchange.core.is_down:
                    continue
                task = asyncio.create_task(self._one(random.Random(self.chance.getrandbits(64))))
                self._running.add(task)
                task.add_done_callback(self._running.discard)
        finally:
            for task in self._running:
                task.cancel()

    async def _one(self, chance: random.Random) -> None:
        number = chance.choice(self.numbers) if self.numbers else f"+79{chance.randrange(10**9):09}"
        kind = chance.random()
        if kind < 0.2:
            call = dial_out(self.exchange, chance.choice(self.extensions), number)
        else:
            several = kind < 0.3 and len(self.extensions) > 2
            rung = chance.sample(list(self.extensions), 3 if several else 1)
            call = ring(self.exchange, number, rung, chance.choice(self.dids), "")
        self.began(call)
        await asyncio.sleep(chance.uniform(*self.ring_seconds))
        fate = chance.random()
        if fate < 0.72:
            await self._talk(call, chance)
        elif fate < 0.9:
            call.hangup(by_caller=True)
        else:
            call.ring_out()

    async def _talk(self, call: Call, chance: random.Random) -> None:
        if not call.is_live:
            return
        call.answer(chance.choice(call.rung).peer)
        talk = chance.expovariate(1 / self.talk_seconds)
        await asyncio.sleep(talk / 2)
        does = chance.random()
        if does < 0.1:
            call.hold()
            await asyncio.sleep(min(5.0, talk / 4))
            call.unhold()
        elif does < 0.15 and call.did and call.is_live and call.talker:
            given_to = chance.choice([one for one in self.extensions if one != call.talker.peer] or self.extensions)
            call.blind_transfer(given_to)
            await asyncio.sleep(chance.uniform(*self.ring_seconds))
            call.answer()
        await asyncio.sleep(talk / 2)
        call.hangup(by_caller=chance.random() < 0.5)
