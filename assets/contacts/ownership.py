"""Who owns a number: dated facts from the cards, and the decision per number made from them.

`contact_ownership` and `number_overrides` keep two times: when a number was a contact's (valid) and
when we knew it (recorded). A fact is never rewritten, only superseded by a better one.
`number_owners` is the decision: one party, or several candidates and none named, for each stretch of
time. What is set by hand wins over the cards. Work is done for the numbers in the queue
`numbers_to_decide`, and those that come out different go into the queue `numbers_to_relink`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, insert, select, table, text
from sqlalchemy import column as named

from assets.contacts.lock import lock_contacts
from assets.contacts.rules import MatchingRules
from resources.warehouse.statements import run, statement

PACKAGE = "assets.contacts"

NOW = "infinity"
"""As `known_at`: everything that is recorded."""


@dataclass(frozen=True)
class OwnershipReport:
    """What an update of facts and decisions did.

    Attributes:
        looked_at: numbers decided about.
        recorded: facts learned.
        superseded: facts we know better now.
        changed: numbers about which it was decided differently.
    """

    looked_at: int
    recorded: int
    superseded: int
    changed: int


def update_owners(connection: Connection, rules: MatchingRules, *, every_number: bool = False) -> OwnershipReport:
    """Bring facts and decisions in line with the cards and overrides.

    The first known owners of a number hold it from the beginning of time, so that a new card finds
    earlier calls. Where somebody held it before, a new owner holds it from now on. A number that left
    its card is held until now. A card that names days is believed instead. Only numbers with E.164 count.

    Clients concerned are queued for the routing, and the numbers that came out different for their calls;
    these stand in the temporary table `changed_numbers (number)` until the transaction ends.

    Args:
        connection: inside a transaction; "now" is when it began. The caller commits.
        rules: how many parties make a number a shared one.
        every_number: look at all there are, and not only at those in the queue.
    """
    taken = take_numbers(connection, every_number=every_number)
    if not taken:
        return OwnershipReport(0, 0, 0, 0)
    recorded, superseded = update_facts(connection)
    return OwnershipReport(taken, recorded, superseded, decide_owners(connection, rules))


def take_numbers(connection: Connection, *, every_number: bool = False) -> int:
    """Take the numbers to be decided about out of the queue, into `decided_numbers`; return how many."""
    _begin(connection)
    taken = run(connection, PACKAGE, "take_every_number" if every_number else "take_numbers_to_decide").rowcount
    connection.exec_driver_sql("ANALYZE decided_numbers")
    return taken


def update_facts(connection: Connection) -> tuple[int, int]:
    """Bring the facts about `decided_numbers` in line with the cards; return (recorded, superseded)."""
    run(connection, PACKAGE, "compare_ownership")
    connection.exec_driver_sql("ANALYZE changed_facts")
    superseded = run(connection, PACKAGE, "supersede_facts").rowcount
    return run(connection, PACKAGE, "record_facts").rowcount, superseded


def decide_owners(connection: Connection, rules: MatchingRules) -> int:
    """Bring the decisions about `decided_numbers` in line with the facts; return how many came out different."""
    _weigh(connection, rules, NOW)
    changed = run(connection, PACKAGE, "select_changed_numbers").rowcount
    connection.exec_driver_sql("ANALYZE changed_numbers")
    for of in ("clients", "calls", "documents"):
        step = f"queue_{of}_of_changed_numbers"
        run(connection, PACKAGE, step)
    run(connection, PACKAGE, "drop_former_owners")
    run(connection, PACKAGE, "store_owners")
    return changed


def owners_as_known(
    connection: Connection, numbers: Sequence[str], rules: MatchingRules, known_at: datetime
) -> Sequence[Row[tuple[object, ...]]]:
    """Return the decisions about numbers as they would have been made with what was known at a moment.

    Args:
        connection: inside a transaction.
        numbers: in E.164.
        rules: how many parties make a number a shared one.
        known_at: aware.

    Returns:
        Rows like those of `number_owners`, by number and time.
    """
    _begin(connection)
    decided = table("decided_numbers", named("number"))
    connection.execute(insert(decided), [{"number": number} for number in set(numbers)])
    _weigh(connection, rules, known_at)
    wanted = table(
        "wanted_owners",
        *(named(name) for name in ("number", "party_id", "contact_id", "rung", "ambiguous", "is_shared", "candidates")),
        *(named(name) for name in ("valid_from", "valid_to")),
    )
    return connection.execute(select(wanted).order_by(wanted.c.number, wanted.c.valid_from.asc().nulls_first())).all()


def _weigh(connection: Connection, rules: MatchingRules, known_at: datetime | str) -> None:
    run(connection, PACKAGE, "weigh_facts", {"known_at": known_at})
    connection.exec_driver_sql("ANALYZE weighed_facts")
    run(connection, PACKAGE, "decide_owners", {"shared_from": rules.shared_from})
    connection.exec_driver_sql("ANALYZE wanted_owners")


def _begin(connection: Connection) -> None:
    lock_contacts(connection)
    connection.exec_driver_sql(statement(PACKAGE, "create_ownership_tables").text)
    connection.execute(text("TRUNCATE decided_numbers, changed_facts, weighed_facts, wanted_owners, changed_numbers"))
