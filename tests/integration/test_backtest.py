"""The routing backtest on the warehouse: which calls, what evidence, what is kept per day."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import text

from assets.backtest.assets import make_assets
from assets.backtest.days import Lift, backtest_days, lift_over_last
from assets.backtest.events import COLUMNS, read_calls
from assets.backtest.replay import replay
from assets.calendar import CallDays
from assets.contacts.ownership import update_owners
from assets.contacts.sources import FileSource, refresh_sources
from assets.platform import Platform
from assets.routing.build import update_routing
from assets.routing.rules import RoutingRules
from tests.rows import at, leg, load, select

RULES = RoutingRules()
ZONE = "Europe/Moscow"
MORNING = at("2026-03-02 10:00:00")
FIRST_DAY, LAST_DAY = date(2026, 3, 2), date(2026, 3, 4)
IVAN, PETR, ROMASHKA, VASILEK = "+79161234567", "+79165555555", "+74951234567", "+74957654321"
KEPT = (
    "SELECT linkedid, employee_id, predicted_id, round(share::numeric, 2)::float AS share, predicted_rank, last_id, "
    "frequent_id, owner_id, team, call_day FROM routing_backtest ORDER BY at"
)


@pytest.fixture
def company(platform: Platform) -> Platform:
    """The platform with its contacts taken in."""
    take_contacts_in(platform)
    return platform


def take_contacts_in(platform: Platform) -> None:
    refresh_sources(platform.warehouse, platform.contacts, platform.contact_rules)
    with platform.warehouse.transaction() as connection:
        update_owners(connection, platform.matching)


def talk(call: str, day: float, number: str, extension: str, seconds: int = 90, **unusual: Any) -> dict[str, Any]:  # noqa: ANN401
    started_at = MORNING + timedelta(days=day)
    if unusual.pop("is_outbound", False):
        return leg(call, started_at, extension, number, duration=seconds, talk=seconds, **unusual)
    return leg(call, started_at, number, extension, duration=seconds, talk=seconds, **unusual)


def take_in(platform: Platform, *legs: dict[str, Any]) -> None:
    load(platform.warehouse, legs)
    update_routing(platform.warehouse, RULES, ZONE)


def run_days(platform: Platform, first_day: date = FIRST_DAY, last_day: date = LAST_DAY) -> list[Any]:
    backtest_days(platform.warehouse, RULES, ZONE, first_day, last_day)
    return select(platform.warehouse, KEPT)


def test_answered_external_inbound_calls_are_predicted_and_everything_else_is_evidence(company: Platform) -> None:
    """Missed, internal and outbound calls are not tested; our own call tells who works with the client all the same."""
    take_in(
        company,
        talk("ours", 0, VASILEK, "202", 300, is_outbound=True),
        talk("theirs", 1, VASILEK, "201"),
        talk("missed", 1.1, VASILEK, "201", 0),
        leg("inside", MORNING, "201", "202", duration=90, talk=90),
    )
    assert run_days(company) == [
        ("theirs", "anna", "boris", 1.0, None, "boris", "boris", None, "Продажи", date(2026, 3, 3))
    ]


def test_a_call_that_is_handed_over_is_one_test_by_its_longest_talker(company: Platform) -> None:
    """The other's talk is evidence, and does not make them the last talker."""
    take_in(
        company,
        talk("c1", 0, VASILEK, "201", 30),
        talk("c1", 0.0004, VASILEK, "202", 200),
        talk("c2", 1, VASILEK, "201"),
    )
    first, second = run_days(company)
    assert (first.linkedid, first.employee_id, first.predicted_id) == ("c1", "boris", None)
    assert (second.employee_id, second.predicted_id, second.predicted_rank) == ("anna", "boris", 2)
    assert (second.last_id, second.frequent_id) == ("boris", "boris")


def test_the_client_is_the_calls_and_the_owner_the_crms(company: Platform) -> None:
    """Two numbers of one company share its evidence."""
    take_in(company, talk("c1", 0, IVAN, "202"), talk("c2", 1, ROMASHKA, "202"))
    assert [(row.predicted_id, row.owner_id) for row in run_days(company)] == [(None, "anna"), ("boris", "anna")]


