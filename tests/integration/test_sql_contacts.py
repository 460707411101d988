"""Clients and employees by SQL, from databases people really have."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import psycopg
import pymysql
import pytest

from assets.contacts.query_source import Query, QuerySource
from assets.contacts.rules import ContactRules
from resources.contacts.errors import ContactQueryError
from resources.contacts.sql_query import (
    ROWS_PER_PORTION,
    check_queries,
    fingerprint,
    newest_change,
    read_contacts_query,
    read_employees_query,
)
from resources.warehouse import Warehouse
from tests.fix_asterisk import mariadb_socket_fixture  # noqa: F401 - a fixture
from tests.rows import select

COLUMNS = {"party_id": "id", "party_name": "title", "phones": "phone"}
QUERY = "SELECT id, title, phone FROM clients ORDER BY id"


@pytest.fixture
def crm(make_database: object) -> str:
    """A PostgreSQL with clients and people."""
    url = str(make_database(None))  # type: ignore[operator]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            """
            CREATE TABLE clients (
                id integer, title text, phone text, since timestamp, changed_at timestamptz DEFAULT now()
            );
            INSERT INTO clients VALUES
                (1, 'ООО «Ромашка»', '8 (495) 123-45-67; +7 916 123-45-67', '2024-02-29 10:00'),
                (2, 'Иванов: 100 % :name', NULL, NULL);
            CREATE SEQUENCE serials;
            CREATE TABLE people (id text, name text, ext text);
            INSERT INTO people VALUES ('anna', 'Анна', '201')
            """
        )
    return url


def test_a_query_gives_contacts_under_our_names(crm: str) -> None:
    """Cyrillic, numbers as ids, dates without their time, NULL as empty; columns it lacks are empty."""
    query = "SELECT *, since::date AS day, 'a:b % c' AS odd FROM clients ORDER BY id"
    [portion] = read_contacts_query(crm, query, COLUMNS | {"valid_from": "since"})
    first, second = portion.rows.to_dict("records")
    assert (first["party_id"], first["party_name"], first["party_kind"]) == ("1", "ООО «Ромашка»", "company")
    assert (first["phones"], first["valid_from"]) == ("8 (495) 123-45-67; +7 916 123-45-67", "2024-02-29")
    assert (second["phones"], second["valid_from"], second["contact_id"]) == ("", "", "")
    [people] = read_employees_query(crm, "SELECT id, name, ext FROM people", {"employee_id": "id", "extension": "ext"})
    assert people.rows[["employee_id", "name", "extension"]].to_numpy().tolist() == [["anna", "Анна", "201"]]


def test_a_mariadb_is_asked_the_same_way(mariadb_socket: Path) -> None:
    """Another server, another driver, the same rows."""
    with pymysql.connect(unix_socket=str(mariadb_socket), user="root", autocommit=True) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE DATABASE shop CHARACTER SET utf8mb4")
        try:
            cursor.execute("CREATE TABLE shop.clients (id int, title varchar(50), phone varchar(50))")
            cursor.execute("INSERT INTO shop.clients VALUES (1, 'ООО «Ромашка»', '84951234567')")
            url = f"mysql://root@localhost/shop?unix_socket={mariadb_socket}"
            [portion] = read_contacts_query(url, QUERY, COLUMNS)
            assert portion.rows["party_name"].tolist() == ["ООО «Ромашка»"]
            [portion] = read_contacts_query(
                url, "SELECT 1 AS id, concat('a', char(0), 'b') AS title, 1 AS phone", COLUMNS
            )
            assert portion.rows["party_name"].tolist() == ["ab"], "PostgreSQL has no NUL in texts"
            start = time.monotonic()
            slow = "SELECT seq AS id, repeat('x', 100) AS title, sleep(0.001) AS phone FROM seq_1_to_1000000"
            assert fingerprint(url, slow, COLUMNS, start + 0.5) is None
            assert time.monotonic() - start < 10
            with pytest.raises(ContactQueryError, match="READ ONLY"):
                newest_change(url, "DELETE FROM clients")
        finally:
            cursor.execute("DROP DATABASE shop")


@pytest.mark.parametrize(
    ("query", "columns", "reason"),
    [
        ("SELECT id, title FROM clients", COLUMNS, "gives no column phone; it gives id, title"),
        (QUERY, {"telephone": "phone"}, "no column telephone to map to; ours are party_id, party_name"),
        ("SELECT id, title, phone, phone FROM clients", COLUMNS, "gives the column phone twice"),
        ("SELECT nonsense FROM clients", COLUMNS, 'column "nonsense" does not exist'),
        ("SELECT nextval('serials') AS id, title, phone FROM clients", COLUMNS, "read-only transaction"),
    ],
)
def test_a_query_that_does_not_give_what_it_must_says_so(
    crm: str, query: str, columns: dict[str, str], reason: str
) -> None:
    """And nothing of the operator's is ever written to."""
    with pytest.raises(ContactQueryError, match=reason):
        list(read_contacts_query(crm, query, columns))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://nobody:s3cret@127.0.0.1:1/crm",
        "postgresql://u:p@s3cret@127.0.0.1:1/crm",
        "postgresql://u:s3cret@127.0.0.1:port/crm",
        "mysql://u:s3cret@127.0.0.1:1/crm?nonsense=1",
        "nonsense://u:s3cret@host/db",
        "s3cret",
        "oracle://u:s3cret@host/db",
    ],
)
def test_a_password_is_in_no_message(url: str) -> None:
    """Whatever is wrong with the URL or the server."""
    with pytest.raises(ContactQueryError) as caught:
        check_queries(url, contacts=(QUERY, COLUMNS))
    assert "s3cret" not in str(caught.value)


