"""Documents and rows of other databases as evidence: whose it becomes, and how it changes and ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from assets.contacts.errors import ContactsShrankError
from assets.contacts.interaction_query import InteractionQuery
from assets.contacts.overrides import assign
from assets.contacts.ownership import update_owners
from assets.contacts.rules import ContactRules
from assets.contacts.sources import refresh_sources
from assets.platform import Platform
from assets.routing.build import Pending, pending_work, rebuild_participation, track_days, update_routing
from assets.routing.rules import RoutingRules, TrackedCalls, TrackedDocuments
from resources.warehouse import Warehouse
from tests.rows import at, leg, load, select

ZONE = "Europe/Moscow"
NOON = at("2026-10-01 12:00:00")
VASILEK = "+74957654321"
ORDERS = TrackedDocuments("order", "order", weight=3)
TICKETS = TrackedDocuments("ticket", "ticket", weight=0.5)
RULES = RoutingRules(documents=(ORDERS, TICKETS))


@pytest.fixture
def company(platform: Platform) -> Platform:
    """The platform with its contacts taken in."""
    refresh_sources(platform.warehouse, platform.contacts, platform.contact_rules)
    with platform.warehouse.transaction() as connection:
        update_owners(connection, platform.matching)
    return platform


def write(warehouse: Warehouse, document: str, **values: Any) -> None:  # noqa: ANN401
    """Store a document as a CRM's refresh does, queue included."""
    row = {
        "source": "trade", "entity_set": "Orders", "document_id": document, "kind": "order", "version": "1",
        "interaction_day": NOON.date(), "at": NOON, "party_id": "vasilek", "contact_id": "olga",
        "employee_id": "anna", "phone": "", "number": None, "is_deleted": False,
    } | values  # fmt: skip
    with warehouse.transaction() as connection:
        connection.execute(
            text(
                "INSERT INTO crm_interactions (source, entity_set, document_id, kind, version, interaction_day, at, "
                "party_id, contact_id, employee_id, phone, number, is_deleted) VALUES (:source, :entity_set, "
                ":document_id, :kind, :version, :interaction_day, :at, :party_id, :contact_id, :employee_id, :phone, "
                ":number, :is_deleted) ON CONFLICT (source, entity_set, document_id) DO UPDATE SET "
                "party_id = excluded.party_id, employee_id = excluded.employee_id, is_deleted = excluded.is_deleted"
            ),
            row,
        )
        queue = "INSERT INTO changed_documents VALUES (:source, :entity_set, :document_id)"
        connection.execute(text(queue), {name: row[name] for name in ("source", "entity_set", "document_id")})


