"""The messengers' sensors: `messenger_sync` works within its tick and reports, off keeps everything, late is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import dagster as dg
import pytest

from assets.platform import Platform
from pipelines.definitions import build_defs
from pipelines.settings import Settings
from pipelines.switches import reader
from tests.fix_messenger import ACCOUNT, MessengerBench
from tests.switches import OFF, ON, switch, zone_of_daytime

IVANOV = "+79161234567"
OPEN: Any = {"window_start": "00:00", "window_end": "23:00"}
WHATSAPP: Any = {
    "kind": "whatsapp",
    "phone_number_id": "1",
    "waba_id": "2",
    "token": "t",
    "app_secret": "s",
    "verify_token": "v",
}


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


def settings_with(**schedules: Any) -> Settings:  # noqa: ANN401
    """Settings with an account, open all day unless said otherwise."""
    return Settings(messengers={ACCOUNT: WHATSAPP}, schedules=OPEN | schedules, timezone=zone_of_daytime())


def tick(
    bench: MessengerBench,
    instance: dg.DagsterInstance,
    settings: Settings | None = None,
    *,
    name: str = "messenger_sync",
    cursor: str | None = None,
) -> Any:  # noqa: ANN401
    """Evaluate a sensor as the daemon does."""
    platform = Platform(warehouse=bench.warehouse, messengers=bench.messengers)
    sensor = build_defs(settings or settings_with(), platform).get_repository_def().get_sensor_def(name)
    with dg.build_sensor_context(instance=instance, cursor=cursor, resources={"platform": platform}) as context:
        return sensor.evaluate_tick(context)


def observations(instance: dg.DagsterInstance) -> list[dict[str, Any]]:
    """Return the metadata of the asset's observations, newest first."""
    records = instance.fetch_observations(dg.AssetKey("messages"), limit=100).records
    return [
        {name: value.value for name, value in record.asset_observation.metadata.items()}
        for record in records
        if record.asset_observation
    ]


def last_check(instance: dg.DagsterInstance) -> Any:  # noqa: ANN401
    """Return the latest evaluation of the check."""
    key = dg.AssetCheckKey(dg.AssetKey("messages"), "messages_held_up")
    [record] = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    assert record.event
    return record.event.dagster_event.event_specific_data  # type: ignore[union-attr]


def wrote(bench: MessengerBench) -> None:
    """Let somebody write to us."""
    bench.whatsapp.receive_text(IVANOV, "здравствуйте")
    bench.taken_in()


def test_a_tick_sends_what_waits_without_a_run_and_reports_one_event(
    messenger: MessengerBench, instance: dg.DagsterInstance
) -> None:
    """And takes in what was left over."""
    wrote(messenger)
    messenger.whatsapp.receive_text(IVANOV, "ещё одно")
    messenger.whatsapp.wait_until_told()
    messenger.write(IVANOV, "добрый день")
    answer = tick(messenger, instance)
    assert not answer.run_requests
    assert "Webhooks taken in: 1" in answer.skip_message
    assert "1 accepted" in answer.skip_message
    assert messenger.texts_sent() == ["добрый день"]
    [figures] = observations(instance)
    assert (figures["incoming"], figures["sent: accepted"], figures["outbox: waiting"]) == (1, 1, 0)
    assert last_check(instance).passed
    assert instance.get_runs_count() == 0


def test_a_tick_with_nothing_to_do_reports_nothing_new(messenger: MessengerBench, instance: dg.DagsterInstance) -> None:
    """Or the event log would grow by thousands a day."""
    first = tick(messenger, instance)
    tick(messenger, instance, cursor=first.cursor)
    assert len(observations(instance)) == 1