def test_what_is_said_while_another_call_lasts_is_not_known_to_it(company: Platform) -> None:
    """A call is evidence from its end on."""
    take_in(
        company,
        talk("long", 0, VASILEK, "201", 900),
        talk("meanwhile", 0.001, VASILEK, "202"),
        talk("later", 1, VASILEK, "202"),
    )
    _, meanwhile, later = run_days(company)
    assert (meanwhile.linkedid, meanwhile.last_id, meanwhile.share) == ("meanwhile", None, None)
    assert later.predicted_id == "anna"


def test_an_earlier_prediction_is_blind_to_what_was_loaded_later(company: Platform) -> None:
    """Days replayed after the next weeks came in give the rows they gave before."""
    take_in(company, talk("c1", 0, VASILEK, "201"), talk("c2", 1, VASILEK, "202"))
    before = run_days(company)
    take_in(company, *(talk(f"late{day}", day, VASILEK, "202", 900) for day in range(2, 20)))
    assert run_days(company)[:2] == before


def test_who_has_left_is_not_predicted(company: Platform) -> None:
    """Gleb's last day was the 31st of January: from the 1st of February, business time, his work names nobody."""
    january = [-32, -31.5]
    take_in(company, *(talk(f"g{day}", day, VASILEK, "203") for day in january), talk("now", 0, VASILEK, "201"))
    events = read_calls(company.warehouse, ZONE)
    assert list(events.columns) == list(COLUMNS)
    assert events[events["employee"] == "gleb"]["expires_at"].unique().tolist() == [at("2026-02-01 00:00:00")]
    [*_, now] = run_days(company, date(2026, 1, 1))
    assert (now.linkedid, now.predicted_id, now.last_id) == ("now", None, "gleb")


def test_the_replay_ranks_as_the_routing_table_does(company: Platform) -> None:
    """One formula in two places: decay, shrinkage from contact to company, share."""
    contacts = company.contacts[0]
    assert isinstance(contacts, FileSource)
    petr = f"romashka,ООО «Ромашка»,company,petr,Пётр Котов,{PETR},,,\n"
    contacts.path.write_text(contacts.path.read_text("utf-8") + petr, "utf-8")
    take_contacts_in(company)
    with company.warehouse.transaction() as connection:
        # The table puts the CRM's owner first; the backtest is of the ranking alone.
        connection.execute(text("UPDATE crm_parties SET responsible_id = NULL"))
    numbers = [IVAN, PETR, VASILEK, "+79959998877"]
    chance = random.Random(11)
    take_in(
        company,
        *(
            talk(
                f"c{place}", place / 9, chance.choice(numbers), chance.choice(["201", "202"]), chance.randrange(20, 900)
            )
            for place in range(70)
        ),
    )
    table = "SELECT employee_id, share, contact_id FROM routing_table WHERE number = :number AND rank = 1"
    expected = {number: select(company.warehouse, table, number=number)[0] for number in numbers}
    assert {row.contact_id for row in expected.values()} == {"ivan", "petr", "olga", ""}
    take_in(company, *(talk(number, 20, number, "201") for number in numbers))
    events = read_calls(company.warehouse, ZONE, date(2026, 3, 22), date(2026, 3, 22))
    found = replay(events, RULES).set_index("linkedid")
    for number, row in expected.items():
        assert (found["first"][number], round(found["share"][number], 4)) == (row.employee_id, row.share)


def test_replaying_days_twice_keeps_one_row_per_call(company: Platform) -> None:
    """Also where a call turned out to belong to another day, or to be none of ours any more."""
    take_in(company, talk("c1", 0, VASILEK, "201"), talk("c2", 1, VASILEK, "201"))
    rows = run_days(company)
    assert run_days(company) == rows
    with company.warehouse.transaction() as connection:
        connection.execute(text("UPDATE routing_backtest SET call_day = '2026-02-02' WHERE linkedid = 'c2'"))
        connection.execute(text("DELETE FROM tracked_interactions WHERE source_key = 'c1'"))
    assert [row.linkedid for row in run_days(company)] == ["c2"]


