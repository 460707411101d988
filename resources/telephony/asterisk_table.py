"""How an Asterisk's CDR table is asked: reflected columns, counts, pages of rows, and our words for errors.

Columns are known by name only, whatever their case and number. Times are the server's wall clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    MetaData,
    Select,
    String,
    Table,
    and_,
    cast,
    create_engine,
    func,
    make_url,
    or_,
    select,
    true,
)
from sqlalchemy.exc import DBAPIError, NoSuchTableError
from sqlalchemy.pool import NullPool

from resources.telephony.source import SourceRefusedError, SourceUnavailableError

STEP = timedelta(minutes=10)
"""Rows are counted by steps so long."""

UNDATED = ""
"""The step of rows without a start; MySQL writes `0000-00-00`."""

_STEP_LETTERS = len("2026-11-23 04:0")
_FIRST_START = datetime(1971, 1, 1)  # noqa: DTZ001 - the table's wall clock has no zone
_CLOCK_ERROR = timedelta(days=1)
_CONNECT_SECONDS = 10
_READ_SECONDS = 600
_DRIVERS = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql", "mariadb": "mysql+pymysql"}
_MYSQL_REFUSALS = {1044, 1045, 1049, 1142, 1143, 1146, 1698}

Record = dict[str, Any]


class Span(NamedTuple):
    """A stretch of the wall clock, the end not included; None is open, an open start takes undated rows."""

    start: datetime | None
    end: datetime | None

    @classmethod
    def undated(cls) -> Span:
        """Return the stretch of rows without a start."""
        return cls(None, _FIRST_START)


class CdrTable:
    """A CDR table.

    Args:
        url: `postgresql://…`, `mysql://…` or `mariadb://…`.
        name: of the table, after its schema and a dot where that is not the usual one.
        zone: IANA name of the zone of the server's wall clock.

    Raises:
        ValueError: the URL names another kind of database.
    """

    def __init__(self, url: str, name: str, zone: str) -> None:
        given = make_url(url)
        kind = given.get_backend_name()
        if kind not in _DRIVERS:
            raise ValueError(f"A CDR table is read from PostgreSQL or MySQL/MariaDB, not from {kind}.")
        self._is_mysql = kind != "postgresql"
        bounds: dict[str, Any] = {"connect_timeout": _CONNECT_SECONDS}
        if self._is_mysql:
            bounds |= {"read_timeout": _READ_SECONDS, "charset": "utf8mb4"}
        self._engine = create_engine(
            given.set(drivername=_DRIVERS[kind]), connect_args=bounds, poolclass=NullPool, hide_parameters=True
        )
        self._place = f"{given.host or 'local socket'}/{given.database}"
        self._schema, _, self._name = name.rpartition(".")
        self._zone = ZoneInfo(zone)

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """Open a connection.

        Raises:
            SourceUnavailableError: the database does not answer, here or while it is asked.
            SourceRefusedError: it refuses us, or has no such table.
        """
        try:
            with self._engine.connect() as connection:
                if self._is_mysql:
                    # The server hangs up on a reader that stores a portion for a minute.
                    connection.exec_driver_sql(f"SET net_write_timeout = {_READ_SECONDS}")
                else:
                    connection.exec_driver_sql("SET DateStyle TO ISO")
                    connection.execute(select(func.set_config("TimeZone", self._zone.key, False)))
                yield connection
        except NoSuchTableError as error:
            raise SourceRefusedError(
                f"There is no table {self._name} at {self._place}: name the CDR table in the settings."
            ) from error
        except DBAPIError as error:
            said = str(error.orig).strip().splitlines()[0]
            if _is_refusal(error):
                raise SourceRefusedError(
                    f"The database at {self._place} refuses us ({said}): check user, password, database and "
                    f"the right to SELECT from {self._name}."
                ) from error
            raise SourceUnavailableError(
                f"The database at {self._place} does not answer ({said}): check that it runs and can be reached."
            ) from error

    def wall_clock(self, instant: datetime) -> datetime:
        """Return what the server's clock showed at an instant."""
        return instant.astimezone(self._zone).replace(tzinfo=None)

    def newest_start(self, connection: Connection) -> datetime | None:
        """Return the latest start; one more than a day ahead of now only where there is no other."""
        soon = self.wall_clock(datetime.now(UTC)) + _CLOCK_ERROR
        for span in (Span(_FIRST_START, soon), Span(soon, None)):
            found = connection.execute(select(func.max(self._start)).where(self._within(span))).scalar_one()
            if found is not None:
                return datetime.fromisoformat(_wall_text(found))
        return None

    def counts(self, connection: Connection, since: datetime | None) -> dict[str, int]:
        """Count rows by the step they start in, from the step of `since`; without it only undated ones."""
        undated = select(func.count()).select_from(self._table).where(self._within(Span.undated()))
        found = {UNDATED: connection.execute(undated).scalar_one()}
        if since is not None:
            whole = since.replace(minute=since.minute // 10 * 10, second=0, microsecond=0)
            step = func.substr(cast(self._start, String(30)), 1, _STEP_LETTERS).label("step")
            asked = select(step, func.count()).where(self._within(Span(whole, None))).group_by("step")
            found |= {name: rows for name, rows in connection.execute(asked).all()}  # noqa: C416
        return {name: rows for name, rows in found.items() if rows}

    def count(self, spans: Sequence[Span]) -> list[int]:
        """Count the rows that start in each stretch."""
        with self.connected() as connection:
            rows = select(func.count()).select_from(self._table)
            return [connection.execute(rows.where(self._within(span))).scalar_one() for span in spans]

    def pages(self, spans: Sequence[Span], page_rows: int) -> Iterator[list[Record]]:
        """Yield the rows of some stretches, ordered by start; rows of one second stay together."""
        for span in spans:
            yield from self._pages(select(self._table).where(self._within(span)), page_rows)

    def pages_of_calls(self, inside: Span, around: Span, page_rows: int) -> Iterator[list[Record]]:
        """Yield the rows of every call that has one `inside`, as far as they lie `around`.

        Where the table has no linkedid, only the rows inside.
        """
        chosen = self._within(inside)
        linkedid = self._columns.get("linkedid")
        if linkedid is not None:
            calls = select(linkedid).where(chosen, linkedid != "").distinct()
            chosen = and_(self._within(around), or_(chosen, linkedid.in_(calls)))
        yield from self._pages(select(self._table).where(chosen), page_rows)

    def _pages(self, asked: Select[Any], page_rows: int) -> Iterator[list[Record]]:
        page: list[Record] = []
        with self.connected() as connection:
            streamed = connection.execution_options(yield_per=page_rows).execute(asked.order_by(self._start))
            for row in streamed.mappings():
                record = {name: _value(row[column]) for name, column in self._columns.items()}
                if len(page) >= page_rows and record["start"] != page[-1]["start"]:
                    yield page
                    page = []
                page.append(record)
        if page:
            yield page

    @cached_property
    def _table(self) -> Table:
        with self.connected() as connection:
            return Table(self._name, MetaData(), schema=self._schema or None, autoload_with=connection)

    @cached_property
    def _columns(self) -> dict[str, Column[Any]]:
        """The columns by Asterisk's names: lower case, FreePBX's `calldate` as `start`."""
        columns = {column.name.lower(): column for column in self._table.columns}
        if "start" not in columns and "calldate" in columns:
            columns["start"] = columns.pop("calldate")
        if "start" not in columns:
            raise SourceRefusedError(
                f"Table {self._name} at {self._place} has no column start or calldate, but "
                f"{', '.join(sorted(columns))}: name the CDR table in the settings."
            )
        return columns

    @property
    def _start(self) -> Column[Any]:
        return self._columns["start"]

    def _within(self, span: Span) -> ColumnElement[bool]:
        def bound(instant: datetime) -> Any:  # noqa: ANN401 - the column's own type, which may be text
            return instant if self._start.type.python_type is datetime else str(instant)

        after = true() if span.start is None else self._start >= bound(span.start)
        if span.end is None:
            return after
        before = self._start < bound(span.end)
        return and_(after, or_(before, self._start.is_(None)) if span.start is None else before)


def _is_refusal(error: DBAPIError) -> bool:
    """Tell whether asking again cannot help: no such user, database, table or right."""
    code = error.orig.args[0] if error.orig and error.orig.args else None
    if isinstance(code, int):
        return code in _MYSQL_REFUSALS
    state = getattr(error.orig, "sqlstate", None) or ""
    return state[:2] in {"28", "3D", "42"} or any(
        said in str(error.orig) for said in ("authentication failed", "does not exist", "no pg_hba.conf entry")
    )


def _value(value: object) -> object:
    """Return a value as JSON can hold it: times as the wall clock's text, whole numbers as numbers."""
    match value:
        case None | bool() | int() | float():
            return value
        case datetime():
            return _wall_text(value)
        case Decimal():
            return int(value) if value == value.to_integral_value() else str(value)
        case bytes():
            return value.decode(errors="replace").replace("\0", "")
        case _:
            return str(value).replace("\0", "")


def _wall_text(value: object) -> str:
    """Return a time as text; one with a zone comes in the server's, as asked for."""
    return str(value.replace(tzinfo=None) if isinstance(value, datetime) else value)
