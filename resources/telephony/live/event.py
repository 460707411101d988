"""What every event channel tells: one event of one leg of a call, and how a channel is listened to.

A leg is one party of a call: an employee's telephone, or the outside party. Application and plumbing channels (menus,
queues, Local channels) are no legs. A call's legs share its `linkedid`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Protocol

Direction = Literal["in", "out", "internal"]


class Kind(StrEnum):
    """What happened to a leg. A leg goes from ringing over answered to ended, and never back."""

    RINGING = "ringing"
    """Its telephone rings; of the calling party, its call has begun."""
    ANSWERED = "answered"
    """It talks with somebody: a called party answered; a calling party was answered by a person."""
    HELD = "held"
    RESUMED = "resumed"
    TRANSFERRED = "transferred"
    """It gave the call to somebody else (`to_number`)."""
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class CallEvent:
    """One event of one leg.

    Attributes:
        kind: see `Kind`.
        linkedid: the call, as in the server's call history.
        leg_id: the leg, unique at its server: the channel's uniqueid, or the best the channel can tell.
        received_at: when it arrived here.
        source_at: when it happened by the server's clock; None where the channel does not say.
        extension: whose telephone this leg is; None for the outside party.
        direction: of the call, None where not known yet.
        client_number: the outside party, as the server wrote the number; None in internal calls or where hidden.
        src_number: who calls, as written.
        dst_number: who is called by this leg, as written.
        did: our number that was called.
        to_number: of `TRANSFERRED`, to whom.
        raw: the message in the server's own words, for people who look for a fault.
    """

    kind: Kind
    linkedid: str
    leg_id: str
    received_at: datetime
    source_at: datetime | None = None
    extension: str | None = None
    direction: Direction | None = None
    client_number: str | None = None
    src_number: str | None = None
    dst_number: str | None = None
    did: str | None = None
    to_number: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Snapshot:
    """What lives at the server at the moment a channel began to listen; nothing that happens after it is missed.

    Attributes:
        events: the state of each live leg as events (ringing, and answered where it is).
        linkedids: every live call. A call we hold as live and that is not here has ended meanwhile.
        leg_ids: every live leg, where the channel can tell; a leg of ours not here has ended. None: it cannot tell.
    """

    events: Sequence[CallEvent]
    linkedids: frozenset[str]
    leg_ids: frozenset[str] | None = None


class EventChannelError(Exception):
    """The channel is lost or refused; the text says what happened, where and what to do. Listening starts anew.

    Attributes:
        is_permanent: whether trying again at once is pointless, as with a wrong password.
    """

    def __init__(self, words: str, *, is_permanent: bool = False) -> None:
        super().__init__(words)
        self.is_permanent = is_permanent


class Listening(Protocol):
    """An open connection to a server."""

    snapshot: Snapshot | None
    """What lived when it was opened; None where the server cannot tell (then missed ends stay unknown)."""

    async def next(self) -> Sequence[CallEvent]:
        """Wait a few seconds at most for what happens next; an empty answer means that the connection is well.

        Raises:
            EventChannelError: the connection or the server's session is lost. Nothing of it may be used again.
        """
        ...


class EventChannel(Protocol):
    """A way in which a server tells of its calls."""

    def listen(self) -> AbstractAsyncContextManager[Listening]:
        """Connect, log in and take the snapshot; at the end of the block log out and close, within a second.

        Must be cancellable at any await. Raises `EventChannelError`.
        """
        ...
