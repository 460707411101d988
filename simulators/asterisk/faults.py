"""What can go wrong with a manager, switched on and off while it runs."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from asyncio import StreamWriter
from dataclasses import dataclass, field

RUBBISH = b"\x00\xff\xfe\x80rubbish\r\n\r\n"


@dataclass
class Faults:
    """The faults of one simulated manager.

    Attributes:
        refuse_logins: answer each log-in as with a wrong password.
        slow_seconds: wait so long before everything that is written.
        deliver_twice: each event comes twice.
        shuffle_seconds: events of so many seconds come together, out of order.
        cut_midway: how many more writings are broken off in their middle, the connection reset.
        rubbish: how many more writings have bytes that are no message before them.
        chance: how events are shuffled.
    """

    refuse_logins: bool = False
    slow_seconds: float = 0.0
    deliver_twice: bool = False
    shuffle_seconds: float = 0.0
    cut_midway: int = 0
    rubbish: int = 0
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    _silent_until: float = 0.0

    def switch_off(self) -> None:
        """Switch all faults off."""
        vars(self).update(vars(Faults(chance=self.chance)))

    def be_silent(self, seconds: float) -> None:
        """Accept, and answer nothing, for so many seconds from now; to be called on the loop."""
        self._silent_until = asyncio.get_running_loop().time() + seconds

    async def hold(self) -> None:
        """Wait as long as silence and slowness ask, before something is written."""
        loop = asyncio.get_running_loop()
        if self.slow_seconds:
            await asyncio.sleep(self.slow_seconds)
        while (left := self._silent_until - loop.time()) > 0:
            await asyncio.sleep(min(left, 0.05))

    async def write(self, writer: StreamWriter, head: bytes, body: bytes) -> bool:
        """Write a message or an answer, spoilt as the faults say.

        Args:
            writer: the connection.
            head: what stays whole: the head of an HTTP answer.
            body: what may be cut.

        Returns:
            Whether the connection still stands.
        """
        if self.cut_midway:
            self.cut_midway -= 1
            writer.write(head + body[: len(body) // 2])
            await writer.drain()
            # The half must have left before the reset, which would throw it away.
            await asyncio.sleep(0.02)
            cut(writer, reset=True)
            return False
        writer.write(head + body)
        await writer.drain()
        return True

    def littered(self, body: bytes) -> bytes:
        """Put rubbish before the messages, if that is switched on."""
        if not self.rubbish:
            return body
        self.rubbish -= 1
        return RUBBISH + body


def cut(writer: StreamWriter, *, reset: bool) -> None:
    """End a connection, by a reset (what is on the way is lost) or by an orderly close."""
    if not reset:
        writer.close()
        return
    connection = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
