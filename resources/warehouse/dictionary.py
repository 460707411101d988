"""The data dictionary, made from the table definitions: `python -m resources.warehouse.dictionary > docs/tables.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from sqlalchemy import Table

from resources.warehouse.tables import SCHEMA, metadata
from resources.warehouse.tables.glossary import meaning_of


def dictionary() -> str:
    """Return every table with its columns as Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield "# Tables"
    yield ""
    yield f"Schema `{SCHEMA}`; open ends of a validity are empty. Made from the definitions in `resources/warehouse`."
    for table in metadata.sorted_tables:
        yield ""
        yield f"## {table.name}"
        yield ""
        yield f"{table.comment}"
        yield ""
        yield f"Key: {_key(table)}."
        yield ""
        yield "| column | type | empty | meaning |"
        yield "|---|---|---|---|"
        for column in table.columns:
            kind = str(column.type).lower().replace("datetime", "timestamptz")
            yield f"| `{column.name}` | {kind} | {'yes' if column.nullable else ''} | {meaning_of(column)} |"
    yield ""


def _key(table: Table) -> str:
    return ", ".join(f"`{column.name}`" for column in table.primary_key) or "none, append-only"


if __name__ == "__main__":
    sys.stdout.write(dictionary())
