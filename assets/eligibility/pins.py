"""Pins: a client's employee set by hand, for a time; they go before every other rule."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, select, update

from assets.contacts.rules import ContactRules
from assets.eligibility.errors import PinError
from assets.eligibility.store import client_of_number
from resources.warehouse.tables import crm_employees, crm_parties, routing_pins

COMMAND = "pin"
"""The source of pins that were set one by one."""


def pin(
    connection: Connection,
    client: str,
    employee_id: str,
    rules: ContactRules,
    *,
    until: datetime | None = None,
    note: str = "",
) -> str:
    """Let an employee answer a client, from now on; an earlier pin of this command gives way.

    Args:
        connection: inside a transaction; the caller commits.
        client: a party_id, or a number in any notation.
        employee_id: who.
        rules: how numbers are read.
        until: the first instant no longer; None is for good.
        note: why, for people.

    Returns:
        The client as it is pinned: the party_id, or `tel:<number>`.

    Raises:
        PinError: nobody knows the employee, or the time is over.
    """
    known = select(crm_employees.c.name).where(
        crm_employees.c.employee_id == employee_id, crm_employees.c.gone_at.is_(None)
    )
    if connection.execute(known).first() is None:
        raise PinError(
            f"No employee has the employee_id '{employee_id}'. They stand in table crm_employees; see "
            "'switchboard sql \"TABLE crm_employees\"'."
        )
    now = connection.execute(select(func.now())).scalar_one()
    if until is not None and until <= now:
        raise PinError("The pin would have ended before it begins.")
    client_id = _client(connection, client, rules)
    _revoke(connection, client_id)
    connection.execute(
        routing_pins.insert().values(
            source=COMMAND, client_id=client_id, employee_id=employee_id, pinned_from=now, pinned_until=until, note=note
        )
    )
    return client_id


def unpin(connection: Connection, client: str, rules: ContactRules) -> str:
    """Take back what `pin` set; return the client as it was pinned.

    Raises:
        PinError: this command has pinned nobody to that client.
    """
    client_id = _client(connection, client, rules)
    if not _revoke(connection, client_id):
        raise PinError(f"Nobody is pinned to {client_id} by this command. Pins of a file are taken back there.")
    return client_id


def _revoke(connection: Connection, client_id: str) -> int:
    return connection.execute(
        update(routing_pins)
        .where(
            routing_pins.c.source == COMMAND,
            routing_pins.c.client_id == client_id,
            routing_pins.c.revoked_at.is_(None),
        )
        .values(revoked_at=func.now())
    ).rowcount


def _client(connection: Connection, client: str, rules: ContactRules) -> str:
    if connection.execute(select(crm_parties.c.name).where(crm_parties.c.party_id == client)).first():
        return client
    if not any(sign.isdigit() for sign in client):
        raise PinError(f"'{client}' is neither a party_id nor a number.")
    return client_of_number(client, rules)
