"""The contract between a telephony server and the history load.

A source answers in its own words: rows keyed by its own column names, text as it was written. It
pages, retries, notices when the server misbehaves or was reset, and names rows it could not even
read. It does not interpret calls; `assets.history` maps each dialect's rows to legs in SQL.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

Dialect = Literal["mikopbx", "miko_history", "asterisk"]
"""Whose column names and habits the rows follow; picks the mapping in `assets/history/sql`."""

Cursor = dict[str, Any]
"""Where a source stands, as JSON. Empty means "from the beginning". Only its source reads it."""


@dataclass(frozen=True)
class RefusedRow:
    """A row that could not be read at all: goes to `quarantine`, the load goes on."""

    reason: str
    raw: str


@dataclass(frozen=True)
class Portion:
    """What one answer of a source held, to be stored in one transaction together with `cursor`.

    Exactly one of `records` and `csv_text` is filled.

    Attributes:
        cursor: where to go on once these rows are stored.
        records: rows as JSON objects keyed by the source's own column names.
        csv_text: rows as CSV (comma, double quotes doubled, no header), well-formed: every row has
            `len(csv_columns)` fields. The fast road for big files.
        csv_columns: the source's own column names of `csv_text`.
        first_row_id: for CSV, the position of the first row; row n gets `first_row_id + n`.
        refused: rows that could not be read.
    """

    cursor: Cursor
    records: Sequence[Mapping[str, Any]] = ()
    csv_text: bytes = b""
    csv_columns: tuple[str, ...] = ()
    first_row_id: int = 0
    refused: Sequence[RefusedRow] = ()


@dataclass(frozen=True)
class Look:
    """A cheap look at a source: is there anything a load would find?

    Attributes:
        has_news: whether a load started now would find rows it has not stored.
        seen: what was seen, for people ("newest id 1042, stored up to 1042").
        is_reset: the source's ids began anew (a restored or replaced database).
    """

    has_news: bool
    seen: str
    is_reset: bool = False


@dataclass(frozen=True)
class Extension:
    """An internal number of the telephony server and the name it shows."""

    number: str
    name: str
    mobile: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)


class TelephonySource(Protocol):
    """A server that keeps call history.

    Every method may raise `SourceError`. A source never takes an empty, cut or foreign answer for
    "no rows": that is a `SourceError` too.
    """

    @property
    def pbx_id(self) -> str:
        """The name under which this source's legs are stored."""

    @property
    def dialect(self) -> Dialect:
        """Which mapping turns the rows into legs."""

    def portions_after(self, cursor: Cursor) -> Iterator[Portion]:
        """Yield what was finalised after `cursor`, oldest first, until the source has no more.

        Raises:
            SourceResetError: the ids began anew; the caller starts again from an empty cursor.
        """

    def portions_between(self, start_at: datetime, end_at: datetime) -> Iterator[Portion]:
        """Yield all legs of every call that has a leg starting in [start_at, end_at).

        Whole calls: legs of such a call that start outside the interval come too. The portions'
        cursors are meaningless here and are not stored.
        """

    def look(self, cursor: Cursor) -> Look:
        """Compare the source's newest row with `cursor`: one small request, no retries beyond two."""

    def extensions(self) -> list[Extension]:
        """Return the internal numbers the server knows; empty where it has no such list."""

    def close(self) -> None:
        """Let go of connections."""


class IdRange(NamedTuple):
    """Row ids from `first` to `last`, both included."""

    first: int
    last: int


@runtime_checkable
class NumberedSource(Protocol):
    """A source whose rows bear ids that follow one another: a missing one is a hole to ask about."""

    def last_id(self, cursor: Cursor) -> int:
        """Return the highest id read up to `cursor`; 0 at the beginning."""

    def portions_of_ids(self, ranges: Sequence[IdRange]) -> Iterator[Portion]:
        """Yield the rows whose ids lie in `ranges`, as far as the source has any."""


@runtime_checkable
class CountingSource(Protocol):
    """A source that tells cheaply how many rows it has."""

    def count_rows(self, spans: Sequence[tuple[datetime, datetime]]) -> list[int]:
        """Return for each [start, end) how many rows start in it by the server's wall clock."""

    def portions_within(self, spans: Sequence[tuple[datetime, datetime]]) -> Iterator[Portion]:
        """Yield exactly the rows that `count_rows` counts, whatever calls they belong to."""


class SourceError(Exception):
    """The source could not be read. The text says what happened, where, and what to do."""


class SourceUnavailableError(SourceError):
    """Asked within bounds and with patience, the source did not give a usable answer; later may help."""


class SourceRefusedError(SourceError):
    """The source understood and refused (credentials, rights, bad request); asking again cannot help."""


class SourceAnswerError(SourceError):
    """The answer cannot be what it claims to be: empty, cut, capped, or another kind of document."""


class SourceResetError(SourceError):
    """The source's ids began anew below our cursor: a restored or replaced database."""
