"""Every way of reading a MikoPBX against the simulated one: its faults, life-cycle of rows and resets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from resources.telephony.miko_history import MikoHistorySource
from resources.telephony.mikopbx_get_data import MikoPbxGetDataSource
from resources.telephony.mikopbx_rest import MikoPbxRestSource
from resources.telephony.source import (
    Cursor,
    Portion,
    SourceAnswerError,
    SourceError,
    SourceRefusedError,
    SourceResetError,
    SourceUnavailableError,
    TelephonySource,
)
from simulators.mikopbx.clock import Clock
from tests.fix_simulators import ServedPbx
from tests.scripted_server import QUICK

pytestmark = pytest.mark.integration

MOSCOW = ZoneInfo("Europe/Moscow")
NOON = datetime(2026, 3, 10, 12, tzinfo=MOSCOW)
MINUTE = timedelta(minutes=1)
BY_ROWS = ["rest", "get_data xml", "get_data json"]
ALL = [*BY_ROWS, "mega", "mts"]

Open = Callable[..., TelephonySource]


def finalise(served: ServedPbx, began_at: datetime, legs: int = 2, length: timedelta = MINUTE) -> list[str]:
    """Write a call's legs, as its end would; return their UNIQUEIDs."""
    began_at = began_at.astimezone(UTC)
    call = f"mikopbx-{int(began_at.timestamp())}.{len(served.pbx.store.rows())}"
    rows: list[dict[str, Any]] = []
    for n in range(legs):
        start = (began_at + n * length).astimezone(MOSCOW)
        end = (began_at + (n + 1) * length).astimezone(MOSCOW)
        rows.append(
            {
                "start": f"{start:%Y-%m-%d %H:%M:%S}.120",
                "endtime": f"{end:%Y-%m-%d %H:%M:%S}.120",
                "src_num": "+79991234567",
                "src_name": 'Анна "Н" & <К>',
                "src_chan": "PJSIP/SIP-1660672332-000006b3",
                "dst_num": "201",
                "UNIQUEID": f"{call}_{n}bcDeF",
                "linkedid": call,
                "disposition": "NOANSWER",
                "duration": 60,
                "billsec": 0,
            }
        )
    served.pbx.store.finalise(rows)
    return [row["UNIQUEID"] for row in rows]


@pytest.fixture
def served(simulated_pbx: Callable[..., ServedPbx]) -> ServedPbx:
    """A PBX at noon of its third day, with a call each hour; a year ago there were some, too."""
    served = simulated_pbx(clock=Clock(NOON))
    for k in range(3):
        finalise(served, NOON - timedelta(days=300) + k * MINUTE)
    for hour in range(60, 0, -1):
        finalise(served, NOON - timedelta(hours=hour))
    return served


@pytest.fixture
def opened(served: ServedPbx) -> Iterator[Open]:
    sources: list[TelephonySource] = []

    def open_source(kind: str, portion_size: int = 600) -> TelephonySource:
        how: dict[str, Any] = {"portion_size": portion_size, "bounds": QUICK}
        source: TelephonySource
        if kind == "rest":
            source = MikoPbxRestSource("office", served.url, served.pbx.api_key, timezone="Europe/Moscow", **how)
        elif kind.startswith("get_data"):
            data_format: Any = kind.split()[1]
            source = MikoPbxGetDataSource(
                "office", served.url, timezone="Europe/Moscow", data_format=data_format, **how
            )
        else:
            style: Any = kind
            source = MikoHistorySource("office", f"{served.url}/pbxcore/{kind}-pbx/cdr", offset_style=style, **how)
        sources.append(source)
        return source

    yield open_source
    for source in sources:
        source.close()


def legs_of(portions: Iterator[Portion]) -> list[str]:
    """The legs in the order in which they came."""
    return [
        str(row["call_id"] if "call_id" in row else row["UNIQUEID"]) for portion in portions for row in portion.records
    ]


def all_legs(served: ServedPbx) -> list[str]:
    return [row["UNIQUEID"] for row in served.pbx.store.rows()]


def last_cursor(source: TelephonySource) -> Cursor:
    cursor: Cursor = {}
    for portion in source.portions_after({}):
        cursor = portion.cursor
    return cursor


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("portion_size", [1, 600])
def test_everything_is_read_in_portions_of_any_size(
    served: ServedPbx, opened: Open, kind: str, portion_size: int
) -> None:
    legs = legs_of(opened(kind, portion_size).portions_after({}))
    assert set(legs) == set(all_legs(served))
    if kind in BY_ROWS:
        assert legs == all_legs(served)


