"""Call history of an Asterisk from its CDR files: `Master.csv` of `cdr_csv`, or those of `cdr_custom`.

The files only grow at their end and are rotated now and then, so the cursor says how far each was read
(`asterisk_files`). Text goes on as it is, megabytes at a time (`asterisk_rows`); what it means is not
looked at here. Rows stand in a file in the order in which their legs ended.
"""

from __future__ import annotations

import csv
import io
import logging
import lzma
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from resources.telephony.asterisk_files import (
    CdrFile,
    Found,
    find_again,
    find_files,
    is_finished,
    read_bookmarks,
    write_bookmarks,
)
from resources.telephony.asterisk_layouts import Layouts
from resources.telephony.asterisk_rows import Cut, Part, ReadRules, csv_text, cut_block, read_cuts
from resources.telephony.asterisk_window import LONGEST_CALL, TestBlock, calls_between
from resources.telephony.source import (
    Cursor,
    Dialect,
    Extension,
    Look,
    Portion,
    RefusedRow,
    SourceRefusedError,
    SourceUnavailableError,
)

log = logging.getLogger(__name__)


class AsteriskCsvSource:
    """CDR files in a folder this program can read.

    Args:
        pbx_id: the name under which the legs are stored.
        path: the file Asterisk writes; its rotated forms in the same folder, compressed or not, belong
            to it (`Master.csv.1`, `Master.csv-20251026.gz`). Or a pattern with `*`, `?`, `[]`.
        zone: IANA name of the zone of the server's wall clock; "UTC" with `usegmtime=yes`.
        columns: the fields of a `cdr_custom` mapping, in order, by Asterisk's names (`-` for one to
            leave out); the known layouts are told by themselves where absent.
        portion_bytes: about so much text makes a portion.
        fallback_encoding: of rows that are not UTF-8.

    Raises:
        ValueError: a name in `columns` is not a CDR column.
    """

    def __init__(
        self,
        pbx_id: str,
        path: Path | str,
        *,
        zone: str,
        columns: Sequence[str] | None = None,
        portion_bytes: int = 8 << 20,
        fallback_encoding: str = "cp1251",
    ) -> None:
        self._pbx_id = pbx_id
        self._pattern = Path(path).absolute()
        self._zone = ZoneInfo(zone)
        self._rules = ReadRules(Layouts(columns), portion_bytes, fallback_encoding)

    @property
    def pbx_id(self) -> str:
        """The name under which this source's legs are stored."""
        return self._pbx_id

    @property
    def dialect(self) -> Dialect:
        """Which mapping turns the rows into legs."""
        return "asterisk"

    def portions_after(self, cursor: Cursor) -> Iterator[Portion]:
        """Yield what was written since, oldest file first.

        A portion may hold no rows: refused ones only, or just a cursor that has moved.

        Raises:
            SourceUnavailableError: there is no CDR file.
            SourceRefusedError: a file or its folder may not be read.
        """
        found = self._find_again(cursor)
        if not found.places:
            raise SourceUnavailableError(self._no_file())
        marks = {file.inode: mark for file, mark in found.places}
        stored = cursor
        if found.lost:
            log.warning("Source %s: %d CDR files vanished before their end was read", self.pbx_id, len(found.lost))
            stored = write_bookmarks(marks.values())
            yield Portion(stored, refused=found.lost)
        files = [file for file, _ in found.places]
        for file, mark in found.places:
            is_final = is_finished(file, files)
            if not mark.has_news(file, is_final=is_final):
                continue
            try:
                for cut, is_end in _with_last(_cuts(file, mark.offset, self._rules, is_final=is_final)):
                    before = write_bookmarks(marks.values())
                    marks[file.inode] = marks[file.inode].moved(file, cut.end_offset, is_end=is_end)
                    stored = write_bookmarks(marks.values())
                    yield from _portions(cut, before, stored)
                marks[file.inode] = marks[file.inode].moved(file, marks[file.inode].offset, is_end=True)
            except FileNotFoundError:
                log.info("%s of source %s was renamed just now; the next load goes on", file.path, self.pbx_id)
        if write_bookmarks(marks.values()) != stored:
            yield Portion(write_bookmarks(marks.values()))

    def portions_between(self, start_at: datetime, end_at: datetime) -> Iterator[Portion]:
        """Yield all legs of every call that has a leg starting in [start_at, end_at).

        Legs of one call are looked for up to `LONGEST_CALL` outside the interval. Some calls that began
        up to an hour before or after it come as well, whole. Rows that cannot be read are not told
        again: they were when they were new.

        Raises:
            SourceUnavailableError: there is no CDR file.
            SourceRefusedError: a file or its folder may not be read.
        """
        files = find_files(self._pattern).members
        if not files:
            raise SourceUnavailableError(self._no_file())
        # A row is written when its leg ends, so a file not written to since holds nothing of interest.
        oldest = (start_at - LONGEST_CALL).timestamp()
        recent = [file for file in files if file.mtime_ns / 1e9 >= oldest]

        def read_parts(is_wanted: TestBlock) -> Iterator[Part]:
            for file in recent:
                is_final = is_finished(file, files)
                for cut in _cuts(file, 0, self._rules, is_final=is_final, is_wanted=is_wanted):
                    yield from cut.parts

        try:
            for part in calls_between(start_at, end_at, self._zone, read_parts):
                yield Portion({}, csv_text=part.text, csv_columns=part.columns, first_row_id=part.offset)
        except FileNotFoundError as error:
            raise _renamed(error) from error

    def look(self, cursor: Cursor) -> Look:
        """Compare sizes and times of the files with the cursor; nothing is read.

        Raises:
            SourceUnavailableError: there is no CDR file.
            SourceRefusedError: the folder may not be read.
        """
        folder = find_files(self._pattern)
        marks = {mark.inode: mark for mark in read_bookmarks(cursor)}
        files = [*folder.members, *(file for file in folder.others if file.inode in marks)]
        if not files:
            raise SourceUnavailableError(self._no_file())
        seen = []
        for file in files:
            mark = marks.get(file.inode)
            if mark is None:
                seen.append(f"{file.path.name} is new, {file.size} bytes")
            elif mark.has_news(file, is_final=is_finished(file, files)):
                seen.append(f"{file.path.name} has {file.size} bytes, read up to {mark.offset}")
        return Look(bool(seen), "; ".join(seen) or f"{len(files)} CDR files, none written to since")

    def extensions(self) -> list[Extension]:
        """Return nothing: CDR files hold no list of internal numbers."""
        return []

    def close(self) -> None:
        """Let go of nothing: files are open only while they are read."""

    def _find_again(self, cursor: Cursor) -> Found:
        try:
            return find_again(cursor, find_files(self._pattern))
        except FileNotFoundError as error:
            raise _renamed(error) from error

    def _no_file(self) -> str:
        return (
            f"There is no CDR file at {self._pattern}: check the path in the settings, that the folder is "
            "mounted, and that Asterisk writes there (cdr_csv.conf or cdr_custom.conf)."
        )


