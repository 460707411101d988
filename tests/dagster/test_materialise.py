"""Materialising assets: what the UI's buttons do, on a real warehouse."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import text

from assets.contacts.overrides import assign
from assets.contacts.ownership import update_owners
from assets.history.load import LoadReport
from assets.platform import Platform
from pipelines.definitions import build_defs
from pipelines.jobs import _log_report
from pipelines.settings import Settings
from tests.rows import at, leg, load, select, snapshot

DAY = "2026-03-02"
MORNING = at(f"{DAY} 10:00:00")
ROMASHKA, VASILEK, SHARED, STRANGER = "84951234567", "+74957654321", "+74950001122", "+74959998877"

WITHOUT_SOURCE = ["call_history", "enriched_calls", "tracked_interactions"]
CONTACTS = ["crm_parties", "crm_phones", "crm_employees", "contact_ownership", "number_owners"]
ROUTING = ["participation", "routing_table"]


def materialise(
    platform: Platform,
    instance: dg.DagsterInstance,
    *names: str,
    days: tuple[str, str] | None = None,
    run_config: dict[str, Any] | None = None,
) -> dg.ExecuteInProcessResult:
    """Materialise assets, of a range of days where there are any, as the UI does."""
    defs = build_defs(Settings(), platform)
    tags = (
        {"dagster/asset_partition_range_start": days[0], "dagster/asset_partition_range_end": days[1]} if days else {}
    )
    job = dg.define_asset_job("by_hand", selection=dg.AssetSelection.assets(*names))
    return (
        dg.Definitions.merge(defs, dg.Definitions(jobs=[job]))
        .resolve_job_def("by_hand")
        .execute_in_process(instance=instance, tags=tags, run_config=run_config)
    )


@pytest.fixture
def loaded(platform: Platform) -> Platform:
    """A platform with a few calls of one day, loaded before any contact is known."""
    load(
        platform.warehouse,
        [
            leg("c1", MORNING, ROMASHKA, "202", duration=130, talk=120),
            leg("c2", MORNING + timedelta(hours=1), "202", "+7 916 123-45-67", duration=70, talk=60),
            leg("c3", MORNING + timedelta(hours=2), SHARED, "201", talk=20),
            leg("c4", MORNING + timedelta(hours=3), VASILEK, "203", talk=25),
            leg("c5", MORNING + timedelta(hours=4), STRANGER, "201"),
            leg("c6", MORNING + timedelta(hours=5), "201", "202", talk=9),
        ],
    )
    return platform


def test_from_contacts_to_the_routing_table_on_postgresql_storage(
    loaded: Platform, dagster_instance: dg.DagsterInstance
) -> None:
    """The whole graph below the legs; Dagster's events go through psycopg 2 (SQLAlchemy 2.1 would break them)."""
    everything = CONTACTS + WITHOUT_SOURCE + ROUTING
    assert materialise(loaded, dagster_instance, *everything, days=(DAY, DAY)).success
    owners = {
        row.linkedid: (row.number, row.party_id, row.rung, row.candidates)
        for row in select(loaded.warehouse, "SELECT * FROM enriched_calls")
    }
    assert owners == {
        "c1": ("+74951234567", "romashka", "exact", []),
        "c2": ("+79161234567", "romashka", "exact", []),
        "c3": ("+74950001122", None, "exact", ["orion", "sirius"]),
        "c4": ("+74957654321", "vasilek", "exact", []),
        "c5": ("+74959998877", None, None, []),
        "c6": (None, None, None, []),
    }
    table = {
        (row.number, row.rank): (row.employee_id, row.is_responsible, row.reason)
        for row in select(loaded.warehouse, "SELECT * FROM routing_table WHERE until_version IS NULL")
    }
    assert table == {
        # The CRM names Anna; Boris held 202 on that day and did the work.
        ("+74951234567", 1): ("anna", True, "crm_owner"),
        ("+74951234567", 2): ("boris", False, "rank"),
        ("+79161234567", 1): ("anna", True, "crm_owner"),
        ("+79161234567", 2): ("boris", False, "rank"),
        # One short talk with a number two parties share: a name, no responsible.
        ("+74950001122", 1): ("anna", False, "too_little_evidence"),
    }
    materialized = dagster_instance.get_materialized_partitions(dg.AssetKey("enriched_calls"))
    assert materialized == {DAY}


