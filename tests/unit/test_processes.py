"""How processes are started and kept apart, without any of our services."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from resources.processes import FileLock, end_processes, has_ended, last_lines, launcher

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="asks Linux's /proc")

# Starts a sleeper by the launcher, tells its number, and waits.
PARENT = """
import signal, subprocess, sys
from resources.processes import launcher
print(subprocess.Popen([*launcher(signal.SIGTERM), "/bin/sleep", "60"]).pid, flush=True)
sys.stdin.read()
"""


def test_a_lock_is_held_alone_or_shared(tmp_path: Path) -> None:
    """Sharers hold it together; one who wants it alone gets it after them, and shuts them out."""
    first, second, alone = (FileLock(tmp_path / "lock") for _ in range(3))
    assert first.take(shared=True)
    assert second.take(shared=True)
    assert not alone.take(wait=False)
    assert not alone.is_held_elsewhere()
    first.release()
    second.release()
    with alone:
        assert first.is_held_elsewhere()
        assert not first.take(shared=True, wait=False)
        with pytest.raises(RuntimeError):
            alone.is_held_elsewhere()
    assert first.take(wait=False)
    first.release()


@LINUX
def test_a_launched_program_ignores_no_signal() -> None:
    """Python ignores SIGPIPE, and a starter may ignore others; a program begins with none ignored."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        command = [*launcher(signal.SIGTERM), "/bin/grep", "SigIgn", "/proc/self/status"]
        assert subprocess.check_output(command, text=True).split()[1] == "0" * 16
    finally:
        signal.signal(signal.SIGHUP, before)


@LINUX
def test_a_launched_program_ends_with_its_starter() -> None:
    """However the starter dies."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    ) as parent:
        assert parent.stdout
        child = psutil.Process(int(parent.stdout.readline()))
        while child.cmdline()[:1] != ["/bin/sleep"]:
            time.sleep(0.01)
        parent.kill()
    deadline = time.monotonic() + 10
    while not has_ended(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert has_ended(child)


def test_a_program_is_not_run_for_a_starter_who_is_gone() -> None:
    """A starter who dies in between leaves nothing behind."""
    command = launcher(signal.SIGTERM)
    command[-1] = command[-1].replace(str(os.getpid()), "1234567")
    result = subprocess.run([*command, "/bin/echo", "run"], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stdout == ""


def test_the_deaf_are_killed_after_the_grace() -> None:
    """Who ends when asked is not killed, and who does not is."""
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    with (
        subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE) as stubborn,
        subprocess.Popen(["/bin/sleep", "60"]) as polite,
    ):
        assert stubborn.stdout
        stubborn.stdout.readline()
        end_processes([psutil.Process(stubborn.pid), psutil.Process(polite.pid)], grace_seconds=2)
        assert stubborn.wait() == -signal.SIGKILL
        assert polite.wait() == -signal.SIGTERM


def test_the_last_lines_of_a_log(tmp_path: Path) -> None:
    """As many as asked for, and nothing of a log that is absent."""
    (tmp_path / "log").write_text("one\ntwo\nthree\n")
    assert last_lines(tmp_path / "log", 2) == "two\nthree"
    assert last_lines(tmp_path / "absent", 2) == ""
