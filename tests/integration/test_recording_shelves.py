"""Where recordings are handed over: folders that open nothing outside, PBXs that break off, stall or lead elsewhere."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from resources.telephony import pbx_recordings
from resources.telephony.pbx_recordings import PbxAddress, RestShelf, ViewShelf
from resources.telephony.recordings import FolderShelf, NoRecordingError, Recording, RemoteShelf
from resources.telephony.source import SourceRefusedError, SourceUnavailableError
from simulators.mikopbx.rows import RECORDINGS
from tests.fix_simulators import ServedPbx
from tests.rows import CLIENT, at, leg
from tests.scripted_server import Reply, Stage

Serve = Callable[..., ServedPbx]
MORNING = at("2026-03-02 10:00:00")
ZONE = "Europe/Moscow"


@pytest.mark.parametrize("name", ["../secret.wav", "/etc/passwd", "link.wav", "loop.wav", "x" * 300 + ".wav", "."])
def test_nothing_outside_the_folder_is_opened(tmp_path: Path, name: str) -> None:
    """Names come from rows that anybody's call may have written."""
    folder = tmp_path / "monitor"
    folder.mkdir()
    (tmp_path / "secret.wav").write_bytes(b"secret")
    (folder / "link.wav").symlink_to(tmp_path / "secret.wav")
    (folder / "loop.wav").symlink_to(folder / "loop.wav")
    with pytest.raises(NoRecordingError):
        FolderShelf(folder, ZONE).path_of(Recording("l", "c", name, MORNING))


def read(shelf: RemoteShelf, recording: Recording, byte_range: str = "") -> tuple[int, dict[str, str], bytes]:
    async def ask() -> tuple[int, dict[str, str], bytes]:
        # As the gateway does, whose reading the shelf does not surround.
        stack = AsyncExitStack()
        opened = await stack.enter_async_context(shelf.opened(recording, byte_range))
        try:
            return opened.status, dict(opened.headers), b"".join([part async for part in opened.content])
        finally:
            await stack.aclose()

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
    row = leg("mikopbx-1.1", MORNING, CLIENT, "201", duration=60, talk=40)
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


def test_a_pbx_that_sends_us_elsewhere_is_not_followed(caplog: pytest.LogCaptureFixture) -> None:
    """The key goes to the PBX alone, and the link's token into no log."""
    caplog.set_level("INFO")
    caplog.set_level("NOTSET", logger="httpx")
    with Stage().open() as elsewhere, Stage().open() as pbx:
        row = {"UNIQUEID": "leg", "playback_url": "/pbxcore/api/v3/cdr:playback?token=s3cret"}
        calls = Reply(b'{"data": {"records": [%s]}}' % json.dumps(row).encode())
        moved = Reply(status=302, headers={"Location": f"{elsewhere.url}/x"})
        for replies in ((moved,), (calls, moved)):
            pbx.say(*replies)
            with pytest.raises(SourceUnavailableError) as refused:
                read(RestShelf(PbxAddress(pbx.url, "the-key")), Recording("leg", "c", "/a.wav", MORNING))
            assert "s3cret" not in f"{refused.value}{refused.value.__cause__}"
        assert elsewhere.asked == []
        assert [asked.authorization for asked in pbx.asked] == ["Bearer the-key", "Bearer the-key", ""]
    assert "s3cret" not in caplog.text
    assert "the-key" not in caplog.text


@pytest.mark.parametrize("trouble", [{"cut_at": 10}, {"trickle": True}])
def test_a_pbx_that_breaks_off_or_stalls_is_told(trouble: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """In words of ours, whatever the client below says."""
    monkeypatch.setattr(pbx_recordings, "_TIMEOUT", httpx.Timeout(0.02, connect=5))
    with Stage().open() as pbx:
        pbx.say(Reply(bytes(100), headers={"Content-Type": "audio/wav"}, **trouble))
        with pytest.raises(SourceUnavailableError):
            read(ViewShelf(PbxAddress(pbx.url)), Recording("leg", "c", "/a.wav", MORNING))


def test_a_wrong_key_is_refused_and_not_shown(simulated_pbx: Serve) -> None:
    """The key is in no message."""
    served = simulated_pbx()
    with pytest.raises(SourceRefusedError) as refused:
        read(RestShelf(PbxAddress(served.url, "wrong-key")), recorded(served))
    assert "wrong-key" not in f"{refused.value}{refused.value.__cause__}"