@pytest.mark.parametrize("kind", BY_ROWS)
def test_rows_keep_their_values(served: ServedPbx, opened: Open, kind: str) -> None:
    """Percent-encoding, quotes and Cyrillic come through every format the same."""
    row = next(iter(opened(kind).portions_after({}))).records[0]
    stored = served.pbx.store.rows()[0]
    for name in ("start", "src_num", "src_name", "src_chan", "UNIQUEID", "linkedid"):
        assert row[name] == stored[name]


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("fault", ["empty", "html", "unavailable", "cut", "time_out", "delay"])
def test_a_passing_fault_loses_nothing(served: ServedPbx, opened: Open, kind: str, fault: str) -> None:
    served.pbx.faults.switch_on(fault, times=2, seconds=0.05)
    assert set(legs_of(opened(kind).portions_after({}))) == set(all_legs(served))


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(
    ("fault", "error", "requests"),
    [
        ("empty", SourceAnswerError, 4),
        ("html", SourceAnswerError, 4),
        ("cut", SourceAnswerError, 4),
        ("unavailable", SourceUnavailableError, 4),
        ("time_out", SourceUnavailableError, 4),
        ("unauthorised", SourceRefusedError, 1),
        ("too_many", SourceUnavailableError, 1),
    ],
)
def test_a_lasting_fault_is_an_error_after_a_bounded_number_of_requests(
    served: ServedPbx, opened: Open, kind: str, fault: str, error: type[SourceError], requests: int
) -> None:
    served.pbx.faults.switch_on(fault, times=None, seconds=0.01)
    with pytest.raises(error, match="office"):
        list(opened(kind).portions_after({}))
    assert len(served.pbx.guard.requests) == requests


@pytest.mark.parametrize("kind", [*BY_ROWS, "mega"])
def test_a_fault_in_the_middle_of_a_load_keeps_what_came_before(served: ServedPbx, opened: Open, kind: str) -> None:
    source = opened(kind, 10)
    stored: list[str] = []
    cursor: Cursor = {}

    def load() -> None:
        nonlocal cursor
        for portion in source.portions_after(cursor):
            stored.extend(legs_of(iter([portion])))
            cursor = portion.cursor
            served.pbx.faults.switch_on("html", times=None)

    with pytest.raises(SourceAnswerError):
        load()
    assert 10 <= len(stored) <= 20, "what was fetched before the fault is handed out"
    served.pbx.faults.switch_off()
    assert {*stored, *legs_of(source.portions_after(cursor))} == set(all_legs(served))


@pytest.mark.parametrize("kind", BY_ROWS)
@pytest.mark.parametrize("fault", ["duplicate_rows", "disorder"])
@pytest.mark.parametrize("portion_size", [1, 7, 600])
def test_repeated_and_shuffled_rows_change_nothing(
    served: ServedPbx, opened: Open, kind: str, fault: str, portion_size: int
) -> None:
    served.pbx.faults.switch_on(fault, times=None)
    assert legs_of(opened(kind, portion_size).portions_after({})) == all_legs(served)


@pytest.mark.parametrize("kind", BY_ROWS)
def test_a_malformed_row_is_refused_from_the_start_and_at_the_cursor(
    served: ServedPbx, opened: Open, kind: str
) -> None:
    served.pbx.faults.switch_on("malformed_row", times=1)
    source = opened(kind)
    portions = list(source.portions_after({}))
    assert legs_of(iter(portions)) == all_legs(served)
    assert [item.reason for portion in portions for item in portion.refused] == ["the row has no UNIQUEID"]
    new = finalise(served, NOON)
    served.pbx.faults.switch_on("malformed_row", times=1)
    portions = list(source.portions_after(portions[-1].cursor))
    assert legs_of(iter(portions)) == new
    assert [item.reason for portion in portions for item in portion.refused] == ["the row has no UNIQUEID"]
    assert "yesterday" in portions[0].refused[0].raw


@pytest.mark.parametrize("kind", ALL)
def test_rows_finalised_while_the_pages_are_read_are_found(served: ServedPbx, opened: Open, kind: str) -> None:
    source = opened(kind, 20)
    stored: list[str] = []
    cursor: Cursor = {}
    for n, portion in enumerate(source.portions_after({})):
        stored += legs_of(iter([portion]))
        cursor = portion.cursor
        if n < 4:
            finalise(served, NOON - timedelta(hours=5))
    stored += legs_of(source.portions_after(cursor))
    assert set(stored) == set(all_legs(served))


