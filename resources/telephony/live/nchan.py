"""Live calls of a MikoPBX whose amoCRM module publishes them: long-polling of nchan's channel `pbx-events`.

Public sources of the rules: MikoPBX core (`nginx/mikopbx/locations/longpool.conf`), nchan, and ModuleAmoCrm
(`WorkerAmoCrmAMI`, `AmoCdrDaemon`). MikoPBX itself publishes no calls. What to know of it:

- each answer is one message; its Last-Modified and Etag, sent back, ask for the one that follows it;
- fifty messages are kept, for ten seconds. Who was away for longer has missed some and is not told, so a longer gap
  between two connections of ours ends the listening, and so does falling behind by nearly as much;
- `CDRs` is the whole table of running calls, published within a second of each change, so its differences are the
  events. `call` tells of a ringing earlier. Everything else on the channel (`USERS`, `answer`, `hangup`, …) says
  nothing that the next `CDRs` does not;
- the module gives a leg that it made up itself after a transfer an MD5 as its id. No table shows it: it is passed over;
- each message costs one of the 180 requests a minute that MikoPBX takes from one address, so they are paced.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from resources.telephony.live.active_calls import ask_rows
from resources.telephony.live.asking import Asking, LiveServer, PassingTroubleError, SilenceError
from resources.telephony.live.event import CallEvent, EventChannelError, Listening, Snapshot
from resources.telephony.live.mikopbx_states import LOOKS_UNTIL_BELIEVED, CallStates, RunningRow
from resources.telephony.live.moments import instant_of

_log = logging.getLogger(__name__)

_CHANNEL = "/pbxcore/api/nchan/sub/pbx-events"
_HOLD_SECONDS = 5.0
"""How long one question waits: so short that a connection that died unseen is replaced while messages are kept."""
_KEPT_SECONDS = 10.0
_LAG_SECONDS = 8
_LEAST_INTERVAL_SECONDS = 0.5
_BURST = 10
_WAIT_AFTER_TROUBLE_SECONDS = 0.5
_WAIT_AFTER_EMPTINESS_SECONDS = 1.0
_MADE_UP_ID = re.compile(r"[0-9a-f]{32}")


class NchanChannel:
    """Subscribes to `pbx-events`.

    With an API key the PBX is asked for its running calls first, and every message since that moment is asked for. The
    snapshot then names the live calls only: their legs have other ids there, and the first `CDRs` brings them. Without
    a key there is no snapshot, and nothing is known before the first message.

    Args:
        base_url: for example `https://pbx.example.com`.
        token: what the channel asks for; it stands in no log and no message.
        api_key: for the snapshot; empty for none.
        internal_digits: longest number that is an extension.
        ca_file: a PEM file to trust, for a PBX with a self-signed certificate.
        verify_tls: whether an https certificate is checked at all.

    Raises:
        ValueError: an argument cannot be used.
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        api_key: str = "",
        internal_digits: int = 4,
        ca_file: str = "",
        verify_tls: bool = True,
    ) -> None:
        if not token.strip():
            raise ValueError("the channel pbx-events needs a token")
        self._channel = LiveServer(base_url, token=token, ca_file=ca_file, verify_tls=verify_tls)
        self._rest = LiveServer(base_url, bearer=api_key, ca_file=ca_file, verify_tls=verify_tls) if api_key else None
        self._internal_digits = internal_digits

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[Listening]:
        """Take the snapshot where there is a key, and subscribe.

        Raises:
            EventChannelError: the PBX does not answer, or refuses.
        """
        snapshot: Snapshot | None = None
        position: dict[str, str] = {}
        if self._rest:
            async with self._rest.connected() as asking:
                snapshot, position = await self._begin(asking)
        async with self._channel.connected() as asking:
            yield _Subscription(asking, snapshot, position, self._internal_digits)

    async def _begin(self, asking: Asking) -> tuple[Snapshot, dict[str, str]]:
        """Return what lives now, and the place in the channel of this moment."""
        for look in range(LOOKS_UNTIL_BELIEVED):
            if look:
                await asyncio.sleep(_WAIT_AFTER_EMPTINESS_SECONDS)
            # Of the rows only their calls are used, and whether they have ended: the zone does not matter.
            rows, response = await ask_rows(asking, ZoneInfo("UTC"))
            if rows:
                break
        snapshot = Snapshot([], linkedids=frozenset(row.linkedid for row in rows if row.end_at is None))
        answered_at = _moment(response.headers.get("Date", ""))
        if answered_at is None:
            return snapshot, {}
        since_at = answered_at - timedelta(seconds=1)
        return snapshot, {"If-Modified-Since": format_datetime(since_at, usegmt=True), "If-None-Match": "0"}


