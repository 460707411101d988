"""Routing in the UI: approve a publication, hand it over, write it as files, test it on yesterday's calls."""

from __future__ import annotations

import csv
import json
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import text

from assets.contacts.ownership import update_owners
from assets.contacts.sources import refresh_sources
from assets.platform import Platform
from assets.routing.policy import AnswerPolicy, PublicationRules
from pipelines.definitions import build_defs
from pipelines.settings import Settings
from resources.telephony.interception import InterceptionModule
from tests.dagster.test_materialise import materialise
from tests.fix_simulators import IMPATIENT, ServedPbx
from tests.rows import at, leg, load, select

MORNING = at("2026-10-01 10:00:00")


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


@pytest.fixture
def company(platform: Platform, tmp_path: Path) -> Platform:
    """A company with ten unknown clients of Anna's, and a limit of one changed client in ten."""
    refresh_sources(platform.warehouse, platform.contacts, platform.contact_rules)
    with platform.warehouse.transaction() as connection:
        update_owners(connection, platform.matching)
    talk_with(platform, "201", 90)
    return replace(
        platform,
        publication_rules=PublicationRules(guarded_from=5, largest_change=0.1),
        answer_policy=AnswerPolicy(interception="automatic"),
        export_folder=tmp_path / "export",
    )


def talk_with(platform: Platform, extension: str, seconds: int) -> None:
    """Let an employee talk with each of the ten clients."""
    rows = [
        leg(f"{extension}-{n}", MORNING + timedelta(minutes=n), f"+749599900{n:02d}", extension, duration=seconds,
            talk=seconds)
        for n in range(10)
    ]  # fmt: skip
    load(platform.warehouse, rows)


def run_update(platform: Platform, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    job = build_defs(Settings(), platform).resolve_job_def("routing_table_update")
    return job.execute_in_process(instance=instance, raise_on_error=False)


def live(platform: Platform) -> int:
    [(version,)] = select(platform.warehouse, "SELECT version FROM published_routing")
    return int(version)


def test_a_stopped_publication_fails_with_its_reason_and_is_approved_by_a_config_flag(
    company: Platform, instance: dg.DagsterInstance
) -> None:
    """The run is red, the former table answers; materialising with `approve` publishes."""
    assert run_update(company, instance).success
    talk_with(company, "202", 900)
    failed = run_update(company, instance)
    assert not failed.success
    [event] = [event for event in failed.all_events if event.is_step_failure]
    said = str(event.step_failure_data.user_failure_data)
    assert "10 clients would get another responsible" in said
    assert "approve: true" in said
    assert live(company) == 1
    with pytest.raises(dg.Failure, match="was not published"):
        materialise(company, instance, "published_routing")
    approved = {"ops": {"published_routing": {"config": {"approve": True}}}}
    done = materialise(company, instance, "published_routing", run_config=approved)
    assert live(company) == 2
    [shown] = done.asset_materializations_for_node("published_routing")
    assert shown.metadata["decision"].value == "approved"
    assert shown.metadata["clients with another responsible"].value == 10
    assert "Вера Белова" in str(shown.metadata["employees"].value)


def test_the_menus_show_what_is_said_now(company: Platform, instance: dg.DagsterInstance) -> None:
    """Counted, with some of them; who goes away is said no more without any new table."""
    run_update(company, instance)
    [shown] = materialise(company, instance, "voice_menus").asset_materializations_for_node("voice_menus")
    assert shown.metadata["menus that offer somebody now"].value == 12
    assert "Анна Смирнова: наберите 201." in str(shown.metadata["preview"].value)
    with company.warehouse.transaction() as connection:
        connection.execute(
            text("INSERT INTO employee_absences VALUES ('hand', 'anna', now() - interval '1 h', NULL, '')")
        )
    [shown] = materialise(company, instance, "voice_menus").asset_materializations_for_node("voice_menus")
    assert shown.metadata["menus that offer somebody now"].value == 0


def test_the_live_table_is_written_as_csv_and_json_for_their_owner_alone(
    company: Platform, instance: dg.DagsterInstance
) -> None:
    """Both say the same; nothing is written before anything is published."""
    materialise(company, instance, "routing_export")
    assert not company.export_folder.exists()
    run_update(company, instance)
    materialise(company, instance, "routing_export")
    files = {path.name: path for path in company.export_folder.iterdir()}
    assert set(files) == {"routing_table.csv", "routing_table.json"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files.values()} == {0o600}
    content = json.loads(files["routing_table.json"].read_text("utf-8"))
    with files["routing_table.csv"].open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert content["version"] == 1
    assert len(rows) == len(content["rows"]) == 12
    assert [row["number"] for row in rows] == [row["number"] for row in content["rows"]]
    assert {row["employee_id"] for row in rows} == {"anna"}


def test_a_publication_is_handed_to_the_pbxs_that_may_be_told(
    company: Platform, instance: dg.DagsterInstance, simulated_pbx: Callable[..., ServedPbx]
) -> None:
    """With the update; a PBX that is away makes the run red, and the table is published all the same."""
    served = simulated_pbx()
    told = replace(
        company,
        pushes={"office": lambda: InterceptionModule("office", served.url, served.api_key, bounds=IMPATIENT)},
    )
    served.faults.switch_on("unavailable", times=None)
    assert not run_update(told, instance).success
    assert live(company) == 1
    served.faults.switch_off()
    assert materialise(told, instance, "pushed_routes").success
    assert len(served.pbx.interception.rows) == 12


def test_a_table_that_does_worse_than_the_last_talker_may_be_held_back(
    company: Platform, instance: dg.DagsterInstance
) -> None:
    """Only if the setting says so; the reason names the figures."""
    with company.warehouse.transaction() as connection:
        connection.execute(
            text(
                "INSERT INTO routing_backtest (call_day, pbx_id, linkedid, at, client_id, employee_id, predicted_id, "
                "share, last_id) SELECT current_date, 'office', n::text, now(), 'x', 'vera', 'anna', 0.9, 'vera' "
                "FROM generate_series(1, 40) AS n"
            )
        )
    careful = replace(company, publication_rules=replace(company.publication_rules, holds_if_worse=True))
    failed = run_update(careful, instance)
    [event] = [event for event in failed.all_events if event.is_step_failure]
    assert "would have been right 40 times" in str(event.step_failure_data.user_failure_data)
    assert select(company.warehouse, "SELECT * FROM published_routing") == []
    assert run_update(company, instance).success
    assert live(company) == 1
