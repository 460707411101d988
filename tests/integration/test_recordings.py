"""Recordings: what exists, what is awaited, what is missing, and what belongs to no call."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import text

from assets.history import gap_assets
from assets.history.audit import audit_days
from assets.history.load import LoadRules, load_new, lock_of
from assets.history.recorded import RecordingRules, check_recordings
from assets.platform import Platform, Telephony
from pipelines.definitions import build_defs
from pipelines.settings import Settings
from resources.telephony.asterisk_csv import AsteriskCsvSource
from resources.telephony.recordings import FolderShelf, Recording
from resources.telephony.source import SourceRefusedError
from resources.warehouse import Warehouse
from simulators.mikopbx.rows import RECORDINGS
from tests.fix_asterisk import ASTERISK_DATA
from tests.fix_simulators import ServedPbx
from tests.rows import CLIENT, at, leg, load, select

Serve = Callable[..., ServedPbx]
DAY = date(2026, 3, 2)
MORNING = at("2026-03-02 10:00:00")
ZONE = "Europe/Moscow"


def states(warehouse: Warehouse) -> dict[str, str]:
    rows = select(warehouse, "SELECT r.linkedid, r.state FROM recordings r ORDER BY 1")
    return {linkedid: state for linkedid, state in rows}  # noqa: C416


def gaps(warehouse: Warehouse) -> list[tuple[str, str, str]]:
    return [tuple(row) for row in select(warehouse, "SELECT kind, subject, state FROM history_gaps ORDER BY 1, 2")]


def talk(call: str, file: str = "", *, begun: datetime = MORNING, seconds: int = 40) -> dict[str, object]:
    return leg(call, begun, CLIENT, "201", duration=60, talk=seconds, recordingfile=file)


def test_what_is_named_awaited_or_never_was_is_told_apart(warehouse: Warehouse) -> None:
    """A call of an hour ago may get its file yet; one of last month will not."""
    recently = datetime.now(UTC) - timedelta(hours=1)
    load(
        warehouse,
        [
            talk("named", "/monitor/a.mp3"),
            talk("bare"),
            talk("unanswered", seconds=0),
            talk("fresh", begun=recently),
        ],
    )
    days = DAY, datetime.now(UTC).date() + timedelta(days=1)
    check_recordings(warehouse, "office", RecordingRules(), *days)
    assert states(warehouse) == {"named": "named", "bare": "none", "fresh": "pending"}
    check_recordings(warehouse, "office", RecordingRules(is_expected=True), *days)
    assert states(warehouse)["bare"] == "missing"
    [(key,)] = select(warehouse, "SELECT leg_id FROM recordings WHERE linkedid = 'bare'")
    assert gaps(warehouse) == [("recording", key, "open")]


def test_a_file_the_server_names_no_more_is_missing_until_it_is_back(warehouse: Warehouse) -> None:
    """REST names a file only while it exists, so a name that went is a file that went."""
    rules = RecordingRules(names_what_exists=True)
    row = talk("call", "/monitor/a.mp3")
    load(warehouse, [row])
    check_recordings(warehouse, "office", rules, DAY, DAY)
    assert states(warehouse) == {"call": "available"}
    load(warehouse, [row | {"recordingfile": ""}])
    check_recordings(warehouse, "office", rules, DAY, DAY)
    assert states(warehouse) == {"call": "missing"}
    assert select(warehouse, "SELECT file FROM recordings") == [("/monitor/a.mp3",)]
    assert [state for _, _, state in gaps(warehouse)] == ["open"]
    load(warehouse, [row])
    check_recordings(warehouse, "office", rules, DAY, DAY)
    assert states(warehouse) == {"call": "available"}
    assert [state for _, _, state in gaps(warehouse)] == ["restored"]


def test_files_of_a_folder_are_matched_both_ways(warehouse: Warehouse, tmp_path: Path) -> None:
    """Calls without their file and files without a call, in FreePBX's folders of days and beside them."""
    folder = tmp_path / "monitor"
    dated = folder / "2026/03/02"
    dated.mkdir(parents=True)
    for name in ("there.wav", "nobodys.wav", "notes.txt"):
        (dated / name).write_bytes(b"x" * 100)
    beside = folder / "flat.wav"
    beside.write_bytes(b"y" * 50)
    os.utime(beside, (MORNING.timestamp(),) * 2)
    load(
        warehouse,
        [talk("there", "there.wav"), talk("flat", "/var/spool/asterisk/monitor/flat.wav"), talk("lost", "lost.wav")],
    )
    rules = RecordingRules(FolderShelf(folder, ZONE))
    check_recordings(warehouse, "office", rules, DAY, DAY)
    assert states(warehouse) == {"there": "available", "flat": "available", "lost": "missing"}
    assert {(kind, state) for kind, _, state in gaps(warehouse)} == {("file", "open"), ("recording", "open")}
    assert ("file", "2026/03/02/nobodys.wav", "open") in gaps(warehouse)
    assert select(warehouse, "SELECT sum(size_bytes) FROM recordings") == [(150,)]
    written = "SELECT leg_id, CAST(xmin AS text) FROM recordings ORDER BY 1"
    before = select(warehouse, written)
    check_recordings(warehouse, "office", rules, DAY, DAY)
    assert select(warehouse, written) == before
    (dated / "lost.wav").write_bytes(b"z")
    (dated / "nobodys.wav").unlink()
    check_recordings(warehouse, "office", rules, DAY, DAY)
    assert {state for *_, state in gaps(warehouse)} == {"restored"}


