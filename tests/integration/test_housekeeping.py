"""What keeps the tables small works from the first day on."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster import DagsterRunStatus
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.runs.sql_run_storage import SqlRunStorage
from sqlalchemy import text

from pipelines.dagster_log import LogRetention, trim_console_logs, trim_log
from pipelines.housekeeping import Retention, close_lost_runs, trim_warehouse
from resources.warehouse import Warehouse
from tests.rows import select


def test_a_new_installation_has_nothing_to_trim(warehouse: Warehouse) -> None:
    """There is no routing version older than the limit: in its first weeks the job failed each night for that."""
    assert trim_warehouse(warehouse, Retention()) == (0, 0, 0)


def aged(instance: dg.DagsterInstance, days: int) -> None:
    """Make all that the log holds so many days older."""
    events, runs = instance.event_log_storage, instance.run_storage
    assert isinstance(events, SqlEventLogStorage)
    assert isinstance(runs, SqlRunStorage)
    with events.index_connection() as connection:
        for table, column in (("event_logs", "timestamp"), ("asset_check_executions", "evaluation_event_timestamp")):
            connection.execute(text(f'UPDATE {table} SET "{column}" = "{column}" - make_interval(days => {days})'))  # noqa: S608
    with runs.connect() as connection:
        connection.execute(text(f"UPDATE runs SET update_timestamp = update_timestamp - make_interval(days => {days})"))  # noqa: S608


def rows(instance: dg.DagsterInstance, query: str) -> list[Any]:
    events = instance.event_log_storage
    assert isinstance(events, SqlEventLogStorage)
    with events.index_connection() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


days = dg.DailyPartitionsDefinition("2026-03-01")


@dg.asset(partitions_def=days)
def by_day() -> None:
    """An asset of days."""


@dg.asset(check_specs=[dg.AssetCheckSpec("rule", asset="whole")])
def whole() -> Any:  # noqa: ANN401
    """An asset without days, with a check."""
    yield dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True)])


def materialise(instance: dg.DagsterInstance, *keys: str, times: int = 1) -> None:
    for _ in range(times):
        for key in keys:
            assert dg.materialize([by_day], partition_key=key, instance=instance).success
        assert dg.materialize([whole], instance=instance).success


def test_a_trimmed_log_knows_of_every_day_what_it_knew(dagster_instance: dg.DagsterInstance) -> None:
    """The newest materialisation of each partition and the last result of each check stay for good."""
    instance = dagster_instance
    materialise(instance, "2026-03-01", "2026-03-02", times=3)
    aged(instance, 400)
    materialise(instance, "2026-03-03")
    key = dg.AssetKey("by_day")
    newest = instance.event_log_storage.get_latest_storage_id_by_partition(
        key, dg.DagsterEventType.ASSET_MATERIALIZATION
    )
    before = instance.get_materialized_partitions(key), instance.get_latest_materialization_event(dg.AssetKey("whole"))
    deleted = trim_log(instance, LogRetention())
    assert deleted["runs deleted"] == 9
    # Two of three runs' materialisations and plans of two days, and of the whole asset of that day.
    assert deleted["superseded events of assets deleted"] == 2 * 2 * 3
    after = instance.get_materialized_partitions(key), instance.get_latest_materialization_event(dg.AssetKey("whole"))
    assert after == before
    assert newest == instance.event_log_storage.get_latest_storage_id_by_partition(
        key, dg.DagsterEventType.ASSET_MATERIALIZATION
    )
    assert before[0] == {"2026-03-01", "2026-03-02", "2026-03-03"}
    assert rows(instance, "SELECT count(*) FROM asset_check_executions") == [(1,)]
    orphans = "SELECT count(*) FROM asset_event_tags WHERE event_id NOT IN (SELECT id FROM event_logs)"
    assert rows(instance, orphans) == [(0,)]
    assert len(instance.get_run_records()) == 2
    assert sum(trim_log(instance, LogRetention()).values()) == 0
    aged(instance, 400)
    trim_log(instance, LogRetention())
    assert instance.get_run_records() == []
    assert instance.get_materialized_partitions(key) == before[0]
    assert rows(instance, "SELECT count(*) FROM asset_check_executions") == [(1,)]


ORIGIN = RemoteJobOrigin(RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("here"), "repository"), "job")
"""Whose a queued run is."""


def test_runs_that_wait_for_their_turn_are_not_lost(dagster_instance: dg.DagsterInstance) -> None:
    """A backfill may queue for hours; only what was launched has a process that can be gone."""
    instance = dagster_instance
    statuses = [
        DagsterRunStatus.QUEUED,
        DagsterRunStatus.NOT_STARTED,
        DagsterRunStatus.STARTING,
        DagsterRunStatus.STARTED,
        DagsterRunStatus.CANCELING,
        DagsterRunStatus.SUCCESS,
    ]
    runs = {
        status: instance.add_run(dg.DagsterRun("job", status=status, remote_job_origin=ORIGIN)).run_id
        for status in statuses
    }
    assert close_lost_runs(instance, timedelta(hours=3)) == 0
    aged(instance, 1)
    assert close_lost_runs(instance, timedelta(hours=3)) == 4
    now = {status: instance.get_run_by_id(run_id).status for status, run_id in runs.items()}  # type: ignore[union-attr]
    assert now.pop(DagsterRunStatus.QUEUED) is DagsterRunStatus.QUEUED
    assert now.pop(DagsterRunStatus.SUCCESS) is DagsterRunStatus.SUCCESS
    assert set(now.values()) == {DagsterRunStatus.FAILURE}
    assert close_lost_runs(instance, timedelta(hours=3)) == 0


def test_old_console_output_goes_with_its_folder(tmp_path: Path) -> None:
    """Empty folders of two hundred thousand runs a year would stay else; other things in there are somebody's."""
    month_ago = (datetime.now(UTC) - timedelta(days=30)).timestamp()
    for run in ("old", "emptied", "shared", "young"):
        (tmp_path / run / "compute_logs").mkdir(parents=True)
        (tmp_path / run / "compute_logs" / "step.out").write_text("said")
    shutil.rmtree(tmp_path / "emptied" / "compute_logs")
    (tmp_path / "shared" / "result").write_text("kept")
    (tmp_path / "file").write_text("kept")
    for run in ("old", "emptied", "shared", "file"):
        os.utime(tmp_path / run, (month_ago, month_ago))
    trim_console_logs(tmp_path, timedelta(days=14))
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}
    assert left == {"shared", "shared/result", "young", "young/compute_logs", "young/compute_logs/step.out", "file"}