def test_outside_the_window_nothing_is_sent_and_everything_is_kept(
    messenger: MessengerBench, instance: dg.DagsterInstance
) -> None:
    """What comes is taken in at any hour."""
    wrote(messenger)
    outbox_id = messenger.write(IVANOV, "завтра")
    messenger.whatsapp.receive_text(IVANOV, "ночью")
    messenger.whatsapp.wait_until_told()
    # In the zone of these tests it is day.
    night = settings_with(window_start="23:00", window_end="23:00")
    answer = tick(messenger, instance, night)
    assert "Outside the working window" in answer.skip_message
    assert messenger.state_of(outbox_id) == "queued"
    assert messenger.value("SELECT count(*) FROM messages") == 2


def test_an_interval_above_a_minute_is_warned_of_where_people_look(
    messenger: MessengerBench, instance: dg.DagsterInstance
) -> None:
    """In the tick, in the description and as a check."""
    slow = settings_with(messenger_sync_seconds=90)
    answer = tick(messenger, instance, slow)
    assert "every 90 s" in answer.skip_message
    sensor = build_defs(slow).get_repository_def().get_sensor_def("messenger_sync")
    assert "Warning" in str(sensor.description)
    assert not last_check(instance).passed
    quick = build_defs(settings_with()).get_repository_def().get_sensor_def("messenger_sync")
    assert "Warning" not in str(quick.description)


def test_a_stopped_account_is_told_in_words_and_by_the_check(
    messenger: MessengerBench, instance: dg.DagsterInstance
) -> None:
    """A token that ended."""
    wrote(messenger)
    messenger.write(IVANOV, "ждёт")
    messenger.whatsapp.faults.switch_on(190)
    answer = tick(messenger, instance)
    assert "190" in answer.skip_message
    assert not last_check(instance).passed
    assert "190" in last_check(instance).description


def test_the_first_tick_learns_the_templates(messenger: MessengerBench, instance: dg.DagsterInstance) -> None:
    """They are what can be sent after 24 hours."""
    tick(messenger, instance)
    listed = {template["name"] for template in messenger.whatsapp.templates}
    assert {name for (name,) in messenger.rows("SELECT name FROM messenger_templates")} == listed


def test_without_an_account_the_sensor_is_off_and_says_why(
    messenger: MessengerBench, instance: dg.DagsterInstance
) -> None:
    """Nothing is configured."""
    defs = build_defs(Settings()).get_repository_def()
    assert defs.get_sensor_def("messenger_sync").default_status is dg.DefaultSensorStatus.STOPPED
    nobody = replace(messenger, messengers=replace(messenger.messengers, accounts={}))
    assert tick(nobody, instance).skip_message == "No messenger is in the settings."


def test_the_switch_is_read_for_those_who_send_at_once(instance: dg.DagsterInstance) -> None:
    """The gateway obeys the switch in the UI and the window."""
    look = reader(settings_with(), instance)
    assert look()["messenger_sync"].is_on
    switch(instance, "messenger_sync", OFF)
    assert not look()["messenger_sync"].is_on
    switch(instance, "messenger_sync", ON)
    assert look()["messenger_sync"].is_on


def test_files_are_fetched_by_a_run_only_where_some_wait(
    messenger: MessengerBench, instance: dg.DagsterInstance
) -> None:
    """And the asset says what became of them."""
    wrote(messenger)
    assert tick(messenger, instance, name="messenger_media").skip_message == "No file waits to be fetched."
    messenger.whatsapp.receive("image", IVANOV)
    messenger.taken_in()
    assert len(tick(messenger, instance, name="messenger_media").run_requests) == 1
    platform = Platform(warehouse=messenger.warehouse, messengers=messenger.messengers)
    defs = build_defs(settings_with(), platform)
    result = defs.resolve_job_def("messenger_media").execute_in_process(
        instance=instance, resources={"platform": platform}
    )
    assert result.success
    [(state, sha256, size)] = messenger.rows("SELECT state, sha256, size_bytes FROM message_media")
    assert state == "kept"
    kept = messenger.messengers.media_folder / sha256[:2] / sha256
    assert kept.stat().st_size == size