def test_every_check_passes_on_sound_tables_and_fails_on_broken_ones(
    loaded: Platform, dagster_instance: dg.DagsterInstance
) -> None:
    """Each rule is broken once, by hand."""
    everything = [*CONTACTS, *WITHOUT_SOURCE, *ROUTING, "published_routing"]
    result = materialise(loaded, dagster_instance, *everything, days=(DAY, DAY))
    evaluations = {e.check_name: e.passed for e in result.get_asset_check_evaluations()}
    assert set(evaluations.values()) == {True}, evaluations
    breakages = {
        "calls_without_legs": "DELETE FROM call_legs WHERE linkedid = 'c1'",
        "talk_above_duration": "UPDATE call_history SET talk_seconds = 1000 WHERE linkedid = 'c2'",
        "owners_that_do_not_exist": "UPDATE enriched_calls SET party_id = 'nobody' WHERE linkedid = 'c2'",
        "calls_not_enriched": "DELETE FROM enriched_calls WHERE linkedid = 'c3'",
        "legs_without_call": "DELETE FROM call_history WHERE linkedid = 'c4'",
        "rank_holes": "UPDATE routing_table SET rank = 3 WHERE rank = 2",
        "stale_answers": "UPDATE published_routing SET stale_at = '2020-01-01'",
        "stopped_publications": "INSERT INTO routing_publications (version, decision) VALUES (1, 'stopped')",
        "responsible_not_at_work": "UPDATE crm_employees SET employed_until = '2026-01-01' WHERE employee_id = 'anna'",
        "calls_routing_has_not_seen": "INSERT INTO changed_calls VALUES ('office', 'c1')",
        "overlapping_owners": "ALTER TABLE number_owners DROP CONSTRAINT number_owners_no_overlap; "
        "INSERT INTO number_owners SELECT * FROM number_owners LIMIT 1",
        "match_rate_fell": "INSERT INTO enriched_calls "
        "(pbx_id, linkedid, call_day, started_at, candidates, party_id, outcome) "
        "SELECT 'office', 'n' || n, current_date - n % 2 * 20 - 3, now(), '{}', CASE n % 2 WHEN 1 THEN 'romashka' END, "
        "CASE n % 2 WHEN 1 THEN 'owned' ELSE 'unknown' END FROM generate_series(1, 200) AS n",
        "fresh_quarantine": "INSERT INTO quarantine (source, reason, raw) VALUES ('office', 'why', 'raw')",
    }
    with loaded.warehouse.transaction() as connection:
        for breakage in breakages.values():
            connection.execute(text(breakage))
    checks = dg.define_asset_job("checks", selection=dg.AssetSelection.all_asset_checks())
    defs = dg.Definitions.merge(build_defs(Settings(), loaded), dg.Definitions(jobs=[checks]))
    result = defs.resolve_job_def("checks").execute_in_process(instance=dagster_instance)
    failed = {e.check_name for e in result.get_asset_check_evaluations() if not e.passed}
    assert failed == set(breakages)


def test_the_ui_is_told_how_calls_found_their_owners(loaded: Platform, dagster_instance: dg.DagsterInstance) -> None:
    """Figures that plot, the busiest unknown numbers, and the numbers to review."""
    result = materialise(loaded, dagster_instance, *CONTACTS, *WITHOUT_SOURCE, days=(DAY, DAY))
    told = {event.asset_key.to_user_string(): event.metadata for event in materialisations(result)}
    calls, owners = told["enriched_calls"], told["number_owners"]
    figures = {name: calls[name].value for name in calls if not isinstance(calls[name], dg.MarkdownMetadataValue)}
    assert figures["share with an owner"] == figures["share matched: exact"] == 3 / 5
    assert (figures["ambiguous calls"], figures["unknown calls"], figures["share matched: tail"]) == (1, 1, 0)
    assert STRANGER in str(calls["busiest unknown numbers"].value)
    assert ROMASHKA not in str(calls["busiest unknown numbers"].value)
    assert (owners["owned numbers"].value, owners["ambiguous numbers"].value) == (3, 1)
    assert "АО «Орион» (orion); АО «Сириус» (sirius)" in str(owners["to review"].value)


def materialisations(result: dg.ExecuteInProcessResult) -> list[dg.AssetMaterialization]:
    """What a run wrote."""
    return [
        event.step_materialization_data.materialization for event in result.all_events if event.is_step_materialization
    ]


def test_a_backfill_can_take_todays_owners(loaded: Platform, dagster_instance: dg.DagsterInstance) -> None:
    """A choice of the run: else each call has the owner its number had when it began."""
    materialise(loaded, dagster_instance, *CONTACTS, *WITHOUT_SOURCE, days=(DAY, DAY))
    with loaded.warehouse.transaction() as connection:
        assign(connection, ROMASHKA, "vasilek", loaded.contact_rules)
        update_owners(connection, loaded.matching)
    owner = "SELECT party_id FROM enriched_calls WHERE linkedid = 'c1'"
    for choice, party in (("call_start", "romashka"), ("today", "vasilek"), ("call_start", "romashka")):
        config = {"ops": {"enriched_calls": {"config": {"owners_as_of": choice.upper()}}}}
        materialise(loaded, dagster_instance, "enriched_calls", days=(DAY, DAY), run_config=config)
        assert select(loaded.warehouse, owner) == [(party,)], choice


