"""Databases for one benchmark: on the embedded server, empty, and migrated where asked."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import psycopg
from psycopg import sql

from resources.postgres import Server
from resources.warehouse import Warehouse
from resources.warehouse.migrate import migrate


@dataclass(frozen=True)
class Databases:
    """Makes and drops databases on a server."""

    server: Server

    def make(self) -> str:
        """Return the URL of a new empty database."""
        name = f"bench_{uuid.uuid4().hex[:12]}"
        self._run("CREATE DATABASE {}", name)
        return self.server.url(name)

    def make_warehouse(self) -> Warehouse:
        """Return a new migrated warehouse."""
        warehouse = Warehouse(self.make())
        migrate(warehouse)
        return warehouse

    def drop(self, url: str) -> None:
        """Drop a database of ours."""
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", url.rsplit("/", 1)[-1])

    def _run(self, statement: str, name: str) -> None:
        with psycopg.connect(self.server.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
