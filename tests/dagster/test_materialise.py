"""Materialising assets: what the UI's buttons do, on a real warehouse."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import text

from assets.contacts.overrides import assign
from assets.contacts.ownership import update_owners
from assets.platform import Platform
from pipelines.definitions import build_defs
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
