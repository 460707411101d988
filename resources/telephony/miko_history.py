"""Call history in MIKO's XML (`history`, `history_record`, `details`), which 1C itself reads.

Served by `amid` (`http://pbx:8000/history/latest`) and by MikoPBX's modules for MegaFon and MTS
(`/pbxcore/mega-pbx/cdr`, `/pbxcore/mts-pbx/cdr`). Public source of the rules: those modules'
`GetController.php`. What to know of it:

- rows are followed by an offset that no row shows: the answer's header `X-MAX-OFFSET` says how far the
  server has looked, rows of other origin included, so pages may be empty and still lead on;
- the modules never report less than the offset asked for, so every page is asked for from one row
  before the known offset: an answer that does not get as far as that offset has not seen the row;
- some of their failures answer an empty list, others an empty body with `X-STATE: FAIL…`;
- values are not escaped, so a single `&` spoils the document: its records are then read one by one;
- MTS re-sends the whole current day each time; stored legs are simply met again;
- `answered` is the moment of asking when nobody answered.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from xml.etree.ElementTree import Element, ParseError, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from resources.telephony.answers import Answer, storable_text, xml_of
from resources.telephony.http import HttpBounds, HttpClient, ahead
from resources.telephony.mikopbx_rows import Row, WholeCalls, last_id_before
from resources.telephony.source import (
    Cursor,
    Dialect,
    Extension,
    Look,
    Portion,
    RefusedRow,
    SourceAnswerError,
    SourceResetError,
)

_LARGEST_LIMIT = 600
_CLOCK_DOUBT = timedelta(hours=2)
_MARGIN = timedelta(days=1)
_LONGEST_CALL = timedelta(days=2)
_PROBED_ROWS = 50
_PROBED_PAGES = 20
_FIRST_LEAP = 5000
_LOOKED_PAGES = 3
_RECORD_FIELDS = ("no", "entire_id", "line", "line_number")
_LEG_FIELDS = (
    "call_id",
    "status",
    "call_flow",
    "queue",
    "start",
    "started",
    "answered",
    "finished",
    "duration",
    "conversation",
    "record_file",
    "voicemail",
    "finish_cause",
)
_RECORD_TEXT = re.compile(r"<history_record\b.*?</history_record>", re.DOTALL)


@dataclass(frozen=True)
class _Page:
    """One answer: its calls, each a list of legs, and how far the server has looked."""

    calls: list[list[Row]]
    refused: list[RefusedRow]
    reached: int | None

    @property
    def legs(self) -> list[Row]:
        return [leg for call in self.calls for leg in call]


class MikoHistorySource:
    """A server of MIKO's history XML.

    A record is one leg, a flat object of the source's own names: those of `history_record` and
    `details`, `from_ext`, `from_number`, `to_ext`, `to_number` (all text, empty when absent), and
    `leg_ordinal`, the leg's place in its record from 1.

    Args:
        pbx_id: the name under which its legs are stored.
        url: the whole address, for example `http://pbx.example.com/pbxcore/mega-pbx/cdr`.
        offset_style: `mega` pages by the header `X-MAX-OFFSET`, which must be there; `mts` re-sends
            the current day at every request and may leave the header out.
        portion_size: rows per portion, 1 to 600; 1C asks for 450.
        bounds: patience with the server.
        ca_file: a PEM file to trust, for a PBX with a self-signed certificate.
        verify_tls: whether an https certificate is checked at all.

    Raises:
        ValueError: an argument is out of range.
    """

    dialect: Dialect = "miko_history"

    def __init__(
        self,
        pbx_id: str,
        url: str,
        *,
        offset_style: Literal["mega", "mts"] = "mega",
        portion_size: int = 450,
        bounds: HttpBounds | None = None,
        ca_file: str = "",
        verify_tls: bool = True,
    ) -> None:
        if not 1 <= portion_size <= _LARGEST_LIMIT:
            raise ValueError(f"{pbx_id}: a portion holds 1 to {_LARGEST_LIMIT} rows, not {portion_size}")
        self.pbx_id = pbx_id
        self._resends_today = offset_style == "mts"
        self._portion_size = portion_size
        self._http = HttpClient(pbx_id, url, bounds=bounds, ca_file=ca_file, verify_tls=verify_tls)

    def portions_after(self, cursor: Cursor) -> Iterator[Portion]:
        """Yield what the server has after `cursor`, the row at the cursor once more included.

        Raises:
            SourceResetError: the rows no longer reach the cursor's offset, though there are rows.
                Deleting exactly the newest row looks the same; the full reading that follows is
                then needless, but harmless.
            SourceError: the server did not answer as it should.
        """
        offset = _offset_of(cursor)

        def portions(stop: threading.Event) -> Iterator[Portion]:
            for page in self._pages(offset, stop):
                place = offset if page.reached is None else page.reached
                yield Portion({"v": 1, "offset": place}, records=page.legs, refused=page.refused)

        return ahead(portions)

    def portions_between(self, start_at: datetime, end_at: datetime) -> Iterator[Portion]:
        """Yield all legs of every call that has a leg starting in [start_at, end_at).

        The protocol has no filter by date. A place among the offsets is sought by halving, up to
        which every call shown had ended two days before `start_at`; from there everything is read to
        the newest row, because a call may be entered at any time after it took place.

        Promised: every call, whole, entered in the order of the calls give or take two days. A bulk
        import of old calls (fifty and more in a row) entered after `start_at` may hide what was
        entered before it. A server of style `mts` shows today's calls at every offset, so there all
        rows are read. Calls that start up to two hours outside the interval may come too, whole.

        Raises:
            SourceError: the server did not answer as it should.
        """

        def nearness(leg: Row) -> Literal["inside", "near", "far"]:
            started_at = _moment_of(leg["started"])
            if started_at is None or start_at - _CLOCK_DOUBT <= started_at < end_at + _CLOCK_DOUBT:
                return "inside"
            return "near" if start_at - _MARGIN <= started_at < end_at + _MARGIN else "far"

        def portions(stop: threading.Event) -> Iterator[Portion]:
            offset = last_id_before(
                lambda after: self._ended_before(start_at - _LONGEST_CALL, after, stop),
                _FIRST_LEAP,
                self._portion_size,
            )
            calls = WholeCalls(lambda leg: str(leg["entire_id"]), nearness)
            for page in self._pages(offset, stop):
                legs = calls.release(page.legs)
                if legs or page.refused:
                    yield Portion({}, records=legs, refused=page.refused)

        return ahead(portions)

    def look(self, cursor: Cursor) -> Look:
        """Ask for the row at `cursor` and the one after it.

        When something follows, up to three pages are looked through for a call: on a PBX whose own
        calls are foreign to this list, a load would find nothing most of the time.
        """
        offset = _offset_of(cursor)
        try:
            page = self._page_over(offset, 1, None, brief=True)
        except SourceResetError as error:
            return Look(has_news=True, seen=str(error), is_reset=True)
        if page.reached is None:
            return Look(bool(page.calls), f"{len(page.calls)} calls shown, without an offset")
        if page.reached == offset:
            return Look(False, f"nothing after offset {offset}")
        reached = offset
        for _ in range(_LOOKED_PAGES):
            page = self._fetch(reached, self._portion_size, None, brief=True)
            if page.calls or page.refused:
                return Look(True, f"calls after offset {reached}")
            if page.reached is None or page.reached <= reached:
                return Look(False, f"only rows of other origin after offset {offset}")
            reached = page.reached
        return Look(True, f"rows of other origin up to offset {reached}, stored up to {offset}")

    def extensions(self) -> list[Extension]:
        """Return nothing: the protocol has no such list."""
        return []

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()

    def _pages(self, offset: int, stop: threading.Event) -> Iterator[_Page]:
        """Yield the pages after `offset` up to the newest row, without the call that pages share."""
        last_call: list[Row] = []
        is_first = True
        while True:
            page = self._page_over(offset, self._portion_size, stop)
            calls = page.calls[1:] if page.calls[:1] == [last_call] else page.calls
            is_onward = page.reached is not None and page.reached > offset
            if is_onward or (is_first and self._resends_today and (calls or page.refused)):
                yield _Page(calls, page.refused, page.reached)
            if page.reached is None or not is_onward:
                return
            offset, last_call, is_first = page.reached, page.calls[-1] if page.calls else [], False

    def _page_over(self, offset: int, size: int, stop: threading.Event | None, *, brief: bool = False) -> _Page:
        """Fetch up to `size` rows after `offset` together with the row at it.

        Raises:
            SourceResetError: the server has rows, but none at or after `offset`.
            SourceAnswerError: the server has no rows, or contradicts itself.
        """
        if not offset:
            return self._fetch(0, size, stop, brief=brief)
        page = self._fetch(offset - 1, size + 1, stop, brief=brief)
        if page.reached is None or page.reached >= offset:
            return page
        anything = self._fetch(0, 1, stop, brief=brief)
        again = self._fetch(offset - 1, size + 1, stop, brief=brief)
        if again.reached is not None and again.reached >= offset:
            return again
        if not anything.reached:
            raise SourceAnswerError(
                f"{self.pbx_id}: an empty list, although rows up to offset {offset} were there: either a "
                "failure inside the PBX, or its call database was emptied; the load goes on by itself "
                "when rows are there again"
            )
        raise SourceResetError(
            f"{self.pbx_id}: no row at or after offset {offset}, but lower ones: the PBX's call database "
            "was restored or replaced"
        )

    def _ended_before(self, moment_at: datetime, offset: int, stop: threading.Event) -> int | None:
        """Look at the next calls; return the offset reached if all of them ended before `moment_at`."""
        for _ in range(_PROBED_PAGES):
            page = self._fetch(offset, _PROBED_ROWS, stop)
            if page.reached is None or page.reached <= offset:
                return None
            if page.calls:
                ended = [_moment_of(leg["finished"] or leg["started"]) for leg in page.legs]
                is_before = all(ended_at is not None and ended_at < moment_at for ended_at in ended)
                return page.reached if is_before else None
            offset = page.reached
        return None

    def _fetch(self, offset: int, limit: int, stop: threading.Event | None, *, brief: bool = False) -> _Page:
        return self._http.get(
            "", {"offset": offset, "limit": min(limit, _LARGEST_LIMIT)}, self._page_of, brief=brief, stop=stop
        )

    def _page_of(self, answer: Answer) -> _Page:
        state = answer.headers.get("X-STATE", "")
        if state.upper().startswith("FAIL"):
            raise SourceAnswerError(f"the PBX reports {state[:40]}: its own queue timed out")
        reached = answer.headers.get("X-MAX-OFFSET", "")
        if not reached.isdecimal() and (reached or not self._resends_today):
            raise SourceAnswerError(
                "the header X-MAX-OFFSET is missing or no number; is the URL that of a history list?"
            )
        return _Page(*calls_of(answer), int(reached) if reached else None)


def calls_of(answer: Answer) -> tuple[list[list[Row]], list[RefusedRow]]:
    """Read a history document: its calls, each a list of legs, and the records refused.

    Raises:
        SourceAnswerError: it is no such document, or cut.
    """
    calls: list[list[Row]] = []
    refused: list[RefusedRow] = []
    for record in _records_of(answer):
        if isinstance(record, RefusedRow):
            refused.append(record)
            continue
        legs, refusals = _legs_of(record)
        refused += refusals
        if legs:
            calls.append(legs)
    return calls, refused


def _offset_of(cursor: Cursor) -> int:
    offset = cursor.get("offset") if cursor.get("v") == 1 else 0
    return offset if isinstance(offset, int) and offset > 0 else 0


def _records_of(answer: Answer) -> Iterator[Element | RefusedRow]:
    """Yield the records of the document, or of what can be read of it when it is complete but spoilt."""
    text = storable_text(answer.body.decode("utf-8", "replace")).strip()
    try:
        history = xml_of(answer, "history")
    except SourceAnswerError as error:
        is_complete = text.startswith("<") and text.endswith("</history>")
        if not is_complete or not isinstance(error.__cause__, ParseError):
            raise
    else:
        yield from history.iter("history_record")
        return
    for record in _RECORD_TEXT.findall(text):
        try:
            yield fromstring(record)
        except (ParseError, DefusedXmlException):
            yield RefusedRow("the record is no well-formed XML", record)


def _legs_of(record: Element) -> tuple[list[Row], list[RefusedRow]]:
    """Read a call's legs; `from` and `to` follow the `details` they belong to."""
    legs: list[Row] = []
    for element in record:
        if element.tag == "details":
            leg = {name: record.get(name, "") for name in _RECORD_FIELDS}
            leg |= {name: element.get(name, "") for name in _LEG_FIELDS}
            leg |= dict.fromkeys(("from_ext", "from_number", "to_ext", "to_number"), "")
            legs.append({**leg, "leg_ordinal": len(legs) + 1})
        elif element.tag in ("from", "to") and legs:
            legs[-1][f"{element.tag}_ext"] = element.get("ext", "")
            legs[-1][f"{element.tag}_number"] = element.get("number", "")
    if not record.get("entire_id"):
        return [], [RefusedRow("the record has no entire_id", tostring(record, "unicode"))]
    if not legs:
        return [], [RefusedRow("the record has no legs", tostring(record, "unicode"))]
    dated = [leg for leg in legs if leg["started"] or leg["start"]]
    undated = len(legs) - len(dated)
    refused = [RefusedRow(f"{undated} legs of the record have no date", tostring(record, "unicode"))]
    return dated, refused if undated else []


def _moment_of(text: str) -> datetime | None:
    try:
        moment_at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment_at if moment_at.tzinfo else None
