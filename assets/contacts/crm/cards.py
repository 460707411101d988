"""Cards of a base: read by what changed, kept in `crm_cards`, and brought from there into clients and numbers.

`crm_cards` is the base as last read. A change of an object concerns the parties it belongs to and belonged to;
`crm_parties` and `crm_phones` of exactly these are made anew from the mirror, by SQL.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from assets.contacts.crm.base import FEW, PACKAGE, CrmBase, in_time, stage_cards, stage_versions
from assets.contacts.errors import ContactsShrankError
from assets.contacts.load import Changes, ContactsReport, begin_load, store_staged
from resources.onec.cards import Card, Deletion
from resources.onec.configuration import CardSet
from resources.warehouse.statements import run
from resources.warehouse.tables import crm_cards

ASKED_SHARE = 0.05
"""Of a set: where more of it changed, reading it in pages is cheaper than asking for a few references at a time."""

ASKED_LEAST = 500
"""Objects; fewer are always asked for by their references."""


@dataclass(frozen=True)
class CardsReport:
    """What storing cards did.

    Attributes:
        cards: rows of the mirror.
        contacts: rows of clients and numbers.
        employees: employees' cards to look at again.
    """

    cards: Changes
    contacts: ContactsReport
    employees: int


def holds_cards(connection: Connection, source: str) -> bool:
    """Tell whether anything of a source was ever read."""
    return connection.execute(select(select(crm_cards.c.ref).where(crm_cards.c.source == source).exists())).scalar_one()


def read_all_cards(connection: Connection, base: CrmBase) -> None:
    """Read every set in pages; what is held but did not show is asked for before it counts as gone.

    Raises:
        ContactsShrankError: a set suddenly lacks too much; nothing was changed.
        OnecError: see the classes in `resources.onec.errors`.
    """
    for of in base.source.configuration.cards:
        _read_pages(connection, base, of)
        _ask_for_unseen(connection, base, of)


def read_changed_cards(connection: Connection, base: CrmBase) -> None:
    """Compare versions with those held, and read what differs.

    Raises:
        ContactsShrankError: a set suddenly lacks too much; nothing was changed.
        OnecError: see the classes in `resources.onec.errors`.
    """
    for of in base.source.configuration.cards:
        seen, changed = compare_versions(connection, base, of)
        if len(changed) > max(ASKED_LEAST, seen * ASKED_SHARE):
            _read_pages(connection, base, of)
        else:
            _read_refs(connection, base, of, changed)
        _ask_for_unseen(connection, base, of)


def compare_versions(
    connection: Connection, base: CrmBase, of: CardSet, deadline: float = math.inf
) -> tuple[int, list[str]]:
    """Return how many objects a set has, and those that are not held in that version.

    Args:
        connection: the one with the staging tables.
        base: see there.
        of: the set.
        deadline: of the monotonic clock, looked at between pages.

    Raises:
        TimeoutError: the deadline has passed.
        OnecError: see the classes in `resources.onec.errors`.
    """
    seen = 0
    for page in in_time(base.source.card_versions(of), deadline):
        seen += len(page)
        stage_versions(connection, ((of.entity_set, ref, version) for ref, version in page))
        connection.commit()
    connection.exec_driver_sql("ANALYZE staged_versions")
    values = {"source": base.name, "entity_set": of.entity_set}
    changed = list(run(connection, PACKAGE, "select_changed_cards", values).scalars())
    connection.commit()
    return seen, changed


def unseen_refs(connection: Connection, base: CrmBase, of: CardSet) -> list[str]:
    """Return the objects held that were seen neither in that version nor read anew."""
    connection.exec_driver_sql("ANALYZE staged_versions, staged_cards")
    values = {"source": base.name, "entity_set": of.entity_set}
    refs = list(run(connection, PACKAGE, "select_unseen_cards", values).scalars())
    connection.commit()
    return refs


def store_cards(connection: Connection, base: CrmBase, *, is_whole: bool, is_empty: bool) -> CardsReport:
    """Bring the mirror in line with what was read, and clients and numbers with the mirror.

    Args:
        connection: inside a transaction; the caller commits.
        base: see there.
        is_whole: whether all of the base was read: every party is made anew then, also by rules that changed.
        is_empty: whether the base as a whole shows no client.

    Raises:
        ContactsShrankError: too much is missing; the caller's transaction is to be rolled back.
    """
    values = base.values
    begin_load(connection, base.name, base.rules)
    connection.exec_driver_sql("ANALYZE staged_cards")
    found = run(connection, PACKAGE, "store_cards", values | {"is_whole": is_whole}).one()
    cards = Changes(found.new, found.changed, found.gone, found.unchanged)
    if cards.written > ASKED_LEAST:
        # A first load in one transaction: nobody else will have looked at the table before it is joined.
        connection.exec_driver_sql("ANALYZE crm_cards")
    contacts = ContactsReport(Changes(), Changes(), 0, 0)
    if run(connection, PACKAGE, "choose_scope", values).rowcount:
        connection.exec_driver_sql("ANALYZE scope_parties")
        run(connection, PACKAGE, "stage_parties", values)
        connection.exec_driver_sql("ANALYZE staged_parties")
        run(connection, PACKAGE, "stage_phones", values)
        contacts = store_staged(connection, base.name, base.rules, is_empty=is_empty)
    return CardsReport(cards, contacts, found.employees)


def _read_pages(connection: Connection, base: CrmBase, of: CardSet) -> None:
    for page in base.source.cards(of):
        stage_cards(connection, page)
        connection.commit()


def _read_refs(connection: Connection, base: CrmBase, of: CardSet, refs: list[str]) -> set[str]:
    found: set[str] = set()
    for page in base.source.cards_by_ref(of, refs) if refs else ():
        stage_cards(connection, page)
        connection.commit()
        found.update(card.ref for card in page)
    return found


def _ask_for_unseen(connection: Connection, base: CrmBase, of: CardSet) -> None:
    """An object renamed while pages are read can slip through them: only what no answer holds is gone."""
    unseen = unseen_refs(connection, base, of)
    _refuse_a_great_loss(connection, base, of, len(unseen))
    found = _read_refs(connection, base, of, unseen)
    gone: list[Card | Deletion] = [Deletion(of.entity_set, ref) for ref in unseen if ref not in found]
    stage_cards(connection, gone)
    connection.commit()


def _refuse_a_great_loss(connection: Connection, base: CrmBase, of: CardSet, unseen: int) -> None:
    """Before thousands of objects are asked for one by one: rights were taken away, or the answer is not true."""
    if unseen <= FEW:
        return
    query = select(func.count()).where(
        crm_cards.c.source == base.name, crm_cards.c.entity_set == of.entity_set, crm_cards.c.gone_at.is_(None)
    )
    held = connection.execute(query).scalar_one()
    connection.commit()
    rules = base.rules
    is_large = held >= rules.guarded_from and unseen > held * rules.largest_loss
    if is_large or (unseen == held and rules.largest_loss < 1):
        raise ContactsShrankError(
            f"Source {base.name} does not show {unseen} of {held} objects of {of.entity_set} any more. At most "
            f"{rules.largest_loss:.0%} may go at once. Nothing was changed. Check what its OData user may see; if the "
            "loss is meant, allow a larger share for one load."
        )
