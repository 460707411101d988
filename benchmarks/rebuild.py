"""Owners of all calls and the routing table made anew, against DuckDB doing the same on Parquet files."""

from __future__ import annotations

import os
import tempfile
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import text

from assets.enrichment.enrich import NumberRules
from assets.enrichment.fill import fill_owners
from assets.routing.build import rebuild_participation, rebuild_routing_table, track_days
from assets.routing.rules import RoutingRules
from benchmarks.databases import Databases
from benchmarks.measure import Comparison, alternate, stopwatch
from benchmarks.ticks import CALLS_PER_DAY, NOW, ZONE, fill, fill_owned_numbers
from resources.warehouse import Warehouse

RULES = RoutingRules()
INPUTS = (
    "call_history", "call_legs", "number_forms", "number_owners", "crm_parties", "crm_employees", "employee_extensions",
)  # fmt: skip
RESULTS = ("enriched_calls", "tracked_interactions", "participation", "routing_table")
ROUTES = "SELECT number, rank, employee_id, is_responsible, reason FROM routing_table WHERE until_version IS NULL"


def run(databases: Databases, calls: int, rounds: int) -> str:
    """Measure and return the table.

    Raises:
        AssertionError: the two sides came to different routing tables.
    """
    comparison = Comparison("Owners and routing of all calls made anew", "calls")
    warehouse = databases.make_warehouse()
    fill(warehouse, calls)
    fill_owned_numbers(warehouse)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_parquet(warehouse, folder)
        routes: dict[str, set[tuple[Any, ...]]] = {}
        sides = {
            "DuckDB on Parquet, copied into the same tables": lambda: _by_duckdb(warehouse, folder, calls, routes),
            "Switchboard": lambda: _by_us(warehouse, calls, routes),
        }
        alternate(comparison, sides, rounds)
    theirs, ours = routes.values()
    assert theirs == ours, f"the sides differ in {len(theirs ^ ours)} of {len(ours)} rows of the routing table"
    databases.drop(warehouse.url.render_as_string(hide_password=False))
    comparison.notes.append(
        f"{CALLS_PER_DAY:,} calls a day, 20 a number, half of the numbers owned; both end in the same {len(ours):,} "
        "rows of `routing_table`. Ours goes day by day, each in a transaction; DuckDB takes everything at once."
    )
    return comparison.as_markdown(next(iter(sides)))


def _by_us(warehouse: Warehouse, calls: int, routes: dict[str, set[tuple[Any, ...]]]) -> tuple[int, float]:
    _empty(warehouse)
    last_day = NOW.date()
    first_day = last_day - timedelta(days=calls // CALLS_PER_DAY + 2)
    with stopwatch() as seconds:
        fill_owners(warehouse, first_day, last_day, NumberRules())
        track_days(warehouse, RULES, first_day, last_day)
        rebuild_participation(warehouse, RULES)
        rebuild_routing_table(warehouse, RULES, ZONE)
    routes["ours"] = _routes(warehouse)
    return calls, seconds()


def _by_duckdb(
    warehouse: Warehouse, folder: Path, calls: int, routes: dict[str, set[tuple[Any, ...]]]
) -> tuple[int, float]:
    import duckdb

    _empty(warehouse)
    url = warehouse.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with stopwatch() as seconds, duckdb.connect() as duck, psycopg.connect(url) as connection:
        duck.execute(f"SET threads = {os.cpu_count()}; SET TimeZone = 'UTC'; SET file_search_path = '{folder}'")
        for rule, value in RULES.as_values().items():
            if isinstance(value, int | float):
                duck.execute(f"SET VARIABLE {rule} = {value}")
        connection.execute("SET search_path = switchboard")
        for table in RESULTS:
            duck.execute(files("benchmarks").joinpath("sql", "duckdb", f"{table}.sql").read_text("utf-8"))
            _copy_out(duck, connection, table, folder)
    routes["theirs"] = _routes(warehouse)
    return calls, seconds()


def _copy_out(duck: Any, connection: psycopg.Connection[Any], table: str, folder: Path) -> None:  # noqa: ANN401
    file = folder / f"{table}.csv"
    duck.execute(f"COPY {table} TO '{file}' (HEADER false)")
    columns = [row[0] for row in duck.execute(f"DESCRIBE {table}").fetchall()]
    statement = sql.SQL("COPY {} ({}) FROM STDIN WITH (FORMAT csv)").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy, file.open("rb") as source:
        while block := source.read(1 << 20):
            copy.write(block)


def _write_parquet(warehouse: Warehouse, folder: Path) -> None:
    import duckdb

    url = warehouse.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with duckdb.connect() as duck, psycopg.connect(url) as connection:
        connection.execute("SET search_path = switchboard; SET TimeZone = 'UTC'")
        for table in INPUTS:
            file = folder / f"{table}.csv"
            statement = sql.SQL("COPY (SELECT * FROM {}) TO STDOUT WITH (FORMAT csv, HEADER)").format(
                sql.Identifier(table)
            )
            with connection.cursor() as cursor, file.open("wb") as sink, cursor.copy(statement) as copy:
                sink.writelines(copy)
            types = _types(connection, table)
            duck.execute(f"COPY (FROM read_csv('{file}', types = {types})) TO '{folder / table}.parquet'")
            file.unlink()


def _types(connection: psycopg.Connection[Any], table: str) -> dict[str, str]:
    """Return DuckDB's types of a table's columns: what DuckDB would guess from mostly empty ones is wrong."""
    known = {
        "timestamp with time zone": "TIMESTAMPTZ", "date": "DATE", "integer": "INTEGER", "bigint": "BIGINT",
        "boolean": "BOOLEAN",
    }  # fmt: skip
    found = connection.execute(
        "SELECT column_name, data_type FROM information_schema.columns "
        "WHERE table_schema = 'switchboard' AND table_name = %s",
        [table],
    )
    return {name: known.get(kind, "VARCHAR") for name, kind in found}


def _empty(warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        connection.execute(text(f"TRUNCATE {', '.join(RESULTS)}, routing_versions, changed_calls, changed_clients"))


def _routes(warehouse: Warehouse) -> set[tuple[Any, ...]]:
    with warehouse.transaction() as connection:
        return {tuple(row) for row in connection.execute(text(ROUTES))}
