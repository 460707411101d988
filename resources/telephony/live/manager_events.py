"""Which of a manager's messages tell the calls: the events of channels, or MikoPBX's `CdrConnector`.

A MikoPBX tells each call in both ways at once, and a leg has another id in each. With "auto" the first `CdrConnector`
decides: from then on these events are the truth and those of channels are left out, for they carry the ids of the
call history (UNIQUEID), so that live calls and history meet leg by leg, and the PBX itself has said who called whom
through its menus, queues and transfers. Calls that were followed by their channels until then stay so to their end: no
call is told in both ways. What was decided outlasts a connection.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from resources.telephony.live.asterisk_calls import AsteriskCalls
from resources.telephony.live.cdr_connector import CdrConnectorCalls, is_cdr_connector
from resources.telephony.live.event import CallEvent, Snapshot
from resources.telephony.live.manager_messages import Message

Stream = Literal["channels", "cdr_connector", "auto"]
"""What tells the calls: events of channels, `CdrConnector`, or whichever turns out to be there."""

CLASSES: dict[Stream, str] = {"channels": "call", "cdr_connector": "user", "auto": "call,user"}
"""The classes of events that each needs, as the log-in takes them."""


class ManagerEvents:
    """Turns one server's messages into events of calls, connection after connection.

    Args:
        stream: what tells the calls.
        internal_digits: longest number that is an extension.
        zone: of a MikoPBX's clock, see `CdrConnectorCalls`.
    """

    def __init__(self, stream: Stream, internal_digits: int, zone: ZoneInfo | None) -> None:
        self._stream = stream
        self._channels = AsteriskCalls(internal_digits)
        self._rows = CdrConnectorCalls(internal_digits, zone)
        self._by_rows = stream == "cdr_connector"
        self._still_by_channels: frozenset[str] = frozenset()

    @property
    def needed_classes(self) -> str:
        """The classes of events to ask for at log-in."""
        return CLASSES[self._stream]

    def snapshot(self, channels: Collection[Message], received_at: datetime) -> Snapshot:
        """Begin a connection with the answer to `CoreShowChannels`."""
        snapshot = self._channels.snapshot(channels, received_at)
        if not self._by_rows:
            return snapshot
        self._still_by_channels &= snapshot.linkedids
        events = [event for event in snapshot.events if event.linkedid in self._still_by_channels]
        # Channels say which calls live, but not which rows.
        return Snapshot(events, snapshot.linkedids)

    def take(self, message: Message, received_at: datetime) -> list[CallEvent]:
        """Take a message in and tell what it means."""
        if is_cdr_connector(message):
            if self._stream == "channels":
                return []
            if not self._by_rows:
                self._by_rows, self._still_by_channels = True, self._channels.linkedids
            events = self._rows.take(message, received_at)
            return [event for event in events if event.linkedid not in self._still_by_channels]
        if self._by_rows and self._still_by_channels.isdisjoint(self._channels.linkedids_of(message)):
            return []
        return self._channels.take(message, received_at)
