"""Takes in what changed in a base.

Three ways lead to the same rows. A first load reads the base in pages. An exchange plan, where one is set up, then
tells what changed; it is acknowledged after our commit, so a crash anywhere has the packet come again. Without one
the versions of all objects are compared with those held.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from typing import Literal

from sqlalchemy import Connection

from assets.contacts.crm.base import PACKAGE, CrmBase, prepare_staging, stage_cards, stage_interactions
from assets.contacts.crm.cards import holds_cards, read_all_cards, read_changed_cards, store_cards
from assets.contacts.crm.employees import store_base_employees
from assets.contacts.crm.interactions import changed_interactions, recent_days, stage_days, store_interactions
from assets.contacts.load import Changes
from assets.contacts.rules import ContactRules
from resources.onec.cards import Card, Deletion, Interaction
from resources.onec.changes import ExchangePlan
from resources.onec.source import OnecSource
from resources.warehouse import Warehouse
from resources.warehouse.statements import run

_WAIT_SECONDS = 30
_PACKET_ROWS = 1000


@dataclass(frozen=True)
class CrmReport:
    """What a refresh did.

    Attributes:
        how: `pages` (the whole base was read), `versions` (compared) or `plan` (told by the exchange plan).
        cards: rows of the mirror `crm_cards`.
        parties: rows of `crm_parties`.
        phones: rows of `crm_phones`.
        employees: rows of `crm_employees`; all zero where no employee's card changed.
        extensions: rows of `employee_extensions`, likewise.
        regrouped: calls looked at again because an internal number was held by somebody else.
        interactions: rows of `crm_interactions`.
        days: documents written by the business day they stand on or stood on.
        refused: rows not taken, with their reason in `quarantine`.
        acknowledged: the exchange plan's message of which 1C was told that it is committed; None without a plan.
    """

    how: Literal["pages", "versions", "plan"]
    cards: Changes
    parties: Changes
    phones: Changes
    employees: Changes
    extensions: Changes
    regrouped: int
    interactions: Changes
    days: dict[date, int]
    refused: int
    acknowledged: int | None = None


def refresh_crm(
    warehouse: Warehouse, name: str, source: OnecSource, rules: ContactRules, *, whole: bool = False
) -> CrmReport:
    """Make the tables what a base says, reading no more of it than is needed.

    The first time all of it is read in pages, and where there is an exchange plan its packet after that.

    Args:
        warehouse: where the tables are.
        name: the source's name in the settings.
        source: the base.
        rules: what a load must know besides.
        whole: read all of it again, and make every client's rows anew.

    Raises:
        ContactsShrankError: too much is missing; nothing was changed.
        OnecError: see the classes in `resources.onec.errors`. Where it comes of acknowledging a packet, that packet
            is committed; it comes again and changes nothing.
        WarehouseBusyError: somebody else is reading this base.
    """
    base = CrmBase(name, source, rules)
    with warehouse.locked(base.lock, _WAIT_SECONDS) as connection:
        is_whole = whole or not holds_cards(connection, name)
        connection.commit()
        if source.plan is None:
            return _read(connection, base, is_whole=is_whole)
        read = _read(connection, base, is_whole=True) if is_whole else None
        told = _take_packet(connection, base, source.plan)
        return _joined(read, told) if read else told


def _read(connection: Connection, base: CrmBase, *, is_whole: bool) -> CrmReport:
    prepare_staging(connection)
    if is_whole:
        read_all_cards(connection, base)
    else:
        read_changed_cards(connection, base)
    first_day, last_day = recent_days(base)
    if changed_interactions(connection, base, first_day, last_day):
        stage_days(connection, base, first_day, last_day)
    is_anybody_shown = run(connection, PACKAGE, "is_anybody_shown", base.values).scalar_one()
    connection.commit()
    return _store(connection, base, "pages" if is_whole else "versions", is_empty=not is_anybody_shown)


def _take_packet(connection: Connection, base: CrmBase, plan: ExchangePlan) -> CrmReport:
    message = plan.next_message()
    prepare_staging(connection)
    documents = {of.entity_set for of in base.source.configuration.interactions}
    changes = base.source.changes(message)
    while packet := list(islice(changes, _PACKET_ROWS)):
        cards: list[Card | Deletion] = []
        interactions: list[Interaction | Deletion] = []
        for change in packet:
            if isinstance(change, Card):
                cards.append(change)
            elif isinstance(change, Interaction) or change.entity_set in documents:
                interactions.append(change)
            else:
                cards.append(change)
        stage_cards(connection, cards)
        stage_interactions(connection, interactions)
        connection.commit()
    report = _store(connection, base, "plan", is_empty=False)
    plan.acknowledge(message)
    return replace(report, acknowledged=message)


def _store(
    connection: Connection, base: CrmBase, how: Literal["pages", "versions", "plan"], *, is_empty: bool
) -> CrmReport:
    """Store what was read, all of it in one transaction; only now do others wait for us."""
    with connection.begin():
        found = store_cards(connection, base, is_whole=how == "pages", is_empty=is_empty)
        staff = store_base_employees(connection, base) if found.employees else None
        interactions = store_interactions(connection, base)
    return CrmReport(
        how,
        found.cards,
        found.contacts.parties,
        found.contacts.phones,
        staff.employees if staff else Changes(),
        staff.extensions if staff else Changes(),
        staff.regrouped if staff else 0,
        interactions.documents,
        interactions.days,
        found.contacts.refused + (staff.refused if staff else 0),
    )


def _joined(first: CrmReport, then: CrmReport) -> CrmReport:
    return CrmReport(
        first.how,
        _added(first.cards, then.cards),
        _added(first.parties, then.parties),
        _added(first.phones, then.phones),
        _added(first.employees, then.employees),
        _added(first.extensions, then.extensions),
        first.regrouped + then.regrouped,
        _added(first.interactions, then.interactions),
        dict(Counter(first.days) + Counter(then.days)),
        first.refused + then.refused,
        then.acknowledged,
    )


def _added(first: Changes, then: Changes) -> Changes:
    return Changes(
        first.new + then.new, first.changed + then.changed, first.gone + then.gone, first.unchanged + then.unchanged
    )
