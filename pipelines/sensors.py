"""Sensors: looks that are not bound to the minute, with a memory of their own between them.

A tick first takes a cheap look. With nothing to do it launches no run and says what it saw.
"""

from collections.abc import Mapping
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
from dagster import DagsterInstance, DagsterRunStatus, RunsFilter
from sqlalchemy import exists, select

from assets.contacts.sources import remember_state, state_taken
from assets.failures import told_plainly
from assets.platform import Platform
from pipelines.contact_changes import LOCK
from pipelines.housekeeping import UNFINISHED
from pipelines.looks import is_at_work
from pipelines.settings import Settings
from pipelines.windows import is_within
from resources.warehouse import Warehouse
from resources.warehouse.tables import numbers_to_decide, numbers_to_relink

JOB = "contact_changes"
RUNS = "runs of the job"
MEMORY = "sensor"

Memory = dict[str, dict[str, Any]]
Answer = list[dg.RunRequest] | dg.SkipReason

FIRST_PATIENCE = timedelta(minutes=1)
LONGEST_PATIENCE = timedelta(minutes=30)
"""A source that fails is asked again after a minute, two, four ...: each try may cost its server minutes."""


def make_sensors(settings: Settings, jobs: Mapping[str, Any]) -> list[dg.SensorDefinition]:
    """Return every sensor."""
    hours = settings.schedules
    window = hours.window_start, hours.window_end
    is_configured = bool(settings.crm) or settings.contacts.has_files
    interval = timedelta(seconds=hours.full_comparison_seconds)

    @dg.sensor(
        name="contact_changes",
        job=jobs["contact_changes"],
        minimum_interval_seconds=hours.contact_changes_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING if is_configured else dg.DefaultSensorStatus.STOPPED,
        description=(
            "Телефония: Обновление контактных данных (по изменениям).\n\n"
            "Notices changed cards and overrides, and has exactly the calls with their numbers linked anew: within two "
            "minutes where an exchange plan, a file or an override tells of the change, else at the next full "
            f"comparison, every {hours.full_comparison_seconds // 60} minutes.\n\n"
            "Off: changes wait until the owner jobs run."
        ),
    )
    @told_plainly
    def contact_changes(context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]) -> Answer:
        now = datetime.now(UTC)
        if not is_within(now, *window, settings.timezone):
            return dg.SkipReason(f"Outside the working window {window[0]:%H:%M}-{window[1]:%H:%M}.")
        return look_for_contact_changes(context.instance, platform, now, interval)

    return [contact_changes]


def look_for_contact_changes(
    instance: DagsterInstance, platform: Platform, now: datetime, interval: timedelta
) -> Answer:
    """One run if a source has news or numbers wait, unless a run is at it already.

    When each source is to be looked at next, and how often it failed, is remembered in `load_cursors`: Dagster's own
    cursor of a sensor is lost where a tick fails.

    Args:
        instance: where the runs are recorded.
        platform: the sources.
        now: aware.
        interval: between looks at a source that cannot say by itself that something changed.

    Raises:
        Exception: a source could not be asked and there is nothing else to do.
    """
    runs = RunsFilter(job_name=JOB, statuses=UNFINISHED)
    if is_at_work(instance, platform, runs, LOCK):
        return dg.SkipReason("The run before this one is still at work.")
    with platform.warehouse.transaction() as connection:
        known = state_taken(connection, MEMORY) or {}
    memory = deepcopy(known)
    try:
        return _look(instance, platform, memory, now, interval)
    finally:
        if memory != known:
            with platform.warehouse.transaction() as connection:
                remember_state(connection, MEMORY, memory)


def _look(instance: DagsterInstance, platform: Platform, memory: Memory, now: datetime, interval: timedelta) -> Answer:
    waits_until = _after_failed_run(instance, memory, now)
    if waits_until > now:
        return dg.SkipReason(
            f"The run before this one failed; see its log. The next one starts at {waits_until:%H:%M:%S} UTC."
        )
    news: list[str] = []
    seen: list[str] = []
    failure: Exception | None = None
    for source in platform.contacts:
        known = memory.get(source.name, {})
        failures = known.get("failures", 0)
        due_at = datetime.fromisoformat(known["due_at"]) if "due_at" in known else now
        if due_at > now:
            failed = f"failed {failures} times, " if failures else ""
            seen.append(f"{source.name}: {failed}next look at {due_at:%H:%M:%S} UTC")
            continue
        try:
            look = source.look(platform.warehouse)
        except Exception as error:
            failure = error
            memory[source.name] = {"failures": failures + 1, "due_at": (now + _patience(failures + 1)).isoformat()}
            continue
        memory[source.name] = {} if source.is_cheap else {"due_at": (now + interval).isoformat()}
        seen.append(look.seen)
        if look.has_news:
            news.append(source.name)
    if news or _is_waiting(platform.warehouse):
        return [dg.RunRequest(run_config={"ops": {"take_in_contact_changes": {"config": {"sources": news}}}})]
    if failure:
        raise failure
    return dg.SkipReason("; ".join(seen) or "No contact source is configured, and nothing is assigned by hand.")


def _after_failed_run(instance: DagsterInstance, memory: Memory, now: datetime) -> datetime:
    """Return when the next run may start: at once, or later and later while runs fail."""
    last = next(iter(instance.get_runs(RunsFilter(job_name=JOB), limit=1)), None)
    if last is None or last.status is not DagsterRunStatus.FAILURE:
        memory.pop(RUNS, None)
        return now
    known = memory.get(RUNS, {})
    if known.get("run_id") != last.run_id:
        failures = known.get("failures", 0) + 1
        due_at = (now + _patience(failures)).isoformat()
        memory[RUNS] = {"run_id": last.run_id, "failures": failures, "due_at": due_at}
    return datetime.fromisoformat(memory[RUNS]["due_at"])


def _patience(failures: int) -> timedelta:
    doubled: int = 2 ** min(failures - 1, 10)
    return min(FIRST_PATIENCE * doubled, LONGEST_PATIENCE)


def _is_waiting(warehouse: Warehouse) -> bool:
    with warehouse.transaction() as connection:
        return any(
            connection.execute(select(exists().select_from(queue))).scalar_one()
            for queue in (numbers_to_decide, numbers_to_relink)
        )
