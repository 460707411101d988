"""Contacts and employees out of any database that SQLAlchemy reaches, by queries of the operator's own.

The queries are texts of the settings; nothing is built into them and nothing is written. Rows stream in
portions. What a column is called there is said by a mapping from our names to the query's.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
from sqlalchemy import Connection, CursorResult, Engine, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from resources.contacts.errors import ContactQueryError
from resources.contacts.rows import (
    CONTACT_COLUMNS,
    EMPLOYEE_COLUMNS,
    ContactPortion,
    Reasons,
    checked_contacts,
    checked_employees,
    parted,
)

ROWS_PER_PORTION = 5_000
CONNECT_SECONDS = 10

INTERACTION_COLUMNS = ("document_id", "at", "employee_id", "party_id", "contact_id", "number")
"""Something that shows who worked with a client: its key, when, who, and the client or a number of theirs."""

_NEEDED: dict[Sequence[str], Sequence[str]] = {
    CONTACT_COLUMNS: ("party_id", "party_name", "phones"),
    EMPLOYEE_COLUMNS: ("employee_id", "name"),
    INTERACTION_COLUMNS: ("document_id", "at", "employee_id"),
}
_DRIVERS = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql", "mariadb": "mariadb+pymysql"}

Check = Callable[[pd.DataFrame, Sequence[str]], ContactPortion]
Columns = Mapping[str, str]
"""Our column names to the query's."""


def read_contacts_query(url: str, query: str, columns: Columns) -> Iterator[ContactPortion]:
    """Yield the contacts a query gives, in the columns `CONTACT_COLUMNS`.

    A column the query lacks is empty; without `party_kind` a party is a company.

    Raises:
        ContactQueryError: the database cannot be asked, or the query lacks a column it must have.
    """
    return _read(url, query, columns, CONTACT_COLUMNS, _checked_contacts)


def read_employees_query(url: str, query: str, columns: Columns) -> Iterator[ContactPortion]:
    """Yield the employees a query gives, in the columns `EMPLOYEE_COLUMNS`.

    Raises:
        ContactQueryError: the database cannot be asked, or the query lacks a column it must have.
    """
    return _read(url, query, columns, EMPLOYEE_COLUMNS, checked_employees)


def read_interactions_query(url: str, query: str, columns: Columns) -> Iterator[ContactPortion]:
    """Yield the interactions a query gives, in the columns `INTERACTION_COLUMNS`; `at` is ISO 8601.

    Raises:
        ContactQueryError: the database cannot be asked, or the query lacks a column it must have.
    """
    return _read(url, query, columns, INTERACTION_COLUMNS, _checked_interactions, _text_of_moment)


def newest_change(url: str, query: str) -> str:
    """Return the one value of a cheap query that differs after every change.

    Raises:
        ContactQueryError: the database cannot be asked, or the query gives no row.
    """
    with _answer(url, query) as result:
        row = result.fetchone()
        if row is None:
            raise ContactQueryError("The query for changes gives no row; it must give one value.")
        return "\t".join(map(str, row))


def fingerprint(url: str, query: str, columns: Columns, deadline: float | None = None) -> str | None:
    """Return what tells one state of a query's rows, in their order, from another.

    Args:
        url: of the database.
        query: gives all there is.
        columns: our names to the query's; they belong to the state.
        deadline: of `time.monotonic()`; None is never.

    Returns:
        None where the deadline passed before all rows were read; the server is told of it too.

    Raises:
        ContactQueryError: the database cannot be asked.
    """
    if _is_over(deadline):
        return None
    seen = hashlib.sha256(repr(sorted(columns.items())).encode())
    try:
        with _answer(url, query, deadline) as result:
            seen.update(repr(list(result.keys())).encode())
            for rows in result.partitions(ROWS_PER_PORTION):
                if _is_over(deadline):
                    return None
                seen.update(repr([[_text_of_moment(value) for value in row] for row in rows]).encode())
    except ContactQueryError:
        if _is_over(deadline):
            return None
        raise
    return seen.hexdigest()


def check_queries(
    url: str,
    contacts: tuple[str, Columns] | None = None,
    employees: tuple[str, Columns] | None = None,
    changes: str = "",
) -> str:
    """Try the queries up to their first rows and say what was seen.

    Raises:
        ContactQueryError: the database cannot be asked, or a query does not give what it must.
    """
    seen = []
    for what, given, read in (
        ("clients", contacts, read_contacts_query),
        ("employees", employees, read_employees_query),
    ):
        if given:
            portions = read(url, *given)
            first = next(portions, None)
            rows = len(first.rows) + len(first.refused) if first else 0
            seen.append(f"{what}: {'at least ' if rows >= ROWS_PER_PORTION else ''}{rows} rows")
    if not seen:
        raise ContactQueryError("Neither a query for clients nor one for employees is given.")
    if changes:
        newest_change(url, changes)
        seen.append("changes can be told")
    else:
        seen.append("everything is read to compare (no changes_sql)")
    return "; ".join(seen)


def _read(
    url: str,
    query: str,
    columns: Columns,
    wanted: Sequence[str],
    check: Check,
    as_text: Callable[[object], str] | None = None,
) -> Iterator[ContactPortion]:
    as_text = as_text or _text
    with _answer(url, query) as result:
        places = _places(list(result.keys()), columns, wanted)
        for rows in result.partitions(ROWS_PER_PORTION):
            texts = [[as_text(row[place]) if place is not None else "" for place in places] for row in rows]
            frame = pd.DataFrame(texts, columns=list(wanted), dtype=str)
            yield check(frame, ["\t".join(map(as_text, row)) for row in rows])


