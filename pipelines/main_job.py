"""The main job from end to end, in this process and visible in the UI: contacts, history, routing.

`demo` and `up` run it once at start, so that there is something to look at before the first schedule
ticks; everything after that is the schedules' work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg
from dagster._core.execution.plan.objects import StepFailureData
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG
from sqlalchemy import text

from pipelines.jobs import BACKTEST_ASSETS, CONTACT_ASSETS, SOURCE_TAG
from resources.warehouse import Warehouse
from resources.warehouse.statements import run

Step = Callable[[str], None]

TRIGGER_TAG = "switchboard/trigger"
"""Of runs nobody launched in the UI, nor any schedule or sensor; Dagster shows them as launched by hand."""


class MainJobError(Exception):
    """A step of the main job failed; the text says which and why."""


@dataclass(frozen=True)
class Built:
    """What stands in the warehouse after the main job.

    Attributes:
        legs: legs loaded.
        calls: calls they make.
        with_owner: share of external calls whose number has one owner, 0..1.
        unmatched: share of external calls whose number nobody owns.
        ambiguous: share of external calls whose number several parties own.
        clients: clients in the routing table.
        with_responsible: of these, clients with a responsible.
        quarantined: rows refused.
    """

    legs: int
    calls: int
    with_owner: float
    unmatched: float
    ambiguous: float
    clients: int
    with_responsible: int
    quarantined: int


def run_main_job(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    sources: list[str],
    step: Step,
    backtested_days: tuple[date, date] | None = None,
) -> None:
    """Refresh contacts, load each source's new calls, and update the routing table.

    Args:
        defs: the code location.
        instance: where the runs are recorded.
        sources: telephony servers to load from.
        step: called with a few words as each step begins.
        backtested_days: business days, both included, whose calls the ranking is tested on; None is none.

    Raises:
        MainJobError: a step failed; those before it stand.
        KeyboardInterrupt: Ctrl-C or SIGTERM came while a step was at work.
    """
    step("contacts and owners")
    _execute(defs, "contacts", instance, "__ASSET_JOB", assets=CONTACT_ASSETS)
    for source in sources:
        step(f"call history of {source}")
        _execute(
            defs,
            f"history of {source}",
            instance,
            "call_history_load",
            config={"load_new_legs": {"config": {"source": source}}},
            tags={SOURCE_TAG: source},
        )
    step("routing table")
    _execute(defs, "routing table", instance, "routing_table_update")
    if backtested_days:
        step("backtest")
        first_day, last_day = (day.isoformat() for day in backtested_days)
        days = {ASSET_PARTITION_RANGE_START_TAG: first_day, ASSET_PARTITION_RANGE_END_TAG: last_day}
        _execute(defs, "backtest", instance, "nightly_quality", tags=days, assets=BACKTEST_ASSETS)
    step("checks")
    _execute(defs, "checks", instance, "asset_checks")


def what_was_built(warehouse: Warehouse) -> Built:
    """Count what people ask for first."""
    with warehouse.transaction() as connection:
        return Built(*run(connection, "pipelines", "count_built").one())


def first_rows(warehouse: Warehouse) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return the columns and the first ten rows of the current routing table."""
    with warehouse.transaction() as connection:
        result = run(connection, "pipelines", "select_first_routes")
        return list(result.keys()), [tuple(row) for row in result]


def count_legs(warehouse: Warehouse) -> int:
    """Count stored legs, for a progress display."""
    with warehouse.transaction() as connection:
        return int(connection.execute(text("SELECT count(*) FROM call_legs")).scalar_one())


def _execute(
    defs: dg.Definitions,
    what: str,
    instance: dg.DagsterInstance,
    job: str,
    *,
    config: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    assets: Sequence[str] = (),
) -> None:
    result = defs.resolve_job_def(job).execute_in_process(
        instance=instance,
        raise_on_error=False,
        # The terminal is for the progress display; the UI has the log.
        run_config={"ops": config or {}, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        tags={TRIGGER_TAG: "start of Switchboard", **(tags or {})},
        asset_selection=[dg.AssetKey(asset) for asset in assets] or None,
    )
    if not result.success:
        failures = [event.step_failure_data for event in result.all_events if event.is_step_failure]
        if any(failure.error and failure.error.cls_name == "DagsterExecutionInterruptedError" for failure in failures):
            # Dagster has taken the signal for a failure of the step; it was meant for us.
            raise KeyboardInterrupt
        reasons = "; ".join(_reason(failure) for failure in failures)
        raise MainJobError(f"The main job stopped at its step '{what}': {reasons}")


def _reason(failure: StepFailureData) -> str:
    """Return the words of the cause: what a failure says, or what was raised below Dagster's own error."""
    if failure.user_failure_data and failure.user_failure_data.description:
        return failure.user_failure_data.description
    raised = failure.error and (failure.error.cause or failure.error)
    return (raised.message.partition(": ")[2].strip() or raised.message) if raised else "for no reason that was told"
