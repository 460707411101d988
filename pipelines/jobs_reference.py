"""The head of each job's page, made from the code: `python -m pipelines.jobs_reference` rewrites them in `docs/jobs`.

A job is what people switch in the UI: a schedule or a sensor. Below the mark a page is written by hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Any

import dagster as dg

from pipelines.definitions import build_defs
from pipelines.settings import Settings
from pipelines.settings_reference import SECTIONS, meanings
from pipelines.ui import SHOWN

FOLDER = Path(__file__).parents[1] / "docs" / "jobs"
MARK = "<!-- Above: python -m pipelines.jobs_reference -->\n"

ORDER = (
    "call_history_load",
    "call_history_reread",
    "contact_changes",
    "contact_owners_5_days",
    "contact_owners_3_months",
    "routing_table_update",
    "call_events",
    "call_events_other",
    "contact_exchange",
    "messenger_sync",
    "messenger_media",
    "nightly_quality",
    "usage_metrics",
    "housekeeping",
)
"""As the work goes: history, owners, routing, live calls, messages, what looks after it all."""

_WINDOW = ("schedules.window_start", "schedules.window_end")
SETTINGS = {
    "call_history_load": ("schedules.call_history_load_seconds", *_WINDOW),
    "call_history_reread": _WINDOW,
    "contact_changes": (
        "schedules.contact_changes_seconds",
        "schedules.full_comparison_seconds",
        "matching.relink_days",
        "contacts.largest_loss",
        *_WINDOW,
    ),
    "contact_owners_5_days": ("schedules.contact_owners_seconds", *_WINDOW),
    "contact_owners_3_months": _WINDOW,
    "routing_table_update": (
        "schedules.routing_table_seconds",
        "publication.largest_change",
        "publication.guarded_from",
        "publication.holds_if_worse",
        "publication.stale_after_seconds",
        *_WINDOW,
    ),
    "call_events": ("schedules.call_events_seconds", "retention.call_event_days", *_WINDOW),
    "call_events_other": ("schedules.call_events_seconds", "retention.call_event_days", *_WINDOW),
    "contact_exchange": _WINDOW,
    "messenger_sync": (
        "schedules.messenger_sync_seconds",
        "messenger.sends_at_once",
        "retention.webhook_days",
        *_WINDOW,
    ),
    "messenger_media": ("schedules.messenger_media_seconds", "retention.media_days"),
    "nightly_quality": ("publication.holds_if_worse",),
    "usage_metrics": ("usage.enabled", "usage.collector_url", "usage.token", "retention.usage_report_days"),
    "housekeeping": tuple(f"retention.{name}" for name in SECTIONS["retention"].model_fields),
}
"""What changes when a job looks and what it does, besides the systems it talks to."""

SENSORS_TICK_SECONDS = 5
"""Dagster looks after its sensors so often and not more often."""

_CONFIGURED: dict[str, Any] = {
    "sources": {
        "office": {
            "kind": "asterisk_csv",
            "path": "a",
            "event_channel": {"kind": "long_polling", "url": "http://a", "login": "a", "secret": "a"},
        },
        "branch": {"kind": "asterisk_csv", "path": "b", "event_channel": {"kind": "webhook"}},
    },
    "contacts": {"contacts_csv": "contacts.csv"},
    "messengers": {
        "sales": dict.fromkeys(("phone_number_id", "waba_id", "token", "app_secret", "verify_token"), "1")
        | {"kind": "whatsapp"}
    },
}
_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


@dataclass(frozen=True)
class Job:
    """What the code says of a schedule or a sensor.

    Attributes:
        name: of the switch.
        kind: schedule or sensor.
        does: what it does, in a sentence or more.
        off: what stops when it is off.
        russian: its name in 1C, or the Russian one we gave it.
        when: in words.
        crons: of a schedule, as Dagster has them.
        on: when it is on without anybody having chosen.
        run: the job whose runs it launches; '' where its ticks launch none.
        assets: which it brings up to date.
    """

    name: str
    kind: str
    does: str
    off: str
    russian: str
    when: str
    crons: tuple[str, ...]
    on: str
    run: str
    assets: tuple[str, ...]


def read_jobs() -> list[Job]:
    """Return every schedule and sensor, in the order of the work."""
    plain, configured = (_switches(Settings.model_construct(**given)) for given in ({}, _checked(_CONFIGURED)))
    return [_job(plain[name], configured[name]) for name in sorted(configured, key=ORDER.index)]


def head(job: Job) -> str:
    """Return what stands above the mark on the page of a job."""
    rows = [
        (job.kind, f"`{job.name}`"),
        ("Russian", job.russian),
        ("does", job.does),
        ("off", job.off),
        ("when", job.when + (f" ({' and '.join(f'`{cron}`' for cron in job.crons)})" if job.crons else "")),
        ("switched on", job.on),
        ("run", f"job `{job.run}`" if job.run else "none: the tick does it, or only looks"),
        ("assets", ", ".join(f"`{asset}`" for asset in job.assets) or "none"),
        ("settings", "<br>".join(_setting(name) for name in SETTINGS[job.name])),
    ]
    first, *others = (f"| {name} | {value} |" for name, value in rows)
    return "\n".join([f"# {job.name}", "", first, "|---|---|", *others, "", MARK])


def table(jobs: Sequence[Job]) -> str:
    """Return what stands above the mark on the page of all jobs."""
    return "\n".join(
        [
            "# Jobs",
            "",
            "| schedule or sensor | Russian | when | off |",
            "|---|---|---|---|",
            *(f"| [{job.name}]({job.name}.md) | {job.russian} | {job.when} | {job.off} |" for job in jobs),
            "",
            MARK,
        ]
    )


def pages(jobs: Sequence[Job]) -> Iterator[tuple[Path, str]]:
    """Yield each page with what stands above its mark."""
    yield FOLDER / "index.md", table(jobs)
    for job in jobs:
        yield FOLDER / f"{job.name}.md", head(job)


def _checked(given: dict[str, Any]) -> dict[str, Any]:
    """Return the sections as the settings have them, whatever stands in the environment."""
    return {name: getattr(Settings(**given), name) for name in given}


def _switches(settings: Settings) -> dict[str, dg.ScheduleDefinition | dg.SensorDefinition]:
    repository = build_defs(settings).get_repository_def()
    switches: list[dg.ScheduleDefinition | dg.SensorDefinition] = [*repository.schedule_defs, *repository.sensor_defs]
    return {one.name: one for one in switches}


def _job(plain: dg.ScheduleDefinition | dg.SensorDefinition, one: dg.ScheduleDefinition | dg.SensorDefinition) -> Job:
    russian, *does, off, _page = (one.description or "").split("\n\n")
    off = off.removeprefix("Off: ")
    crons: tuple[str, ...] = ()
    if isinstance(one, dg.ScheduleDefinition):
        given = one.cron_schedule
        crons = (given,) if isinstance(given, str) else tuple(given)
        when, run = "; ".join(in_words(crons)), one.job_name
    else:
        seconds = one.minimum_interval_seconds or SENSORS_TICK_SECONDS
        when = f"every {max(seconds, SENSORS_TICK_SECONDS)} s"
        if set(_WINDOW) <= set(SETTINGS[one.name]):
            default = SECTIONS["schedules"]()
            when = f"{default.window_start.hour}–{default.window_end.hour}, {when}"  # type: ignore[attr-defined]
        run = (one.job_name or "") if one.targets else ""
    is_on, is_on_plain = (each.default_status.value == "RUNNING" for each in (one, plain))
    return Job(
        name=one.name,
        kind="schedule" if crons else "sensor",
        does=" ".join(does).replace("\n", " "),
        off=off[0].upper() + off[1:].replace("\n", " "),
        russian=russian.rstrip("."),
        when=when,
        crons=crons,
        on="always" if is_on_plain else "where its system is configured" if is_on else "by hand only",
        run=run,
        assets=tuple(asset for asset, shown in SHOWN.items() if one.name in shown.refreshed_by),
    )


def in_words(crons: Sequence[str]) -> Iterator[str]:
    """Yield when these crons tick; those of a working window are two, and told as one."""
    told = set()
    for cron in crons:
        minute, hour, _, _, weekday = cron.split()
        if "-" in hour:
            first, last = map(int, hour.split("-"))
            told.add(str(last + 1))
            interval = "each hour" if minute == "0" else f"every {minute.removeprefix('*/')} min"
            yield f"{first}–{last + 1}, {interval}"
        elif minute != "0" or hour not in told:
            day = "" if weekday == "*" else f"{_DAYS[int(weekday)]} "
            yield f"{day}{int(hour):02}:{int(minute):02}"


def _setting(name: str) -> str:
    section, _, key = name.rpartition(".")
    default = SECTIONS[section].model_fields[key].default
    value = f" ({default:%H:%M})" if isinstance(default, time) else f" ({default})" if default not in (None, "") else ""
    return f"`{name}`{value}: {meanings(SECTIONS[section])[key]}"


def main() -> None:
    """Rewrite what stands above the marks."""
    FOLDER.mkdir(exist_ok=True)
    for file, top in pages(read_jobs()):
        _, _, below = (file.read_text("utf-8") if file.exists() else "").partition(MARK)
        file.write_text(top + below, "utf-8")


if __name__ == "__main__":
    main()
