"""Recordings: a tone for each talk, by a link with a token (REST v3) and by its path (`records?view=`).

Public sources of the rules: MikoPBX core, `Cdr/RestController.php` (a public address, ranges, 403 for a token that is
not known, 404 for a file that is not there) and PT1CCore's `GetController.php` (403 outside the folder of recordings).
"""

from __future__ import annotations

import hashlib
import io
import math
import re
import wave
from functools import lru_cache

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from simulators.mikopbx.rows import RECORDINGS, Row
from simulators.mikopbx.store import CdrStore

RATE = 8000
LONGEST_SECONDS = 20


def play(request: Request, store: CdrStore) -> Response:
    """Answer `GET /pbxcore/api/v3/cdr:playback?token=` and `cdr:download?token=`."""
    token = request.query_params.get("token", "")
    for row in store.select("recordingfile <> ''", (), "id", "DESC", -1, 0):
        if hashlib.md5(str(row["UNIQUEID"]).encode(), usedforsecurity=False).hexdigest() == token:
            return _part(request, row) if row["recordingfile"] else PlainTextResponse("No such file", 404)
    return PlainTextResponse("Forbidden", 403)


def view(request: Request, store: CdrStore) -> Response:
    """Answer `GET /pbxcore/api/cdr/records?view=`."""
    path = request.query_params.get("view", "")
    if not path.startswith(f"{RECORDINGS}/") or ".." in path:
        return PlainTextResponse("Forbidden", 403)
    rows = store.select("recordingfile = ?", (path,), "id", "ASC", 1, 0)
    if not rows or not rows[0]["recordingfile"]:
        return PlainTextResponse("Not found", 404)
    return _part(request, rows[0])


def _part(request: Request, row: Row) -> Response:
    sound = _tone(min(int(row["billsec"]), LONGEST_SECONDS))
    headers = {"Accept-Ranges": "bytes"}
    asked = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("range", ""))
    if not asked or asked.groups() == ("", ""):
        return Response(sound, 200, headers, "audio/x-wav")
    first = int(asked[1]) if asked[1] else max(len(sound) - int(asked[2]), 0)
    last = min(int(asked[2]), len(sound) - 1) if asked[1] and asked[2] else len(sound) - 1
    if first >= len(sound) or first > last:
        return Response(b"", 416, {**headers, "Content-Range": f"bytes */{len(sound)}"})
    headers["Content-Range"] = f"bytes {first}-{last}/{len(sound)}"
    return Response(sound[first : last + 1], 206, headers, "audio/x-wav")


@lru_cache
def _tone(seconds: int) -> bytes:
    """Return a soft 425 Hz tone, one second on and four off, as a telephone's ringing."""
    second = bytes(128 + round(20 * math.sin(2 * math.pi * 425 * n / RATE)) for n in range(RATE))
    silence = bytes([128]) * RATE
    kept = io.BytesIO()
    with wave.open(kept, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(RATE)
        for number in range(max(seconds, 1)):
            sound.writeframes(silence if number % 5 else second)
    return kept.getvalue()
