"""Schedules: when the jobs look, and whether there is anything to do.

A tick first takes a cheap look. With nothing to do it launches no run and says what it saw; a run
costs seconds and tens of kilobytes of log. Each description says what stops when the switch is off.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import dagster as dg
from dagster import DagsterInstance, RunsFilter
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG
from sqlalchemy import ColumnElement, exists, func, select

from assets.enrichment.enrich import count_stale_owners, count_waiting_calls
from assets.failures import told_plainly
from assets.history.load import lock_of, stored_cursor
from assets.platform import Platform
from assets.quality.checks import RULES
from assets.routing.build import LOCK as ROUTING_LOCK
from assets.routing.build import mark_verified, pending_work
from assets.routing.publish import look, verify
from pipelines.housekeeping import UNFINISHED
from pipelines.jobs import AUDIT_ASSETS, SOURCE_TAG
from pipelines.looks import is_at_work
from pipelines.settings import Settings
from pipelines.windows import crons_within, is_within
from resources.telephony.source import SourceError
from resources.warehouse.tables import (
    call_events,
    call_legs,
    event_listeners,
    numbers_to_decide,
    tracked_interactions,
)

FEW_DAYS = 5
THREE_MONTHS_DAYS = 92
REREAD_DAYS = 2
NIGHTLY_REREAD_DAYS = 7
NIGHTLY_REREAD_HOUR = 3
AUDITED_DAYS = 7

LATE_AFTER = timedelta(minutes=10)
"""A tick evaluated this long after its time is a missed one, made up for after a standstill."""

CHECKS = [dg.AssetCheckKey(dg.AssetKey(rule.asset), rule.name) for rule in RULES]

Answer = list[dg.RunRequest] | dg.SkipReason


def make_schedules(settings: Settings, jobs: Mapping[str, Any]) -> list[dg.ScheduleDefinition]:
    """Return every schedule, ticking in the business zone."""
    hours = settings.schedules
    window = hours.window_start, hours.window_end

    def within(interval_seconds: int) -> list[str]:
        return crons_within(*window, interval_seconds)

    running_with_telephony = _running_if(bool(settings.sources))

    @dg.schedule(
        name="call_history_load",
        job=jobs["call_history_load"],
        cron_schedule=within(hours.call_history_load_seconds),
        execution_timezone=settings.timezone,
        default_status=running_with_telephony,
        description=(
            "Телефония: Загрузка истории звонков.\n\n"
            "Asks each telephony server for calls finalised since the last load and loads them.\n\n"
            "Off: new calls no longer reach the history, and nothing that depends on it moves."
        ),
    )
    @told_plainly
    def call_history_load(context: dg.ScheduleEvaluationContext, platform: dg.ResourceParam[Platform]) -> Answer:
        return _each_once(context, look_for_new_calls(context.instance, platform))

    @dg.schedule(
        name="call_history_reread",
        job=jobs["call_history_reread"],
        cron_schedule=[*within(3600), f"0 {NIGHTLY_REREAD_HOUR} * * *"],
        execution_timezone=settings.timezone,
        default_status=running_with_telephony,
        description=(
            "Телефония: Загрузка истории звонков (повторное чтение).\n\n"
            "Reads the last 24 hours again, at 03:00 the last 7 days: late recordings, changed, merged and removed "
            "calls.\n\n"
            "Off: changes the server makes to calls already loaded stay unseen."
        ),
    )
    @told_plainly
    def call_history_reread(context: dg.ScheduleEvaluationContext, platform: dg.ResourceParam[Platform]) -> Answer:
        local = context.scheduled_execution_time.astimezone(settings.zone)
        days = NIGHTLY_REREAD_DAYS if local.hour == NIGHTLY_REREAD_HOUR else REREAD_DAYS
        return _each_once(context, look_for_days_to_reread(context.instance, platform, local.date(), days))

    @dg.schedule(
        name="contact_owners_5_days",
        job=jobs["contact_owners_5_days"],
        cron_schedule=within(hours.contact_owners_seconds),
        execution_timezone=settings.timezone,
        default_status=running_with_telephony,
        description=(
            "Телефония: Обновление контактных данных (оперативно).\n\n"
            f"Takes in changed contacts and fills the owners of the last {FEW_DAYS} days' calls.\n\n"
            "Off: calls keep the owners they were loaded with; changed contacts are not seen."
        ),
    )
    @told_plainly
    def contact_owners_5_days(context: dg.ScheduleEvaluationContext, platform: dg.ResourceParam[Platform]) -> Answer:
        today = context.scheduled_execution_time.astimezone(settings.zone).date()
        return look_for_waiting_calls(platform, _first_day(settings, today, FEW_DAYS), today)

    @dg.schedule(
        name="contact_owners_3_months",
        job=jobs["contact_owners_3_months"],
        cron_schedule="0 20 * * 6",
        execution_timezone=settings.timezone,
        default_status=running_with_telephony,
        description=(
            "Телефония: Обновление контактных данных.\n\n"
            "Saturday 20:00: fills the owners of three months' calls, day by day. A missed run is not made up for "
            "inside working hours.\n\n"
            "Off: calls older than five days keep the owners they have."
        ),
    )
    @told_plainly
    def contact_owners_3_months(context: dg.ScheduleEvaluationContext, platform: dg.ResourceParam[Platform]) -> Answer:
        planned_at = context.scheduled_execution_time
        now = datetime.now(settings.zone)
        if now - planned_at > LATE_AFTER and is_within(now, *window, settings.timezone):
            return dg.SkipReason(
                f"The run planned for {planned_at:%A %d %B %H:%M} was missed. It reads three months and so never "
                "starts inside working hours; launch it by hand in the evening, or wait for Saturday."
            )
        today = planned_at.astimezone(settings.zone).date()
        return look_for_stale_owners(platform, _first_day(settings, today, THREE_MONTHS_DAYS), today)

    @dg.schedule(
        name="routing_table_update",
        job=jobs["routing_table_update"],
        cron_schedule=within(hours.routing_table_seconds),
        execution_timezone=settings.timezone,
        default_status=running_with_telephony,
        description=(
            "Телефония: Обновление таблицы маршрутизации.\n\n"
            "Takes changed calls and clients into the routing table and publishes it; with nothing changed, verifies "
            "the one that answers.\n\n"
            "Off: the table goes stale, and answers say so; calls go on being loaded and wait."
        ),
    )
    @told_plainly
    def routing_table_update(context: dg.ScheduleEvaluationContext, platform: dg.ResourceParam[Platform]) -> Answer:
        return look_for_changed_clients(context.instance, platform)

    @dg.schedule(
        name="nightly_quality",
        job=jobs["nightly_quality"],
        cron_schedule="30 3 * * *",
        execution_timezone=settings.timezone,
        default_status=running_with_telephony,
        description=(
            "Ночная проверка полноты истории, маршрутизации и событий.\n\n"
            f"03:30: looks for holes in the history of the last {AUDITED_DAYS} days and fills them, checks their "
            "recordings; replays yesterday's calls and keeps how often the ranking named whoever took them; compares "
            "yesterday's history with its events.\n\n"
            "Off: nobody notices when calls or events are lost, recordings are missing, or the ranking grows worse "
            "than simply asking for whoever talked last."
        ),
    )
    @told_plainly
    def nightly_quality(context: dg.ScheduleEvaluationContext, platform: dg.ResourceParam[Platform]) -> Answer:
        today = context.scheduled_execution_time.astimezone(settings.zone).date()
        yesterday = max(today - timedelta(days=1), settings.history_start_on)
        first_audited_day = _first_day(settings, yesterday, AUDITED_DAYS)
        return _each_once(context, look_for_calls_to_check(platform, yesterday, first_audited_day))

    housekeeping = dg.ScheduleDefinition(
        name="housekeeping",
        job=jobs["housekeeping"],
        cron_schedule="30 4 * * *",
        execution_timezone=settings.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=(
            "Обслуживание: удаление старых журналов.\n\n"
            "04:30: trims Dagster's event log and our own old rows, closes runs whose process is gone.\n\n"
            "Off: the databases grow."
        ),
    )
    usage_metrics = dg.ScheduleDefinition(
        name="usage_metrics",
        job=jobs["usage_report"],
        cron_schedule="0 20 * * 0",
        execution_timezone=settings.timezone,
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description=(
            "Телефония: Отправка метрики разработчикам.\n\n"
            "Sunday 20:00: builds the usage report and sends it, where usage.enabled says so and DO_NOT_TRACK is not "
            "set.\n\n"
            "Off: nothing is told to anybody. Materialise usage_metrics to see what would be."
        ),
    )
    return [
        call_history_load,
        call_history_reread,
        contact_owners_5_days,
        contact_owners_3_months,
        routing_table_update,
        nightly_quality,
        housekeeping,
        usage_metrics,
    ]


def _each_once(context: dg.ScheduleEvaluationContext, answer: Answer) -> Answer:
    """Name each request of a tick, as Dagster insists on where there are several."""
    if isinstance(answer, dg.SkipReason) or len(answer) == 1:
        return answer
    tick = context.scheduled_execution_time.isoformat()
    return [request.with_replaced_attrs(run_key=f"{tick} {number}") for number, request in enumerate(answer)]


def look_for_new_calls(instance: DagsterInstance, platform: Platform) -> Answer:
    """Ask each server for its newest row; one run for each that has news and is not being loaded already.

    Raises:
        SourceError: a server could not be asked and none of the others has news.
    """
    requests: list[dg.RunRequest] = []
    seen: list[str] = []
    failure: SourceError | None = None
    for name, server in platform.telephony.items():
        if is_at_work(instance, platform, _runs_of(name), lock_of(name)):
            seen.append(f"{name}: the load before this one is still running")
            continue
        with platform.warehouse.transaction() as connection:
            cursor = stored_cursor(connection, name)
        source = server.open()
        try:
            look = source.look(cursor)
        except SourceError as error:
            failure = error
            continue
        finally:
            source.close()
        seen.append(f"{name}: {look.seen}")
        if look.has_news or look.is_reset:
            requests.append(_load_request("load_new_legs", name, {}))
    if failure and not requests:
        raise failure
    return requests or dg.SkipReason("; ".join(seen) or "No telephony server is configured.")


def look_for_days_to_reread(instance: DagsterInstance, platform: Platform, today: date, days: int) -> Answer:
    """One run for each server of which we hold calls of these days; days without calls have nothing to change."""
    first_day = today - timedelta(days=days - 1)
    requests: list[dg.RunRequest] = []
    seen: list[str] = []
    for name in platform.telephony:
        with platform.warehouse.transaction() as connection:
            held = connection.execute(
                select(func.count())
                .select_from(call_legs)
                .where(call_legs.c.pbx_id == name, call_legs.c.call_day.between(first_day, today))
            ).scalar_one()
        if not held:
            seen.append(f"{name}: no call from {first_day} to {today} is stored, so none can have changed")
        elif is_at_work(instance, platform, _runs_of(name), lock_of(name)):
            seen.append(f"{name}: another load is still running")
        else:
            config = {"first_day": first_day.isoformat(), "last_day": today.isoformat()}
            requests.append(_load_request("reread_legs", name, config))
    return requests or dg.SkipReason("; ".join(seen) or "No telephony server is configured.")


def look_for_waiting_calls(platform: Platform, first_day: date, last_day: date) -> Answer:
    """One run over the days if contacts changed, or a call waits for an owner or for another one.

    What decides about calls is told by queues, so nothing else is read.
    """
    has_news = _contacts_changed(platform)
    with platform.warehouse.transaction() as connection:
        calls, waiting = count_waiting_calls(connection, first_day, last_day, platform.number_rules)
        is_undecided = connection.execute(select(exists().select_from(numbers_to_decide))).scalar_one()
    if waiting or is_undecided or has_news:
        return _days(first_day, last_day)
    return dg.SkipReason(
        f"{calls} calls from {first_day} to {last_day}: all looked up, none waits for another owner, and no contact "
        "source changed."
    )


def look_for_stale_owners(platform: Platform, first_day: date, last_day: date) -> Answer:
    """One run over the days if contacts changed, or any call bears another owner than the tables say.

    All calls of the days are compared, whatever the queues say.
    """
    has_news = _contacts_changed(platform)
    with platform.warehouse.transaction() as connection:
        calls, stale = count_stale_owners(connection, first_day, last_day, platform.number_rules)
    if stale or has_news:
        return _days(first_day, last_day)
    return dg.SkipReason(
        f"Compared {calls} calls from {first_day} to {last_day}: every owner is up to date, and no contact source "
        "changed."
    )


def look_for_calls_to_check(platform: Platform, day: date, first_audited_day: date) -> Answer:
    """One run for what can be checked of a day, two that audit the last days, and one for all asset checks.

    The ranking is checked by calls that are evidence, events where they were kept, the history where it has calls.
    """
    evidence, legs = tracked_interactions.c, call_legs.c
    with platform.warehouse.transaction() as connection:

        def is_there(condition: ColumnElement[bool]) -> bool:
            return bool(connection.execute(select(condition)).scalar_one())

        has = {
            "routing_backtest": is_there(exists().where(evidence.interaction_day == day, evidence.kind == "call")),
            "call_events_reconciliation": is_there(
                exists(select(event_listeners)) | exists(select(call_events.c.event_id))
            ),
        }
        is_audited = bool(platform.telephony) and is_there(
            exists().where(legs.call_day.between(first_audited_day, day))
        )
    # A run each: a disk of recordings that is not there keeps no hole in the history from being filled.
    audits = [request for asset in AUDIT_ASSETS for request in _days(first_audited_day, day, [asset])]
    requests = audits if is_audited else []
    if assets := [name for name, is_known in has.items() if is_known]:
        requests += _days(day, day, assets)
    if requests:
        # Last: what the others found is checked, too. Jobs that follow a cursor run no checks of their own.
        requests.append(dg.RunRequest(asset_selection=[], asset_check_keys=CHECKS))
    return requests or dg.SkipReason(
        f"No call from {first_audited_day} to {day} is stored or is evidence, and no events of calls are kept: nothing "
        "to check."
    )


def _contacts_changed(platform: Platform) -> bool:
    """Ask the sources that can tell cheaply; the others have their turn with any run, and with `contact_changes`."""
    return any(source.look(platform.warehouse).has_news for source in platform.contacts if source.is_cheap)


def _days(first_day: date, last_day: date, assets: Sequence[str] = ()) -> list[dg.RunRequest]:
    return [
        dg.RunRequest(
            asset_selection=[dg.AssetKey(name) for name in assets] or None,
            tags={
                ASSET_PARTITION_RANGE_START_TAG: first_day.isoformat(),
                ASSET_PARTITION_RANGE_END_TAG: last_day.isoformat(),
            },
        )
    ]


def look_for_changed_clients(instance: DagsterInstance, platform: Platform) -> Answer:
    """One run if anything waits to be taken in or to go live, and no update is running; else verify what is live."""
    runs = RunsFilter(job_name="routing_table_update", statuses=UNFINISHED)
    if is_at_work(instance, platform, runs, ROUTING_LOCK):
        return dg.SkipReason("The update before this one is still running.")
    live = look(platform.warehouse)
    if pending_work(platform.warehouse, platform.routing_rules, platform.business_zone) or live.has_news:
        return [dg.RunRequest()]
    mark_verified(platform.warehouse)
    version = verify(platform.warehouse, platform.publication_rules, platform.answer_policy)
    if version is None:
        return dg.SkipReason("No call was loaded yet.")
    instance.report_runless_asset_event(
        dg.AssetObservation("published_routing", metadata={"live version": version, "decision": "verified"})
    )
    said = f"Nothing changed since the last update. Version {version} answers and is verified"
    if live.held_since:
        return dg.SkipReason(f"{said}; it is held since {live.held_since:%Y-%m-%d %H:%M %Z}: switchboard release.")
    if live.stopped_reason:
        return dg.SkipReason(f"{said}. Version {live.newest} waits for approval: {live.stopped_reason}")
    return dg.SkipReason(f"{said}.")


def _load_request(op: str, source: str, config: Mapping[str, str]) -> dg.RunRequest:
    return dg.RunRequest(run_config={"ops": {op: {"config": {"source": source, **config}}}}, tags={SOURCE_TAG: source})


def _runs_of(source: str) -> RunsFilter:
    return RunsFilter(tags={SOURCE_TAG: source}, statuses=UNFINISHED)


def _first_day(settings: Settings, today: date, days: int) -> date:
    return max(settings.history_start_on, today - timedelta(days=days - 1))


def _running_if(configured: bool) -> dg.DefaultScheduleStatus:
    return dg.DefaultScheduleStatus.RUNNING if configured else dg.DefaultScheduleStatus.STOPPED
