"""`switchboard demo` as a newcomer runs it: what it prints, a second start, a kill, and the end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from pipelines.services.running import MARK, find_running
from tests.serving import free_ports

pytestmark = pytest.mark.timeout(400)

PROGRAM = Path(sys.executable).with_name("switchboard")


class Demo:
    """The command on one data folder, as many times as it is started."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port, gateway_port, agi_port = free_ports(3)
        # Without the folders in which a server of the machine might stand.
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith("SWITCHBOARD_")
        } | {
            "PATH": "/nowhere",
            "COLUMNS": "160",
            "SWITCHBOARD_HOME": str(home),
            "SWITCHBOARD_CONFIG": str(home / "absent.toml"),
            "SWITCHBOARD_WEBSERVER_PORT": str(self.port),
            "SWITCHBOARD_GATEWAY__PORT": str(gateway_port),
            "SWITCHBOARD_GATEWAY__AGI_PORT": str(agi_port),
        }
        self.processes: list[subprocess.Popen[str]] = []

    def start(self) -> subprocess.Popen[str]:
        """Run the command."""
        process = subprocess.Popen(
            [PROGRAM, "demo"], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.processes.append(process)
        return process

    def left(self) -> list[psutil.Process]:
        """Return what still runs of it."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == str(self.home.resolve()):
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    demo = Demo(tmp_path / "home")
    yield demo
    for process in demo.processes:
        if process.poll() is None:
            process.kill()
            process.communicate()
    for left in demo.left():
        left.kill()


def read_until(process: subprocess.Popen[str], words: str) -> str:
    """Return what the command prints until some words come."""
    assert process.stdout is not None
    printed = ""
    for line in process.stdout:
        printed += line
        if words in line:
            return printed
    raise AssertionError(f"it ended without '{words}':\n{printed}")


def test_the_demo_prints_what_it_built_and_survives_being_killed(demo: Demo) -> None:
    """One visit: the figures, the UI, a second start, SIGKILL, a start after that, Ctrl-C, and nothing left."""
    first = demo.start()
    printed = read_until(first, "The UI:")
    figures = dict(re.findall(r"│ ([a-z][a-z ]+?) +│ ([\d,.%]+) +│", printed))
    assert int(figures["legs loaded"].replace(",", "")) > 10_000
    assert 0.5 < float(figures["calls with an owner"].rstrip("%")) / 100 < 1
    assert float(figures["calls of unknown numbers"].rstrip("%")) > 0
    assert float(figures["calls of ambiguous numbers"].rstrip("%")) > 0
    assert int(figures["clients with a responsible"].replace(",", "")) > 100
    assert re.search(r"Backtest, [\d,]+ calls .* a lift of [+-][\d.]+ points", " ".join(printed.split()))
    assert len(re.findall(r"^ *\+\d+ ", printed, re.MULTILINE)) == 10
    assert httpx.get(f"http://127.0.0.1:{demo.port}/server_info", timeout=10).status_code == 200

    second = demo.start()
    said, _ = second.communicate(timeout=60)
    assert second.returncode == 0
    assert f"http://127.0.0.1:{demo.port}" in said

    for process in [psutil.Process(first.pid), *demo.left()]:
        process.kill()
    first.communicate()
    third = demo.start()
    printed = read_until(third, "The UI:")
    assert "legs loaded" in printed

    third.send_signal(signal.SIGINT)
    third.communicate(timeout=90)
    # 130 where the signal came between the last line and the wait for it.
    assert third.returncode in (0, 130)
    assert demo.left() == []
    assert find_running(demo.home) is None
