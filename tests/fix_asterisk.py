"""Fixtures: one and the same set of recorded calls as an Asterisk's CDR table, in PostgreSQL and in MariaDB."""

from __future__ import annotations

import csv
import getpass
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pymysql
import pytest

from resources.telephony.asterisk_layouts import LAYOUTS

ASTERISK_DATA = Path(__file__).parent / "data" / "asterisk"
MASTER_COLUMNS = LAYOUTS[8]
FREEPBX = """
CREATE TABLE cdr (
    calldate datetime NOT NULL DEFAULT '0000-00-00 00:00:00',
    clid varchar(80) NOT NULL DEFAULT '', src varchar(80) NOT NULL DEFAULT '',
    dst varchar(80) NOT NULL DEFAULT '', dcontext varchar(80) NOT NULL DEFAULT '',
    channel varchar(80) NOT NULL DEFAULT '', dstchannel varchar(80) NOT NULL DEFAULT '',
    lastapp varchar(80) NOT NULL DEFAULT '', lastdata varchar(80) NOT NULL DEFAULT '',
    duration int(11) NOT NULL DEFAULT 0, billsec int(11) NOT NULL DEFAULT 0,
    disposition varchar(45) NOT NULL DEFAULT '', amaflags int(11) NOT NULL DEFAULT 0,
    accountcode varchar(20) NOT NULL DEFAULT '', uniqueid varchar(32) NOT NULL DEFAULT '',
    userfield varchar(255) NOT NULL DEFAULT '', did varchar(50) NOT NULL DEFAULT '',
    recordingfile varchar(255) NOT NULL DEFAULT '', cnum varchar(80) NOT NULL DEFAULT '',
    cnam varchar(80) NOT NULL DEFAULT '', outbound_cnum varchar(80) NOT NULL DEFAULT '',
    outbound_cnam varchar(80) NOT NULL DEFAULT '', dst_cnam varchar(80) NOT NULL DEFAULT '',
    linkedid varchar(32) NOT NULL DEFAULT '', peeraccount varchar(80) NOT NULL DEFAULT '',
    sequence int(11) NOT NULL DEFAULT 0,
    KEY calldate (calldate), KEY dst (dst), KEY accountcode (accountcode), KEY uniqueid (uniqueid)
) DEFAULT CHARSET = utf8mb4
"""
FREEPBX_COLUMNS = ("src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp", "lastdata", "start",
          "duration", "billsec", "disposition", "accountcode", "uniqueid", "linkedid", "sequence")  # fmt: skip


def recorded_rows(name: str = "Master.csv", columns: tuple[str, ...] = MASTER_COLUMNS) -> list[dict[str, str]]:
    """Return the rows of a recorded file, read by Python's csv module."""
    with (ASTERISK_DATA / name).open(encoding="utf-8", newline="") as stream:
        return [dict(zip(columns, fields, strict=True)) for fields in csv.reader(stream)]


@pytest.fixture(name="cdr_postgres_url")
def cdr_postgres_fixture(database_url: str) -> str:
    """The table as cdr_pgsql wrote it."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute((ASTERISK_DATA / "cdr_pgsql.sql").read_bytes())
    return database_url


@pytest.fixture(name="mariadb_socket", scope="session")
def mariadb_socket_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A private MariaDB on a socket of its own, or a skip where the server is not installed."""
    install, server = shutil.which("mariadb-install-db"), shutil.which("mariadbd")
    if not install or not server:
        pytest.skip("MariaDB is not installed here (Debian: mariadb-server)")
    home = tmp_path_factory.mktemp("mariadb")
    common = ["--no-defaults", f"--datadir={home / 'data'}", f"--user={getpass.getuser()}"]
    subprocess.run([install, *common, "--auth-root-authentication-method=normal"], check=True, capture_output=True)
    socket = home / "s"
    running = subprocess.Popen(
        [server, *common, f"--socket={socket}", "--skip-networking", f"--pid-file={home / 'pid'}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while not socket.exists():
            assert time.monotonic() < deadline, "MariaDB did not start"
            assert running.poll() is None, "MariaDB ended at once"
            time.sleep(0.05)
        yield socket
    finally:
        running.terminate()
        running.wait(30)


@pytest.fixture(name="cdr_mariadb_url")
def cdr_mariadb_fixture(mariadb_socket: Path) -> Iterator[str]:
    """The table of FreePBX in MariaDB, holding the same calls."""
    with pymysql.connect(unix_socket=str(mariadb_socket), user="root", autocommit=True) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE DATABASE asteriskcdrdb")
        cursor.execute("USE asteriskcdrdb")
        cursor.execute("SET sql_mode = ''")
        cursor.execute(FREEPBX)
        names = [name for name in FREEPBX_COLUMNS if name != "start"]
        cursor.executemany(
            f"INSERT INTO cdr (calldate, {', '.join(names)}) VALUES (%s{', %s' * len(names)})",  # noqa: S608
            [[row["start"], *(row[name] for name in names)] for row in recorded_rows()],
        )
        yield f"mysql://root@localhost/asteriskcdrdb?unix_socket={mariadb_socket}"
        cursor.execute("DROP DATABASE asteriskcdrdb")
