"""Migrations and table definitions tell the same, and a server that is not fit is told why."""

from __future__ import annotations

import threading
from collections.abc import Callable

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from resources.warehouse import Warehouse
from resources.warehouse.migrate import _config, is_current, migrate
from resources.warehouse.tables import SCHEMA, metadata
from tests.rows import select


def test_the_migrations_make_exactly_the_defined_tables(warehouse: Warehouse) -> None:
    """Whoever changes a table without a migration, or the other way round, fails here."""
    with warehouse.transaction() as connection:
        connection.exec_driver_sql("SET LOCAL search_path TO public")
        connection.dialect.default_schema_name = "public"
        options = {
            "version_table_schema": SCHEMA,
            "include_schemas": True,
            "include_name": lambda name, kind, _parents: kind != "schema" or name == SCHEMA,
            "compare_type": True,
        }
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_a_migration_can_be_taken_back_and_made_again(warehouse: Warehouse) -> None:
    """Down to nothing and up again."""
    with warehouse.transaction() as connection:
        command.downgrade(_config(connection), "base")
    tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'switchboard'"
    assert select(warehouse, tables) == [("alembic_version",)]
    migrate(warehouse)
    assert is_current(warehouse)


def test_two_migrations_at_once_make_one(make_database: Callable[[str | None], str]) -> None:
    """`up` and a command may start together."""
    url = make_database(None)
    threads = [threading.Thread(target=migrate, args=(Warehouse(url),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert is_current(Warehouse(url))
