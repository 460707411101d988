"""Processes of ours: how they are started, found, ended, and how their logs stay small.

Nothing here knows what the processes do; PostgreSQL's supervisor and that of the services use it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from resources.processes.launch import become_subreaper, held_capabilities, launcher
from resources.processes.locks import FileLock

__all__ = [
    "FileLock",
    "become_subreaper",
    "bound_log",
    "end_processes",
    "has_ended",
    "held_capabilities",
    "last_lines",
    "launcher",
]


def has_ended(process: psutil.Process) -> bool:
    """Whether a process runs no more; a zombie does not, it only waits for its parent to look."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def end_processes(processes: Iterable[psutil.Process], grace_seconds: float) -> None:
    """Ask processes to end (SIGTERM) and kill those that have not after `grace_seconds`.

    Their exit states are left for whoever waits for them.
    """
    alive = [process for process in processes if not has_ended(process)]
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    for process in _alive_after(alive, grace_seconds):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    _alive_after(alive, grace_seconds)


def _alive_after(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    deadline = time.monotonic() + seconds
    while (alive := [process for process in processes if not has_ended(process)]) and (time.monotonic() < deadline):
        time.sleep(0.02)
    return alive


def bound_log(path: Path, limit_bytes: int) -> None:
    """Move the text of a log that has grown past `limit_bytes` to `<name>.1`, over the one there.

    For a file that other processes have open for appending: its text is copied and the file emptied,
    so what is written between the two steps is lost. In return nobody's log goes through a pipe,
    which would block or end the writer when its reader dies.
    """
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size > limit_bytes:
            shutil.copy(path, path.with_name(path.name + ".1"))
            os.truncate(path, 0)


def last_lines(path: Path, count: int) -> str:
    """Return the last lines of a log, looking at no more than its last 64 KiB; empty if absent."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 65536))
            return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-count:])
    except FileNotFoundError:
        return ""
