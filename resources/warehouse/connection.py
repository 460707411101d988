"""Connections to the warehouse: engine, transactions, advisory locks, COPY."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import psycopg
import stamina
from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from resources.warehouse.tables import SCHEMA

Given = ParamSpec("Given")
Result = TypeVar("Result")

SESSION = {
    "search_path": f"{SCHEMA},public",
    "TimeZone": "UTC",
    # Work here is a few hundred rows looked up in millions: on any disk of today an index is right.
    "random_page_cost": "1.1",
    "jit": "off",
    # A backfill sorts and joins all calls: the default of 4 MB has it do so through files.
    "work_mem": "64MB",
    # A machine that lost its power says no goodbye: without these the server would keep its locks for hours.
    "tcp_keepalives_idle": "20",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
"""What every connection of ours is set to, whatever the server's defaults."""


def _is_deadlock(error: Exception) -> bool:
    return isinstance(error, OperationalError) and isinstance(
        error.orig, psycopg.errors.DeadlockDetected | psycopg.errors.SerializationFailure
    )


def on_deadlock_again(work: Callable[Given, Result]) -> Callable[Given, Result]:
    """Decorate a function that is one transaction: where the server ends it for a deadlock, it is done again."""

    @wraps(work)
    def again(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        # As a decorator stamina would log what the function was given.
        for attempt in stamina.retry_context(_is_deadlock, attempts=5, timeout=10, wait_initial=0.02, wait_max=0.5):
            with attempt:
                return work(*args, **kwargs)
        raise AssertionError("not reached")

    return again


class WarehouseBusyError(Exception):
    """Somebody else holds the lock; the text says which."""


class Warehouse:
    """A PostgreSQL database holding our tables.

    Args:
        url: any `postgresql://` form; the driver is always psycopg 3.
    """

    def __init__(self, url: str) -> None:
        self.url = make_url(url).set(drivername="postgresql+psycopg")
        self.engine: Engine = create_engine(
            self.url,
            # Runs are short-lived processes with one connection each: a pool would only hold
            # connections open past their use.
            poolclass=NullPool,
            connect_args={"options": " ".join(f"-c{name}={value}" for name, value in SESSION.items())},
        )

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open a connection and commit at the end, or roll back on an error."""
        with self.engine.begin() as connection:
            yield connection

    @contextmanager
    def locked(self, name: str, wait_seconds: float = 30) -> Iterator[Connection]:
        """Open a connection that holds the advisory lock `name` until it closes.

        The lock belongs to the connection, not to a transaction: the caller may commit as often as
        it likes, and a killed process lets go because its connection ends.

        Raises:
            WarehouseBusyError: the lock was not free within `wait_seconds`.
        """
        deadline = time.monotonic() + wait_seconds
        with self.engine.connect() as connection:
            ask = text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")
            while not connection.execute(ask, {"name": name}).scalar_one():
                connection.rollback()
                if time.monotonic() > deadline:
                    raise WarehouseBusyError(
                        f"'{name}' is being worked on by another process; waited {wait_seconds:.0f} s for it to finish."
                    )
                time.sleep(0.05)
            connection.commit()
            yield connection

    def is_locked(self, name: str) -> bool:
        """Tell whether somebody holds the advisory lock `name` now."""
        with self.transaction() as connection:
            ask = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))")
            return not connection.execute(ask, {"name": name}).scalar_one()


def copy_rows(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Send rows into `table` by COPY."""
    with _cursor(connection) as cursor, cursor.copy(_copy_statement(table, columns, "")) as copy:
        for row in rows:
            copy.write_row(row)


def copy_csv(connection: Connection, table: str, columns: Sequence[str], csv_text: bytes) -> None:
    """Send CSV text (comma, doubled quotes, no header) into `table` by COPY.

    Raises:
        psycopg.DataError: a row has the wrong number of fields or unbalanced quotes.
    """
    with (
        _cursor(connection) as cursor,
        cursor.copy(_copy_statement(table, columns, " WITH (FORMAT csv)")) as copy,
    ):
        copy.write(csv_text)


def _cursor(connection: Connection) -> psycopg.Cursor[Any]:
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver.cursor()


def _copy_statement(table: str, columns: Sequence[str], options: str) -> psycopg.sql.Composed:
    return psycopg.sql.SQL("COPY {table} ({columns}) FROM STDIN{options}").format(
        table=psycopg.sql.Identifier(table),
        columns=psycopg.sql.SQL(", ").join(map(psycopg.sql.Identifier, columns)),
        options=psycopg.sql.SQL(options),
    )