def tracked(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    query = (
        "SELECT kind, client_id, contact_id, employee_id, weight FROM tracked_interactions ORDER BY kind, source_key"
    )
    return [tuple(row) for row in select(warehouse, query)]


def update(company: Platform, rules: RoutingRules = RULES) -> Any:  # noqa: ANN401
    return update_routing(company.warehouse, rules, ZONE)


def test_a_document_is_evidence_of_its_author_for_its_client(company: Platform) -> None:
    """With the weight of its kind; kinds that are not configured count nothing."""
    write(company.warehouse, "d1")
    write(company.warehouse, "d2", kind="meeting")
    assert pending_work(company.warehouse, RULES, ZONE).documents == 2
    assert update(company).days == {NOON.date(): 1}
    assert tracked(company.warehouse) == [("order", "vasilek", "olga", "anna", 3)]
    query = "SELECT employee_id, is_responsible, reason FROM routing_table WHERE number = :number"
    assert select(company.warehouse, query, number=VASILEK) == [("anna", False, "too_little_evidence")]
    assert not pending_work(company.warehouse, RULES, ZONE)


def test_a_document_that_changes_moves_its_evidence_and_one_that_goes_takes_it_along(company: Platform) -> None:
    """Another client, another author, deleted: both clients are ranked anew."""
    write(company.warehouse, "d1")
    update(company)
    write(company.warehouse, "d1", party_id="sirius", employee_id="vera")
    update(company)
    assert tracked(company.warehouse) == [("order", "sirius", "olga", "vera", 3)]
    assert select(company.warehouse, "SELECT client_id, employee_id FROM participation") == [("sirius", "vera")]
    write(company.warehouse, "d1", party_id="sirius", is_deleted=True)
    update(company)
    assert tracked(company.warehouse) == []
    assert select(company.warehouse, "SELECT * FROM participation") == []


def test_a_document_with_a_number_alone_follows_the_numbers_owner(company: Platform) -> None:
    """As of its date; a changed owner moves the evidence with it."""
    number = "+74959998877"
    write(company.warehouse, "d1", party_id="", contact_id="", number=number)
    update(company)
    assert tracked(company.warehouse)[0][1] == f"tel:{number}"
    with company.warehouse.transaction() as connection:
        assign(connection, number, "sirius", ContactRules(), is_retroactive=True)
        update_owners(connection, company.matching)
    assert pending_work(company.warehouse, RULES, ZONE).documents == 1
    update(company)
    assert tracked(company.warehouse)[0][1] == "sirius"


def test_other_rules_weigh_everything_anew_with_the_next_update(company: Platform) -> None:
    """Weights, a kind that is no longer tracked, calls left out: no rebuild by hand is needed."""
    load(company.warehouse, [leg("c1", NOON, VASILEK, "201", duration=100, talk=90)])
    write(company.warehouse, "d1")
    update(company)
    heavier = replace(RULES, documents=(replace(ORDERS, weight=7),))
    assert pending_work(company.warehouse, heavier, ZONE) == Pending(0, 0, 0, has_new_rules=True)
    update(company, heavier)
    assert [row[0::4] for row in tracked(company.warehouse)] == [("call", 1.386294), ("order", 7)]
    without = replace(RULES, documents=(), calls=TrackedCalls(weight=0))
    update(company, without)
    assert tracked(company.warehouse) == []
    assert select(company.warehouse, "SELECT * FROM routing_table WHERE until_version IS NULL AND score > 0") == []
    update(company)
    assert [row[0] for row in tracked(company.warehouse)] == ["call", "order"]


def test_evidence_past_its_validity_counts_nothing_and_its_client_is_ranked_anew(company: Platform) -> None:
    """The one case in which time alone changes a score, because somebody configured it."""
    rules = replace(RULES, documents=(replace(ORDERS, validity_days=400),))
    write(company.warehouse, "d1")
    write(company.warehouse, "d2", at=NOON - timedelta(days=399), interaction_day=NOON.date() - timedelta(days=399))
    update(company, rules)
    [(interactions,)] = select(company.warehouse, "SELECT interactions FROM participation")
    assert interactions == 1
    with company.warehouse.transaction() as connection:
        connection.execute(text("UPDATE tracked_interactions SET valid_until = now() - interval '1 minute'"))
        connection.execute(text("UPDATE routing_versions SET verified_at = now() - interval '1 hour'"))
    assert pending_work(company.warehouse, rules, ZONE).clients == 1
    update(company, rules)
    assert select(company.warehouse, "SELECT * FROM participation") == []


def test_materialising_a_day_makes_its_documents_evidence_anew(company: Platform) -> None:
    """Whatever happened to the rows, the day ends as the documents say."""
    write(company.warehouse, "d1")
    update(company)
    before = tracked(company.warehouse)
    with company.warehouse.transaction() as connection:
        connection.execute(text("UPDATE tracked_interactions SET weight = 99"))
    assert track_days(company.warehouse, RULES, NOON.date(), NOON.date()) == {NOON.date(): 1}
    assert tracked(company.warehouse) == before
    assert rebuild_participation(company.warehouse, RULES).parts_written == 0


@pytest.fixture
def desk(make_database: Callable[[str | None], str]) -> str:
    """A service desk's database with closed tickets."""
    url = make_database(None)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE tickets (id integer, closed_at timestamp, assignee text, customer text, phone text);"
            "INSERT INTO tickets SELECT n, '2026-10-01 12:00', 'anna', '', '8 495 765-43-21' "
            "FROM generate_series(1, 30) AS n"
        )
    return url


def test_rows_of_any_database_are_evidence(company: Platform, desk: str) -> None:
    """By the operator's own query: new, changed and gone rows, and a refused one with its reason."""
    query = "SELECT id, closed_at, assignee, customer, phone FROM tickets"
    columns = {"document_id": "id", "at": "closed_at", "employee_id": "assignee", "party_id": "customer",
               "number": "phone"}  # fmt: skip
    source = InteractionQuery("ticket", desk, query, columns)
    assert source.look(company.warehouse).has_news
    done = source.refresh(company.warehouse, company.contact_rules)
    assert (done.interactions, done.refused) == ({NOON.date(): 30}, 0)
    assert not source.look(company.warehouse).has_news
    update(company)
    assert set(tracked(company.warehouse)) == {("ticket", "vasilek", "olga", "anna", 0.5)}
    [moment] = select(company.warehouse, "SELECT DISTINCT at FROM tracked_interactions")
    assert moment.at == NOON  # a wall clock without an offset is the business zone's
    with psycopg.connect(desk, autocommit=True) as connection:
        connection.execute("UPDATE tickets SET assignee = 'vera' WHERE id = 1; DELETE FROM tickets WHERE id = 2")
        connection.execute("INSERT INTO tickets VALUES (99, '2026-10-01 12:00', '', 'x', '')")
    done = source.refresh(company.warehouse, company.contact_rules)
    assert (done.interactions, done.refused) == ({NOON.date(): 2}, 1)
    update(company)
    assert len(tracked(company.warehouse)) == 29
    with psycopg.connect(desk, autocommit=True) as connection:
        connection.execute("DELETE FROM tickets WHERE id > 5")
    with pytest.raises(ContactsShrankError, match="has lost 25"):
        source.refresh(company.warehouse, company.contact_rules)
    assert len(tracked(company.warehouse)) == 29
