"""REST v3 of the call detail records, with its defaults that surprise: grouped, newest first, 30 days.

Public source of the rules: MikoPBX core, `Cdr/RestController.php`, `Cdr/GetListAction.php`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from simulators.mikopbx.clock import Clock
from simulators.mikopbx.faults import spoilt
from simulators.mikopbx.guard import failure
from simulators.mikopbx.rows import Row
from simulators.mikopbx.store import CdrStore

SORTS = ("id", "start", "linkedid", "src_num", "dst_num", "did", "disposition", "duration", "billsec")
LARGEST_LIMIT = 1000
DEFAULT_LIMIT = 50
LONGEST_RANGE_DAYS = 365
DEFAULT_WINDOW_DAYS = 30


class BadRequestError(Exception):
    """The parameters are refused with 422; the text says why."""


def list_cdr(request: Request, store: CdrStore, timezone: str) -> Response:
    """Answer `GET /pbxcore/api/v3/cdr`."""
    try:
        return _page(request, store, timezone)
    except BadRequestError as error:
        return failure(422, str(error))


def get_metadata(request: Request, store: CdrStore) -> Response:
    """Answer `GET /pbxcore/api/v3/cdr:getMetadata`."""
    earliest, latest = store.bounds()
    total = store.count("1 = 1", ())
    return envelope(
        {
            "earliestDate": earliest,
            "latestDate": latest,
            "hasRecords": total > 0,
            "sampleSize": min(total, int(request.query_params.get("limit", "100"))),
        },
        "getMetadata",
        store.clock,
    )


def list_extensions(request: Request, extensions: Sequence[Mapping[str, Any]], clock: Clock) -> Response:
    """Answer `GET /pbxcore/api/v3/extensions`, all of them where no limit is asked for."""
    try:
        offset = _integer(request.query_params.get("offset"), 0)
        limit = _integer(request.query_params.get("limit"), len(extensions))
    except BadRequestError as error:
        return failure(422, str(error))
    return envelope(extensions[offset : offset + limit], "getList", clock)


def envelope(data: Any, function: str, clock: Clock) -> Response:  # noqa: ANN401
    """Wrap data as every v3 endpoint does."""
    return _wrapped(json.dumps(data), function, clock)


def _wrapped(data: str, function: str, clock: Clock) -> Response:
    rest = {
        "messages": [],
        "function": function,
        "processor": "MikoPBX\\PBXCoreREST\\Lib\\Cdr\\GetListAction::main",
        "pid": 123,
        "meta": {
            "timestamp": clock.now().isoformat(timespec="seconds"),
            "hash": hashlib.sha1(data.encode(), usedforsecurity=False).hexdigest(),
        },
    }
    return Response(f'{{"result": true, "data": {data}, {json.dumps(rest)[1:]}', media_type="application/json")


def _page(request: Request, store: CdrStore, timezone: str) -> Response:
    asked = request.query_params
    limit = max(1, min(_integer(asked.get("limit"), DEFAULT_LIMIT), LARGEST_LIMIT))
    offset = _integer(asked.get("offset"), 0)
    if offset < 0:
        raise BadRequestError("offset must be zero or more")
    sort = asked.get("sort", "id")
    order = asked.get("order", "DESC").upper()
    if sort not in SORTS or order not in {"ASC", "DESC"}:
        raise BadRequestError("unknown sort or order")
    where, values = _filter(asked.get, store.clock, timezone)
    if asked.get("grouped", "true").lower() in {"false", "0"}:
        total = store.count(where, values)
        found = store.select_shown(where, values, sort, order, limit, offset)
        last_id = found[-1][0] if found else 0
        records = [text for _, text in found]
        if fault := request.scope.get("fault"):
            records = [json.dumps(row) for row in spoilt([json.loads(text) for text in records], fault)]
    else:
        total = store.count_calls(where, values)
        groups = [_group(store, linkedid) for linkedid in store.calls(where, values, order, limit, offset)]
        last_id = groups[-1]["records"][-1]["id"] if groups else 0
        records = [json.dumps(group) for group in groups]
    pagination = {
        "total": total,
        "limit": limit,
        "offset": offset,
        "hasMore": offset + limit < total,
        "lastId": last_id,
    }
    data = f'{{"records": [{",".join(records)}], "pagination": {json.dumps(pagination)}}}'
    return _wrapped(data, "getList", store.clock)


def _filter(asked: Callable[[str], str | None], clock: Clock, timezone: str) -> tuple[str, list[Any]]:
    conditions: list[str] = ["1 = 1"]
    values: list[Any] = []

    def add(condition: str, *bound: Any) -> None:  # noqa: ANN401
        conditions.append(condition)
        values.extend(bound)

    id_from, date_from, date_to = asked("idFrom"), asked("dateFrom"), asked("dateTo")
    if id_from:
        add("id > ?", _integer(id_from, 0))
    if date_from and date_to:
        begin, end = _date(date_from), _date(date_to)
        if end - begin > timedelta(days=LONGEST_RANGE_DAYS):
            raise BadRequestError(f"the range may not exceed {LONGEST_RANGE_DAYS} days")
    if date_from:
        add("start >= ?", f"{date_from} 00:00:00" if len(date_from) == 10 else date_from)
    if date_to:
        add("start <= ?", f"{date_to} 23:59:59" if len(date_to) == 10 else date_to)
    for name in ("src_num", "dst_num", "did"):
        if asked(name):
            add(f"{name} LIKE ?", f"%{asked(name)}%")
    if asked("search"):
        text = f"%{asked('search')}%"
        searched = ("src_num", "dst_num", "did", "src_name", "dst_name")
        add(f"({' OR '.join(f'{name} LIKE ?' for name in searched)})", *[text] * len(searched))
    for name in ("disposition", "linkedid"):
        if asked(name):
            add(f"{name} = ?", asked(name))
    narrowing = ("dateFrom", "dateTo", "linkedid", "src_num", "dst_num", "search", "did")
    if not any(asked(name) for name in narrowing):
        # The trap: `idFrom` alone does not switch the default window off.
        begun = clock.now().astimezone(ZoneInfo(timezone)) - timedelta(days=DEFAULT_WINDOW_DAYS)
        add("start >= ?", begun.strftime("%Y-%m-%d %H:%M:%S"))
    return " AND ".join(conditions), values


def _group(store: CdrStore, linkedid: str) -> Row:
    """Return a call as the grouped view shows it."""
    legs = [json.loads(text) for _, text in store.select_shown("linkedid = ?", (linkedid,), "start", "ASC", -1, 0)]
    first = legs[0]
    did = next((leg["did"] for leg in legs if leg["did"]), "")
    return {
        "linkedid": linkedid,
        "start": first["start"],
        "src_num": first["src_num"],
        "src_name": first["src_name"],
        "dst_num": did or first["dst_num"],
        "dst_name": first["dst_name"],
        "did": did,
        # Any leg, also a menu's: the PBX's own view takes such a call for answered.
        "disposition": "ANSWERED" if any(leg["disposition"] == "ANSWERED" for leg in legs) else "NOANSWER",
        "totalDuration": sum(leg["duration"] for leg in legs),
        "totalBillsec": sum(leg["billsec"] for leg in legs),
        "records": legs,
    }


def _integer(text: str | None, default: int) -> int:
    try:
        return default if text is None else int(text)
    except ValueError:
        raise BadRequestError(f"'{text}' is no number") from None


def _date(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        raise BadRequestError(f"'{text}' is no date") from None
