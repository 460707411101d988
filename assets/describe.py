"""What an asset tells the UI about itself: columns, lineage, counts and previews, from the tables.

Previews and tables for people are made with pandas; none of it runs in a load's hot path.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg
from sqlalchemy import Column, Connection, Select, Table, TextClause, func, select
from sqlalchemy.dialects import postgresql

from resources.warehouse.tables.glossary import meaning_of

if TYPE_CHECKING:
    import pandas as pd

    from resources.warehouse import Warehouse

# pandas is imported where it is used: importing it would double what every run costs before its first line.

PREVIEW_ROWS = 10
POSTGRES = postgresql.dialect()  # type: ignore[no-untyped-call]

ROWS_OF_DAY = "dagster/partition_row_count"
ROWS = "dagster/row_count"


def columns_of(table: Table) -> dict[str, Any]:
    """Return the definition-time metadata of a table's asset: its name and its columns."""
    columns = [
        dg.TableColumn(
            name=column.name,
            type=type_of(column),
            description=words_of(column),
            constraints=dg.TableColumnConstraints(nullable=bool(column.nullable), unique=_is_key(column)),
        )
        for column in table.columns
    ]
    return {
        "dagster/column_schema": dg.TableSchema(columns=columns),
        "dagster/table_name": f"{table.schema}.{table.name}",
    }


def type_of(column: Column[Any]) -> str:
    """Return a column's type as PostgreSQL names it."""
    return column.type.compile(dialect=POSTGRES).lower()


def words_of(column: Column[Any]) -> str:
    """Return what a column means, for the UI: it reads Markdown, in which <number> would be a tag and vanish."""
    return meaning_of(column).replace("<", "‹").replace(">", "›")


def _is_key(column: Column[Any]) -> bool:
    return column.primary_key and len(column.table.primary_key.columns) == 1


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
    connection: Connection, table: Table, days: Collection[date], day_column: str = "call_day"
) -> dict[date, int]:
    """Count a daily table's rows of each of these business days; one without rows has 0."""
    day = table.c[day_column]
    rows = connection.execute(select(day, func.count()).where(day.in_(days), *_here(table)).group_by(day))
    return dict.fromkeys(sorted(days), 0) | {row[0]: row[1] for row in rows}


def count_groups(
    connection: Connection, table: Table, column: str, groups: Sequence[str], days: Collection[date]
) -> dict[date, dict[str, int]]:
    """Count a daily table's rows by the values of a column: for each day the same figures, so that they plot."""
    value, day = table.c[column], table.c.call_day
    rows = connection.execute(select(day, value, func.count()).where(day.in_(days), *_here(table)).group_by(day, value))
    figures = {each: dict.fromkeys((f"{column}: {group}" for group in groups), 0) for each in days}
    for each, group, count in rows:
        figures[each][f"{column}: {group}"] = count
    return figures


def tell_days(context: dg.AssetExecutionContext, figures: Mapping[date, Mapping[str, Any]]) -> None:
    """Give each day of a run its own figures: a run over many days copies the metadata of its result to all of them."""
    for day, values in figures.items():
        context.add_asset_metadata(values, partition_key=day.isoformat())


def log_days(
    context: dg.OpExecutionContext | dg.AssetExecutionContext,
    warehouse: Warehouse,
    table: Table,
    days: Mapping[date, int],
    day_column: str = "call_day",
) -> None:
    """Log one materialisation for each touched day of a daily asset, with its size as other runs tell it.

    Args:
        context: of the run.
        warehouse: where the table is.
        table: of the asset, which is named as it.
        days: touched business days, each with the rows touched.
        day_column: of the table.
    """
    with warehouse.transaction() as connection:
        counts = count_by_day(connection, table, days, day_column)
    for day, rows in days.items():
        metadata = {ROWS_OF_DAY: counts[day], "rows touched": rows}
        context.log_event(dg.AssetMaterialization(table.name, partition=day.isoformat(), metadata=metadata))


def count_rows(connection: Connection, table: Table) -> int:
    """Count the rows that hold now."""
    return connection.execute(select(func.count()).select_from(table).where(*_here(table))).scalar_one()


def day_table(counts: Mapping[date, int]) -> dg.MarkdownMetadataValue:
    """Show counts per day of a run."""
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
