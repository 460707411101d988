"""The telephone exchange behind the manager: it numbers channels and tells what happens to them."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal, TypeVar

from simulators.asterisk.channels import LiveChannels
from simulators.asterisk.connector import Connector
from simulators.asterisk.core import Core
from simulators.asterisk.legs import Leg

T = TypeVar("T")
Technology = Literal["PJSIP", "IAX2"]


@dataclass
class Exchange:
    """What driven calls need of their server.

    Attributes:
        core: the stream of events.
        connector: MikoPBX's own events of the calls.
        technology: of all channels.
        own_number: what we show to whom we call.
        trunk: name of the line to the outside.
        chance: names of channels and bridges.
        run: runs a function on the server's loop, and waits for what it returns.
        tells_channels: whether the channels' own events are emitted.
        boots: how often the server has been restarted.
    """

    core: Core
    connector: Connector
    technology: Technology
    own_number: str
    trunk: str
    chance: random.Random
    run: Callable[[Callable[[], Any]], Any]
    tells_channels: bool = True
    boots: int = 0
    _serial: count[int] = field(default_factory=count)
    _channel_serial: count[int] = field(default_factory=count)

    @property
    def rings_at_once(self) -> bool:
        """Whether a called channel rings before its dial is told: IAX2 does, a SIP telephone tells it later."""
        return self.technology == "IAX2"

    @property
    def channels(self) -> LiveChannels:
        """What lives."""
        return self.core.channels

    def on_loop(self, what: Callable[[], T]) -> T:
        """Run a function on the server's loop, from any thread."""
        result: T = self.run(what)
        return result

    def leg(self, peer: str, linkedid: str = "", **how: Any) -> Leg:  # noqa: ANN401
        """Make a channel; without a linkedid it begins a call. `how`: what else is known of it."""
        name = f"{self.core.system_name}-" if self.core.system_name else ""
        uniqueid = f"{name}{int(time.time())}.{next(self._serial)}"
        if self.technology == "IAX2":
            channel = f"IAX2/{peer}-{self.chance.randrange(1, 16384)}"
        else:
            channel = f"PJSIP/{peer}-{next(self._channel_serial):08x}"
        return Leg(channel, peer, uniqueid, linkedid or uniqueid, **how)

    def bridge(self) -> str:
        """Make a bridge's id."""
        return str(uuid.UUID(int=self.chance.getrandbits(128), version=4))

    def tell(self, event: str, fields: Mapping[str, str]) -> None:
        """Emit a channel event; where those are switched off, only the live channels learn of it."""
        if self.tells_channels:
            self.core.event(event, dict(fields))
        elif not self.core.is_down:
            self.channels.take({"Event": event} | dict(fields), time.time())
