"""Builds evidence, participation and the routing table: by what changed, or all of it.

Both ways run the same statements, on the clients in the temporary table `touched_clients`, and end in
the same rows. Each step writes only what came out different.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, CursorResult, func, select, text, update

from assets.history.calls import prepare as prepare_calls
from assets.history.calls import touch_days
from assets.routing.rules import RoutingRules
from resources.warehouse.connection import Warehouse
from resources.warehouse.statements import run, statement
from resources.warehouse.tables import routing_versions

LOCK = "routing"


@dataclass
class RoutingReport:
    """What a build did.

    Attributes:
        days: business days whose evidence changed, with the number of rows written.
        clients: clients looked at.
        parts_written: rows of `participation` written.
        version: the new version of the routing table, None where nothing came out different.
        rows_opened: rows of the table that hold from this version on.
        rows_closed: rows that no longer do.
    """

    days: dict[date, int] = field(default_factory=dict)
    clients: int = 0
    parts_written: int = 0
    version: int | None = None
    rows_opened: int = 0
    rows_closed: int = 0


def pending_work(warehouse: Warehouse, business_zone: str) -> tuple[int, int]:
    """Look at what an update would take in.

    Returns:
        (changed calls, changed clients) waiting; people whose employment turned count as clients.
    """
    with warehouse.transaction() as connection:
        _queue_turned_clients(connection, business_zone)
        calls, clients = _run(connection, "count_pending").one()
    return calls, clients


def mark_verified(warehouse: Warehouse) -> None:
    """Note that nothing waits: the newest version of the routing table holds as of now."""
    with warehouse.transaction() as connection:
        _mark_verified(connection)


def update_routing(warehouse: Warehouse, rules: RoutingRules, business_zone: str) -> RoutingReport:
    """Take in what changed since the last update, from evidence to routing table, in one transaction."""
    report = RoutingReport()
    with warehouse.locked(LOCK) as connection:
        prepare(connection)
        with connection.begin():
            _run(connection, "take_changed_calls")
            report.days = _track(connection, rules)
            _queue_turned_clients(connection, business_zone)
            _run(connection, "take_changed_clients")
            _run(connection, "touch_former_clients")
            report.clients = _count_touched(connection)
            report.parts_written = _weigh(connection, rules)
            _rank(connection, rules, business_zone, report)
    return report


def track_days(warehouse: Warehouse, rules: RoutingRules, first_day: date, last_day: date) -> dict[date, int]:
    """Make the evidence of business days anew, both included; return the rows written per day.

    The clients concerned stay queued for the next update of the routing.
    """
    with warehouse.locked(LOCK) as connection:
        prepare(connection)
        with connection.begin():
            touch_days(connection, first_day, last_day)
            _run(connection, "drop_taken_calls")
            return _track(connection, rules)


def rebuild_participation(warehouse: Warehouse, rules: RoutingRules) -> RoutingReport:
    """Weigh every client's evidence anew."""
    report = RoutingReport()
    with warehouse.locked(LOCK) as connection:
        prepare(connection)
        with connection.begin():
            report.clients = _touch_all(connection)
            report.parts_written = _weigh(connection, rules)
    return report


def rebuild_routing_table(warehouse: Warehouse, rules: RoutingRules, business_zone: str) -> RoutingReport:
    """Rank every client anew; clients queued by their participation are thereby done."""
    report = RoutingReport()
    with warehouse.locked(LOCK) as connection:
        prepare(connection)
        with connection.begin():
            _run(connection, "take_changed_clients")
            report.clients = _touch_all(connection)
            _rank(connection, rules, business_zone, report)
    return report


def prepare(connection: Connection) -> None:
    """Create the temporary tables the work is done in."""
    prepare_calls(connection)
    connection.exec_driver_sql(statement("assets.routing", "create_work_tables").text)
    connection.commit()


def _track(connection: Connection, rules: RoutingRules) -> dict[date, int]:
    connection.exec_driver_sql("ANALYZE touched_calls")
    rows = _run(connection, "track_calls", rules.as_values())
    return {row.day: row.rows for row in rows}


def _queue_turned_clients(connection: Connection, business_zone: str) -> None:
    _run(connection, "queue_turned_clients", {"business_zone": business_zone})


def _touch_all(connection: Connection) -> int:
    _run(connection, "touch_all_clients")
    return _count_touched(connection)


def _count_touched(connection: Connection) -> int:
    connection.exec_driver_sql("ANALYZE touched_clients")
    return int(connection.execute(text("SELECT count(*) FROM touched_clients")).scalar_one())


def _weigh(connection: Connection, rules: RoutingRules) -> int:
    return int(_run(connection, "weigh_participation", rules.as_values()).scalar_one())


def _rank(connection: Connection, rules: RoutingRules, business_zone: str, report: RoutingReport) -> None:
    today = datetime.now(ZoneInfo(business_zone)).date()
    _run(connection, "rank_employees", rules.as_values() | {"today": today})
    connection.exec_driver_sql("ANALYZE ranked")
    opened = _run(connection, "open_version", {"rules": json.dumps(asdict(rules))}).one_or_none()
    if opened is None:
        _mark_verified(connection)
        return
    report.version, report.rows_opened, report.rows_closed = opened
    _run(connection, "close_rows", {"version": report.version})
    _run(connection, "open_rows", {"version": report.version})


def _mark_verified(connection: Connection) -> None:
    latest = select(func.max(routing_versions.c.version)).scalar_subquery()
    connection.execute(
        update(routing_versions).where(routing_versions.c.version == latest).values(verified_at=func.now())
    )


def _run(connection: Connection, name: str, values: Mapping[str, Any] | None = None) -> CursorResult[*tuple[Any, ...]]:
    return run(connection, "assets.routing", name, values)
