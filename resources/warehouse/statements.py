"""SQL kept in named files: `run(connection, "assets.history", "group_calls", values)`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from sqlalchemy import Connection, CursorResult, TextClause, text


@cache
def statement(package: str, name: str) -> TextClause:
    """Return the statement of `<package>/sql/<name>.sql`; values are bound as `:name`."""
    return text(files(package).joinpath("sql", f"{name}.sql").read_text("utf-8"))


@cache
def _bound_names(package: str, name: str) -> frozenset[str]:
    return frozenset(statement(package, name).compile().params)


def run(
    connection: Connection, package: str, name: str, values: Mapping[str, Any] | None = None
) -> CursorResult[*tuple[Any, ...]]:
    """Execute `<package>/sql/<name>.sql` with those of `values` that it names."""
    values = values or {}
    bound = {key: values[key] for key in _bound_names(package, name)}
    return connection.execute(statement(package, name), bound)
