"""Driven calls: they emit what Asterisk emits, in the recorded order (IAX2) or as PJSIP differs from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from string import ascii_letters

from simulators.asterisk.exchange import Exchange
from simulators.asterisk.legs import CAUSES, Leg, bridge_fields
from simulators.asterisk.messages import UNKNOWN

INTERNAL_DIGITS = 4
PRESENTATION = {"CID-CallingPres": "0 (Presentation Allowed, Not Screened)"}


@dataclass
class Call:
    """A call that a test or a load drives. Its methods may be called from any thread.

    They do nothing where the call is over already, or where the server has been restarted meanwhile.

    Attributes:
        exchange: the server.
        caller: who calls; after a transfer, who was handed over.
        rung: whose telephones ring now.
        talker: who answered.
        bridge: in which they talk.
        did: our number that was called; empty of others.
    """

    exchange: Exchange
    caller: Leg
    rung: list[Leg] = field(default_factory=list)
    talker: Leg | None = None
    bridge: str = ""
    did: str = ""
    _is_over: bool = False
    _boot: int = 0

    def __post_init__(self) -> None:
        # What begins while the server is down never was.
        self._is_over = self.exchange.core.is_down
        self._boot = self.exchange.boots

    @property
    def id(self) -> str:
        """Its linkedid."""
        return self.caller.linkedid

    @property
    def is_live(self) -> bool:
        """Whether it has not ended."""
        return not self._is_over and self._boot == self.exchange.boots

    def _drive(self, what: Callable[[], None]) -> None:
        self.exchange.on_loop(lambda: what() if self.is_live else None)

    def answer(self, extension: str | None = None) -> None:
        """Let a ringing telephone answer: this one, or the first; the others stop ringing."""
        self._drive(lambda: self._answer(extension))

    def reject(self, extension: str | None = None) -> None:
        """Let a ringing telephone refuse; where it was the last, the call ends as busy."""
        self._drive(lambda: self._reject(extension))

    def hold(self, *, by_caller: bool = False) -> None:
        """Let who answered (or the caller) put the other on hold."""
        self._drive(lambda: self._tell("Hold", self._side(by_caller)))

    def unhold(self, *, by_caller: bool = False) -> None:
        """Take the other back from hold."""
        self._drive(lambda: self._tell("Unhold", self._side(by_caller)))

    def blind_transfer(self, extension: str, *, by_caller: bool = False) -> None:
        """Let who answered (or the caller) hand the other over to a telephone inside or outside, which rings."""
        self._drive(lambda: self._transfer(extension, by_caller=by_caller))

    def ring_out(self) -> None:
        """Let the time of ringing run out: nobody answered, and the server ends the call."""
        self._drive(self._ring_out)

    def hangup(self, *, by_caller: bool = False) -> None:
        """End it: while it rings by the caller, while they talk by who answered, or by the caller."""
        self._drive(lambda: self._hangup(by_caller))

    def dial(self, legs: Sequence[Leg], dialled: Sequence[str], *, is_transfer: bool = False) -> None:
        """Ring telephones; to be called on the server's loop."""
        exchange = self.exchange
        for leg, number in zip(legs, dialled, strict=True):
            exchange.connector.dial(self.caller, leg, number, self.did, is_transfer=is_transfer)
            exchange.tell("Newchannel", leg.fields())
            # Until it is called, a channel is in no place of the dialplan.
            leg.exten, leg.context = self.caller.exten, ""
            # It shows as its own number what its caller dialled.
            leg.number, leg.connected, leg.connected_name = self.caller.exten, self.caller.number, self.caller.name
            exchange.tell("NewCallerid", leg.fields() | PRESENTATION)
            if self.caller.account:
                leg.account = self.caller.account
                exchange.tell("NewAccountCode", leg.fields() | {"OldAccountCode": ""})
            exchange.tell("NewConnectedLine", leg.fields())
            exchange.connector.created(leg)
        for leg, number in zip(legs, dialled, strict=True):
            # A SIP telephone tells later that it rings, an IAX2 one at once.
            if exchange.rings_at_once:
                leg.state = 5
                exchange.tell("Newstate", leg.fields())
            dial_string = f"{leg.peer}/{number}"
            exchange.tell("DialBegin", self.caller.fields() | leg.fields("Dest") | {"DialString": dial_string})
        for leg in legs:
            if not exchange.rings_at_once:
                leg.state = 5
                exchange.tell("Newstate", leg.fields())
            exchange.tell("DialState", self.caller.fields() | leg.fields("Dest") | {"DialStatus": "RINGING"})
        self.rung = list(legs)

    def _find(self, extension: str | None) -> Leg:
        for leg in self.rung:
            if extension in {None, leg.peer}:
                return leg
        raise ValueError(f"no telephone {extension} rings in call {self.id}")

    def _side(self, by_caller: bool) -> Leg:
        if self.talker is None:
            raise ValueError(f"nobody talks in call {self.id}")
        return self.caller if by_caller else self.talker

    def _tell(self, event: str, leg: Leg, **more: str) -> None:
        self.exchange.tell(event, leg.fields() | more)

    def _end_dial(self, leg: Leg, status: str) -> None:
        self.exchange.tell("DialEnd", self.caller.fields() | leg.fields("Dest") | {"DialStatus": status})

    def _end_leg(self, leg: Leg, cause: int, dial_status: str = "", *, is_asked: bool = True) -> None:
        if is_asked:
            self._tell("HangupRequest", leg, **({"Cause": str(cause)} if cause else {}))
        self.exchange.tell("Hangup", leg.fields() | {"Cause": str(cause), "Cause-txt": CAUSES[cause]})
        self.exchange.connector.ended(leg, dial_status)

    def _end_caller(self, cause: int, leg: Leg | None = None) -> None:
        leg = leg or self.caller
        self._tell("SoftHangupRequest", leg, Cause="16")
        leg.exten, leg.priority = "h", 1
        self._end_leg(leg, cause)
        self.exchange.connector.caller_ended(leg)

    def _answer(self, extension: str | None) -> None:
        leg = self._find(extension)
        leg.state = 6
        self._tell("Newstate", leg)
        for other in [one for one in self.rung if one is not leg]:
            self._end_dial(other, "CANCEL")
            self._end_leg(other, 26, "CANCEL")
        self.rung, self.talker, self.bridge = [], leg, self.exchange.bridge()
        leg.exten = ""
        self._end_dial(leg, "ANSWER")
        if self.caller.state != 6:
            self.caller.state = 6
            self._tell("Newstate", self.caller)
        self.exchange.connector.answered(self.caller, leg)
        self.exchange.tell("BridgeCreate", bridge_fields(self.bridge, 0))
        for count, one in enumerate((leg, self.caller), 1):
            self.exchange.tell("BridgeEnter", bridge_fields(self.bridge, count) | one.fields())

    def _reject(self, extension: str | None) -> None:
        leg = self._find(extension)
        self.rung.remove(leg)
        self._tell("HangupRequest", leg, Cause="17")
        self._end_dial(leg, "BUSY")
        self._end_leg(leg, 17, "BUSY", is_asked=False)
        if not self.rung:
            self._finish(17)

    def _ring_out(self) -> None:
        if not self.rung:
            raise ValueError(f"no telephone rings in call {self.id}")
        rung, self.rung = self.rung, []
        for leg in rung:
            self._end_dial(leg, "NOANSWER")
            self._end_leg(leg, 0, "NOANSWER")
        self._finish(0)

    def _transfer(self, extension: str, *, by_caller: bool) -> None:
        giver = self._side(by_caller)
        given = self._side(not by_caller)
        context = giver.context or "from-internal"
        told = {"Result": "Success"} | giver.fields("Transferer") | given.fields("Transferee")
        where = {"IsExternal": "Yes", "Context": context, "Extension": extension}
        self.exchange.tell("BlindTransfer", told | bridge_fields(self.bridge, 2) | where)
        given.exten, given.context, given.priority = extension, context, 1
        self._leave(given, 1)
        self._leave(giver, 0)
        self.exchange.tell("BridgeDestroy", bridge_fields(self.bridge, 0))
        self._end_caller(16, giver)
        self.caller, self.talker, self.bridge = given, None, ""
        peer = extension if len(extension) <= INTERNAL_DIGITS else self.exchange.trunk
        self.dial([self.exchange.leg(peer, self.id)], [extension], is_transfer=True)

    def _leave(self, leg: Leg, left: int) -> None:
        self.exchange.tell("BridgeLeave", bridge_fields(self.bridge, left) | leg.fields())

    def _hangup(self, by_caller: bool) -> None:
        if self.talker is None:
            self._tell("HangupRequest", self.caller, Cause="16")
            for leg in self.rung:
                self._end_dial(leg, "CANCEL")
                self._end_leg(leg, 16, "CANCEL")
            self.rung = []
        elif by_caller:
            self._tell("HangupRequest", self.caller, Cause="16")
            self._leave(self.caller, 1)
            self._leave(self.talker, 0)
            self._end_leg(self.talker, 16)
            self.exchange.tell("BridgeDestroy", bridge_fields(self.bridge, 0))
        else:
            self._tell("HangupRequest", self.talker, Cause="16")
            self._leave(self.talker, 1)
            self._end_leg(self.talker, 16)
            self._leave(self.caller, 0)
            self.exchange.tell("BridgeDestroy", bridge_fields(self.bridge, 0))
        self._finish(16)

    def _finish(self, cause: int) -> None:
        self._end_caller(cause)
        self._is_over = True
        self.exchange.connector.finalise(self.id)


