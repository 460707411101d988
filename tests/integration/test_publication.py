"""What goes live: publication, its limits, approval, roll-back, verification, and what an answer says of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from assets.contacts.ownership import update_owners
from assets.contacts.sources import refresh_sources
from assets.platform import Platform
from assets.routing import publish
from assets.routing.build import update_routing
from assets.routing.policy import AnswerPolicy, PublicationRules
from assets.routing.publish import Publication, PublicationError
from assets.routing.rules import RoutingRules
from pipelines.housekeeping import Retention, trim_warehouse
from tests.rows import at, leg, load, select

RULES = RoutingRules()
ZONE = "Europe/Moscow"
MORNING = at("2026-10-01 10:00:00")
VASILEK = "+74957654321"
LIMITS = PublicationRules(guarded_from=3)
POLICY = AnswerPolicy(queue_extension="600")


@pytest.fixture
def company(platform: Platform) -> Platform:
    """The platform with its contacts taken in, and twelve unknown clients of Anna's."""
    refresh_sources(platform.warehouse, platform.contacts, platform.contact_rules)
    with platform.warehouse.transaction() as connection:
        update_owners(connection, platform.matching)
    load(platform.warehouse, [leg(f"c{n}", MORNING, number(n), "201", duration=100, talk=90) for n in range(12)])
    update_routing(platform.warehouse, RULES, ZONE)
    return platform


def number(place: int) -> str:
    return f"+749599900{place:02d}"


def give_to_vera(company: Platform, places: range) -> None:
    """Let Vera talk so much with these clients that they become his."""
    rows = [leg(f"b{n}", MORNING + timedelta(hours=1), number(n), "202", duration=990, talk=980) for n in places]
    load(company.warehouse, rows)
    update_routing(company.warehouse, RULES, ZONE)


def publish_newest(company: Platform, **how: Any) -> Publication:  # noqa: ANN401
    return publish.publish(company.warehouse, LIMITS, POLICY, **how)


def answer(company: Platform, asked: str) -> Any:  # noqa: ANN401
    [row] = select(company.warehouse, "SELECT * FROM route(:asked)", asked=asked)
    return row


def test_what_is_built_answers_only_once_it_is_published(company: Platform) -> None:
    """A new version stands beside the live one until one row says otherwise."""
    assert answer(company, number(1)).reason == "queue"
    assert publish_newest(company).decision == "published"
    assert answer(company, number(1)).employee_id == "anna"
    give_to_vera(company, range(1, 2))
    assert (answer(company, number(1)).employee_id, answer(company, number(1)).version) == ("anna", 1)
    done = publish_newest(company)
    assert (done.decision, done.version, done.diff.changed, done.diff.lost) == ("published", 2, 1, 0)
    assert (answer(company, number(1)).employee_id, answer(company, number(1)).version) == ("vera", 2)


def test_the_diff_names_who_changes_and_what_each_employee_gains_and_loses(company: Platform) -> None:
    """In clients, against the live version."""
    publish_newest(company)
    give_to_vera(company, range(2))
    load(company.warehouse, [leg("new", MORNING, number(50), "202", duration=100, talk=90)])
    update_routing(company.warehouse, RULES, ZONE)
    diff = publish_newest(company).diff
    assert (diff.clients_before, diff.changed, diff.lost, diff.gained) == (13, 2, 0, 1)
    assert diff.employees == [
        {"employee_id": "vera", "name": "Вера Белова", "gains": 3, "loses": 0},
        {"employee_id": "anna", "name": "Анна Смирнова", "gains": 0, "loses": 2},
    ]
    assert [(each["from_name"], each["to_name"]) for each in diff.some][:2] == [
        ("Анна Смирнова", "Вера Белова"),
        ("Анна Смирнова", "Вера Белова"),
    ]


