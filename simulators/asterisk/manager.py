"""The simulated manager as one object: it listens, rings and fails in a thread of its own, at the caller's word."""

from __future__ import annotations

import asyncio
import random
import time
from asyncio import Server, StreamReader, StreamWriter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

from simulators.asterisk import calls, replay
from simulators.asterisk.ajam import AjamServer
from simulators.asterisk.ami import AmiServer
from simulators.asterisk.calls import Call
from simulators.asterisk.connector import Connector
from simulators.asterisk.control import Control
from simulators.asterisk.core import Core, Counters
from simulators.asterisk.exchange import Exchange, Technology
from simulators.asterisk.faults import Faults
from simulators.asterisk.load import Load
from simulators.asterisk.messages import message
from simulators.threaded import LoopInThread


class SimulatedManager(LoopInThread):
    """A simulated Asterisk with its manager on two ports; use it as a context manager, or `start` and `stop`.

    All methods may be called from any thread; each returns when it is done. The attributes of `faults` may be set
    at any time.

    Args:
        host: where it listens.
        ami_port: of AMI; 0 takes a free one.
        ajam_port: of the HTTP manager and of `/_sim/`; 0 takes a free one.
        username: of the manager's one user.
        secret: its password.
        system_name: what events and ids carry; empty for none.
        idle_seconds: after how long an HTTP session without a request dies. A waitevent ends 10 s before it would.
        technology: of driven calls' channels. IAX2 is as recorded, PJSIP differs in when a called channel rings.
        trunk: the line to the outside, as the name of its channels.
        own_number: what calls to the outside show.
        cdr_connector: whether MikoPBX's `CdrConnector` events are told of driven calls.
        channel_events: whether the channels' own events are told of driven calls.
        timezone: in which `CdrConnector` writes its times.
        finalise_seconds: from a call's end until `hangup_update_cdr`.
        seed: of everything that is left to chance.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        ami_port: int = 0,
        ajam_port: int = 0,
        username: str = "listener",
        secret: str = "simulated-secret",  # noqa: S107 - of a stand-in
        system_name: str = "pbx-msk",
        idle_seconds: float = 60.0,
        technology: Technology = "PJSIP",
        trunk: str = "SIP-TRUNK-1",
        own_number: str = "74951230001",
        cdr_connector: bool = False,
        channel_events: bool = True,
        timezone: str = "Europe/Moscow",
        finalise_seconds: float = 5.0,
        seed: int = 1,
    ) -> None:
        super().__init__("simulated-manager")
        self.host, self.ami_port, self.ajam_port = host, ami_port, ajam_port
        self.chance = random.Random(seed)
        self.core = Core(username, secret, system_name, idle_seconds)
        connector = Connector(self.core, cdr_connector, timezone, finalise_seconds, trunk, self.chance)
        self.exchange = Exchange(
            self.core, connector, technology, own_number, trunk, self.chance, self._run, channel_events
        )
        self.calls: dict[str, Call] = {}
        self._ami = AmiServer(self.core)
        self._ajam = AjamServer(self.core, Control(self))
        self._servers: list[Server] = []

    @property
    def username(self) -> str:
        """Of the manager's one user."""
        return self.core.username

    @property
    def secret(self) -> str:
        """Its password."""
        return self.core.secret

    @property
    def ajam_url(self) -> str:
        """Address of the HTTP manager, without `/rawman`; `/asterisk` may follow it, as at MikoPBX."""
        return f"http://{self.host}:{self.ajam_port}"

    @property
    def faults(self) -> Faults:
        """What goes wrong."""
        return self.core.faults

    @property
    def counters(self) -> Counters:
        """What was asked of it."""
        return self.core.counters

    @property
    def connections(self) -> int:
        """How many are open now, AMI and HTTP."""
        return len(self.core.connections)

    @property
    def channels(self) -> list[dict[str, str]]:
        """The live channels, as CoreShowChannels tells them."""
        return self._run(lambda: [channel.listed(time.time()) for channel in self.core.channels])

    def ring(self, number: str, extension: str | Sequence[str], did: str = "74951230001", name: str = "") -> Call:
        """Let somebody outside call `did`, so that a telephone, or several at once, ring.

        Args:
            number: who calls; empty where hidden.
            extension: whose telephones ring.
            did: our number that is called.
            name: caller's name.
        """
        extensions = [extension] if isinstance(extension, str) else list(extension)
        return self._run(lambda: self._keep(calls.ring(self.exchange, number, extensions, did, name)))

    def dial_out(self, extension: str, number: str) -> Call:
        """Let an employee call somebody outside."""
        return self._run(lambda: self._keep(calls.dial_out(self.exchange, extension, number)))

    def dial_inside(self, extension: str, to_extension: str) -> Call:
        """Let an employee call another."""
        return self._run(lambda: self._keep(calls.dial_inside(self.exchange, extension, to_extension)))

    def emit(self, event: str, fields: Mapping[str, str], privilege: str = "call,all") -> None:
        """Emit any event, stamped with the time of now."""
        self._run(lambda: self.core.event(event, dict(fields), privilege))

    def emit_message(self, fields: Mapping[str, str]) -> None:
        """Emit an event as it stands, its `Event`, `Privilege` and `Timestamp` included."""
        self._run(lambda: self.core.emit(message(fields)))

    def replay(
        self,
        recording: Path | Sequence[str],
        *,
        speed: float | None = None,
        shift_to_now: bool = False,
        is_awaited: bool = True,
    ) -> None:
        """Play recorded events again; see `replay.recorded` and `replay.play`."""
        events = replay.recorded(recording) if isinstance(recording, Path) else recording
        playing = replay.play(self.core, events, speed=speed, shift_to_now=shift_to_now)
        self._await(playing, None) if is_awaited else self._start(playing)

    def start_load(
        self,
        calls_per_minute: float,
        extensions: Sequence[str],
        *,
        numbers: Sequence[str] = (),
        dids: Sequence[str] = ("74951230001",),
        seed: int = 1,
        talk_seconds: float = 60.0,
    ) -> None:
        """Let random calls begin, until the manager stops."""
        load = Load(
            self.exchange,
            calls_per_minute,
            extensions,
            numbers,
            dids,
            random.Random(seed),
            talk_seconds=talk_seconds,
            began=self._keep,
        )
        self._start(load.run())

    def cut_connections(self, *, reset: bool = True) -> None:
        """End all connections now, by TCP reset or by an orderly close."""
        self._run(lambda: self.core.cut_connections(reset=reset))

    def lose_sessions(self) -> None:
        """Forget all sessions of the HTTP manager."""
        self._run(self.core.lose_http_sessions)

    def be_silent(self, seconds: float) -> None:
        """Accept, and answer nothing, for so many seconds from now."""
        self._run(lambda: self.faults.be_silent(seconds))

    def restart(self, down_seconds: float = 1.0, *, is_awaited: bool = True) -> None:
        """Restart the server: nobody can connect for so long, all channels are gone, what happens is lost."""
        self._await(self._restart(down_seconds)) if is_awaited else self._start(self._restart(down_seconds))

    def _keep(self, call: Call) -> Call:
        for ended in [known for known in self.calls.values() if not known.is_live]:
            del self.calls[ended.id]
        self.calls[call.id] = call
        return call

    async def _open(self) -> None:
        ami = await asyncio.start_server(self._served_by(self._ami.serve), self.host, self.ami_port)
        ajam = await asyncio.start_server(self._served_by(self._ajam.serve), self.host, self.ajam_port)
        self._servers = [ami, ajam]
        self.ami_port, self.ajam_port = (server.sockets[0].getsockname()[1] for server in self._servers)

    def _served_by(
        self, serve: Callable[[StreamReader, StreamWriter], Coroutine[Any, Any, None]]
    ) -> Callable[[StreamReader, StreamWriter], None]:
        def connected(reader: StreamReader, writer: StreamWriter) -> None:
            self._start(serve(reader, writer))

        return connected

    async def _restart(self, down_seconds: float) -> None:
        # Whoever hears it, and the live channels here, know thereby that no call lives on.
        self.core.event("Shutdown", {"Shutdown": "Cleanly", "Restart": "True"}, "system,all")
        await asyncio.sleep(0)
        self.core.is_down = True
        for server in self._servers:
            server.close()
        self.core.cut_connections(reset=True)
        self.core.lose_http_sessions()
        self.exchange.connector.rows.clear()
        self.exchange.boots += 1
        await asyncio.sleep(down_seconds)
        self.core.booted_at, self.core.is_down = time.time(), False
        await self._open()

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        self.core.cut_connections(reset=False)
        await self._end_background()
