"""Recorded events played again: AMI bytes as they came, or the answers of `/rawman` one by one."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import time
from collections.abc import Sequence
from pathlib import Path

from simulators.asterisk.core import Core
from simulators.asterisk.messages import split

TIMESTAMP = re.compile(r"^Timestamp: (\d+\.\d+)", re.MULTILINE)
LONGEST_STILL_SECONDS = 0.005
"""As fast as possible, others get their turn so often."""


def recorded(path: Path) -> list[str]:
    """Return the events of a recording, each as it was written; answers to the recorder's own actions are left out.

    Args:
        path: AMI bytes (`.txt`), or `.jsonl` whose lines have the `body` of an answer; packed where it ends in `.gz`.
    """
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode(errors="surrogateescape")
    if ".jsonl" in path.name:
        text = "".join(json.loads(line)["body"] for line in text.splitlines())
    # What is no event of a call: the greeting, answers, and lists that an action asked for.
    return [one for one in split(text) if one.startswith("Event: ") and TIMESTAMP.search(one)]


async def play(core: Core, events: Sequence[str], *, speed: float | None = 1.0, shift_to_now: bool = False) -> None:
    """Emit recorded events at the pace of their timestamps.

    Args:
        core: the stream.
        events: as `recorded` returns them.
        speed: how much faster than recorded; None as fast as possible.
        shift_to_now: write the timestamps as if the recording began now; ids stay as they are.
    """
    times = [_time(event) for event in events]
    if not times:
        return
    loop = asyncio.get_running_loop()
    started, began, rested = time.time(), loop.time(), loop.time()
    # What was stamped before, but came later, waits for no one.
    for event, at in zip(events, times, strict=True):
        after = at - times[0]
        if speed and (wait := began + after / speed - loop.time()) > 0:
            await asyncio.sleep(wait)
        elif loop.time() - rested > LONGEST_STILL_SECONDS:
            rested = loop.time()
            await asyncio.sleep(0)
        moment = started + (after / speed if speed else after)
        core.emit(TIMESTAMP.sub(f"Timestamp: {moment:.6f}", event, count=1) if shift_to_now else event)


def _time(event: str) -> float:
    found = TIMESTAMP.search(event)
    return float(found[1]) if found else 0.0