def test_two_may_tidy_up_at_once(dagster_instance: dg.DagsterInstance, warehouse: Warehouse) -> None:
    """Started by hand while the schedule's is at it."""
    materialise(dagster_instance, "2026-03-01", "2026-03-02", times=3)
    aged(dagster_instance, 400)
    with ThreadPoolExecutor(2) as both:
        trims = [both.submit(trim_log, dagster_instance, LogRetention()) for _ in range(2)]
        deleted = [trim.result() for trim in trims]
        for trim in [both.submit(trim_warehouse, warehouse, Retention()) for _ in range(2)]:
            trim.result()
    assert sum(each["runs deleted"] for each in deleted) == 9
    assert dagster_instance.get_materialized_partitions(dg.AssetKey("by_day")) == {"2026-03-01", "2026-03-02"}


@pytest.mark.parametrize(("live", "previous"), [(5, 3), (3, 5)])
def test_what_is_still_needed_is_not_old(warehouse: Warehouse, live: int, previous: int) -> None:
    """The versions that answer, or would after a rollback; what was refused within the year; what is not over."""
    with warehouse.transaction() as connection:
        for statement in (
            "INSERT INTO routing_versions (rules, clients, rows_opened, rows_closed, built_at) "
            "SELECT '{}', 1, 1, 0, now() - make_interval(days => age) "
            "FROM unnest(CAST('{400, 300, 200, 100, 1}' AS int[])) AS age",
            "INSERT INTO routing_table (version, until_version, number, rank, client_id, employee_id, employee_name, "
            "score, share, is_responsible, reason) "
            "SELECT v, nullif(v + 1, 6), '+7', 1, 'c', 'e', 'E', 1, 1, true, 'r' FROM generate_series(1, 5) AS v",
            "INSERT INTO published_routing (version, previous_version, verified_at, stale_at, policy) "
            "VALUES (:live, :previous, now(), now(), '{}')",
            "INSERT INTO quarantine (source, reason, raw, seen_at) "
            "SELECT 'office', 'why', CAST(age AS text), now() - make_interval(days => age) "
            "FROM unnest(CAST('{400, 300}' AS int[])) AS age",
            "INSERT INTO event_gaps (pbx_id, began_at, ended_at, reason, legs_closed) VALUES "
            "('long', now() - interval '400 days', now(), '', 0), "
            "('over', now() - interval '400 days', now() - interval '399 days', '', 0)",
            "INSERT INTO login_sessions (token_hash, employee_id, expires_at) "
            "VALUES ('on', 'anna', now() + interval '1 hour'), ('over', 'anna', now() - interval '1 hour')",
            "INSERT INTO received_webhooks (account, body, received_at, taken_at) VALUES "
            "('waits', '', now() - interval '400 days', NULL), ('taken', '', now(), now() - interval '400 days')",
        ):
            query = text(statement)
            known = {"live": live, "previous": previous}
            connection.execute(query, {name: known[name] for name in query.compile().params})
    trim_warehouse(warehouse, Retention())
    assert select(warehouse, "SELECT account FROM received_webhooks") == [("waits",)]
    assert select(warehouse, "SELECT pbx_id FROM event_gaps") == [("long",)]
    assert select(warehouse, "SELECT token_hash FROM login_sessions") == [("on",)]
    assert select(warehouse, "SELECT version FROM routing_versions ORDER BY 1") == [(3,), (4,), (5,)]
    assert select(warehouse, "SELECT version FROM routing_table ORDER BY 1") == [(3,), (4,), (5,)]
    assert select(warehouse, "SELECT raw FROM quarantine") == [("300",)]


