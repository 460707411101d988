"""Live calls in a running Switchboard: the sensor's switch, the supervisor, the ticks."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

import psutil

from pipelines.services.running import marked_processes
from resources.warehouse import Warehouse
from simulators.asterisk.manager import SimulatedManager
from tests.fix_browser import RunningSwitchboard
from tests.fix_listener import manager_settings
from tests.fix_simulators import ServedPbx
from tests.integration.test_listener import is_connected, wait_until
from tests.rows import select
from tests.switches import zone_of_daytime

START = """
mutation ($selector: SensorSelector!) { startSensor(sensorSelector: $selector) { ... on Sensor { name } } }
"""
STOP = "mutation ($id: String!) { stopSensor(id: $id) { ... on StopSensorMutationResult { instigationState { id } } } }"
SENSOR = """
query ($selector: SensorSelector!) { sensorOrError(sensorSelector: $selector) {
    ... on Sensor { id sensorState { status ticks(limit: 1) { status skipReason } } } } }
"""
OBSERVATIONS = """
{ assetOrError(assetKey: {path: ["call_events"]}) { ... on Asset { assetObservations(limit: 1) {
    metadataEntries { label ... on BoolMetadataEntry { boolValue } } } } } }
"""
SELECTOR = {"sensorName": "call_events", "repositoryName": "__repository__", "repositoryLocationName": "telephony"}


def listener_of(switchboard: RunningSwitchboard) -> psutil.Process:
    """Return the process of the listener."""
    [process] = [
        process
        for process in marked_processes(switchboard.home.resolve())
        if "pipelines.listener_process" in process.cmdline()
    ]
    return process


def test_the_listener_copies_how_the_jobs_go(
    warehouse: Warehouse, start_listener: Callable[..., subprocess.Popen[bytes]], asterisk_manager: SimulatedManager
) -> None:
    """For the operator's metrics, which do not ask Dagster."""
    start_listener(asterisk_manager)
    wait_until(lambda: bool(select(warehouse, "SELECT job FROM job_health WHERE job = 'housekeeping'")))


def test_the_switch_in_a_running_dagster_is_obeyed_and_a_killed_listener_is_back(
    start_switchboard: Callable[..., RunningSwitchboard],
    simulated_pbx: Callable[..., ServedPbx],
    asterisk_manager: SimulatedManager,
) -> None:
    """Off: let go within five seconds. On: listening again. Killed: back within ten. No run for any of it."""
    switchboard = start_switchboard(
        simulated_pbx(),
        **manager_settings(asterisk_manager) | {"SWITCHBOARD_TIMEZONE": zone_of_daytime()},
        SWITCHBOARD_SCHEDULES__WINDOW_START="00:00",
        SWITCHBOARD_SCHEDULES__WINDOW_END="23:00",
    )
    warehouse = switchboard.warehouse
    wait_until(lambda: is_connected(warehouse), 30)
    runs_before = switchboard.ask("{ runsOrError { ... on Runs { count } } }")["runsOrError"]["count"]

    def sensor() -> dict[str, object]:
        found: dict[str, object] = switchboard.ask(SENSOR, selector=SELECTOR)["sensorOrError"]
        return found

    switchboard.ask(STOP, id=sensor()["id"])
    assert wait_until(lambda: asterisk_manager.connections == 0) < 5
    time.sleep(3)
    assert asterisk_manager.connections == 0
    switchboard.ask(START, selector=SELECTOR)
    assert wait_until(lambda: asterisk_manager.connections > 0) < 10

    wait_until(lambda: is_connected(warehouse))
    before = select(warehouse, "SELECT connected_at FROM event_listeners")
    listener_of(switchboard).kill()
    took = wait_until(
        lambda: is_connected(warehouse) and select(warehouse, "SELECT connected_at FROM event_listeners") != before
    )
    # Ten on a machine that has nothing else to do; here other tests run beside it.
    assert took < 20

    def says_that_it_listens() -> bool:
        [tick] = sensor()["sensorState"]["ticks"] or [{"skipReason": None}]  # type: ignore[index]
        return "listening since" in str(tick["skipReason"])

    wait_until(says_that_it_listens, 30)
    [seen] = switchboard.ask(OBSERVATIONS)["assetOrError"]["assetObservations"]
    assert {"label": "office: alive", "boolValue": True} in seen["metadataEntries"]
    assert switchboard.ask("{ runsOrError { ... on Runs { count } } }")["runsOrError"]["count"] - runs_before <= 2
