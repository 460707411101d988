"""Rows as MikoPBX writes them, made for tests: only what a test says is unusual."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text

from assets.history.load import LoadReport, LoadRules, load_portions
from resources.telephony.source import Portion
from resources.warehouse import Warehouse, tables

MOSCOW = ZoneInfo("Europe/Moscow")
CLIENT = "+74951234567"

_ids = count(1)


def at(text: str, zone: ZoneInfo = MOSCOW) -> datetime:
    """Read a wall clock of the zone, Moscow's unless said otherwise."""
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def leg(
    call: str,
    started_at: datetime,
    src: str,
    dst: str,
    *,
    duration: int = 30,
    talk: int = 0,
    app: bool = False,
    disposition: str = "",
    did: str = "",
    zone: ZoneInfo = MOSCOW,
    **unusual: Any,  # noqa: ANN401
) -> dict[str, Any]:
    """Return one row of cdr_general; talk is at the end of the leg."""
    row_id = next(_ids)
    begun = started_at.astimezone(UTC)
    ended = begun + timedelta(seconds=duration)

    def clock(moment: datetime) -> str:
        return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S.") + f"{moment.microsecond // 1000:03d}"

    return {
        "id": row_id,
        "UNIQUEID": f"mikopbx-{int(begun.timestamp())}.{row_id}_a1B2c3",
        "linkedid": call,
        "start": clock(begun),
        "answer": clock(ended - timedelta(seconds=talk)) if talk else "",
        "endtime": clock(ended),
        "src_num": src,
        "dst_num": dst,
        "src_chan": f"PJSIP/{src}-0000001",
        "dst_chan": f"App:{dst}" if app else f"PJSIP/{dst}-0000002",
        "did": did,
        "disposition": disposition or ("ANSWERED" if talk else "NOANSWER"),
        "dialstatus": "",
        "is_app": "1" if app else "",
        "duration": duration,
        "billsec": talk,
        "recordingfile": "",
    } | unusual


def load(
    warehouse: Warehouse, rows: Iterable[Mapping[str, Any]], rules: LoadRules | None = None, pbx_id: str = "office"
) -> LoadReport:
    """Load rows as one portion."""
    portion = Portion(cursor={}, records=list(rows))
    return load_portions(warehouse, pbx_id, "mikopbx", [portion], rules or LoadRules())


def select(warehouse: Warehouse, query: str, **values: Any) -> list[Any]:  # noqa: ANN401
    """Return the rows of a query on a connection of its own."""
    with warehouse.transaction() as connection:
        return list(connection.execute(text(query), values))


def snapshot(warehouse: Warehouse) -> dict[str, list[Any]]:
    """Return what the history and everything made from it holds, in a comparable order."""
    hidden = {"gone_at", "source_row_id"}
    found: dict[str, list[Any]] = {}
    for table in (tables.call_legs, tables.call_history, tables.enriched_calls, tables.tracked_interactions):
        columns = ", ".join(column.name for column in table.columns if column.name not in hidden)
        gone = "WHERE gone_at IS NULL" if "gone_at" in table.c else ""
        found[table.name] = select(warehouse, f"SELECT {columns} FROM {table.name} {gone} ORDER BY 1, 2, 3, 4")  # noqa: S608
    return found


def batches(rows: list[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    """Cut rows into portions."""
    for first in range(0, len(rows), size):
        yield rows[first : first + size]
