"""A whole running Switchboard, and a headless Chromium to use it with."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, sync_playwright

from resources.postgres.endpoint import Endpoint
from resources.warehouse import Warehouse
from tests.fix_simulators import ServedPbx
from tests.serving import free_ports

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_SECONDS = 120


@dataclass
class RunningSwitchboard:
    """A `switchboard up` that is up.

    Attributes:
        url: its UI.
        home: its data folder.
    """

    url: str
    home: Path

    @property
    def warehouse(self) -> Warehouse:
        """Its warehouse."""
        server = Endpoint(self.home / "postgres").read()
        assert server is not None
        return Warehouse(server.url("switchboard"))

    def ask(self, query: str, **variables: Any) -> Any:  # noqa: ANN401
        """Ask Dagster's GraphQL."""
        answer = httpx.post(f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=30)
        assert "errors" not in answer.json(), answer.text
        return answer.json()["data"]


@pytest.fixture
def start_switchboard(tmp_path: Path) -> Iterator[Callable[..., RunningSwitchboard]]:
    """A function that runs `switchboard up` on a data folder of this test's own, ended with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(served: ServedPbx, **settings: str) -> RunningSwitchboard:
        port, gateway_port, agi_port = free_ports(3)
        home = tmp_path / "home"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SWITCHBOARD_")} | {
            "SWITCHBOARD_HOME": str(home),
            "SWITCHBOARD_CONFIG": str(tmp_path / "absent.toml"),
            "SWITCHBOARD_WEBSERVER_PORT": str(port),
            "SWITCHBOARD_GATEWAY__PORT": str(gateway_port),
            "SWITCHBOARD_GATEWAY__AGI_PORT": str(agi_port),
            "SWITCHBOARD_SOURCES__OFFICE__KIND": "mikopbx_rest",
            "SWITCHBOARD_SOURCES__OFFICE__URL": served.url,
            "SWITCHBOARD_SOURCES__OFFICE__API_KEY": served.pbx.api_key,
            **settings,
        }
        program = Path(sys.executable).with_name("switchboard")
        process = subprocess.Popen(
            [program, "up"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        started.append(process)
        assert process.stdout is not None
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line)
            if "The UI:" in line:
                return RunningSwitchboard(f"http://127.0.0.1:{port}", home)
        raise AssertionError("switchboard up ended:\n" + "".join(lines))

    yield start
    for process in started:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    """A page in headless Chromium."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (Debian's package is 'chromium')")
    # A home of its own, or Chromium leaves its settings in ours.
    environment: dict[str, str | float | bool] = {**os.environ, "HOME": str(tmp_path)}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS, env=environment)
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.set_default_timeout(30_000)
        yield page
        browser.close()
