"""Sensors of the messengers: `messenger_sync` sends within its tick, `messenger_media` has files fetched by runs."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
from sqlalchemy.exc import OperationalError

from assets.failures import told_plainly
from assets.messenger.evidence import DOCUMENT, gather_evidence
from assets.messenger.media import LOCK, count_due
from assets.messenger.report import SyncReport, report_sync
from assets.messenger.work import SWITCH, send_due, take_in
from assets.platform import Platform
from pipelines.housekeeping import UNFINISHED
from pipelines.looks import is_at_work
from pipelines.settings import Settings
from pipelines.windows import is_within

MEDIA = "messenger_media"
LATE_ABOVE_SECONDS = 60
"""Above it clients wait noticeably (MIKO recommends no more)."""

TICK_SECONDS = 10.0
"""For so long a tick takes messages in hand; Dagster ends one that takes a minute."""

REPORTED_EVERY = timedelta(minutes=5)
REPAIRED_EVERY = timedelta(hours=1)

Answer = list[dg.RunRequest] | dg.SkipReason


def make_messenger_sensors(settings: Settings, jobs: dict[str, Any]) -> list[dg.SensorDefinition]:
    """Return the sensors of the messengers."""
    hours = settings.schedules
    window = hours.window_start, hours.window_end
    is_configured = dg.DefaultSensorStatus.RUNNING if settings.messengers else dg.DefaultSensorStatus.STOPPED
    warning = lateness(hours.messenger_sync_seconds)

    @dg.sensor(
        name=SWITCH,
        minimum_interval_seconds=hours.messenger_sync_seconds,
        default_status=is_configured,
        description=(
            "Мессенджер: Синхронизация сообщений.\n\n"
            "Sends what waits in the outbox, within its tick and without a run, and finds out what became of messages "
            "whose answer was lost. What clients write comes by webhook at any hour; here only what was left over is "
            "taken in.\n\n"
            "Off: nothing is sent, and everything is kept." + (f"\n\n{warning}" if warning else "")
        ),
    )
    @told_plainly
    def messenger_sync(context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]) -> dg.SkipReason:
        if not platform.messengers.accounts:
            return dg.SkipReason("No messenger is in the settings.")
        return synchronise(
            context,
            platform,
            is_open=is_within(datetime.now(UTC), *window, settings.timezone),
            closed_words=f"Outside the working window {window[0]:%H:%M}-{window[1]:%H:%M}: nothing is sent.",
            warning=warning,
        )

    @dg.sensor(
        name=MEDIA,
        job=jobs[MEDIA],
        minimum_interval_seconds=hours.messenger_media_seconds,
        default_status=is_configured,
        description=(
            "Мессенджер: Загрузка файлов.\n\n"
            "Has the files of messages fetched, at any hour: providers keep them for some days only.\n\n"
            "Off: files are shown as waiting, and are gone after those days."
        ),
    )
    @told_plainly
    def messenger_media(context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]) -> Answer:
        due = count_due(platform.warehouse, list(platform.messengers.accounts))
        if not due:
            return dg.SkipReason("No file waits to be fetched.")
        unfinished = dg.RunsFilter(job_name=MEDIA, statuses=UNFINISHED)
        if is_at_work(context.instance, platform, unfinished, LOCK):
            return dg.SkipReason(f"{due} files wait; the job is at work.")
        return [dg.RunRequest()]

    return [messenger_sync, messenger_media]


def lateness(interval_seconds: int) -> str:
    """Return a warning where messages are sent too seldom; '' where not."""
    if interval_seconds <= LATE_ABOVE_SECONDS:
        return ""
    return (
        f"Warning: messages are sent every {interval_seconds} s only; clients notice what is above "
        f"{LATE_ABOVE_SECONDS} s. Lower schedules.messenger_sync_seconds."
    )


def synchronise(
    context: dg.SensorEvaluationContext, platform: Platform, *, is_open: bool, closed_words: str, warning: str
) -> dg.SkipReason:
    """Take in what was left over, send what is due, and say so; where something moved also to the assets.

    Args:
        context: of the tick.
        platform: the messengers and the warehouse.
        is_open: whether this is the working window.
        closed_words: what is said where it is not.
        warning: what is wrong with the settings; '' where nothing is.
    """
    now, until = datetime.now(UTC), time.monotonic() + TICK_SECONDS
    told = json.loads(context.cursor or "{}")
    repairs = is_open and _is_past(told.get("repaired_at"), REPAIRED_EVERY, now)

    def is_over() -> bool:
        return time.monotonic() > until

    try:
        taken = take_in(platform.warehouse, platform.messengers, is_over)
        rounds = send_due(platform.warehouse, platform.messengers, is_over, repairs=repairs) if is_open else {}
        report = report_sync(platform.warehouse, taken, rounds)
        if any(tracked.document == DOCUMENT for tracked in platform.routing_rules.documents):
            since = told.get("evidence_at")
            gather_evidence(
                platform.warehouse, platform.business_zone, datetime.fromisoformat(since) if since else None
            )
            told["evidence_at"] = now.isoformat()
    except OperationalError as error:
        return dg.SkipReason(f"The warehouse cannot be asked ({type(error.orig).__name__}); everything waits.")
    troubles = [*([warning] if warning else []), *report.troubles]
    if report.moved or troubles != told.get("troubles") or _is_past(told.get("told_at"), REPORTED_EVERY, now):
        _tell_assets(context.instance, report, troubles)
        told |= {"told_at": now.isoformat(), "troubles": troubles}
    if repairs:
        told["repaired_at"] = now.isoformat()
    context.update_cursor(json.dumps(told))
    words = report.words if is_open else f"{closed_words} {report.words}"
    return dg.SkipReason(f"{words} {warning}".rstrip())


def _is_past(then: str | None, interval: timedelta, now: datetime) -> bool:
    return then is None or now - datetime.fromisoformat(then) >= interval


def _tell_assets(instance: dg.DagsterInstance, report: SyncReport, troubles: list[str]) -> None:
    instance.report_runless_asset_event(dg.AssetObservation("messages", metadata=report.figures))
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey("messages"),
            check_name="messages_held_up",
            passed=not troubles,
            severity=dg.AssetCheckSeverity.WARN,
            description=" ".join(troubles) or "Messages are sent as they are due.",
            metadata=report.figures,
        )
    )
