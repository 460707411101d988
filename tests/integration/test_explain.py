"""Why a number is answered as it is: the contributions sum to the score, and every other employee has a why not."""

from __future__ import annotations

import json
import random
from datetime import timedelta

import pytest
from sqlalchemy import text

from assets.contacts.ownership import update_owners
from assets.contacts.sources import refresh_sources
from assets.platform import Platform
from assets.routing.build import update_routing
from assets.routing.explain import Explanation, explain_answer
from assets.routing.policy import AnswerPolicy, PublicationRules
from assets.routing.publish import publish
from assets.routing.rules import RoutingRules
from tests.rows import at, leg, load, select

RULES = RoutingRules()
ZONE = "Europe/Moscow"
MORNING = at("2026-10-01 10:00:00")
VASILEK = "+74957654321"
OLGA_AT_HOME = "+74950001177"


@pytest.fixture
def company(platform: Platform) -> Platform:
    """The platform with its contacts taken in; a second contact of the company Vasilek."""
    file = platform.contacts[0].path  # type: ignore[attr-defined]
    file.write_text(file.read_text("utf-8") + f"vasilek,ООО «Василёк»,company,petr,Пётр,{OLGA_AT_HOME},,,\n", "utf-8")
    refresh_sources(platform.warehouse, platform.contacts, platform.contact_rules)
    with platform.warehouse.transaction() as connection:
        update_owners(connection, platform.matching)
    return platform


def build(company: Platform, *legs: tuple[str, str, int]) -> None:
    """Load calls of (number, extension, seconds), one an hour, and publish."""
    rows = [
        leg(f"c{place}-{number}", MORNING + timedelta(hours=place), number, extension, duration=talk, talk=talk)
        for place, (number, extension, talk) in enumerate(legs)
    ]
    load(company.warehouse, rows)
    update_routing(company.warehouse, RULES, ZONE)
    publish(company.warehouse, PublicationRules(), AnswerPolicy(queue_extension="600"))


def explained(company: Platform, number: str) -> Explanation:
    with company.warehouse.transaction() as connection:
        return explain_answer(connection, number, RULES, ZONE)


def test_contributions_sum_to_the_score_in_the_table(company: Platform) -> None:
    """For a contact, whose company stands behind them, as for the company; for shares too."""
    chance = random.Random(5)
    build(
        company,
        *[
            (chance.choice([VASILEK, OLGA_AT_HOME]), chance.choice(["201", "202"]), chance.randrange(10, 900))
            for _ in range(30)
        ],
    )
    for number in (VASILEK, OLGA_AT_HOME):
        found = explained(company, number)
        rows = {
            row.employee_id: row
            for row in select(company.warehouse, "SELECT * FROM routing_table WHERE number = :number", number=number)
        }
        assert set(rows) == {"anna", "vera"}
        for each in found.candidates:
            assert sum(one.points for one in each.contributions) == pytest.approx(each.score)
            assert each.score == pytest.approx(rows[each.employee_id].score, abs=1e-5)
            assert each.share == pytest.approx(rows[each.employee_id].share, abs=1e-4)
        assert sum(each.share for each in found.candidates) == pytest.approx(1)
        assert found.notes == []


def test_a_contacts_own_calls_count_more_than_the_companys_others(company: Platform) -> None:
    """Shrinkage: Vera talks with Petr, Anna with the rest of the company; each number has its own first."""
    build(company, *[(VASILEK, "201", 300)] * 3, *[(OLGA_AT_HOME, "202", 300)] * 3)
    assert explained(company, VASILEK).answer["employee_id"] == "anna"
    assert explained(company, OLGA_AT_HOME).answer["employee_id"] == "vera"


def test_a_contact_without_calls_has_the_companys_ranking(company: Platform) -> None:
    """Nothing of their own, so the company's shares in full."""
    build(company, *[(VASILEK, "201", 300)] * 3, (VASILEK, "202", 100))
    first = [(each.employee_id, round(each.share, 4)) for each in explained(company, VASILEK).candidates]
    assert first == [(each.employee_id, round(each.share, 4)) for each in explained(company, OLGA_AT_HOME).candidates]


def test_everybody_else_has_a_why_not(company: Platform) -> None:
    """Away, left, behind; and a table older than its evidence is said."""
    build(company, (VASILEK, "201", 600), (VASILEK, "202", 30))
    with company.warehouse.transaction() as connection:
        connection.execute(
            text(
                "INSERT INTO employee_absences (source, employee_id, absent_from, absent_to) "
                "VALUES ('hand', 'anna', now() - interval '1 day', '2099-06-03 00:00+03')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO tracked_interactions (kind, source, source_key, employee_id, interaction_day, at, "
                "client_id, party_id, contact_id, direction, role, talk_seconds, weight) SELECT kind, source, 'old', "
                "'gleb', interaction_day, at, client_id, party_id, contact_id, direction, role, talk_seconds, 5 "
                "FROM tracked_interactions LIMIT 1"
            )
        )
    found = explained(company, VASILEK)
    assert found.answer["employee_id"] == "vera"
    why_not = {each.employee_id: each.why_not for each in found.candidates}
    assert why_not["vera"] == ""
    assert why_not["anna"].startswith("is away until 2099-06-0")
    assert "does not work here" in why_not["gleb"]


def test_an_unknown_number_and_an_empty_house_are_explained_too(company: Platform) -> None:
    """As JSON, whole."""
    found = explained(company, "+74959998877")
    assert "Nothing is published yet" in found.notes[0]
    build(company, (VASILEK, "201", 600))
    content = json.loads(json.dumps(explained(company, VASILEK).as_json(), ensure_ascii=False))
    assert content["answer"]["version"] == 1
    assert content["candidates"][0]["contributions"][0]["source_key"] == f"c0-{VASILEK}"
    assert explained(company, "+74959998877").answer["extension"] == "600"


def test_a_table_built_from_other_evidence_is_said_to_be(company: Platform) -> None:
    """Between a load and the next update."""
    build(company, (VASILEK, "201", 600))
    with company.warehouse.transaction() as connection:
        connection.execute(text("UPDATE tracked_interactions SET weight = weight * 2"))
    assert "built from other evidence" in explained(company, VASILEK).notes[0]
