"""Reading an interval of a MikoPBX's history again: every call whole, at a bounded cost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from resources.telephony.source import Portion, SourceAnswerError
from tests.call_table import DAY, HOUR, MINUTE, Bench, Table, busy_days

pytestmark = pytest.mark.integration


@pytest.fixture(params=["rest", "get_data xml", "get_data json"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    with Bench(request.param).open() as bench:
        yield bench


@pytest.fixture
def rest() -> Iterator[Bench]:
    with Bench("rest").open() as bench:
        yield bench


@pytest.fixture
def get_data() -> Iterator[Bench]:
    with Bench("get_data xml").open() as bench:
        yield bench


def legs_by_call(portions: Iterator[Portion]) -> dict[str, set[int]]:
    calls: dict[str, set[int]] = {}
    for portion in portions:
        for row in portion.records:
            calls.setdefault(row["linkedid"], set()).add(int(row["id"]))
    return calls


def check_whole(calls: dict[str, set[int]], table: Table, start_at: datetime, end_at: datetime) -> None:
    """Every call with a leg in the interval came, and whatever came is whole."""
    stored: dict[str, set[int]] = {}
    for row in table.rows:
        stored.setdefault(row["linkedid"], set()).add(row["id"])
    began = {table.wall(start_at + k * MINUTE) for k in range(int((end_at - start_at) / MINUTE))}
    wanted = {row["linkedid"] for row in table.rows if row["start"] in began}
    assert wanted
    assert wanted <= calls.keys()
    assert calls == {linkedid: stored[linkedid] for linkedid in calls}


def test_a_day_comes_with_whole_calls_and_little_else(bench: Bench) -> None:
    table = bench.table
    busy_days(table, days=10)
    day = DAY + timedelta(days=5)
    over_midnight = table.call(day - 2 * MINUTE, (timedelta(0), MINUTE), (3 * MINUTE, MINUTE), (HOUR, MINUTE))
    out_of_it = table.call(day + timedelta(days=1) - MINUTE, (timedelta(0), MINUTE), (5 * HOUR, MINUTE))
    source = bench.source()
    bench.stage.asked.clear()
    calls = legs_by_call(source.portions_between(day, day + timedelta(days=1)))
    check_whole(calls, table, day, day + timedelta(days=1))
    assert set(over_midnight) in calls.values()
    assert set(out_of_it) in calls.values()
    assert 20 <= len(calls) <= 30
    assert len(bench.stage.asked) <= 10


@pytest.mark.parametrize("portion_size", [1, 3])
def test_legs_far_apart_in_the_pages_make_whole_calls(bench: Bench, portion_size: int) -> None:
    table = bench.table
    day = DAY
    table.call(day + HOUR)
    first = table.call(day - HOUR, (timedelta(0), MINUTE))
    for k in range(20):
        table.call(day + HOUR + k * MINUTE)
    # A later row of the same call, as a merge of calls writes it.
    later = table.call(day + HOUR, (timedelta(0), MINUTE))
    table.rows[-1]["linkedid"] = table.rows[1]["linkedid"]
    calls = legs_by_call(bench.source(portion_size).portions_between(day, day + timedelta(days=1)))
    assert {*first, *later} in calls.values()
    check_whole(calls, table, day, day + timedelta(days=1))


@pytest.mark.parametrize("changes_on", [datetime(2024, 3, 31), datetime(2024, 10, 27)])  # noqa: DTZ001
def test_no_call_is_cut_by_a_clock_change(bench: Bench, changes_on: datetime) -> None:
    """In the repeated hour of autumn the clock's text runs twice, and backwards once."""
    table = bench.table
    table.zone = ZoneInfo("Europe/Berlin")
    midnight = changes_on.replace(tzinfo=table.zone).astimezone(UTC)
    for k in range(0, 36 * 60, 10):
        table.call(midnight + (k - 360) * MINUTE, (timedelta(0), MINUTE), (45 * MINUTE, MINUTE))
    source = bench.source()
    for start in range(0, 240, 30):
        start_at = midnight + start * MINUTE
        calls = legs_by_call(source.portions_between(start_at, start_at + 30 * MINUTE))
        check_whole(calls, table, start_at, start_at + 30 * MINUTE)


