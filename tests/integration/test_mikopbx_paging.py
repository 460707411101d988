"""Following a MikoPBX's ids through either end point: nothing lost or doubled, resets noticed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from resources.telephony.source import (
    Cursor,
    Portion,
    SourceAnswerError,
    SourceResetError,
    TelephonySource,
)
from tests.call_table import DAY, HOUR, Bench, busy_days
from tests.scripted_server import Asked, Reply

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


def ids_of(portions: Iterator[Portion]) -> list[int]:
    return [int(row["id"]) for portion in portions for row in portion.records]


def cursor_after(source: TelephonySource, cursor: Cursor | None = None) -> Cursor:
    """The last cursor of a load, as it comes back from the database."""
    for portion in source.portions_after(cursor or {}):
        cursor = portion.cursor
    return dict(json.loads(json.dumps(cursor)))


@pytest.mark.parametrize("portion_size", [1, 2, 7, 600])
def test_every_row_comes_once_in_order_of_ids(bench: Bench, portion_size: int) -> None:
    """Rows years old come too: the default window of thirty days does not hide them."""
    table = bench.table
    busy_days(table)
    portions = list(bench.source(portion_size).portions_after({}))
    assert ids_of(iter(portions)) == [row["id"] for row in table.rows]
    assert max(len(portion.records) for portion in portions) <= portion_size
    for portion in portions:
        assert portion.cursor["last_id"] == int(portion.records[-1]["id"])


def test_a_load_killed_after_any_portion_goes_on_without_loss_or_repeat(bench: Bench) -> None:
    table = bench.table
    busy_days(table, days=1, calls=6)
    source = bench.source(1)
    cursors: list[Cursor] = [{}, *(portion.cursor for portion in source.portions_after({}))]
    for stored, cursor in enumerate(cursors):
        assert ids_of(source.portions_after(cursor)) == [row["id"] for row in table.rows[stored:]]


def test_rows_finalised_while_pages_are_read_come_once(bench: Bench) -> None:
    table = bench.table
    busy_days(table, days=1)

    def a_call_ends() -> None:
        if table.next_id < 100:
            table.call(DAY + 9 * HOUR)

    table.before_answer = a_call_ends
    assert ids_of(bench.source(5).portions_after({})) == list(range(1, table.next_id))


def test_a_long_call_finalised_late_is_found_by_its_id(bench: Bench) -> None:
    """Ids follow the end of calls: a cursor on the start would have passed this one."""
    table = bench.table
    busy_days(table)
    source = bench.source()
    cursor = cursor_after(source)
    late = table.call(DAY - 5 * HOUR, (timedelta(0), 80 * HOUR))
    assert ids_of(source.portions_after(cursor)) == late


@pytest.mark.parametrize("habit", ["cap", "shuffle", "repeat"])
@pytest.mark.parametrize("portion_size", [1, 5, 600])
def test_capped_shuffled_and_repeating_pages_lose_and_double_nothing(
    bench: Bench, habit: str, portion_size: int
) -> None:
    table = bench.table
    busy_days(table)
    setattr(table, habit, 3 if habit == "cap" else True)
    assert ids_of(bench.source(portion_size).portions_after({})) == [row["id"] for row in table.rows]


def test_a_malformed_row_is_refused_and_the_load_goes_on(bench: Bench) -> None:
    table = bench.table
    busy_days(table, days=1)
    table.rows[3]["linkedid"] = ""
    source = bench.source(2)
    portions = list(source.portions_after({}))
    assert ids_of(iter(portions)) == [row["id"] for row in table.rows if row["id"] != 4]
    assert ["no linkedid" in refused.reason for portion in portions for refused in portion.refused] == [True]
    assert list(source.portions_after(portions[-1].cursor)) == []


def test_nothing_new_is_no_portion_and_no_news(bench: Bench) -> None:
    table = bench.table
    source = bench.source()
    assert list(source.portions_after({})) == []
    assert not source.look({}).has_news
    busy_days(table, days=1)
    assert source.look({}).has_news
    cursor = cursor_after(source)
    assert list(source.portions_after(cursor)) == []
    assert not source.look(cursor).has_news
    table.call(DAY)
    assert source.look(cursor).has_news


def test_a_look_is_one_request(bench: Bench) -> None:
    table = bench.table
    busy_days(table, days=1)
    source = bench.source()
    cursor = cursor_after(source)
    bench.stage.asked.clear()
    source.look(cursor)
    assert len(bench.stage.asked) == 1


def test_a_replaced_database_is_a_reset(bench: Bench) -> None:
    table = bench.table
    busy_days(table)
    source = bench.source()
    cursor = cursor_after(source)
    table.rows, table.next_id = [], 1
    busy_days(table, days=1)
    assert source.look(cursor).is_reset
    with pytest.raises(SourceResetError, match="restored or replaced"):
        list(source.portions_after(cursor))
    assert ids_of(source.portions_after({})) == [row["id"] for row in table.rows]


def test_a_replaced_database_grown_past_the_cursor_is_a_reset(bench: Bench) -> None:
    """Its highest id alone would look like ordinary news."""
    table = bench.table
    busy_days(table, days=1)
    source = bench.source()
    cursor = cursor_after(source)
    table.rows, table.next_id = [], 1
    for _ in range(60):
        table.call(DAY + 24 * HOUR)
    with pytest.raises(SourceResetError, match="another leg"):
        list(source.portions_after(cursor))


def test_deleted_calls_are_no_reset(bench: Bench) -> None:
    table = bench.table
    busy_days(table, days=1)
    source = bench.source()
    cursor = cursor_after(source)
    del table.rows[-2:]
    assert not source.look(cursor).is_reset
    assert list(source.portions_after(cursor)) == []
    new = table.call(DAY)
    assert not source.look(cursor).is_reset
    assert ids_of(source.portions_after(cursor)) == new


def test_an_old_firmware_that_only_groups_is_told_so(rest: Bench) -> None:
    table = rest.table
    busy_days(table, days=1)

    def grouping(asked: Asked) -> Reply:
        asked.query.pop("grouped", None)
        return table.serve(asked)

    rest.stage.answer = grouping
    with pytest.raises(SourceAnswerError, match="get_data"):
        list(rest.source().portions_after({}))


def test_a_failure_told_as_an_empty_table_is_no_end(get_data: Bench) -> None:
    table = get_data.table
    busy_days(table, days=1)
    cursor = cursor_after(get_data.source())
    table.call(DAY)
    table.lies = [Reply(b"<cdr-table-askozia></cdr-table-askozia>")]
    with pytest.raises(SourceAnswerError, match="an empty list"):
        list(get_data.source().portions_after(cursor))
    assert len(ids_of(get_data.source().portions_after(cursor))) == 1


@pytest.mark.parametrize("pages", [True, False])
def test_extensions_are_read_whole_with_or_without_paging(rest: Bench, *, pages: bool) -> None:
    rows = [{"id": str(n), "number": str(n), "type": "SIP", "callerid": f"Анна {n}"} for n in range(200, 450)]
    rows.append({"id": "7900", "number": "79001234567", "type": "EXTERNAL", "callerid": "Анна 200"})

    def answer(asked: Asked) -> Reply:
        offset, limit = int(asked.query["offset"]), int(asked.query["limit"])
        data = rows[offset : offset + limit] if pages else rows
        return Reply(json.dumps({"result": True, "data": data, "messages": []}).encode())

    rest.stage.answer = answer
    extensions = rest.source().extensions()
    assert [item.number for item in extensions] == [str(n) for n in range(200, 450)]
    assert extensions[0].name == "Анна 200"
    assert extensions[0].attributes["type"] == "SIP"


def test_firmware_without_the_list_has_no_extensions(rest: Bench, get_data: Bench) -> None:
    assert rest.source().extensions() == []
    assert get_data.source().extensions() == []
