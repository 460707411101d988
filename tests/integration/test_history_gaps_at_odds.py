"""The gap auditor where the server fails, is somebody else, or the days are odd: nothing is given up by mistake."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from assets.history.audit import audit_days
from assets.history.load import LoadRules, load_new, lock_of, reread_days
from resources.telephony.asterisk_csv import AsteriskCsvSource
from resources.telephony.mikopbx_get_data import MikoPbxGetDataSource
from resources.telephony.mikopbx_rest import MikoPbxRestSource
from resources.telephony.source import IdRange, Portion, SourceAnswerError, SourceUnavailableError
from resources.warehouse import Warehouse
from resources.warehouse.connection import WarehouseBusyError
from simulators.mikopbx.clock import Clock
from tests.fix_asterisk import ASTERISK_DATA
from tests.fix_simulators import IMPATIENT, ServedPbx
from tests.integration.test_history_gaps import FIRST, LAST, MORNING, RULES, audit, gaps, lose, many_calls
from tests.rows import CLIENT, at, leg, load, select, snapshot

Serve = Callable[..., ServedPbx]
MONDAY = date(2026, 3, 2)


def two_legs(begun: datetime = MORNING, apart: timedelta = timedelta(seconds=20)) -> list[dict[str, Any]]:
    return [
        leg("mikopbx-a", begun, CLIENT, "201", duration=20),
        leg("mikopbx-a", begun + apart, CLIENT, "202", duration=30, talk=20),
    ]


class Unnumbered:
    """A source that counts and has no ids, as a CDR table."""

    def __init__(self, source: MikoPbxRestSource) -> None:
        self.pbx_id, self.dialect = source.pbx_id, source.dialect
        self.count_rows, self.portions_within = source.count_rows, source.portions_within


class GoneAfterIds(Unnumbered):
    """A server that goes away when it was asked for its first ids."""

    def __init__(self, source: MikoPbxRestSource) -> None:
        super().__init__(source)
        self.last_id, self._portions = source.last_id, source.portions_of_ids
        self.portions_within = self._away

    def portions_of_ids(self, ranges: Sequence[IdRange]) -> Iterator[Portion]:
        """Hand over the first of them."""
        return self._portions(ranges[:1])

    def _away(self, spans: Sequence[tuple[datetime, datetime]]) -> Iterator[Portion]:
        raise SourceUnavailableError(f"away before {spans}")


def test_a_call_is_not_given_up_while_the_server_fails(warehouse: Warehouse, simulated_pbx: Serve) -> None:
    """Made anew without its lost leg it would be a lost call, of which nobody would know any more."""
    served = simulated_pbx()
    rows = two_legs()
    served.store.finalise([*rows, leg("mikopbx-b", MORNING + timedelta(hours=1), CLIENT, "201")])
    load_new(warehouse, served.source(), RULES)
    before = snapshot(warehouse)
    lose(warehouse, "leg_id = :key", key=rows[1]["UNIQUEID"])
    served.faults.switch_on("capped", times=None)
    audit(warehouse, served.source(), MONDAY, MONDAY)
    assert ("call", "mikopbx-a", 1, 0, "open") in gaps(warehouse)
    assert snapshot(warehouse)["call_history"] == before["call_history"]
    served.faults.switch_off()
    audit(warehouse, served.source(), MONDAY, MONDAY)
    assert snapshot(warehouse) == before
    assert {state for *_, state in gaps(warehouse)} == {"restored"}


def test_a_call_is_not_given_up_while_its_ids_cannot_be_read(warehouse: Warehouse, simulated_pbx: Serve) -> None:
    """`get_data` can be asked for nothing else."""
    served = simulated_pbx()
    rows = two_legs()
    served.store.finalise(rows)
    source = MikoPbxGetDataSource("office", served.url, timezone="Europe/Moscow", bounds=IMPATIENT)
    load_new(warehouse, source, RULES)
    lose(warehouse, "leg_id = :key", key=rows[1]["UNIQUEID"])
    served.faults.switch_on("empty", times=None)
    audit(warehouse, source, MONDAY, MONDAY)
    assert select(warehouse, "SELECT legs FROM call_history") == [(2,)]
    assert {state for *_, state in gaps(warehouse)} == {"open"}
    source.close()


def test_a_server_without_any_row_gives_no_call_up(warehouse: Warehouse, simulated_pbx: Serve) -> None:
    """`get_data` cannot be asked for counts; an empty table from the first id on is a failure inside the PBX."""
    served, other = simulated_pbx(), simulated_pbx()
    rows = two_legs()
    served.store.finalise(rows)
    load_new(warehouse, served.source(), RULES)
    lose(warehouse, "leg_id = :key", key=rows[1]["UNIQUEID"])
    source = MikoPbxGetDataSource("office", other.url, timezone="Europe/Moscow", bounds=IMPATIENT)
    audit(warehouse, source, MONDAY, MONDAY)
    assert {state for *_, state in gaps(warehouse)} == {"open"}
    assert select(warehouse, "SELECT legs FROM call_history") == [(2,)]
    source.close()


def test_a_leg_lost_after_midnight_comes_back_with_its_calls_day(warehouse: Warehouse, simulated_pbx: Serve) -> None:
    """The audit of a day reads its calls to their ends, though nothing is counted there."""
    served = simulated_pbx()
    rows = two_legs(at("2026-03-02 23:59:50"))
    served.store.finalise(rows)
    load_new(warehouse, served.source(), RULES)
    before = snapshot(warehouse)
    lose(warehouse, "leg_id = :key", key=rows[1]["UNIQUEID"])
    audit(warehouse, Unnumbered(served.source()), MONDAY, MONDAY)  # type: ignore[arg-type]
    assert snapshot(warehouse) == before
    assert ("call", "mikopbx-a", 1, 1, "restored") in gaps(warehouse)


def test_a_server_that_has_nothing_of_days_we_hold_is_an_error(warehouse: Warehouse, simulated_pbx: Serve) -> None:
    """An empty database, or somebody else's, is no retention."""
    served = simulated_pbx()
    served.store.finalise(many_calls(30, days=1))
    load_new(warehouse, served.source(), RULES)
    other = simulated_pbx()
    with pytest.raises(SourceAnswerError, match="Nothing was changed"):
        audit(warehouse, other.source(), MONDAY, MONDAY)
    assert gaps(warehouse) == []