class _Subscription:
    """One listening."""

    def __init__(
        self,
        asking: Asking,
        snapshot: Snapshot | None,
        position: dict[str, str],
        internal_digits: int,
    ) -> None:
        self.snapshot = snapshot
        self._asking = asking
        self._position = position
        self._states = CallStates(internal_digits)
        self._reached_at_seconds = time.monotonic()
        self._is_late = False
        self._burst_left = float(_BURST)
        self._asked_at_seconds = time.monotonic()

    async def next(self) -> Sequence[CallEvent]:
        """Wait up to five seconds for a message and tell what it changed.

        Raises:
            EventChannelError: the PBX refuses, or messages may have been missed.
        """
        self._refuse_gap(time.monotonic())
        await self._pace()
        try:
            response = await self._asking.get(
                _CHANNEL, silence_seconds=_HOLD_SECONDS, headers=self._position, trace=self._see
            )
        except SilenceError:
            response = None
        except PassingTroubleError as trouble:
            self._refuse_gap(time.monotonic(), trouble)
            _log.info("asking again: %s", trouble)
            await asyncio.sleep(_WAIT_AFTER_TROUBLE_SECONDS)
            return []
        if self._is_late:
            raise self._gap()
        if response is None:
            return []
        self._reached_at_seconds = time.monotonic()
        return self._events_of(response) if response.status_code == 200 else []

    async def _see(self, step: str, _info: Mapping[str, Any]) -> None:
        """Note that the PBX was reached; an old connection that is used again proves nothing."""
        if step == "connection.connect_tcp.complete":
            now_seconds = time.monotonic()
            self._is_late = self._is_late or now_seconds - self._reached_at_seconds > _KEPT_SECONDS
            self._reached_at_seconds = now_seconds

    def _refuse_gap(self, now_seconds: float, trouble: PassingTroubleError | None = None) -> None:
        if now_seconds - self._reached_at_seconds > _KEPT_SECONDS:
            raise self._gap(trouble)

    def _gap(self, trouble: PassingTroubleError | None = None) -> EventChannelError:
        why = f": {trouble}" if trouble else ""
        return EventChannelError(
            f"pbx-events: not reached for more than {_KEPT_SECONDS:g} s, so messages may be missed{why}"
        )

    async def _pace(self) -> None:
        now_seconds = time.monotonic()
        gained = (now_seconds - self._asked_at_seconds) / _LEAST_INTERVAL_SECONDS
        self._burst_left = min(self._burst_left + gained, _BURST) - 1
        self._asked_at_seconds = now_seconds
        if self._burst_left < 0:
            await asyncio.sleep(-self._burst_left * _LEAST_INTERVAL_SECONDS)

    def _events_of(self, response: httpx.Response) -> list[CallEvent]:
        sent, etag = response.headers.get("Last-Modified", ""), response.headers.get("Etag", "")
        if not (sent and etag):
            raise EventChannelError(
                "pbx-events: an answer that is no message of the channel; is a log-in page or a proxy in the way?"
            )
        self._position = {"If-Modified-Since": sent, "If-None-Match": etag}
        sent_at, answered_at = _moment(sent), _moment(response.headers.get("Date", ""))
        if sent_at and answered_at and (answered_at - sent_at).total_seconds() >= _LAG_SECONDS:
            raise EventChannelError(
                "pbx-events: messages come faster than they may be fetched, so some may be missed; "
                "choose another event channel for this PBX"
            )
        try:
            message = json.loads(response.content)
            return self._told(message, datetime.now(UTC))
        except (ValueError, LookupError, TypeError, AttributeError):
            # The same message would come again and again; the next table makes up for it.
            _log.warning("pbx-events: a message of %d bytes could not be read", len(response.content))
            return []

    def _told(self, message: Mapping[str, Any], received_at: datetime) -> list[CallEvent]:
        match message["action"]:
            case "CDRs":
                return self._states.look([_row(raw, "start") for raw in message["data"]], received_at)
            case "call" if not _MADE_UP_ID.fullmatch(message["uid"]):
                return self._states.add(_row(message, "date"), received_at)
            case _:
                return []


def _row(raw: Mapping[str, Any], start_name: str) -> RunningRow:
    """Read a leg of the module; raises ValueError and KeyError."""

    def text(name: str) -> str:
        return str(raw.get(name) or "").strip()

    def instant(name: str) -> datetime | None:
        return instant_of(text(name)) if text(name) else None

    return RunningRow(
        leg_id=str(raw["uid"]),
        linkedid=str(raw["id"]),
        start_at=instant_of(text(start_name)),
        answer_at=instant("answer"),
        end_at=instant("end"),
        src_number=text("src"),
        dst_number=text("dst"),
        did="",
        is_app=text("dst-chan").startswith(("App:", "Queue:")),
        raw=raw,
    )


def _moment(header: str) -> datetime | None:
    try:
        return parsedate_to_datetime(header)
    except ValueError:
        return None
