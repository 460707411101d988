"""Runs on Celery workers: launched through a broker, on whichever machine has room, and missed when a worker dies.

Dagster's own launcher asks Celery for the state that the worker last wrote of a task. A worker that was killed writes
nothing more, so its run stays "started" until the longest time a run may take is over. This launcher asks the workers
themselves, and needs no store of results. What run monitoring then marks failed, Dagster's run retries launch again:
work is committed in whole portions, so a second time ends in the same rows.
"""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from celery.signals import worker_process_shutdown
from dagster import DagsterInstance, DagsterRun
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG
from dagster_celery.tasks import create_execute_job_task, create_resume_job_task

from pipelines.dagster_log import trim_console_logs
from pipelines.settings import load_settings

if TYPE_CHECKING:
    from celery import Celery

PATIENCE_SECONDS = (1.0, 3.0, 10.0)
"""How long workers may take to answer, one try after the other: a machine can be busy for a while."""


class WorkersRunLauncher(CeleryRunLauncher):
    """Launches runs on Celery workers; a run that no worker has any more is lost."""

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Ask the workers whether one of them has this run."""
        task_id = run.tags.get(DAGSTER_CELERY_TASK_ID_TAG)
        if task_id is None:
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "This run was not launched on a worker.")
        for seconds in PATIENCE_SECONDS:
            answers = self.celery.control.inspect(timeout=seconds).query_task(task_id) or {}
            if any(task_id in tasks for tasks in answers.values()):
                return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(
            WorkerStatus.FAILED, "No worker has this run any more: the one that had it was stopped or killed."
        )

    def get_run_worker_debug_info(self, run: DagsterRun, include_container_logs: bool | None = True) -> str | None:
        """Tell which workers answer."""
        answers = self.celery.control.ping(timeout=PATIENCE_SECONDS[0])
        names = sorted(name for answer in answers for name in answer)
        return f"Workers that answer: {', '.join(names) or 'none'}."


def worker_app(instance: DagsterInstance) -> Celery:
    """Return the Celery application that executes what this instance launches.

    Raises:
        TypeError: its runs are not launched on workers.
    """
    launcher = instance.run_launcher
    if not isinstance(launcher, WorkersRunLauncher):
        raise TypeError(
            f"{instance.root_directory}/dagster.yaml launches runs by {type(launcher).__name__}, not on workers: "
            "set SWITCHBOARD_DAGSTER_OVERLAY to deploy/dagster.celery.yaml."
        )
    create_execute_job_task(launcher.celery)
    create_resume_job_task(launcher.celery)
    return launcher.celery


def tidy_when_processes_end(folder: Path) -> None:
    """Delete old console output of runs on this machine: housekeeping sees only the one it runs on."""
    kept = timedelta(days=load_settings().retention.event_log_days)
    worker_process_shutdown.connect(lambda **_: trim_console_logs(folder, kept), weak=False)


def work(runs: int) -> None:
    """Execute runs, so many at once, until SIGTERM; those that are being executed then are finished first."""
    with DagsterInstance.get() as instance:
        app = worker_app(instance)
        tidy_when_processes_end(Path(instance.storage_directory()))
    # Once for all runs, which are executed in copies of this process.
    import pipelines.definitions  # noqa: F401

    name = f"{os.getpid()}@%h"
    app.worker_main(["worker", "--concurrency", str(runs), "--hostname", name, "--loglevel", "WARNING"])


def main() -> None:
    """Work as `switchboard serve worker` says: `python -m pipelines.workers RUNS`."""
    work(int(sys.argv[1]))


if __name__ == "__main__":
    # Under its own name, so that the launcher Dagster finds is the one this module compares with.
    from pipelines.workers import main as named_main

    named_main()
