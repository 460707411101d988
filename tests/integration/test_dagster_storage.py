"""Dagster's storage keeps its connections: few, alive, and each of one process."""

from __future__ import annotations

import multiprocessing
from typing import Any

import dagster as dg
from sqlalchemy import make_url, text

from resources.warehouse import Warehouse


def parts(instance: dg.DagsterInstance) -> list[Any]:
    """Return what Dagster has in three storages."""
    return [instance.run_storage, instance.event_log_storage, instance.schedule_storage]


def server_process(part: Any) -> int:  # noqa: ANN401
    """Return the id of PostgreSQL's process on the other side of a storage's connection."""
    with part._engine.connect() as connection:
        return int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())


def test_calls_of_all_parts_and_of_instances_opened_later_share_a_connection(
    dagster_instance: dg.DagsterInstance,
) -> None:
    """A code server opens an instance for each tick."""
    [process] = {server_process(part) for part in parts(dagster_instance)}
    with dg.DagsterInstance.from_ref(dagster_instance.get_ref()) as another:
        another.get_runs(limit=1)
        another.all_instigator_state()
        assert {server_process(part) for part in parts(another)} == {process}
    assert server_process(dagster_instance.run_storage) == process


def test_a_connection_that_the_server_ended_is_not_noticed(dagster_instance: dg.DagsterInstance) -> None:
    """It was restarted, or a proxy cut what was idle."""
    process = server_process(dagster_instance.run_storage)
    url = make_url(dagster_instance.run_storage.postgres_url).set(drivername="postgresql+psycopg")  # type: ignore[attr-defined]
    with Warehouse(url.render_as_string(hide_password=False)).transaction() as connection:
        assert connection.execute(text("SELECT pg_terminate_backend(:process)"), {"process": process}).scalar_one()
    assert dagster_instance.get_runs(limit=1) == []
    assert server_process(dagster_instance.run_storage) != process


def test_a_process_that_copies_itself_leaves_the_connection_to_the_parent(
    dagster_instance: dg.DagsterInstance,
) -> None:
    """Two processes on one connection would read each other's answers."""
    process = server_process(dagster_instance.run_storage)
    copied = multiprocessing.get_context("fork")
    answers = copied.SimpleQueue()
    child = copied.Process(target=lambda: answers.put(server_process(dagster_instance.run_storage)))
    child.start()
    assert answers.get() != process
    child.join()
    assert server_process(dagster_instance.run_storage) == process
