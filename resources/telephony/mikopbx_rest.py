"""Call history of a MikoPBX over its REST API v3.

Public source of the rules: MikoPBX core, `Cdr/GetListAction.php` and `Extensions/GetListAction.php`.
The traps of that end point, each handled here:

- without a date filter only the last 30 days are shown, even when resuming by id: an old `dateFrom`
  goes with every `idFrom`;
- the default order is newest first and the default view is grouped by call: both are set;
- `lastId` is the last row of the last group shown, no cursor: ours is the highest id of the page;
- a range of both dates may not exceed 365 days: longer ones are split;
- `start` is the PBX's wall clock as text, compared as text, so in the repeated hour of autumn it runs
  twice: windows are wider than the interval they serve;
- `dateTo` given as a day ends at 23:59:59 and loses the rows of its last second: times are given.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Literal
from zoneinfo import ZoneInfo

from resources.telephony.answers import Answer, json_of
from resources.telephony.http import HttpBounds, HttpClient, NoSuchAddressError, ahead
from resources.telephony.mikopbx_rows import (
    Page,
    Place,
    Row,
    WholeCalls,
    call_of,
    page_of,
    walk,
    walk_ranges,
    wall_text,
)
from resources.telephony.source import (
    Cursor,
    Dialect,
    Extension,
    IdRange,
    Look,
    Portion,
    SourceAnswerError,
)

_CDR = "/pbxcore/api/v3/cdr"
_EXTENSIONS = "/pbxcore/api/v3/extensions"
_EVER = {"dateFrom": "2000-01-01"}
_LARGEST_LIMIT = 1000
_EXTENSIONS_LIMIT = 100
_LONGEST_RANGE = timedelta(days=360)
_CLOCK_DOUBT = timedelta(hours=2)
_MARGIN = timedelta(hours=6)
_EDGE = timedelta(hours=1)
_MOST_ASKED_ONE_BY_ONE = 50
_BEGAN_AT = re.compile(r"mikopbx-(\d{9,10})\.\d")

Params = Mapping[str, str | int]


class MikoPbxRestSource:
    """A MikoPBX read over REST v3 with an API key.

    Args:
        pbx_id: the name under which its legs are stored.
        base_url: for example `https://pbx.example.com`.
        api_key: made in the PBX's web interface; needs read rights on `/api/v3/cdr`.
        timezone: IANA name of the zone of the PBX's clock.
        portion_size: rows per portion, 1 to 1000.
        bounds: patience with the server.
        ca_file: a PEM file to trust, for a PBX with a self-signed certificate.
        verify_tls: whether an https certificate is checked at all.

    Raises:
        ValueError: an argument is out of range.
        zoneinfo.ZoneInfoNotFoundError: no such time zone.
    """

    dialect: Dialect = "mikopbx"

    def __init__(
        self,
        pbx_id: str,
        base_url: str,
        api_key: str,
        *,
        timezone: str,
        portion_size: int = _LARGEST_LIMIT,
        bounds: HttpBounds | None = None,
        ca_file: str = "",
        verify_tls: bool = True,
    ) -> None:
        if not 1 <= portion_size <= _LARGEST_LIMIT:
            raise ValueError(f"{pbx_id}: a portion holds 1 to {_LARGEST_LIMIT} rows, not {portion_size}")
        self.pbx_id = pbx_id
        self._zone = ZoneInfo(timezone)
        self._portion_size = portion_size
        self._http = HttpClient(pbx_id, base_url, bearer=api_key, bounds=bounds, ca_file=ca_file, verify_tls=verify_tls)

    def portions_after(self, cursor: Cursor) -> Iterator[Portion]:
        """Yield the rows that got an id after `cursor`; the next page is fetched meanwhile.

        Raises:
            SourceResetError: the ids began anew.
            SourceError: the PBX did not answer as it should.
        """

        def portions(stop: threading.Event) -> Iterator[Portion]:
            def fetch(after_id: int, limit: int) -> Page:
                return self._fetch(after_id, limit, _EVER, stop)

            return walk(Place.of(self.pbx_id, cursor), fetch, self._portion_size, _LARGEST_LIMIT)

        return ahead(portions)

    def portions_between(self, start_at: datetime, end_at: datetime) -> Iterator[Portion]:
        """Yield all legs of every call that has a leg starting in [start_at, end_at).

        Reads six hours more on either side, which holds the other legs of nearly every call. A call
        that may reach further (its `linkedid` says that it began earlier, or a leg of it starts or
        ends at the edge of what was read) is asked for by its `linkedid`. Calls that start up to two
        hours outside the interval may come too, whole.

        Raises:
            SourceError: the PBX did not answer as it should.
        """
        window = _Window(start_at, end_at, self._zone)
        return ahead(lambda stop: self._portions_of(window, stop))

    def look(self, cursor: Cursor) -> Look:
        """Compare the newest row with `cursor`."""
        newest_first: Params = {
            "grouped": "false",
            "sort": "id",
            "order": "DESC",
            "limit": 1,
            **_EVER,
        }
        page = self._http.get(_CDR, newest_first, lambda answer: cdr_page(answer, 0, 1), brief=True)
        if page.refusals and not page.marks:
            raise SourceAnswerError(f"{self.pbx_id}: the newest row of the call table has no id")
        place = Place.of(self.pbx_id, cursor)
        newest = page.marks[-1] if page.marks else None
        return Look(
            has_news=newest is not None and newest not in place.marks,
            seen=f"newest id {newest.row_id if newest else 'none'}, stored up to {place.last_id}",
            is_reset=place.is_reset_by(newest),
        )

    def last_id(self, cursor: Cursor) -> int:
        """Return the highest id read up to `cursor`."""
        return Place.of(self.pbx_id, cursor).last_id

    def portions_of_ids(self, ranges: Sequence[IdRange]) -> Iterator[Portion]:
        """Yield the rows whose ids lie in `ranges`, with few requests.

        Raises:
            SourceError: the PBX did not answer as it should.
        """

        def portions(stop: threading.Event) -> Iterator[Portion]:
            def fetch(after_id: int, limit: int) -> Page:
                return self._fetch(after_id, limit, _EVER, stop)

            return walk_ranges(self.pbx_id, ranges, fetch, _LARGEST_LIMIT)

        return ahead(portions)

    def count_rows(self, spans: Sequence[tuple[datetime, datetime]]) -> list[int]:
        """Return for each span how many rows start in it by the PBX's wall clock; one small request each.

        Raises:
            SourceError: the PBX did not answer as it should.
        """
        return [self._count(start_at, end_at) for start_at, end_at in spans]

    def portions_within(self, spans: Sequence[tuple[datetime, datetime]]) -> Iterator[Portion]:
        """Yield exactly the rows that `count_rows` counts.

        Raises:
            SourceError: the PBX did not answer as it should.
        """

        def portions(stop: threading.Event) -> Iterator[Portion]:
            for start_at, end_at in spans:
                for page in self._pages(self._starting_in(start_at, end_at), stop):
                    yield Portion({}, records=page.rows, refused=page.refused)

        return ahead(portions)

    def extensions(self) -> list[Extension]:
        """Return the internal numbers; empty on firmware without that address."""
        found: dict[str, Extension] = {}
        for offset in count(0, _EXTENSIONS_LIMIT):
            page: Params = {"limit": _EXTENSIONS_LIMIT, "offset": offset}
            try:
                rows = self._http.get(_EXTENSIONS, page, _extension_rows)
            except NoSuchAddressError:
                return []
            known = len(found)
            for row in rows:
                number = str(row.get("number") or "")
                # EXTERNAL entries are the employees' mobile phones.
                if number and row.get("type") != "EXTERNAL":
                    found[number] = Extension(number, str(row.get("callerid") or ""), attributes=row)
            # Firmware that ignores the paging sends everything each time.
            if len(rows) < _EXTENSIONS_LIMIT or len(found) == known:
                break
        return list(found.values())

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()

    def _portions_of(self, window: _Window, stop: threading.Event) -> Iterator[Portion]:
        calls = WholeCalls(call_of, window.nearness)
        reaching_out: set[str] = set()
        for dates in window.slices():
            for page in self._pages(dates, stop):
                rows = calls.release(page.rows)
                reaching_out.update(call_of(row) for row in rows if window.may_reach_out(row))
                if len(reaching_out) > _MOST_ASKED_ONE_BY_ONE:
                    raise SourceAnswerError(
                        f"{self.pbx_id}: dozens of calls seem to have begun hours before their first "
                        "leg; check the time zone of this PBX in the settings"
                    )
                if rows or page.refusals:
                    yield Portion({}, records=rows, refused=page.refused)
        for linkedid in sorted(reaching_out):
            for page in self._pages({"linkedid": linkedid}, stop):
                if page.rows or page.refusals:
                    yield Portion({}, records=page.rows, refused=page.refused)

    def _pages(self, filters: Params, stop: threading.Event) -> Iterator[Page]:
        """Yield all pages under `filters`, by id: rows inserted meanwhile shift nothing."""
        after_id = 0
        while True:
            page = self._fetch(after_id, self._portion_size, filters, stop)
            if not page.marks and page.refusals and not page.is_last:
                page = self._fetch(after_id, _LARGEST_LIMIT, filters, stop)
            yield page
            if page.is_last:
                return
            if not page.marks:
                raise SourceAnswerError(f"{self.pbx_id}: no row after id {after_id} has an id")
            after_id = page.last_id

    def _starting_in(self, start_at: datetime, end_at: datetime) -> dict[str, str]:
        # Compared as text, so the last second is named with its milliseconds. It is the one before what the clock shows
        # at the end: of the hour that autumn shows twice the first is empty, and all rows belong to the second.
        last = datetime.fromisoformat(wall_text(end_at, self._zone)) - timedelta(seconds=1)
        return {"dateFrom": wall_text(start_at, self._zone), "dateTo": f"{last}.999"}

    def _count(self, start_at: datetime, end_at: datetime) -> int:
        params: Params = {"grouped": "false", "limit": 1, **self._starting_in(start_at, end_at)}
        return self._http.get(_CDR, params, cdr_total)

    def _fetch(self, after_id: int, limit: int, filters: Params, stop: threading.Event) -> Page:
        params: Params = {
            "grouped": "false",
            "sort": "id",
            "order": "ASC",
            "limit": limit,
            "idFrom": after_id,
            **filters,
        }
        return self._http.get(_CDR, params, lambda answer: cdr_page(answer, after_id, limit), stop=stop)


class _Window:
    """The wall-clock window read for an interval, and where a row stands in it."""

    def __init__(self, start_at: datetime, end_at: datetime, zone: ZoneInfo) -> None:
        def wall(moment_at: datetime) -> str:
            return wall_text(moment_at, zone)

        self._from_at = (start_at - _MARGIN).astimezone(UTC)
        self._to_at = (end_at + _MARGIN).astimezone(UTC)
        self._wall = wall
        self._inside = wall(start_at - _CLOCK_DOUBT), wall(end_at + _CLOCK_DOUBT)
        self._middle = wall(self._from_at + _EDGE), wall(self._to_at - _EDGE)
        self._last_wall = wall(self._to_at)

    def slices(self) -> Iterator[dict[str, str]]:
        """Yield date filters that together cover the window, each within what the server allows."""
        from_at = self._from_at
        while from_at < self._to_at:
            to_at = min(from_at + _LONGEST_RANGE, self._to_at)
            yield {"dateFrom": self._wall(from_at), "dateTo": self._wall(to_at)}
            # Over a clock change the wall's end may show an hour less than was covered.
            from_at = to_at if to_at == self._to_at else to_at - _CLOCK_DOUBT

    def nearness(self, row: Row) -> Literal["inside", "near"]:
        """Tell whether the row starts inside the interval, the PBX's clock being in doubt by hours."""
        return "inside" if self._inside[0] <= str(row.get("start")) <= self._inside[1] else "near"

    def may_reach_out(self, row: Row) -> bool:
        """Tell whether the row's call may have legs that start outside the window."""
        began = _BEGAN_AT.match(row["linkedid"])
        if began and int(began[1]) < self._from_at.timestamp():
            return True
        start, end = str(row.get("start") or ""), str(row.get("endtime") or "")
        return not self._middle[0] <= start <= self._middle[1] or not end or end >= self._last_wall


