"""From the ring to the card: a simulated Asterisk, the listener, the gateway, and pages in headless Chromium.

A stage's time is the difference of two instants that the parts themselves write down: when the PBX says it rang, when
the listener received it, when it was stored, when the gateway sent it to the page, and when the page said that the card
is painted (which includes the way back to the gateway).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from playwright.sync_api import sync_playwright

from benchmarks.databases import Databases
from benchmarks.served import free_port, wait_for_gateway
from resources.warehouse import Warehouse
from resources.warehouse.statements import run as run_statement

EXTENSIONS = [str(number) for number in range(201, 209)]
PAGES = 4
SECRET = "secret-of-the-benchmark"  # noqa: S105 - of a stand-in
CLIENTS = 5_000


def run(databases: Databases, calls_per_minute: int, seconds: int) -> str:
    """Measure and return the table."""
    warehouse = databases.make_warehouse()
    with warehouse.transaction() as connection:
        run_statement(connection, "benchmarks", "fill_routing", {"clients": CLIENTS})
        run_statement(connection, "benchmarks", "fill_people", {"extensions": EXTENSIONS})
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        zone = "Etc/GMT+6" if datetime.now(UTC).hour > 12 else "Etc/GMT-6"
        manager = stack.enter_context(_manager(calls_per_minute, folder))
        port = free_port()
        environment = _environment(warehouse, folder, manager, zone, port)
        stack.enter_context(_process("pipelines.listener_process", environment))
        stack.enter_context(_process("pipelines.gateway_process", environment))
        wait_for_gateway(port)
        stack.enter_context(_pages(f"http://127.0.0.1:{port}"))
        time.sleep(5)
        with warehouse.transaction() as connection:
            connection.exec_driver_sql("TRUNCATE shown_cards")
        time.sleep(seconds)
        with warehouse.transaction() as connection:
            day = datetime.now(UTC).astimezone(ZoneInfo(zone)).date()
            stages = run_statement(connection, "assets.live", "time_stages", {"day": day, "business_zone": zone}).all()
            [(events, calls)] = connection.exec_driver_sql(
                "SELECT count(*), count(DISTINCT linkedid) FROM call_events"
            ).all()
            [(sent, shown)] = connection.exec_driver_sql("SELECT count(*), count(shown_at) FROM shown_cards").all()
    databases.drop(warehouse.url.render_as_string(hide_password=False))
    lines = [
        f"### Ring to card, {calls_per_minute} calls a minute for {seconds} s, {len(EXTENSIONS)} telephones, "
        f"{PAGES} pages in one Chromium",
        "",
        "| stage | cards | p50 ms | p95 ms | p99 ms |",
        "|---|---|---|---|---|",
        *(f"| {row.stage} | {row.cards} | {row.p50:.1f} | {row.p95:.1f} | {row.p99:.1f} |" for row in stages),
        "",
        f"{events:,} events of {calls:,} calls; {sent} cards sent, {shown} shown. All on the same cores: the simulated "
        "PBX, PostgreSQL, the listener, the gateway and the browser.",
        "",
    ]
    return "\n".join(lines)


@contextmanager
def _manager(calls_per_minute: int, folder: Path) -> Iterator[str]:
    numbers = folder / "numbers.txt"
    numbers.write_text("\n".join(f"+7495{number:07d}" for number in range(CLIENTS)))
    arguments = ["--live", str(calls_per_minute), "--extensions", ",".join(EXTENSIONS), "--talk-seconds", "10"]
    with subprocess.Popen(
        [sys.executable, "-m", "simulators.asterisk", *arguments, "--numbers", str(numbers)],
        env=os.environ | {"SIMULATED_MANAGER_SECRET": SECRET},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        address = next(line.split()[-1] for line in process.stdout if line.startswith("listening on"))
        try:
            yield address
        finally:
            process.terminate()


def _environment(warehouse: Warehouse, folder: Path, manager: str, zone: str, port: int) -> dict[str, str]:
    home = folder / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    channel = "SWITCHBOARD_SOURCES__OFFICE__EVENT_CHANNEL__"
    return {
        "DAGSTER_HOME": str(home),
        "SWITCHBOARD_HOME": str(folder),
        "SWITCHBOARD_CONFIG": str(folder / "absent.toml"),
        "SWITCHBOARD_DATABASE_URL": warehouse.url.render_as_string(hide_password=False),
        "SWITCHBOARD_TIMEZONE": zone,
        "SWITCHBOARD_SCHEDULES__WINDOW_START": "00:00",
        "SWITCHBOARD_SCHEDULES__WINDOW_END": "23:00",
        "SWITCHBOARD_GATEWAY__PORT": str(port),
        "SWITCHBOARD_GATEWAY__AGI_PORT": "0",
        "SWITCHBOARD_SOURCES__OFFICE__KIND": "asterisk_csv",
        "SWITCHBOARD_SOURCES__OFFICE__PATH": str(folder / "Master.csv"),
        f"{channel}KIND": "long_polling",
        f"{channel}URL": manager,
        f"{channel}LOGIN": "listener",
        f"{channel}SECRET": SECRET,
    }


@contextmanager
def _process(module: str, environment: Mapping[str, str]) -> Iterator[None]:
    with subprocess.Popen([sys.executable, "-m", module], env=os.environ | environment) as process:
        try:
            yield
        finally:
            process.terminate()


@contextmanager
def _pages(url: str) -> Iterator[None]:
    """Open the card of the first employees, each logged in by a link of its own."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for extension in EXTENSIONS[:PAGES]:
            page = browser.new_context().new_page()
            page.goto(f"{url}/login?link=link-of-{extension}")
            if page.locator("button[type=submit]").count():
                page.locator("button[type=submit]").first.click()
            page.wait_for_url(f"{url}/card**")
        yield
        browser.close()
