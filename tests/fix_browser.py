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
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from gateway.invitations import invite
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


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for all tests of a file; each test has contexts of its own."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (Debian's package is 'chromium')")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_gateway_page(chromium: Browser, warehouse: Warehouse) -> Iterator[Callable[..., Page]]:
    """A function that logs an employee in by a link, in a browser context of their own, and opens a page of theirs."""
    contexts: list[BrowserContext] = []

    def open_page(url: str, employee: str, path: str, *, is_supervisor: bool = False, **how: Any) -> Page:  # noqa: ANN401
        context = chromium.new_context(**{"locale": "en-GB", "viewport": {"width": 1200, "height": 900}, **how})
        contexts.append(context)
        context.set_default_timeout(15_000)
        with warehouse.transaction() as connection:
            token = invite(connection, employee, "Europe/Moscow", hours=1, is_supervisor=is_supervisor)
        page = context.new_page()
        page.on("pageerror", lambda error: pytest.fail(f"the page has an error: {error}"))
        page.goto(f"{url}/login?link={token}&next={path}")
        page.click("button[type=submit]")
        expect(page.locator("#status")).to_have_attribute("data-state", "on")
        return page

    yield open_page
    for context in contexts:
        context.close()