def test_a_file_may_be_in_the_making(warehouse: Warehouse, tmp_path: Path) -> None:
    """A call that ended an hour ago is named before its file is mixed."""
    begun = datetime.now(UTC) - timedelta(hours=1)
    load(warehouse, [talk("fresh", "fresh.wav", begun=begun)])
    days = begun.date() - timedelta(days=1), begun.date() + timedelta(days=1)
    check_recordings(warehouse, "office", RecordingRules(FolderShelf(tmp_path, ZONE)), *days)
    assert states(warehouse) == {"fresh": "pending"}
    assert gaps(warehouse) == []


def test_a_folder_that_is_not_there_is_an_error_not_a_loss(warehouse: Warehouse, tmp_path: Path) -> None:
    """An unmounted disk must not have a month of recordings called missing."""
    load(warehouse, [talk("call", "a.wav")])
    rules = RecordingRules(FolderShelf(tmp_path / "unmounted", ZONE))
    with pytest.raises(SourceRefusedError, match="mount"):
        check_recordings(warehouse, "office", rules, DAY, DAY)
    assert states(warehouse) == {}


def test_a_mounted_folder_of_a_mikopbx_is_found_by_the_tail_of_its_paths(warehouse: Warehouse, tmp_path: Path) -> None:
    """It keeps files by the hour, under paths that do not exist here."""
    folder = tmp_path / "mnt"
    hour = folder / "2026/03/02/10"
    hour.mkdir(parents=True)
    (hour / "a.mp3").write_bytes(b"sound")
    named = f"{RECORDINGS}/2026/03/02/10/a.mp3"
    load(warehouse, [talk("call", named)])
    shelf = FolderShelf(folder, ZONE)
    assert shelf.path_of(Recording("l", "call", named, MORNING)) == hour / "a.mp3"
    check_recordings(warehouse, "office", RecordingRules(shelf), DAY, DAY)
    assert states(warehouse) == {"call": "available"}
    assert gaps(warehouse) == []


def test_files_filed_under_the_day_before_or_after_are_their_legs(warehouse: Warehouse, tmp_path: Path) -> None:
    """FreePBX files by the start of the call; beside the folders the end of the recording counts."""
    folder = tmp_path / "monitor"
    (folder / "2026/03/02").mkdir(parents=True)
    (folder / "2026/03/02/transferred.wav").write_bytes(b"x")
    (folder / "late.wav").write_bytes(b"y")
    (folder / "odd.sln").write_bytes(b"z")
    after_midnight = at("2026-03-03 00:10:00")
    for name, written in (("late.wav", after_midnight), ("odd.sln", MORNING)):
        os.utime(folder / name, (written.timestamp(),) * 2)
    load(
        warehouse,
        [
            talk("before", begun=at("2026-03-02 23:50:00"), file="late.wav"),
            talk("after", begun=at("2026-03-03 00:05:00"), file="transferred.wav"),
            talk("odd", file="odd.sln"),
        ],
    )
    shelf = FolderShelf(folder, ZONE)
    for day in (DAY, date(2026, 3, 3)):
        check_recordings(warehouse, "office", RecordingRules(shelf), day, day)
    assert set(states(warehouse).values()) == {"available"}
    assert gaps(warehouse) == []
    assert (
        shelf.path_of(Recording("l", "after", "transferred.wav", at("2026-03-03 00:05:00"))).name == "transferred.wav"
    )