def test_what_is_young_stays_and_failures_stay_longest(dagster_instance: dg.DagsterInstance) -> None:
    """A failure of last winter can still be read, a success cannot."""
    instance = dagster_instance

    @dg.op
    def fails() -> None:
        raise dg.Failure("The disk is full: make room.")

    @dg.job
    def broken() -> None:
        fails()

    materialise(instance, "2026-03-01", times=2)
    broken.execute_in_process(instance=instance, raise_on_error=False)
    everything = rows(instance, "SELECT count(*) FROM event_logs")
    assert sum(trim_log(instance, LogRetention()).values()) == 0
    assert rows(instance, "SELECT count(*) FROM event_logs") == everything
    aged(instance, 100)
    trim_log(instance, LogRetention())
    [record] = instance.get_run_records()
    assert record.dagster_run.status == dg.DagsterRunStatus.FAILURE
    told = rows(instance, "SELECT event FROM event_logs WHERE dagster_event_type = 'STEP_FAILURE'")
    assert "The disk is full: make room." in told[0][0]
    aged(instance, 300)
    trim_log(instance, LogRetention())
    assert instance.get_run_records() == []


def test_plots_keep_a_point_for_each_day(dagster_instance: dg.DagsterInstance) -> None:
    """Of an asset without partitions the last materialisation of each day stays."""
    instance = dagster_instance
    for _ in range(3):
        materialise(instance, times=2)
        aged(instance, 10)
    aged(instance, 10)
    trim_log(instance, LogRetention())
    kept = rows(instance, "SELECT dagster_event_type FROM event_logs WHERE asset_key LIKE '%whole%'")
    assert kept.count(("ASSET_MATERIALIZATION",)) == 3
