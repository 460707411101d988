"""Runs the migrations on the connection that `resources.warehouse.migrate` hands over."""

from __future__ import annotations

from alembic import context
from sqlalchemy import text

from resources.warehouse.tables import SCHEMA, metadata

connection = context.config.attributes["connection"]
connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
# With the schema on the search path Alembic would take it for the default one and our tables for others.
connection.execute(text("SET LOCAL search_path TO public"))
connection.dialect.default_schema_name = "public"

context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table_schema=SCHEMA,
    include_schemas=True,
    include_name=lambda name, kind, _parents: kind != "schema" or name == SCHEMA,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
