"""When the schedules tick: a week, to the second, and the nights the clock changes."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._utils.schedules import schedule_execution_time_iterator

from pipelines.definitions import build_defs
from pipelines.settings import Settings

SOURCE: Any = {"office": {"kind": "mikopbx_rest", "url": "http://127.0.0.1:1", "api_key": "k"}}
MONDAY = datetime(2026, 11, 23)  # noqa: DTZ001 - made aware per zone below


def schedule(settings: Settings, name: str) -> dg.ScheduleDefinition:
    return build_defs(settings).get_repository_def().get_schedule_def(name)


def ticks_of_a_week(name: str, zone: str = "Europe/Moscow", monday: datetime = MONDAY) -> list[datetime]:
    """Return the schedule's ticks of the seven days from Monday 00:00, as local times."""
    definition = schedule(Settings(timezone=zone, sources=SOURCE), name)
    start = monday.replace(tzinfo=ZoneInfo(zone))
    end = start + timedelta(days=7)
    assert definition.execution_timezone == zone
    iterator = schedule_execution_time_iterator(start.timestamp(), definition.cron_schedule, zone, ascending=True)
    return [tick.astimezone(ZoneInfo(zone)) for tick in takewhile(lambda tick: tick < end, iterator)]


def every(minutes: int) -> list[str]:
    """Clock times from 08:00 to 21:00, both included."""
    return [f"{m // 60:02d}:{m % 60:02d}:00" for m in range(8 * 60, 21 * 60 + 1, minutes)]


@pytest.mark.parametrize(
    ("name", "clock_times"),
    [
        ("call_history_load", every(2)),
        ("call_history_reread", ["03:00:00", *every(60)]),
        ("contact_owners_5_days", every(15)),
        ("routing_table_update", every(15)),
        ("housekeeping", ["04:30:00"]),
    ],
)
def test_a_daily_schedule_ticks_at_these_times_and_no_others(name: str, clock_times: list[str]) -> None:
    """8:00 and 21:00 are included, to the second, on each of seven days."""
    ticks = ticks_of_a_week(name)
    assert Counter(tick.strftime("%H:%M:%S") for tick in ticks) == dict.fromkeys(clock_times, 7)
    assert {tick.date() for tick in ticks} == {MONDAY.date() + timedelta(days=day) for day in range(7)}


def test_the_three_months_are_filled_on_saturday_at_eight_in_the_evening_and_never_else() -> None:
    """Once a week."""
    [tick] = ticks_of_a_week("contact_owners_3_months")
    assert tick.strftime("%A %H:%M:%S") == "Saturday 20:00:00"


@pytest.mark.parametrize("monday", [datetime(2026, 3, 23), datetime(2026, 10, 19)])  # noqa: DTZ001
@pytest.mark.parametrize("name", ["call_history_load", "call_history_reread", "contact_owners_5_days"])
def test_the_window_keeps_to_the_wall_clock_when_summer_time_begins_or_ends(name: str, monday: datetime) -> None:
    """The Sunday of the change has as many ticks in its window as any other day."""
    ticks = ticks_of_a_week(name, "Europe/Berlin", monday)
    in_window = [tick for tick in ticks if tick.hour >= 8]
    per_day = Counter(tick.date() for tick in in_window)
    assert len(per_day) == 7
    assert len(set(per_day.values())) == 1
    assert {tick.strftime("%H:%M") for tick in in_window} >= {"08:00", "21:00"}


def test_another_interval_and_window_are_settings() -> None:
    """A small office may look every five minutes from nine to six."""
    settings = Settings.model_validate(
        {
            "sources": SOURCE,
            "schedules": {"call_history_load_seconds": 300, "window_start": "09:00", "window_end": "18:00"},
        }
    )
    assert schedule(settings, "call_history_load").cron_schedule == ["*/5 9-17 * * *", "0 18 * * *"]


@pytest.mark.parametrize(
    ("sources", "status"), [(SOURCE, dg.DefaultScheduleStatus.RUNNING), ({}, dg.DefaultScheduleStatus.STOPPED)]
)
def test_schedules_run_by_default_where_their_system_is_configured(
    sources: Any,  # noqa: ANN401
    status: dg.DefaultScheduleStatus,
) -> None:
    """Without a telephony server there is nothing to load; housekeeping always runs."""
    settings = Settings(sources=sources)
    assert schedule(settings, "call_history_load").default_status == status
    assert schedule(settings, "housekeeping").default_status == dg.DefaultScheduleStatus.RUNNING
