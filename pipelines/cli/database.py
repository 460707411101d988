"""Commands on the warehouse itself: `migrate` and `sql`."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated, Any

import typer
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import DBAPIError

from pipelines.settings import Settings, load_settings
from resources.postgres import EmbeddedPostgres
from resources.warehouse import Warehouse


class OutputFormat(StrEnum):
    """How rows are shown."""

    table = "table"
    csv = "csv"
    json = "json"


@contextmanager
def with_database(settings: Settings) -> Iterator[Settings]:
    """Yield settings that name a running server: the configured one, or the embedded one, started if need be."""
    if settings.database_url is not None:
        yield settings
        return
    with EmbeddedPostgres(settings.home).running() as server:
        urls = {"database_url": SecretStr(server.url("switchboard"))}
        if settings.dagster_database_url is None:
            urls["dagster_database_url"] = SecretStr(server.url("dagster"))
        yield settings.model_copy(update=urls)


def warehouse_of(settings: Settings) -> Warehouse:
    """Return the warehouse of settings that name a server."""
    assert settings.database_url is not None
    return Warehouse(settings.database_url.get_secret_value())


def migrate() -> None:
    """Create the warehouse's tables, or bring them to the newest version."""
    # Alembic is imported by whoever migrates: other commands of this module are in a hurry.
    from resources.warehouse.migrate import migrate as bring_up_to_date

    with with_database(load_settings()) as settings:
        bring_up_to_date(warehouse_of(settings))
    Console().print("The warehouse is up to date.")


def sql(
    query: Annotated[str, typer.Argument(help="One SQL statement; '-' reads it from standard input.")],
    output: Annotated[OutputFormat, typer.Option("--format", "-f", help="How rows are shown.")] = OutputFormat.table,
    write: Annotated[bool, typer.Option("--write", help="Allow the statement to change data.")] = False,
) -> None:
    """Run a query against the warehouse, read-only unless told otherwise."""
    statement = sys.stdin.read() if query == "-" else query
    with with_database(load_settings()) as settings, warehouse_of(settings).engine.connect() as connection:
        connection.exec_driver_sql("SET TRANSACTION READ WRITE" if write else "SET TRANSACTION READ ONLY")
        try:
            result = connection.exec_driver_sql(statement)
        except DBAPIError as error:
            Console(stderr=True).print(f"[bold red]The query failed[/]: {error.orig}", highlight=False)
            raise typer.Exit(1) from None
        if result.returns_rows:
            _show(list(result.keys()), result, output)
        else:
            Console().print(f"{result.rowcount} rows")
        connection.commit()


def _show(columns: list[str], rows: Any, output: OutputFormat) -> None:  # noqa: ANN401
    if output is OutputFormat.csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(columns)
        writer.writerows(rows)
    elif output is OutputFormat.json:
        for row in rows:
            line = json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False, default=str)
            sys.stdout.write(line + "\n")
    else:
        table = Table(*columns)
        for row in rows:
            table.add_row(*("" if value is None else str(value) for value in row))
        Console().print(table)
