"""Rows of MikoPBX's call table, followed by their id: pages, the cursor, the walk, whole calls.

What both of its end points (REST v3 and `get_data`) have in common. Facts relied on (public source:
MikoPBX core, `WorkerCdr` and the CDR models): a row gets its id when the whole call is finalised, so
ids follow the end of calls and never their start; ids are never given twice by one database; rows may
be deleted later; a restored or replaced database counts anew.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from resources.telephony.source import (
    Cursor,
    IdRange,
    Portion,
    RefusedRow,
    SourceAnswerError,
    SourceResetError,
)

_log = logging.getLogger(__name__)

Row = dict[str, Any]
_LARGEST_ID = 2**63 - 1
_REMEMBERED_ROWS = 8


class Mark(NamedTuple):
    """A row's id and the leg (`UNIQUEID`) that bears it, empty for a refused row: its identity."""

    row_id: int
    leg: str


@dataclass(frozen=True)
class Page:
    """One answer's rows in the order of their ids, without repeats.

    Attributes:
        rows: the readable rows.
        refusals: the others, each with its id (0 when it has none).
        marks: of every row with a usable id, refused or not, ascending.
        is_last: the server says that no rows follow. An empty page without it proves nothing.
    """

    rows: Sequence[Row]
    refusals: Sequence[tuple[int, RefusedRow]]
    marks: Sequence[Mark]
    is_last: bool = False

    @property
    def refused(self) -> list[RefusedRow]:
        """The refused rows without their ids."""
        return [refused for _, refused in self.refusals]

    @property
    def last_id(self) -> int:
        """The highest id of the page; 0 when it has none."""
        return self.marks[-1].row_id if self.marks else 0

    def beyond(self, known: Mark) -> Page:
        """Return the page without the rows up to the one known, which may itself have been refused."""
        row_id, leg = known
        return Page(
            [row for row in self.rows if id_of(row) > row_id],
            [refusal for refusal in self.refusals if leg or refusal[0] != row_id],
            [mark for mark in self.marks if mark.row_id > row_id],
            self.is_last,
        )


Fetch = Callable[[int, int], Page]
"""Fetches the rows after an id, at most so many."""


def id_of(row: Row) -> int:
    """Return the row's id; 0 when it has none that can be one."""
    value = row.get("id")
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    return value if type(value) is int and 0 < value <= _LARGEST_ID else 0


def page_of(items: Sequence[object], after_id: int, *, is_last: bool = False) -> Page:
    """Sort the rows of an answer by id, drop repeats and refuse what has no identity.

    The order in the answer is not trusted. Of several rows with the same id and leg the last counts.

    Raises:
        SourceAnswerError: a row stands at or below `after_id`, or the rows are whole calls.
    """
    found: dict[Mark, Row] = {}
    refusals: list[tuple[int, RefusedRow]] = []
    marks: set[Mark] = set()
    for item in items:
        if not isinstance(item, dict):
            refusals.append((0, _refused("the row is no object", item)))
            continue
        row_id = id_of(item)
        if not row_id:
            if isinstance(item.get("records"), list):
                raise SourceAnswerError(
                    "whole calls came although single legs were asked for: this firmware cannot be "
                    "followed by id over REST; use its get_data end point or update it"
                )
            refusals.append((0, _refused("the row has no usable id", item)))
            continue
        missing = [name for name in ("UNIQUEID", "linkedid") if not _is_name(item.get(name))]
        mark = Mark(row_id, "" if missing else item["UNIQUEID"])
        marks.add(mark)
        if missing:
            refusals.append((row_id, _refused(f"the row has no {' and no '.join(missing)}", item)))
        else:
            found[mark] = item
    ordered = sorted(marks)
    if ordered and ordered[0].row_id <= after_id:
        raise SourceAnswerError(
            f"rows after id {after_id} were asked for, but id {ordered[0].row_id} came: the server "
            "does not follow ids; nothing was stored"
        )
    return Page([found[mark] for mark in ordered if mark in found], refusals, ordered, is_last)


