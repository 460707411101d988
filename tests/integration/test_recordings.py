"""Recordings: what exists, what is awaited, what is missing, what belongs to no call; found in folders and at PBXs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from assets.history.audit import audit_days
from assets.history.load import LoadRules, load_new
from assets.history.recorded import RecordingRules, check_recordings
from assets.platform import Platform, Telephony
from pipelines.definitions import build_defs
from pipelines.settings import Settings
from resources.telephony.pbx_recordings import PbxAddress, RestShelf, ViewShelf
from resources.telephony.recordings import FolderShelf, NoRecordingError, Recording, RemoteShelf
from resources.telephony.source import SourceRefusedError, SourceUnavailableError
from resources.warehouse import Warehouse
from simulators.mikopbx.rows import RECORDINGS
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
    rules = RecordingRules(FolderShelf(folder, ZONE), source_zone=ZONE)
    check_recordings(warehouse, "office", rules, DAY, DAY)
    assert states(warehouse) == {"there": "available", "flat": "available", "lost": "missing"}
    assert {(kind, state) for kind, _, state in gaps(warehouse)} == {("file", "open"), ("recording", "open")}
    assert ("file", "2026/03/02/nobodys.wav", "open") in gaps(warehouse)
    assert select(warehouse, "SELECT sum(size_bytes) FROM recordings") == [(150,)]
    (dated / "lost.wav").write_bytes(b"z")
    (dated / "nobodys.wav").unlink()
    check_recordings(warehouse, "office", rules, DAY, DAY)
    assert {state for *_, state in gaps(warehouse)} == {"restored"}


def test_a_folder_that_is_not_there_is_an_error_not_a_loss(warehouse: Warehouse, tmp_path: Path) -> None:
    """An unmounted disk must not have a month of recordings called missing."""
    load(warehouse, [talk("call", "a.wav")])
    rules = RecordingRules(FolderShelf(tmp_path / "unmounted", ZONE), source_zone=ZONE)
    with pytest.raises(SourceRefusedError, match="mount"):
        check_recordings(warehouse, "office", rules, DAY, DAY)
    assert states(warehouse) == {}


@pytest.mark.parametrize("name", ["../secret.wav", "/etc/passwd", "link.wav"])
def test_nothing_outside_the_folder_is_opened(tmp_path: Path, name: str) -> None:
    """Names come from rows that anybody's call may have written."""
    folder = tmp_path / "monitor"
    folder.mkdir()
    (tmp_path / "secret.wav").write_bytes(b"secret")
    (folder / "link.wav").symlink_to(tmp_path / "secret.wav")
    with pytest.raises(NoRecordingError):
        FolderShelf(folder, ZONE).path_of(Recording("l", "c", name, MORNING))


def read(shelf: RemoteShelf, recording: Recording, byte_range: str = "") -> tuple[int, dict[str, str], bytes]:
    async def ask() -> tuple[int, dict[str, str], bytes]:
        async with shelf.opened(recording, byte_range) as opened:
            return opened.status, dict(opened.headers), b"".join([part async for part in opened.content])

    return asyncio.run(ask())


@pytest.fixture(params=["rest", "view"])
def shelf_of(request: pytest.FixtureRequest) -> Callable[[ServedPbx], RemoteShelf]:
    """Both ways to a MikoPBX."""

    def make(served: ServedPbx) -> RemoteShelf:
        if request.param == "rest":
            return RestShelf(PbxAddress(served.url, served.api_key))
        return ViewShelf(PbxAddress(served.url))

    return make


def recorded(served: ServedPbx) -> Recording:
    """A call with a recording at the PBX."""
    row = talk("mikopbx-1.1")
    row["recordingfile"] = f"{RECORDINGS}/2026/03/02/10/{row['UNIQUEID']}.mp3"
    served.pbx.store.finalise([row])
    return Recording(str(row["UNIQUEID"]), "mikopbx-1.1", str(row["recordingfile"]), MORNING)


def test_a_part_of_a_recording_is_what_the_whole_has_there(
    simulated_pbx: Serve, shelf_of: Callable[[ServedPbx], RemoteShelf]
) -> None:
    """A player asks for parts; the PBX's words about them are handed on."""
    served = simulated_pbx()
    recording, shelf = recorded(served), shelf_of(served)
    status, headers, whole = read(shelf, recording)
    assert status == 200
    assert headers["content-type"] == "audio/x-wav"
    assert whole[:4] == b"RIFF"
    status, headers, part = read(shelf, recording, "bytes=1000-1999")
    assert status == 206
    assert headers["content-range"] == f"bytes 1000-1999/{len(whole)}"
    assert part == whole[1000:2000]
    status, headers, _ = read(shelf, recording, f"bytes={len(whole)}-")
    assert status == 416


def test_a_recording_that_is_gone_and_a_pbx_that_is_away_are_told_apart(
    simulated_pbx: Serve, shelf_of: Callable[[ServedPbx], RemoteShelf]
) -> None:
    """The one is gone for good, the other may be asked again."""
    served = simulated_pbx()
    recording, shelf = recorded(served), shelf_of(served)
    served.pbx.store.change(recording.leg_id, recordingfile="")
    with pytest.raises(NoRecordingError):
        read(shelf, recording)
    served.pbx.store.change(recording.leg_id, recordingfile=recording.file)
    for fault in ("unavailable", "html", "empty"):
        served.faults.switch_on(fault)
        with pytest.raises(SourceUnavailableError):
            read(shelf, recording)
    read(shelf, recording)


def test_a_link_that_leads_elsewhere_is_not_followed(simulated_pbx: Serve) -> None:
    """The address of the PBX is ours to choose, not a row's."""
    served = simulated_pbx()
    recording = recorded(served)
    with served.pbx.store._lock:
        served.pbx.store._db.execute(
            "UPDATE cdr_general SET shown = replace(shown, '/pbxcore/api/v3/cdr:playback', '//elsewhere/cdr:playback')"
        )
    with pytest.raises(NoRecordingError):
        read(RestShelf(PbxAddress(served.url, served.api_key)), recording)


def test_a_wrong_key_is_refused_and_not_shown(simulated_pbx: Serve) -> None:
    """The key is in no message."""
    served = simulated_pbx()
    with pytest.raises(SourceRefusedError) as refused:
        read(RestShelf(PbxAddress(served.url, "wrong-key")), recorded(served))
    assert "wrong-key" not in f"{refused.value}{refused.value.__cause__}"


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


def test_an_audit_of_recordings_leaves_the_holes_of_legs_alone(warehouse: Warehouse, simulated_pbx: Serve) -> None:
    """Each of the two settles only what it looks for."""
    served = simulated_pbx()
    served.pbx.store.finalise([talk("mikopbx-1"), talk("mikopbx-2")])
    load_new(warehouse, served.source(), LoadRules())
    with warehouse.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM call_legs WHERE source_row_id = 2")
    audit_days(warehouse, served.source(), LoadRules(), DAY, DAY, is_repairing=False)
    check_recordings(warehouse, "office", RecordingRules(is_expected=True), DAY, DAY)
    assert {(kind, state) for kind, _, state in gaps(warehouse)} == {
        ("call", "open"),
        ("hour", "open"),
        ("ids", "open"),
        ("recording", "open"),
    }
