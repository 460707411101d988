"""Rules the ranking keeps whatever the history is: the order of loading and the moment of counting change nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from assets.contacts.ownership import update_owners
from assets.contacts.sources import refresh_sources
from assets.platform import Platform
from assets.routing.build import rebuild_participation, rebuild_routing_table, update_routing
from assets.routing.rules import RoutingRules
from resources.warehouse import Warehouse
from tests.rows import at, leg, load, select

RULES = RoutingRules()
ZONE = "Europe/Moscow"
NOON = at("2026-10-01 12:00:00")
NUMBERS = ["+74957654321", "+74951234567", "+79161234567", "+74959998877"]
TABLE = (
    "SELECT number, rank, client_id, contact_id, employee_id, round(score::numeric, 4) AS score, share, "
    "is_responsible, reason FROM routing_table WHERE until_version IS NULL ORDER BY number, rank"
)
CALLED = [
    "call_legs", "call_history", "enriched_calls", "tracked_interactions", "participation", "routing_table",
    "routing_versions", "changed_calls", "changed_clients",
]  # fmt: skip

CALL = st.tuples(
    st.integers(0, 200 * 24), st.sampled_from(NUMBERS), st.sampled_from(["201", "202"]), st.integers(0, 2000)
)
HISTORIES = st.lists(CALL, min_size=1, max_size=8, unique_by=lambda call: call[0])
ON_ONE_WAREHOUSE = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture
def company(platform: Platform) -> Platform:
    """The platform with its contacts taken in."""
    refresh_sources(platform.warehouse, platform.contacts, platform.contact_rules)
    with platform.warehouse.transaction() as connection:
        update_owners(connection, platform.matching)
    return platform


def legs_of(calls: list[tuple[int, str, str, int]]) -> list[dict[str, Any]]:
    return [
        leg(f"c{hours}", NOON - timedelta(hours=hours), number, extension, duration=talk + 1, talk=talk)
        for hours, number, extension, talk in calls
    ]


def forget(warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        for table in CALLED:
            connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608 - names of ours
        # Clients with an owner in the CRM are ranked without a call; they waited for the first update.
        connection.execute(text("INSERT INTO changed_clients SELECT party_id FROM crm_parties"))


def table_after(company: Platform, *portions: list[dict[str, Any]]) -> list[Any]:
    """Load portions with an update after each, on a warehouse without calls; return the routing table."""
    forget(company.warehouse)
    for portion in portions:
        load(company.warehouse, portion)
        update_routing(company.warehouse, RULES, ZONE)
    return select(company.warehouse, TABLE)


@ON_ONE_WAREHOUSE
@given(calls=HISTORIES, data=st.data())
def test_the_order_never_depends_on_how_the_calls_came_or_when_they_were_counted(
    company: Platform, calls: list[tuple[int, str, str, int]], data: st.DataObject
) -> None:
    """All at once, one by one, backwards, or anew from nothing."""
    legs = legs_of(calls)
    at_once = table_after(company, legs)
    shuffled = data.draw(st.permutations(legs))
    cut = data.draw(st.integers(0, len(legs)))
    assert table_after(company, *filter(None, (shuffled[:cut], shuffled[cut:]))) == at_once
    assert table_after(company, *[[one] for one in reversed(legs)]) == at_once
    with company.warehouse.transaction() as connection:
        connection.execute(text("DELETE FROM participation"))
        connection.execute(text("DELETE FROM routing_table"))
    rebuild_participation(company.warehouse, RULES)
    rebuild_routing_table(company.warehouse, RULES, ZONE)
    assert select(company.warehouse, TABLE) == at_once


@ON_ONE_WAREHOUSE
@given(calls=HISTORIES, late=CALL)
def test_a_late_call_counts_as_an_early_one(
    company: Platform, calls: list[tuple[int, str, str, int]], late: tuple[int, str, str, int]
) -> None:
    """However old it is when it comes."""
    calls = [call for call in calls if call[0] != late[0]]
    legs, [late_leg] = legs_of(calls), legs_of([late])
    in_time = table_after(company, [*legs, late_leg])
    assert table_after(company, *filter(None, (legs, [late_leg]))) == in_time


@ON_ONE_WAREHOUSE
@given(calls=HISTORIES)
def test_shares_sum_to_one_and_ranks_are_by_score_below_the_owner(
    company: Platform, calls: list[tuple[int, str, str, int]]
) -> None:
    """Whatever the history: nobody is lost, and nobody stands above somebody with more."""
    by_number: dict[str, list[Any]] = {}
    for row in table_after(company, legs_of(calls)):
        by_number.setdefault(row.number, []).append(row)
    for rows in by_number.values():
        assert [row.rank for row in rows] == list(range(1, len(rows) + 1))
        assert sum(row.share for row in rows) == pytest.approx(1, abs=1e-3) or all(row.score == 0 for row in rows)
        ranked = [row.score for row in rows if row.reason != "crm_owner"]
        assert ranked == sorted(ranked, reverse=True)
        assert [row.is_responsible for row in rows[1:]] == [False] * (len(rows) - 1)
