"""The manager over TCP (AMI, port 5038 of a real server)."""

from __future__ import annotations

import asyncio
import contextlib
from asyncio import StreamReader, StreamWriter

from simulators.asterisk.actions import answer
from simulators.asterisk.core import Core
from simulators.asterisk.sessions import Session

GREETING = b"Asterisk Call Manager/11.0.0\r\n"
REFUSAL_SECONDS = 1.0
"""How long the server waits before it tells that a log-in failed."""


class AmiServer:
    """Serves AMI connections."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Serve one connection until either side ends it."""
        self._core.connections.add(writer)
        session = Session()
        self._core.ami_sessions.append(session)
        writing = asyncio.Lock()
        pump = asyncio.create_task(self._pump(session, writer, writing))
        try:
            await self._core.faults.hold()
            writer.write(GREETING)
            await self._talk(session, reader, writer, writing)
        except (OSError, ValueError):
            pass
        finally:
            self._core.ami_sessions.remove(session)
            self._core.connections.discard(writer)
            pump.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await pump
            writer.close()

    async def _talk(self, session: Session, reader: StreamReader, writer: StreamWriter, writing: asyncio.Lock) -> None:
        asked: dict[str, str] = {}
        while raw := await reader.readline():
            line = raw.decode(errors="replace").rstrip("\r\n")
            if line:
                key, _, value = line.partition(":")
                asked[key.strip().lower()] = value.strip()
                continue
            if not asked:
                continue
            answered = answer(self._core, session, asked)
            asked = {}
            if answered.ends and "Authentication failed" in answered.text:
                await asyncio.sleep(REFUSAL_SECONDS)
            if not await self._write(answered.text.encode(errors="surrogateescape"), writer, writing) or answered.ends:
                return

    async def _pump(self, session: Session, writer: StreamWriter, writing: asyncio.Lock) -> None:
        while True:
            await session.woken.wait()
            for event in session.fetch():
                if not await self._write(event.encode(errors="surrogateescape"), writer, writing):
                    return

    async def _write(self, text: bytes, writer: StreamWriter, writing: asyncio.Lock) -> bool:
        async with writing:
            await self._core.faults.hold()
            return await self._core.faults.write(writer, b"", self._core.faults.littered(text))
