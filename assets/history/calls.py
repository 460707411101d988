"""Legs grouped into calls: exactly the calls in the temporary table `touched_calls`, in SQL.

Everything that changes legs (a load, a re-read, a corrected extension) fills `touched_calls` and
calls `regroup_touched_calls`; nothing else writes `call_history`.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection, text

from resources.warehouse.statements import run, statement


def prepare(connection: Connection) -> None:
    """Create the temporary tables the work is done in; they empty themselves at each commit."""
    work_tables = statement("assets.history", "create_work_tables").text
    connection.exec_driver_sql(work_tables)


def touch_days(connection: Connection, first_day: date, last_day: date, pbx_id: str | None = None) -> int:
    """Put every call of these business days, both included, into `touched_calls`; return how many."""
    return connection.execute(
        text(
            "INSERT INTO touched_calls (pbx_id, linkedid) "
            "SELECT DISTINCT pbx_id, linkedid FROM call_legs "
            "WHERE call_day BETWEEN :first_day AND :last_day "
            "AND (CAST(:pbx_id AS text) IS NULL OR pbx_id = :pbx_id)"
        ),
        {"first_day": first_day, "last_day": last_day, "pbx_id": pbx_id},
    ).rowcount


def regroup_touched_calls(connection: Connection, business_zone: str) -> None:
    """Bring `call_history` in line with the legs of the touched calls.

    Writes only calls that come out different; a call with no leg left is marked gone.
    """
    lock_calls(connection)
    connection.exec_driver_sql("DELETE FROM numbered_calls; DELETE FROM grouped_calls")
    run(connection, "assets.history", "number_calls")
    connection.exec_driver_sql("ANALYZE numbered_calls")
    for step in ("group_calls", "store_calls", "align_leg_days"):
        run(connection, "assets.history", step, {"business_zone": business_zone})


def lock_calls(connection: Connection) -> None:
    """Wait until nobody else writes calls, and keep others out until the transaction ends.

    What a call means depends on its client's other calls, so two servers' calls cannot be judged at once; and
    new calls can go in without looking for conflicts, which costs a third less.
    """
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtextextended('calls', 0))")
