"""What looks have in common: is a run of these at its work, or was its process lost?"""

from datetime import UTC, datetime, timedelta

from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

from assets.platform import Platform
from pipelines.housekeeping import close_lost_run

LOST_WITHOUT_LOCK_AFTER = timedelta(minutes=5)
"""A run takes its lock within seconds of its start, and holds it until its end."""


def is_at_work(instance: DagsterInstance, platform: Platform, runs: RunsFilter, lock: str) -> bool:
    """Tell whether a run of these is at its work, and close those whose process is gone.

    Dagster does not notice that a run's process was killed: it would stay "started" for hours and hold the place of
    all after it. Work holds its lock, so a run that began long ago and holds none is lost.
    """
    if platform.warehouse.is_locked(lock):
        return True
    records = instance.get_run_records(runs)
    begun_by = datetime.now(UTC) - LOST_WITHOUT_LOCK_AFTER
    lost = [
        record
        for record in records
        if record.dagster_run.status is DagsterRunStatus.STARTED and record.update_timestamp < begun_by
    ]
    for record in lost:
        close_lost_run(instance, record.dagster_run)
    return len(records) > len(lost)