def test_a_file_that_has_nothing_of_days_we_hold_is_an_error(warehouse: Warehouse, tmp_path: Path) -> None:
    """It was cut by somebody; the calls of these days cannot be compared with anything."""
    file = tmp_path / "Master.csv"
    file.write_bytes((ASTERISK_DATA / "Master.csv").read_bytes())
    rules = LoadRules(source_zone="UTC")
    load_new(warehouse, AsteriskCsvSource("ast", file, zone="UTC"), rules)
    first, last = select(warehouse, "SELECT min(call_day), max(call_day) FROM call_legs")[0]
    file.write_bytes(b"")
    with pytest.raises(SourceAnswerError, match="Nothing was changed"):
        audit_days(warehouse, AsteriskCsvSource("ast", file, zone="UTC"), rules, first, last)


def test_an_hour_that_vanished_from_the_server_is_open(warehouse: Warehouse, simulated_pbx: Serve) -> None:
    """Only what is older than all the server keeps is past its retention."""
    served = simulated_pbx()
    calls = [leg(f"mikopbx-{n}", MORNING + timedelta(hours=n), CLIENT, "201") for n in range(3)]
    served.store.finalise(calls)
    load_new(warehouse, served.source(), RULES)
    served.store.delete("2")
    audit(warehouse, served.source(), MONDAY, MONDAY)
    assert gaps(warehouse) == [("hour", "2026-03-02T11:00+03:00", -1, 0, "open")]
    assert "gone from the server" in select(warehouse, "SELECT explanation FROM history_gaps")[0][0]
    served.store.retain_since("2026-03-02 12:00:00")
    lose(warehouse, "false")
    audit(warehouse, served.source(), MONDAY, MONDAY)
    assert [state for *_, state in gaps(warehouse)] == ["empty", "empty"]