def _data(answer: Answer) -> object:
    """Open the envelope that every answer of the API comes in."""
    envelope = json_of(answer)
    if not isinstance(envelope, dict) or not isinstance(envelope.get("result"), bool) or "data" not in envelope:
        raise SourceAnswerError("JSON, but not the envelope of this API; does the base URL lead to a MikoPBX?")
    if not envelope["result"]:
        raise SourceAnswerError("200, but the PBX says that it failed; see its log")
    return envelope["data"]


def cdr_total(answer: Answer) -> int:
    """Read how many rows the call list has under its filters.

    Raises:
        SourceAnswerError: it is no such answer, or names no number.
    """
    data = _data(answer)
    pagination = data.get("pagination") if isinstance(data, dict) else None
    total = pagination.get("total") if isinstance(pagination, dict) else None
    if not isinstance(total, int) or total < 0:
        raise SourceAnswerError("the envelope does not say how many rows there are (pagination.total)")
    return total


def cdr_page(answer: Answer, after_id: int, limit: int) -> Page:
    """Read an answer of the call list, asked for `limit` rows after `after_id`.

    Raises:
        SourceAnswerError: it is no such answer, or contradicts itself.
    """
    data = _data(answer)
    records = data.get("records") if isinstance(data, dict) else None
    pagination = data.get("pagination") if isinstance(data, dict) else None
    if not isinstance(records, list) or not isinstance(pagination, dict):
        raise SourceAnswerError("the envelope holds no list of records with its pagination")
    total = pagination.get("total")
    has_more = pagination.get("hasMore") is not False or (isinstance(total, int) and total > len(records))
    if has_more and not records:
        raise SourceAnswerError("an empty page, although more rows are announced")
    # A full page is looked behind whatever it says, and a short one that announces more is capped.
    return page_of(records, after_id, is_last=not has_more and len(records) < limit)


def _extension_rows(answer: Answer) -> list[Row]:
    data = _data(answer)
    rows = data.get("records", data.get("data")) if isinstance(data, dict) else data
    if not isinstance(rows, list):
        raise SourceAnswerError("the envelope holds no list of extensions")
    return [row for row in rows if isinstance(row, dict)]
