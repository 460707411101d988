"""What a tick does: a cheap look, a run where there is work, a reason where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import Mock
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from sqlalchemy import text

from assets.contacts.overrides import assign
from assets.failures import PlainFailure
from assets.history.load import LoadRules
from assets.platform import Platform, Telephony
from assets.quality.checks import RULES
from pipelines.definitions import build_defs
from pipelines.jobs import SOURCE_TAG
from pipelines.settings import Settings
from resources.telephony.source import SourceUnavailableError
from tests.fix_simulators import ServedPbx
from tests.rows import leg, select

MOSCOW = ZoneInfo("Europe/Moscow")
# A working day that is past, so that a tick of it is neither early nor within living memory of another test.
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=MOSCOW)
SETTINGS = Settings()


@pytest.fixture
def served(simulated_pbx: Callable[..., ServedPbx]) -> ServedPbx:
    """A simulated PBX with one call of today's morning."""
    served = simulated_pbx()
    served.pbx.store.finalise([leg("c1", NOON - timedelta(hours=2), "84951234567", "202", duration=90, talk=80)])
    return served


@pytest.fixture
def office(platform: Platform, served: ServedPbx) -> Platform:
    """The platform with that PBX as its one telephony server."""
    return replace(platform, telephony={"office": Telephony(open=served.source, rules=LoadRules())})


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


def tick(platform: Platform, instance: dg.DagsterInstance, name: str, at: datetime = NOON) -> Any:  # noqa: ANN401
    """Evaluate a schedule as the daemon does; return its run requests, or the reason why there are none."""
    defs = build_defs(SETTINGS, platform)
    schedule = defs.get_repository_def().get_schedule_def(name)
    with dg.build_schedule_context(
        instance=instance, scheduled_execution_time=at, resources={"platform": platform}
    ) as context:
        answer = schedule.evaluate_tick(context)
    return answer.skip_message or list(answer.run_requests or [])


def execute(platform: Platform, instance: dg.DagsterInstance, name: str, request: dg.RunRequest) -> None:
    """Execute a requested run in this process."""
    job = build_defs(SETTINGS, platform).resolve_job_def(name)
    assert job.execute_in_process(instance=instance, run_config=request.run_config, tags=request.tags).success


def tick_and_run(platform: Platform, instance: dg.DagsterInstance, name: str, at: datetime = NOON) -> None:
    """One tick of a schedule with all its consequences."""
    answer = tick(platform, instance, name, at)
    for request in answer if isinstance(answer, list) else []:
        execute(platform, instance, name, request)


def test_new_calls_launch_one_run_for_their_server_and_the_next_tick_says_why_there_is_none(
    office: Platform, instance: dg.DagsterInstance
) -> None:
    """The run marks exactly the touched days of each asset it wrote."""
    [request] = tick(office, instance, "call_history_load")
    assert request.tags[SOURCE_TAG] == "office"
    execute(office, instance, "call_history_load", request)
    for asset in ("call_legs", "call_history", "enriched_calls"):
        assert instance.get_materialized_partitions(dg.AssetKey(asset)) == {"2026-11-20"}
    reason = tick(office, instance, "call_history_load")
    assert "office: " in reason
    assert "1" in reason


def test_runs_of_one_server_never_overlap(office: Platform, instance: dg.DagsterInstance) -> None:
    """A tick finds the load before it still running and says so."""
    job = build_defs(SETTINGS, office).resolve_job_def("call_history_load")
    [request] = tick(office, instance, "call_history_load")
    instance.create_run_for_job(
        job, run_config=request.run_config, tags=request.tags, status=dg.DagsterRunStatus.STARTED
    )
    assert "still running" in tick(office, instance, "call_history_load")