def test_a_diff_beyond_the_limit_stops_publication_until_somebody_approves(company: Platform) -> None:
    """The former table answers meanwhile, verified; the same version is noted as stopped once."""
    publish_newest(company)
    give_to_vera(company, range(6))
    for _ in range(2):
        stopped = publish_newest(company)
        assert (stopped.decision, stopped.live_version) == ("stopped", 1)
        assert "6 clients would get another responsible" in stopped.reason
        assert "approve: true" in stopped.reason
    assert answer(company, number(1)).employee_id == "anna"
    assert not publish.look(company.warehouse).has_news
    decisions = "SELECT decision FROM routing_publications ORDER BY publication_id"
    assert select(company.warehouse, decisions) == [("published",), ("stopped",)]
    assert publish_newest(company, is_approved=True).decision == "approved"
    assert answer(company, number(1)).employee_id == "vera"


def test_clients_who_lose_their_responsible_count_against_the_limit(company: Platform) -> None:
    """An employee who is excluded by mistake does not empty the table unseen."""
    publish_newest(company)
    with company.warehouse.transaction() as connection:
        connection.execute(text("INSERT INTO routing_exclusions (source, employee_id) VALUES ('hand', 'anna')"))
        connection.execute(text("INSERT INTO changed_clients SELECT client_id FROM routing_table"))
    update_routing(company.warehouse, RULES, ZONE)
    stopped = publish_newest(company)
    assert (stopped.decision, stopped.diff.lost) == ("stopped", 13)


def test_a_broken_table_is_not_published_even_if_somebody_approves(company: Platform) -> None:
    """Rows no build can make, here by hand, never answer."""
    publish_newest(company)
    give_to_vera(company, range(1))
    with company.warehouse.transaction() as connection:
        connection.execute(text("UPDATE routing_table SET rank = 3 WHERE version = 2 AND rank = 2"))
    stopped = publish_newest(company, is_approved=True)
    assert stopped.decision == "stopped"
    assert "hole" in stopped.reason


def test_a_rollback_answers_at_once_and_holds_until_released(company: Platform) -> None:
    """The next ticks neither bring the bad table back nor let the good one go stale."""
    publish_newest(company)
    give_to_vera(company, range(1))
    publish_newest(company)
    former, version, diff = publish.roll_back(company.warehouse, LIMITS, "wrong calls")
    assert (former, version, diff.changed) == (2, 1, 1)
    assert (answer(company, number(0)).employee_id, answer(company, number(0)).version) == ("anna", 1)
    give_to_vera(company, range(1, 2))
    held = publish_newest(company)
    assert (held.decision, held.live_version, held.version) == ("held", 1, 3)
    assert "wrong calls" in held.reason
    assert not publish.look(company.warehouse).has_news
    assert publish.release(company.warehouse) == 1
    assert publish.look(company.warehouse).has_news
    assert publish_newest(company).decision == "published"
    assert answer(company, number(0)).version == 3
    with pytest.raises(PublicationError, match="Nothing is held"):
        publish.release(company.warehouse)


def test_a_rollback_goes_to_any_kept_version_and_to_no_other(company: Platform) -> None:
    """Versions go with their time, but never the live one, nor the one before it."""
    with pytest.raises(PublicationError, match="Nothing is published"):
        publish.roll_back(company.warehouse, LIMITS, "")
    publish_newest(company)
    with pytest.raises(PublicationError, match="the first that was published"):
        publish.roll_back(company.warehouse, LIMITS, "")
    for place in range(1, 4):
        give_to_vera(company, range(place, place + 1))
        publish_newest(company)
    with company.warehouse.transaction() as connection:
        connection.execute(text("UPDATE routing_versions SET built_at = now() - interval '40 days'"))
    before = answer(company, number(1))
    trim_warehouse(company.warehouse, Retention(routing_version_days=30))
    assert select(company.warehouse, "SELECT version FROM routing_versions ORDER BY 1") == [(3,), (4,)]
    assert answer(company, number(1)).ranked == before.ranked
    with pytest.raises(PublicationError, match="Version 2 is not kept"):
        publish.roll_back(company.warehouse, LIMITS, "", 2)
    assert publish.roll_back(company.warehouse, LIMITS, "")[1] == 3
    assert answer(company, number(3)).employee_id == "anna"


