"""Fixtures: a real PostgreSQL, the embedded one, and fresh databases in it."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator

import psycopg
import pytest
import stamina
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from resources.postgres import EmbeddedPostgres, Server


class Databases:
    """Makes databases on a server, and drops them at the end."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._names: list[str] = []

    def make(self, name: str, template: str = "template1") -> str:
        """Make a database and return its URL; `template` is one to which nobody is connected."""
        # By copying files: half the time of the default way, which writes all to the WAL.
        self._run("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", name, template)
        self._names.append(name)
        return self._server.url(name)

    def drop_all(self) -> None:
        """Drop what was made, whoever is still connected."""
        for name in self._names:
            # An autovacuum worker that is in there just then belongs to nobody whom an owner may end.
            for attempt in stamina.retry_context(InsufficientPrivilege, attempts=20, timeout=60, wait_max=3):
                with attempt:
                    self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def _run(self, statement: str, *names: str) -> None:
        with psycopg.connect(self._server.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The embedded server of this test run, in a folder of its own."""
    home = tmp_path_factory.mktemp("postgres")
    with EmbeddedPostgres(home).running() as server:
        yield server
    shutil.rmtree(home)


@pytest.fixture(scope="session")
def make_session_database(postgres_server: Server) -> Iterator[Callable[[str], str]]:
    """A function that makes an empty database of a name and returns its URL; for the whole test run."""
    databases = Databases(postgres_server)
    yield databases.make
    databases.drop_all()


@pytest.fixture
def make_database(postgres_server: Server) -> Iterator[Callable[[str | None], str]]:
    """A function that makes a database for one test, a copy of the one named or empty; returns its URL."""
    databases = Databases(postgres_server)
    yield lambda template: databases.make(f"test_{uuid.uuid4().hex}", template or "template1")
    databases.drop_all()


@pytest.fixture
def database_url(make_database: Callable[[str | None], str]) -> str:
    """A fresh, empty database for one test."""
    return make_database(None)