def test_files_that_come_and_go_or_have_odd_names_keep_nothing_from_the_others(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A PBX mixes and renames its files while they are looked at."""
    folder = tmp_path / "monitor"
    dated = folder / "2026/03/02"
    dated.mkdir(parents=True)
    (dated / "there.wav").write_bytes(b"x")
    (dated / "going.wav").write_bytes(b"x")
    Path(os.fsdecode(os.fsencode(dated) + b"/\xe7\xe2\xee\xed\xee\xea.wav")).write_bytes(b"x")
    stat = Path.stat

    def vanishing(path: Path, **how: bool) -> os.stat_result:
        if path.name == "going.wav":
            path.unlink(missing_ok=True)
        return stat(path, **how)

    load(warehouse, [talk("there", "there.wav"), talk("loop", "loop.wav")])
    monkeypatch.setattr(Path, "stat", vanishing)
    check_recordings(warehouse, "office", RecordingRules(FolderShelf(folder, ZONE)), DAY, DAY)
    assert states(warehouse) == {"there": "available", "loop": "missing"}
    assert [kind for kind, _, _ in gaps(warehouse)] == ["file", "recording"]


def test_the_recording_of_a_call_that_is_gone_is_not_missed(warehouse: Warehouse, tmp_path: Path) -> None:
    """Who deletes a call at the PBX deletes its file with it."""
    (tmp_path / "monitor").mkdir()
    rules = RecordingRules(FolderShelf(tmp_path / "monitor", ZONE))
    load(warehouse, [talk("call", "a.wav"), talk("other", "b.wav"), talk("long gone", "c.wav")])

    def lose(call: str) -> None:
        with warehouse.transaction() as connection:
            connection.execute(text("UPDATE call_legs SET gone_at = now() WHERE linkedid = :call"), {"call": call})

    lose("long gone")
    check_recordings(warehouse, "office", rules, DAY, DAY)
    assert states(warehouse) == {"call": "missing", "other": "missing"}
    lose("call")
    check_recordings(warehouse, "office", rules, DAY, DAY)
    assert states(warehouse) == {"other": "missing"}
    assert sorted(state for *_, state in gaps(warehouse)) == ["open", "restored"]


def test_a_servers_recordings_are_its_own(warehouse: Warehouse, tmp_path: Path) -> None:
    """Two servers may give a leg the same key, and have a file of the same name."""
    row = talk("call", "a.wav")
    for pbx_id in ("office", "branch"):
        load(warehouse, [row | {"recordingfile": "a.wav" if pbx_id == "office" else "b.wav"}], pbx_id=pbx_id)
        (tmp_path / pbx_id / "2026/03/02").mkdir(parents=True)
        (tmp_path / pbx_id / "2026/03/02/a.wav").write_bytes(b"x")
    for pbx_id in ("office", "branch", "office"):
        check_recordings(warehouse, pbx_id, RecordingRules(FolderShelf(tmp_path / pbx_id, ZONE)), DAY, DAY)
    found = select(warehouse, "SELECT pbx_id, state FROM recordings ORDER BY 1")
    assert found == [("branch", "missing"), ("office", "available")]
    amiss = select(warehouse, "SELECT pbx_id, kind, state FROM history_gaps ORDER BY kind")
    assert amiss == [("branch", "file", "open"), ("branch", "recording", "open")]


def test_both_assets_materialise_and_their_repair_turns_days_green(
    platform: Platform, dagster_instance: dg.DagsterInstance, simulated_pbx: Serve
) -> None:
    """The UI shows the figures of each day, and the days of `call_legs` that were repaired."""
    served = simulated_pbx()
    served.pbx.store.finalise([talk(f"mikopbx-{n}", begun=MORNING + timedelta(hours=n)) for n in range(5)])
    load_new(platform.warehouse, served.source(), LoadRules())
    with platform.warehouse.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM call_legs WHERE source_row_id = 3")
    office = replace(platform, telephony={"office": Telephony(open=served.source, rules=LoadRules())})
    job = build_defs(Settings(), office).resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(
        instance=dagster_instance,
        asset_selection=[dg.AssetKey("recordings"), dg.AssetKey("history_gaps")],
        tags={
            "dagster/asset_partition_range_start": "2026-03-02",
            "dagster/asset_partition_range_end": "2026-03-03",
        },
    )
    assert result.success
    records = dagster_instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=dg.AssetKey("history_gaps"), asset_partitions=["2026-03-02"]), limit=1
    ).records
    assert records[0].asset_materialization is not None
    metadata = {name: value.value for name, value in records[0].asset_materialization.metadata.items()}
    assert metadata["holes in ids"] == metadata["hours that differ"] == metadata["calls with missing legs"] == 1
    assert metadata["holes still open"] == 0
    repaired = dagster_instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=dg.AssetKey("call_legs"), asset_partitions=["2026-03-02"]), limit=1
    ).records
    assert len(repaired) == 1
    assert select(platform.warehouse, "SELECT count(*) FROM call_legs") == [(5,)]


def test_servers_that_cannot_be_audited_keep_nothing_from_the_others(
    platform: Platform,
    dagster_instance: dg.DagsterInstance,
    simulated_pbx: Serve,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One is being loaded, of another the disk is not there: each is named, the rest is done."""
    monkeypatch.setattr(gap_assets, "TURN_SECONDS", 0)
    served = simulated_pbx()
    served.pbx.store.finalise([talk("mikopbx-1"), talk("mikopbx-2")])
    load_new(platform.warehouse, served.source(), LoadRules())
    load(platform.warehouse, [talk("b", "b.wav")], pbx_id="branch")
    with platform.warehouse.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM call_legs WHERE source_row_id = 2 AND pbx_id = 'office'")
    unmounted = RecordingRules(FolderShelf(tmp_path / "unmounted", ZONE))
    csv = AsteriskCsvSource("branch", ASTERISK_DATA / "Master.csv", zone="UTC")
    servers = {
        "branch": Telephony(open=lambda: csv, rules=LoadRules(), recordings=unmounted),
        "office": Telephony(open=served.source, rules=LoadRules()),
    }
    job = build_defs(Settings(), replace(platform, telephony=servers)).resolve_implicit_global_asset_job_def()

    def materialise(asset: str) -> str:
        result = job.execute_in_process(
            instance=dagster_instance,
            asset_selection=[dg.AssetKey(asset)],
            partition_key="2026-03-02",
            raise_on_error=False,
        )
        [failure] = [event for event in result.all_events if event.is_step_failure]
        return str(failure.step_failure_data.user_failure_data.description)  # type: ignore[union-attr]

    assert "branch: There is no folder" in materialise("recordings")
    assert select(platform.warehouse, "SELECT DISTINCT pbx_id FROM recordings") == [("office",)]
    with platform.warehouse.locked(lock_of("branch")):
        assert "branch: 'load branch' is being worked on" in materialise("history_gaps")
    assert select(platform.warehouse, "SELECT count(*) FROM call_legs WHERE pbx_id = 'office'") == [(2,)]


def test_an_audit_of_recordings_leaves_the_holes_of_legs_alone(warehouse: Warehouse, simulated_pbx: Serve) -> None:
    """Each of the two settles only what it looks for."""
    served = simulated_pbx()
    served.pbx.store.finalise([talk("mikopbx-1"), talk("mikopbx-2")])
    load_new(warehouse, served.source(), LoadRules())
    with warehouse.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM call_legs WHERE source_row_id = 2")
    audit_days(warehouse, served.source(), LoadRules(), DAY, DAY, is_repairing=False)
    check_recordings(warehouse, "office", RecordingRules(is_expected=True), DAY, DAY)
    audit_days(warehouse, served.source(), LoadRules(), DAY, DAY, is_repairing=False)
    assert {(kind, state) for kind, _, state in gaps(warehouse)} == {
        ("call", "open"),
        ("hour", "open"),
        ("ids", "open"),
        ("recording", "open"),
    }
