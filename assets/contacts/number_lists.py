"""Numbers that are nobody's client, `listed_numbers`: spam, or asked and not found, each until it expires.

A list is a file that is the whole truth about its numbers. It marks callers whom no card knows, and
never takes a number from its owner.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from assets.contacts.errors import ContactsShrankError
from assets.contacts.load import PACKAGE, Changes, begin_load, quarantine_refused, refuse
from assets.contacts.numbers import remember_numbers
from assets.contacts.rules import ContactRules
from resources.contacts.rows import ContactPortion
from resources.warehouse.connection import copy_rows
from resources.warehouse.statements import run, statement


@dataclass(frozen=True)
class ListReport:
    """What a load of a list did.

    Attributes:
        numbers: rows of `listed_numbers`.
        refused: rows not taken, with their reason in `quarantine`.
    """

    numbers: Changes
    refused: int


def store_number_list(
    connection: Connection, source: str, portions: Iterable[ContactPortion], rules: ContactRules
) -> ListReport:
    """Make a list what its source says.

    Args:
        connection: inside a transaction; the caller commits.
        source: the list's name in the settings.
        portions: everything it has, in the columns `LIST_COLUMNS`.
        rules: see there.

    Raises:
        ContactsShrankError: too much is missing; the caller's transaction is to be rolled back.
    """
    values = begin_load(connection, source, rules)
    connection.exec_driver_sql(statement(PACKAGE, "create_list_tables").text)
    connection.exec_driver_sql("TRUNCATE staged_listed")
    for portion in portions:
        refuse(connection, ((row.reason, row.raw, row.key) for row in portion.refused))
        rows = portion.rows[["number", "kind", "expires_on", "note"]]
        names = ("raw", "kind", "expires_on", "note")
        copy_rows(connection, "staged_listed", names, rows.itertuples(index=False, name=None))
    unknown = run(connection, PACKAGE, "select_new_listed_numbers", values).scalars()
    remember_numbers(connection, unknown, rules.region, rules.internal_digits)
    run(connection, PACKAGE, "refuse_listed_numbers", values)
    changes = Changes(*run(connection, PACKAGE, "store_listed_numbers", values).one())
    held = changes.gone + changes.changed + changes.unchanged
    if held >= rules.guarded_from and changes.gone > held * rules.largest_loss:
        raise ContactsShrankError(
            f"List {source} has lost {changes.gone} of {held} numbers. At most {rules.largest_loss:.0%} may go at "
            "once. Nothing was changed. Check that the file is whole; if the loss is meant, allow a larger share for "
            "one load."
        )
    return ListReport(changes, quarantine_refused(connection, source))
