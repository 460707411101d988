"""Who owns a number: dated facts from the cards, and the decision per number made from them.

`contact_ownership` keeps two times: when a number was a contact's (valid) and when we knew it
(recorded). A fact is never rewritten, only superseded by a better one. `number_owners` is the
decision: one party, or several candidates and none named, for each stretch of time.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select, text

from assets.contacts.load import PACKAGE, lock_contacts
from resources.warehouse.statements import run, statement
from resources.warehouse.tables import contact_ownership


@dataclass(frozen=True)
class OwnershipReport:
    """What an update of the facts did.

    Attributes:
        recorded: facts learned.
        superseded: facts we know better now.
        believed: facts believed after the update.
    """

    recorded: int
    superseded: int
    believed: int


def update_ownership(connection: Connection) -> OwnershipReport:
    """Bring the facts in line with the cards in `crm_phones`.

    The first known owners of a number hold it from the beginning of time, so that a new card finds
    earlier calls. Where somebody held it before, a new owner holds it from now on. A number that left
    its card is held until now. A card that names days is believed instead. Only numbers with E.164 count.

    Args:
        connection: inside a transaction; "now" is when it began. The caller commits.
    """
    _begin(connection)
    run(connection, PACKAGE, "compare_ownership")
    connection.exec_driver_sql("ANALYZE changed_facts")
    superseded = run(connection, PACKAGE, "supersede_facts").rowcount
    recorded = run(connection, PACKAGE, "record_facts").rowcount
    believed = select(func.count()).where(contact_ownership.c.superseded_at.is_(None))
    return OwnershipReport(recorded, superseded, connection.execute(believed).scalar_one())


def decide_owners(connection: Connection) -> int:
    """Bring the decision per number in line with the facts; clients concerned are queued for routing.

    The numbers stand in the temporary table `changed_numbers (number)` until the transaction ends.

    Args:
        connection: inside a transaction; the caller commits.

    Returns:
        How many numbers came out different.
    """
    _begin(connection)
    run(connection, PACKAGE, "decide_owners")
    connection.exec_driver_sql("ANALYZE wanted_owners")
    changed = run(connection, PACKAGE, "select_changed_numbers").rowcount
    connection.exec_driver_sql("ANALYZE changed_numbers")
    run(connection, PACKAGE, "queue_clients_of_changed_numbers")
    run(connection, PACKAGE, "drop_former_owners")
    run(connection, PACKAGE, "store_owners")
    return changed


def _begin(connection: Connection) -> None:
    lock_contacts(connection)
    connection.exec_driver_sql(statement(PACKAGE, "create_ownership_tables").text)
    connection.execute(text("TRUNCATE changed_facts, wanted_owners, changed_numbers"))
