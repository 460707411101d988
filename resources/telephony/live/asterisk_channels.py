"""What is remembered of an Asterisk's channels while they live; `asterisk_calls` decides what it means."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from resources.telephony.live.event import Direction

PLUMBING = frozenset(
    {
        *("Local", "Message", "Surrogate", "Announcer", "Recorder", "CBAnn", "CBRec", "Snoop", "AsyncGoto"),
        *("AudioSocket", "MulticastRTP", "UnicastRTP", "OutgoingSpoolFailed"),
    }
)
"""Technologies whose channels reach no party. The call history has the same list, as the next one."""

NAMED_BY_PEER = frozenset({"PJSIP", "SIP", "IAX2", "SCCP", "Skinny", "MGCP", "USTM"})
"""Technologies whose channels carry the name of a telephone or line: PJSIP/203-0000001a."""


@dataclass(slots=True, eq=False, repr=False)
class Channel:
    """A channel that lives.

    Attributes:
        uniqueid: its id, and its leg's.
        name: technology, peer and a number of its own.
        call: whose channel it is now.
        is_caller: whether it called us; otherwise it is rung by us.
        heard_at: the time of the newest message about it.
        number: its party's.
        connected_number: of the party it is or shall be connected with.
        exten: the last number it dialled, or that was dialled to reach us through it.
        first_exten: the first one.
        dialled: what was dialled to reach it.
        bridge_id: where it stands, unless it waits there alone.
        extension: whose telephone it is, as told.
        is_told: whether it was told of at all.
        is_answered: whether it was told as answered.
        is_held: whether it was told as held.
        held_at: the time of the newest message about holding.
    """

    uniqueid: str
    name: str
    call: Call
    is_caller: bool
    heard_at: datetime | None = None
    number: str = ""
    connected_number: str = ""
    exten: str = ""
    first_exten: str = ""
    dialled: str = ""
    bridge_id: str = ""
    extension: str | None = None
    is_told: bool = False
    is_answered: bool = False
    is_held: bool = False
    held_at: datetime | None = None

    @property
    def technology(self) -> str:
        """The part of its name that tells the kind of line."""
        return self.name.partition("/")[0]

    @property
    def is_party(self) -> bool:
        """Whether it reaches somebody."""
        return self.technology not in PLUMBING

    @property
    def local_name(self) -> str:
        """What the two halves of a Local channel have in common; empty for others."""
        return self.name.rpartition(";")[0] if self.technology == "Local" else ""


@dataclass(slots=True, eq=False, repr=False)
class Call:
    """The channels that share a linkedid, and what is known of them together.

    Attributes:
        linkedid: its id.
        channels: those that live, by uniqueid.
        root: the party's channel that began it.
        first_called: the party's channel that was dialled first.
        direction: see `CallEvent`, as the next three.
        client_number: the outside party's number.
        did: our number that was called.
        has_told: whether any leg of it was told of.
    """

    linkedid: str
    channels: dict[str, Channel] = field(default_factory=dict)
    root: Channel | None = None
    first_called: Channel | None = None
    direction: Direction | None = None
    client_number: str | None = None
    did: str | None = None
    has_told: bool = False
