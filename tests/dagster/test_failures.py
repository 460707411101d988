"""Failures that people can do something about: their words alone, in a run as in a tick."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import dagster as dg
import pytest
from dagster._utils.error import serializable_error_info_from_exc_info
from sqlalchemy import text

from assets.failures import EXPECTED, NEXT_STEPS, PlainFailure, told_plainly
from assets.platform import Platform
from assets.routing.published import push_everywhere
from resources.telephony.source import SourceAnswerError, SourceRefusedError, SourceUnavailableError
from resources.warehouse import Warehouse
from tests.serving import free_ports

EXPECTED_ONES = [
    SourceUnavailableError("office, GET http://pbx/cdr: no connection; is the PBX up and the address right?"),
    SourceRefusedError("office, GET http://pbx/cdr: 401: the key was not accepted"),
    SourceAnswerError("office, GET http://pbx/cdr: an empty page, although more rows are announced"),
]


def run_with(error: Exception, **resources: Any) -> dg.ExecuteInProcessResult:  # noqa: ANN401
    @dg.op
    @told_plainly
    def work() -> None:
        raise error

    @dg.job
    def job() -> None:
        work()

    return job.execute_in_process(raise_on_error=False, resources=resources)


def failure_of(result: dg.ExecuteInProcessResult) -> Any:  # noqa: ANN401
    [failure] = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    return failure


@pytest.mark.parametrize("error", EXPECTED_ONES, ids=lambda error: type(error).__name__)
def test_a_run_shows_an_expected_failure_by_what_where_and_what_to_do_and_no_stack(error: Exception) -> None:
    """The first line is what the system said, the next what to do; frames of our code help nobody here."""
    failure = failure_of(run_with(error))
    assert failure.error.message.startswith(str(error))
    assert NEXT_STEPS[type(error)] in failure.error.message
    assert failure.error.stack == []
    assert failure.user_failure_data.metadata["kind of failure"].value == type(error).__name__


def test_what_nobody_expects_keeps_its_stack() -> None:
    """It is a fault of ours, and somebody has to find it."""
    error = failure_of(run_with(ZeroDivisionError("division by zero"))).error
    assert error.stack
    assert error.cause.stack


def test_a_tick_shows_the_failure_and_not_that_a_tick_failed() -> None:
    """Dagster would say 'Error occurred during the evaluation of schedule' first, and the reason below a stack."""

    @dg.op
    def idle() -> None: ...

    @dg.job
    def job() -> None:
        idle()

    @dg.schedule(job=job, cron_schedule="* * * * *")
    @told_plainly
    def schedule(_context: dg.ScheduleEvaluationContext) -> dg.SkipReason:
        raise EXPECTED_ONES[0]

    @dg.sensor(job=job)
    @told_plainly
    def sensor(_context: dg.SensorEvaluationContext) -> dg.SkipReason:
        raise EXPECTED_ONES[0]

    with dg.build_schedule_context() as context, pytest.raises(PlainFailure) as failed:
        schedule.evaluate_tick(context)
    shown = serializable_error_info_from_exc_info((failed.type, failed.value, failed.tb))
    assert shown.message.startswith(str(EXPECTED_ONES[0]))
    assert (shown.stack, shown.cause) == ([], None)
    with dg.build_sensor_context() as sensing, pytest.raises(PlainFailure):
        sensor.evaluate_tick(sensing)


def test_a_warehouse_that_is_away_is_named_without_its_password_and_statement() -> None:
    """What the driver says, where, and what to do."""
    [port] = free_ports(1)
    warehouse = Warehouse(f"postgresql://reader:s3cret@127.0.0.1:{port}/nowhere")

    @dg.op
    @told_plainly
    def work() -> None:
        with warehouse.transaction() as connection:
            connection.execute(text("SELECT 'a statement'"))

    @dg.job
    def job() -> None:
        work()

    failure = failure_of(job.execute_in_process(raise_on_error=False))
    assert str(port) in failure.error.message
    assert "switchboard doctor" in failure.error.message
    assert failure.error.stack == []
    assert "s3cret" not in failure.error.message
    assert "a statement" not in failure.error.message


def test_a_pbx_that_takes_no_responsibles_is_named_in_plain_words(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception group would show as a stack of calls."""

    def is_away(*_given: Any) -> None:  # noqa: ANN401
        raise SourceUnavailableError("the module does not answer")

    monkeypatch.setattr("assets.routing.push.push_responsibles", is_away)
    platform = Platform(warehouse=warehouse, pushes={"office": Mock})
    with pytest.raises(PlainFailure, match="office: the module does not answer"):
        push_everywhere(platform)


def test_every_tick_tells_its_failures_plainly() -> None:
    """Each schedule and sensor that looks at a system is decorated; those without a look have nothing to tell."""
    from pipelines.definitions import build_defs
    from pipelines.settings import Settings

    repository = build_defs(Settings()).get_repository_def()
    assert EXPECTED
    switches: list[Any] = [*repository.schedule_defs, *repository.sensor_defs]
    for one in switches:
        looks = [getattr(one, "_execution_fn", None), getattr(one, "_raw_fn", None)]
        functions = [getattr(look, "decorated_fn", look) for look in looks if look is not None]
        if one.name not in ("housekeeping", "usage_metrics"):
            assert any(hasattr(function, "__wrapped__") for function in functions), one.name
