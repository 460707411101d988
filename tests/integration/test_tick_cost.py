"""A tick writes its own rows and no others, and asks as many questions, however much is stored."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, text

from assets.history.load import LoadRules, load_portions
from assets.routing.build import update_routing
from assets.routing.rules import RoutingRules
from benchmarks.ticks import NEW_CALLS, fill, new_legs
from resources.telephony.source import Portion
from resources.warehouse import Warehouse

TABLES = ("call_legs", "call_history", "enriched_calls", "tracked_interactions", "participation", "routing_table")


def newest_transaction(warehouse: Warehouse) -> int:
    with warehouse.transaction() as connection:
        return int(connection.execute(text("SELECT pg_current_xact_id()::text::bigint")).scalar_one())


def written_since(warehouse: Warehouse, transaction: int) -> dict[str, int]:
    """Return how many rows of each table were written after a transaction, told by who wrote them."""
    query = "SELECT count(*) FROM {} WHERE xmin::text::bigint > :transaction"
    with warehouse.transaction() as connection:
        return {
            table: connection.execute(text(query.format(table)), {"transaction": transaction}).scalar_one()
            for table in TABLES
        }


def load(warehouse: Warehouse, number: int) -> None:
    portion = Portion(cursor={"last": number}, records=list(new_legs(number)))
    load_portions(warehouse, "bench", "mikopbx", [portion], LoadRules())


@pytest.mark.parametrize("stored", [1_000, 100_000])
def test_a_hundred_new_calls_write_their_own_rows_and_no_others(warehouse: Warehouse, stored: int) -> None:
    """A leg, a call and an owner each; evidence, part and route of their hundred clients."""
    fill(warehouse, stored)
    load(warehouse, 0)
    update_routing(warehouse, RoutingRules(), "Europe/Moscow")
    before = newest_transaction(warehouse)
    load(warehouse, 1)
    update_routing(warehouse, RoutingRules(), "Europe/Moscow")
    written = written_since(warehouse, before)
    assert {table: written[table] for table in TABLES[:4]} == dict.fromkeys(TABLES[:4], NEW_CALLS)
    # Each client has one employee more, or the same with other figures: at most three routes per number.
    assert 0 < written["participation"] <= NEW_CALLS
    assert 0 < written["routing_table"] <= 6 * NEW_CALLS
    before = newest_transaction(warehouse)
    load(warehouse, 1)
    update_routing(warehouse, RoutingRules(), "Europe/Moscow")
    assert written_since(warehouse, before) == dict.fromkeys(TABLES, 0)


def test_the_number_of_statements_does_not_follow_the_number_of_calls(warehouse: Warehouse) -> None:
    """A hundred calls cost as many statements as one: no loop over rows."""
    asked: list[str] = []

    def note(*details: Any) -> None:  # noqa: ANN401
        # The lock of the load before may still be held while its connection ends: that question may come twice.
        if "pg_try_advisory_lock" not in details[2]:
            asked.append(details[2])

    fill(warehouse, 1_000)
    load(warehouse, 0)
    event.listen(warehouse.engine, "before_cursor_execute", note)
    few = Portion(cursor={}, records=list(new_legs(1))[:1])
    load_portions(warehouse, "bench", "mikopbx", [few], LoadRules())
    for_one = len(asked)
    asked.clear()
    load(warehouse, 2)
    assert len(asked) == for_one
