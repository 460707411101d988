"""What Dagster remembers by itself and never forgets: events, runs, results of checks, console output.

Dagster purges ticks only; its documentation says to delete the rest by SQL. What stays is all that the UI shows of the
present: the newest materialisation of each partition, the last result of each check, the runs of the last months.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dagster import DagsterEventType, DagsterInstance, DagsterRunStatus
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.runs.schema import RunsTable
from dagster._core.storage.runs.sql_run_storage import SqlRunStorage
from sqlalchemy import delete, func, or_, select

from resources.warehouse.statements import run

EVENTS = SqlEventLogStorageTable
CHECKS = AssetCheckExecutionsTable

OF_ASSETS = [
    DagsterEventType.ASSET_MATERIALIZATION.value,
    DagsterEventType.ASSET_MATERIALIZATION_PLANNED.value,
    DagsterEventType.ASSET_OBSERVATION.value,
]
OF_CHECKS = [
    DagsterEventType.ASSET_CHECK_EVALUATION.value,
    DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED.value,
]
OF_FAILURES = [DagsterEventType.RUN_FAILURE.value, DagsterEventType.STEP_FAILURE.value]


@dataclass(frozen=True)
class LogRetention:
    """For how many days Dagster's log is kept.

    Attributes:
        event_log_days: events that only tell the course of runs, console output, and events of assets that newer ones
            have taken the place of.
        run_days: runs that succeeded or were cancelled, and results of checks but for the last of each.
        failed_run_days: runs that failed, and why.
    """

    event_log_days: int = 14
    run_days: int = 92
    failed_run_days: int = 365


def trim_log(instance: DagsterInstance, retention: LogRetention, now: datetime | None = None) -> dict[str, int]:
    """Delete what is past its time, counted from `now`; return how much of what."""
    now = now or datetime.now(UTC)
    course_before, runs_before, failures_before = (
        # Dagster keeps naive UTC in its columns.
        (now - timedelta(days=days)).replace(tzinfo=None)
        for days in (retention.event_log_days, retention.run_days, retention.failed_run_days)
    )
    deleted = {"events deleted": 0, "superseded events of assets deleted": 0, "runs deleted": 0}
    events, runs = instance.event_log_storage, instance.run_storage
    if isinstance(events, SqlEventLogStorage):
        deleted["events deleted"] = _trim_events(events, course_before, runs_before, failures_before)
        with events.index_connection() as connection:
            before = {"before": course_before}
            superseded = run(connection, "pipelines", "trim_superseded_events", before).scalar_one()
            deleted["superseded events of assets deleted"] = superseded
    if isinstance(runs, SqlRunStorage):
        deleted["runs deleted"] = _trim_runs(runs, runs_before, failures_before)
    return deleted


def trim_console_logs(folder: Path, older_than: timedelta) -> int:
    """Delete the console output Dagster captured of old runs, and the folder of each; return how many runs."""
    cutoff = (datetime.now(UTC) - older_than).timestamp()
    deleted = 0
    for run_folder in folder.glob("*/"):
        # Somebody else may tidy up, too; what else is kept there is not ours to delete.
        with suppress(OSError):
            if run_folder.stat().st_mtime < cutoff:
                shutil.rmtree(run_folder / "compute_logs", ignore_errors=True)
                run_folder.rmdir()
                deleted += 1
    return deleted


def _trim_events(
    storage: SqlEventLogStorage, course_before: datetime, runs_before: datetime, failures_before: datetime
) -> int:
    kind, at = EVENTS.c.dagster_event_type, EVENTS.c.timestamp
    newest = select(func.max(CHECKS.c.id)).group_by(CHECKS.c.asset_key, CHECKS.c.check_name)
    with storage.index_connection() as connection:
        connection.execute(
            delete(CHECKS).where(CHECKS.c.evaluation_event_timestamp < runs_before, CHECKS.c.id.not_in(newest))
        )
        return connection.execute(
            delete(EVENTS).where(
                or_(
                    (at < course_before) & or_(kind.is_(None), kind.not_in([*OF_ASSETS, *OF_CHECKS, *OF_FAILURES])),
                    (at < runs_before) & kind.in_(OF_CHECKS),
                    (at < failures_before) & kind.in_(OF_FAILURES),
                )
            )
        ).rowcount


def _trim_runs(storage: SqlRunStorage, runs_before: datetime, failures_before: datetime) -> int:
    ended, at = RunsTable.c.status, RunsTable.c.update_timestamp
    well = [DagsterRunStatus.SUCCESS.value, DagsterRunStatus.CANCELED.value]
    with storage.connect() as connection:
        return connection.execute(
            delete(RunsTable).where(
                or_(
                    (at < runs_before) & ended.in_(well),
                    (at < failures_before) & (ended == DagsterRunStatus.FAILURE.value),
                )
            )
        ).rowcount
