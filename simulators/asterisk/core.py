"""The one stream of events and all who listen to it; AMI, the HTTP manager and the makers of calls share it."""

from __future__ import annotations

import asyncio
import secrets
import time
from asyncio import StreamWriter
from dataclasses import dataclass, field

from simulators.asterisk.channels import LiveChannels
from simulators.asterisk.faults import Faults, cut
from simulators.asterisk.messages import message, parse
from simulators.asterisk.sessions import Session

UNAUTHENTICATED_SECONDS = 5.0


@dataclass
class Counters:
    """What has been asked of a manager.

    Attributes:
        logins: log-ins that were accepted.
        refused_logins: log-ins that were not.
        waitevent_requests: over HTTP.
        events: emitted since the start.
        lost_events: emitted while the server was down.
    """

    logins: int = 0
    refused_logins: int = 0
    waitevent_requests: int = 0
    events: int = 0
    lost_events: int = 0


@dataclass
class Core:
    """One server's state. Everything but its making happens on its event loop.

    Attributes:
        username: of the manager's one user.
        secret: its password.
        system_name: what events carry as SystemName and ids begin with; empty for none.
        idle_seconds: after how long an HTTP session without a request dies (`httptimeout`).
        channels: what lives.
        faults: what goes wrong.
        counters: what was asked.
        http_sessions: by number.
        ami_sessions: of open AMI connections.
        connections: that are open now, AMI and HTTP; those of `/_sim/` are not among them.
        booted_at: when it last started, seconds since 1970.
        is_down: whether it restarts just now.
    """

    username: str
    secret: str
    system_name: str
    idle_seconds: float
    channels: LiveChannels = field(default_factory=LiveChannels)
    faults: Faults = field(default_factory=Faults)
    counters: Counters = field(default_factory=Counters)
    http_sessions: dict[str, Session] = field(default_factory=dict)
    ami_sessions: list[Session] = field(default_factory=list)
    connections: set[StreamWriter] = field(default_factory=set)
    booted_at: float = field(default_factory=time.time)
    is_down: bool = False
    _shuffled: list[str] = field(default_factory=list)

    def event(self, name: str, fields: dict[str, str], privilege: str = "call,all") -> None:
        """Emit an event, stamped with the time of now."""
        stamp = {"Timestamp": f"{time.time():.6f}"} | ({"SystemName": self.system_name} if self.system_name else {})
        self.emit(message({"Event": name, "Privilege": privilege} | stamp | fields))

    def emit(self, event: str) -> None:
        """Emit an event as it stands; while the server is down it is lost."""
        if self.is_down:
            self.counters.lost_events += 1
            return
        self.counters.events += 1
        self.channels.take(parse(event), time.time())
        if self.faults.shuffle_seconds:
            if not self._shuffled:
                asyncio.get_running_loop().call_later(self.faults.shuffle_seconds, self._deliver_shuffled)
            self._shuffled.append(event)
        else:
            self._deliver(event)

    def _deliver_shuffled(self) -> None:
        events, self._shuffled = self._shuffled, []
        self.faults.chance.shuffle(events)
        for event in events:
            self._deliver(event)

    def _deliver(self, event: str) -> None:
        for session in [*self.ami_sessions, *self.http_sessions.values()]:
            for _ in range(2 if self.faults.deliver_twice else 1):
                session.offer(event)

    def http_session(self, ident: str) -> Session:
        """Return the session of a cookie, or a new one where it is unknown or has died."""
        now = asyncio.get_running_loop().time()
        for known in [one for one in self.http_sessions.values() if one.expires_at < now and one.waiter is None]:
            self.end_http_session(known)
        session = self.http_sessions.get(ident)
        if session is None:
            session = Session(f"{secrets.randbits(32) | 1:08x}", expires_at=now + UNAUTHENTICATED_SECONDS)
            self.http_sessions[session.ident] = session
        return session

    def prolong(self, session: Session) -> None:
        """Let an HTTP session live on from now."""
        life = self.idle_seconds if session.is_authenticated else min(self.idle_seconds, UNAUTHENTICATED_SECONDS)
        session.expires_at = asyncio.get_running_loop().time() + life

    def end_http_session(self, session: Session) -> None:
        """Forget an HTTP session and what waits in it."""
        self.http_sessions.pop(session.ident, None)
        session.end()

    def lose_http_sessions(self) -> None:
        """Forget all HTTP sessions."""
        for session in list(self.http_sessions.values()):
            self.end_http_session(session)

    def cut_connections(self, *, reset: bool) -> None:
        """End all connections now."""
        for writer in list(self.connections):
            cut(writer, reset=reset)
