"""Picks the calls of some days, whole, out of CDR text, without reading every row in Python.

Two passes: the first notes which calls have a leg that starts in the interval, the second takes all
their legs. A block of text in which no wanted date is written at all is passed over in both. That
assumes nothing about the order of rows, which follows neither their start nor their sequence.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from resources.telephony.asterisk_rows import Part, csv_text, lines_text
from resources.telephony.csv_lines import Flags, field_values, scan

LONGEST_CALL = timedelta(days=2)
"""Legs of one call are looked for so far before and after the interval."""

_TIME_BYTES = 19
_ID_BYTES = 80
_MOST_DAYS = 10
_Texts = np.ndarray[tuple[int], np.dtype[np.bytes_]]

TestBlock = Callable[[bytes], bool]
"""Tells of a block of text whether it has to be looked at."""

ReadParts = Callable[[TestBlock], Iterator[Part]]
"""Reads all there is, leaving out blocks that fail the test."""


def calls_between(start_at: datetime, end_at: datetime, zone: ZoneInfo, read_parts: ReadParts) -> Iterator[Part]:
    """Yield all rows of every call that has a leg starting in [start_at, end_at).

    The wall clock shows one hour twice when summer time ends, so an hour more is looked at on either
    side: a few calls come that were not asked for, but they are whole too.
    """
    first = start_at.astimezone(zone).replace(tzinfo=None) - timedelta(hours=1)
    end = end_at.astimezone(zone).replace(tzinfo=None) + timedelta(hours=1)
    seen = [np.empty(0, f"S{_ID_BYTES}")]
    for part in read_parts(_mentions(first, end)):
        rows = _Rows(part)
        seen.append(np.unique(rows.calls()[rows.starts_between(first, end)]))
    calls = np.unique(np.concatenate(seen))
    calls = calls[calls != b""]
    for part in read_parts(_mentions(first - LONGEST_CALL, end + LONGEST_CALL)):
        rows = _Rows(part)
        chosen = np.isin(rows.calls(), calls) | rows.starts_between(first, end)
        if chosen.any():
            yield part._replace(text=rows.text_of(chosen))


class _Rows:
    """The rows of a part, by column."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._lines = scan(part.text)
        self._rows: list[list[str]] | None = None
        if self._lines.is_odd.any():  # A name goes on over a line's end, so lines are not rows.
            self._rows = list(csv.reader(io.StringIO(part.text.decode(), newline="")))

    def calls(self) -> _Texts:
        """Return what groups each row into a call: its linkedid, else its uniqueid, else nothing."""
        linkedid, uniqueid = self._column("linkedid", _ID_BYTES), self._column("uniqueid", _ID_BYTES)
        return np.where(linkedid != b"", linkedid, uniqueid)

    def starts_between(self, first: datetime, end: datetime) -> Flags:
        """Tell which rows start in [first, end), by the wall clock."""
        start = self._column("start", _TIME_BYTES)
        low, high = (str(time)[:_TIME_BYTES].encode() for time in (first, end))
        return (start >= low) & (start < high)

    def text_of(self, chosen: Flags) -> bytes:
        """Return the CSV text of the chosen rows."""
        if self._rows is None:
            return lines_text(self._part.text, self._lines, np.flatnonzero(chosen))
        return csv_text(row for row, is_chosen in zip(self._rows, chosen, strict=True) if is_chosen)

    def _column(self, name: str, width: int) -> _Texts:
        if name not in self._part.columns:
            count = len(self._lines.ends) if self._rows is None else len(self._rows)
            return np.zeros(count, f"S{width}")
        index = self._part.columns.index(name)
        if self._rows is None:
            return field_values(self._part.text, self._lines, index, width)
        return np.array([row[index].encode() for row in self._rows], f"S{width}")


def _mentions(first: datetime, end: datetime) -> TestBlock:
    """Return a test for text in which a date between `first` and `end` is written."""
    days = [first.date() + timedelta(days=count) for count in range((end.date() - first.date()).days + 1)]
    texts = {str(day).encode() if len(days) <= _MOST_DAYS else f"{day:%Y-%m-}".encode() for day in days}
    return lambda block: any(text in block for text in texts)