@pytest.mark.parametrize("fault", ["unavailable", "html", "empty"])
def test_an_audit_that_cannot_read_has_changed_nothing(warehouse: Warehouse, simulated_pbx: Serve, fault: str) -> None:
    """All of it is one transaction; nothing is taken for an end of data."""
    served = simulated_pbx()
    served.store.finalise(many_calls(40))
    load_new(warehouse, served.source(), RULES)
    lose(warehouse, "source_row_id % 10 = 0")
    before = snapshot(warehouse)
    served.faults.switch_on(fault, times=None)
    with pytest.raises((SourceUnavailableError, SourceAnswerError)):
        audit(warehouse, served.source())
    assert snapshot(warehouse) == before
    assert gaps(warehouse) == []


def test_an_audit_that_ends_in_the_middle_has_changed_nothing(warehouse: Warehouse, simulated_pbx: Serve) -> None:
    """One row came back, then the server went away."""
    served = simulated_pbx()
    served.store.finalise(many_calls(40))
    load_new(warehouse, served.source(), RULES)
    lose(warehouse, "source_row_id % 10 = 0")
    before = snapshot(warehouse)
    with pytest.raises(SourceUnavailableError):
        audit(warehouse, GoneAfterIds(served.source()))  # type: ignore[arg-type]
    assert snapshot(warehouse) == before
    assert gaps(warehouse) == []
    with warehouse.locked(lock_of("office"), wait_seconds=0):
        pass


def test_rows_of_other_days_between_are_no_holes(warehouse: Warehouse, simulated_pbx: Serve) -> None:
    """Ids follow the end of calls and imports: a call of three days, and one of last year that came today."""
    served = simulated_pbx()
    today = MORNING + timedelta(days=20)
    rows = [leg(f"mikopbx-{n}", today + timedelta(minutes=n), CLIENT, "201") for n in range(6)]
    long_ago = [leg(f"mikopbx-old{n}", today - timedelta(days=n), CLIENT, "201") for n in (3, 300)]
    served.store.finalise([rows[0], long_ago[0], rows[1], rows[2], rows[3], long_ago[1], rows[4], rows[5]])
    load_new(warehouse, served.source(), RULES)
    assert audit(warehouse, served.source(), today.date(), today.date()).gaps == []
    lose(warehouse, "source_row_id IN (3, 5, 7)")
    audit(warehouse, served.source(), today.date(), today.date())
    assert [row for row in gaps(warehouse) if row[0] == "ids"] == [
        ("ids", "3-3", 1, 1, "restored"),
        ("ids", "5-5", 1, 1, "restored"),
        ("ids", "7-7", 1, 1, "restored"),
    ]


def test_a_row_imported_late_does_not_make_all_ids_between_a_hole(warehouse: Warehouse, simulated_pbx: Serve) -> None:
    """Its id is of today, its day of January: the audit of January reads nothing again."""
    served = simulated_pbx()
    january = [leg(f"mikopbx-j{n}", at("2026-01-12 10:00:00") + timedelta(hours=n), CLIENT, "201") for n in range(3)]
    late = leg("mikopbx-late", at("2026-01-12 14:00:00"), CLIENT, "201")
    served.store.finalise([*january, *many_calls(200), late])
    load_new(warehouse, served.source(), RULES)
    asked = len(served.pbx.guard.requests)
    day = date(2026, 1, 12)
    assert audit(warehouse, served.source(), day, day).gaps == []
    assert len(served.pbx.guard.requests) - asked == 1


