"""A migrated, empty warehouse for each test, copied from one template."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from resources.warehouse import Warehouse
from resources.warehouse.migrate import migrate


@pytest.fixture(scope="session")
def migrated_template(make_session_database: Callable[[str], str]) -> str:
    """Return the name of a database that holds the migrated, empty schema; nobody may stay connected."""
    name = "migrated_template"
    migrate(Warehouse(make_session_database(name)))
    return name


@pytest.fixture
def warehouse(migrated_template: str, make_database: Callable[[str | None], str]) -> Iterator[Warehouse]:
    """Return an empty warehouse of this test's own."""
    warehouse = Warehouse(make_database(migrated_template))
    yield warehouse
    warehouse.engine.dispose()
