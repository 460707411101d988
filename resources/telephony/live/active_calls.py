"""Live calls of a MikoPBX by asking for its running calls again and again: all it takes is an API key.

Public source of the rules: MikoPBX core, `PbxStatus/GetActiveCallsAction.php`. The answer holds the table of running
calls without the ids of its rows: start, answer, endtime, src_num, dst_num, did, linkedid. What to know of it:

- the PBX's own queue waits two seconds for its worker and then answers an empty list. A list that is empty all at once
  is believed with the third such answer in a row, also at the beginning; until then nothing has happened;
- rows are known again by linkedid, start, both numbers, and their place among rows equal in these. When the PBX changes
  one of them (it gives the legs of a transferred call another linkedid) that leg ends and another one begins;
- MikoPBX takes 180 requests a minute from one address, those of the call history among them, and blocks it above that
  for minutes. Asking every two seconds takes 30 of them, and `ANSWERED` comes a second late on average;
- an attempt that begins and is over between two questions is told afterwards, whole, as long as its row still stands.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from resources.telephony.live.asking import Asking, LiveServer, PassingTroubleError, envelope_data
from resources.telephony.live.event import CallEvent, EventChannelError, Kind, Listening, Snapshot
from resources.telephony.live.mikopbx_states import LOOKS_UNTIL_BELIEVED, CallStates, RunningRow
from resources.telephony.live.moments import instant_of_wall

_log = logging.getLogger(__name__)

_ACTIVE_CALLS = "/pbxcore/api/v3/pbx-status:getActiveCalls"
_SILENCE_SECONDS = 5.0
_TROUBLES_IN_A_ROW = 3


class ActiveCallsChannel:
    """Asks `pbx-status:getActiveCalls` and tells what has changed.

    Each answer is the whole state, so one that fails loses no more than time: two failures in a row (silence, 5xx, an
    HTML page, a cut answer, `result: false`) are passed over, the third ends the listening. A refusal (401, 403, 404,
    429) ends it at once.

    Args:
        base_url: for example `https://pbx.example.com`.
        api_key: made in the PBX's web interface; needs read rights on `/api/v3/pbx-status`.
        timezone: IANA name of the zone of the PBX's clock.
        interval_seconds: from one question to the next; at least 0.1.
        internal_digits: longest number that is an extension.
        ca_file: a PEM file to trust, for a PBX with a self-signed certificate.
        verify_tls: whether an https certificate is checked at all.

    Raises:
        ValueError: an argument is out of range.
        zoneinfo.ZoneInfoNotFoundError: no such time zone.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timezone: str,
        interval_seconds: float = 2.0,
        internal_digits: int = 4,
        ca_file: str = "",
        verify_tls: bool = True,
    ) -> None:
        if interval_seconds < 0.1:
            raise ValueError(f"interval_seconds is {interval_seconds}; the least is 0.1")
        self._server = LiveServer(base_url, bearer=api_key, ca_file=ca_file, verify_tls=verify_tls)
        self._zone = ZoneInfo(timezone)
        self._interval_seconds = interval_seconds
        self._internal_digits = internal_digits

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[Listening]:
        """Take the snapshot and go on asking.

        Raises:
            EventChannelError: the PBX does not answer, or refuses.
        """
        async with self._server.connected() as asking:
            listening = _Polling(asking, self._zone, self._interval_seconds, self._internal_digits)
            await listening.begin()
            yield listening


