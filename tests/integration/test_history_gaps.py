"""The gap auditor: what the history lost is found, read again by exactly its ids or hours, and never doubled."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from assets.history.audit import AuditReport, audit_days, hours_between
from assets.history.load import LoadRules, load_new
from resources.telephony.asterisk_csv import AsteriskCsvSource
from resources.telephony.asterisk_sql import AsteriskSqlSource
from resources.telephony.mikopbx_get_data import MikoPbxGetDataSource
from resources.telephony.source import TelephonySource
from resources.warehouse import Warehouse
from simulators.mikopbx.clock import Clock
from tests.fix_asterisk import ASTERISK_DATA, cdr_postgres_fixture  # noqa: F401
from tests.fix_simulators import IMPATIENT, ServedPbx
from tests.rows import CLIENT, at, leg, select, snapshot

Serve = Callable[..., ServedPbx]
RULES = LoadRules()
FIRST, LAST = date(2026, 3, 2), date(2026, 3, 23)
MORNING = at("2026-03-02 10:00:00")


def many_calls(calls: int, days: int = 20, seed: int = 5) -> list[dict[str, Any]]:
    """Calls of one to four legs each, spread over days."""
    chance = random.Random(seed)
    rows: list[list[dict[str, Any]]] = []
    for number in range(calls):
        begun = MORNING + timedelta(seconds=chance.randrange(days * 86_400))
        rows.append(
            [
                leg(
                    f"mikopbx-call.{number}",
                    begun + timedelta(seconds=10 * place),
                    f"+7495{chance.randrange(10_000_000):07d}",
                    str(200 + chance.randrange(20)),
                    duration=60,
                    talk=chance.choice([0, 40]),
                )
                for place in range(chance.randrange(1, 5))
            ]
        )
    return [row for call in sorted(rows, key=lambda call: call[0]["start"]) for row in call]


def lose(warehouse: Warehouse, condition: str, **values: Any) -> int:  # noqa: ANN401
    """Delete legs as nothing of ours ever does."""
    with warehouse.transaction() as connection:
        return connection.execute(text(f"DELETE FROM call_legs WHERE {condition}"), values).rowcount  # noqa: S608


def gaps(warehouse: Warehouse) -> list[tuple[str, str, int, int, str]]:
    """Return the findings: kind, subject, missing, restored, state."""
    found = select(
        warehouse,
        "SELECT kind, subject, rows_missing, rows_restored, state FROM history_gaps ORDER BY kind, subject",
    )
    return [tuple(row) for row in found]


def audit(warehouse: Warehouse, source: TelephonySource, first: date = FIRST, last: date = LAST) -> AuditReport:
    return audit_days(warehouse, source, RULES, first, last)


def test_one_row_in_a_hundred_and_fifty_legs_lost_at_random_all_come_back(
    warehouse: Warehouse, simulated_pbx: Serve
) -> None:
    """100 000 rows: everything lost is found and restored, nothing is doubled, and only the holes are written."""
    served = simulated_pbx()
    rows = many_calls(40_000)
    served.pbx.store.finalise(rows)
    load_new(warehouse, served.source(), RULES)
    held = len(rows)
    assert held > 99_000
    before = snapshot(warehouse)
    chance = random.Random(7)
    lost = chance.sample(rows, held // 100)
    lost_ids = {row["id"] for row in lost}
    legs = chance.sample([row for row in rows if row["id"] not in lost_ids], 50)
    keys = [row["UNIQUEID"] for row in [*lost, *legs]]
    assert lose(warehouse, "leg_id = ANY (:keys)", keys=keys) == len(keys)
    report = audit(warehouse, served.source())
    assert report.load.new == len(keys)
    assert report.load.changed == 0
    assert snapshot(warehouse) == before
    by_ids = [gap for gap in report.gaps if gap.kind == "ids"]
    assert sum(gap.rows_missing for gap in by_ids) == sum(gap.rows_restored for gap in by_ids) == len(keys)
    assert {gap.state for gap in report.gaps} == {"restored"}
    hours = [gap for gap in report.gaps if gap.kind == "hour"]
    assert sum(gap.rows_missing for gap in hours) == len(keys)
    calls = {row["linkedid"] for row in [*lost, *legs]}
    assert {gap.subject for gap in report.gaps if gap.kind == "call"} == calls
    assert audit(warehouse, served.source()).gaps == []


def test_a_hole_costs_the_requests_of_a_hole(warehouse: Warehouse, simulated_pbx: Serve) -> None:
    """Days that agree are asked for one number each; a hole for one page."""
    served = simulated_pbx()
    served.pbx.store.finalise(many_calls(500))
    load_new(warehouse, served.source(), RULES)
    lose(warehouse, "source_row_id BETWEEN 300 AND 304")
    asked = len(served.pbx.guard.requests)
    audit(warehouse, served.source())
    days = (LAST - FIRST).days + 1
    hours_of_a_day = 24
    assert len(served.pbx.guard.requests) - asked == days + hours_of_a_day + 1
    assert ("ids", "300-304", 5, 5, "restored") in gaps(warehouse)


def test_a_look_without_repair_changes_no_leg(warehouse: Warehouse, simulated_pbx: Serve) -> None:
    """Findings stand open; the audit that repairs closes them."""
    served = simulated_pbx()
    served.pbx.store.finalise(many_calls(100))
    load_new(warehouse, served.source(), RULES)
    lose(warehouse, "source_row_id = 50")
    before = snapshot(warehouse)
    audit_days(warehouse, served.source(), RULES, FIRST, LAST, is_repairing=False)
    assert snapshot(warehouse) == before
    assert {state for *_, state in gaps(warehouse)} == {"open"}
    audit(warehouse, served.source())
    assert {state for *_, state in gaps(warehouse)} == {"restored"}


def test_ids_the_server_never_gave_are_asked_for_once(warehouse: Warehouse, simulated_pbx: Serve) -> None:
    """Rows deleted at the PBX before we read leave holes that are no loss."""
    served = simulated_pbx()
    served.pbx.store.finalise(many_calls(100))
    for row_id in (40, 41, 90):
        served.pbx.store.delete(str(row_id))
    load_new(warehouse, served.source(), RULES)
    audit(warehouse, served.source())
    assert gaps(warehouse) == [("ids", "40-41", 2, 0, "empty"), ("ids", "90-90", 1, 0, "empty")]
    assert audit(warehouse, served.source()).gaps == []


def test_the_newest_rows_are_missed_too(warehouse: Warehouse, simulated_pbx: Serve) -> None:
    """The cursor knows how far was read, so a hole at the very end is one."""
    served = simulated_pbx()
    rows = many_calls(100)
    served.pbx.store.finalise(rows)
    load_new(warehouse, served.source(), RULES)
    lose(warehouse, "source_row_id > :last", last=len(rows) - 3)
    audit(warehouse, served.source())
    assert ("ids", f"{len(rows) - 2}-{len(rows)}", 3, 3, "restored") in gaps(warehouse)


def test_refused_rows_are_no_loss_and_asked_for_once(warehouse: Warehouse, simulated_pbx: Serve) -> None:
    """What stands in quarantine makes ids and hours differ for good."""
    served = simulated_pbx()
    rows = many_calls(30, days=1)
    rows[10]["duration"] = "soon"
    served.pbx.store.finalise(rows)
    load_new(warehouse, served.source(), RULES)
    assert audit(warehouse, served.source(), FIRST, FIRST).gaps
    assert {state for *_, state in gaps(warehouse)} == {"empty"}
    assert select(warehouse, "SELECT count(*) FROM quarantine") == [(1,)]
    assert audit(warehouse, served.source(), FIRST, FIRST).gaps == []


def test_a_server_that_hands_over_fewer_rows_than_it_counts_is_told(warehouse: Warehouse, simulated_pbx: Serve) -> None:
    """Nothing can be read that is not handed over; it stays open, with what to do."""
    served = simulated_pbx()
    served.pbx.store.finalise(many_calls(60, days=1))
    load_new(warehouse, served.source(), RULES)
    assert lose(warehouse, "started_at BETWEEN '2026-03-02 15:00+03' AND '2026-03-02 15:59:59.999+03'") > 1
    served.faults.switch_on("capped", times=None)
    audit(warehouse, served.source(), FIRST, date(2026, 3, 3))
    kinds = {(kind, state) for kind, _, _, _, state in gaps(warehouse)}
    assert ("capped_page", "open") in kinds
    assert "hands over" in select(warehouse, "SELECT explanation FROM history_gaps WHERE kind = 'capped_page'")[0][0]
    served.faults.switch_off()
    audit(warehouse, served.source(), FIRST, date(2026, 3, 3))
    assert "open" not in {state for *_, state in gaps(warehouse)}


def test_rows_past_the_servers_retention_are_kept_and_no_alarm(warehouse: Warehouse, simulated_pbx: Serve) -> None:
    """The PBX forgets after a year; what we hold is more than it has."""
    served = simulated_pbx()
    served.pbx.store.finalise(many_calls(200))
    load_new(warehouse, served.source(), RULES)
    before = snapshot(warehouse)
    served.pbx.store.retain_since("2026-03-06")
    audit(warehouse, served.source())
    assert snapshot(warehouse) == before
    assert {state for *_, state in gaps(warehouse)} == {"empty"}


def test_a_call_whose_lost_leg_is_nowhere_is_made_anew_of_what_there_is(
    warehouse: Warehouse, simulated_pbx: Serve
) -> None:
    """Otherwise the call would tell of legs that nobody can show."""
    served = simulated_pbx()
    rows = [
        leg("mikopbx-a", MORNING, CLIENT, "201", duration=20),
        leg("mikopbx-a", MORNING + timedelta(seconds=20), CLIENT, "202", duration=30, talk=20),
    ]
    served.pbx.store.finalise(rows)
    load_new(warehouse, served.source(), RULES)
    lose(warehouse, "leg_id = :key", key=rows[1]["UNIQUEID"])
    served.pbx.store.delete("2")
    audit(warehouse, served.source())
    assert select(warehouse, "SELECT legs, status FROM call_history") == [(1, "lost")]
    assert ("call", "mikopbx-a", 1, 0, "empty") in gaps(warehouse)


@pytest.mark.parametrize("data_format", ["xml", "json"])
def test_a_source_without_counts_is_repaired_by_its_ids(
    warehouse: Warehouse,
    simulated_pbx: Serve,
    data_format: Any,  # noqa: ANN401
) -> None:
    """`get_data` knows ids only."""
    served = simulated_pbx()
    served.pbx.store.finalise(many_calls(300))
    source = MikoPbxGetDataSource(
        "office", served.url, timezone="Europe/Moscow", data_format=data_format, portion_size=50, bounds=IMPATIENT
    )
    load_new(warehouse, source, RULES)
    before = snapshot(warehouse)
    lost = lose(warehouse, "source_row_id % 37 = 0 OR source_row_id BETWEEN 200 AND 320")
    report = audit(warehouse, source)
    assert report.load.new == report.load.read == lost
    assert snapshot(warehouse) == before
    source.close()


def test_an_asterisks_table_is_repaired_by_its_hours(warehouse: Warehouse, cdr_postgres_url: str) -> None:
    """No id is promised there, but rows can be counted."""
    source = AsteriskSqlSource("ast", cdr_postgres_url, zone="UTC")
    rules = LoadRules(source_zone="UTC")
    load_new(warehouse, source, rules)
    before = snapshot(warehouse)
    first, last = select(warehouse, "SELECT min(call_day), max(call_day) FROM call_legs")[0]
    lost = lose(warehouse, "leg_id IN (SELECT leg_id FROM call_legs ORDER BY md5(leg_id) LIMIT 4)")
    report = audit_days(warehouse, source, rules, first, last)
    assert report.load.new == lost == 4
    assert snapshot(warehouse) == before
    assert {gap.state for gap in report.gaps} == {"restored"}


def test_a_file_is_read_again_by_days(warehouse: Warehouse) -> None:
    """A CDR file has neither ids nor counts; what came back is told all the same."""
    source = AsteriskCsvSource("ast", ASTERISK_DATA / "Master.csv", zone="UTC")
    rules = LoadRules(source_zone="UTC")
    load_new(warehouse, source, rules)
    before = snapshot(warehouse)
    first, last = select(warehouse, "SELECT min(call_day), max(call_day) FROM call_legs")[0]
    lost = lose(warehouse, "leg_id IN (SELECT leg_id FROM call_legs ORDER BY md5(leg_id) LIMIT 4)")
    report = audit_days(warehouse, source, rules, first, last)
    assert report.load.new == lost == 4
    assert snapshot(warehouse) == before
    assert sum(gap.rows_restored for gap in report.gaps if gap.kind == "hour") == 4


def test_the_hour_that_comes_twice_is_no_difference(warehouse: Warehouse, simulated_pbx: Serve) -> None:
    """The PBX counts by its wall clock, which shows 02:00 twice when summer time ends."""
    zone = ZoneInfo("Europe/Berlin")
    berlin = LoadRules(business_zone="Europe/Berlin", source_zone="Europe/Berlin")
    served = simulated_pbx(timezone="Europe/Berlin", clock=Clock(at("2026-10-26 12:00:00", zone)))
    begun = at("2026-10-25 00:30:00", zone)
    rows = [leg(f"mikopbx-{n}", begun + timedelta(minutes=20 * n), CLIENT, "201", zone=zone) for n in range(12)]
    served.pbx.store.finalise(rows)
    source = served.source()
    load_new(warehouse, source, berlin)
    day = date(2026, 10, 25)
    assert len(hours_between(day, day, zone)) == 26
    assert audit_days(warehouse, source, berlin, day, day).gaps == []


def test_two_audits_at_once_change_nothing_twice(warehouse: Warehouse, simulated_pbx: Serve) -> None:
    """The lock of the source makes one wait for the other."""
    served = simulated_pbx()
    served.pbx.store.finalise(many_calls(300))
    load_new(warehouse, served.source(), RULES)
    before = snapshot(warehouse)
    lose(warehouse, "source_row_id % 10 = 0")
    threads = [threading.Thread(target=audit, args=(warehouse, served.source())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert snapshot(warehouse) == before
