"""One at a time: whoever works on contacts and owners."""

from __future__ import annotations

from sqlalchemy import Connection


def lock_contacts(connection: Connection) -> None:
    """Wait for other work on contacts and owners, and keep it out until the transaction ends."""
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtextextended('contacts', 0))")
