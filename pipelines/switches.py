"""The sensors that switch what runs outside Dagster, and how their state is read there.

Dagster keeps what somebody chose in the UI; where nobody chose, the sensor's default status counts. A switch that is on
acts in the working window only.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from sqlalchemy import select

from assets.live.listener import Switch
from assets.messenger.work import SWITCH as MESSENGER_SYNC
from pipelines.event_settings import LongPollingSettings
from pipelines.settings import Settings
from pipelines.windows import is_within

if TYPE_CHECKING:
    from dagster import DagsterInstance
    from dagster._core.scheduler.instigation import InstigatorState

CALL_EVENTS = "call_events"
CALL_EVENTS_OTHER = "call_events_other"
CONTACT_EXCHANGE = "contact_exchange"

_REPOSITORY = "__repository__"
_WORKSPACE = Path(__file__).parents[1] / "workspace.yaml"


def channels_by_switch(settings: Settings) -> dict[str, dict[str, str]]:
    """Return for both switches of events the sources they switch, each with the kind of its event channel."""
    channels: dict[str, dict[str, str]] = {CALL_EVENTS: {}, CALL_EVENTS_OTHER: {}}
    for name, source in settings.sources.items():
        if source.event_channel is not None:
            switch = CALL_EVENTS if isinstance(source.event_channel, LongPollingSettings) else CALL_EVENTS_OTHER
            channels[switch][name] = source.event_channel.kind
    return channels


def defaults(settings: Settings) -> dict[str, bool]:
    """Return for each switch whether it is on where nobody chose: where something is configured that it switches."""
    states = {name: bool(sources) for name, sources in channels_by_switch(settings).items()} | {CONTACT_EXCHANGE: True}
    return states | ({MESSENGER_SYNC: True} if settings.messengers else {})


def reader(
    settings: Settings, instance: DagsterInstance, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Callable[[], dict[str, Switch]]:
    """Return a function that tells how the switches stand at this moment; it asks Dagster's storage.

    A switch of events by which no source is switched is off without a reason.
    """
    from dagster._core.definitions.selector import InstigatorSelector
    from dagster._core.scheduler.instigation import InstigatorStatus

    location = yaml.safe_load(_WORKSPACE.read_text("utf-8"))["load_from"][0]["python_module"]["location_name"]
    default, channels = defaults(settings), channels_by_switch(settings)
    selectors = {
        name: InstigatorSelector(location_name=location, repository_name=_REPOSITORY, name=name).get_id()
        for name in default
    }
    hours = settings.schedules

    def look() -> dict[str, Switch]:
        is_open = is_within(now(), hours.window_start, hours.window_end, settings.timezone)
        states = {}
        chosen = _chosen(instance, selectors.values())
        for name, selector in selectors.items():
            kept = chosen.get(selector)
            if kept is None or kept.status is InstigatorStatus.DECLARED_IN_CODE:
                is_on = default[name]
            else:
                is_on = kept.status is InstigatorStatus.RUNNING
            if not is_on:
                switches_something = channels.get(name, True)
                states[name] = Switch(False, f"the sensor {name} is switched off" if switches_something else "")
            elif not is_open:
                window = f"{hours.window_start:%H:%M}-{hours.window_end:%H:%M}"
                states[name] = Switch(False, f"outside the working window {window}")
            else:
                states[name] = Switch(True, "on")
        return states

    return look


def _chosen(instance: DagsterInstance, selectors: Collection[str]) -> dict[str, InstigatorState]:
    """Return what was chosen in the UI, by selector: one query on one connection, as it is asked every second.

    Dagster has no public call for it, and its own one opens three connections for each sensor and lists all tables to
    see whether this one is there: on an idle instance that was a third of PostgreSQL's work. Its version is pinned.
    """
    from dagster._core.scheduler.instigation import InstigatorState
    from dagster._core.storage.schedules.schema import InstigatorsTable
    from dagster._core.storage.schedules.sql_schedule_storage import SqlScheduleStorage
    from dagster._serdes import deserialize_value

    storage = instance.schedule_storage
    assert isinstance(storage, SqlScheduleStorage)
    kept = InstigatorsTable.c
    with storage.connect() as connection:
        rows = connection.execute(
            select(kept.selector_id, kept.instigator_body).where(kept.selector_id.in_(selectors))
        ).all()
    return {row.selector_id: deserialize_value(row.instigator_body, InstigatorState) for row in rows}
