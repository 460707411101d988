"""The incremental load against a simulated MikoPBX over HTTP: nothing lost, nothing doubled, whatever happens."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from assets.history.load import LoadRules, load_new, reread_days, stored_cursor
from resources.telephony.source import SourceAnswerError, SourceError, SourceRefusedError, SourceUnavailableError
from resources.warehouse import Warehouse, WarehouseBusyError
from simulators.mikopbx.clock import Clock
from simulators.mikopbx.history import FinishedCall
from tests.fix_simulators import ServedPbx
from tests.rows import CLIENT, at, leg, select, snapshot

Serve = Callable[..., ServedPbx]
RULES = LoadRules()
MORNING = at("2026-03-02 10:00:00")


def many_legs(calls: int, seed: int = 1) -> list[dict[str, Any]]:
    """Interleaved calls of one to four legs each, in the order in which they are finalised."""
    chance = random.Random(seed)
    finished: list[tuple[datetime, list[dict[str, Any]]]] = []
    for number in range(calls):
        begun = MORNING + timedelta(seconds=chance.randrange(20 * 86_400))
        legs = [
            leg(
                f"mikopbx-call.{number}",
                begun + timedelta(seconds=10 * place),
                f"+7495{chance.randrange(10_000_000):07d}",
                str(200 + chance.randrange(20)),
                duration=60,
                talk=chance.choice([0, 40]),
                app=place == 0 and chance.random() < 0.3,
            )
            for place in range(chance.randrange(1, 5))
        ]
        finished.append((begun + timedelta(seconds=chance.choice([60, 7200])), legs))
    return [row for _, legs in sorted(finished, key=lambda call: call[0]) for row in legs]


def stored_legs(warehouse: Warehouse) -> list[tuple[str, str]]:
    return sorted(
        tuple(row) for row in select(warehouse, "SELECT leg_id, linkedid FROM call_legs WHERE gone_at IS NULL")
    )


def source_legs(served: ServedPbx) -> list[tuple[str, str]]:
    return sorted((row["UNIQUEID"], row["linkedid"]) for row in served.pbx.store.rows())


@pytest.mark.parametrize("portion_size", [1, 7, 1000])
def test_the_load_takes_every_leg_whatever_the_portion(
    warehouse: Warehouse, simulated_pbx: Serve, portion_size: int
) -> None:
    """A portion may cut a call in two: its legs are grouped again when the rest comes."""
    served = simulated_pbx()
    served.pbx.store.finalise(many_legs(25))
    report = load_new(warehouse, served.source(portion_size), LoadRules(rows_per_commit=10))
    assert stored_legs(warehouse) == source_legs(served)
    assert report.new == len(source_legs(served))
    calls = select(
        warehouse,
        "SELECT h.legs, count(*) FROM call_history h JOIN call_legs USING (pbx_id, linkedid) "
        "GROUP BY h.pbx_id, h.linkedid, h.legs",
    )
    assert len(calls) == 25
    assert all(legs == counted for legs, counted in calls)


def test_a_second_load_reads_only_what_is_new(warehouse: Warehouse, simulated_pbx: Serve) -> None:
    """Ids follow the end of calls: a long call that began before all others comes last and is not missed."""
    served = simulated_pbx()
    served.pbx.store.finalise(many_legs(10))
    load_new(warehouse, served.source(), RULES)
    served.pbx.store.finalise([leg("long", MORNING - timedelta(hours=2), CLIENT, "201", duration=7200, talk=7000)])
    report = load_new(warehouse, served.source(), RULES)
    assert (report.new, list(report.days)) == (1, [date(2026, 3, 2)])
    assert stored_legs(warehouse) == source_legs(served)


def test_calls_finalised_while_the_load_runs_are_found_by_the_next(warehouse: Warehouse, simulated_pbx: Serve) -> None:
    """The clock goes on; recordings come later still and are taken by a re-read."""
    clock = Clock(MORNING.astimezone(UTC))
    served = simulated_pbx(clock=clock)
    row = leg("c1", MORNING, CLIENT, "201", duration=60, talk=50, recordingfile="/storage/c1.mp3")
    served.pbx.store.expect([FinishedCall(MORNING + timedelta(seconds=68), (row,), MORNING + timedelta(minutes=5))])
    assert load_new(warehouse, served.source(), RULES).read == 0
    clock.advance(90)
    assert load_new(warehouse, served.source(), RULES).new == 1
    assert select(warehouse, "SELECT recording FROM call_legs") == [(None,)]
    clock.advance(600)
    assert load_new(warehouse, served.source(), RULES).new == 0
    report = reread_days(warehouse, served.source(), RULES, MORNING.date(), MORNING.date())
    assert (report.changed, report.new) == (1, 0)
    assert select(warehouse, "SELECT recording FROM call_legs") == [("/storage/c1.mp3",)]


@pytest.mark.parametrize("fault", ["delay", "empty", "unavailable", "cut", "time_out", "html"])
def test_a_fault_that_passes_is_waited_out(warehouse: Warehouse, simulated_pbx: Serve, fault: str) -> None:
    """One bad answer is asked again; in the end every leg is there."""
    served = simulated_pbx()
    served.pbx.store.finalise(many_legs(20))
    served.pbx.faults.switch_on(fault, seconds=0.05)
    load_new(warehouse, served.source(20), RULES)
    assert stored_legs(warehouse) == source_legs(served)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("empty", SourceAnswerError),
        ("html", SourceAnswerError),
        ("cut", SourceAnswerError),
        ("unavailable", SourceUnavailableError),
        ("time_out", SourceUnavailableError),
        ("too_many", SourceUnavailableError),
        ("unauthorised", SourceRefusedError),
    ],
)
def test_a_fault_that_stays_is_an_error_and_never_the_end_of_the_data(
    warehouse: Warehouse, simulated_pbx: Serve, fault: str, error: type[SourceError]
) -> None:
    """What was stored stays, the cursor stands, and when the fault is gone the load goes on."""
    served = simulated_pbx()
    served.pbx.store.finalise(many_legs(20))
    served.pbx.rate_limit.block_seconds = 0
    load_new(warehouse, served.source(), RULES)
    before = snapshot(warehouse)
    served.pbx.store.finalise([leg("late", MORNING, CLIENT, "201")])
    served.pbx.faults.switch_on(fault, times=None, seconds=1)
    with pytest.raises(error) as raised:
        load_new(warehouse, served.source(), RULES)
    assert served.pbx.api_key not in str(raised.value)
    assert snapshot(warehouse) == before
    served.pbx.faults.switch_off()
    assert load_new(warehouse, served.source(), RULES).new == 1
    assert stored_legs(warehouse) == source_legs(served)


def test_after_too_many_requests_the_server_is_left_alone(warehouse: Warehouse, simulated_pbx: Serve) -> None:
    """Each further request would double the block."""
    served = simulated_pbx()
    served.pbx.store.finalise(many_legs(3))
    served.pbx.faults.switch_on("too_many")
    with pytest.raises(SourceUnavailableError):
        load_new(warehouse, served.source(), RULES)
    assert len(served.pbx.guard.requests) == 1


@pytest.mark.parametrize("fault", ["duplicate_rows", "disorder"])
def test_rows_that_come_twice_or_out_of_order_make_the_same_history(
    warehouse: Warehouse, simulated_pbx: Serve, fault: str
) -> None:
    """Order and repetition within a page say nothing."""
    served = simulated_pbx()
    served.pbx.store.finalise(many_legs(20))
    served.pbx.faults.switch_on(fault, times=None)
    load_new(warehouse, served.source(10), RULES)
    assert stored_legs(warehouse) == source_legs(served)
    assert select(warehouse, "SELECT count(*) FROM quarantine") == [(0,)]


def test_a_malformed_row_goes_to_the_quarantine_and_the_others_are_loaded(
    warehouse: Warehouse, simulated_pbx: Serve
) -> None:
    """With its reason and its raw text."""
    served = simulated_pbx()
    served.pbx.store.finalise(many_legs(10))
    served.pbx.faults.switch_on("malformed_row")
    report = load_new(warehouse, served.source(), RULES)
    assert stored_legs(warehouse) == source_legs(served)
    assert report.quarantined == 1
    [(reason, raw)] = select(warehouse, "SELECT reason, raw FROM quarantine")
    assert "UNIQUEID" in reason
    assert "yesterday" in raw


@pytest.mark.parametrize("keep_rows", [True, False])
def test_a_replaced_database_is_noticed_and_read_from_the_start(
    warehouse: Warehouse, simulated_pbx: Serve, *, keep_rows: bool
) -> None:
    """Ids begin at 1 again; `id > cursor` would find nothing for ever. What is stored stays, once."""
    served = simulated_pbx()
    rows = many_legs(20)
    served.pbx.store.finalise(rows)
    load_new(warehouse, served.source(), RULES)
    before = stored_legs(warehouse)
    served.pbx.store.reset_ids(keep_rows=keep_rows)
    fresh = leg("fresh", MORNING + timedelta(days=30), CLIENT, "201", talk=20)
    served.pbx.store.finalise([fresh])
    report = load_new(warehouse, served.source(), RULES)
    assert report.new == 1
    assert stored_legs(warehouse) == sorted([*before, (fresh["UNIQUEID"], "fresh")])
    if not keep_rows:
        assert report.was_reset
        [(reset_at,)] = select(warehouse, "SELECT reset_at FROM load_cursors WHERE source = 'office'")
        assert reset_at is not None


def test_a_day_the_server_has_nothing_of_any_more_is_refused(warehouse: Warehouse, simulated_pbx: Serve) -> None:
    """Retention deletes old rows there; ours stay, and the answer says why nothing was done."""
    served = simulated_pbx()
    served.pbx.store.finalise([leg("c1", MORNING, CLIENT, "201", talk=20)])
    load_new(warehouse, served.source(), RULES)
    served.pbx.store.retain_since("2027-01-01")
    with pytest.raises(SourceAnswerError, match="1 legs of those days are stored"):
        reread_days(warehouse, served.source(), RULES, MORNING.date(), MORNING.date())
    assert len(stored_legs(warehouse)) == 1


def test_a_leg_removed_at_the_server_is_marked_gone_and_comes_back(warehouse: Warehouse, simulated_pbx: Serve) -> None:
    """Never deleted here; should it return, it counts again."""
    served = simulated_pbx()
    kept = leg("c1", MORNING, CLIENT, "201", talk=20)
    removed = leg("c2", MORNING + timedelta(minutes=5), CLIENT, "202", talk=20)
    served.pbx.store.finalise([kept, removed])
    load_new(warehouse, served.source(), RULES)
    served.pbx.store.delete("c2")
    assert reread_days(warehouse, served.source(), RULES, MORNING.date(), MORNING.date()).gone == 1
    assert select(warehouse, "SELECT count(*) FROM call_legs") == [(2,)]
    assert select(warehouse, "SELECT linkedid FROM enriched_calls") == [("c1",)]
    served.pbx.store.finalise([removed])
    reread_days(warehouse, served.source(), RULES, MORNING.date(), MORNING.date())
    assert select(warehouse, "SELECT count(*) FROM enriched_calls") == [(2,)]


def test_legs_older_than_all_the_server_still_has_are_past_its_retention_and_not_gone(
    warehouse: Warehouse, simulated_pbx: Serve
) -> None:
    """It deletes by the start of legs, in the middle of a day."""
    served = simulated_pbx()
    served.pbx.store.finalise(
        [leg("c1", MORNING, CLIENT, "201"), leg("c2", MORNING + timedelta(hours=4), CLIENT, "201")]
    )
    load_new(warehouse, served.source(), RULES)
    served.pbx.store.retain_since("2026-03-02 12:00:00")
    assert reread_days(warehouse, served.source(), RULES, MORNING.date(), MORNING.date()).gone == 0
    assert len(stored_legs(warehouse)) == 2


def test_days_read_again_make_the_same_rows_as_the_load(warehouse: Warehouse, simulated_pbx: Serve) -> None:
    """A call over midnight and over the month's end included; the cursor is not moved."""
    served = simulated_pbx()
    over_midnight = [
        leg("night", at("2026-03-31 23:59:30"), CLIENT, "201", duration=60, talk=20),
        leg("night", at("2026-04-01 00:00:40"), CLIENT, "202", duration=60, talk=50),
    ]
    served.pbx.store.finalise([*many_legs(200), *over_midnight])
    load_new(warehouse, served.source(), RULES)
    before = snapshot(warehouse)
    with warehouse.transaction() as connection:
        cursor = stored_cursor(connection, "office")
        connection.exec_driver_sql("DELETE FROM call_legs WHERE call_day BETWEEN '2026-03-05' AND '2026-03-31'")
        connection.exec_driver_sql("DELETE FROM call_history WHERE call_day BETWEEN '2026-03-05' AND '2026-03-31'")
        connection.exec_driver_sql("DELETE FROM enriched_calls WHERE call_day BETWEEN '2026-03-05' AND '2026-03-31'")
    reread_days(warehouse, served.source(), RULES, date(2026, 3, 5), date(2026, 3, 20))
    reread_days(warehouse, served.source(), RULES, date(2026, 3, 21), date(2026, 3, 31))
    assert snapshot(warehouse) == before
    with warehouse.transaction() as connection:
        assert stored_cursor(connection, "office") == cursor


