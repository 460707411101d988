"""From the table of a MikoPBX's running calls, seen again and again, to events.

Public sources of the rules: MikoPBX core, `CallDetailRecordsTmp` and `GetActiveCallsAction`. A row is one attempt to
connect a caller with somebody. It stays for seconds after its end, until the last channel of its call has ended. What
is a leg here:

- an employee's telephone: a row's called extension, else its calling one. The calling telephone of an internal row has
  no leg of its own, for the row has one id only;
- the outside party: one leg for each call, from the first row to the last. It is over when the call's rows are gone, or
  when three looks in a row show none that is still running: between a menu and the telephone that rings next, all rows
  may have ended for a moment, and a leg never comes back;
- rows of menus and queues are no legs, and their being answered is no answer of a person.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from resources.telephony.live.event import CallEvent, Direction, Kind

LOOKS_UNTIL_BELIEVED = 3
"""How many looks in a row must show that something is over, where one look may be wrong."""


@dataclass(frozen=True)
class RunningRow:
    """One row of the table of running calls.

    Attributes:
        leg_id: the row's own id.
        linkedid: its call.
        start_at: when it began.
        answer_at: when it was answered, by whomever; None before.
        end_at: when it ended; None before.
        src_number: as the PBX writes it; may be empty or a word.
        dst_number: likewise.
        did: our number that was called, or empty.
        is_app: whether a menu or queue is called; None where the PBX does not say.
        raw: the row in the PBX's words.
    """

    leg_id: str
    linkedid: str
    start_at: datetime
    answer_at: datetime | None
    end_at: datetime | None
    src_number: str
    dst_number: str
    did: str
    is_app: bool | None
    raw: Mapping[str, Any]


@dataclass
class _Leg:
    """A leg that was told of; `ringing` is its first event as it would be told now, the pattern for its others."""

    ringing: CallEvent
    is_answered: bool = False
    is_ended: bool = False
    looks_left: int = 1
    """How many looks it may be missing from before it has ended."""


@dataclass
class _Call:
    """What is known of a call; its first row decides the direction."""

    direction: Direction
    outside_number: str
    did: str
    quiet_looks: int = 0


class CallStates:
    """Remembers what was told, and tells what is new.

    Args:
        internal_digits: longest number that is an extension.
    """

    def __init__(self, internal_digits: int) -> None:
        self._extension = re.compile(rf"[A-Za-z]?\d{{2,{internal_digits}}}")
        self._legs: dict[str, _Leg] = {}
        self._calls: dict[str, _Call] = {}

    def look(self, rows: Iterable[RunningRow], received_at: datetime) -> list[CallEvent]:
        """Take the whole table in; rows that are no longer there have ended."""
        by_call = _by_call(rows)
        events: list[CallEvent] = []
        seen: set[str] = set()
        for linkedid, call_rows in by_call.items():
            seen |= self._take(linkedid, call_rows, received_at, events)
        for leg_id, leg in list(self._legs.items()):
            if leg_id not in seen:
                leg.looks_left -= 1
                if leg.looks_left <= 0:
                    self._end(leg, None, received_at, events)
                    del self._legs[leg_id]
        self._calls = {linkedid: call for linkedid, call in self._calls.items() if linkedid in by_call}
        return events

    def add(self, row: RunningRow, received_at: datetime) -> list[CallEvent]:
        """Take one row in that was told by itself, perhaps before the table shows it."""
        events: list[CallEvent] = []
        for leg_id in self._take(row.linkedid, [row], received_at, events):
            # The next table may have been read before this row was written.
            self._legs[leg_id].looks_left = 2
        return events

    def _take(self, linkedid: str, rows: list[RunningRow], received_at: datetime, events: list[CallEvent]) -> set[str]:
        """Tell what is new of one call; return its legs' ids."""
        rows = sorted(rows, key=lambda row: row.start_at)
        call = self._call(linkedid, rows)
        seen: set[str] = set()
        outside_number = call.outside_number if any(char.isdigit() for char in call.outside_number) else None
        if call.direction != "internal":
            first = rows[0]
            ringing = CallEvent(
                kind=Kind.RINGING,
                linkedid=linkedid,
                leg_id=f"{linkedid}/outside",
                received_at=received_at,
                source_at=first.start_at,
                direction=call.direction,
                client_number=outside_number,
                src_number=first.src_number or None,
                dst_number=(call.did if call.direction == "in" else "") or first.dst_number or None,
                did=call.did or None,
                raw=first.raw,
            )
            answers = [row.answer_at for row in rows if row.answer_at and not self._is_app(row)]
            is_quiet = all(row.end_at for row in rows)
            call.quiet_looks = call.quiet_looks + 1 if is_quiet else 0
            ends = [row.end_at for row in rows if row.end_at] if call.quiet_looks >= LOOKS_UNTIL_BELIEVED else []
            self._tell(ringing, min(answers, default=None), max(ends, default=None), events)
            seen.add(ringing.leg_id)
        for row in rows:
            if extension := self._extension_of(row):
                ringing = CallEvent(
                    kind=Kind.RINGING,
                    linkedid=linkedid,
                    leg_id=row.leg_id,
                    received_at=received_at,
                    source_at=row.start_at,
                    extension=extension,
                    direction=call.direction,
                    client_number=outside_number,
                    src_number=row.src_number or None,
                    dst_number=row.dst_number or None,
                    did=row.did or call.did or None,
                    raw=row.raw,
                )
                self._tell(ringing, row.answer_at, row.end_at, events)
                seen.add(row.leg_id)
        return seen

    def _call(self, linkedid: str, rows: list[RunningRow]) -> _Call:
        if linkedid not in self._calls:
            first = rows[0]
            is_from_inside = self._is_extension(first.src_number)
            is_to_inside = self._is_extension(first.dst_number) or first.is_app is True
            direction: Direction = "in" if not is_from_inside else "internal" if is_to_inside else "out"
            number = {"in": first.src_number, "out": first.dst_number}.get(direction, "")
            self._calls[linkedid] = _Call(direction, number, first.did)
        call = self._calls[linkedid]
        call.did = call.did or next((row.did for row in rows if row.did), "")
        return call

    def _tell(
        self, ringing: CallEvent, answer_at: datetime | None, end_at: datetime | None, events: list[CallEvent]
    ) -> None:
        leg = self._legs.get(ringing.leg_id)
        if leg is None:
            leg = self._legs[ringing.leg_id] = _Leg(ringing)
            events.append(ringing)
        leg.ringing = ringing  # its call may have got another linkedid
        leg.looks_left = 1
        if answer_at and not leg.is_answered:
            leg.is_answered = True
            events.append(replace(ringing, kind=Kind.ANSWERED, source_at=answer_at))
        if end_at:
            self._end(leg, end_at, ringing.received_at, events)

    @staticmethod
    def _end(leg: _Leg, end_at: datetime | None, received_at: datetime, events: list[CallEvent]) -> None:
        if not leg.is_ended:
            leg.is_ended = True
            events.append(replace(leg.ringing, kind=Kind.ENDED, source_at=end_at, received_at=received_at))

    def _extension_of(self, row: RunningRow) -> str | None:
        if self._is_app(row):
            return None
        return next((number for number in (row.dst_number, row.src_number) if self._is_extension(number)), None)

    def _is_app(self, row: RunningRow) -> bool:
        """Tell whether a menu or queue is called: by the PBX's word, else because nobody of ours takes part."""
        if row.is_app is not None:
            return row.is_app
        has_employee = self._is_extension(row.src_number) or self._is_extension(row.dst_number)
        return not has_employee or not any(char.isdigit() for char in row.dst_number)

    def _is_extension(self, number: str) -> bool:
        return self._extension.fullmatch(number) is not None


def _by_call(rows: Iterable[RunningRow]) -> dict[str, list[RunningRow]]:
    calls: defaultdict[str, list[RunningRow]] = defaultdict(list)
    for row in rows:
        calls[row.linkedid].append(row)
    return calls
