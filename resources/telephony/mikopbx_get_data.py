"""Call history of a MikoPBX over the older portion end point, `/pbxcore/api/cdr/get_data`.

Public source of the rules: MikoPBX's module PT1CCore, `GetController.php`. It needs no key (the PBX's
firewall guards it), works on old firmware, and knows one question: the rows after an id. Its traps:

- a time-out inside the PBX is a 200 with an empty body: an error, where an empty table means no rows;
- another failure inside it (the result file is missing) is an empty table, just as if there were no
  rows: so an empty table is never taken for the end. Every page is asked for with the last known row
  before it, and only a page showing that row and nothing else is the end;
- pages are cut to 600 rows, or 2000 by newer modules, whatever was asked for;
- in XML every value is percent-encoded (a `+` is a plus).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from resources.telephony.answers import Answer, json_of, storable_text, xml_of
from resources.telephony.http import HttpBounds, HttpClient, ahead
from resources.telephony.mikopbx_rows import (
    Mark,
    Page,
    Place,
    Row,
    WholeCalls,
    call_of,
    last_id_before,
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
    SourceResetError,
)

_PATH = "/pbxcore/api/cdr/get_data"
_LARGEST_LIMIT = 2000
_CLOCK_DOUBT = timedelta(hours=2)
_MARGIN = timedelta(days=1)
_LONGEST_CALL = timedelta(days=2)
_PROBED_ROWS = 50
_PROBED_PAGES = 20
_FIRST_LEAP = 5000


class MikoPbxGetDataSource:
    """A MikoPBX read over its `get_data` end point.

    Args:
        pbx_id: the name under which its legs are stored.
        base_url: for example `http://pbx.example.com`.
        timezone: IANA name of the zone of the PBX's clock.
        data_format: `xml` is known to every version, `json` to newer ones.
        portion_size: rows per portion, 1 to 2000; versions that give fewer are followed.
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
        *,
        timezone: str,
        data_format: Literal["xml", "json"] = "xml",
        portion_size: int = 600,
        bounds: HttpBounds | None = None,
        ca_file: str = "",
        verify_tls: bool = True,
    ) -> None:
        if not 1 <= portion_size <= _LARGEST_LIMIT:
            raise ValueError(f"{pbx_id}: a portion holds 1 to {_LARGEST_LIMIT} rows, not {portion_size}")
        self.pbx_id = pbx_id
        self._zone = ZoneInfo(timezone)
        self._format = data_format
        self._portion_size = portion_size
        self._http = HttpClient(pbx_id, base_url, bounds=bounds, ca_file=ca_file, verify_tls=verify_tls)

    def portions_after(self, cursor: Cursor) -> Iterator[Portion]:
        """Yield the rows that got an id after `cursor`; the next page is fetched meanwhile.

        When the row at the cursor is missing and nothing follows, the rows remembered before it are
        asked for. One of them still there: the newest were deleted, no reset. None there, but other
        rows: a reset. No rows at all: an error, since this end point says that of a failure too.

        Raises:
            SourceResetError: the ids began anew.
            SourceError: the PBX did not answer as it should.
        """

        def portions(stop: threading.Event) -> Iterator[Portion]:
            def fetch(after_id: int, limit: int) -> Page:
                return self._fetch(after_id, limit, stop=stop)

            return walk(Place.of(self.pbx_id, cursor), fetch, self._portion_size, _LARGEST_LIMIT)

        return ahead(portions)

    def portions_between(self, start_at: datetime, end_at: datetime) -> Iterator[Portion]:
        """Yield all legs of every call that has a leg starting in [start_at, end_at).

        The end point has no filter by date, and a leg's id tells when its call ended. So a place among
        the ids is sought by halving, up to which every call that this PBX carried itself had ended two
        days before `start_at`; from there everything is read to the newest row, because a call may be
        entered or finalised at any time after it took place. The cost is some dozens of small
        requests, then the rows since `start_at`: cheap for the last days, long for old ones (the whole
        table at worst).

        Promised: every call, whole, whose legs start within a day of the interval, save those that
        were written before that place in spite of ending after it, which a clock set back does.
        Calls imported from elsewhere are read, but never taken as evidence in the search. Calls that
        start up to two hours outside the interval may come too, whole.

        Raises:
            SourceError: the PBX did not answer as it should.
        """
        inside = self._wall(start_at - _CLOCK_DOUBT), self._wall(end_at + _CLOCK_DOUBT)
        near = self._wall(start_at - _MARGIN), self._wall(end_at + _MARGIN)

        def nearness(row: Row) -> Literal["inside", "near", "far"]:
            start = str(row.get("start"))
            if inside[0] <= start <= inside[1]:
                return "inside"
            return "near" if near[0] <= start <= near[1] else "far"

        def portions(stop: threading.Event) -> Iterator[Portion]:
            def fetch(after_id: int, limit: int) -> Page:
                return self._fetch(after_id, limit, stop=stop)

            moment = self._wall(start_at - _LONGEST_CALL)
            last_id = last_id_before(
                lambda after_id: self._ended_before(moment, after_id, stop), _FIRST_LEAP, self._portion_size
            )
            place = Place(self.pbx_id, (Mark(last_id, ""),) if last_id else ())
            calls = WholeCalls(call_of, nearness)
            for portion in walk(place, fetch, self._portion_size, _LARGEST_LIMIT):
                rows = calls.release([dict(row) for row in portion.records])
                if rows or portion.refused:
                    yield Portion({}, records=rows, refused=portion.refused)

        return ahead(portions)

    def look(self, cursor: Cursor) -> Look:
        """Ask for the row at `cursor` and the one after it."""

        def fetch(after_id: int, limit: int) -> Page:
            return self._fetch(after_id, limit, brief=True)

        place = Place.of(self.pbx_id, cursor)
        page = fetch(max(place.last_id - 1, 0), 2)
        try:
            place.check(page, fetch)
        except SourceResetError as error:
            return Look(has_news=True, seen=str(error), is_reset=True)
        fresh = page.beyond(place.last)
        has_news = bool(fresh.marks or fresh.refusals)
        return Look(has_news, f"{'rows' if has_news else 'no rows'} after id {place.last_id}")

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
                return self._fetch(after_id, limit, stop=stop)

            return walk_ranges(self.pbx_id, ranges, fetch, self._portion_size)

        return ahead(portions)

    def extensions(self) -> list[Extension]:
        """Return nothing: this end point has no such list."""
        return []

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()

    def _wall(self, moment_at: datetime) -> str:
        return wall_text(moment_at, self._zone)

    def _ended_before(self, moment: str, after_id: int, stop: threading.Event) -> int | None:
        """Look at the next rows this PBX wrote itself; return the last id if all ended before `moment`."""
        for _ in range(_PROBED_PAGES):
            page = self._fetch(after_id, _PROBED_ROWS, stop=stop)
            if not page.marks:
                return None
            own = [row for row in page.rows if call_of(row).startswith("mikopbx-")]
            if own:
                ended = max(max(str(row.get("start")), str(row.get("endtime"))) for row in own)
                return page.last_id if ended < moment else None
            after_id = page.last_id
        return None

    def _fetch(self, after_id: int, limit: int, *, brief: bool = False, stop: threading.Event | None = None) -> Page:
        params: dict[str, str | int] = {"offset": after_id, "limit": limit}
        if self._format == "json":
            params["format"] = "json"
        rows_of = rows_of_json if self._format == "json" else rows_of_xml
        return self._http.get(_PATH, params, lambda answer: page_of(rows_of(answer), after_id), brief=brief, stop=stop)


def rows_of_xml(answer: Answer) -> list[object]:
    """Read the table in its XML form; every value is an attribute, percent-encoded.

    Raises:
        SourceAnswerError: it is no such table.
    """
    # A clean value costs one call to unquote; NUL can only come in percent-encoded.
    decode = _unquote_storable if b"%00" in answer.body else unquote
    table = xml_of(answer, "cdr-table-askozia")
    return [{name: decode(value) for name, value in row.items()} for row in table.iter("cdr-row")]


def _unquote_storable(value: str) -> str:
    return storable_text(unquote(value))


def rows_of_json(answer: Answer) -> list[object]:
    """Read the table in its JSON form, a plain list of rows.

    Raises:
        SourceAnswerError: it is no such list.
    """
    rows = json_of(answer)
    if not isinstance(rows, list):
        raise SourceAnswerError("JSON, but no list of rows; is `format=json` known to this version?")
    return rows
