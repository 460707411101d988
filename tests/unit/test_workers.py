"""How a run is told lost of which no worker knows, and what else services on several machines see to."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from dagster import DagsterRun
from dagster._core.launcher import WorkerStatus

pytest.importorskip("dagster_celery")

from celery.signals import worker_process_shutdown
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from pipelines.cli.serve import address_of
from pipelines.settings import SettingsError
from pipelines.workers import WorkersRunLauncher, tidy_when_processes_end


def launcher(*answers: dict[str, Any] | None) -> tuple[WorkersRunLauncher, list[float]]:
    """Return a launcher whose workers answer so, one time after the other, and how long each was waited for."""
    waited: list[float] = []
    left = list(answers)

    def inspect(timeout: float) -> SimpleNamespace:
        waited.append(timeout)
        return SimpleNamespace(query_task=lambda _task_id: left.pop(0))

    made = WorkersRunLauncher.__new__(WorkersRunLauncher)
    made.celery = SimpleNamespace(control=SimpleNamespace(inspect=inspect))
    return made, waited


RUN = DagsterRun("job", tags={DAGSTER_CELERY_TASK_ID_TAG: "task"})
HAS_IT = {"first@here": {}, "second@there": {"task": ["active", {}]}}
HAS_IT_NOT: dict[str, Any] = {"first@here": {}, "second@there": {}}


def test_a_run_that_any_worker_has_is_not_lost() -> None:
    """One answer is enough, at the first time of asking."""
    made, waited = launcher(HAS_IT)
    assert made.check_run_worker_health(RUN).status is WorkerStatus.RUNNING
    assert len(waited) == 1


def test_a_busy_worker_is_asked_again_and_waited_for_longer() -> None:
    """Silence of a machine that has much to do is no death."""
    made, waited = launcher(None, HAS_IT_NOT, HAS_IT)
    assert made.check_run_worker_health(RUN).status is WorkerStatus.RUNNING
    assert waited == sorted(waited)
    assert waited[-1] >= 10


def test_a_run_that_no_worker_has_is_lost() -> None:
    """Told by all that answer, or by nobody."""
    for answers in ((HAS_IT_NOT,) * 3, (None,) * 3):
        made, _ = launcher(*answers)
        assert made.check_run_worker_health(RUN).status is WorkerStatus.FAILED


def test_a_run_that_went_to_no_worker_is_none_of_ours() -> None:
    """It is not asked for."""
    made, waited = launcher()
    assert made.check_run_worker_health(DagsterRun("job")).status is WorkerStatus.NOT_FOUND
    assert waited == []


def test_a_worker_tidies_up_its_own_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Housekeeping sees the console output of the machine it runs on, and of no other."""
    monkeypatch.setenv("SWITCHBOARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SWITCHBOARD_RETENTION__EVENT_LOG_DAYS", "5")
    for run in ("old", "young"):
        (tmp_path / "storage" / run / "compute_logs").mkdir(parents=True)
    os.utime(tmp_path / "storage" / "old", (0, 0))
    receivers = list(worker_process_shutdown.receivers)
    tidy_when_processes_end(tmp_path / "storage")
    try:
        worker_process_shutdown.send(sender=None, pid=1, exitcode=0)
    finally:
        worker_process_shutdown.receivers = receivers
    assert [path.name for path in (tmp_path / "storage").iterdir()] == ["young"]


@pytest.mark.parametrize(
    ("given", "address"), [("dagster-code:4000", ("dagster-code", 4000)), ("[::1]:4000", ("::1", 4000))]
)
def test_the_code_server_is_found_by_host_and_port(given: str, address: tuple[str, int]) -> None:
    """An IPv6 address stands in brackets."""
    assert address_of(given) == address


@pytest.mark.parametrize("given", ["dagster-code", ":4000", "dagster-code:grpc", ""])
def test_no_address_of_a_code_server_is_told_plainly(given: str) -> None:
    """It was a traceback."""
    with pytest.raises(SettingsError, match="for example"):
        address_of(given)
