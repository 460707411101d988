"""Running calls: the table `cdr` as it stands at the moment, and REST v3's two views of it.

Public source of the rules: MikoPBX core, `PbxStatus/GetActiveCallsAction.php`, `CdrDB/GetActiveChannelsAction.php`. A
row is there from its leg's beginning until its call is finalised, menus and queues like any other; its answer and its
end are filled in as they happen. Comparing is done on the PBX's wall clock, so in the hour that comes twice a row may
be seen an hour late.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from simulators.mikopbx.faults import FaultKind
from simulators.mikopbx.rest import envelope
from simulators.mikopbx.rows import Row
from simulators.mikopbx.store import CdrStore

CALL_FIELDS = ("start", "answer", "endtime", "src_num", "src_name", "dst_num", "dst_name", "did", "linkedid")
CHANNEL_FIELDS = (*(name for name in CALL_FIELDS if name != "endtime"), "src_chan", "dst_chan")


def running_rows(store: CdrStore, timezone: str) -> list[Row]:
    """Return the rows that have begun, with what has happened to them by now."""
    store.settle()
    now = store.clock.now().astimezone(ZoneInfo(timezone)).isoformat(" ", "milliseconds")[:23]
    return [
        row | {name: row[name] if row[name] <= now else "" for name in ("answer", "endtime")}
        for row in store.running()
        if row["start"] <= now
    ]


def active_calls(request: Request, store: CdrStore, timezone: str) -> Response:
    """Answer `GET /pbxcore/api/v3/pbx-status:getActiveCalls`."""
    rows = running_rows(store, timezone)
    return _answer(request, "getActiveCalls", CALL_FIELDS, rows, store)


def active_channels(request: Request, store: CdrStore, timezone: str) -> Response:
    """Answer `GET /pbxcore/api/v3/pbx-status:getActiveChannels`: what has not ended."""
    rows = [row for row in running_rows(store, timezone) if not row["endtime"]]
    return _answer(request, "getActiveChannels", CHANNEL_FIELDS, rows, store)


def _answer(request: Request, function: str, fields: tuple[str, ...], rows: list[Row], store: CdrStore) -> Response:
    if request.scope.get("fault") is FaultKind.no_calls:
        rows = []
    return envelope([{name: row[name] for name in fields} for row in rows], function, store.clock)
