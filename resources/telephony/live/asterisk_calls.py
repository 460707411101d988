"""From the events of an Asterisk's channels to events of calls.

Public sources of the rules: Asterisk 22, documentation of its manager events and of call detail records. Every event of
a channel carries that channel whole (`Channel`, `ChannelState`, `CallerIDNum`, `Uniqueid`, `Linkedid`, …), some carry
two or more under prefixes (`DestChannel`). So a channel is learnt from whatever event names it first, and the newest
event's word counts. What the rules are:

- a leg is a channel that reaches a party. Channels of technologies that reach none (Local and the like) are plumbing;
  two halves of a Local channel join the bridges they stand in;
- whose telephone it is: the name of its peer (`PJSIP/203-…`, `IAX2/u203-…` is 203), else its own number, if that is an
  internal one. The call history reads both in the same way;
- a called leg rings when its telephone does, not when it is dialled: one that is switched off or busy shows no card;
- a calling leg is answered when it stands in a bridge with another party: menus, queues and parking answer too, but
  are nobody;
- a call (linkedid) that ends without any leg told, for nothing ever rang, is told as one leg that began and ended, so
  that each call of the history has its events;
- transfers and pickups move channels from one linkedid to another. The last one counts, and a leg that moves is told
  again as it stands, for it may have another client now.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from resources.telephony.live.asterisk_channels import NAMED_BY_PEER, Call, Channel
from resources.telephony.live.event import CallEvent, Kind, Snapshot
from resources.telephony.live.manager_messages import Message, happened_at

_PREFIXES: dict[str, tuple[str, ...]] = {
    "Newchannel": ("",),
    "Newstate": ("",),
    "NewCallerid": ("",),
    "NewConnectedLine": ("",),
    "NewExten": ("",),
    "DialBegin": ("", "dest"),
    "DialState": ("", "dest"),
    "DialEnd": ("", "dest"),
    "BridgeEnter": ("",),
    "BridgeLeave": ("",),
    "Hold": ("",),
    "Unhold": ("",),
    "LocalBridge": ("localone", "localtwo"),
    "BlindTransfer": ("transferer", "transferee"),
    "AttendedTransfer": ("origtransferer", "secondtransferer", "transferee", "transfertarget"),
    "Pickup": ("", "target"),
    "Hangup": ("",),
}
_RING, _RINGING, _UP = "4", "5", "6"
_DIALLED = re.compile(r"[+*#]?[0-9*#]{2,}", re.ASCII)
_NUMBER_IN_DIAL_STRING = re.compile(r"\+?\d{5,}", re.ASCII)
_OUTSIDE_DIGITS = 5
_ENDED_REMEMBERED = 10_000
_MOST_CHANNELS = 20_000


@dataclass(frozen=True, slots=True)
class _Moment:
    """One message, and the events it leads to."""

    message: Message
    received_at: datetime
    source_at: datetime | None
    events: list[CallEvent] = field(default_factory=list)


class AsteriskCalls:
    """Follows the channels of one server.

    Strange, doubled and late messages never raise: what cannot be read is passed over, and what was told is not told
    again.

    Args:
        internal_digits: longest number that is an extension.
    """

    def __init__(self, internal_digits: int = 4) -> None:
        self._internal = re.compile(rf"[A-Za-z]?(\d{{2,{internal_digits}}})", re.ASCII)
        self._channels: OrderedDict[str, Channel] = OrderedDict()
        self._calls: dict[str, Call] = {}
        self._bridges: dict[str, dict[str, Channel]] = {}
        self._locals: dict[str, dict[str, Channel]] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()

    @property
    def linkedids(self) -> frozenset[str]:
        """The calls that live now."""
        return frozenset(self._calls)

    def linkedids_of(self, message: Message) -> set[str]:
        """Return the calls a message is about, as it says itself."""
        prefixes = _PREFIXES.get(message.get("event", ""), ())
        return {linkedid for prefix in prefixes if (linkedid := message.get(f"{prefix}linkedid"))}

    def take(self, message: Message, received_at: datetime) -> list[CallEvent]:
        """Take a message in and tell what it means; messages of other kinds mean nothing."""
        name = message.get("event", "")
        prefixes = _PREFIXES.get(name)
        if prefixes is None:
            return []
        moment = _Moment(message, received_at, happened_at(message))
        is_known = message.get("uniqueid", "") in self._channels
        channels = {prefix: self._learn(prefix, moment) for prefix in prefixes}
        match name:
            case "DialBegin" | "DialState" | "DialEnd":
                self._dial(channels[""], channels["dest"], moment)
            case "BridgeEnter" | "BridgeLeave" if channel := channels[""]:
                is_holding = message.get("bridgetechnology") == "holding_bridge"
                self._move_to_bridge(
                    channel, message.get("bridgeuniqueid", "") if name == "BridgeEnter" and not is_holding else ""
                )
                self._look_for_talk(channel, moment)
            case "Hold" | "Unhold" if channel := channels[""]:
                self._hold(channel, name == "Hold", moment)
            case "BlindTransfer" if (channel := channels["transferer"]) and message.get("result") == "Success":
                self._tell(channel, Kind.TRANSFERRED, moment, to_number=message.get("extension") or None)
            case "AttendedTransfer" if (channel := channels["origtransferer"]) and message.get("result") == "Success":
                self._tell(channel, Kind.TRANSFERRED, moment, to_number=self._target_number(channels))
            case "Hangup" if channel := channels[""]:
                self._end(channel, moment, is_known=is_known)
        return moment.events

    def snapshot(self, channels: Iterable[Message], received_at: datetime) -> Snapshot:
        """Begin anew with the channels that live now: the `CoreShowChannel` events of one `CoreShowChannels`."""
        for kept in (self._channels, self._calls, self._bridges, self._locals, self._ended):
            kept.clear()
        events: list[CallEvent] = []
        for message in channels:
            moment = _Moment(message, received_at, None, events)
            if (channel := self._learn("", moment, is_listed=True)) and message.get("application") != "Park":
                self._move_to_bridge(channel, message.get("bridgeid", ""))
                self._look_for_talk(channel, moment)
        return Snapshot(
            events,
            linkedids=self.linkedids,
            leg_ids=frozenset(channel.uniqueid for channel in self._channels.values() if channel.is_party),
        )

    def _learn(self, prefix: str, moment: _Moment, *, is_listed: bool = False) -> Channel | None:
        """Take in what a message says of one channel; None where it says nothing of one that lives."""
        message, at = moment.message, moment.source_at
        uniqueid, name = message.get(f"{prefix}uniqueid", ""), message.get(f"{prefix}channel", "")
        state = message.get(f"{prefix}channelstate", "")
        if not uniqueid or not name or uniqueid in self._ended:
            return None
        linkedid = message.get(f"{prefix}linkedid") or uniqueid
        channel = self._channels.get(uniqueid)
        if channel is None:
            if is_listed and state == _UP:
                is_caller = not message.get("application", "").startswith(("AppDial", "AppQueue"))
            else:
                is_caller = state == _RING or (state == _UP and uniqueid == linkedid)
            channel = self._add(Channel(uniqueid, name, self._call(linkedid), is_caller))
        is_late = at is not None and channel.heard_at is not None and at < channel.heard_at
        if not is_late:
            channel.heard_at = at or channel.heard_at
            channel.number = _told(message.get(f"{prefix}calleridnum")) or channel.number
            channel.connected_number = _told(message.get(f"{prefix}connectedlinenum")) or channel.connected_number
            if _DIALLED.fullmatch(exten := message.get(f"{prefix}exten", "")):
                channel.exten = exten
                channel.first_exten = channel.first_exten or exten
            if linkedid != channel.call.linkedid:
                self._move_to_call(channel, linkedid, moment)
        if message.get("event") == "Hangup":
            return channel
        if state == _RING and not channel.is_told:
            channel.is_caller = True
        if channel.is_caller:
            if state in (_RING, _UP):
                self._tell(channel, Kind.RINGING, moment)
        elif state == _UP:
            self._tell(channel, Kind.ANSWERED, moment)
        elif state == _RINGING:
            self._tell(channel, Kind.RINGING, moment)
        return channel

    def _add(self, channel: Channel) -> Channel:
        self._channels[channel.uniqueid] = channel
        self._join(channel, channel.call)
        if local_name := channel.local_name:
            self._locals.setdefault(local_name, {})[channel.uniqueid] = channel
        if len(self._channels) > _MOST_CHANNELS:
            # No server has so many: their ends were lost.
            self._forget(next(iter(self._channels.values())))
        return channel

    def _call(self, linkedid: str) -> Call:
        return self._calls.setdefault(linkedid, Call(linkedid))

    @staticmethod
    def _join(channel: Channel, call: Call) -> None:
        channel.call = call
        call.channels[channel.uniqueid] = channel
        if channel.is_party and call.root is None:
            call.root = channel

    def _leave(self, channel: Channel) -> None:
        call = channel.call
        call.channels.pop(channel.uniqueid, None)
        if not call.channels:
            self._calls.pop(call.linkedid, None)

    def _move_to_call(self, channel: Channel, linkedid: str, moment: _Moment) -> None:
        self._leave(channel)
        self._join(channel, self._call(linkedid))
        if channel.is_told:
            self._emit(channel, Kind.ANSWERED if channel.is_answered else Kind.RINGING, moment)

    def _dial(self, source: Channel | None, called: Channel | None, moment: _Moment) -> None:
        if called is None:
            return
        status = moment.message.get("dialstatus", "")
        if not called.is_told:
            called.is_caller = False
        if not called.dialled:
            string = _NUMBER_IN_DIAL_STRING.search(moment.message.get("dialstring", ""))
            called.dialled = source.exten if source else string.group() if string else ""
        call = called.call
        if source and called.is_party and call.first_called is None and called is not call.root:
            call.first_called = called
        if status == "RINGING":
            self._tell(called, Kind.RINGING, moment)
        elif status == "ANSWER":
            self._tell(called, Kind.ANSWERED, moment)

    def _move_to_bridge(self, channel: Channel, bridge_id: str) -> None:
        if members := self._bridges.get(channel.bridge_id):
            members.pop(channel.uniqueid, None)
            if not members:
                del self._bridges[channel.bridge_id]
        channel.bridge_id = bridge_id
        if bridge_id:
            self._bridges.setdefault(bridge_id, {})[channel.uniqueid] = channel

    def _look_for_talk(self, channel: Channel, moment: _Moment) -> None:
        """Tell of everybody who is joined with `channel` that they are answered, if there are two or more."""
        if not channel.bridge_id:
            return
        joined = {channel.uniqueid: channel}
        waiting = [channel]
        while waiting:
            one = waiting.pop()
            for group in (self._bridges.get(one.bridge_id, {}), self._locals.get(one.local_name, {})):
                for uniqueid, other in group.items():
                    if uniqueid not in joined:
                        joined[uniqueid] = other
                        waiting.append(other)
        parties = [other for other in joined.values() if other.is_party]
        if len(parties) > 1:
            for party in parties:
                self._tell(party, Kind.ANSWERED, moment)

    def _hold(self, channel: Channel, is_held: bool, moment: _Moment) -> None:
        at = moment.source_at
        if is_held == channel.is_held or (at and channel.held_at and at < channel.held_at):
            return
        channel.is_held, channel.held_at = is_held, at
        self._tell(channel, Kind.HELD if is_held else Kind.RESUMED, moment)

    def _target_number(self, channels: dict[str, Channel | None]) -> str | None:
        """Return to whom an attended transfer went."""
        if target := channels["transfertarget"]:
            return self._extension_of(target) or target.number or None
        second = channels["secondtransferer"]
        return (second.connected_number or second.dialled or second.exten or None) if second else None

    def _end(self, channel: Channel, moment: _Moment, *, is_known: bool) -> None:
        call = channel.call
        is_last = len(call.channels) == 1
        if channel.is_told:
            self._emit(channel, Kind.ENDED, moment)
        elif not is_known and channel.is_party:
            # It began before we listened, or this message has overtaken the others.
            self._settle(channel)
            self._emit(channel, Kind.ENDED, moment)
        elif is_last and is_known and not call.has_told:
            self._settle(channel)
            self._emit(channel, Kind.RINGING, moment)
            self._emit(channel, Kind.ENDED, moment)
        self._forget(channel)

    def _forget(self, channel: Channel) -> None:
        self._move_to_bridge(channel, "")
        if halves := self._locals.get(channel.local_name):
            halves.pop(channel.uniqueid, None)
            if not halves:
                del self._locals[channel.local_name]
        self._leave(channel)
        self._channels.pop(channel.uniqueid, None)
        self._ended[channel.uniqueid] = None
        if len(self._ended) > _ENDED_REMEMBERED:
            self._ended.popitem(last=False)

    def _tell(self, channel: Channel, kind: Kind, moment: _Moment, *, to_number: str | None = None) -> None:
        """Tell what happened to a leg, unless it was told; that it rang comes before all else."""
        if not channel.is_party or (kind is Kind.RINGING and channel.is_told):
            return
        if kind is Kind.ANSWERED:
            if channel.is_answered:
                return
            channel.is_answered = True
        if not channel.is_told:
            self._settle(channel)
            self._emit(channel, Kind.RINGING, moment)
        if kind is not Kind.RINGING:
            self._emit(channel, kind, moment, to_number=to_number)

    def _settle(self, channel: Channel) -> None:
        """Decide whose telephone it is; what is told of a leg later must not say otherwise."""
        channel.extension = self._extension_of(channel)

    def _emit(self, channel: Channel, kind: Kind, moment: _Moment, *, to_number: str | None = None) -> None:
        call = channel.call
        self._judge(call)
        channel.is_told = call.has_told = True
        if channel.is_caller:
            src_number, dst_number = channel.number, channel.first_exten if call.direction == "in" else channel.exten
        else:
            src_number = channel.connected_number
            dst_number = channel.extension or channel.dialled or channel.number
        moment.events.append(
            CallEvent(
                kind=kind,
                linkedid=call.linkedid,
                leg_id=channel.uniqueid,
                received_at=moment.received_at,
                source_at=moment.source_at,
                extension=channel.extension,
                direction=call.direction,
                client_number=call.client_number,
                src_number=src_number or None,
                dst_number=dst_number or None,
                did=call.did,
                to_number=to_number,
                raw=dict(moment.message),
            )
        )

    def _judge(self, call: Call) -> None:
        """Work out direction, client and DID while the channel that began the call lives."""
        root = call.root
        if root is None or root.uniqueid not in call.channels:
            return
        if self._extension_of(root) is None:
            if root.is_caller:
                call.direction = "in"
                call.client_number = root.number if any(char.isdigit() for char in root.number) else None
                call.did = root.first_exten if _is_outside(root.first_exten) else None
            else:
                # Rung by the server itself, as in campaigns and callbacks.
                call.direction, call.client_number = "out", root.dialled or None
            return
        called = call.first_called
        dialled = (called.dialled if called else "") or root.exten
        if called and self._extension_of(called):
            call.direction, call.client_number = "internal", None
        elif _is_outside(dialled):
            call.direction, call.client_number = "out", dialled
        elif dialled:
            call.direction = "internal"

    def _extension_of(self, channel: Channel) -> str | None:
        if channel.extension:
            return channel.extension
        if channel.technology in NAMED_BY_PEER:
            peer = channel.name.partition("/")[2].rpartition("-")[0]
            if match := self._internal.fullmatch(peer):
                return match.group(1)
        match = self._internal.fullmatch(channel.number)
        return match.group(1) if match and channel.number.isdigit() else None


def _told(number: str | None) -> str:
    return number if number and number != "<unknown>" else ""


def _is_outside(number: str) -> bool:
    return sum(char.isdigit() for char in number) >= _OUTSIDE_DIGITS
