"""Runs on Celery workers: a month is backfilled through two of them, and one is killed half-way."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import psutil
import pytest
import yaml
from dagster import DagsterRunStatus, RunsFilter
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from sqlalchemy import make_url

from assets.history.load import LoadRules, load_new
from pipelines.definitions import build_defs
from pipelines.services.dagster import write_instance
from pipelines.settings import Settings
from resources.warehouse import Warehouse
from simulators.company import Company
from simulators.mikopbx.clock import Clock
from simulators.mikopbx.history import generate_calls
from tests.fix_simulators import ServedPbx
from tests.fix_workers import CHECKOUT, Machines, wait_until
from tests.rows import snapshot
from tests.serving import free_ports

MONTH = [date(2026, 3, 1) + timedelta(days=day) for day in range(31)]
ASSETS = [dg.AssetKey("call_legs"), dg.AssetKey("call_history")]
DAYS_PER_RUN = 4
UNFINISHED = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
]


@pytest.fixture
def served(simulated_pbx: Callable[..., ServedPbx], invented_company: Company) -> ServedPbx:
    """A PBX with the calls of a month."""
    calls = generate_calls(invented_company, first_day=MONTH[0], days=len(MONTH), calls_per_day=60)
    return simulated_pbx(calls, clock=Clock(datetime(2026, 4, 2, tzinfo=UTC)))


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    """What we ship for Celery, which looks for lost runs more often."""
    settings = yaml.safe_load((CHECKOUT / "deploy" / "dagster.celery.yaml").read_text("utf-8"))
    settings["run_monitoring"]["poll_interval_seconds"] = 2
    file = tmp_path / "overlay.yaml"
    file.write_text(yaml.safe_dump(settings))
    return file


def backfill_month(instance: dg.DagsterInstance, settings: Settings) -> str:
    """Ask for the month as the UI does; return the backfill's id."""
    backfill = PartitionBackfill.from_asset_partitions(
        backfill_id="march",
        asset_graph=build_defs(settings).resolve_asset_graph(),
        partition_names=[day.isoformat() for day in MONTH],
        asset_selection=ASSETS,
        backfill_timestamp=datetime.now(UTC).timestamp(),
        tags={},
        dynamic_partitions_store=instance,
        all_partitions=False,
        title=None,
        description=None,
        run_config=None,
    )
    instance.add_backfill(backfill)
    return backfill.backfill_id


def processes_of(machine: str, machines: Machines) -> list[psutil.Process]:
    """Return the processes in which a machine's worker executes runs."""
    return psutil.Process(machines.started[machine].pid).children(recursive=True)


def reads(machine: str, machines: Machines, url: str) -> bool:
    """Whether a machine's worker is reading from the PBX now."""
    port = make_url(url).port
    connections = []
    for process in processes_of(machine, machines):
        # Of each run Dagster starts helpers that end with it.
        with suppress(psutil.NoSuchProcess):
            connections += process.net_connections("tcp")
    return any(each.raddr and each.raddr.port == port and each.status == "ESTABLISHED" for each in connections)


def executed_by(instance: dg.DagsterInstance, run_id: str) -> int:
    """Return the process that began to execute a run."""
    for event in instance.all_logs(run_id):
        if pid := re.search(r"Started process for run \(pid: (\d+)\)", event.message):
            return int(pid[1])
    return 0


