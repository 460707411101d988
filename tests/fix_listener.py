"""The listener as a process of its own, and the Dagster instance whose switches it obeys."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterInstance

from resources.warehouse import Warehouse
from simulators.asterisk.manager import SimulatedManager
from tests.switches import zone_of_daytime

CHECKOUT = Path(__file__).parents[1]


@pytest.fixture
def switchable_instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A Dagster instance in a folder of its own, which other processes may open too."""
    folder = tmp_path / "dagster-home"
    folder.mkdir()
    (folder / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with DagsterInstance.from_config(str(folder)) as instance:
        yield instance


@pytest.fixture
def start_listener(
    warehouse: Warehouse, switchable_instance: dg.DagsterInstance, tmp_path: Path
) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """A function that starts a listener on a simulated manager, by long polling unless told otherwise."""
    started: list[subprocess.Popen[bytes]] = []

    def start(manager: SimulatedManager, **settings: str) -> subprocess.Popen[bytes]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SWITCHBOARD_")} | {
            "DAGSTER_HOME": switchable_instance.root_directory,
            "SWITCHBOARD_HOME": str(tmp_path / "home"),
            "SWITCHBOARD_CONFIG": str(tmp_path / "absent.toml"),
            "SWITCHBOARD_DATABASE_URL": warehouse.url.render_as_string(hide_password=False),
            "SWITCHBOARD_SCHEDULES__WINDOW_START": "00:00",
            "SWITCHBOARD_TIMEZONE": zone_of_daytime(),
            "SWITCHBOARD_SCHEDULES__WINDOW_END": "23:00",
            **(settings or manager_settings(manager)),
        }
        with (tmp_path / f"listener-{len(started)}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "pipelines.listener_process"],
                env=environment,
                cwd=CHECKOUT,
                stdout=log,
                stderr=log,
            )
        started.append(process)
        return process

    yield start
    for process in started:
        process.terminate()
        process.wait(timeout=20)


def ami_settings(manager: SimulatedManager, source: str = "OFFICE") -> dict[str, str]:
    """Return what makes of `manager_settings` a source that is listened to by AMI."""
    channel = f"SWITCHBOARD_SOURCES__{source}__EVENT_CHANNEL__"
    host = {f"{channel}KIND": "ami", f"{channel}HOST": "127.0.0.1", f"{channel}PORT": str(manager.ami_port)}
    settings = manager_settings(manager, source) | host
    del settings[f"{channel}URL"]
    return settings


def manager_settings(manager: SimulatedManager, source: str = "OFFICE") -> dict[str, str]:
    """Return the settings of a source that is listened to at a simulated manager by long polling."""
    channel = f"SWITCHBOARD_SOURCES__{source}__EVENT_CHANNEL__"
    return {
        f"SWITCHBOARD_SOURCES__{source}__KIND": "mikopbx_rest",
        f"SWITCHBOARD_SOURCES__{source}__URL": "http://127.0.0.1:1",
        f"SWITCHBOARD_SOURCES__{source}__API_KEY": "k",
        f"{channel}KIND": "long_polling",
        f"{channel}URL": manager.ajam_url,
        f"{channel}LOGIN": manager.username,
        f"{channel}SECRET": manager.secret,
    }
