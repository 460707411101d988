"""The main job in this process: what reaches whoever started it."""

from __future__ import annotations

import os
import signal
import time

import dagster as dg
import pytest

from pipelines.main_job import _execute


@dg.op
def end_us() -> None:
    """Be told to end while at work, as by `systemctl stop`."""
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(30)


@dg.job
def told_to_end() -> None:
    """Has one step."""
    end_us()


def test_sigterm_during_a_step_ends_whoever_runs_it() -> None:
    """Dagster makes a failed step of it, after which `up` would stay up."""
    defs = dg.Definitions(jobs=[told_to_end])
    with dg.DagsterInstance.ephemeral() as instance, pytest.raises(KeyboardInterrupt):
        _execute(defs, "the step", instance, "told_to_end")
