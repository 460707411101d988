"""Brings a warehouse to the newest schema."""

from __future__ import annotations

from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from resources.warehouse.connection import Warehouse
from resources.warehouse.tables import SCHEMA

OLDEST_POSTGRES = 16
"""`pg_input_is_valid`, on which the quarantine of unreadable values rests, came with PostgreSQL 16."""


class WarehouseUnfitError(Exception):
    """The database cannot hold the warehouse; the text says why and what to do."""


def migrate(warehouse: Warehouse) -> None:
    """Create or upgrade the schema; harmless when it is up to date or when two do it at once.

    Raises:
        WarehouseUnfitError: the server is too old, its encoding or locale is not usable, or an
            extension is missing.
    """
    with warehouse.locked("migrate", wait_seconds=120) as connection:
        problems = unfit_reasons(connection)
        if problems:
            raise WarehouseUnfitError(" ".join(problems))
        connection.rollback()
        command.upgrade(_config(connection), "head")
        connection.commit()


def is_current(warehouse: Warehouse) -> bool:
    """Tell whether the schema is the newest this program knows."""
    with warehouse.transaction() as connection:
        config = _config(connection)
        stands = MigrationContext.configure(connection, opts={"version_table_schema": SCHEMA})
        return stands.get_current_revision() == ScriptDirectory.from_config(config).get_current_head()


def unfit_reasons(connection: Connection) -> list[str]:
    """Say what keeps this database from holding the warehouse; an empty list is good."""
    version = int(connection.execute(text("SHOW server_version_num")).scalar_one()) // 10_000
    if version < OLDEST_POSTGRES:
        return [f"The database is PostgreSQL {version}; {OLDEST_POSTGRES} or newer is needed."]
    reasons = []
    if connection.execute(text("SHOW server_encoding")).scalar_one() != "UTF8":
        reasons.append("The database's encoding is not UTF8: create one with ENCODING 'UTF8'.")
    if connection.execute(text("SELECT lower('ИВАН')")).scalar_one() != "иван":
        reasons.append(
            "The database's locale does not fold Cyrillic letters, so searching names would fail: "
            "create the database with a UTF-8 locale such as C.UTF-8 or ru_RU.UTF-8."
        )
    for extension in ("btree_gist", "pg_trgm"):
        found = text("SELECT count(*) FROM pg_available_extensions WHERE name = :name")
        if not connection.execute(found, {"name": extension}).scalar_one():
            reasons.append(f"Extension {extension} is not available: install PostgreSQL's contrib package.")
    return reasons


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("migrations")))
    config.attributes["connection"] = connection
    return config
