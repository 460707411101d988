"""Dagster's storage with connections that are kept; `dagster.yaml` names it.

Dagster's own opens a connection for each call, and a code server opens its storage anew for each tick: on an idle
instance that was most of what PostgreSQL did.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Self

from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage
from dagster_postgres.utils import create_pg_engine, pg_url_from_config
from sqlalchemy import Engine

KEPT_CONNECTIONS = 2
"""By a process while nothing happens. More are opened when they are needed, and closed after it."""

_ENGINES: dict[str, Engine] = {}


class KeepingPostgresStorage(DagsterPostgresStorage):
    """Dagster's storage on PostgreSQL; all that a process opens of it shares the process's connections.

    Configured by `postgres_url` or `postgres_db`, as Dagster's own.
    """

    def __init__(
        self, postgres_url: str, should_autocreate_tables: bool = True, inst_data: ConfigurableClassData | None = None
    ) -> None:
        # A process asks once whether the tables are there.
        super().__init__(postgres_url, should_autocreate_tables and postgres_url not in _ENGINES, inst_data)
        for part in (self._run_storage, self._event_log_storage, self._schedule_storage):
            part._engine = _engine(postgres_url)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """Return what the configuration describes."""
        return cls(pg_url_from_config(config_value), config_value.get("should_autocreate_tables", True), inst_data)


def _engine(url: str) -> Engine:
    if url not in _ENGINES:
        _ENGINES[url] = create_pg_engine(
            url,
            # As Dagster's own statements expect.
            isolation_level="AUTOCOMMIT",
            pool_size=KEPT_CONNECTIONS,
            max_overflow=-1,
            # The one used last: the others time out where something between cuts what is idle, and are found dead.
            pool_use_lifo=True,
            pool_pre_ping=True,
        )
    return _ENGINES[url]


def _leave_to_the_parent() -> None:
    for engine in _ENGINES.values():
        engine.dispose(close=False)


# A worker copies itself for its runs: two processes on one connection would read each other's answers.
os.register_at_fork(after_in_child=_leave_to_the_parent)