def test_two_loads_at_once_end_as_one(warehouse: Warehouse, simulated_pbx: Serve) -> None:
    """One lock per source, held by the connection: the second waits and finds nothing left."""
    served = simulated_pbx()
    served.pbx.store.finalise(many_legs(100))
    reports = []

    def load_once() -> None:
        reports.append(
            load_new(Warehouse(str(warehouse.url.render_as_string(hide_password=False))), served.source(20), RULES)
        )

    threads = [threading.Thread(target=load_once) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(report.new for report in reports) == len(source_legs(served))
    assert stored_legs(warehouse) == source_legs(served)


def test_a_load_that_cannot_have_the_lock_says_who_has_it(warehouse: Warehouse) -> None:
    """Busy is no failure of the data."""
    with (
        warehouse.locked("load office"),
        pytest.raises(WarehouseBusyError, match="load office"),
        warehouse.locked("load office", wait_seconds=0.1),
    ):
        pass


LOADER = """
import sys
from assets.history.load import LoadRules, load_new
from resources.telephony.mikopbx_rest import MikoPbxRestSource
from resources.warehouse import Warehouse
from tests.fix_simulators import IMPATIENT
database, url, key = sys.argv[1:]
source = MikoPbxRestSource("office", url, key, timezone="Europe/Moscow", portion_size=500, bounds=IMPATIENT)
print("begun", flush=True)
load_new(Warehouse(database), source, LoadRules(rows_per_commit=500))
print("done", flush=True)
"""


def test_a_load_killed_at_twenty_random_moments_ends_with_exactly_the_sources_rows(
    warehouse: Warehouse, simulated_pbx: Serve
) -> None:
    """SIGKILL, over 50 000 legs of interleaved calls: each portion is there whole or not at all."""
    served = simulated_pbx()
    served.pbx.store.finalise(many_legs(20_000))
    assert len(source_legs(served)) > 49_000
    database = warehouse.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", LOADER, database, served.url, served.pbx.api_key]
    chance = random.Random(7)
    kills = 0
    while kills < 20:
        loader = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert loader.stdout is not None
        assert loader.stdout.readline().strip() == "begun"
        time.sleep(chance.uniform(0.05, 0.6))
        loader.send_signal(signal.SIGKILL)
        finished = "done" in loader.stdout.read()
        loader.wait()
        loader.stdout.close()
        assert not finished, "the load must be longer than the moments at which it is killed"
        kills += 1
        orphans = (
            "SELECT count(*) FROM call_legs l WHERE NOT EXISTS (SELECT FROM call_history h WHERE "
            "h.pbx_id = l.pbx_id AND h.linkedid = l.linkedid)"
        )
        assert select(warehouse, orphans) == [(0,)]
    load_new(warehouse, served.source(), RULES)
    assert stored_legs(warehouse) == source_legs(served)
    assert select(warehouse, "SELECT count(*) FROM call_history") == [(20_000,)]
    assert select(warehouse, "SELECT count(*) FROM enriched_calls") == [(20_000,)]
