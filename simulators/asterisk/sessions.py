"""What the manager knows of one who has connected: rights, filters, and the events not yet fetched."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from dataclasses import dataclass, field

from simulators.asterisk.messages import parse

CATEGORIES = frozenset({"system", "call", "log", "verbose", "command", "agent", "user", "config", "dtmf",
                        "reporting", "cdr", "dialplan", "cc", "agi", "test", "security", "message"})  # fmt: skip


@dataclass
class Session:
    """One AMI connection, or one session of the HTTP manager.

    Attributes:
        ident: number of the HTTP session, eight hexadecimal digits; empty for AMI.
        is_authenticated: whether it has logged in.
        categories: of which events it wants to hear.
        including: filters of which one must fit.
        excluding: filters of which none may fit.
        challenge: what an MD5 log-in answers.
        queue: events that wait for it.
        woken: set when something came into the queue, or when the session ended.
        expires_at: when it dies without a request, by the loop's clock.
        is_fresh: whether it has not yet waited for events.
        waiter: the request that waits for events now.
        has_ended: whether it was logged off or lost.
    """

    ident: str = ""
    is_authenticated: bool = False
    categories: frozenset[str] = CATEGORIES
    including: list[re.Pattern[str]] = field(default_factory=list)
    excluding: list[re.Pattern[str]] = field(default_factory=list)
    challenge: str = ""
    queue: deque[str] = field(default_factory=deque)
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    expires_at: float = 0.0
    is_fresh: bool = True
    waiter: object | None = None
    has_ended: bool = False

    def offer(self, event: str) -> None:
        """Queue an event."""
        if self.is_authenticated:
            self.queue.append(event)
            self.woken.set()

    def wants(self, event: str) -> bool:
        """Tell whether an event passes the session's mask and filters, which hold when it is fetched."""
        privilege = set(parse(event.split("\r\n\r\n")[0]).get("Privilege", "").split(",")) - {"all", ""}
        included = not self.including or any(one.search(event) for one in self.including)
        return privilege <= self.categories and included and not any(one.search(event) for one in self.excluding)

    def fetch(self) -> list[str]:
        """Empty the queue."""
        self.woken.clear()
        fetched = [event for event in self.queue if self.wants(event)]
        self.queue.clear()
        return fetched

    def set_mask(self, words: str) -> bool:
        """Set which events it hears of: `on`, `off`, or categories; tell whether there is any."""
        asked = {word.strip().lower() for word in words.split(",")}
        if asked & {"on", "all", "yes", "true", "1"}:
            self.categories = CATEGORIES
        else:
            self.categories = frozenset(asked & CATEGORIES)
        return bool(self.categories)

    def end(self) -> None:
        """End it; whoever waits is woken."""
        self.has_ended = True
        self.woken.set()
