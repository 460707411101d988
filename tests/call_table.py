"""A call table of a MikoPBX served on loopback, with habits a test can switch on, and sources on it.

Served as the PBX serves it: keyset by id, the REST list with its default window of thirty days,
newest first and grouped unless told otherwise.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from resources.telephony.mikopbx_get_data import MikoPbxGetDataSource
from resources.telephony.mikopbx_rest import MikoPbxRestSource
from resources.telephony.source import TelephonySource
from tests.scripted_server import QUICK, Asked, Reply, Stage

Row = dict[str, Any]
KEY = "k" * 64
MOSCOW = ZoneInfo("Europe/Moscow")
DAY = datetime(2024, 3, 5, tzinfo=MOSCOW)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@dataclass
class Table:
    """A call table and its clock; `serve` answers for all its end points.

    Attributes:
        rows: the table, in the order of the ids.
        zone: of the PBX's clock.
        cap: rows per answer at most.
        shuffle: rows stand in each page in any order.
        repeat: the first row of each page comes twice.
        lies: answers to give before the true ones.
    """

    zone: ZoneInfo = MOSCOW
    rows: list[Row] = field(default_factory=list)
    cap: int = 1000
    shuffle: bool = False
    repeat: bool = False
    lies: list[Reply] = field(default_factory=list)
    before_answer: Callable[[], None] = field(default=lambda: None)
    next_id: int = 1

    def call(self, began_at: datetime, *legs: tuple[timedelta, timedelta], prefix: str = "mikopbx") -> list[int]:
        """Finalise a call: legs as (start after the beginning, length); return their ids."""
        linkedid = f"{prefix}-{int(began_at.timestamp())}.{self.next_id}"
        ids = []
        for after, length in legs or ((timedelta(0), timedelta(minutes=1)),):
            row = {
                "id": self.next_id,
                "start": self.wall(began_at + after),
                "endtime": self.wall(began_at + after + length),
                "answer": "",
                "src_num": "79991234567",
                "dst_num": "201",
                "UNIQUEID": f"{linkedid}.{self.next_id}_ab12Cd",
                "linkedid": linkedid,
                "disposition": "NOANSWER",
                "billsec": 0,
            }
            self.rows.append(row)
            ids.append(self.next_id)
            self.next_id += 1
        return ids

    def wall(self, moment_at: datetime) -> str:
        """The clock's text for an instant."""
        return f"{moment_at.astimezone(self.zone):%Y-%m-%d %H:%M:%S}.120"

    def serve(self, asked: Asked) -> Reply:
        """Answer a request."""
        self.before_answer()
        if self.lies:
            return self.lies.pop(0)
        if asked.path == "/pbxcore/api/v3/cdr":
            return self._rest(asked)
        if asked.path == "/pbxcore/api/cdr/get_data":
            return self._get_data(asked.query)
        return Reply(status=404)

    def _page(self, found: list[Row], limit: int) -> list[Row]:
        page = found[: min(limit, self.cap)]
        if self.repeat:
            page = page[:1] + page
        return random.Random(1).sample(page, len(page)) if self.shuffle else page

    def _rest(self, asked: Asked) -> Reply:
        query = asked.query
        if asked.authorization != f"Bearer {KEY}":
            return Reply(status=401)
        date_from, date_to = query.get("dateFrom", ""), query.get("dateTo", "9")
        if not {"dateFrom", "dateTo", "linkedid"} & set(query):
            date_from = self.wall(datetime.now(UTC) - timedelta(days=30))
        if len(date_to) >= 10 and date_from:
            spanned = datetime.fromisoformat(date_to) - datetime.fromisoformat(date_from)
            if spanned.days > 365:
                return Reply(b"{}", 422)
        found = [
            row
            for row in self.rows
            if row["id"] > int(query.get("idFrom", 0))
            and date_from <= row["start"] <= date_to
            and query.get("linkedid", row["linkedid"]) == row["linkedid"]
        ]
        if query.get("order", "DESC") == "DESC":
            found.reverse()
        limit = min(max(int(query.get("limit", 50)), 1), 1000)
        page = self._page(found, limit)
        grouped = query.get("grouped", "true") == "true"
        pagination = {
            "total": len(found),
            "limit": limit,
            "offset": 0,
            "hasMore": min(limit, self.cap) < len(found),
            "lastId": page[0]["id"] if page else None,
        }
        records = [{"linkedid": row["linkedid"], "records": [row]} for row in page] if grouped else page
        return Reply(json.dumps({"result": True, "data": {"records": records, "pagination": pagination}}).encode())

    def _get_data(self, query: dict[str, str]) -> Reply:
        found = [row for row in self.rows if row["id"] > int(query["offset"])]
        page = self._page(found, min(int(query["limit"]), 600))
        if query.get("format") == "json":
            return Reply(json.dumps(page).encode())
        lines = (" ".join(f'{k}="{quote(str(v), safe="")}"' for k, v in row.items()) for row in page)
        body = "".join(f"<cdr-row {line} />\n" for line in lines)
        return Reply(f'<?xml version="1.0"?>\n<cdr-table-askozia>\n{body}</cdr-table-askozia>'.encode())


def busy_days(table: Table, days: int = 3, calls: int = 20) -> None:
    for hour in range(days * calls):
        began_at = DAY + hour * timedelta(days=1) / calls
        table.call(began_at, (timedelta(0), MINUTE), (MINUTE, MINUTE))


class Bench:
    """A call table, the server that shows it, and sources of one kind on it.

    Args:
        kind: `rest`, `get_data xml` or `get_data json`.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.table = Table()
        self.stage = Stage()
        self._sources: list[TelephonySource] = []

    @contextmanager
    def open(self) -> Iterator[Bench]:
        """Serve the table until the end of the block."""
        self.stage.answer = self.table.serve
        with self.stage.open():
            yield self
            for source in self._sources:
                source.close()

    def source(self, portion_size: int = 600) -> TelephonySource:
        """Return a client of the table."""
        source: TelephonySource
        zone = str(self.table.zone)
        if self.kind == "rest":
            source = MikoPbxRestSource(
                "office", self.stage.url, KEY, timezone=zone, portion_size=portion_size, bounds=QUICK
            )
        else:
            source = MikoPbxGetDataSource(
                "office",
                self.stage.url,
                timezone=zone,
                data_format="json" if self.kind.endswith("json") else "xml",
                portion_size=portion_size,
                bounds=QUICK,
            )
        self._sources.append(source)
        return source
