"""The CDR table of an Asterisk in PostgreSQL and in MariaDB: every row comes, and only what changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, make_url, text

from resources.telephony.asterisk_sql import AsteriskSqlSource
from resources.telephony.source import (
    Cursor,
    Portion,
    SourceAnswerError,
    SourceRefusedError,
    SourceResetError,
    SourceUnavailableError,
)
from tests.fix_asterisk import (
    FREEPBX_COLUMNS,
    MASTER_COLUMNS,
    cdr_mariadb_fixture,  # noqa: F401
    cdr_postgres_fixture,  # noqa: F401
    mariadb_socket_fixture,  # noqa: F401
    recorded_rows,
)

Row = dict[str, Any]


def rows_of(portions: Iterable[Portion]) -> list[Row]:
    return [dict(record) for portion in portions for record in portion.records]


def facts(rows: Iterable[Row], names: Iterable[str] = FREEPBX_COLUMNS) -> list[tuple[str, ...]]:
    """What rows say, in an order of their own, absent and empty being the same."""
    return sorted(tuple("" if row[name] is None else str(row[name]) for name in names) for row in rows)


@pytest.fixture(name="url", params=["cdr_postgres_url", "cdr_mariadb_url"])
def url_fixture(request: pytest.FixtureRequest) -> str:
    """The same calls in both databases."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture(name="run")
def run_fixture(url: str) -> Iterator[Callable[..., None]]:
    """A function that runs a statement on the table; `{start}` is the name of its start column."""
    is_mysql = url.startswith("mysql")
    engine: Engine = create_engine(make_url(url).set(drivername="mysql+pymysql" if is_mysql else "postgresql+psycopg"))

    def run(statement: str, **values: object) -> None:
        with engine.begin() as connection:
            if is_mysql:
                connection.execute(text("SET sql_mode = ''"))
            connection.execute(text(statement.format(start="calldate" if is_mysql else "start")), values)

    yield run
    engine.dispose()


INSERT = (
    "INSERT INTO cdr ({start}, src, dst, clid, channel, duration, billsec, disposition, uniqueid, linkedid, sequence)"
    " VALUES (:start, '101', '102', '', 'SIP/101-1', 5, 4, 'ANSWERED', :id, :linkedid, :sequence)"
)


def insert(run: Callable[..., None], start: str | None, sequence: int, linkedid: str = "1795400000.1") -> None:
    run(INSERT, start=start, id=f"1795400000.{sequence}", linkedid=linkedid, sequence=sequence)


def source(url: str, **options: Any) -> AsteriskSqlSource:  # noqa: ANN401
    return AsteriskSqlSource("ast", url, **{"zone": "UTC", **options})


def load(reader: AsteriskSqlSource, cursor: Cursor) -> tuple[list[Row], Cursor]:
    portions = list(reader.portions_after(cursor))
    return rows_of(portions), portions[-1].cursor if portions else cursor


@pytest.mark.parametrize("page_rows", [1, 7, 5_000])
def test_every_row_comes_and_says_the_same_as_the_file(url: str, page_rows: int) -> None:
    """The table and the CSV file tell the same calls, whatever the size of a page."""
    rows, _ = load(source(url, page_rows=page_rows), {})
    assert facts(rows) == facts(recorded_rows())


def test_rows_keep_their_types_and_words(cdr_postgres_url: str) -> None:
    """Numbers stay numbers, times are the wall clock's text, absent is absent: fit for JSON."""
    rows, _ = load(source(cdr_postgres_url), {})
    row = next(row for row in rows if row["sequence"] == 45)
    assert row["start"] == "2026-11-23 04:07:43"
    assert row["answer"] is None
    assert row["duration"] == 0
    assert row["clid"] == '"名前" <89000000015>'
    assert set(row) == set(MASTER_COLUMNS)