def test_a_change_is_told_by_the_database_or_by_its_rows(crm: str) -> None:
    """The cheap way where there is one; else a print of all rows, given up at a deadline."""
    change = "SELECT max(changed_at), count(*) FROM clients"
    told, print_ = newest_change(crm, change), fingerprint(crm, QUERY, COLUMNS)
    assert (newest_change(crm, change), fingerprint(crm, QUERY, COLUMNS)) == (told, print_)
    with psycopg.connect(crm, autocommit=True) as connection:
        connection.execute("UPDATE clients SET phone = '1', changed_at = now() WHERE id = 2")
    assert newest_change(crm, change) != told
    assert fingerprint(crm, QUERY, COLUMNS) != print_
    assert fingerprint(crm, QUERY, COLUMNS, time.monotonic() - 1) is None


def test_what_is_stored_otherwise_keeps_its_meaning(crm: str) -> None:
    """Whole numbers come without a fraction, and two keys of 16 bytes stay two."""
    query = r"""
        SELECT * FROM (VALUES (1.0::float8, 100.00::numeric(9, 2), 79161234567::float8), (2, 1e39, 0.5))
        AS t (party_id, party_name, phones)
    """
    [portion] = read_contacts_query(crm, query, {})
    assert portion.rows[["party_id", "party_name", "phones"]].to_numpy().tolist() == [
        ["1", "100", "79161234567"],
        ["2", f"{10**39}", "0.5"],
    ]
    keys = r"SELECT id, 'A' AS title, '' AS phone FROM (VALUES ('\x80fe'::bytea), ('\x81ff')) AS t (id)"
    [portion] = read_contacts_query(crm, keys, COLUMNS)
    assert portion.rows["party_id"].tolist() == ["80fe", "81ff"]


def test_an_instant_is_no_day(crm: str) -> None:
    """Which day it is depends on the zone, which nobody named: the row is refused rather than dated a day off."""
    [portion] = read_contacts_query(crm, "SELECT *, changed_at AS valid_from FROM clients WHERE id = 1", COLUMNS)
    assert [row.reason for row in portion.refused] == ["valid_from is not a date written like 2026-03-31"]


def test_a_slow_query_is_given_up_at_the_deadline(crm: str) -> None:
    """Also where no row has come by then."""
    start = time.monotonic()
    query = "SELECT '1' AS id, pg_sleep(30)::text AS title, '' AS phone"
    assert fingerprint(crm, query, COLUMNS, start + 0.5) is None
    assert time.monotonic() - start < 10


def test_rows_are_taken_while_the_query_still_runs(crm: str) -> None:
    """The first portion comes although a later row fails: no one waits for, or holds, the whole answer."""
    query = "SELECT n AS id, 'A' AS title, (1 / (20001 - n))::text AS phone FROM generate_series(1, 30000) AS n"
    portions = read_contacts_query(crm, query, COLUMNS)
    assert len(next(portions).rows) == ROWS_PER_PORTION
    with pytest.raises(ContactQueryError, match="division by zero"):
        list(portions)


def test_many_rows_stream(crm: str) -> None:
    """Memory is that of a portion, not of the table."""
    query = (
        "SELECT n AS id, repeat('x', 100) AS title, '8495' || n AS phone FROM generate_series(1000000, 1099999) AS n"
    )
    tracemalloc.start()
    try:
        rows = sum(len(portion.rows) for portion in read_contacts_query(crm, query, COLUMNS))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert rows == 100_000
    assert peak < 60_000_000


def test_a_database_is_a_contact_source(crm: str, warehouse: Warehouse) -> None:
    """Looked at, taken in, and not taken in again until it changes."""
    source = QuerySource(
        "shop",
        crm,
        Query(QUERY, COLUMNS),
        Query("SELECT * FROM people", {"employee_id": "id", "extension": "ext"}),
        "SELECT max(changed_at) FROM clients",
    )
    assert source.look(warehouse).has_news
    done = source.refresh(warehouse, ContactRules())
    assert (done.parties, done.phones, done.employees, done.extensions) == (2, 2, 1, 1)
    assert not source.look(warehouse).has_news
    with psycopg.connect(crm, autocommit=True) as connection:
        connection.execute("UPDATE clients SET phone = '84957654321', changed_at = now() WHERE id = 2")
    assert source.look(warehouse).has_news
    assert source.refresh(warehouse, ContactRules()).phones == 1
    numbers = select(warehouse, "SELECT number FROM crm_phones WHERE source = 'shop' ORDER BY 1")
    assert [number for (number,) in numbers] == ["+74951234567", "+74957654321", "+79161234567"]
    german = QuerySource(
        "berlin", crm, Query("SELECT 'b' || id AS party_id, title AS party_name, '030 1000135' AS phones FROM clients"),
        country="DE",
    )  # fmt: skip
    german.refresh(warehouse, ContactRules())
    assert select(warehouse, "SELECT DISTINCT number FROM crm_phones WHERE source = 'berlin'") == [("+49301000135",)]
    everything = QuerySource(
        "shop2", crm, Query("SELECT 'x' || id AS party_id, title AS party_name, '' AS phones FROM clients")
    )
    assert everything.look(warehouse).has_news
    everything.refresh(warehouse, ContactRules())
    assert not everything.look(warehouse).has_news
