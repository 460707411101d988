"""One set of services per data folder: who has it, and what an earlier one left behind."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from resources.processes import FileLock

MARK = "SWITCHBOARD_SERVICES_OF"
"""Set in the environment of every service, and so of all they start: the data folder they belong to."""

_LOOK_SECONDS = 0.05
_LOOKS = 20


@dataclass(frozen=True)
class Running:
    """The `up` or `demo` that runs on a data folder.

    Attributes:
        pid: its process.
        url: address of the UI.
    """

    pid: int
    url: str


class AlreadyRunningError(Exception):
    """The services of this data folder run already."""

    def __init__(self, home: Path, running: Running) -> None:
        super().__init__(f"Switchboard already runs on {home} (process {running.pid}). Its UI: {running.url}")
        self.running = running


def find_running(home: Path) -> Running | None:
    """Return the `up` or `demo` that runs on `home`, or None."""
    folder = home / "run"
    if not folder.exists():
        return None
    for _ in range(_LOOKS):
        if not FileLock(folder / "services.lock").is_held_elsewhere():
            return None
        # What is not its holder's was left by one that was killed: the holder is about to write its own.
        with suppress(FileNotFoundError, json.JSONDecodeError):
            running = Running(**json.loads((folder / "services.json").read_text()))
            if psutil.pid_exists(running.pid):
                return running
        time.sleep(_LOOK_SECONDS)
    return None


@contextmanager
def holding(home: Path, url: str) -> Iterator[None]:
    """Hold `home` for the services of this process.

    Raises:
        AlreadyRunningError: another process holds it.
    """
    folder = home / "run"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "services.lock")
    while not lock.take(wait=False):
        if running := find_running(home):
            raise AlreadyRunningError(home, running)
    note = folder / "services.json"
    try:
        note.write_text(json.dumps(asdict(Running(os.getpid(), url))))
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def marked_processes(home: Path) -> list[psutil.Process]:
    """Return the processes that are services of `home` or were started by them, orphans included.

    By the environment rather than by noted process numbers: it is inherited by every descendant, no
    descendant is missed because nobody looked in time, and no stranger has it by chance.
    """
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(MARK) == str(home):
                found.append(process)
    return found