def test_a_table_in_other_clothes_is_understood(database_url: str) -> None:
    """Upper-case names, times with a zone, numbers as decimals, columns of one's own, another schema."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            'CREATE SCHEMA pbx; CREATE TABLE pbx.calls ("CallDate" timestamptz, "UniqueID" text, src text, '
            "billsec numeric, disposition int, hangupcause bytea);"
            "INSERT INTO pbx.calls VALUES ('2026-01-15 10:00:00+00', '1768471200.1', '101', 12, 8, 'x')"
        )
    rows, _ = load(source(database_url, table="pbx.calls", zone="Europe/Moscow"), {})
    assert rows == [
        {"start": "2026-01-15 13:00:00", "uniqueid": "1768471200.1", "src": "101", "billsec": 12,
         "disposition": 8, "hangupcause": "x"}
    ]  # fmt: skip


def test_a_first_load_cut_off_anywhere_is_carried_on(url: str) -> None:
    """What was stored before a kill, plus what the next load brings, is everything."""
    portions = list(source(url, page_rows=40, window_hours=1).portions_after({}))
    assert len(portions) > 8
    for stored in range(len(portions)):
        rest, cursor = load(source(url, page_rows=40, window_hours=1), portions[stored].cursor)
        assert set(facts(rows_of(portions[: stored + 1]) + rest)) == set(facts(recorded_rows()))
        assert not source(url, window_hours=1).look(cursor).has_news


def test_a_tick_reads_only_what_changed(url: str, run: Callable[..., None]) -> None:
    """A row that appears late, with an old start, is found, and only its ten minutes are read again."""
    for hour in range(24):
        insert(run, f"2026-11-22 {hour:02}:30:00", hour)
    reader = source(url)
    _, cursor = load(reader, {})
    assert not reader.look(cursor).has_news
    assert load(reader, cursor) == ([], cursor)
    insert(run, "2026-11-22 10:31:00", 100)
    insert(run, "2026-11-22 10:29:59", 101)
    insert(run, "2026-11-23 05:00:00", 102)
    assert reader.look(cursor).has_news
    rows, cursor = load(reader, cursor)
    assert sorted(row["sequence"] for row in rows) == [10, 100, 101, 102]
    assert load(reader, cursor) == ([], cursor)


def test_what_came_while_nobody_looked_is_read(url: str, run: Callable[..., None]) -> None:
    """After a pause longer than the window everything since the last load is read, and what was late then."""
    run("DELETE FROM cdr")
    insert(run, "2026-10-01 10:00:00", 1)
    reader = source(url, window_hours=2)
    _, cursor = load(reader, {})
    starts = ["2026-10-01 08:30:00", "2026-10-01 10:05:00", "2026-10-03 12:00:00", "2026-10-09 10:00:00"]
    for sequence, start in enumerate(starts, start=2):
        insert(run, start, sequence)
    rows, cursor = load(reader, cursor)
    assert {row["sequence"] for row in rows} >= {2, 3, 4, 5}
    assert not reader.look(cursor).has_news


def test_rows_without_a_date_come_too(url: str, run: Callable[..., None]) -> None:
    """A row with no start, or MySQL's zero date, is for the quarantine to show, not to be passed over."""
    nothing = None if url.startswith("postgresql") else "0000-00-00 00:00:00"
    insert(run, nothing, 1)
    reader = source(url)
    rows, cursor = load(reader, {})
    assert len(rows) == 427
    insert(run, nothing, 2)
    assert reader.look(cursor).has_news
    rows, cursor = load(reader, cursor)
    assert sorted(row["sequence"] for row in rows) == [1, 2]
    assert not reader.look(cursor).has_news


def test_a_row_from_the_future_does_not_hide_the_present(url: str, run: Callable[..., None]) -> None:
    """One row of a server whose clock was wrong must not move the window away from today."""
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    run("DELETE FROM cdr")
    for sequence in range(20):
        insert(run, str(now - timedelta(minutes=sequence)), sequence)
    for second in range(10, 20):
        insert(run, f"2099-01-01 00:00:{second}", 80 + second)
    reader = source(url, page_rows=5)
    portions = list(reader.portions_after({}))
    assert len(rows_of(portions)) == 30
    assert not any(reader.look(portion.cursor).is_reset for portion in portions)
    cursor = portions[-1].cursor
    assert cursor["newest"] == str(now)
    insert(run, str(now - timedelta(seconds=5)), 100)
    rows, _ = load(reader, cursor)
    assert 100 in [row["sequence"] for row in rows]


