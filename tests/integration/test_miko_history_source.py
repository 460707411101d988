"""MIKO's history XML over HTTP, in both offset styles: nothing lost, foreign rows passed, resets noticed.

The list is served here as the modules for MegaFon and MTS serve it: one row of the call table per
record, rows of other origin counted in the offset and not shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import pytest

from resources.telephony.miko_history import MikoHistorySource
from resources.telephony.source import Cursor, Portion, SourceAnswerError, SourceResetError
from tests.scripted_server import QUICK, Asked, Reply, Stage

pytestmark = pytest.mark.integration

MOSCOW = ZoneInfo("Europe/Moscow")
DAY = datetime(2026, 6, 1, tzinfo=MOSCOW)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
NOTHING = Reply(b"<history>\n</history>", headers={"X-MAX-OFFSET": "0"})


@dataclass
class History:
    """The rows behind the list: (id, started, shown in this list)."""

    style: Literal["mega", "mts"] = "mega"
    now_at: datetime = DAY
    shows_offset: bool = True
    lies: list[Reply] = field(default_factory=list)
    rows: list[tuple[int, datetime, bool]] = field(default_factory=list)
    next_id: int = 1

    def add(self, started_at: datetime, *, foreign: bool = False) -> str:
        """Finalise a row; return the id of its call."""
        self.rows.append((self.next_id, started_at, not foreign))
        self.next_id += 1
        return f"fs-{self.next_id - 1}"

    def serve(self, asked: Asked) -> Reply:
        """Answer a request."""
        if self.lies:
            return self.lies.pop(0)
        offset, limit = int(asked.query["offset"]), int(asked.query["limit"])
        today = self.now_at.replace(hour=0, minute=0)
        found = [row for row in self.rows if row[0] > offset or (self.style == "mts" and row[1] >= today)]
        page = found[: min(limit, 600) if self.style == "mega" else 5000]
        records = "".join(
            f'<history_record no="fs-{row_id}" entire_id="fs-{row_id}" line="SIP-1"><details call_id="fs-{row_id}" '
            f'status="CANCEL" start="{at:%Y-%m-%d %H:%M:%S}" started="{at.isoformat()}" '
            f'finished="{(at + MINUTE).isoformat()}" /><from ext="" number="7"></from><to ext="201" number="201">'
            "</to></history_record>\n"
            for row_id, at, is_shown in page
            if is_shown
        )
        reached = max([offset, *(row_id for row_id, _, _ in page)])
        headers = {"X-MIN-OFFSET": str(offset), "X-MAX-OFFSET": str(reached)} if self.shows_offset else {}
        return Reply(f"<history>\n{records}</history>".encode(), headers=headers)


@pytest.fixture
def history() -> History:
    return History()


@pytest.fixture
def stage(history: History) -> Iterator[Stage]:
    with Stage().open() as stage:
        stage.answer = history.serve
        yield stage


@pytest.fixture
def opened(stage: Stage, history: History) -> Iterator[Callable[..., MikoHistorySource]]:
    """Opens a source on the list."""
    sources: list[MikoHistorySource] = []

    def open_source(portion_size: int = 450) -> MikoHistorySource:
        url = stage.url + "/pbxcore/mega-pbx/cdr"
        sources.append(
            MikoHistorySource("office", url, offset_style=history.style, portion_size=portion_size, bounds=QUICK)
        )
        return sources[-1]

    yield open_source
    for source in sources:
        source.close()


Opened = Callable[..., MikoHistorySource]


def calls_in(portions: Iterator[Portion]) -> list[str]:
    return [leg["entire_id"] for portion in portions for leg in portion.records]


def shown(history: History) -> list[str]:
    return [f"fs-{row_id}" for row_id, _, is_shown in history.rows if is_shown]


def cursor_after(source: MikoHistorySource, cursor: Cursor | None = None) -> Cursor:
    cursor = cursor or {}
    for portion in source.portions_after(cursor):
        cursor = portion.cursor
    return cursor


@pytest.mark.parametrize("portion_size", [1, 2, 7, 450])
def test_every_call_comes_once_past_pages_of_foreign_rows(opened: Opened, history: History, portion_size: int) -> None:
    for k in range(60):
        history.add(DAY + k * MINUTE, foreign=10 <= k < 30 or k % 7 == 0)
    source = opened(portion_size)
    assert calls_in(source.portions_after({})) == shown(history)
    assert cursor_after(source) == {"v": 1, "offset": 60}
    assert list(source.portions_after({"v": 1, "offset": 60})) == []


def test_a_load_killed_after_any_portion_loses_nothing(opened: Opened, history: History) -> None:
    for k in range(12):
        history.add(DAY + k * MINUTE, foreign=k in (3, 4, 11))
    source = opened(2)
    stored: list[str] = []
    for portion in source.portions_after({}):
        stored += calls_in(iter([portion]))
        rest = calls_in(source.portions_after(portion.cursor))
        assert {*stored, *rest} == set(shown(history))
        assert len(rest) <= len(shown(history)) - len(stored) + 1, "at most the row at the cursor comes again"


def test_mts_resends_today_once_a_load_and_moves_on(opened: Opened, history: History, stage: Stage) -> None:
    history.style, history.now_at = "mts", DAY + timedelta(days=1, hours=12)
    for k in range(48):
        history.add(DAY + k * HOUR)
    source = opened()
    assert calls_in(source.portions_after({})) == shown(history)
    cursor = cursor_after(source)
    again = calls_in(source.portions_after(cursor))
    assert again == shown(history)[24:]
    assert cursor_after(source, cursor) == cursor
    assert not source.look(cursor).has_news
    history.add(DAY + 49 * HOUR)
    assert source.look(cursor).has_news
    assert calls_in(source.portions_after(cursor)) == shown(history)[24:]


def test_mts_without_the_offset_header_sends_what_it_sends(opened: Opened, history: History) -> None:
    history.style, history.shows_offset = "mts", False
    history.add(DAY)
    source = opened()
    [portion] = source.portions_after({})
    assert calls_in(iter([portion])) == ["fs-1"]
    assert portion.cursor == {"v": 1, "offset": 0}
    assert source.look({}).has_news


def test_mega_without_the_offset_header_is_an_error(opened: Opened, history: History) -> None:
    history.shows_offset = False
    with pytest.raises(SourceAnswerError, match="X-MAX-OFFSET"):
        list(opened().portions_after({}))


def test_a_reported_failure_is_an_error_and_passes(opened: Opened, history: History) -> None:
    history.add(DAY)
    history.lies = [Reply(b"", headers={"X-STATE": "FAIL-CDR-TUBE", "X-MAX-OFFSET": "0"})]
    assert calls_in(opened().portions_after({})) == ["fs-1"]
    history.lies = [Reply(b"<history></history>", headers={"X-STATE": "FAIL-CDR-TUBE", "X-MAX-OFFSET": "9"})] * 9
    with pytest.raises(SourceAnswerError, match="FAIL-CDR-TUBE"):
        list(opened().portions_after({}))


def test_a_replaced_database_is_a_reset(opened: Opened, history: History) -> None:
    """The server never reports less than the offset asked for: the overlap finds it out."""
    for k in range(20):
        history.add(DAY + k * MINUTE)
    source = opened()
    cursor = cursor_after(source)
    del history.rows[5:]
    assert source.look(cursor).is_reset
    with pytest.raises(SourceResetError, match="restored or replaced"):
        list(source.portions_after(cursor))
    assert len(calls_in(source.portions_after({}))) == 5


def test_a_failure_told_as_an_empty_list_is_no_reset(opened: Opened, history: History) -> None:
    for k in range(20):
        history.add(DAY + k * MINUTE)
    source = opened()
    history.lies = [NOTHING]
    assert list(source.portions_after({"v": 1, "offset": 20})) == []
    history.lies = [NOTHING] * 9
    with pytest.raises(SourceAnswerError, match="an empty list"):
        list(source.portions_after({"v": 1, "offset": 20}))


def test_foreign_rows_alone_are_no_news_until_they_pile_up(opened: Opened, history: History) -> None:
    history.add(DAY)
    source = opened(10)
    cursor = cursor_after(source)
    for _ in range(15):
        history.add(DAY, foreign=True)
    assert not source.look(cursor).has_news
    for _ in range(35):
        history.add(DAY, foreign=True)
    assert source.look(cursor).has_news, "the cursor should move before the look becomes long"
    cursor = cursor_after(source, cursor)
    assert cursor["offset"] == 51
    history.add(DAY)
    assert source.look(cursor).has_news


@pytest.mark.parametrize("style", ["mega", "mts"])
def test_an_interval_comes_whole(opened: Opened, history: History, style: Literal["mega", "mts"]) -> None:
    history.style = style
    for k in range(4000):
        history.add(DAY + k * 30 * MINUTE, foreign=k % 5 == 0)
    late = history.add(DAY + timedelta(days=60, hours=3))
    history.now_at = DAY + timedelta(days=83)
    start_at, end_at = DAY + timedelta(days=60), DAY + timedelta(days=61)
    calls = calls_in(opened().portions_between(start_at, end_at))
    wanted = {f"fs-{row_id}" for row_id, at, is_shown in history.rows if is_shown and start_at <= at < end_at}
    assert late in wanted
    assert wanted <= set(calls)
    assert len(calls) < len(wanted) + 12


def test_an_interval_of_the_last_day_costs_little(opened: Opened, history: History, stage: Stage) -> None:
    for k in range(20_000):
        history.add(DAY + k * 30 * MINUTE, foreign=100 <= k < 3000)
    start_at = DAY + 19_952 * 30 * MINUTE
    calls = calls_in(opened().portions_between(start_at, start_at + timedelta(days=1)))
    assert {f"fs-{row_id}" for row_id, at, _ in history.rows if at >= start_at} <= set(calls)
    assert sum(int(asked.query["limit"]) for asked in stage.asked) < 5000


def test_there_is_no_list_of_extensions(opened: Opened) -> None:
    assert opened().extensions() == []
