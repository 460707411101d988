"""A broker, and Switchboard's services as the processes that several machines would run."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis
import stamina

from tests.serving import free_ports

CHECKOUT = Path(__file__).parents[1]
REDIS = shutil.which("redis-server", path=os.environ.get("PATH", "") + ":/usr/sbin")


@pytest.fixture
def broker_url(tmp_path: Path) -> Iterator[str]:
    """A Redis of this test's own on loopback, which keeps nothing."""
    if REDIS is None:
        pytest.skip("there is no redis-server on this machine")
    [port] = free_ports(1)
    folder = tmp_path / "redis"
    folder.mkdir()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "", "--appendonly", "no"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([REDIS, *options], stdout=log, stderr=log)
    try:
        with redis.Redis(port=port) as client:
            for attempt in stamina.retry_context(on=redis.ConnectionError, wait_max=0.2, timeout=20, attempts=None):
                with attempt:
                    client.ping()
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(timeout=20)


@dataclass
class Machines:
    """Processes of `switchboard serve`, each in a process group of its own, as if on a machine of its own.

    Attributes:
        environment: what they all are told.
        folder: where their data folders and logs are.
    """

    environment: dict[str, str]
    folder: Path
    started: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def serve(self, machine: str, *arguments: str, **settings: str) -> subprocess.Popen[bytes]:
        """Start a service on a "machine": a data folder of that name."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SWITCHBOARD_")}
        environment |= {
            **self.environment,
            "SWITCHBOARD_HOME": str(self.folder / machine),
            "SWITCHBOARD_CONFIG": str(self.folder / "absent.toml"),
            **settings,
        }
        with self.log(machine).open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", "from pipelines.cli import main; main()", "serve", *arguments],
                cwd=CHECKOUT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.started[machine] = process
        return process

    def log(self, machine: str) -> Path:
        """Return where the output of a machine's service stands."""
        return self.folder / f"{machine}.log"

    def kill(self, machine: str) -> None:
        """End everything on a machine at once, as a power cut would."""
        os.killpg(self.started[machine].pid, signal.SIGKILL)
        self.started.pop(machine).wait(timeout=20)

    def end_all(self) -> None:
        """End everything that is left."""
        for process in self.started.values():
            process.terminate()
        for process in self.started.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=20)


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Callable[..., Machines]]:
    """A function that returns machines with an environment; what runs on them ends with the test."""
    made: list[Machines] = []

    def make(**environment: str) -> Machines:
        folder = tmp_path / "machines"
        folder.mkdir(exist_ok=True)
        made.append(Machines(environment, folder))
        return made[-1]

    yield make
    for each in made:
        each.end_all()


def wait_until(condition: Callable[[], object], seconds: float) -> float:
    """Wait until something is so; return how many seconds it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"not so within {seconds} s"
        time.sleep(0.1)
    return time.monotonic() - began
