"""The older ways to the same rows: `get_data` portions, and MIKO's history XML in both offset styles.

Public sources of the rules: the modules ModulePT1CCore, ModuleMegafonPbx and ModuleMtsPbx of MikoPBX
(`Lib/RestAPI/Controllers/GetController.php`, `Lib/RestAPI/GetController.php`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from urllib.parse import quote
from xml.sax.saxutils import quoteattr
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from simulators.mikopbx.faults import spoilt
from simulators.mikopbx.rows import Row
from simulators.mikopbx.store import CdrStore

GET_DATA_CAP = 5000
_BOUND_AT_ONCE = 500
MEGA_DEFAULT_LIMIT = 450
MEGA_LARGEST_LIMIT = 600
MTS_LIMIT = 5000
FOREIGN_TO_MEGA = "fs-mts-"
"""How the calls begin that another provider's module imported and this one passes over."""


def get_data(request: Request, store: CdrStore, largest_limit: int) -> Response:
    """Answer `GET /pbxcore/api/cdr/get_data`: `id > offset ORDER BY id LIMIT limit`, as XML, JSON or 1C text."""
    asked = request.query_params
    rows: list[Row] = []
    if "offset" in asked:
        limit = min(int(asked["limit"]), largest_limit) if "limit" in asked else GET_DATA_CAP
        rows = store.select("id > ?", (int(asked["offset"]),), "id", "ASC", limit, 0)
        rows = spoilt(rows, request.scope.get("fault"))
    match asked.get("format", "xml"):
        case "json":
            return Response(json.dumps(rows, ensure_ascii=False))
        case "1c":
            return Response("\n".join(_structure(row) for row in rows))
        case _:
            return Response(_table(rows))


def mega_history(request: Request, store: CdrStore, timezone: str) -> Response:
    """Answer `GET /pbxcore/mega-pbx/cdr`; the offset also counts rows that are not shown."""
    offset = int(request.query_params.get("offset", "0"))
    limit = min(int(request.query_params.get("limit", str(MEGA_DEFAULT_LIMIT))), MEGA_LARGEST_LIMIT)
    rows = store.select("id > ?", (offset,), "id", "ASC", limit, 0)
    own = [row for row in rows if not row["linkedid"].startswith(FOREIGN_TO_MEGA)]
    return _answer(request, store, own, timezone, offset, rows[-1]["id"] if rows else offset)


def mts_history(request: Request, store: CdrStore, timezone: str) -> Response:
    """Answer `GET /pbxcore/mts-pbx/cdr`: ignores the limit and sends the whole of today again each time."""
    offset = int(request.query_params.get("offset", "0"))
    today = store.clock.now().astimezone(ZoneInfo(timezone)).strftime("%Y-%m-%d 00:00:00")
    rows = store.select("id > ? OR start >= ?", (offset, today), "id", "ASC", MTS_LIMIT, 0)
    return _answer(request, store, rows, timezone, offset, max([offset, *(row["id"] for row in rows)]))


def _answer(request: Request, store: CdrStore, rows: list[Row], timezone: str, offset: int, scanned: int) -> Response:
    whole = spoilt(_whole_calls(store, rows), request.scope.get("fault"))
    now = store.clock.now().astimezone(ZoneInfo(timezone)).isoformat(timespec="seconds")
    headers = {"X-MIN-OFFSET": str(offset), "X-MAX-OFFSET": str(scanned)}
    return Response(_history(whole, timezone, now), headers=headers)


def _whole_calls(store: CdrStore, rows: list[Row]) -> list[Row]:
    """Return all legs of the calls that have a leg among these, call by call, in the order of the calls' first."""
    calls = list(dict.fromkeys(row["linkedid"] for row in rows))
    legs: dict[str, list[Row]] = {linkedid: [] for linkedid in calls}
    for first in range(0, len(calls), _BOUND_AT_ONCE):
        some = calls[first : first + _BOUND_AT_ONCE]
        marks = ", ".join("?" for _ in some)
        for leg in store.select(f"linkedid IN ({marks})", some, "id", "ASC", -1, 0):
            legs[leg["linkedid"]].append(leg)
    return [leg for call in legs.values() for leg in call]


def _table(rows: Iterable[Row]) -> str:
    lines = ['<?xml version="1.0"?>', "<cdr-table-askozia>"]
    for row in rows:
        attributes = " ".join(f'{name}="{quote(str(value), safe="-_.~")}"' for name, value in row.items())
        lines.append(f"<cdr-row {attributes} />")
    return "\n".join([*lines, "</cdr-table-askozia>"])


def _structure(row: Row) -> str:
    values = ", ".join('"' + str(value).replace('"', '""') + '"' for value in row.values())
    return f'New Structure("{",".join(row)}", {values})'


def _history(rows: list[Row], timezone: str, now: str) -> str:
    lines = ["<history>"]
    calls: dict[str, list[Row]] = {}
    for row in rows:
        calls.setdefault(row["linkedid"], []).append(row)
    for linkedid, call in calls.items():
        did = next((leg["did"] for leg in call if leg["did"]), "")
        line = next((leg["from_account"] or leg["to_account"] for leg in call), "")
        lines.append(
            f"<history_record no={quoteattr(str(call[0]['id']))} entire_id={quoteattr(linkedid)} "
            f"line={quoteattr(line)} line_number={quoteattr(did)}>"
        )
        lines += [_leg(leg, timezone, now) for leg in call]
        lines.append("</history_record>")
    return "\n".join([*lines, "</history>"])


def _leg(leg: Row, timezone: str, now: str) -> str:
    is_app = leg["is_app"] == "1"
    details = {
        "call_id": leg["UNIQUEID"],
        "status": "ANSWER" if leg["disposition"] == "ANSWERED" else leg["disposition"],
        "call_flow": "",
        "queue": "",
        "start": leg["start"],
        "started": _instant(leg["start"], timezone),
        # As the real modules do: an answer time that is not there is shown as now.
        "answered": _instant(leg["answer"], timezone) or now,
        "finished": _instant(leg["endtime"], timezone),
        "duration": leg["duration"],
        "conversation": leg["billsec"],
        "record_file": leg["recordingfile"],
        "finish_cause": "Normal Clearing",
    }
    attributes = " ".join(f"{name}={quoteattr(str(value))}" for name, value in details.items())
    source = quoteattr(_extension(leg["src_num"]))
    target = '"@app"' if is_app else quoteattr(_extension(leg["dst_num"]))
    return (
        f"<details {attributes} />\n<from ext={source} number={quoteattr(leg['src_num'])}></from>\n"
        f"<to ext={target} number={quoteattr(leg['dst_num'])}></to>"
    )


def _extension(number: str) -> str:
    return number if number.isdigit() and 2 <= len(number) <= 4 else ""


def _instant(local: str, timezone: str) -> str:
    if not local:
        return ""
    try:
        moment = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(timezone))
    except ValueError:
        return local
    return moment.isoformat(timespec="seconds")
