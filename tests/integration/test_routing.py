"""From evidence to routing table: weights, shares, versions, and what an update touches."""

from __future__ import annotations

import math
import random
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from assets.contacts.ownership import update_owners
from assets.contacts.sources import FileSource, refresh_sources
from assets.enrichment.fill import fill_owners
from assets.platform import Platform
from assets.routing.build import Pending, pending_work, rebuild_participation, rebuild_routing_table, update_routing
from assets.routing.rules import RoutingRules
from tests.rows import at, leg, load, select

RULES = RoutingRules()
ZONE = "Europe/Moscow"
MORNING = at("2026-03-02 10:00:00")
VASILEK = "+74957654321"
STRANGER = "+74959998877"


@pytest.fixture
def company(platform: Platform) -> Platform:
    """The platform with its contacts taken in."""
    take_contacts_in(platform)
    return platform


def take_contacts_in(platform: Platform) -> None:
    refresh_sources(platform.warehouse, platform.contacts, platform.contact_rules)
    with platform.warehouse.transaction() as connection:
        update_owners(connection, platform.matching)


def current(platform: Platform, number: str) -> list[Any]:
    """Return the current rows of a number, best first."""
    query = "SELECT * FROM routing_table WHERE until_version IS NULL AND number = :number ORDER BY rank"
    return select(platform.warehouse, query, number=number)


def update(platform: Platform) -> Any:  # noqa: ANN401
    return update_routing(platform.warehouse, RULES, ZONE)


def test_shares_follow_the_published_formula(company: Platform) -> None:
    """The formula of docs/routing.md, to four digits; its worked example has a test of its own."""
    load(
        company.warehouse,
        [
            leg("now", MORNING, VASILEK, "201", duration=310, talk=300),
            leg("then", MORNING - timedelta(days=90), VASILEK, "201", duration=70, talk=60),
            leg("other", MORNING, VASILEK, "202", duration=130, talk=120),
        ],
    )
    update(company)
    anna, boris = current(company, VASILEK)
    expected = math.log(11) + math.log(3) / 2
    assert (anna.employee_id, boris.employee_id) == ("anna", "boris")
    assert anna.score == pytest.approx(expected, abs=1e-4)
    assert anna.share == pytest.approx(expected / (expected + math.log(5)), abs=1e-4)
    assert (anna.is_responsible, anna.reason) == (True, "rank")
    assert not boris.is_responsible


@pytest.mark.parametrize(
    ("legs", "reason"),
    [
        ([("201", 100), ("202", 90), ("201", 12), ("203", 95)], "share_too_small"),
        ([("201", 30)], "too_little_evidence"),
    ],
)
def test_without_enough_share_or_evidence_nobody_is_responsible(
    company: Platform, legs: list[tuple[str, int]], reason: str
) -> None:
    """The list is there all the same, and the reason says why its first is not responsible."""
    with company.warehouse.transaction() as connection:
        connection.execute(text("UPDATE crm_employees SET employed_until = NULL"))
    load(
        company.warehouse,
        [
            leg(f"c{place}", MORNING + timedelta(hours=place), VASILEK, extension, duration=talk, talk=talk)
            for place, (extension, talk) in enumerate(legs)
        ],
    )
    update(company)
    first = current(company, VASILEK)[0]
    assert (first.is_responsible, first.reason) == (False, reason)


def test_who_left_is_not_named_though_the_evidence_stays(company: Platform) -> None:
    """Gleb's last day was in January: his talk counts for nobody else, and he is not offered."""
    load(company.warehouse, [leg("c1", MORNING, VASILEK, "203", duration=600, talk=600)])
    update(company)
    assert current(company, VASILEK) == []
    assert select(company.warehouse, "SELECT employee_id FROM participation") == [("gleb",)]


def test_an_idle_update_builds_nothing_and_verifies(company: Platform) -> None:
    """No new version, not a row written; the newest version is verified."""
    load(company.warehouse, [leg("c1", MORNING, VASILEK, "201", talk=30)])
    assert update(company).version == 1
    [(built_at, verified_at)] = select(company.warehouse, "SELECT built_at, verified_at FROM routing_versions")
    assert not pending_work(company.warehouse, RULES, ZONE)
    report = update(company)
    assert (report.version, report.rows_opened, report.rows_closed) == (None, 0, 0)
    [(_, later)] = select(company.warehouse, "SELECT built_at, verified_at FROM routing_versions")
    assert built_at <= verified_at < later


