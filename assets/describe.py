"""What an asset tells the UI about itself: columns, lineage, counts and previews, from the tables.

Previews and tables for people are made with pandas; none of it runs in a load's hot path.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg
from sqlalchemy import Connection, Select, Table, TextClause, func, select

from resources.warehouse.tables.glossary import meaning_of

if TYPE_CHECKING:
    import pandas as pd

# pandas is imported where it is used: importing it would double what every run costs before its first line.

PREVIEW_ROWS = 10


def columns_of(table: Table) -> dict[str, Any]:
    """Return the definition-time metadata of a table's asset: its name and its columns."""
    columns = [
        dg.TableColumn(
            name=column.name,
            type=str(column.type).lower(),
            description=meaning_of(column),
            constraints=dg.TableColumnConstraints(nullable=bool(column.nullable), unique=False),
        )
        for column in table.columns
    ]
    return {
        "dagster/column_schema": dg.TableSchema(columns=columns),
        "dagster/table_name": f"{table.schema}.{table.name}",
    }


def lineage(columns: Mapping[str, Mapping[str, Sequence[str]]]) -> dict[str, Any]:
    """Return column lineage: column to {upstream asset: its columns}."""
    return {
        "dagster/column_lineage": dg.TableColumnLineage(
            {
                column: [
                    dg.TableColumnDep(asset_key=dg.AssetKey(asset), column_name=name)
                    for asset, names in upstream.items()
                    for name in names
                ]
                for column, upstream in columns.items()
            }
        )
    }


def count_by_day(
    connection: Connection, table: Table, first_day: date, last_day: date, day_column: str = "call_day"
) -> dict[date, int]:
    """Count a daily table's rows per business day."""
    day = table.c[day_column]
    rows = connection.execute(
        select(day, func.count()).where(day.between(first_day, last_day), *_here(table)).group_by(day).order_by(day)
    )
    return {row[0]: row[1] for row in rows}


def count_groups(connection: Connection, table: Table, column: str, first_day: date, last_day: date) -> dict[str, int]:
    """Count a daily table's rows by the values of a column, as metadata that plots well."""
    value = table.c[column]
    rows = connection.execute(
        select(value, func.count())
        .where(table.c.call_day.between(first_day, last_day), *_here(table))
        .group_by(value)
        .order_by(value)
    )
    return {f"{column}: {row[0]}": row[1] for row in rows}


def count_rows(connection: Connection, table: Table) -> int:
    """Count the rows that hold now."""
    return connection.execute(select(func.count()).select_from(table).where(*_here(table))).scalar_one()


def day_table(counts: Mapping[date, int]) -> dg.MarkdownMetadataValue:
    """Show counts per day; a run over many days copies one metadata to each of them."""
    import pandas as pd

    frame = pd.DataFrame({"day": [day.isoformat() for day in counts], "rows": list(counts.values())})
    return as_table(frame)


def preview(
    connection: Connection,
    table: Table,
    first_day: date | None = None,
    last_day: date | None = None,
    *,
    day_column: str = "call_day",
    hidden: Sequence[str] = (),
) -> dg.MarkdownMetadataValue:
    """Show the first rows of a table, of the given days where it has days."""
    query = select(*[column for column in table.columns if column.name not in hidden]).where(*_here(table))
    if first_day:
        query = query.where(table.c[day_column].between(first_day, last_day))
    return query_table(connection, query.limit(PREVIEW_ROWS))


def query_table(
    connection: Connection, query: Select[Any] | TextClause, values: Mapping[str, Any] | None = None
) -> dg.MarkdownMetadataValue:
    """Show the rows of a query."""
    import pandas as pd

    return as_table(pd.read_sql_query(query, connection, params=values))


def as_table(frame: pd.DataFrame) -> dg.MarkdownMetadataValue:
    """Show a frame as a table."""
    if frame.empty:
        return dg.MetadataValue.md("_no rows_")
    head = " | ".join(map(str, frame.columns))
    rule = " | ".join("---" for _ in frame.columns)
    lines = [" | ".join(_cell(value) for value in row) for row in frame.itertuples(index=False)]
    return dg.MetadataValue.md("\n".join([head, rule, *lines]))


def _cell(value: Any) -> str:  # noqa: ANN401
    import pandas as pd

    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return ""
    return str(value).replace("|", "\\|").replace("\n", " ")


def _here(table: Table) -> list[Any]:
    """Rows that hold now: not gone from the source, not closed."""
    return [table.c[name].is_(None) for name in ("gone_at", "until_version", "superseded_at") if name in table.c]
