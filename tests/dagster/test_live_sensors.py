"""The sensors of live calls: they switch what runs beside Dagster, and say how it goes without a run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from dagster import AssetKey

from assets.platform import Platform
from pipelines.definitions import build_defs
from pipelines.live_sensors import tell_how_it_goes
from pipelines.settings import Settings
from pipelines.switches import reader
from resources.warehouse.statements import run
from tests.fix_gateway import execute
from tests.switches import AS_DECLARED, OFF, ON, switch, zone_of_daytime

OPEN: Any = {"window_start": "00:00", "window_end": "23:00"}
LONG_POLLING = {"kind": "long_polling", "url": "http://127.0.0.1:1", "login": "l", "secret": "s"}
SOURCE = {"kind": "mikopbx_rest", "url": "http://127.0.0.1:1", "api_key": "k"}


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


def settings_with(*channels: dict[str, Any], **more: Any) -> Settings:  # noqa: ANN401
    """Settings with a source `pbx0`, `pbx1`, ... for each event channel."""
    sources: Any = {f"pbx{number}": {**SOURCE, "event_channel": channel} for number, channel in enumerate(channels)}
    return Settings(sources=sources, **({"timezone": zone_of_daytime()} if "schedules" in more else {}) | more)


def tick(
    platform: Platform, instance: dg.DagsterInstance, settings: Settings, name: str, cursor: str | None = None
) -> tuple[str, str | None]:
    """Evaluate a sensor as the daemon does; return what it says and its cursor."""
    defs = build_defs(settings, platform)
    sensor = defs.get_repository_def().get_sensor_def(name)
    with dg.build_sensor_context(instance=instance, cursor=cursor, resources={"platform": platform}) as context:
        answer = sensor.evaluate_tick(context)
    assert not answer.run_requests
    return str(answer.skip_message), answer.cursor


def observations(instance: dg.DagsterInstance) -> list[dict[str, Any]]:
    """Return the metadata of the asset's observations, newest first."""
    records = instance.fetch_observations(AssetKey("call_events"), limit=100).records
    return [
        {name: value.value for name, value in record.asset_observation.metadata.items()}
        for record in records
        if record.asset_observation
    ]


def connect(platform: Platform, name: str = "pbx0") -> None:
    """Write down what a listener writes that just heard its server."""
    execute(
        platform.warehouse,
        "INSERT INTO event_listeners (pbx_id, channel, is_connected, connected_at, heard_at, events) VALUES "
        "(:name, 'long_polling', true, now(), now(), 7) ON CONFLICT (pbx_id) DO UPDATE SET is_connected = true, "
        "heard_at = now()",
        name=name,
    )


