"""What a tick costs, by how much is stored: with nothing new, with 100 new calls, with 100 changed cards."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
from sqlalchemy import text

from assets.contacts.load import begin_load, store_contacts, store_staged
from assets.contacts.ownership import update_owners
from assets.contacts.rules import ContactRules, MatchingRules
from assets.enrichment.enrich import NumberRules, count_waiting_calls
from assets.enrichment.relink import relink_calls
from assets.history.load import LoadRules, load_portions, stored_cursor
from assets.routing.build import pending_work, update_routing
from assets.routing.rules import RoutingRules
from benchmarks.databases import Databases
from resources.contacts.rows import CONTACT_COLUMNS, ContactPortion
from resources.telephony.source import Portion
from resources.warehouse import Warehouse
from resources.warehouse.connection import copy_rows
from resources.warehouse.statements import statement

CALLS_PER_DAY = 3_000
NEW_CALLS = 100
CARDS = 50_000
ZONE = "Europe/Moscow"
NOW = datetime(2026, 3, 31, 9, tzinfo=UTC)
WRITTEN = """
SELECT relname, n_tup_ins + n_tup_upd + n_tup_del AS rows FROM pg_stat_user_tables
WHERE schemaname = 'switchboard'
"""


def run(databases: Databases, sizes: list[int], rounds: int) -> str:
    """Measure and return the table."""
    lines = ["### A tick, by stored calls", "",
             "| calls stored | idle tick ms | tick with 100 new calls ms | rows written by it | routing update ms "
             "| 100 changed cards ms | rows written by them |",
             "|---|---|---|---|---|---|---|"]  # fmt: skip
    warehouses = {calls: databases.make_warehouse() for calls in sizes}
    for calls, warehouse in warehouses.items():
        fill(warehouse, calls)
        fill_cards(warehouse)
    times: dict[int, list[tuple[float, float, float, float]]] = {calls: [] for calls in sizes}
    written: dict[int, int] = {}
    changed: dict[int, int] = {}
    for number in range(rounds + 1):
        for calls, warehouse in warehouses.items():
            idle = _timed(_idle_tick, warehouse)
            before = _rows_written(warehouse)
            portion = Portion(cursor={"last": number}, records=list(new_legs(number)))
            busy = _timed(load_portions, warehouse, "bench", "mikopbx", [portion], LoadRules())
            written[calls] = _rows_written(warehouse) - before
            routing = _timed(update_routing, warehouse, RoutingRules(), ZONE)
            before = _rows_written(warehouse)
            cards = _timed(change_cards, warehouse, number)
            changed[calls] = _rows_written(warehouse) - before
            times[calls].append((idle, busy, routing, cards))
    # The first round warms caches and plans.
    medians = {calls: [statistics.median(column) for column in zip(*rows[1:], strict=True)]
               for calls, rows in times.items()}  # fmt: skip
    bases = medians[sizes[0]]
    for calls, figures in medians.items():
        shown = [f"{value * 1000:.0f} ({value / base:.2f}×)" for value, base in zip(figures, bases, strict=True)]
        lines.append(
            f"| {calls:,} | {shown[0]} | {shown[1]} | {written[calls]} | {shown[2]} | {shown[3]} | {changed[calls]} |"
        )
        databases.drop(warehouses[calls].url.render_as_string(hide_password=False))
    note = (
        f"{CALLS_PER_DAY:,} calls a day, so more stored calls are more days. An idle tick is the looks of the load, "
        "the five-day owner job and the routing together. In brackets: against the first line.\n\n"
        f"Beside the calls stand {CARDS:,} clients with a number each. A hundred of them change theirs, from and to "
        "numbers with one call in the last 92 days: cards, facts, decisions and these calls are brought up to date."
    )
    return "\n".join([*lines, "", note, ""])


def fill(warehouse: Warehouse, calls: int) -> None:
    """Fill the warehouse set by set with answered calls of one leg, up to the day before `NOW`."""
    with warehouse.transaction() as connection:
        values: dict[str, Any] = {"calls": calls, "per_day": CALLS_PER_DAY, "until": NOW - timedelta(days=1)}
        for name in ("fill_legs", "fill_calls", "fill_enriched", "fill_employees", "fill_interactions"):
            wanted = statement("benchmarks", name)
            connection.execute(wanted, {key: values[key] for key in wanted.compile().params})
    _vacuum(warehouse)


def fill_owned_numbers(warehouse: Warehouse) -> None:
    """Give every second number of a filled warehouse an owner."""
    with warehouse.transaction() as connection:
        connection.execute(statement("benchmarks", "fill_owners"))
    _vacuum(warehouse)


def fill_cards(warehouse: Warehouse) -> None:
    """Give the warehouse clients with a number each, none of which has called."""
    rows = [_card(f"party-{place}", f"+7499{place:07d}") for place in range(CARDS)]
    frame = pd.DataFrame(rows, columns=list(CONTACT_COLUMNS), dtype=str)
    with warehouse.transaction() as connection:
        store_contacts(connection, "bench", [ContactPortion(frame)], ContactRules())
        update_owners(connection, MatchingRules())
        connection.execute(text("TRUNCATE numbers_to_relink"))
    _vacuum(warehouse)


def change_cards(warehouse: Warehouse, number: int) -> None:
    """Have a hundred clients change their number to one that called in this round, as a CRM tells of it."""
    legs = list(new_legs(number))
    parties = [f"party-{place}" for place in range(len(legs))]
    with warehouse.transaction() as connection:
        begin_load(connection, "bench", ContactRules())
        of_party = ("party_id", "name", "kind", "responsible_id")
        copy_rows(connection, "staged_parties", of_party, [(party, party, "company", "") for party in parties])
        of_phone = ("party_id", "contact_id", "contact_name", "raw", "valid_from", "valid_to")
        phones = [(party, "", "", leg["src_num"], "", "") for party, leg in zip(parties, legs, strict=True)]
        copy_rows(connection, "staged_phones", of_phone, phones)
        copy_rows(connection, "scope_parties", ("party_id",), [(party,) for party in parties])
        store_staged(connection, "bench", ContactRules(), is_empty=False)
    with warehouse.transaction() as connection:
        update_owners(connection, MatchingRules())
    relink_calls(warehouse, NOW.date() - timedelta(days=91), NumberRules())


def _card(party: str, phone: str) -> dict[str, str]:
    given = {"party_id": party, "party_name": party, "party_kind": "company", "phones": phone}
    return dict.fromkeys(CONTACT_COLUMNS, "") | given


def _vacuum(warehouse: Warehouse) -> None:
    with warehouse.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _idle_tick(warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        stored_cursor(connection, "bench")
        count_waiting_calls(connection, NOW.date() - timedelta(days=4), NOW.date(), NumberRules())
    pending_work(warehouse, RoutingRules(), ZONE)


def new_legs(number: int) -> Iterator[dict[str, Any]]:
    """Return the legs of a hundred answered calls, one each; other calls for another number."""
    for place in range(NEW_CALLS):
        begun = NOW + timedelta(seconds=place + 1000 * number)
        local = begun + timedelta(hours=3)
        serial = number * NEW_CALLS + place
        yield {
            "id": 10**9 + serial,
            "UNIQUEID": f"mikopbx-{int(begun.timestamp())}.{serial}_bench",
            "linkedid": f"new-{serial}",
            "start": local.strftime("%Y-%m-%d %H:%M:%S.000"),
            "answer": (local + timedelta(seconds=10)).strftime("%Y-%m-%d %H:%M:%S.000"),
            "endtime": (local + timedelta(seconds=70)).strftime("%Y-%m-%d %H:%M:%S.000"),
            "src_num": f"+7495{serial * 7919 % 10_000_000:07d}",
            "dst_num": str(200 + serial % 25),
            "dst_chan": "PJSIP/x",
            "disposition": "ANSWERED",
            "is_app": "",
            "duration": 70,
            "billsec": 60,
        }


def _rows_written(warehouse: Warehouse) -> int:
    # Statistics reach the view when the backend that wrote is done with its transaction and idle.
    time.sleep(1.2)
    with warehouse.transaction() as connection:
        return sum(row.rows for row in connection.execute(text(WRITTEN)))


def _timed(work: Callable[..., Any], *values: Any) -> float:  # noqa: ANN401
    began = time.perf_counter()
    work(*values)
    return time.perf_counter() - began