def ring(exchange: Exchange, number: str, extensions: Sequence[str], did: str, name: str) -> Call:
    """Let somebody outside call us, so that these telephones ring; on the server's loop."""
    caller = exchange.leg(
        exchange.trunk, context="from-trunk", exten=did, state=4, number=number or UNKNOWN, name=name or UNKNOWN
    )
    exchange.tell("Newchannel", caller.fields())
    call = Call(exchange, caller, did=did)
    if len(extensions) == 1:
        # The dialplan went on to the extension; a group is rung by the number's own line.
        caller.exten = extensions[0]
    call.dial([exchange.leg(extension, call.id) for extension in extensions], list(extensions))
    return call


def dial_out(exchange: Exchange, extension: str, number: str) -> Call:
    """Let an employee call somebody outside; on the server's loop."""
    caller = exchange.leg(extension, context="from-internal", exten=number, state=4, number=_own_number(extension))
    exchange.tell("Newchannel", caller.fields())
    caller.number = exchange.own_number
    exchange.tell("NewCallerid", caller.fields() | PRESENTATION)
    call = Call(exchange, caller)
    call.dial([exchange.leg(exchange.trunk, call.id)], [number])
    return call


def dial_inside(exchange: Exchange, extension: str, to_extension: str) -> Call:
    """Let an employee call another; on the server's loop."""
    caller = exchange.leg(
        extension, context="from-internal", exten=to_extension, state=4, number=_own_number(extension)
    )
    exchange.tell("Newchannel", caller.fields())
    call = Call(exchange, caller)
    call.dial([exchange.leg(to_extension, call.id)], [to_extension])
    return call


def _own_number(peer: str) -> str:
    """A telephone's number is its peer's name without the letter that sometimes stands before it."""
    return peer.lstrip(ascii_letters) or peer