@dataclass(frozen=True)
class Place:
    """Where a walk along the ids stands: the newest rows handed out, newest first.

    Several are remembered, so that deleting the newest call is told from a replaced database.

    Attributes:
        pbx_id: whose rows, for messages.
        marks: the rows; the leg is empty where the row was refused or only its id is known.
    """

    pbx_id: str
    marks: tuple[Mark, ...] = ()

    @classmethod
    def of(cls, pbx_id: str, cursor: Cursor) -> Place:
        """Read a cursor `{"v": 1, "last_id": …, "last_leg": …, "earlier": [[id, leg], …]}`.

        A cursor that cannot be read begins anew: a full load repeats rows, a wrong place loses them.
        """
        if not cursor:
            return cls(pbx_id)
        try:
            if cursor["v"] != 1:
                raise ValueError(cursor["v"])
            pairs = [(cursor["last_id"], cursor["last_leg"]), *cursor.get("earlier", [])]
            marks = tuple(Mark(int(row_id), str(leg)) for row_id, leg in pairs)
        except (LookupError, TypeError, ValueError):
            _log.warning("%s: the cursor cannot be read; its history is loaded from the start", pbx_id)
            return cls(pbx_id)
        return cls(pbx_id, marks)

    @property
    def last(self) -> Mark:
        """The newest row handed out; at the beginning one with id 0 and a leg that no row bears."""
        return self.marks[0] if self.marks else Mark(0, "-")

    @property
    def last_id(self) -> int:
        """The highest id handed out; 0 at the beginning."""
        return self.last.row_id

    def moved(self, page: Page) -> Place:
        """Return the place after `page`."""
        newest = tuple(reversed(page.marks[-_REMEMBERED_ROWS:]))
        return Place(self.pbx_id, (newest + self.marks)[:_REMEMBERED_ROWS])

    def cursor(self) -> Cursor:
        """Return this place as a cursor."""
        if not self.marks:
            return {}
        last, *earlier = self.marks
        return {
            "v": 1,
            "last_id": last.row_id,
            "last_leg": last.leg,
            "earlier": [[mark.row_id, mark.leg] for mark in earlier],
        }

    def is_denied_by(self, marks: Sequence[Mark]) -> bool:
        """Tell whether an id handed out earlier now belongs to another leg."""
        legs = {mark.row_id: mark.leg for mark in self.marks if mark.leg}
        return any(mark.leg and legs.get(mark.row_id, mark.leg) != mark.leg for mark in marks)

    def is_confirmed_by(self, marks: Sequence[Mark]) -> bool:
        """Tell whether one of the rows handed out earlier is among `marks`."""
        legs = {mark.row_id: mark.leg for mark in self.marks}
        return any(legs.get(mark.row_id) in ("", mark.leg) for mark in marks)

    def is_reset_by(self, newest: Mark | None) -> bool:
        """Tell whether `newest`, the source's newest row, shows that its ids began anew."""
        if newest is None:
            return self.last_id > 0
        return newest.row_id <= self.last_id and newest not in self.marks

    def check(self, page: Page, fetch: Fetch) -> None:
        """Check that `page`, asked for with an overlap of one row, continues the known history.

        A missing overlap row alone is no reset: rows may be deleted. With nothing at or after it, the
        rows remembered before it decide.

        Raises:
            SourceResetError: the ids began anew.
            SourceAnswerError: the answers contradict each other.
        """
        if not self.marks:
            return
        if self.is_denied_by(page.marks):
            raise SourceResetError(f"{self.pbx_id}: row {self.last_id} is another leg now: {_RESET}")
        if page.marks:
            return
        oldest = self.marks[-1].row_id
        remembered = fetch(oldest - 1, len(self.marks))
        is_silent = not remembered.marks and not remembered.is_last and not fetch(0, 1).marks
        if is_silent or remembered.last_id >= self.last_id:
            raise SourceAnswerError(
                f"{self.pbx_id}: an empty list, although rows up to id {self.last_id} were there: either a failure "
                "inside the PBX, or its call database was emptied; the load goes on by itself when "
                "rows are there again"
            )
        if self.is_denied_by(remembered.marks) or not self.is_confirmed_by(remembered.marks):
            raise SourceResetError(f"{self.pbx_id}: the newest known rows, up to {self.last_id}, are gone: {_RESET}")


_RESET = "the PBX's call database was restored or replaced"


def walk(place: Place, fetch: Fetch, portion_size: int, largest_limit: int) -> Iterator[Portion]:
    """Yield portions of rows after `place`, each page asked for with an overlap of one row.

    The overlap makes every page prove that it continues the one before: an empty list can then be
    told from the end of the data, and a database replaced meanwhile is noticed.

    Raises:
        SourceResetError: see `Place.check`.
        SourceAnswerError: a page full of rows without ids, or `fetch` says so.
    """
    while True:
        overlap = 1 if place.last_id else 0
        limit = min(portion_size + overlap, largest_limit)
        page = fetch(place.last_id - overlap, limit)
        place.check(page, fetch)
        if page.marks and not page.is_last and page.marks[0].row_id != place.last_id:
            _check_order(place, page, fetch, overlap, limit)
        fresh = page.beyond(place.last)
        if not fresh.marks and fresh.refusals and limit < largest_limit:
            # Rows without ids fill a small page: look past them.
            limit = largest_limit
            fresh = fetch(place.last_id, limit).beyond(place.last)
        if not fresh.marks and len(fresh.refusals) >= limit:
            raise SourceAnswerError(f"{place.pbx_id}: no row after id {place.last_id} has an id")
        if not fresh.marks and not fresh.refusals:
            return
        place = place.moved(fresh)
        yield Portion(place.cursor(), records=fresh.rows, refused=fresh.refused)
        if fresh.is_last or not fresh.marks:
            return