@pytest.mark.parametrize("kind", ALL)
def test_a_long_call_that_ends_late_is_found(served: ServedPbx, opened: Open, kind: str) -> None:
    source = opened(kind)
    cursor = last_cursor(source)
    assert not source.look(cursor).has_news
    late = finalise(served, NOON - timedelta(hours=50), length=timedelta(hours=20))
    assert source.look(cursor).has_news
    assert set(late) <= set(legs_of(source.portions_after(cursor)))


@pytest.mark.parametrize("kind", ALL)
def test_a_replaced_database_is_a_reset(served: ServedPbx, opened: Open, kind: str) -> None:
    source = opened(kind)
    cursor = last_cursor(source)
    served.pbx.store.reset_ids(keep_rows=False)
    new = finalise(served, NOON)
    assert source.look(cursor).is_reset
    with pytest.raises(SourceResetError, match="office"):
        list(source.portions_after(cursor))
    assert legs_of(source.portions_after({})) == new


@pytest.mark.parametrize("kind", ["get_data xml", "get_data json", "mega", "mts"])
def test_an_emptied_table_cannot_be_told_from_a_failure(served: ServedPbx, opened: Open, kind: str) -> None:
    source = opened(kind)
    cursor = last_cursor(source)
    served.pbx.store.reset_ids(keep_rows=False)
    with pytest.raises(SourceAnswerError, match="was emptied"):
        list(source.portions_after(cursor))


def test_rest_states_that_its_table_is_empty(served: ServedPbx, opened: Open) -> None:
    source = opened("rest")
    cursor = last_cursor(source)
    served.pbx.store.reset_ids(keep_rows=False)
    assert source.look(cursor).is_reset
    with pytest.raises(SourceResetError):
        list(source.portions_after(cursor))


@pytest.mark.parametrize("kind", BY_ROWS)
def test_retention_and_deleted_calls_are_no_reset(served: ServedPbx, opened: Open, kind: str) -> None:
    source = opened(kind)
    cursor = last_cursor(source)
    served.pbx.store.delete(served.pbx.store.rows()[-1]["linkedid"])
    served.pbx.store.retain_since("2026-03-10")
    assert not source.look(cursor).is_reset
    assert list(source.portions_after(cursor)) == []
    new = finalise(served, NOON)
    assert legs_of(source.portions_after(cursor)) == new


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("portion_size", [3, 600])
def test_a_day_is_read_again_with_whole_calls(served: ServedPbx, opened: Open, kind: str, portion_size: int) -> None:
    """A call over midnight, a call of yesterday that ended today, and a recording that came late."""
    midnight = NOON.replace(hour=0)
    over_midnight = finalise(served, midnight - MINUTE, legs=3)
    hours_long = finalise(served, midnight - timedelta(hours=10), legs=3, length=timedelta(hours=8))
    served.pbx.store.change(over_midnight[0], recordingfile="/late.mp3")
    portions = list(opened(kind, portion_size).portions_between(midnight, midnight + timedelta(days=1)))
    legs = set(legs_of(iter(portions)))
    today = {row["UNIQUEID"] for row in served.pbx.store.rows() if row["start"] >= "2026-03-10"}
    assert legs >= today | set(over_midnight) | set(hours_long)
    assert len(legs) <= len(today) + 12
    files = {
        str(row.get("recordingfile", row.get("record_file")))
        for portion in portions
        for row in portion.records
        if over_midnight[0] in row.values()
    }
    assert files == {"/late.mp3"}
    whole = {row["linkedid"] for row in served.pbx.store.rows() if row["UNIQUEID"] in legs}
    assert legs == {row["UNIQUEID"] for row in served.pbx.store.rows() if row["linkedid"] in whole}


@pytest.mark.parametrize("kind", BY_ROWS)
def test_a_range_over_a_year_is_read(served: ServedPbx, opened: Open, kind: str) -> None:
    legs = legs_of(opened(kind).portions_between(NOON - timedelta(days=500), NOON + timedelta(days=1)))
    assert sorted(legs) == sorted(all_legs(served))


def test_extensions_are_read(simulated_pbx: Callable[..., ServedPbx]) -> None:
    rows = [{"id": "201", "number": "201", "type": "SIP", "callerid": "Анна"}]
    source = simulated_pbx(extensions=rows).source()
    [extension] = source.extensions()
    assert (extension.number, extension.name) == ("201", "Анна")


def test_a_wrong_key_is_told(served: ServedPbx) -> None:
    source = MikoPbxRestSource("office", served.url, "wrong", timezone="Europe/Moscow", bounds=QUICK)
    with pytest.raises(SourceRefusedError, match="API key"):
        source.look({})
    source.close()