def _checked_contacts(rows: pd.DataFrame, raws: Sequence[str]) -> ContactPortion:
    return checked_contacts(rows.assign(party_kind=rows["party_kind"].replace("", "company")), raws)


def _checked_interactions(rows: pd.DataFrame, raws: Sequence[str]) -> ContactPortion:
    reasons = Reasons(rows)
    for name in ("document_id", "employee_id"):
        reasons.add(rows[name] == "", f"{name} is empty")
    reasons.add((rows["party_id"] == "") & (rows["number"] == ""), "it names neither a party_id nor a number")
    reasons.add(~rows["at"].map(_is_moment), "at is no date and time, such as 2026-03-31T12:00:00+03:00")
    reasons.add_long("document_id", "employee_id", "party_id", "contact_id", "number")
    return parted(rows, raws, reasons, "document_id")


def _is_moment(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _places(given: list[str], columns: Columns, wanted: Sequence[str]) -> list[int | None]:
    unheard_of = sorted(set(columns) - set(wanted))
    if unheard_of:
        raise ContactQueryError(f"There is no column {', '.join(unheard_of)} to map to; ours are {', '.join(wanted)}.")
    names = {name: columns.get(name, name) for name in wanted}
    needed = [name for name in wanted if name in columns or name in _NEEDED[wanted]]
    missing = [names[name] for name in needed if names[name] not in given]
    if missing:
        raise ContactQueryError(
            f"The query gives no column {', '.join(missing)}; it gives {', '.join(given)}. Name the column so in the "
            "query, or map it under columns."
        )
    doubled = [name for name in names.values() if given.count(name) > 1]
    if doubled:
        raise ContactQueryError(f"The query gives the column {doubled[0]} twice. Name one of them otherwise, with AS.")
    return [given.index(name) if name in given else None for name in names.values()]


@contextmanager
def _answer(url: str, query: str, deadline: float | None = None) -> Iterator[CursorResult[Any]]:
    """Run a query, read-only where the database can be told so, and stream its rows."""
    try:
        address = make_url(url)
        backend = address.get_backend_name()
        if "+" not in address.drivername:
            address = address.set(drivername=_DRIVERS.get(backend, address.drivername))
        patience = {"connect_timeout": CONNECT_SECONDS} if backend in _DRIVERS else {}
        engine = create_engine(address, poolclass=NullPool, connect_args=patience, hide_parameters=True)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError, ValueError) as error:
        raise ContactQueryError(
            "The database's URL cannot be used: it must be SQLAlchemy's form, driver://user:password@host/database, "
            f"with an installed driver ({type(error).__name__})."
        ) from None
    if "@" in (address.host or ""):
        # What stands before that sign is the end of the password: nothing may show it.
        raise ContactQueryError("The database's URL has two signs @. Write the one of the user or password as %40.")
    try:
        with _connected(engine) as connection:
            _make_read_only(connection, backend)
            if deadline is not None:
                _limit(connection, backend, max(deadline - time.monotonic(), 0.001))
            # A colon in the operator's text is nothing but that.
            statement = text(query.replace(":", r"\:")).execution_options(yield_per=ROWS_PER_PORTION)
            with connection.execute(statement) as result:
                yield result
    except SQLAlchemyError as error:
        # The text of the driver names no password; SQLAlchemy's own adds the statement.
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise ContactQueryError(f"The database at {address.host or address.database} says: {reason}") from None


def _connected(engine: Engine) -> Connection:
    try:
        return engine.connect()
    except TypeError:
        # Options after the question mark are handed to the driver by their names.
        raise ContactQueryError(
            "The database's URL has an option that its driver does not know. Correct what stands after the question "
            "mark."
        ) from None


def _limit(connection: Connection, backend: str, seconds: float) -> None:
    """Have the server give up in time: a long sort gives no row at which we could."""
    if backend == "postgresql":
        connection.execute(text("SELECT set_config('statement_timeout', :limit, true)"), {"limit": f"{seconds:.3f}s"})
    elif getattr(connection.dialect, "is_mariadb", False):
        connection.execute(text("SET SESSION max_statement_time = :seconds"), {"seconds": seconds})
    elif backend == "mysql":
        connection.execute(text("SET SESSION max_execution_time = :limit"), {"limit": int(seconds * 1000) + 1})


def _is_over(deadline: float | None) -> bool:
    return deadline is not None and time.monotonic() >= deadline


def _make_read_only(connection: Connection, backend: str) -> None:
    if backend == "postgresql":
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")
    elif backend in ("mysql", "mariadb"):
        connection.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")
        connection.commit()


def _text_of_moment(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else _text(value)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        # The day of an instant depends on the zone, which the query must choose: as it stands it is no date.
        return value.date().isoformat() if value.tzinfo is None else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float | Decimal):
        number = Decimal(value)
        # Numbers and ids are also kept as 79161234567.0 or 100.00.
        is_whole = number.is_finite() and number == number.to_integral_value()
        return f"{number:.0f}" if is_whole else str(value)
    if isinstance(value, bytes):
        return _text_of_bytes(value)
    return str(value).replace("\0", "").strip()


def _text_of_bytes(value: bytes) -> str:
    """Return the text; keys of 16 bytes are none, and each must stay another."""
    try:
        return value.decode().replace("\0", "").strip()
    except UnicodeDecodeError:
        return value.hex()
