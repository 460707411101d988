"""Kinds of calls: which legs MikoPBX writes when a client calls in, is called, is put through, or gives up.

A scene writes its legs into a `CallRows` and says whether a person of the company talked to the client.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from simulators.mikopbx.rows import CallRows, Line

MENU = Line("2200010", "App:2200010", name="Главное меню")
QUEUE = Line("2200100", "Queue:2200100", name="Продажи")
CLOSED = Line("outworktimes", "App:outworktimes")
ACCOUNT = "SIP-TRUNK-66453e4b8831f"
SECOND_ACCOUNT = "SIP-1660672332"
DIDS = ("74957770010", "74957770020")
"""The company's own numbers, one at each provider."""


@dataclass(frozen=True)
class Colleague:
    """A telephone of the company and who sits at it."""

    extension: str
    name: str


@dataclass(frozen=True)
class Caller:
    """An outer number as a provider shows it, and which of the company's numbers it called."""

    shown: str
    line: int = 0

    @property
    def account(self) -> str:
        """The provider over which the call comes."""
        return (ACCOUNT, SECOND_ACCOUNT)[self.line]

    @property
    def did(self) -> str:
        """The number that was called."""
        return DIDS[self.line]


class Stage:
    """What the scenes of one call need: the time it began, where its legs go, and chance."""

    def __init__(self, begun: float, call: CallRows, chance: Random) -> None:
        self.begun = begun
        self.call = call
        self.chance = chance

    def seconds(self, least: float, most: float) -> float:
        """Return a span of whole milliseconds."""
        return self.chance.randrange(int(least * 1000), int(most * 1000)) / 1000

    def talk(self) -> float:
        """Return how long a conversation lasts: minutes, seldom half an hour."""
        return round(min(max(self.chance.lognormvariate(4.6, 1.0), 4), 5400), 3)

    def phone(self, colleague: Colleague) -> Line:
        """Return the colleague's telephone on a new channel."""
        return self.call.extension(colleague.extension, colleague.name)

    def client(self, caller: Caller) -> Line:
        """Return the client's channel."""
        return self.call.trunk(caller.shown, caller.account)


def queued(stage: Stage, caller: Caller, rung: Sequence[Colleague], taker: Colleague | None) -> bool:
    """A client goes through the menu into the queue, which rings several telephones; one may be taken."""
    client = stage.client(caller)
    queue_at = _menu(stage, client, caller, digits=stage.chance.choice(("1", "2", "t,1", "i,2", "t,t,t")))
    ring_at = queue_at + stage.seconds(0.2, 2)
    if taker is None:
        ended = ring_at + stage.seconds(8, 75)
    else:
        taken = ring_at + stage.seconds(3, 25)
        ended = taken + stage.talk()
    stage.call.leg(client, QUEUE, queue_at, ended, answer=queue_at + 0.05, dialstatus="ANSWER", did=caller.did)
    for colleague in rung:
        phone = stage.phone(colleague)
        if colleague is taker:
            stage.call.leg(client, phone, ring_at, ended, answer=taken, dialstatus="ANSWER", did=caller.did)
        else:
            silent_at = ended if taker is None else taken
            status = stage.chance.choice(("NOANSWER", "NOANSWER", "CANCEL", "BUSY"))
            silent_at = ring_at + stage.seconds(0.1, 0.6) if status == "BUSY" else silent_at
            stage.call.leg(client, phone, ring_at, silent_at, dialstatus=status, did=caller.did)
    return taker is not None


def direct(stage: Stage, caller: Caller, wanted: Colleague, *, is_taken: bool, through_menu: bool) -> bool:
    """A client reaches for one employee: by dialling the extension in the menu, or by a number of their own."""
    client = stage.client(caller)
    ring_at = stage.begun
    if through_menu:
        ring_at = _menu(stage, client, caller, digits=",".join(wanted.extension))
    _ring(stage, client, wanted, ring_at, caller.did, is_taken=is_taken)
    return is_taken


def out_of_hours(stage: Stage, caller: Caller) -> bool:
    """A client hears that nobody is there."""
    client = stage.client(caller)
    ended = stage.begun + stage.seconds(3, 20)
    stage.call.leg(client, CLOSED, stage.begun, ended, answer=stage.begun + 0.1, dialstatus="ANSWER", did=caller.did)
    return False


def outgoing(stage: Stage, caller: Colleague, number: Caller, *, is_taken: bool, talk: float | None = None) -> bool:
    """An employee calls a client."""
    phone, client = stage.phone(caller), stage.client(number)
    if is_taken:
        answered = stage.begun + stage.seconds(4, 25)
        ended = answered + (talk or stage.talk())
        stage.call.leg(phone, client, stage.begun, ended, answer=answered, dialstatus="ANSWER")
    else:
        status = stage.chance.choice(("NOANSWER", "NOANSWER", "CANCEL", "BUSY", "CHANUNAVAIL", "CONGESTION"))
        ended = stage.begun + (stage.seconds(1, 5) if status != "NOANSWER" else stage.seconds(20, 60))
        stage.call.leg(phone, client, stage.begun, ended, dialstatus=status)
    return is_taken


def internal(stage: Stage, caller: Colleague, wanted: Colleague, *, is_taken: bool) -> bool:
    """Two employees talk, or one does not answer the other."""
    _ring(stage, stage.phone(caller), wanted, stage.begun, "", is_taken=is_taken)
    return is_taken


def put_through(stage: Stage, caller: Caller, first: Colleague, second: Colleague, *, is_blind: bool) -> bool:
    """A client is put through: blindly, or after the two employees have talked while the client waited."""
    client = stage.client(caller)
    taken = stage.begun + stage.seconds(3, 20)
    asked = taken + stage.seconds(10, 120)
    if is_blind:
        stage.call.leg(
            client, stage.phone(first), stage.begun, asked, answer=taken, dialstatus="ANSWER", did=caller.did
        )
        answered = asked + stage.seconds(2, 12)
        stage.call.leg(
            client, stage.phone(second), asked, answered + stage.talk(), answer=answered, dialstatus="ANSWER"
        )
        return True
    answered = asked + stage.seconds(2, 12)
    handed = answered + stage.seconds(5, 60)
    phone = stage.phone(first)
    stage.call.leg(client, phone, stage.begun, handed, answer=taken, dialstatus="ANSWER", did=caller.did)
    stage.call.leg(
        Line(first.extension, phone.channel, name=first.name), stage.phone(second), asked, handed,
        answer=answered, dialstatus="ANSWER", is_consulting=stage.chance.random() < 0.2,
    )  # fmt: skip
    stage.call.leg(client, stage.phone(second), handed, handed + stage.talk(), answer=handed + 0.1, dialstatus="ANSWER")
    return True


def _menu(stage: Stage, client: Line, caller: Caller, digits: str) -> float:
    left = stage.begun + stage.seconds(4, 20)
    stage.call.leg(
        client, MENU, stage.begun, left, answer=stage.begun + 0.1, dialstatus="ANSWER", did=caller.did, digits=digits
    )
    return left


def _ring(stage: Stage, source: Line, wanted: Colleague, ring_at: float, did: str, *, is_taken: bool) -> None:
    phone = stage.phone(wanted)
    if is_taken:
        taken = ring_at + stage.seconds(2, 20)
        stage.call.leg(source, phone, ring_at, taken + stage.talk(), answer=taken, dialstatus="ANSWER", did=did)
    else:
        status = stage.chance.choice(("NOANSWER", "NOANSWER", "CANCEL", "BUSY", ""))
        stage.call.leg(source, phone, ring_at, ring_at + stage.seconds(1, 40), dialstatus=status, did=did)