def test_another_servers_rows_are_neither_counted_nor_touched(warehouse: Warehouse, simulated_pbx: Serve) -> None:
    """Two servers give the same ids and may give the same names to calls."""
    served = simulated_pbx()
    rows = many_calls(30, days=1)
    served.store.finalise(rows)
    load_new(warehouse, served.source(), RULES)
    load(warehouse, [row for row in rows if row["id"] % 2], pbx_id="branch")
    lose(warehouse, "pbx_id = 'branch' AND source_row_id % 3 = 0")
    branch = select(warehouse, "SELECT * FROM call_legs WHERE pbx_id = 'branch' ORDER BY leg_id")
    assert audit(warehouse, served.source()).gaps == []
    lost = lose(warehouse, "pbx_id = 'office' AND source_row_id % 5 = 0")
    report = audit(warehouse, served.source())
    assert report.load.new == lost
    assert sum(gap.rows_restored for gap in report.gaps if gap.kind == "ids") == lost
    assert sum(gap.rows_restored for gap in report.gaps if gap.kind == "call") == lost
    assert select(warehouse, "SELECT * FROM call_legs WHERE pbx_id = 'branch' ORDER BY leg_id") == branch


def test_a_hole_in_the_hour_that_comes_twice_is_one_hour(warehouse: Warehouse, simulated_pbx: Serve) -> None:
    """Both hours have the same name on the PBX's clock; its rows are counted once."""
    zone = ZoneInfo("Europe/Berlin")
    berlin = LoadRules(business_zone="Europe/Berlin", source_zone="Europe/Berlin")
    served = simulated_pbx(timezone="Europe/Berlin", clock=Clock(at("2026-10-26 12:00:00", zone)))
    begun = at("2026-10-25 00:30:00", zone)
    served.store.finalise(
        [leg(f"mikopbx-{n}", begun + timedelta(minutes=20 * n), CLIENT, "201", zone=zone) for n in range(12)]
    )
    source = served.source()
    load_new(warehouse, source, berlin)
    before = snapshot(warehouse)
    assert lose(warehouse, "source_row_id IN (6, 7)") == 2
    day = date(2026, 10, 25)
    report = audit_days(warehouse, source, berlin, day, day)
    assert snapshot(warehouse) == before
    assert {(gap.subject, gap.rows_missing, gap.state) for gap in report.gaps if gap.kind == "hour"} == {
        ("2026-10-25T02:00+01:00", 2, "restored")
    }


def test_hours_of_more_rows_than_a_page_come_whole(warehouse: Warehouse, simulated_pbx: Serve) -> None:
    """Pages follow the ids within the hour."""
    served = simulated_pbx()
    begun = [*(MORNING + timedelta(minutes=n) for n in range(49)), MORNING + timedelta(minutes=59, seconds=59.9)]
    served.store.finalise([leg(f"mikopbx-{n}", at, CLIENT, "201") for n, at in enumerate(begun)])
    load_new(warehouse, served.source(), RULES)
    before = snapshot(warehouse)
    lose(warehouse, "true")
    with warehouse.transaction() as connection:
        # Nothing tells of them but the count.
        connection.exec_driver_sql("DELETE FROM call_history; DELETE FROM load_cursors")
    report = audit(warehouse, served.source(portion_size=7), MONDAY, MONDAY)
    assert [(gap.kind, gap.rows_missing, gap.state) for gap in report.gaps] == [("hour", 50, "restored")]
    assert snapshot(warehouse) == before


def test_an_audit_waits_its_turn_so_long_and_no_longer(warehouse: Warehouse, simulated_pbx: Serve) -> None:
    """A load, or the run of a backfill before this one, may be at the server."""
    served = simulated_pbx()
    with warehouse.locked(lock_of("office")), pytest.raises(WarehouseBusyError):
        audit_days(warehouse, served.source(), RULES, FIRST, LAST, wait_seconds=0)


