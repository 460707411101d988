"""Messages as evidence of who works with a client, where they are tracked: `source: messages` of the tracked file."""

from __future__ import annotations

from datetime import datetime

from resources.warehouse.connection import Warehouse
from resources.warehouse.statements import run

DOCUMENT = "message"
DAYS = 92


def gather_evidence(warehouse: Warehouse, zone: str, since: datetime | None) -> int:
    """Write down who wrote to whom on which day; return how many such days are new or changed.

    Args:
        warehouse: where the chats are.
        zone: the business zone.
        since: chats that changed from then on; None is all of them.
    """
    with warehouse.transaction() as connection:
        return run(
            connection, "assets.messenger", "gather_evidence", {"since": since, "zone": zone, "days": DAYS}
        ).rowcount
