"""Call history of an Asterisk from its CDR table: PostgreSQL or MySQL/MariaDB, any subset of columns.

The tables of `cdr_pgsql`, `cdr_adaptive_odbc` and FreePBX (`asteriskcdrdb.cdr`) promise no key, and a
row is written when its leg ends: neither its start nor its sequence tells what is new. So the newest
hours are counted in steps of ten minutes, and only steps whose count changed are read again; the load
tells new rows from old ones by their keys. How the table is asked is in `asterisk_table`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from resources.telephony.asterisk_table import STEP, UNDATED, CdrTable, Record, Span
from resources.telephony.source import (
    Cursor,
    Dialect,
    Extension,
    Look,
    Portion,
    SourceAnswerError,
    SourceResetError,
)

LONGEST_CALL = timedelta(days=2)
"""Legs of one call are looked for so far before and after an interval that is read again."""

_CURSOR_VERSION = 1


class _Newest(NamedTuple):
    """The newest part of a table.

    Attributes:
        start: the latest start; None where no row has one.
        counts: rows by the step they start in, `UNDATED` those without a start.
    """

    start: datetime | None
    counts: dict[str, int]

    @classmethod
    def read(cls, cursor: Cursor) -> _Newest | None:
        """Return what a cursor remembers; None at the beginning, or where it is of another version."""
        if cursor.get("v") != _CURSOR_VERSION or not cursor["newest"]:
            return None
        return cls(datetime.fromisoformat(cursor["newest"]), cursor["counts"])

    def cursor(self, window: timedelta) -> Cursor:
        """Return the cursor that remembers this, as far back as the window reaches."""
        if self.start is None:
            return {"v": _CURSOR_VERSION, "newest": None, "counts": self.counts}
        oldest = str(self.start - window)
        kept = {step: rows for step, rows in self.counts.items() if step == UNDATED or step >= oldest[: len(step)]}
        return {"v": _CURSOR_VERSION, "newest": str(self.start), "counts": kept}


class AsteriskSqlSource:
    """A CDR table in a database this program can reach; nothing is ever written to it.

    Args:
        pbx_id: the name under which the legs are stored.
        url: `postgresql://…` or `mysql://…` (for MariaDB too).
        zone: IANA name of the zone of the server's wall clock.
        table: name of the table, after its schema and a dot where that is not the usual one.
        window_hours: so far back from the newest start rows may still appear.
        page_rows: about so many rows make a portion.

    Raises:
        ValueError: the URL names another kind of database.
    """

    def __init__(
        self,
        pbx_id: str,
        url: str,
        *,
        zone: str,
        table: str = "cdr",
        window_hours: int = 24,
        page_rows: int = 5_000,
    ) -> None:
        self._pbx_id = pbx_id
        self._table = CdrTable(url, table, zone)
        self._window = timedelta(hours=window_hours)
        self._page_rows = page_rows

    @property
    def pbx_id(self) -> str:
        """The name under which this source's legs are stored."""
        return self._pbx_id

    @property
    def dialect(self) -> Dialect:
        """Which mapping turns the rows into legs."""
        return "asterisk"

    def portions_after(self, cursor: Cursor) -> Iterator[Portion]:
        """Yield rows that may be new: at first all of them, then those of the steps that changed.

        Rows that start in the same second always come in one portion. A portion may hold no rows, only
        a cursor that has moved.

        Raises:
            SourceUnavailableError: the database does not answer.
            SourceRefusedError: it refuses us, or has no such table.
            SourceAnswerError: the table is empty though it was not.
            SourceResetError: the newest start went back by more than the window: another database.
        """
        former = _Newest.read(cursor)
        newest = self._newest(former)
        spans = self._changed(former, newest) if former else [Span(None, None)]
        page = None
        for following in self._table.pages(spans, self._page_rows):
            if page:
                # The counts are true only when all is read. A load cut off before begins this one anew;
                # only the very first goes on from where it was, less the window.
                reached = _Newest(_latest_start(page, newest.start), {}).cursor(self._window)
                done = cursor if former else reached
                yield Portion(done, records=page)
            page = following
        if page or newest.cursor(self._window) != cursor:
            yield Portion(newest.cursor(self._window), records=page or ())

    def portions_between(self, start_at: datetime, end_at: datetime) -> Iterator[Portion]:
        """Yield all legs of every call that has a leg starting in [start_at, end_at).

        Legs of one call are looked for up to `LONGEST_CALL` outside the interval. The wall clock shows
        one hour twice when summer time ends, so calls come that began up to an hour outside.

        Raises:
            SourceUnavailableError: the database does not answer.
            SourceRefusedError: it refuses us, or has no such table.
        """
        start, end = (self._table.wall_clock(instant) for instant in (start_at, end_at))
        inside = Span(start - timedelta(hours=1), end + timedelta(hours=1))
        around = Span(start - LONGEST_CALL, end + LONGEST_CALL)
        for page in self._table.pages_of_calls(inside, around, self._page_rows):
            yield Portion({}, records=page)

    def look(self, cursor: Cursor) -> Look:
        """Count the newest rows and compare with the cursor.

        Raises:
            SourceUnavailableError: the database does not answer.
            SourceRefusedError: it refuses us, or has no such table.
            SourceAnswerError: the table is empty though it was not.
        """
        former = _Newest.read(cursor)
        try:
            newest = self._newest(former)
        except SourceResetError as reset:
            return Look(has_news=True, seen=str(reset), is_reset=True)
        has_news = bool(self._changed(former, newest) if former else newest.counts)
        rows = sum(newest.counts.values())
        return Look(has_news, f"newest start {newest.start}, {rows} rows in the window before it")

    def count_rows(self, spans: Sequence[tuple[datetime, datetime]]) -> list[int]:
        """Return for each span how many rows start in it by the server's wall clock.

        Raises:
            SourceUnavailableError: the database does not answer.
            SourceRefusedError: it refuses us, or has no such table.
        """
        return self._table.count([self._span(start_at, end_at) for start_at, end_at in spans])

    def portions_within(self, spans: Sequence[tuple[datetime, datetime]]) -> Iterator[Portion]:
        """Yield exactly the rows that `count_rows` counts.

        Raises:
            SourceUnavailableError: the database does not answer.
            SourceRefusedError: it refuses us, or has no such table.
        """
        for page in self._table.pages([self._span(start_at, end_at) for start_at, end_at in spans], self._page_rows):
            yield Portion({}, records=page)

    def extensions(self) -> list[Extension]:
        """Return nothing: a CDR table holds no list of internal numbers."""
        return []

    def close(self) -> None:
        """Let go of nothing: connections are open only while they are used."""

    def _span(self, start_at: datetime, end_at: datetime) -> Span:
        return Span(self._table.wall_clock(start_at), self._table.wall_clock(end_at))

    def _newest(self, former: _Newest | None) -> _Newest:
        """Look at the newest part of the table, back to what `former` remembers."""
        with self._table.connected() as connection:
            start = self._table.newest_start(connection)
            oldest = former.start if former and start and not self._is_far_behind(former, start) else start
            counts = self._table.counts(connection, oldest - self._window if oldest else None)
        if former and former.start:
            if start is None:
                raise SourceAnswerError(
                    f"The CDR table of {self.pbx_id} is empty, though rows up to {former.start} were read from "
                    "it. Nothing was changed; check that this is the right database."
                )
            if start < former.start - self._window:
                raise SourceResetError(
                    f"The newest call of {self.pbx_id} started at {start}, though one of {former.start} was "
                    "read: this is an older copy of the database, or another."
                )
        return _Newest(start, counts)

    def _changed(self, former: _Newest, newest: _Newest) -> list[Span]:
        """Return the steps whose rows are others than they were, neighbours joined."""
        spans: list[Span] = []
        if former.start and newest.start and self._is_far_behind(former, newest.start):
            same = former.counts.get(UNDATED) == newest.counts.get(UNDATED)
            return [*([] if same else [Span.undated()]), Span(former.start - self._window, None)]
        for step, count in sorted(newest.counts.items()):
            if former.counts.get(step) == count:
                continue
            if step == UNDATED:
                spans.append(Span.undated())
                continue
            start = datetime.fromisoformat(f"{step}0:00")
            if spans and spans[-1].end == start:
                start = spans.pop().start or start
            spans.append(Span(start, datetime.fromisoformat(f"{step}0:00") + STEP))
        return spans

    def _is_far_behind(self, former: _Newest, newest_start: datetime) -> bool:
        """Tell whether so much came that counting it step by step is no use."""
        return former.start is not None and newest_start - former.start > self._window


def _latest_start(page: Sequence[Record], newest: datetime | None) -> datetime | None:
    """Return how far the rows of a page go, but for a start in the future."""
    last = str(page[-1]["start"])
    return min(datetime.fromisoformat(last), newest) if newest and last[:4].isdigit() and last > "1971" else None