def test_a_table_that_nobody_verifies_says_it_is_stale_and_leaves_its_ranks_out(company: Platform) -> None:
    """To the minute: one instant it ranks, at `stale_at` it goes down the ladder."""
    publish_newest(company)
    [(stale_at,)] = select(company.warehouse, "SELECT stale_at FROM published_routing")
    ask = "SELECT is_stale, reason, employee_id, age_seconds FROM route(:asked, :at)"
    before = select(company.warehouse, ask, asked=number(1), at=stale_at - timedelta(microseconds=1))
    assert before[0][:3] == (False, "rank", "anna")
    [(is_stale, reason, employee, age)] = select(company.warehouse, ask, asked=number(1), at=stale_at)
    assert (is_stale, reason, employee) == (True, "queue", None)  # the last talk was months ago
    assert age >= LIMITS.stale_after_seconds - 1
    publish.verify(company.warehouse, LIMITS, POLICY)
    assert not answer(company, number(1)).is_stale


def test_an_idle_look_verifies_and_takes_new_settings_live(company: Platform) -> None:
    """Words and numbers of the menu need no new table."""
    publish_newest(company)
    with company.warehouse.transaction() as connection:
        connection.execute(text("UPDATE published_routing SET verified_at = verified_at - interval '1 hour'"))
    assert publish_newest(company).decision == "verified"
    assert answer(company, number(1)).age_seconds < 60
    publish.verify(company.warehouse, LIMITS, replace(POLICY, queue_extension="700"))
    assert answer(company, "+74950000000").extension == "700"


def test_the_published_responsible_stays_until_somebody_leads_by_enough(company: Platform) -> None:
    """Hysteresis: a little more work by another does not turn a client over; the reason says so."""
    publish_newest(company)
    rows = [leg("close", MORNING + timedelta(days=1), number(3), "202", duration=110, talk=100)]
    load(company.warehouse, rows)
    update_routing(company.warehouse, RULES, ZONE)
    scores = "SELECT employee_id, score, reason, is_responsible FROM routing_table WHERE number = :asked AND "
    current = "until_version IS NULL ORDER BY rank"
    first, second = select(company.warehouse, scores + current, asked=number(3))
    assert second.score > first.score > second.score / RULES.hysteresis
    assert (first.employee_id, first.reason, first.is_responsible) == ("anna", "kept", True)
    assert (second.employee_id, second.reason) == ("vera", "rank")
    publish_newest(company)
    assert answer(company, number(3)).reason == "kept"
    load(company.warehouse, [leg("more", MORNING + timedelta(days=2), number(3), "202", duration=110, talk=100)])
    update_routing(company.warehouse, RULES, ZONE)
    publish_newest(company)
    assert answer(company, number(3)).employee_id == "vera"


def test_when_two_publish_at_once_one_decision_is_made(company: Platform) -> None:
    """Whoever decides holds the one row."""
    from concurrent.futures import ThreadPoolExecutor

    publish_newest(company)
    give_to_vera(company, range(1))
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: publish_newest(company).decision, range(4)))
    assert sorted(done) == ["published", "verified", "verified", "verified"]


def test_the_first_table_is_published_whatever_it_changes(company: Platform) -> None:
    """There is nobody yet to lose a client."""
    done = publish_newest(company)
    assert (done.decision, done.diff.clients_before, done.diff.gained) == ("published", 0, 13)
    assert done.live_version == 1
    [(verified_at,)] = select(company.warehouse, "SELECT verified_at FROM published_routing")
    assert datetime.now(UTC) - verified_at < timedelta(minutes=1)