def walk_ranges(pbx_id: str, ranges: Sequence[IdRange], fetch: Fetch, portion_size: int) -> Iterator[Portion]:
    """Yield the rows whose ids lie in `ranges`.

    Requests are what a PBX counts, so ranges that one page can hold are asked for together, and only the
    wanted rows of it are handed on.

    Raises:
        SourceAnswerError: nothing came and nothing says that there is nothing.
    """
    waiting = sorted(ranges)
    while waiting:
        after_id = waiting[0].first - 1
        together = [wanted for wanted in waiting if wanted.last - after_id <= portion_size] or waiting[:1]
        page = fetch(after_id, min(together[-1].last - after_id, portion_size))
        if not page.marks and not page.is_last and not fetch(0, 1).marks:
            raise SourceAnswerError(f"{pbx_id}: an empty list from id 1 on: a failure inside the PBX")
        wanted_ids = [range(wanted.first, wanted.last + 1) for wanted in together]

        def is_wanted(row_id: int, wanted_ids: Sequence[range] = wanted_ids) -> bool:
            return any(row_id in ids for ids in wanted_ids)

        yield Portion(
            {},
            records=[row for row in page.rows if is_wanted(id_of(row))],
            refused=[refused for row_id, refused in page.refusals if is_wanted(row_id)],
        )
        # A page may be capped below what was asked for; an empty one has nothing up to the next row.
        reached = page.last_id if page.marks and page.last_id < together[-1].last else together[-1].last
        waiting = [IdRange(max(ids.first, reached + 1), ids.last) for ids in waiting if ids.last > reached]


def _check_order(place: Place, page: Page, fetch: Fetch, overlap: int, limit: int) -> None:
    """Check that `page` holds the lowest ids that follow.

    A server that ignores the order shows the newest rows, and all between would be lost. Its lowest
    id then changes with the number of rows asked for.
    """
    again = fetch(place.last_id - overlap, 2 if limit == 1 else 1)
    if again.marks and again.marks[0].row_id != page.marks[0].row_id:
        raise SourceAnswerError(
            f"{place.pbx_id}: after id {place.last_id} the server shows other rows when asked for fewer: "
            "it does not list them from the lowest id on; nothing was stored"
        )


def wall_text(moment_at: datetime, zone: ZoneInfo) -> str:
    """Return an instant as the PBX's clock showed it, in the form of the column `start`."""
    return f"{moment_at.astimezone(zone):%Y-%m-%d %H:%M:%S}"


def call_of(row: Row) -> str:
    """Return the key of the call that the row is a leg of."""
    return str(row["linkedid"])


class WholeCalls:
    """Picks, out of rows passing by, all rows of the calls that have one inside an interval.

    Rows near the interval are held until their call shows up inside it; rows far from it are let go,
    which bounds what is held by what happens near the interval's ends.

    Args:
        call_of: the key of the call a row belongs to.
        nearness: where the row's start stands: inside the interval, near it, or far from it.
    """

    def __init__(
        self, call_of: Callable[[Row], str], nearness: Callable[[Row], Literal["inside", "near", "far"]]
    ) -> None:
        self._call_of = call_of
        self._nearness = nearness
        self._wanted: set[str] = set()
        self._held: dict[str, list[Row]] = {}

    def release(self, rows: Sequence[Row]) -> list[Row]:
        """Return those of `rows`, and of the rows held, that are known to be wanted by now."""
        released: list[Row] = []
        for row in rows:
            call = self._call_of(row)
            nearness = self._nearness(row)
            if nearness == "inside" and call not in self._wanted:
                self._wanted.add(call)
                released += self._held.pop(call, [])
            if call in self._wanted:
                released.append(row)
            elif nearness == "near":
                self._held.setdefault(call, []).append(row)
        return released


def last_id_before(ended_before: Callable[[int], int | None], step: int, close_enough: int) -> int:
    """Find, with few probes, an id up to which every row was written before some moment.

    Gallops up from the oldest row, then halves. Sound as long as ids follow the time of writing.

    Args:
        ended_before: given an id, looks at the rows after it: returns the last id looked at when they
            show that all up to there was written before the moment, None when they don't.
        step: how far the gallop's first leap goes.
        close_enough: stop when so few ids are in doubt.

    Returns:
        The id, 0 when not even the oldest rows are before the moment.
    """
    low = ended_before(0)
    if low is None:
        return 0
    while (reached := ended_before(low + step)) is not None:
        low, step = reached, step * 2
    high = low + step
    while high - low > close_enough:
        middle = (low + high) // 2
        reached = ended_before(middle)
        if reached is None:
            high = middle
        else:
            low = min(reached, high)
    return low


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _refused(reason: str, item: object) -> RefusedRow:
    return RefusedRow(reason, json.dumps(item, ensure_ascii=False))
