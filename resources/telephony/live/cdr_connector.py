"""MikoPBX's own words for its calls: the user event `CdrConnector` of its Asterisk's manager.

Public sources of the rules: MikoPBX core, `extensions.lua`, `AsteriskManager.php`, `UpdateDataInDB.php`. The event's
`AgiData` is JSON in base64, long ones packed (`GZ:`); `action` says what happened to which row of the call history to
be. What is a leg here is the same as where a MikoPBX's running calls are asked for:

- a row is one attempt to reach somebody, and its UNIQUEID the leg's id, as in the history. The leg is the telephone of
  the called extension, else of the calling one; the calling telephone of an internal row has no row of its own;
- the outside party is one leg for each call, `<linkedid>/outside`;
- rows of menus and queues are no legs, and their being answered is no answer of a person.

A row is final (`hangup_update_cdr`) only when no channel of its whole call lives any more.
"""

from __future__ import annotations

import base64
import json
import logging
import re
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from resources.telephony.live.event import CallEvent, Direction, Kind
from resources.telephony.live.manager_messages import Message, happened_at
from resources.telephony.live.moments import instant_of_wall

_log = logging.getLogger(__name__)

_MAX_PACKED_CHARACTERS = 1 << 18
_MAX_UNPACKED_BYTES = 1 << 18
_ZLIB_OR_GZIP = 47
_CALLS_REMEMBERED = 2_000
_ROWS_REMEMBERED = 500

_BEGINS = frozenset({"dial", "transfer_dial", "dial_create_chan", "transfer_dial_create_chan"})
_ANSWERS = frozenset({"dial_answer", "transfer_dial_answer", "answer_pickup_create_cdr", "sip_transfer"})
_ENDS = frozenset({"dial_end", "transfer_dial_hangup"})
_APPS = frozenset({"dial_app", "queue_start", "queue_answer", "queue_end"})
_TIMES = ("end", "endtime", "answer", "event_time", "start")


class CdrConnectorError(ValueError):
    """The data of an event cannot be read. The text says why, without repeating it."""


def is_cdr_connector(message: Message) -> bool:
    """Tell whether a manager's message is such an event."""
    return message.get("event") == "UserEvent" and message.get("userevent", "").lower() == "cdrconnector"


def unpacked(agi_data: str) -> Mapping[str, Any]:
    """Return the JSON object that `AgiData` holds.

    Raises:
        CdrConnectorError: it holds none, or a suspiciously big one.
    """
    if len(agi_data) > _MAX_PACKED_CHARACTERS:
        raise CdrConnectorError("longer than any row of a call history")
    try:
        data = base64.b64decode(agi_data.removeprefix("GZ:"), validate=True)
        if agi_data.startswith("GZ:"):
            unpacking = zlib.decompressobj(_ZLIB_OR_GZIP)
            data = unpacking.decompress(data, _MAX_UNPACKED_BYTES)
            if not unpacking.eof:
                raise CdrConnectorError("packed data that are cut, or too big once unpacked")
        row = json.loads(data.decode("utf-8", "replace"))
    except (ValueError, zlib.error, RecursionError) as error:
        if isinstance(error, CdrConnectorError):
            raise
        raise CdrConnectorError("not JSON in base64, packed or not") from None
    if not isinstance(row, dict):
        raise CdrConnectorError("JSON, but not an object")
    return row


@dataclass(slots=True)
class _Row:
    """A row of the history to be, and what was told of its leg."""

    leg_id: str
    src_number: str = ""
    dst_number: str = ""
    src_channel: str = ""
    dst_channel: str = ""
    is_app: bool = False
    is_transfer: bool = False
    is_rung: bool = False
    is_answered: bool = False
    is_ended: bool = False


@dataclass(slots=True)
class _Call:
    """What is known of a call; its first row decides the direction. `outside` is its outside party's leg."""

    linkedid: str
    outside: _Row
    direction: Direction | None = None
    client_number: str | None = None
    did: str | None = None
    rows: OrderedDict[str, _Row] = field(default_factory=OrderedDict)