def test_an_older_copy_of_the_database_is_a_reset(url: str, run: Callable[..., None]) -> None:
    """The newest start went back by more than the window: the history is read from the start."""
    insert(run, "2026-11-20 10:00:00", 1)
    reader = source(url)
    _, cursor = load(reader, {})
    run("DELETE FROM cdr WHERE {start} > '2026-11-21'")
    assert reader.look(cursor).is_reset
    with pytest.raises(SourceResetError):
        list(reader.portions_after(cursor))


def test_an_emptied_table_is_an_error_not_an_empty_history(url: str, run: Callable[..., None]) -> None:
    """A table that held calls and holds none is no end of data; an empty one that never did is."""
    reader = source(url)
    _, cursor = load(reader, {})
    run("DELETE FROM cdr")
    for ask in (lambda: reader.look(cursor), lambda: list(reader.portions_after(cursor))):
        with pytest.raises(SourceAnswerError):
            ask()
    assert not reader.look({}).has_news
    _, empty = load(reader, {})
    assert not reader.look(empty).has_news
    insert(run, "2026-11-20 10:00:00", 1)
    assert reader.look(empty).has_news
    assert len(load(reader, empty)[0]) == 1


@pytest.mark.parametrize("page_rows", [1, 5_000])
def test_calls_of_an_interval_come_whole(url: str, run: Callable[..., None], page_rows: int) -> None:
    """Every leg of a call that has one in the interval, legs outside included, and no other call."""
    insert(run, "2026-11-21 22:50:00", 1, linkedid="over midnight")
    insert(run, "2026-11-22 10:00:00", 2, linkedid="over midnight")
    insert(run, "2026-11-22 10:00:00", 3, linkedid="")
    insert(run, "2026-11-21 10:00:00", 4, linkedid="before")
    insert(run, "2026-11-21 10:00:00", 5, linkedid="")
    start = datetime(2026, 11, 22, tzinfo=UTC)
    rows = rows_of(source(url, page_rows=page_rows).portions_between(start, start + timedelta(days=1)))
    assert sorted(row["sequence"] for row in rows) == [1, 2, 3]


def test_without_linkedid_an_interval_is_what_starts_in_it(database_url: str) -> None:
    """An older layout cannot tell which rows are one call; those of the interval come."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE cdr (start timestamp, src text)")
        connection.execute("INSERT INTO cdr VALUES ('2026-11-22 10:00', '1'), ('2026-11-20 10:00', '2')")
    start = datetime(2026, 11, 22, tzinfo=UTC)
    rows = rows_of(source(database_url).portions_between(start, start + timedelta(days=1)))
    assert [row["src"] for row in rows] == ["1"]


def test_another_table_is_refused_with_advice(url: str, run: Callable[..., None]) -> None:
    """No such table, or one that is no CDR: said at once, asking again cannot help."""
    run("CREATE TABLE users (id int)")
    for table in ("nothing", "users"):
        with pytest.raises(SourceRefusedError, match="name the CDR table"):
            source(url, table=table).look({})


def test_a_database_that_is_not_there_may_come_back(tmp_path: Path) -> None:
    """A server that does not answer is a passing state."""
    for url in (f"postgresql://x@/cdr?host={tmp_path}", "mysql://x@127.0.0.1:1/cdr"):
        with pytest.raises(SourceUnavailableError, match="check that it runs"):
            source(url).look({})


def test_a_refused_log_in_is_not_a_passing_state(cdr_mariadb_url: str, cdr_postgres_url: str) -> None:
    """Wrong user or database: the settings must be mended; the password is not repeated in the text."""
    wrong = [
        cdr_mariadb_url.replace("root@", "nobody:hush-hush@"),
        make_url(cdr_postgres_url).set(database="nowhere", password="hush-hush").render_as_string(hide_password=False),
    ]
    for url in wrong:
        with pytest.raises(SourceRefusedError, match="refuses us") as caught:
            source(url).look({})
        assert "hush-hush" not in str(caught.value)


def test_only_known_kinds_of_database_are_taken() -> None:
    """A wrong URL is said when the settings are read."""
    with pytest.raises(ValueError, match="not from sqlite"):
        source("sqlite:///cdr.db")
