"""What every table definition needs: the schema, how constraints are named, instants."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, MetaData, func

SCHEMA = "switchboard"

metadata = MetaData(
    schema=SCHEMA,
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    },
)

Instant = DateTime(timezone=True)


def now(name: str) -> Column[object]:
    """Return a column that holds the instant at which its row was written."""
    return Column(name, Instant, nullable=False, server_default=func.now())