def test_the_lift_is_that_of_the_latest_days(company: Platform) -> None:
    """The last talker is the last call's; a handful of calls decides nothing."""
    assert lift_over_last(company.warehouse) == Lift(None, None, 0, 0, 0, 0, 0, 0)
    extensions = ["202", *["201"] * 9, "202", "201", "201"]
    take_in(company, *(talk(f"c{day}", day, VASILEK, who) for day, who in enumerate(extensions)))
    run_days(company, FIRST_DAY, FIRST_DAY + timedelta(days=30))
    found = lift_over_last(company.warehouse, days=3)
    assert (found.first_day, found.last_day) == (date(2026, 3, 12), date(2026, 3, 14))
    assert (found.calls, found.hits, found.last_hits, found.named, found.better, found.worse) == (3, 2, 1, 3, 1, 0)
    assert found.lift == found.lift_where_named == pytest.approx(1 / 3)
    assert not found.is_worse
    assert lift_over_last(company.warehouse).calls == 13


@pytest.mark.parametrize(
    ("better", "worse", "is_worse"), [(0, 0, False), (0, 2, False), (10, 13, False), (10, 22, True)]
)
def test_only_a_difference_beyond_chance_is_worse(better: int, worse: int, *, is_worse: bool) -> None:
    """McNemar's test, one-sided, one in twenty."""
    assert Lift(FIRST_DAY, LAST_DAY, 100, 50, 50, 80, better, worse).is_worse is is_worse


def test_materialising_days_shows_each_days_own_figures(company: Platform) -> None:
    """Numbers that plot per day, and the picture of the days up to the last."""
    take_in(company, *(talk(f"c{day}", day, VASILEK, who) for day, who in enumerate(("201", "201", "202"))))
    [asset] = make_assets(CallDays.since(FIRST_DAY, ZONE))
    tags = {
        "dagster/asset_partition_range_start": FIRST_DAY.isoformat(),
        "dagster/asset_partition_range_end": LAST_DAY.isoformat(),
    }
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([asset], instance=instance, resources={"platform": company}, tags=tags)
        assert result.success
        shown = {event.partition: event.materialization.metadata for event in result.get_asset_materialization_events()}
    figures = {day: metadata.get("hit@1, %") for day, metadata in shown.items()}
    assert {day: value and value.value for day, value in figures.items()} == {
        "2026-03-02": 0.0,
        "2026-03-03": 100.0,
        "2026-03-04": 0.0,
    }
    last = shown["2026-03-04"]
    assert last["lift over last talker, points"].value == 0.0
    assert "data:image/png;base64," in str(last["plot, 90 days"].value)
    assert "0.95 | 1.0 | 2 | 1.0 | 0.5" in str(last["hit rate by share, 90 days"].value)
    assert "Продажи | 1 | 3" in str(last["continuity of the callers, by team"].value)


def test_a_day_without_calls_is_materialised_all_the_same(company: Platform) -> None:
    """Sundays are no failures."""
    [asset] = make_assets(CallDays.since(FIRST_DAY, ZONE))
    with dg.DagsterInstance.ephemeral() as instance:
        assert dg.materialize(
            [asset], instance=instance, resources={"platform": company}, partition_key=FIRST_DAY.isoformat()
        ).success


def test_only_the_evidence_of_those_who_called_is_read(company: Platform) -> None:
    """A night's run must not read clients who did not call."""
    take_in(company, talk("c1", 0, VASILEK, "201"), talk("c2", 2, ROMASHKA, "202"))
    assert read_calls(company.warehouse, ZONE, FIRST_DAY, FIRST_DAY)["client"].tolist() == ["vasilek"]
    assert sorted(read_calls(company.warehouse, ZONE)["client"]) == ["romashka", "vasilek"]
