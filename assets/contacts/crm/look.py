"""A cheap look whether a base has changed, for a sensor. Nothing is stored."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy import Connection

from assets.contacts.crm.base import CrmBase, prepare_staging
from assets.contacts.crm.cards import compare_versions, holds_cards, unseen_refs
from assets.contacts.crm.interactions import changed_interactions, recent_days
from assets.contacts.rules import ContactRules
from resources.onec.changes import ExchangePlan
from resources.onec.source import OnecSource
from resources.warehouse import Warehouse
from resources.warehouse.connection import WarehouseBusyError


@dataclass(frozen=True)
class CrmLook:
    """What a look at a base found.

    Attributes:
        changed: objects that are not as we hold them: 0 for none, else at least that many; None where the look came
            to no end.
        seen: for people, what was looked at and what came of it.
    """

    changed: int | None
    seen: str


def look_at_crm(warehouse: Warehouse, name: str, source: OnecSource, rules: ContactRules, *, seconds: float) -> CrmLook:
    """Look whether a refresh would find anything.

    With an exchange plan, whether the next packet holds anything that we read; asking for a packet twice is harmless
    as long as it is not being acknowledged at that moment, so the look waits for nobody and gives way to a refresh.
    Without one, all versions are compared with those held.

    Args:
        warehouse: where the tables are.
        name: the source's name in the settings.
        source: the base.
        rules: see there.
        seconds: after so long the comparison is given up; looked at between pages.

    Raises:
        OnecError: see the classes in `resources.onec.errors`.
    """
    deadline = time.monotonic() + seconds
    base = CrmBase(name, source, rules)
    try:
        # A moment: the lock of a connection just closed is let go a little later.
        with warehouse.locked(base.lock, wait_seconds=2) as connection:
            is_held = holds_cards(connection, name)
            connection.commit()
            if not is_held:
                return CrmLook(1, "nothing of this base is held yet")
            if source.plan is not None:
                return _packet(source, source.plan)
            return _compared(connection, base, deadline)
    except WarehouseBusyError:
        return CrmLook(None, "the base is being read at this moment")
    except TimeoutError:
        return CrmLook(None, f"versions could not be compared within {seconds:.0f} s")


def _packet(source: OnecSource, plan: ExchangePlan) -> CrmLook:
    message = plan.next_message()
    is_empty = next(source.changes(message), None) is None
    return CrmLook(
        0 if is_empty else 1, f"exchange plan, message {message}: {'nothing' if is_empty else 'something'} new"
    )


def _compared(connection: Connection, base: CrmBase, deadline: float) -> CrmLook:
    prepare_staging(connection)
    objects = changed = 0
    for of in base.source.configuration.cards:
        seen, differing = compare_versions(connection, base, of, deadline)
        objects += seen
        changed += len(set(differing).union(unseen_refs(connection, base, of)))
    documents = changed_interactions(connection, base, *recent_days(base), deadline)
    return CrmLook(
        changed + documents,
        f"versions of {objects} cards and of the latest documents compared: {changed} cards and {documents} documents "
        "differ",
    )
