"""What keeps the tables small works from the first day on."""

from __future__ import annotations

from pipelines.housekeeping import Retention, trim_warehouse
from resources.warehouse import Warehouse


def test_a_new_installation_has_nothing_to_trim(warehouse: Warehouse) -> None:
    """There is no routing version older than the limit: in its first weeks the job failed each night for that."""
    assert trim_warehouse(warehouse, Retention()) == (0, 0, 0)
