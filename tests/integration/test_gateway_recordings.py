"""What can be heard of a call, and by whom: streamed from where the recording is, in parts where a player asks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from resources.telephony.pbx_recordings import PbxAddress, RestShelf
from resources.telephony.recordings import FolderShelf, OpenRecording, Recording, RecordingShelf
from resources.telephony.source import SourceUnavailableError
from resources.warehouse import Warehouse
from simulators.mikopbx.rows import RECORDINGS
from tests.fix_gateway import ServedGateway
from tests.fix_journal import LILIA, MONDAY, ROMASHKA, journal
from tests.fix_simulators import ServedPbx
from tests.live_calls import logged_in
from tests.rows import leg, load


class WatchedShelf:
    """A PBX that sends a first part and then stalls, or breaks off; it knows whether it is still held."""

    def __init__(self) -> None:
        self.is_let_go = threading.Event()
        self.is_read = False
        self.breaks_off = False

    @asynccontextmanager
    async def opened(self, _recording: Recording, _byte_range: str) -> AsyncIterator[OpenRecording]:
        """Hand over the first part of a longer recording."""
        try:
            yield OpenRecording(200, {"content-type": "audio/wav", "content-length": "9000"}, self._content())
        finally:
            self.is_let_go.set()

    async def _content(self) -> AsyncIterator[bytes]:
        self.is_read = True
        yield bytes(1000)
        if self.breaks_off:
            raise SourceUnavailableError("The PBX broke off.")
        await asyncio.sleep(3600)


@pytest.fixture
def watched() -> WatchedShelf:
    return WatchedShelf()


@pytest.fixture
def pbx(simulated_pbx: Callable[..., ServedPbx]) -> ServedPbx:
    return simulated_pbx()


@pytest.fixture
def recording_shelves(pbx: ServedPbx, watched: WatchedShelf, tmp_path: Path) -> dict[str, RecordingShelf]:
    (tmp_path / "monitor").mkdir()
    return {
        "office": RestShelf(PbxAddress(pbx.url, pbx.api_key)),
        "branch": FolderShelf(tmp_path / "monitor", "Europe/Moscow"),
        "far": watched,
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
    assert told.getMessage() == ("A recording broke off: The PBX broke off in the recording (RemoteProtocolError).")
    assert not [record for record in caplog.records if record.exc_info]
    assert journal(gateway, chief, "recording", pbx_id="office", leg_id=leg_id).status_code == 200


@pytest.fixture
def far(gateway: ServedGateway, warehouse: Warehouse, chief: dict[str, str]) -> httpx.Request:
    """A question for a recording of the PBX that is watched."""
    row = leg("far", MONDAY, ROMASHKA, "201", talk=9, recordingfile="/m/far.wav")
    load(warehouse, [row], pbx_id="far")
    asked = {"pbx_id": "far", "leg_id": row["UNIQUEID"]}
    return httpx.Request("GET", f"{gateway.url}/journal/api/recording", params=asked, headers=chief)


def test_a_pbx_is_let_go_when_the_listener_hangs_up(far: httpx.Request, watched: WatchedShelf) -> None:
    """Otherwise each call that was heard half would hold a connection to the PBX."""
    with httpx.Client(trust_env=False, timeout=20) as client:
        answer = client.send(far, stream=True)
        assert len(next(answer.iter_raw())) == 1000
        answer.close()
    assert watched.is_let_go.wait(20)


def test_a_pbx_that_breaks_off_is_let_go_and_the_player_sees_it(
    far: httpx.Request, watched: WatchedShelf, caplog: pytest.LogCaptureFixture
) -> None:
    """Half a recording is not handed over as a whole one."""
    watched.breaks_off = True
    with httpx.Client(trust_env=False, timeout=20) as client, pytest.raises(httpx.RemoteProtocolError):
        client.send(far)
    assert watched.is_let_go.wait(20)
    assert "A recording broke off: The PBX broke off." in caplog.text


def test_who_asks_for_the_headers_has_the_pbx_send_nothing(far: httpx.Request, watched: WatchedShelf) -> None:
    """Players ask so for the length."""
    with httpx.Client(trust_env=False, timeout=20) as client:
        answer = client.send(httpx.Request("HEAD", far.url, headers=far.headers))
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, "9000", b"")
    assert watched.is_let_go.wait(20)
    assert not watched.is_read


@pytest.mark.parametrize(
    ("byte_range", "status", "content"),
    [("bytes=0-3", 206, b"RIFF"), ("bytes=-2", 206, b"yz"), ("bytes=900-", 416, None), ("bytes=x", 400, None)],
)
def test_parts_of_a_file_are_what_was_asked_for(
    gateway: ServedGateway,
    warehouse: Warehouse,
    chief: dict[str, str],
    tmp_path: Path,
    byte_range: str,
    status: int,
    content: bytes | None,
) -> None:
    """A wrong part is refused and not taken for the whole."""
    (tmp_path / "monitor" / "c.wav").write_bytes(b"RIFF....xyz")
    row = leg("local", MONDAY, ROMASHKA, "201", talk=9, recordingfile="c.wav")
    load(warehouse, [row], pbx_id="branch")
    asked = {"pbx_id": "branch", "leg_id": row["UNIQUEID"]}
    answer = httpx.get(
        f"{gateway.url}/journal/api/recording",
        params=asked,
        headers={**chief, "Range": byte_range},
        timeout=20,
        trust_env=False,
    )
    assert answer.status_code == status
    assert content is None or answer.content == content
