"""What can be heard of a call, and by whom: streamed from where the recording is, in parts where a player asks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from resources.telephony.pbx_recordings import PbxAddress, RestShelf
from resources.telephony.recordings import FolderShelf, RecordingShelf
from resources.warehouse import Warehouse
from simulators.mikopbx.rows import RECORDINGS
from tests.fix_gateway import ServedGateway
from tests.fix_journal import LILIA, MONDAY, ROMASHKA, journal
from tests.fix_simulators import ServedPbx
from tests.live_calls import logged_in
from tests.rows import leg, load


@pytest.fixture
def pbx(simulated_pbx: Callable[..., ServedPbx]) -> ServedPbx:
    return simulated_pbx()


@pytest.fixture
def recording_shelves(pbx: ServedPbx, tmp_path: Path) -> dict[str, RecordingShelf]:
    (tmp_path / "monitor").mkdir()
    return {
        "office": RestShelf(PbxAddress(pbx.url, pbx.api_key)),
        "branch": FolderShelf(tmp_path / "monitor", "Europe/Moscow"),
    }


@pytest.fixture
def leg_id(warehouse: Warehouse, pbx: ServedPbx, chief: dict[str, str]) -> str:
    """A talk of Boris's that the PBX recorded."""
    row = leg("mikopbx-rec", MONDAY, LILIA, "202", talk=20)
    row["recordingfile"] = f"{RECORDINGS}/2026/03/02/10/{row['UNIQUEID']}.mp3"
    pbx.pbx.store.finalise([row])
    load(warehouse, [row])
    return str(row["UNIQUEID"])


def test_a_recording_is_streamed_from_the_pbx_with_its_parts(
    gateway: ServedGateway, chief: dict[str, str], leg_id: str
) -> None:
    """Nothing is kept by us, and a player may jump about in it."""
    whole = journal(gateway, chief, "recording", pbx_id="office", leg_id=leg_id)
    assert whole.status_code == 200
    assert whole.headers["content-type"] == "audio/x-wav"
    assert whole.headers["cache-control"] == "private, no-store"
    part = httpx.get(whole.url, headers={**chief, "Range": "bytes=100-199"}, timeout=10, trust_env=False)
    assert (part.status_code, part.content) == (206, whole.content[100:200])


def test_nobody_hears_what_they_may_not_see(gateway: ServedGateway, warehouse: Warehouse, leg_id: str) -> None:
    """Anna has no part in Boris's call."""
    answer = journal(gateway, logged_in(warehouse, "anna"), "recording", pbx_id="office", leg_id=leg_id)
    assert answer.status_code == 404


def test_a_recording_that_went_or_a_pbx_that_is_away_says_so(
    gateway: ServedGateway, chief: dict[str, str], pbx: ServedPbx, leg_id: str
) -> None:
    """410 and 502, in words, without the address of the PBX."""
    pbx.faults.switch_on("unavailable")
    away = journal(gateway, chief, "recording", pbx_id="office", leg_id=leg_id)
    assert away.status_code == 502
    assert pbx.url not in away.text
    pbx.pbx.store.change(leg_id, recordingfile="")
    assert journal(gateway, chief, "recording", pbx_id="office", leg_id=leg_id).status_code == 410


def test_a_recording_in_a_folder_is_played_from_there(
    gateway: ServedGateway, warehouse: Warehouse, chief: dict[str, str], tmp_path: Path
) -> None:
    """Asterisk's `monitor`, mounted."""
    (tmp_path / "monitor" / "b.wav").write_bytes(b"RIFF" + bytes(100))
    row = leg("local", MONDAY, ROMASHKA, "201", talk=9, recordingfile="/var/spool/asterisk/monitor/b.wav")
    load(warehouse, [row], pbx_id="branch")
    answer = journal(gateway, chief, "recording", pbx_id="branch", leg_id=row["UNIQUEID"])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/wav")
    assert answer.content[:4] == b"RIFF"


def test_a_recording_that_breaks_off_is_no_whole_one(
    gateway: ServedGateway, chief: dict[str, str], pbx: ServedPbx, leg_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The player is told by a broken connection, the log in one line; and the next is played."""
    pbx.faults.switch_on("cut", path="playback")
    with pytest.raises(httpx.RemoteProtocolError):
        journal(gateway, chief, "recording", pbx_id="office", leg_id=leg_id)
    [told] = [record for record in caplog.records if record.name == "gateway.journal.routes"]
    assert told.getMessage() == (
        "A recording broke off: The PBX does not hand over the recording (RemoteProtocolError)."
    )
    assert not [record for record in caplog.records if record.exc_info]
    assert journal(gateway, chief, "recording", pbx_id="office", leg_id=leg_id).status_code == 200