class _Polling:
    """One listening."""

    snapshot: Snapshot | None = None

    def __init__(self, asking: Asking, zone: ZoneInfo, interval_seconds: float, internal_digits: int) -> None:
        self._asking = asking
        self._zone = zone
        self._interval_seconds = interval_seconds
        self._states = CallStates(internal_digits)
        self._asked_at_seconds = -interval_seconds
        self._has_calls = True  # not known yet: the first empty answer may be a wrong one
        self._empty_answers = 0
        self._troubles = 0

    async def begin(self) -> None:
        """Take the snapshot."""
        while (rows := await self._rows()) is None:
            pass
        events = self._states.look(rows, datetime.now(UTC))
        ended = {event.leg_id for event in events if event.kind is Kind.ENDED}
        alive = [event for event in events if event.leg_id not in ended]
        self.snapshot = Snapshot(
            alive,
            linkedids=frozenset(row.linkedid for row in rows if row.end_at is None),
            leg_ids=frozenset(event.leg_id for event in alive),
        )

    async def next(self) -> Sequence[CallEvent]:
        """Wait for the next answer and tell what it changed.

        Raises:
            EventChannelError: the PBX refuses, or has not answered as it should three times in a row.
        """
        try:
            rows = await self._rows()
        except PassingTroubleError as trouble:
            self._troubles += 1
            if self._troubles >= _TROUBLES_IN_A_ROW:
                raise EventChannelError(f"{trouble} ({self._troubles} times in a row)") from None
            _log.info("asking again: %s", trouble)
            return []
        self._troubles = 0
        return [] if rows is None else self._states.look(rows, datetime.now(UTC))

    async def _rows(self) -> list[RunningRow] | None:
        """Return the table, or None where it is empty and not believed."""
        wait_seconds = self._asked_at_seconds + self._interval_seconds - time.monotonic()
        if wait_seconds > 0:
            await asyncio.sleep(wait_seconds)
        self._asked_at_seconds = time.monotonic()
        rows, _ = await ask_rows(self._asking, self._zone)
        if rows:
            self._has_calls, self._empty_answers = True, 0
            return rows
        self._empty_answers += 1
        if self._has_calls and self._empty_answers < LOOKS_UNTIL_BELIEVED:
            return None
        self._has_calls = False
        return []


async def ask_rows(asking: Asking, zone: ZoneInfo) -> tuple[list[RunningRow], httpx.Response]:
    """Ask for the running calls once; an empty list may be the PBX's own time-out.

    Rows that cannot be read are left out and counted in the log.

    Raises:
        PassingTroubleError: no such answer came; the next one may be.
        EventChannelError: the PBX refuses.
    """
    response = await asking.get(_ACTIVE_CALLS, silence_seconds=_SILENCE_SECONDS)
    try:
        return _rows_of(response, zone), response
    except PassingTroubleError as trouble:
        raise PassingTroubleError(f"{_ACTIVE_CALLS}: {trouble}") from None


def _rows_of(response: httpx.Response, zone: ZoneInfo) -> list[RunningRow]:
    data = envelope_data(response)
    if not isinstance(data, list):
        raise PassingTroubleError("the envelope holds no list of calls")
    now_at = datetime.now(UTC)
    equals: Counter[tuple[str, ...]] = Counter()
    rows: list[RunningRow] = []
    for raw in data:
        with suppress(ValueError, LookupError, TypeError, AttributeError):
            rows.append(_row(raw, zone, now_at, equals))
    if len(rows) < len(data):
        _log.warning(
            "%d of %d running calls could not be read; is this firmware known?", len(data) - len(rows), len(data)
        )
        if not rows:
            raise PassingTroubleError("no row of the running calls could be read")
    return rows


def _row(raw: dict[str, Any], zone: ZoneInfo, now_at: datetime, equals: Counter[tuple[str, ...]]) -> RunningRow:
    def text(name: str) -> str:
        return str(raw.get(name) or "").strip()

    def instant(name: str) -> datetime | None:
        return instant_of_wall(text(name), zone, now_at) if text(name) else None

    what_identifies = (str(raw["linkedid"]), text("start"), text("src_num"), text("dst_num"))
    equals[what_identifies] += 1
    told = "\n".join((*what_identifies, str(equals[what_identifies])))
    return RunningRow(
        leg_id=hashlib.sha256(told.encode()).hexdigest()[:32],
        linkedid=what_identifies[0],
        start_at=instant_of_wall(text("start"), zone, now_at),
        answer_at=instant("answer"),
        end_at=instant("endtime"),
        src_number=text("src_num"),
        dst_number=text("dst_num"),
        did=text("did"),
        is_app=None,
        raw=raw,
    )
