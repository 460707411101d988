"""The code location: it loads, holds every asset, and looks as people know it."""

from __future__ import annotations

import importlib
import json
import pkgutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

import assets
from pipelines.definitions import build_defs
from pipelines.settings import Settings
from resources.warehouse import tables

SNAPSHOT = Path(__file__).with_name("definitions.json")
CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def defs() -> dg.Definitions:
    """Return the definitions with one telephony server configured."""
    source: Any = {"office": {"kind": "mikopbx_rest", "url": "http://127.0.0.1:1", "api_key": "k"}}
    return build_defs(Settings(sources=source))


def described(defs: dg.Definitions) -> dict[str, Any]:
    """Return what people and programs rely on, in a stable order."""
    graph = defs.resolve_asset_graph()
    repository = defs.get_repository_def()
    return {
        "assets": {
            key.to_user_string(): {
                "group": graph.get(key).group_name,
                "daily": graph.get(key).is_partitioned,
                "deps": sorted(parent.to_user_string() for parent in graph.get(key).parent_keys),
                "checks": sorted(check.name for check in graph.get_check_keys_for_assets({key})),
            }
            for key in sorted(graph.get_all_asset_keys())
        },
        "jobs": sorted(job.name for job in repository.get_all_jobs() if not job.name.startswith("__")),
        "schedules": {
            schedule.name: {
                "job": schedule.job_name,
                "cron": schedule.cron_schedule
                if isinstance(schedule.cron_schedule, str)
                else [*schedule.cron_schedule],
                "zone": schedule.execution_timezone,
                "default": schedule.default_status.value,
            }
            for schedule in sorted(repository.schedule_defs, key=lambda schedule: schedule.name)
        },
        "sensors": {
            sensor.name: {
                "job": sensor.job_name if sensor.targets else None,
                "seconds": sensor.minimum_interval_seconds,
                "default": sensor.default_status.value,
            }
            for sensor in sorted(repository.sensor_defs, key=lambda sensor: sensor.name)
        },
    }


def test_definitions_load_and_every_reference_resolves(defs: dg.Definitions) -> None:
    """Names, dependencies and resources fit together."""
    dg.Definitions.validate_loadable(defs)


def test_names_dependencies_and_switches_match_the_snapshot(defs: dg.Definitions) -> None:
    """A rename loses people's switches and partitions: it must be seen in review. `definitions.json` is it."""
    assert described(defs) == json.loads(SNAPSHOT.read_text("utf-8"))


def test_every_asset_module_is_registered(defs: dg.Definitions) -> None:
    """An asset that is written but not in the definitions would fail silently."""
    made = 0
    for module in pkgutil.walk_packages(assets.__path__, "assets."):
        if module.name.endswith(".assets"):
            assert hasattr(importlib.import_module(module.name), "make_assets"), module.name
            made += 1
    assert made >= 4
    assert len(defs.resolve_asset_graph().get_all_asset_keys()) == 26


def test_every_asset_is_named_as_its_table_and_shows_its_columns(defs: dg.Definitions) -> None:
    """Asset name = table name; the UI shows the same columns as the database. A view and files have columns, too."""
    graph = defs.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        schema = node.metadata["dagster/column_schema"]
        assert [column.name for column in schema.columns if not column.description] == []
        assert [column.name for column in schema.columns if "<" in column.description] == [], "Markdown swallows it"
        assert node.owners
        assert node.kinds
        assert node.description
        if key.to_user_string() in ("voice_menus", "routing_export"):
            continue
        table = tables.metadata.tables[f"{tables.SCHEMA}.{key.to_user_string()}"]
        assert [column.name for column in schema.columns] == [column.name for column in table.columns]


def test_descriptions_say_what_stops_and_bear_the_russian_name(defs: dg.Definitions) -> None:
    """People who come from 1C look for the job by its name there, and must know what a switch does."""
    repository = defs.get_repository_def()
    schedules = [schedule.description for schedule in repository.schedule_defs]
    sensors = [sensor.description for sensor in repository.sensor_defs]
    jobs = [job for job in repository.get_all_jobs() if not job.name.startswith("__")]
    for description in [*schedules, *sensors, *(job.description for job in jobs)]:
        assert description is not None
        first, *others = description.split("\n\n")
        assert any("а" <= letter <= "я" for letter in first.lower()), description
        # The page of a schedule shows all paragraphs as one.
        assert first.endswith(".")
        assert others
    for description in [*schedules, *sensors]:
        assert "\n\nOff: " in str(description)