def test_the_first_and_the_last_row_of_a_day_are_missed_by_their_neighbours(
    warehouse: Warehouse, simulated_pbx: Serve
) -> None:
    """`get_data` has no counts: only the rows of the days beside tell of these; and of the very first row the ids."""
    served = simulated_pbx()
    rows = [leg(f"mikopbx-{n}", MORNING + timedelta(hours=8 * n), CLIENT, "201") for n in range(9)]
    served.store.finalise(rows)
    source = MikoPbxGetDataSource("office", served.url, timezone="Europe/Moscow", bounds=IMPATIENT)
    load_new(warehouse, source, RULES)
    before = snapshot(warehouse)
    lose(warehouse, "source_row_id IN (1, 3, 5)")
    with warehouse.transaction() as connection:
        # Nor do their calls tell.
        connection.exec_driver_sql("DELETE FROM call_history WHERE linkedid IN ('mikopbx-0', 'mikopbx-2', 'mikopbx-4')")
    audit(warehouse, source, date(2026, 3, 3), date(2026, 3, 3))
    assert gaps(warehouse) == [("ids", "3-3", 1, 1, "restored"), ("ids", "5-5", 1, 1, "restored")]
    audit(warehouse, source, MONDAY, MONDAY)
    assert gaps(warehouse)[0] == ("ids", "1-1", 1, 1, "restored")
    assert snapshot(warehouse)["call_legs"] == before["call_legs"]
    source.close()


def test_calls_that_are_gone_are_no_holes(warehouse: Warehouse, simulated_pbx: Serve) -> None:
    """Somebody deleted them at the server, whole or in part, and a re-read marked them."""
    served = simulated_pbx()
    served.store.finalise([*two_legs(), *(leg(f"mikopbx-{n}", MORNING, CLIENT, "201") for n in range(3))])
    load_new(warehouse, served.source(), RULES)
    for row_id in ("2", "4"):
        served.store.delete(row_id)
    assert reread_days(warehouse, served.source(), RULES, MONDAY, MONDAY).gone == 2
    assert audit(warehouse, served.source(), MONDAY, MONDAY).gaps == []
    lose(warehouse, "source_row_id = 1")
    audit(warehouse, served.source(), MONDAY, MONDAY)
    assert ("call", "mikopbx-a", 1, 1, "restored") in gaps(warehouse)


def test_findings_of_other_days_and_servers_are_left_alone(warehouse: Warehouse, simulated_pbx: Serve) -> None:
    """An audit settles what it looked at, and adds up what comes back again and again."""
    served = simulated_pbx()
    served.store.finalise([*two_legs(), *two_legs_of_tuesday()])
    load_new(warehouse, served.source(), RULES)
    with warehouse.transaction() as connection:
        connection.exec_driver_sql(
            "INSERT INTO history_gaps (pbx_id, kind, subject, call_day, rows_missing, source_rows, held_rows, state) "
            "VALUES ('branch', 'ids', '1-2', '2026-03-02', 2, NULL, NULL, 'open'), "
            "('office', 'ids', '8-9', '2026-03-05', 2, NULL, NULL, 'open'), "
            "('branch', 'hour', '2026-03-02T10:00+03:00', '2026-03-02', 1, 2, 1, 'empty')"
        )
    former = gaps(warehouse)
    lose(warehouse, "source_row_id IN (2, 4)")
    audit(warehouse, served.source(), MONDAY, MONDAY)
    lose(warehouse, "source_row_id = 2")
    audit(warehouse, served.source(), MONDAY, MONDAY)
    found = [gap for gap in gaps(warehouse) if gap not in former]
    assert [gap for gap in gaps(warehouse) if gap in former] == former
    assert found == [
        ("call", "mikopbx-a", 1, 2, "restored"),
        ("hour", "2026-03-02T10:00+03:00", 1, 2, "restored"),
        ("ids", "2-2", 1, 2, "restored"),
    ]


def two_legs_of_tuesday() -> list[dict[str, Any]]:
    return [row | {"linkedid": "mikopbx-t"} for row in two_legs(MORNING + timedelta(days=1))]
