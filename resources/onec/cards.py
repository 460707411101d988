"""The rows a 1C base gives on. References are GUIDs as text, empty where 1C holds an empty one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

CardKind = Literal["party", "contact", "employee"]
InteractionKind = Literal["call", "order", "email", "meeting", "sms"]


@dataclass(frozen=True)
class Card:
    """A party, a contact person or an employee.

    Attributes:
        kind: which of the three.
        entity_set: the set it stands in.
        ref: its own reference.
        version: 1C's `DataVersion`: equal or not, never before or after.
        name: as 1C shows it.
        party_id: for a party, whom it belongs to (the partner of a counterparty, else itself); for a
            contact person, the owner; empty for an employee.
        is_person: a private person and not a company.
        responsible_id: the employee in charge, where the configuration names one.
        phones: numbers as they were written.
        phones_since: the day from which each number of `phones` is valid, None without one.
        is_deleted: marked for deletion, an employee who is not valid any more, or a service account.
    """

    kind: CardKind
    entity_set: str
    ref: str
    version: str
    name: str
    party_id: str = ""
    is_person: bool = False
    responsible_id: str = ""
    phones: tuple[str, ...] = ()
    phones_since: tuple[date | None, ...] = ()
    is_deleted: bool = False


@dataclass(frozen=True)
class Interaction:
    """A document that shows who worked with a client.

    Attributes:
        kind: what happened.
        entity_set: the set the document stands in.
        document_id: its reference.
        version: 1C's `DataVersion`.
        at: the document's date, aware.
        client_id: the party (partner or counterparty), or empty.
        contact_id: the contact person, or empty.
        employee_id: the user in charge, or empty.
        duration_seconds: 1C's documents hold none.
        is_deleted: marked for deletion.
        phone: of a phone call, the number as it was written; empty where the base keeps none.
    """

    kind: InteractionKind
    entity_set: str
    document_id: str
    version: str
    at: datetime
    client_id: str = ""
    contact_id: str = ""
    employee_id: str = ""
    duration_seconds: int | None = None
    is_deleted: bool = False
    phone: str = ""


@dataclass(frozen=True)
class Deletion:
    """An object that is gone from the base without a mark."""

    entity_set: str
    ref: str