def test_calls_longer_than_the_margin_are_asked_for_by_name(rest: Bench) -> None:
    table = rest.table
    day, end = DAY, DAY + timedelta(days=1)
    table.call(day - 12 * HOUR, (timedelta(0), MINUTE))
    began_long_before = table.call(day - 30 * HOUR, (timedelta(0), 31 * HOUR), (31 * HOUR, MINUTE))
    ends_long_after = table.call(day + 23 * HOUR, (timedelta(0), 40 * HOUR), (40 * HOUR, MINUTE))
    at_the_edge = table.call(
        day - 10 * HOUR, (timedelta(0), MINUTE), (4 * HOUR + 30 * MINUTE, MINUTE), (11 * HOUR, MINUTE), prefix="other"
    )
    calls = legs_by_call(rest.source().portions_between(day, end))
    for whole in (began_long_before, ends_long_after, at_the_edge):
        assert set(whole) in calls.values()
    check_whole(calls, table, day, end)


def test_a_wrong_time_zone_is_told_and_does_not_flood_the_pbx(rest: Bench) -> None:
    table = rest.table
    source = rest.source()
    table.zone = ZoneInfo("Asia/Vladivostok")
    for k in range(1440):
        table.call(DAY + k * MINUTE - 20 * HOUR)
    with pytest.raises(SourceAnswerError, match="time zone"):
        list(source.portions_between(DAY, DAY + timedelta(days=1)))
    assert len(rest.stage.asked) < 5


def test_a_range_over_a_year_is_split(rest: Bench) -> None:
    table = rest.table
    for k in range(0, 800, 10):
        table.call(DAY + timedelta(days=k))
    calls = legs_by_call(rest.source().portions_between(DAY, DAY + timedelta(days=800)))
    assert len(calls) == 80
    assert len({asked.query["dateFrom"] for asked in rest.stage.asked}) == 3


def test_rows_inserted_while_an_interval_is_read_shift_no_page(bench: Bench) -> None:
    table = bench.table
    busy_days(table)

    def a_call_ends() -> None:
        if table.next_id < 200:
            table.call(DAY + 30 * HOUR)

    table.before_answer = a_call_ends
    day = DAY + timedelta(days=1)
    calls = legs_by_call(bench.source(7).portions_between(day, day + timedelta(days=1)))
    table.before_answer = lambda: None
    check_whole(calls, table, day, day + timedelta(days=1))


def test_old_calls_imported_lately_do_not_mislead_the_search(get_data: Bench) -> None:
    """An import writes old calls under new ids: rows written before it must not be skipped."""
    table = get_data.table
    busy_days(table, days=60)
    for k in range(3000):
        table.call(DAY - timedelta(days=300) + k * MINUTE, prefix="fs-megapbx")
    day = DAY + timedelta(days=40)
    late = table.call(day + HOUR, prefix="fs-megapbx")
    calls = legs_by_call(get_data.source().portions_between(day, day + timedelta(days=1)))
    check_whole(calls, table, day, day + timedelta(days=1))
    assert set(late) in calls.values()


def test_the_last_day_costs_little_however_long_the_table(get_data: Bench) -> None:
    table = get_data.table
    busy_days(table, days=200, calls=60)
    day = DAY + timedelta(days=199)
    calls = legs_by_call(get_data.source().portions_between(day, day + timedelta(days=1)))
    check_whole(calls, table, day, day + timedelta(days=1))
    rows_asked_for = sum(int(asked.query["limit"]) for asked in get_data.stage.asked)
    assert rows_asked_for < 6000, f"of {len(table.rows)}"
