"""Writes the contacts of known numbers into a base's phone calls, where nobody has chosen one.

1C is read, compared and written call by call. Only an empty contact, or one that we wrote ourselves, gives
way: what a person chose stays. Whether to write at all is the caller's setting.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, delete, update

from assets.contacts.crm.base import PACKAGE, CrmBase
from assets.contacts.rules import ContactRules
from resources.onec.errors import OnecRefusedError
from resources.onec.source import OnecSource
from resources.warehouse import Warehouse
from resources.warehouse.statements import run
from resources.warehouse.tables import crm_interactions, written_links

log = logging.getLogger(__name__)

CALLS_PER_RUN = 200
"""Each costs the base two requests; the others have their turn with the next run."""

_WAIT_SECONDS = 30


@dataclass(frozen=True)
class LinkReport:
    """What writing links did, in phone calls.

    Attributes:
        looked_at: whose contact should be another one.
        written: written.
        left_alone: found otherwise in the base itself: chosen by somebody, or written before a crash of ours.
        failed: refused by the base; they have their turn again.
    """

    looked_at: int = 0
    written: int = 0
    left_alone: int = 0
    failed: int = 0


def write_links(warehouse: Warehouse, name: str, source: OnecSource, first_day: date) -> LinkReport:
    """Write contacts into the base's phone calls from a business day on, latest first.

    A contact written into an empty place is noted before it is written: after a crash in between it is written, or
    found written, by the next run. One that takes the place of another of ours is noted after: after a crash in
    between it is taken for somebody's choice, and stays.

    Raises:
        OnecError: the base cannot be asked; what was written before stays.
        WarehouseBusyError: somebody else is reading this base.
    """
    base = CrmBase(name, source, ContactRules())
    values = base.values | {"first_day": first_day, "calls": CALLS_PER_RUN, "writable_sets": _writable_sets(source)}
    written = failed = 0
    with warehouse.locked(base.lock, _WAIT_SECONDS) as connection:
        links = run(connection, PACKAGE, "select_links", values).all()
        connection.commit()
        for link in links:
            if not link.written_ref:
                _remember(connection, name, link.document_id, link.contact_set, link.contact_ref)
                connection.commit()
            replaces = {link.written_ref, link.contact_ref} - {""}
            try:
                is_written = source.write_call_contact(link.document_id, link.contact_set, link.contact_ref, replaces)
            except OnecRefusedError as error:
                failed += 1
                log.warning("%s: a phone call's contact was not written: %s", name, type(error).__name__)
                log.debug("%s: document %s: %s", name, link.document_id, error)
                if not link.written_ref:
                    _forget(connection, name, link.document_id)
                connection.commit()
                continue
            written += is_written
            if is_written or link.written_ref == link.contact_ref:
                _remember(connection, name, link.document_id, link.contact_set, link.contact_ref)
                _place(connection, name, link)
            else:
                _remember(connection, name, link.document_id, "", "")
            connection.commit()
    return LinkReport(len(links), written, len(links) - written - failed, failed)


def _writable_sets(source: OnecSource) -> list[str] | None:
    """Return the sets whose objects can stand in a phone call; None where any can."""
    reference = next((of.clients[0] for of in source.configuration.interactions if of.kind == "call"), None)
    if reference is None or reference.type_field:
        return None
    return [reference.target]


def _remember(connection: Connection, source: str, document_id: str, contact_set: str, contact_ref: str) -> None:
    note = {"source": source, "document_id": document_id, "contact_set": contact_set, "contact_ref": contact_ref}
    run(connection, PACKAGE, "remember_link", note)


def _forget(connection: Connection, source: str, document_id: str) -> None:
    ours = written_links.c
    connection.execute(delete(written_links).where(ours.source == source, ours.document_id == document_id))


def _place(connection: Connection, source: str, link: Row[Any]) -> None:
    """Show the contact in our tables too: days that are past are not read again by themselves."""
    calls = crm_interactions.c
    connection.execute(
        update(crm_interactions)
        .where(calls.source == source, calls.entity_set == link.entity_set, calls.document_id == link.document_id)
        .values(party_id=link.party_id, contact_id=link.contact_id)
    )