def test_a_new_version_writes_only_what_changed_and_the_old_one_can_still_be_asked_for(company: Platform) -> None:
    """Rows hold from a version until a version."""
    load(company.warehouse, [leg("c1", MORNING, VASILEK, "201", talk=30)])
    load(company.warehouse, [leg("c2", MORNING, STRANGER, "202", talk=30)])
    update(company)
    load(company.warehouse, [leg("c3", MORNING + timedelta(hours=1), STRANGER, "201", duration=90, talk=90)])
    report = update(company)
    assert (report.version, report.clients, report.rows_opened, report.rows_closed) == (2, 1, 2, 1)
    as_of = (
        "SELECT employee_id FROM routing_table WHERE number = :number AND version <= :version "
        "AND (until_version IS NULL OR until_version > :version) ORDER BY rank"
    )
    assert select(company.warehouse, as_of, number=STRANGER, version=1) == [("boris",)]
    assert select(company.warehouse, as_of, number=STRANGER, version=2) == [("anna",), ("boris",)]
    assert select(company.warehouse, as_of, number=VASILEK, version=2) == [("anna",)]


def test_a_number_that_finds_its_owner_takes_its_evidence_to_the_owner(company: Platform) -> None:
    """A new card finds earlier calls; the unknown caller's own ranking ends."""
    load(company.warehouse, [leg("c1", MORNING, STRANGER, "201", duration=90, talk=90)])
    update(company)
    assert current(company, STRANGER)[0].client_id == f"tel:{STRANGER}"
    source = company.contacts[0]
    assert isinstance(source, FileSource)
    contacts = source.path
    contacts.write_text(contacts.read_text("utf-8") + f"vega,ООО «Вега»,company,,,{STRANGER},,,\n", "utf-8")
    take_contacts_in(company)
    fill_owners(company.warehouse, MORNING.date(), MORNING.date(), company.number_rules)
    update(company)
    [row] = current(company, STRANGER)
    assert (row.client_id, row.party_name, row.employee_id) == ("vega", "ООО «Вега»", "anna")
    assert rebuild_routing_table(company.warehouse, RULES, ZONE).version is None


def test_employees_whose_last_day_has_passed_are_noticed_without_any_other_change(company: Platform) -> None:
    """Time alone changes one thing: who is employed."""
    load(company.warehouse, [leg("c1", MORNING, VASILEK, "201", duration=90, talk=90)])
    update(company)
    with company.warehouse.transaction() as connection:
        connection.execute(text("UPDATE crm_employees SET employed_until = current_date - 1 WHERE name LIKE 'Анна%'"))
        connection.execute(text("UPDATE routing_versions SET verified_at = now() - interval '2 days'"))
    assert pending_work(company.warehouse, RULES, ZONE) == Pending(
        0, 0, 2, has_new_rules=False
    )  # the client she talked to, and the one she owns
    update(company)
    assert current(company, VASILEK) == []


def test_updates_by_what_changed_end_in_the_same_table_as_a_rebuild_of_everything(company: Platform) -> None:
    """Also when calls come late, in any order, and legs change afterwards."""
    chance = random.Random(3)
    numbers = [f"+7495{chance.randrange(10_000_000):07d}" for _ in range(12)] + [VASILEK, "84951234567", "+74950001122"]
    rows = [
        leg(
            f"c{place}",
            MORNING + timedelta(minutes=chance.randrange(100_000)),
            chance.choice(numbers),
            chance.choice(["201", "202", "203"]),
            duration=(talk := chance.randrange(400)),
            talk=talk,
        )
        for place in range(300)
    ]
    for first in range(0, 300, 40):
        load(company.warehouse, rows[first : first + 40])
        update(company)
    changed = [row | {"billsec": 5} for row in rows[::7]]
    load(company.warehouse, changed)
    update(company)
    assert rebuild_participation(company.warehouse, RULES).parts_written == 0
    assert rebuild_routing_table(company.warehouse, RULES, ZONE).version is None
    table = select(
        company.warehouse,
        "SELECT number, rank, employee_id, score, share, reason FROM routing_table "
        "WHERE until_version IS NULL ORDER BY 1, 2",
    )
    with company.warehouse.transaction() as connection:
        connection.execute(text("TRUNCATE routing_table, routing_versions, participation"))
    rebuild_participation(company.warehouse, RULES)
    rebuild_routing_table(company.warehouse, RULES, ZONE)
    assert table == select(
        company.warehouse, "SELECT number, rank, employee_id, score, share, reason FROM routing_table ORDER BY 1, 2"
    )


def test_a_change_committed_while_an_update_runs_is_taken_by_the_next(company: Platform) -> None:
    """The queue keeps a call that changes again before its first change was taken."""
    row = leg("c1", MORNING, VASILEK, "201", duration=90, talk=90)
    load(company.warehouse, [row])
    with company.warehouse.transaction() as slow:
        slow.execute(text("INSERT INTO changed_calls VALUES ('office', 'c1')"))
        update(company)
    assert pending_work(company.warehouse, RULES, ZONE) == Pending(1, 0, 0, has_new_rules=False)
