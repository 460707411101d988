"""A configured base with the rules it is read by, and the temporary tables its objects are read into.

A base can be slow, and others wait for the lock of contacts: so everything is read and committed into tables of this
connection first, and stored in one short transaction after that.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, TypeVar

from sqlalchemy import Connection

from assets.contacts.numbers import LONGEST_RAW, split_cell
from assets.contacts.rules import ContactRules
from resources.onec.cards import Card, Deletion, Interaction
from resources.onec.source import OnecSource
from resources.telephony.answers import storable_text
from resources.warehouse.connection import copy_rows
from resources.warehouse.statements import statement

_Page = TypeVar("_Page")

PACKAGE = "assets.contacts.crm"

FEW = 5
"""Objects; so many may all be gone from a set or a day without a doubt about the answer."""

_CARD_COLUMNS = (
    "entity_set", "ref", "is_gone", "version", "kind", "party_id", "name", "is_person", "responsible_id", "phones",
    "phones_since", "is_deleted",
)  # fmt: skip
_INTERACTION_COLUMNS = (
    "entity_set", "document_id", "is_gone", "version", "kind", "at", "client_id", "contact_id", "employee_id", "phone",
    "is_deleted",
)  # fmt: skip
# An employee's card may hold no more than the inner number, in the words of a form.
_INNER_WORD = re.compile(r"^\s*(?:доб|вн|ext)[^\W\d]*[.:]?\s*(?=\d+\s*$)", re.IGNORECASE)


@dataclass(frozen=True)
class CrmBase:
    """A base and how it is taken in.

    Attributes:
        name: the source's name in the settings.
        source: where it is read from.
        rules: what a load must know besides.
    """

    name: str
    source: OnecSource
    rules: ContactRules

    @property
    def lock(self) -> str:
        """Name of the lock whoever reads or writes this base for the tables holds: one at a time."""
        return f"crm {self.name}"

    @property
    def values(self) -> dict[str, Any]:
        """What the statements of this package take.

        Raises:
            OnecError: see the classes in `resources.onec.errors`.
        """
        configuration = self.source.configuration
        return {
            "source": self.name,
            "region": self.rules.region,
            "business_zone": self.rules.business_zone,
            "longest_raw": LONGEST_RAW,
            "party_sets": [of.entity_set for of in configuration.cards if of.kind == "party"],
            "contact_sets": [of.entity_set for of in configuration.cards if of.kind == "contact"],
            "interaction_sets": [of.entity_set for of in configuration.interactions],
        }


def in_time(pages: Iterable[_Page], deadline: float) -> Iterator[_Page]:
    """Yield pages until the monotonic clock shows `deadline`.

    Raises:
        TimeoutError: it does.
    """
    for page in pages:
        yield page
        if time.monotonic() > deadline:
            raise TimeoutError


def prepare_staging(connection: Connection) -> None:
    """Lay out the tables that objects are read into, empty; they stay from one transaction to the next."""
    connection.exec_driver_sql(statement(PACKAGE, "create_staging").text)
    connection.exec_driver_sql("TRUNCATE staged_cards, staged_interactions, staged_versions, touched_parties")
    connection.commit()


def stage_cards(connection: Connection, cards: Iterable[Card | Deletion]) -> None:
    """Add cards to what was read; of two of one object the later counts. Cells are split into numbers here."""
    copy_rows(connection, "staged_cards", _CARD_COLUMNS, map(_card_row, cards))


def stage_interactions(connection: Connection, interactions: Iterable[Interaction | Deletion]) -> None:
    """Add documents to what was read; of two of one document the later counts."""
    copy_rows(connection, "staged_interactions", _INTERACTION_COLUMNS, map(_interaction_row, interactions))


def stage_versions(connection: Connection, versions: Iterable[tuple[str, str, str]]) -> None:
    """Add versions to what was seen: set, reference, version."""
    copy_rows(connection, "staged_versions", ("entity_set", "ref", "version"), versions)


def _card_row(card: Card | Deletion) -> tuple[Any, ...]:
    if isinstance(card, Deletion):
        return (card.entity_set, card.ref, True, *[None] * (len(_CARD_COLUMNS) - 3))
    numbers = list(_numbers(card))
    return (
        card.entity_set, card.ref, False, card.version, card.kind, card.party_id, storable_text(card.name),
        card.is_person, card.responsible_id, [raw for raw, _ in numbers], [since for _, since in numbers],
        card.is_deleted,
    )  # fmt: skip


def _numbers(card: Card) -> Iterator[tuple[str, Any]]:
    for cell, since in zip_longest(card.phones, card.phones_since):
        for raw in split_cell(storable_text(cell)):
            yield (_INNER_WORD.sub("", raw) if card.kind == "employee" else raw), since


def _interaction_row(one: Interaction | Deletion) -> tuple[Any, ...]:
    if isinstance(one, Deletion):
        return (one.entity_set, one.ref, True, *[None] * (len(_INTERACTION_COLUMNS) - 3))
    return (
        one.entity_set, one.document_id, False, one.version, one.kind, one.at, one.client_id, one.contact_id,
        one.employee_id, storable_text(one.phone), one.is_deleted,
    )  # fmt: skip