def test_importing_the_code_location_loads_no_heavy_library_and_opens_nothing() -> None:
    """A run pays for the import before its first line."""
    probe = (
        "import sys, pipelines.definitions; "
        "print([name for name in ('pandas', 'pyarrow', 'vobject', 'pymysql') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, cwd=CHECKOUT)
    assert done.stdout.strip() == "[]"


def test_workspace_yaml_loads_the_code_location_from_anywhere(tmp_path: Path) -> None:
    """The file is the only source of the code location; the caller's folder does not matter."""
    command = [sys.executable, "-m", "dagster", "definitions", "validate", "-w", str(CHECKOUT / "workspace.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Validation successful for code location telephony" in done.stderr + done.stdout


def test_every_asset_names_its_switches_and_a_page_that_exists(defs: dg.Definitions) -> None:
    """Jobs that follow a cursor are no automation Dagster could show by itself."""
    repository = defs.get_repository_def()
    switches = {one.name for one in repository.schedule_defs} | {one.name for one in repository.sensor_defs}
    for key in defs.resolve_asset_graph().get_all_asset_keys():
        metadata = defs.resolve_asset_graph().get(key).metadata
        named = metadata["refreshed by"]
        if named != "by hand":
            assert set(named.split(", ")) <= switches, key
        assert (CHECKOUT / metadata["read on"].value).is_file(), key


def test_assets_that_move_every_working_day_go_stale_visibly(defs: dg.Definitions) -> None:
    """History and routing; contacts may stay as they are for as long as nobody changes a card."""
    graph = defs.resolve_asset_graph()
    with_policy = {key.to_user_string() for key in graph.get_all_asset_keys() if graph.get(key).freshness_policy}
    assert {"call_legs", "call_history", "enriched_calls", "routing_table", "published_routing"} <= with_policy
    assert "crm_parties" not in with_policy


MADE_BY_ITSELF = {
    "call_history": {"gone_at"},
    "enriched_calls": {"listed_as"},
    "tracked_interactions": {"kind", "valid_until"},
    "participation": set(),
    "routing_table": {"version", "until_version"},
}
"""Columns of the way to the routing table that come from nowhere but the asset's own settings and clock."""


def test_every_asset_links_its_switches_where_the_ui_has_them(defs: dg.Definitions) -> None:
    """Of jobs that follow a cursor the UI says 'No automations found': the description leads to them all the same."""
    repository = defs.get_repository_def()
    pages = {one.name: f"/locations/telephony/schedules/{one.name}" for one in repository.schedule_defs}
    pages |= {one.name: f"/locations/telephony/sensors/{one.name}" for one in repository.sensor_defs}
    for key in defs.resolve_asset_graph().get_all_asset_keys():
        node = defs.resolve_asset_graph().get(key)
        named = node.metadata["refreshed by"]
        for name in named.split(", ") if named != "by hand" else ():
            assert f"[{name}]({pages[name]})" in (node.description or ""), key


def test_every_column_of_the_routing_table_leads_back_to_calls_or_contacts(defs: dg.Definitions) -> None:
    """Column lineage from `routing_table` reaches `enriched_calls` and the CRM, and every column named exists."""
    graph = defs.resolve_asset_graph()

    def upstream(asset: str, column: str) -> set[tuple[str, str]]:
        lineage = graph.get(dg.AssetKey(asset)).metadata.get("dagster/column_lineage")
        if lineage is None:
            return set()
        found = {(dep.asset_key.to_user_string(), dep.column_name) for dep in lineage.deps_by_column.get(column, [])}
        return found | {further for near in found for further in upstream(*near)}

    for key in graph.get_all_asset_keys():
        lineage = graph.get(key).metadata.get("dagster/column_lineage")
        for column, deps in lineage.deps_by_column.items() if lineage else ():
            schema = graph.get(key).metadata["dagster/column_schema"]
            assert column in [known.name for known in schema.columns], (key, column)
            for dep in deps:
                of = tables.metadata.tables[f"{tables.SCHEMA}.{dep.asset_key.to_user_string()}"]
                assert dep.column_name in of.c, (key, column, dep)
    for asset, own in MADE_BY_ITSELF.items():
        metadata = graph.get(dg.AssetKey(asset)).metadata
        shown = {column.name: column.description for column in metadata["dagster/column_schema"].columns}
        assert {name for name, words in shown.items() if "←" not in words} == own, asset
    assert "participation.log_score" in shown["score"]
    assert ("enriched_calls", "party_id") in upstream("routing_table", "party_id")
    assert ("enriched_calls", "started_at") in upstream("routing_table", "score")
    assert ("call_legs", "talk_seconds") in upstream("routing_table", "score")