@pytest.mark.filterwarnings("ignore:Function `AssetSelection.sources`:DeprecationWarning")  # Dagster's own use of it
def test_a_month_is_backfilled_whole_by_two_workers_of_which_one_is_killed(
    migrated_template: str,
    make_database: Callable[[str | None], str],
    broker_url: str,
    machines: Callable[..., Machines],
    served: ServedPbx,
    overlay: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The run of the killed worker is missed, and launched again on the other."""
    warehouse, undisturbed = (Warehouse(make_database(migrated_template)) for _ in range(2))
    dagster_url = make_url(make_database(None)).set(drivername="postgresql+psycopg2")
    [code_port] = free_ports(1)
    environment: dict[str, str] = {
        "SWITCHBOARD_DATABASE_URL": warehouse.url.render_as_string(hide_password=False),
        "SWITCHBOARD_DAGSTER_DATABASE_URL": dagster_url.render_as_string(hide_password=False),
        "SWITCHBOARD_DAGSTER_OVERLAY": str(overlay),
        "SWITCHBOARD_BROKER_URL": broker_url,
        "SWITCHBOARD_HISTORY_START_ON": MONTH[0].isoformat(),
        "SWITCHBOARD_BACKFILL_DAYS": str(DAYS_PER_RUN),
        "SWITCHBOARD_SOURCES__OFFICE__KIND": "mikopbx_rest",
        "SWITCHBOARD_SOURCES__OFFICE__URL": served.url,
        "SWITCHBOARD_SOURCES__OFFICE__API_KEY": served.api_key,
        **hours_away_from_now(),
    }
    monkeypatch.setenv("SWITCHBOARD_DAGSTER_URL", dagster_url.render_as_string(hide_password=False))
    monkeypatch.setenv("SWITCHBOARD_BROKER_URL", broker_url)
    home = write_instance(CHECKOUT, tmp_path / "here", overlay)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        settings = Settings(history_start_on=MONTH[0], backfill_days=DAYS_PER_RUN)
        march = backfill_month(instance, settings)

        cluster = machines(**environment)
        for machine in ("first-worker", "second-worker"):
            cluster.serve(machine, "worker", "--runs", "1")
        cluster.serve("code-server", "code-server", "--port", str(code_port))
        cluster.serve("daemon", "daemon", "--code-server", f"127.0.0.1:{code_port}")

        wait_until(lambda: len(in_status(instance, DagsterRunStatus.SUCCESS)) >= 3, seconds=90)
        # From here on reading takes long, so that it is met in the middle.
        served.faults.switch_on("delay", times=None, seconds=1)
        wait_until(lambda: reads("first-worker", cluster, served.url), seconds=60)
        processes = {process.pid for process in processes_of("first-worker", cluster)}
        cluster.kill("first-worker")
        served.faults.switch_off()
        days = {day.isoformat() for day in MONTH}
        wait_until(lambda: all(instance.get_materialized_partitions(asset) == days for asset in ASSETS), seconds=120)
        wait_until(lambda: not in_status(instance, *UNFINISHED), seconds=60)

        [lost] = in_status(instance, DagsterRunStatus.FAILURE)
        assert executed_by(instance, lost.run_id) in processes
        assert any("No worker has this run any more" in event.message for event in instance.all_logs(lost.run_id))
        done = in_status(instance, DagsterRunStatus.SUCCESS)
        assert [run.run_id for run in done if run.parent_run_id == lost.run_id]
        assert {executed_by(instance, run.run_id) in processes for run in done} == {True, False}
        wait_until(lambda: status_of(instance, march) is not BulkActionStatus.REQUESTED, seconds=60)
        assert status_of(instance, march) is BulkActionStatus.COMPLETED_SUCCESS

    load_new(undisturbed, served.source(), LoadRules())
    tables = snapshot(warehouse)
    assert tables["call_history"]
    assert tables == snapshot(undisturbed)


def in_status(instance: dg.DagsterInstance, *statuses: DagsterRunStatus) -> Sequence[dg.DagsterRun]:
    """Return the runs that stand so."""
    return instance.get_runs(RunsFilter(statuses=list(statuses)))


def status_of(instance: dg.DagsterInstance, backfill_id: str) -> BulkActionStatus:
    """Return how a backfill stands."""
    backfill = instance.get_backfill(backfill_id)
    assert backfill is not None
    return backfill.status


def hours_away_from_now() -> dict[str, str]:
    """Return settings by which no schedule is due: the test asks for runs itself."""
    opens = (datetime.now(UTC).hour + 12) % 23
    return {
        "SWITCHBOARD_TIMEZONE": "Europe/Moscow",
        "SWITCHBOARD_SCHEDULES__WINDOW_START": f"{opens:02d}:00",
        "SWITCHBOARD_SCHEDULES__WINDOW_END": f"{opens + 1:02d}:00",
    }
