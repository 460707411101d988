"""Keeps what grows by itself small: Dagster's log, lost runs, our own old rows."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter
from sqlalchemy import delete, func

from assets.failures import told_plainly
from assets.messenger.media import forget_media
from assets.platform import Platform
from pipelines.dagster_log import LogRetention, trim_console_logs, trim_log
from resources.warehouse.connection import Warehouse
from resources.warehouse.statements import run
from resources.warehouse.tables import (
    call_events,
    event_gaps,
    live_legs,
    login_links,
    login_sessions,
    quarantine,
    received_events,
    received_webhooks,
    routing_table,
    routing_versions,
    sent_usage_metrics,
    shown_cards,
    usage_metrics,
)

RUN_IS_LOST_AFTER = timedelta(hours=3)
"""Longer than any run may take (`run_monitoring.max_runtime_seconds` in dagster.yaml is two hours)."""

UNFINISHED = [
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]

LAUNCHED = [status for status in UNFINISHED if status is not DagsterRunStatus.QUEUED]
"""What needs a process; a queue may be hours long, and outlives all of ours."""

OF_EVENTS = (live_legs.c.began_at, shown_cards.c.sent_at, event_gaps.c.ended_at, received_events.c.received_at)
"""What is kept as long as the events of calls, each by its moment."""


@dataclass(frozen=True)
class Retention:
    """For how many days things are kept that grow by themselves."""

    event_log_days: int = 14
    run_days: int = 92
    failed_run_days: int = 365
    quarantine_days: int = 365
    routing_version_days: int = 30
    call_event_days: int = 92
    webhook_days: int = 30
    media_days: int = 365
    usage_report_days: int = 92


def close_lost_runs(instance: DagsterInstance, older_than: timedelta) -> int:
    """Mark launched runs failed that nobody can be working on any more; return how many."""
    cutoff = datetime.now(UTC) - older_than
    records = instance.get_run_records(RunsFilter(statuses=LAUNCHED, updated_before=cutoff))
    for record in records:
        close_lost_run(instance, record.dagster_run)
    return len(records)


def close_lost_run(instance: DagsterInstance, run: DagsterRun) -> None:
    """Mark a run failed whose process is gone."""
    instance.report_run_failed(
        run,
        "The process of this run is gone (the machine or Switchboard was stopped while it ran, or it was killed). "
        "Nothing is half-done: work is committed in whole portions, and the next tick goes on from there.",
    )


def trim_warehouse(warehouse: Warehouse, retention: Retention) -> tuple[int, int, int]:
    """Delete quarantined rows, closed routing rows and events of calls past their time, and log-ins that are over.

    Returns:
        (quarantined rows, routing rows, events) deleted.
    """
    events_before = func.now() - timedelta(days=retention.call_event_days)
    with warehouse.transaction() as connection:
        old_rows = connection.execute(
            delete(quarantine).where(quarantine.c.seen_at < func.now() - timedelta(days=retention.quarantine_days))
        ).rowcount
        days = {"days": retention.routing_version_days}
        oldest_kept = run(connection, "pipelines", "select_oldest_kept_version", days).scalar_one_or_none()
        closed = 0
        if oldest_kept is not None:
            old = routing_table.c.until_version <= oldest_kept
            closed = connection.execute(delete(routing_table).where(old)).rowcount
            connection.execute(delete(routing_versions).where(routing_versions.c.version < oldest_kept))
        events = connection.execute(delete(call_events).where(call_events.c.received_at < events_before)).rowcount
        for moment in OF_EVENTS:
            connection.execute(delete(moment.table).where(moment < events_before))
        webhooks_before = func.now() - timedelta(days=retention.webhook_days)
        connection.execute(delete(received_webhooks).where(received_webhooks.c.taken_at < webhooks_before))
        for at in (usage_metrics.c.built_at, sent_usage_metrics.c.tried_at):
            connection.execute(delete(at.table).where(at < func.now() - timedelta(days=retention.usage_report_days)))
        for expires_at in (login_links.c.expires_at, login_sessions.c.expires_at):
            connection.execute(delete(expires_at.table).where(expires_at < func.now()))
    return old_rows, closed, events


def make_housekeeping_job(retention: Retention) -> dg.JobDefinition:
    """Return the job with this retention built in."""

    @dg.op(description="Trim Dagster's logs and our own old rows; close runs whose process is gone.")
    @told_plainly
    def tidy_up(context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
        keep_events = timedelta(days=retention.event_log_days)
        log = LogRetention(retention.event_log_days, retention.run_days, retention.failed_run_days)
        quarantined, closed, events = trim_warehouse(platform.warehouse, retention)
        context.add_output_metadata(
            {
                "lost runs closed": close_lost_runs(context.instance, RUN_IS_LOST_AFTER),
                **trim_log(context.instance, log),
                "console logs deleted": trim_console_logs(Path(context.instance.storage_directory()), keep_events),
                "quarantined rows deleted": quarantined,
                "old routing rows deleted": closed,
                "events of calls deleted": events,
                "files of messages deleted": forget_media(
                    platform.warehouse, platform.messengers.media_folder, retention.media_days
                ),
            }
        )

    @dg.job(
        description="Обслуживание: удаление старых журналов.\n\nKeep Dagster's storage and our own small.",
        tags={"switchboard/job": "housekeeping"},
    )
    def housekeeping() -> None:
        tidy_up()

    return housekeeping