def test_a_run_whose_process_was_killed_does_not_hold_the_place_of_those_after_it(
    office: Platform, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Work holds its lock: a run that began long ago and holds none is lost, and is closed."""
    monkeypatch.setattr("pipelines.looks.LOST_WITHOUT_LOCK_AFTER", timedelta(0))
    job = build_defs(SETTINGS, office).resolve_job_def("call_history_load")
    [request] = tick(office, instance, "call_history_load")
    run = instance.create_run_for_job(
        job, run_config=request.run_config, tags=request.tags, status=dg.DagsterRunStatus.STARTED
    )
    with office.warehouse.locked("load office"):
        assert "still running" in tick(office, instance, "call_history_load")
    assert len(tick(office, instance, "call_history_load")) == 1
    closed = instance.get_run_by_id(run.run_id)
    assert closed is not None
    assert closed.status is dg.DagsterRunStatus.FAILURE


def test_a_server_that_does_not_answer_makes_the_tick_red(
    office: Platform, served: ServedPbx, instance: dg.DagsterInstance
) -> None:
    """Silence is not "nothing new"."""
    served.pbx.faults.switch_on("unavailable", times=None)
    with pytest.raises(PlainFailure, match="office, GET http") as raised:
        tick(office, instance, "call_history_load")
    assert raised.value.metadata["kind of failure"].value == SourceUnavailableError.__name__


def test_the_reread_takes_a_day_and_at_three_in_the_night_a_week(
    office: Platform, instance: dg.DagsterInstance
) -> None:
    """Days without a stored call have nothing that could have changed."""
    assert "none can have changed" in tick(office, instance, "call_history_reread")
    tick_and_run(office, instance, "call_history_load")
    [request] = tick(office, instance, "call_history_reread")
    config = request.run_config["ops"]["reread_legs"]["config"]
    assert (config["first_day"], config["last_day"]) == ("2026-11-19", "2026-11-20")
    [request] = tick(office, instance, "call_history_reread", NOON.replace(day=21, hour=3))
    config = request.run_config["ops"]["reread_legs"]["config"]
    assert (config["first_day"], config["last_day"]) == ("2026-11-15", "2026-11-21")
    execute(office, instance, "call_history_reread", request)


def test_changed_contact_files_launch_the_owner_job_once(office: Platform, instance: dg.DagsterInstance) -> None:
    """Its run takes the files in and fills the owners of the last five days; then every owner is up to date."""
    tick_and_run(office, instance, "call_history_load")
    [request] = tick(office, instance, "contact_owners_5_days")
    assert request.tags["dagster/asset_partition_range_start"] == "2026-11-16"
    assert request.tags["dagster/asset_partition_range_end"] == "2026-11-20"
    execute(office, instance, "contact_owners_5_days", request)
    assert select(office.warehouse, "SELECT party_id FROM enriched_calls") == [("romashka",)]
    assert "none waits for another owner" in tick(office, instance, "contact_owners_5_days")


def test_a_wrong_owner_is_noticed_without_any_file_changing(
    office: Platform, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each Saturday all calls are compared with what the tables say now, filled or not."""
    clock = Mock(wraps=datetime)
    monkeypatch.setattr("pipelines.schedules.datetime", clock)
    clock.now.return_value = datetime(2026, 11, 21, 20, 0, tzinfo=MOSCOW)
    for name in ("call_history_load", "contact_owners_5_days"):
        tick_and_run(office, instance, name)
    saturday = NOON.replace(day=21, hour=20)
    assert "every owner is up to date" in tick(office, instance, "contact_owners_3_months", saturday)
    with office.warehouse.transaction() as connection:
        connection.execute(text("UPDATE enriched_calls SET party_id = 'vasilek'"))
    assert isinstance(tick(office, instance, "contact_owners_3_months", saturday), list)


def test_what_waits_in_the_queues_is_done_by_the_owner_job_too(office: Platform, instance: dg.DagsterInstance) -> None:
    """With the sensor off: an assignment, and a call nobody has looked up; done once, and not again and again."""
    for name in ("call_history_load", "contact_owners_5_days"):
        tick_and_run(office, instance, name)
    with office.warehouse.transaction() as connection:
        assign(connection, "+74951234567", "vasilek", office.contact_rules, is_retroactive=True)
    tick_and_run(office, instance, "contact_owners_5_days")
    assert select(office.warehouse, "SELECT party_id, rung FROM enriched_calls") == [("vasilek", "manual")]
    assert isinstance(tick(office, instance, "contact_owners_5_days"), str)
    with office.warehouse.transaction() as connection:
        connection.execute(text("DELETE FROM enriched_calls"))
    tick_and_run(office, instance, "contact_owners_5_days")
    assert select(office.warehouse, "SELECT party_id FROM enriched_calls") == [("vasilek",)]
    assert isinstance(tick(office, instance, "contact_owners_5_days"), str)


def test_a_missed_saturday_is_not_made_up_for_in_working_hours(
    office: Platform, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a standstill the tick of Saturday 20:00 comes late: in the night it runs, by day it does not."""
    tick_and_run(office, instance, "call_history_load")
    saturday = NOON.replace(day=21, hour=20)

    clock = Mock(wraps=datetime)
    monkeypatch.setattr("pipelines.schedules.datetime", clock)
    clock.now.return_value = datetime(2026, 11, 22, 10, 0, tzinfo=MOSCOW)
    assert "never starts inside working hours" in tick(office, instance, "contact_owners_3_months", saturday)
    clock.now.return_value = datetime(2026, 11, 22, 22, 0, tzinfo=MOSCOW)
    [request] = tick(office, instance, "contact_owners_3_months", saturday)
    assert request.tags["dagster/asset_partition_range_start"] == "2026-08-22"


def test_the_routing_is_updated_when_something_changed_and_not_else(
    office: Platform, instance: dg.DagsterInstance
) -> None:
    """An idle tick launches no run, and verifies what is live by an event without one."""
    assert "No call was loaded yet" in tick(office, instance, "routing_table_update")
    tick_and_run(office, instance, "call_history_load")
    tick_and_run(office, instance, "contact_owners_5_days")
    [request] = tick(office, instance, "routing_table_update")
    execute(office, instance, "routing_table_update", request)
    [(verified_at,)] = select(office.warehouse, "SELECT verified_at FROM published_routing")
    assert "Version 1 answers and is verified" in tick(office, instance, "routing_table_update")
    [(later,)] = select(office.warehouse, "SELECT verified_at FROM published_routing")
    assert later > verified_at
    for asset in ("routing_table", "published_routing", "voice_menus"):
        assert instance.get_latest_materialization_event(dg.AssetKey(asset)) is not None
    [seen] = instance.fetch_observations(dg.AssetKey("published_routing"), limit=5).records
    assert seen.run_id == ""


def test_a_rolled_back_table_is_held_by_every_tick_and_said_to_be(
    office: Platform, instance: dg.DagsterInstance
) -> None:
    """Until it is released nothing is launched for it."""
    for name in ("call_history_load", "contact_owners_5_days", "routing_table_update"):
        tick_and_run(office, instance, name)
    with office.warehouse.transaction() as connection:
        connection.execute(text("UPDATE published_routing SET held_since = now(), held_reason = 'wrong', version = 1"))
        connection.execute(
            text("INSERT INTO routing_versions (rules, clients, rows_opened, rows_closed) VALUES ('{}', 0, 0, 0)")
        )
    assert "it is held since" in tick(office, instance, "routing_table_update")
    with office.warehouse.transaction() as connection:
        connection.execute(text("UPDATE published_routing SET held_since = NULL"))
    [request] = tick(office, instance, "routing_table_update")
    execute(office, instance, "routing_table_update", request)
    assert select(office.warehouse, "SELECT version FROM published_routing") == [(2,)]


def test_two_servers_have_a_run_each(office: Platform, instance: dg.DagsterInstance) -> None:
    """Dagster takes several requests of a tick only where each is named."""
    both = replace(office, telephony={"office": office.telephony["office"], "branch": office.telephony["office"]})
    requests = tick(both, instance, "call_history_load")
    assert {request.tags[SOURCE_TAG] for request in requests} == {"office", "branch"}
    assert len({request.run_key for request in requests}) == 2


def test_the_night_tests_the_ranking_on_yesterdays_calls_if_there_were_any(
    office: Platform, instance: dg.DagsterInstance
) -> None:
    """A run of one day, two that audit a week, or a word why there is none."""
    night = NOON.replace(day=21, hour=3)
    assert "nothing to check" in tick(office, instance, "nightly_quality", night)
    for name in ("call_history_load", "contact_owners_5_days", "routing_table_update"):
        tick_and_run(office, instance, name)
    recordings, audit, request, checks = tick(office, instance, "nightly_quality", night)
    assert recordings.asset_selection == [dg.AssetKey("recordings")]
    assert audit.asset_selection == [dg.AssetKey("history_gaps")]
    assert audit.tags["dagster/asset_partition_range_start"] == "2026-11-14"
    execute(office, instance, "nightly_quality", audit)
    assert request.tags["dagster/asset_partition_range_start"] == "2026-11-20"
    execute(office, instance, "nightly_quality", request)
    assert select(office.warehouse, "SELECT call_day::text, employee_id FROM routing_backtest") == [
        ("2026-11-20", "vera")
    ]
    assert checks.asset_selection == []
    assert {key.name for key in checks.asset_check_keys} == {rule.name for rule in RULES}
    job = build_defs(SETTINGS, office).resolve_job_def("nightly_quality")
    chosen = job.get_subset(asset_selection=frozenset(), asset_check_selection=frozenset(checks.asset_check_keys))
    result = chosen.execute_in_process(instance=instance)
    assert {evaluation.check_name for evaluation in result.get_asset_check_evaluations()} == {
        rule.name for rule in RULES
    }


def test_the_night_compares_events_with_the_history_where_there_are_any(
    office: Platform, instance: dg.DagsterInstance
) -> None:
    """Without a call that is evidence only the events are looked at."""
    night = NOON.replace(day=21, hour=3)
    with office.warehouse.transaction() as connection:
        connection.execute(
            text("INSERT INTO event_listeners (pbx_id, channel, is_connected) VALUES ('o', 'ami', true)")
        )
    request, _checks = tick(office, instance, "nightly_quality", night)
    assert request.asset_selection == [dg.AssetKey("call_events_reconciliation")]
    execute(office, instance, "nightly_quality", request)
    [record] = instance.get_latest_materialization_events([dg.AssetKey("call_events_reconciliation")]).values()
    assert record is not None


ALL = ["call_history_load", "contact_owners_5_days", "routing_table_update", "call_history_reread"]


@pytest.mark.parametrize(
    ("off", "query", "untouched"),
    [
        ("call_history_load", "SELECT count(*) FROM call_history", 0),
        ("contact_owners_5_days", "SELECT count(party_id) FROM enriched_calls", 0),
        ("routing_table_update", "SELECT count(*) FROM routing_table", 0),
        ("call_history_reread", "SELECT count(recording) FROM call_legs", 0),
        ("nothing", "SELECT count(*) FROM routing_table WHERE party_id = 'romashka'", 4),
    ],
)
def test_switching_a_schedule_off_stops_what_its_description_says(
    office: Platform, served: ServedPbx, instance: dg.DagsterInstance, off: str, query: str, untouched: int
) -> None:
    """All others tick twice and do their work; what the one does is left undone."""
    for round_number in range(2):
        for name in ALL:
            if name != off:
                tick_and_run(office, instance, name, NOON + timedelta(hours=round_number))
        served.pbx.store.change(served.pbx.store.rows()[0]["UNIQUEID"], recordingfile="/storage/c1.mp3")
    assert select(office.warehouse, query) == [(untouched,)]