def read_csv_files(
    paths: Iterable[Path],
    *,
    columns: Sequence[str] | None = None,
    portion_bytes: int = 8 << 20,
    fallback_encoding: str = "cp1251",
) -> Iterator[Portion]:
    """Yield all rows of CDR files handed over, compressed or not, to their very ends.

    Raises:
        FileNotFoundError: there is no such file.
        SourceError: a file cannot be read.
        ValueError: a name in `columns` is not a CDR column.
    """
    rules = ReadRules(Layouts(columns), portion_bytes, fallback_encoding)
    for path in paths:
        for cut in _cuts(CdrFile.at(path), 0, rules, is_final=True):
            yield from _portions(cut, {}, {})


def split_bad_rows(portion: Portion) -> Portion:
    """Go through a portion that COPY refused row by row: keep what is well-formed, refuse the rest."""
    columns = portion.csv_columns
    text = portion.csv_text if portion.csv_text.endswith(b"\n") else portion.csv_text + b"\n"
    cut = cut_block(text, portion.first_row_id, ReadRules(Layouts(columns)), is_last=True)
    kept: list[list[str]] = []
    refused = [*portion.refused, *cut.refused]
    for part in cut.parts:
        for row in csv.reader(io.StringIO(part.text.decode(), newline="")):
            if len(row) == len(columns):
                kept.append(row)
            else:
                refused.append(RefusedRow("a quote inside a field is not doubled", ",".join(row)))
    return replace(portion, csv_text=csv_text(kept), refused=refused)


def _cuts(
    file: CdrFile,
    offset: int,
    rules: ReadRules,
    *,
    is_final: bool,
    is_wanted: TestBlock = lambda _: True,
) -> Iterator[Cut]:
    """Read a file, and say in our words what went wrong, but for its having been renamed."""
    try:
        with file.open() as stream:
            yield from read_cuts(stream, offset, rules, is_final=is_final, is_wanted=is_wanted)
    except FileNotFoundError:
        raise
    except PermissionError as error:
        raise SourceRefusedError(
            f"CDR file {file.path} may not be read: give this program's user the right to."
        ) from error
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise SourceUnavailableError(
            f"CDR file {file.path} cannot be read to its end ({error}). If it is being compressed just now, "
            "the next load will read it; if it is damaged, move it out of the folder."
        ) from error


def _renamed(error: FileNotFoundError) -> SourceUnavailableError:
    return SourceUnavailableError(f"CDR file {error.filename} was renamed just now: try again.")


def _with_last(cuts: Iterable[Cut]) -> Iterator[tuple[Cut, bool]]:
    """Yield the cuts, telling of each whether it is the last."""
    former: Cut | None = None
    for cut in cuts:
        if former:
            yield former, False
        former = cut
    if former:
        yield former, True


def _portions(cut: Cut, before: Cursor, after: Cursor) -> Iterator[Portion]:
    """Make portions of a cut. The cursor moves with the last of them: the others can be repeated."""
    for part in cut.parts[:-1]:
        yield Portion(before, csv_text=part.text, csv_columns=part.columns, first_row_id=part.offset)
    for part in cut.parts[-1:]:
        yield Portion(
            after,
            csv_text=part.text,
            csv_columns=part.columns,
            first_row_id=part.offset,
            refused=cut.refused,
        )
    if not cut.parts:
        yield Portion(after, refused=cut.refused)
