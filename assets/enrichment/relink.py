"""Calls of changed numbers looked at again: exactly these calls, filled or not, whatever else is stored.

The queue `numbers_to_relink` is filled by whoever changes something that decides about a number: its
owners, a list it stands on, a responsible. A transaction takes a portion of it and commits with the
calls: an interrupted run goes on where it stopped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from assets.enrichment.enrich import PACKAGE, NumberRules, enrich_touched_calls
from assets.history.calls import prepare
from resources.warehouse.connection import Warehouse
from resources.warehouse.statements import run

NUMBERS_PER_COMMIT = 5_000


@dataclass
class RelinkReport:
    """What looking again did.

    Attributes:
        numbers: numbers taken from the queue.
        written: calls that came out different.
        days: business days whose calls were looked at, with how many.
    """

    numbers: int = 0
    written: int = 0
    days: dict[date, int] = field(default_factory=dict)


def relink_calls(warehouse: Warehouse, first_day: date, rules: NumberRules) -> RelinkReport:
    """Give the calls of the queued numbers, from a business day on, the owners the tables say now.

    Calls that bear the number in another notation, or only its last digits, are among them.
    """
    report = RelinkReport()
    with warehouse.engine.connect() as connection:
        prepare(connection)
        run(connection, PACKAGE, "create_relink_tables")
        connection.commit()
        while taken := run(connection, PACKAGE, "take_numbers_to_relink", {"numbers": NUMBERS_PER_COMMIT}).rowcount:
            connection.exec_driver_sql("ANALYZE relinked_numbers")
            values = {"first_day": first_day, "tail_digits": rules.matching.tail_digits}
            run(connection, PACKAGE, "touch_calls_of_numbers", values)
            connection.exec_driver_sql("ANALYZE touched_calls")
            written = enrich_touched_calls(connection, rules)
            if written:
                run(connection, "assets.history", "queue_touched_calls")
            for call_day, calls in run(connection, PACKAGE, "count_relinked_days"):
                report.days[call_day] = report.days.get(call_day, 0) + calls
            connection.commit()
            report.numbers += taken
            report.written += written
    return report
