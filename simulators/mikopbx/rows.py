"""Rows of MikoPBX's `cdr_general`: their columns, and how the legs of a call are written into them.

Public source of the rules: MikoPBX core, `CallDetailRecordsBase`, `WorkerCdr::setDisposition`. Times are
the PBX's wall clock as text, without a zone; durations are differences of those texts read back in the
PBX's zone, never below zero, so over the end of summer time they lose an hour, as the real ones do.
"""

from __future__ import annotations

import string
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

COLUMNS = (
    "start", "endtime", "answer", "src_chan", "src_num", "src_name", "dst_chan", "dst_num", "dst_name", "UNIQUEID",
    "linkedid", "did", "disposition", "recordingfile", "from_account", "to_account", "dialstatus", "appname",
    "transfer", "is_app", "duration", "billsec", "work_completed", "src_call_id", "dst_call_id", "verbose_call_id",
    "a_transfer", "rec_src_channel", "dtmf_digits",
)  # fmt: skip
"""Columns of `cdr_general` besides its id, the newest firmware's."""

INTEGERS = frozenset({"id", "duration", "billsec"})

RECORDINGS = "/storage/usbdisk1/mikopbx/astspool/monitor"

Row = dict[str, Any]

_MARKS = string.ascii_letters + string.digits
_HEX = "0123456789abcdef"


@dataclass(frozen=True)
class Line:
    """One end of a leg.

    Attributes:
        number: as the PBX shows it.
        channel: its Asterisk channel, or `Queue:…` or `App:…` for the PBX itself.
        account: the provider's id, for lines that come from or go to one.
        name: what is shown beside the number.
    """

    number: str
    channel: str
    account: str = ""
    name: str = ""

    @property
    def is_app(self) -> bool:
        """Whether the PBX itself answers: a voice menu, a queue, an announcement."""
        return self.channel.startswith(("App:", "Queue:"))


class CallRows:
    """Writes the legs of one call.

    Instants are seconds since 1970, written to the millisecond.

    Attributes:
        rows: the legs, in the order in which they began.
        linkedid: the call's id, that of its first channel.
        ended: when the last channel so far ended.
    """

    def __init__(self, begun: float, zone: ZoneInfo, chance: Random, serial: Iterator[int]) -> None:
        self.rows: list[Row] = []
        self.linkedid = f"mikopbx-{int(round(begun, 3))}.{next(serial)}"
        self.ended = begun
        self._zone = zone
        self._chance = chance
        self._serial = serial
        self._log_id = f"[C-{next(serial):08x}]"

    def extension(self, number: str, name: str = "") -> Line:
        """Return a telephone of the company on a channel of its own."""
        return Line(number, f"PJSIP/{number}-{next(self._serial):08x}", name=name)

    def trunk(self, number: str, account: str, name: str = "") -> Line:
        """Return an outer number, reached over a provider."""
        return Line(number, f"PJSIP/{account}-{next(self._serial):08x}", account, name)

    def leg(
        self,
        source: Line,
        target: Line,
        start: float,
        end: float,
        *,
        answer: float = 0,
        dialstatus: str = "",
        did: str = "",
        digits: str = "",
        is_consulting: bool = False,
    ) -> Row:
        """Write a leg; without `answer` nobody took it."""
        chance = self._chance
        start_text, start_read = self._wall(start)
        end_text, end_read = self._wall(end)
        answer_text, answer_read = self._wall(answer) if answer else ("", end_read)
        talk = max(end_read - answer_read, 0)
        unique_id = f"mikopbx-{int(round(start, 3))}.{next(self._serial)}_{''.join(chance.choices(_MARKS, k=6))}"
        is_recorded = talk > 0 and not target.is_app
        row = {
            "start": start_text,
            "endtime": end_text,
            "answer": answer_text,
            "src_chan": source.channel,
            "src_num": source.number,
            "src_name": source.name,
            "dst_chan": target.channel,
            "dst_num": target.number,
            "dst_name": target.name,
            "UNIQUEID": unique_id,
            "linkedid": self.linkedid,
            "did": did,
            "disposition": disposition(talk, dialstatus),
            "recordingfile": _recording(start_text, unique_id) if is_recorded else "",
            "from_account": source.account,
            "to_account": target.account,
            "dialstatus": dialstatus,
            "appname": "",
            "transfer": "0",
            "is_app": "1" if target.is_app else "",
            "duration": max(end_read - start_read, 0),
            "billsec": talk,
            "work_completed": "1",
            "src_call_id": "".join(chance.choices(_HEX, k=16)),
            "dst_call_id": "" if target.is_app else "".join(chance.choices(_HEX, k=16)),
            "verbose_call_id": self._log_id,
            "a_transfer": "1" if is_consulting else "",
            "rec_src_channel": "1" if is_recorded and source.account else "0" if is_recorded else "",
            "dtmf_digits": digits,
        }
        self.rows.append(row)
        self.ended = max(self.ended, end)
        return row

    def _wall(self, instant: float) -> tuple[str, int]:
        """Return the wall clock's text, and the whole second that is read back from it."""
        instant = round(instant, 3)
        moment = datetime.fromtimestamp(instant, self._zone)
        text = moment.isoformat(" ", "milliseconds")[:23]
        return text, int(moment.replace(fold=0).timestamp()) if moment.fold else int(instant)


def disposition(talk_seconds: int, dialstatus: str) -> str:
    """Say how a leg ended: talk time decides, else the dial status stands, whatever it is."""
    if talk_seconds > 0:
        return "ANSWERED"
    return dialstatus if dialstatus and dialstatus != "ANSWERED" else "NOANSWER"


def _recording(start: str, unique_id: str) -> str:
    return f"{RECORDINGS}/{start[:4]}/{start[5:7]}/{start[8:10]}/{start[11:13]}/{unique_id}.mp3"
