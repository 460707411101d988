"""MikoPBX's own events of calls: `UserEvent: CdrConnector` with JSON in base64, or `GZ:` and gzip when it is long."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import random
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from simulators.asterisk.core import Core
from simulators.asterisk.legs import Leg

LONGEST_PLAIN = 900
"""Longer data would not fit a line of AMI, so it is packed."""
NOT_IN_UPDATE = {"src_chan", "dst_chan", "from_account", "to_account", "transfer", "agi_channel"}


@dataclass
class Connector:
    """Tells calls as MikoPBX's dialplan and workers do.

    Attributes:
        core: the stream of events.
        is_on: whether it tells anything.
        timezone: in which it writes times, which carry no zone.
        finalise_seconds: after the call's end, until its rows are in the history (`hangup_update_cdr`).
        trunk: the line to the outside, as an account.
        chance: ends of leg ids.
        rows: of legs whose call is not finalised, by their channel's uniqueid.
    """

    core: Core
    is_on: bool
    timezone: str
    finalise_seconds: float
    trunk: str
    chance: random.Random
    rows: dict[str, dict[str, str]] = field(default_factory=dict)
    _calling: dict[str, Leg] = field(default_factory=dict)

    def dial(self, caller: Leg, leg: Leg, dialled: str, did: str, *, is_transfer: bool) -> None:
        """Tell that a telephone is called."""
        if not self.is_on:
            return
        ending = "".join(self.chance.choices(string.ascii_letters + string.digits, k=6))
        is_incoming = caller.peer == self.trunk
        row = {
            "start": self._now(),
            "src_chan": caller.channel,
            "src_num": caller.number,
            "src_name": "" if caller.name.startswith("<") else caller.name,
            "dst_num": dialled,
            "linkedid": caller.linkedid,
            "UNIQUEID": f"{leg.uniqueid}_{ending}",
            "transfer": "1" if is_transfer else "0",
            "agi_channel": caller.channel,
            "did": did,
            "from_account": self.trunk if is_incoming else "",
            "verbose_call_id": f"[C-{self.chance.getrandbits(16):08x}]",
            "src_call_id": f"{self.chance.getrandbits(64):016x}",
        }
        self.rows[leg.uniqueid], self._calling[leg.uniqueid] = row, caller
        self._tell(f"{_prefix(row)}dial", row, caller)

    def created(self, leg: Leg) -> None:
        """Tell by which channel it is called."""
        if row := self.rows.get(leg.uniqueid):
            row["dst_chan"] = leg.channel
            row["to_account"] = self.trunk if leg.peer == self.trunk else ""
            row["dst_call_id"] = f"{self.chance.getrandbits(64):016x}"
            told = {"event_time": self._now()} | _some(row, "UNIQUEID", "dst_chan", "linkedid", "to_account",
                                                       "dst_call_id")  # fmt: skip
            self._tell(f"{_prefix(row)}dial_create_chan", told, leg)

    def answered(self, caller: Leg, leg: Leg) -> None:
        """Tell that it answered."""
        if row := self.rows.get(leg.uniqueid):
            row["answer"], row["dialstatus"] = self._now(), "ANSWER"
            day = row["start"][:13].replace("-", "/").replace(" ", "/")
            row["recordingfile"] = f"/storage/usbdisk1/mikopbx/astspool/monitor/{day}/{row['UNIQUEID']}.webm"
            told = _some(row, "answer", "dst_num", "linkedid", "recordingfile", "agi_channel")
            told |= {"id": row["UNIQUEID"], "BRIDGEPEER": caller.channel, "ENDCALLONANSWER": "1"}
            self._tell(f"{_prefix(row)}dial_answer", told, caller)

    def ended(self, leg: Leg, dial_status: str) -> None:
        """Tell that a called channel ended."""
        if row := self.rows.get(leg.uniqueid):
            row["endtime"] = self._now()
            row.setdefault("dialstatus", dial_status)
            action = "transfer_dial_hangup" if row["transfer"] == "1" else "dial_end"
            self._tell(action, _some(row, "endtime", "UNIQUEID", "src_chan", "linkedid"), self._calling[leg.uniqueid])
            self._hung_up(leg, row)

    def caller_ended(self, caller: Leg) -> None:
        """Tell that a calling channel ended."""
        for row in [row for row in self.rows.values() if row["src_chan"] == caller.channel][-1:]:
            self._hung_up(caller, row)

    def _hung_up(self, leg: Leg, row: Mapping[str, str]) -> None:
        told = {"end": self._now(), "agi_channel": leg.channel}
        told |= _some(row, "src_num", "did", "linkedid", "UNIQUEID", "dialstatus", "verbose_call_id")
        self._tell("hangup_chan", told, leg)

    def finalise(self, linkedid: str) -> None:
        """Tell, a few seconds later, that a call's rows are in the history."""
        rows = [self.rows.pop(key) for key, row in list(self.rows.items()) if row["linkedid"] == linkedid]
        if rows:
            asyncio.get_running_loop().call_later(self.finalise_seconds, self._finalise, rows)

    def _finalise(self, rows: list[dict[str, str]]) -> None:
        status = "ANSWERED" if any("answer" in row for row in rows) else "NOANSWER"
        for row in rows:
            billed = _seconds(row["answer"], row["endtime"]) if "answer" in row else 0
            result = {
                "duration": str(_seconds(row["start"], row["endtime"])),
                "billsec": str(billed),
                "disposition": "ANSWERED" if billed else row["dialstatus"],
                "GLOBAL_STATUS": status,
            }
            told = {key: value for key, value in row.items() if key not in NOT_IN_UPDATE}
            # A worker tells this one, so that it has no channel.
            self._tell("hangup_update_cdr", told | result, None)

    def _tell(self, action: str, fields: Mapping[str, str], leg: Leg | None) -> None:
        given = {key: value for key, value in fields.items() if value}
        told = json.dumps({"action": action} | given, ensure_ascii=False).encode()
        data = base64.b64encode(told).decode()
        if len(data) > LONGEST_PLAIN:
            data = "GZ:" + base64.b64encode(gzip.compress(told)).decode()
        lines = leg.fields() if leg else {}
        self.core.event("UserEvent", lines | {"UserEvent": "CdrConnector", "AgiData": data}, "user,all")

    def _now(self) -> str:
        now = datetime.now(UTC).astimezone(ZoneInfo(self.timezone))
        return now.strftime("%Y-%m-%d %H:%M:%S.") + f"{now.microsecond // 1000:03}"


def _prefix(row: Mapping[str, str]) -> str:
    return "transfer_" if row["transfer"] == "1" else ""


def _some(row: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: row.get(name, "") for name in names}


def _seconds(start: str, end: str) -> int:
    return max(0, int((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()))