def test_a_backfilled_range_makes_the_same_rows_as_the_load(
    loaded: Platform, dagster_instance: dg.DagsterInstance
) -> None:
    """Two ways in, one result: rows made by days equal rows made by the incremental load."""
    assert materialise(loaded, dagster_instance, *CONTACTS).success
    load(loaded.warehouse, [leg("d1", MORNING + timedelta(days=3), ROMASHKA, "201", talk=90)])
    materialise(loaded, dagster_instance, *WITHOUT_SOURCE, days=("2026-03-01", "2026-03-06"))
    before = snapshot(loaded.warehouse)
    with loaded.warehouse.transaction() as connection:
        connection.execute(text("TRUNCATE call_history, enriched_calls, tracked_interactions"))
    materialise(loaded, dagster_instance, *WITHOUT_SOURCE, days=("2026-03-01", "2026-03-06"))
    assert snapshot(loaded.warehouse) == before
    assert dagster_instance.get_materialized_partitions(dg.AssetKey("call_history")) == {
        f"2026-03-0{day}" for day in range(1, 7)
    }


def test_reading_days_without_a_configured_server_says_what_to_do(
    platform: Platform, dagster_instance: dg.DagsterInstance
) -> None:
    """A failed run tells what happened and how to mend it."""
    with pytest.raises(dg.Failure, match=r"No telephony server is configured.*switchboard\.toml"):
        materialise(platform, dagster_instance, "call_legs", days=(DAY, DAY))


def days_told(instance: dg.DagsterInstance, asset: str) -> dict[str, dict[str, Any]]:
    """Return what each day of an asset was last told, but for tables and other text."""
    records = instance.fetch_materializations(dg.AssetKey(asset), limit=100).records
    return {
        str(record.partition_key): {
            name: value.value
            for name, value in record.asset_materialization.metadata.items()
            if isinstance(value.value, int | float)
        }
        for record in reversed(records)
        if record.asset_materialization
    }


def test_each_day_of_a_run_over_many_is_told_its_own_size(
    loaded: Platform, dagster_instance: dg.DagsterInstance
) -> None:
    """Dagster copies the metadata of a run to each of its days: the sum would be plotted for all of them."""
    days = ("2026-03-01", "2026-03-03")
    assert materialise(loaded, dagster_instance, *CONTACTS, *WITHOUT_SOURCE, days=days).success
    for asset, size in (("call_history", 6), ("enriched_calls", 6)):
        told = days_told(dagster_instance, asset)
        rows = {day: figures["dagster/partition_row_count"] for day, figures in told.items()}
        assert rows == {"2026-03-01": 0, DAY: size, "2026-03-03": 0}, asset
    statuses = days_told(dagster_instance, "call_history")
    assert {tuple(sorted(figures)) for figures in statuses.values()} == {tuple(sorted(statuses[DAY]))}
    assert days_told(dagster_instance, "enriched_calls")["2026-03-01"]["unknown calls"] == 0
    tracked = days_told(dagster_instance, "tracked_interactions")
    assert tracked[DAY]["dagster/partition_row_count"] > 0
    assert tracked["2026-03-01"]["dagster/partition_row_count"] == 0


def test_a_load_says_of_a_day_what_a_materialisation_says_and_tags_its_run(
    loaded: Platform, dagster_instance: dg.DagsterInstance
) -> None:
    """The same figure over time, whoever brought it, plots; the tags find runs of a server and of a day."""

    @dg.op
    def load_something(context) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - a text, where Dagster wants a class
        report = LoadReport(read=6, new=6, days={MORNING.date(): 6})
        _log_report(context, loaded, "office", report)

    @dg.job
    def by_hand() -> None:
        load_something()

    result = by_hand.execute_in_process(instance=dagster_instance)
    for asset, size in (("call_legs", 6), ("call_history", 6), ("enriched_calls", 6)):
        assert days_told(dagster_instance, asset)[DAY]["dagster/partition_row_count"] == size
    run = dagster_instance.get_run_by_id(result.run_id)
    assert run is not None
    assert (run.tags["switchboard/source"], run.tags["switchboard/day"]) == ("office", DAY)


def test_a_load_that_failed_is_found_by_its_server_too(
    platform: Platform, dagster_instance: dg.DagsterInstance
) -> None:
    """Whoever launched it: a run from the launchpad has none of the tags that a tick gives."""
    job = build_defs(Settings(), platform).resolve_job_def("call_history_load")
    config = {"ops": {"load_new_legs": {"config": {"source": "nope"}}}}
    result = job.execute_in_process(instance=dagster_instance, run_config=config, raise_on_error=False)
    assert not result.success
    run = dagster_instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.tags["switchboard/source"] == "nope"


def test_the_jobs_tell_how_large_tables_are_as_materialising_does(
    loaded: Platform, dagster_instance: dg.DagsterInstance
) -> None:
    """Otherwise the row count in the catalogue is gone after the first tick."""
    assert materialise(loaded, dagster_instance, *CONTACTS, days=None).success
    job = build_defs(Settings(), loaded).resolve_job_def("routing_table_update")
    assert job.execute_in_process(instance=dagster_instance).success
    for asset in (*CONTACTS, "participation", "routing_table", "voice_menus"):
        event = dagster_instance.get_latest_materialization_event(dg.AssetKey(asset))
        assert event is not None
        assert event.asset_materialization is not None
        assert "dagster/row_count" in event.asset_materialization.metadata, asset