def test_call_events_says_which_sensor_switches_other_channels(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    """The job in 1C has one name; with a channel other than long_polling another sensor is its switch."""
    settings = settings_with({"kind": "polling"}, {"kind": "webhook"}, schedules=OPEN)
    words, _ = tick(platform, instance, settings, "call_events")
    assert words == (
        "No telephony server has the event channel long_polling; pbx0 (polling), pbx1 (webhook): switched by the "
        "sensor call_events_other."
    )
    statuses = {sensor.name: sensor.default_status.value for sensor in build_defs(settings).sensors or []}
    assert (statuses["call_events"], statuses["call_events_other"]) == ("STOPPED", "RUNNING")


def test_a_tick_tells_how_listening_stands_without_a_run(platform: Platform, instance: dg.DagsterInstance) -> None:
    """Alive, since when, how many events, the last error: as words of the tick and as an observation of the asset."""
    connect(platform)
    words, _ = tick(platform, instance, settings_with(LONG_POLLING, schedules=OPEN), "call_events")
    assert words.startswith("pbx0: listening since ")
    assert "7 events" in words
    [seen] = observations(instance)
    assert (seen["pbx0: alive"], seen["pbx0: events"], seen["pbx0: last error"]) == (True, 7, "")
    assert instance.get_runs() == []
    [check] = instance.event_log_storage.get_asset_check_execution_history(
        dg.AssetCheckKey(AssetKey("call_events"), "servers_not_heard"), limit=5
    )
    assert check.status.value == "SUCCEEDED"


def test_the_asset_is_told_once_a_minute_and_when_something_changes(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    """A tick comes every five seconds; the event log is not for all of them."""
    settings = settings_with(LONG_POLLING, schedules=OPEN)
    connect(platform)
    _, cursor = tick(platform, instance, settings, "call_events")
    _, cursor = tick(platform, instance, settings, "call_events", cursor)
    assert len(observations(instance)) == 1
    execute(
        platform.warehouse,
        "UPDATE event_listeners SET is_connected = false, last_error = 'the server closed the connection'",
    )
    words, cursor = tick(platform, instance, settings, "call_events", cursor)
    assert "the server closed the connection" in words
    [now, before] = observations(instance)
    assert (now["pbx0: alive"], before["pbx0: alive"]) == (False, True)
    with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
        later = datetime.now(UTC) + timedelta(seconds=61)
        tell_how_it_goes(context, platform, {"pbx0": "long_polling"}, later)
    assert len(observations(instance)) == 3


def test_a_listener_without_a_sign_of_life_is_not_taken_for_alive(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    """A killed listener cannot say that it is dead."""
    connect(platform)
    execute(platform.warehouse, "UPDATE event_listeners SET heard_at = now() - interval '21 seconds'")
    words, _ = tick(platform, instance, settings_with(LONG_POLLING, schedules=OPEN), "call_events")
    assert "the listener gives no sign of life" in words


@pytest.mark.parametrize(
    ("changed", "broken"),
    [
        ("is_connected = true", 0),
        ("heard_at = now() - interval '21 seconds'", 1),
        ("is_connected = false, last_error = 'refused', failed_at = now()", 1),
        ("is_connected = false, stopped_because = 'the sensor call_events is switched off'", 0),
        ("heard_at = now() - interval '25 hours'", 0),
    ],
)
def test_the_check_finds_servers_that_should_be_heard_and_are_not(
    platform: Platform, changed: str, broken: int
) -> None:
    """One that is off on purpose, or was taken out of the settings, is nothing to look at."""
    connect(platform)
    execute(platform.warehouse, f"UPDATE event_listeners SET {changed}")  # noqa: S608
    with platform.warehouse.transaction() as connection:
        assert len(run(connection, "assets.quality", "servers_not_heard").all()) == broken


def test_outside_the_window_the_tick_says_so(platform: Platform, instance: dg.DagsterInstance) -> None:
    """At the window's end the listener lets go; the sensor goes on ticking and tells why nothing happens."""
    hour = datetime.now(UTC).hour
    far: Any = {"window_start": f"{(hour + 12) % 22:02}:00", "window_end": f"{(hour + 12) % 22 + 1:02}:00"}
    settings = settings_with(LONG_POLLING, {"kind": "webhook"}, schedules=far, timezone="UTC")
    for name in ("call_events", "call_events_other", "contact_exchange"):
        words, _ = tick(platform, instance, settings, name)
        assert words.startswith("Outside the working window"), name
    states = reader(settings, instance)()
    assert {state.reason for state in states.values()} == {
        f"outside the working window {far['window_start']}-{far['window_end']}"
    }


def test_the_stored_state_counts_and_without_one_the_default(instance: dg.DagsterInstance) -> None:
    """Whoever clicked in the UI has the last word, whatever the settings made the default."""
    look = reader(settings_with(LONG_POLLING, schedules=OPEN), instance)
    assert {name: state.is_on for name, state in look().items()} == {
        "call_events": True,
        "call_events_other": False,
        "contact_exchange": True,
    }
    switch(instance, "call_events", OFF)
    switch(instance, "call_events_other", ON)
    states = look()
    assert (states["call_events"].is_on, states["call_events_other"].is_on) == (False, True)
    assert states["call_events"].reason == "the sensor call_events is switched off"
    switch(instance, "call_events", AS_DECLARED)
    assert look()["call_events"].is_on


def test_a_switch_that_switches_nothing_gives_no_reason(instance: dg.DagsterInstance) -> None:
    """Employees are told why no card opens; that a switch without a server is off is not why."""
    switch(instance, "call_events", OFF)
    states = reader(settings_with(LONG_POLLING, schedules=OPEN), instance)()
    assert [states[name].reason for name in ("call_events", "call_events_other")] == [
        "the sensor call_events is switched off",
        "",
    ]


@pytest.mark.parametrize(
    ("clock", "is_on"), [("07:59:59", False), ("08:00:00", True), ("21:00:00", True), ("21:00:01", False)]
)
def test_the_listener_is_on_in_the_window_only(instance: dg.DagsterInstance, clock: str, is_on: bool) -> None:
    """8 to 21 in the business zone, both ends included; after it maintenance has its time."""
    now = datetime.fromisoformat(f"2026-11-24T{clock}+03:00")
    look = reader(settings_with(LONG_POLLING), instance, now=lambda: now)
    assert look()["call_events"].is_on is is_on


def test_the_switches_are_read_at_once(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    """The listener looks every second: a connection for each switch would be most of what an idle instance costs."""
    opened: list[None] = []
    storage: Any = instance.schedule_storage
    connect = storage.connect

    def counted() -> Any:  # noqa: ANN401
        opened.append(None)
        return connect()

    look = reader(settings_with(LONG_POLLING, schedules=OPEN), instance)
    monkeypatch.setattr(storage, "connect", counted)
    assert len(look()) == 3
    assert len(opened) == 1
