"""CDR text of Asterisk cut into portions that PostgreSQL's COPY takes as they are.

Clean lines pass through untouched, whole blocks at a time. Only lines that stand out (an open quote,
NUL bytes, text that is not UTF-8, an unknown number of fields) are read one by one, mended or refused.

Encodings: Asterisk writes the bytes it was given. Rows are UTF-8; a row that is not is read in
`fallback_encoding`, unless all that is wrong with it is a letter cut in half before a closing quote
(the server cuts names at 79 bytes): that letter becomes U+FFFD.

NUL bytes are never Asterisk's; they come from files damaged by a crash. A row that is whole without
them is taken; otherwise what stands on either side of them is looked at as rows of their own.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

import numpy as np

from resources.telephony.asterisk_layouts import SKIPPED, Columns, Layouts, read_row
from resources.telephony.csv_lines import Lines, Positions, scan
from resources.telephony.source import RefusedRow

MAX_LINE_BYTES = 1 << 17
"""A longer line is no CDR row (Asterisk's own buffer is a few KiB) and is refused: bounds memory."""

_MAX_ROW_BYTES = 1 << 16
_SAMPLED_ROWS = 32
_NO_LAYOUT = -1
_CUT_LETTER = re.compile('\ufffd(?!")')
_WHOLE_LETTER = re.compile("[^\x00-\x7f\ufffd]")


@dataclass(frozen=True)
class ReadRules:
    """How CDR text is read.

    Attributes:
        layouts: the layouts a row may have.
        portion_bytes: about so much text is handed on at once; at least one row.
        fallback_encoding: of rows that are not UTF-8.
    """

    layouts: Layouts = field(default_factory=Layouts)
    portion_bytes: int = 8 << 20
    fallback_encoding: str = "cp1251"


class Part(NamedTuple):
    """Rows of one layout: clean CSV text, and the position of the first of them in the file."""

    columns: Columns
    text: bytes
    offset: int


class Cut(NamedTuple):
    """What a block of text held, and the position in the file after it."""

    parts: list[Part]
    refused: list[RefusedRow]
    end_offset: int


def read_cuts(
    stream: BinaryIO,
    offset: int,
    rules: ReadRules,
    *,
    is_final: bool,
    is_wanted: Callable[[bytes], bool] = lambda _: True,
) -> Iterator[Cut]:
    """Read a file on from `offset` and yield what it holds, block by block.

    Args:
        stream: the file.
        offset: where a row begins.
        rules: how to read.
        is_final: nothing more will be written to the file, so an unfinished last row is all there is of
            it; otherwise it is left for the next reading.
        is_wanted: tells of a block whether it is looked at; others are passed over.
    """
    stream.seek(offset)
    rest = b""
    while True:
        fresh = stream.read(rules.portion_bytes)
        is_end = not fresh
        fresh += stream.readline(MAX_LINE_BYTES)
        block = rest + fresh
        if not block or (is_end and not is_final):
            return
        whole = block if block.endswith(b"\n") else block[: block.rfind(b"\n") + 1]
        if is_end or (not whole and len(block) >= MAX_LINE_BYTES):
            whole = block if block.endswith(b"\n") else block + b"\n"
        if whole and not is_wanted(whole):
            offset += len(whole)
            rest = block[len(whole) :]
        elif whole:
            cut = cut_block(whole, offset, rules, is_last=is_end)
            used = min(cut.end_offset - offset, len(block))
            offset += used
            rest = block[used:]
            if used:
                yield cut._replace(end_offset=offset)
        else:
            rest = block


def cut_block(block: bytes, offset: int, rules: ReadRules, *, is_last: bool) -> Cut:
    """Cut whole lines into parts of one layout each.

    Args:
        block: lines, the last one ended as well.
        offset: where the block stands in its file.
        rules: how to read.
        is_last: nothing follows, so a row that is still open is broken.

    Returns:
        What was found. Where `end_offset` lies before the block's end, the rest begins a row that goes
        on after it.
    """
    lines = scan(block)
    layouts, layout_of = _layouts_of_lines(block, lines, rules.layouts)
    mender = _Mender(block, lines, layout_of, rules)
    used = mender.run(is_last=is_last)
    parts = []
    for layout in dict.fromkeys([*layouts, *mender.rows]):
        number = layouts.index(layout) if layout in layouts else len(layouts)
        chosen = np.flatnonzero(layout_of == number)
        mended = mender.rows.get(layout, [])
        text = lines_text(block, lines, chosen) + csv_text(row for _, row in mended)
        first = min([*lines.starts[chosen[:1]].tolist(), *(position for position, _ in mended[:1])])
        parts.append(Part(*_without_skipped(layout, text), offset + first))
    return Cut(parts, mender.refused, offset + used)


def _layouts_of_lines(block: bytes, lines: Lines, layouts: Layouts) -> tuple[list[Columns], Positions]:
    """Find which layouts the lines have: their list, and per line an index in it or `_NO_LAYOUT`.

    A sample of the lines with one number of fields tells their layout. Where the sample disagrees,
    because options were changed while the server ran, none is given: each line is then read by itself.
    """
    found: list[Columns] = []
    layout_of = np.full(len(lines.ends), _NO_LAYOUT)
    is_clean = ~lines.is_doubtful
    for length in np.unique(lines.fields[is_clean]).tolist():
        if length not in layouts.by_length:
            continue
        chosen = np.flatnonzero(is_clean & (lines.fields == length))
        sample = chosen[np.unique(np.linspace(0, len(chosen) - 1, _SAMPLED_ROWS).astype(int))]
        rows = (read_row(_line(block, lines, number).decode()) for number in sample.tolist())
        met = {layouts.of_row(row) for row in rows if row} - {None}
        if len(met) == 1:
            layout_of[chosen] = len(found)
            found += [layout for layout in met if layout]
    return found, layout_of


def _line(block: bytes, lines: Lines, first: int, last: int | None = None) -> bytes:
    """Return the text of a line, or of all from `first` to `last`, without the end of the last."""
    end = lines.ends[first if last is None else last]
    return block[lines.starts[first] : end].removesuffix(b"\r")


class _Mender:
    """Reads one by one the lines of a block that have no layout yet.

    Attributes:
        rows: what could be read, by layout: position in the block and fields.
        refused: what could not.
    """

    def __init__(self, block: bytes, lines: Lines, layout_of: Positions, rules: ReadRules) -> None:
        self.rows: dict[Columns, list[tuple[int, list[str]]]] = {}
        self.refused: list[RefusedRow] = []
        self._block = block
        self._lines = lines
        self._layout_of = layout_of
        self._rules = rules

    def run(self, *, is_last: bool) -> int:
        """Read the lines; return how many bytes of the block are done with."""
        done_until = 0
        for number in np.flatnonzero(self._layout_of == _NO_LAYOUT).tolist():
            if number < done_until:
                continue
            last = self._closing_line(number) if self._lines.is_odd[number] else number
            if last == len(self._lines.ends) and not is_last:
                return int(self._lines.starts[number])
            if last is not None and last < len(self._lines.ends) and self._take(number, last):
                done_until = last + 1
            else:
                self._take_pieces(number)
        return len(self._block)

    def _closing_line(self, number: int) -> int | None:
        """Return the line that closes the quote left open in this one.

        None where a row of its own begins before, so that this one is broken; the number of lines
        where the block ends before.
        """
        for later in range(number + 1, len(self._lines.ends)):
            if self._layout_of[later] != _NO_LAYOUT:
                return None
            if self._lines.ends[later] - self._lines.starts[number] > _MAX_ROW_BYTES:
                return None
            if self._lines.is_odd[later]:
                return later
        size = len(self._block) - self._lines.starts[number]
        return len(self._lines.ends) if size <= _MAX_ROW_BYTES else None

    def _take(self, first: int, last: int) -> bool:
        """Take the lines `first` to `last` as one row, if they are one."""
        raw = self._raw(first, last).replace(b"\0", b"")
        row = read_row(self._decoded(raw))
        layout = self._rules.layouts.of_row(row) if row else None
        if row is None or layout is None:
            return not raw.strip()
        self.rows.setdefault(layout, []).append((int(self._lines.starts[first]), row))
        return True

    def _take_pieces(self, number: int) -> None:
        """Take what is whole between the NUL bytes of a line that is no row; refuse the rest."""
        for raw in re.split(b"\0+", self._raw(number)):
            row = read_row(self._decoded(raw)) if raw else []
            layout = self._rules.layouts.of_row(row) if row else None
            if row and layout:
                self.rows.setdefault(layout, []).append((int(self._lines.starts[number]), row))
            elif raw.count(b'"') % 2:
                self._refuse("a quote is opened and never closed", raw)
            elif row is None:
                self._refuse("a line is broken inside or too long", raw)
            elif row:
                self._refuse(self._rules.layouts.why_not(row), raw)

    def _refuse(self, reason: str, raw: bytes) -> None:
        self.refused.append(RefusedRow(reason, self._decoded(raw.replace(b"\0", b""))))

    def _raw(self, first: int, last: int | None = None) -> bytes:
        return _line(self._block, self._lines, first, last)

    def _decoded(self, raw: bytes) -> str:
        try:
            return raw.decode()
        except UnicodeDecodeError:
            text = raw.decode(errors="replace")
            if _WHOLE_LETTER.search(text) and not _CUT_LETTER.search(text):
                return text
            return raw.decode(self._rules.fallback_encoding, errors="replace")


def lines_text(block: bytes, lines: Lines, chosen: Positions) -> bytes:
    """Return the text of the chosen lines; the block itself where that is all of it."""
    if len(chosen) == len(lines.ends):
        text = block
    else:
        breaks = np.flatnonzero(np.diff(chosen) != 1)
        firsts = chosen[np.concatenate(([0], breaks + 1))] if len(chosen) else chosen
        lasts = chosen[np.concatenate((breaks, [-1]))] if len(chosen) else chosen
        spans = zip(lines.starts[firsts].tolist(), lines.ends[lasts].tolist(), strict=True)
        text = b"".join(block[start : end + 1] for start, end in spans)
    return text.replace(b"\r\n", b"\n") if b"\r" in text else text


def csv_text(rows: Iterable[list[str]]) -> bytes:
    """Return rows as CSV text."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _without_skipped(columns: Columns, text: bytes) -> tuple[Columns, bytes]:
    """Leave out the fields a mapping given by hand has no column for."""
    if SKIPPED not in columns:
        return columns, text
    kept = [index for index, name in enumerate(columns) if name != SKIPPED]
    rows = csv.reader(io.StringIO(text.decode(), newline=""))
    return tuple(columns[index] for index in kept), csv_text([row[index] for index in kept] for row in rows)