@dataclass(frozen=True, slots=True)
class _Told:
    """One message unpacked, and the events it leads to."""

    data: Mapping[str, Any]
    received_at: datetime
    source_at: datetime | None
    events: list[CallEvent] = field(default_factory=list)

    def text(self, *keys: str) -> str:
        """Return the first of these fields that says something."""
        for key in keys:
            value = self.data.get(key)
            if isinstance(value, str | int) and not isinstance(value, bool) and str(value):
                return str(value)
        return ""


class CdrConnectorCalls:
    """Follows the rows of one MikoPBX. Doubled, late and strange messages never raise.

    Args:
        internal_digits: longest number that is an extension.
        zone: of the PBX's clock, for servers that put no time to their events; None leaves times unknown there.
    """

    def __init__(self, internal_digits: int = 4, zone: ZoneInfo | None = None) -> None:
        self._internal = re.compile(rf"\d{{2,{internal_digits}}}", re.ASCII)
        self._zone = zone
        self._calls: OrderedDict[str, _Call] = OrderedDict()
        self.unreadable = 0
        """How many events could not be read."""

    def take(self, message: Message, received_at: datetime) -> list[CallEvent]:
        """Take a message in and tell what it means; others than `CdrConnector` mean nothing."""
        if not is_cdr_connector(message):
            return []
        try:
            data = unpacked(message.get("agidata", ""))
        except CdrConnectorError as error:
            self.unreadable += 1
            _log.warning("An event CdrConnector cannot be read (the %d. one): %s", self.unreadable, error)
            return []
        told = _Told(data, received_at, happened_at(message) or self._wall(data, received_at))
        action, linkedid = told.text("action"), told.text("linkedid")
        if linkedid and not told.text("action_extra").startswith("originate"):
            self._take(action, self._call(linkedid), told)
        return told.events

    def _take(self, action: str, call: _Call, told: _Told) -> None:
        row_id = told.text("id", "UNIQUEID") if action in _ANSWERS else told.text("UNIQUEID", "id")
        if action == "hangup_chan":
            self._hang_up(call, row_id, told)
            return
        if not row_id or action not in _BEGINS | _ANSWERS | _ENDS | _APPS | {"hangup_update_cdr"}:
            return
        row = self._row(call, row_id, told)
        row.is_app = row.is_app or action in _APPS or told.text("is_app") == "1"
        row.is_transfer = row.is_transfer or action.startswith("transfer_")
        if action in _BEGINS | _APPS:
            self._tell(call, row, Kind.RINGING, told)
        elif action in _ANSWERS:
            if old := call.rows.get(told.text("old_id")):
                self._tell(call, old, Kind.ENDED, told)
            self._tell(call, row, Kind.ANSWERED, told)
        else:
            self._tell(call, row, Kind.ENDED, told)
            self._end_outside(call, told, is_final=action == "hangup_update_cdr")

    def _hang_up(self, call: _Call, row_id: str, told: _Told) -> None:
        """End what a channel's end ends: its own row, the rows it called in, the outside party if it was theirs."""
        channel = told.text("agi_channel")
        for row in call.rows.values():
            # Who hands a call over leaves, and the row goes on.
            channels = {row.dst_channel} if row.is_transfer else {row.src_channel, row.dst_channel}
            if row.leg_id == row_id or (channel and channel in channels):
                self._tell(call, row, Kind.ENDED, told)
        self._end_outside(call, told, is_final=bool(channel) and channel == call.outside.src_channel)

    def _end_outside(self, call: _Call, told: _Told, *, is_final: bool) -> None:
        # A caller may wait between two rows; somebody who was called is gone with the last one.
        is_alone = call.direction == "out" and all(row.is_ended for row in call.rows.values())
        if call.direction in ("in", "out") and (is_final or is_alone):
            self._end(call, call.outside, None, told)

    def _call(self, linkedid: str) -> _Call:
        call = self._calls.setdefault(linkedid, _Call(linkedid, _Row(f"{linkedid}/outside")))
        self._calls.move_to_end(linkedid)
        if len(self._calls) > _CALLS_REMEMBERED:
            self._calls.popitem(last=False)
        return call

    def _row(self, call: _Call, row_id: str, told: _Told) -> _Row:
        row = call.rows.setdefault(row_id, _Row(row_id))
        if len(call.rows) > _ROWS_REMEMBERED:
            call.rows.popitem(last=False)
        row.src_number = row.src_number or told.text("src_num")
        row.dst_number = row.dst_number or told.text("dst_num")
        row.src_channel = row.src_channel or told.text("src_chan") or ("" if row.is_rung else told.text("agi_channel"))
        row.dst_channel = row.dst_channel or told.text("dst_chan")
        call.did = call.did or told.text("did") or None
        if call.direction is None and row.src_number:
            self._judge(call, row, is_to_app=told.text("action") in _APPS or told.text("is_app") == "1")
        if call.direction == "out" and not call.outside.src_channel and row.dst_channel:
            call.outside.src_channel = row.dst_channel
        return row

    def _judge(self, call: _Call, row: _Row, *, is_to_app: bool) -> None:
        if not self._is_internal(row.src_number):
            call.direction = "in"
            call.client_number = row.src_number if any(char.isdigit() for char in row.src_number) else None
            call.outside.src_channel = row.src_channel
        elif is_to_app or self._is_internal(row.dst_number):
            call.direction = "internal"
        elif row.dst_number:
            call.direction, call.client_number = "out", row.dst_number
        call.outside.src_number, call.outside.dst_number = row.src_number, call.did or row.dst_number

    def _tell(self, call: _Call, row: _Row, kind: Kind, told: _Told) -> None:
        """Tell what happened to a row's leg and, with it, to the outside party."""
        extension = next((number for number in (row.dst_number, row.src_number) if self._is_internal(number)), None)
        if kind is Kind.ENDED:
            if not row.is_app:
                self._end(call, row, extension, told)
            return
        legs: list[tuple[_Row, str | None]] = [] if row.is_app or not extension else [(row, extension)]
        if call.direction in ("in", "out"):
            legs.insert(0, (call.outside, None))
        for leg, whose in legs:
            if not leg.is_rung and not leg.is_ended:
                leg.is_rung = True
                self._emit(call, leg, Kind.RINGING, whose, told)
            if kind is Kind.ANSWERED and not row.is_app and not leg.is_answered and not leg.is_ended:
                leg.is_answered = True
                self._emit(call, leg, Kind.ANSWERED, whose, told)

    def _end(self, call: _Call, leg: _Row, extension: str | None, told: _Told) -> None:
        if not leg.is_ended:
            leg.is_ended = True
            self._emit(call, leg, Kind.ENDED, extension, told)

    @staticmethod
    def _emit(call: _Call, leg: _Row, kind: Kind, extension: str | None, told: _Told) -> None:
        told.events.append(
            CallEvent(
                kind=kind,
                linkedid=call.linkedid,
                leg_id=leg.leg_id,
                received_at=told.received_at,
                source_at=told.source_at,
                extension=extension,
                direction=call.direction,
                client_number=call.client_number,
                src_number=leg.src_number or None,
                dst_number=leg.dst_number or None,
                did=call.did,
                raw=told.data,
            )
        )

    def _is_internal(self, number: str) -> bool:
        return self._internal.fullmatch(number) is not None

    def _wall(self, data: Mapping[str, Any], received_at: datetime) -> datetime | None:
        shown = next((value for key in _TIMES if isinstance(value := data.get(key), str) and value), "")
        if self._zone is None or not shown:
            return None
        try:
            return instant_of_wall(shown, self._zone, received_at)
        except ValueError:
            return None
