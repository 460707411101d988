"""Builds evidence, participation and the routing table: by what changed, or all of it.

Both ways run the same statements, on the clients in the temporary table `touched_clients`, and end in
the same rows. Each step writes only what came out different.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Connection, CursorResult, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from assets.history.calls import prepare as prepare_calls
from assets.history.calls import touch_days
from assets.routing.rules import RoutingRules
from resources.warehouse.connection import Warehouse
from resources.warehouse.statements import run, statement
from resources.warehouse.tables import load_cursors, routing_versions

LOCK = "routing"


RULES_CURSOR = "routing rules"
"""Where the rules stand by which everything was last built: other rules are a change of everything."""


@dataclass(frozen=True)
class Pending:
    """What an update would take in.

    Attributes:
        calls: changed calls.
        documents: changed documents of CRMs.
        clients: changed clients; people whose employment turned count as clients.
        has_new_rules: whether the table was built by other rules, so that everything is weighed anew.
    """

    calls: int
    documents: int
    clients: int
    has_new_rules: bool

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self.calls or self.documents or self.clients or self.has_new_rules)


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


def pending_work(warehouse: Warehouse, rules: RoutingRules, business_zone: str) -> Pending:
    """Look at what an update would take in."""
    with warehouse.transaction() as connection:
        _queue_turned_clients(connection, business_zone)
        calls, documents, clients = _run(connection, "count_pending").one()
        return Pending(calls, documents, clients, _has_new_rules(connection, rules))


def mark_verified(warehouse: Warehouse) -> None:
    """Note that nothing waits: the newest version of the routing table holds as of now."""
    with warehouse.transaction() as connection:
        _mark_verified(connection)


def update_routing(warehouse: Warehouse, rules: RoutingRules, business_zone: str) -> RoutingReport:
    """Take in what changed since the last update, from evidence to routing table, in one transaction.

    With other rules than last time everything is weighed and ranked anew.
    """
    report = RoutingReport()
    with warehouse.locked(LOCK) as connection:
        prepare(connection)
        with connection.begin():
            is_whole = _has_new_rules(connection, rules)
            _run(connection, "take_changed_calls")
            _run(connection, "take_changed_documents")
            if is_whole:
                _run(connection, "touch_all_calls")
                _run(connection, "touch_all_documents")
            report.days = _track(connection, rules)
            _queue_turned_clients(connection, business_zone)
            _run(connection, "take_changed_clients")
            if is_whole:
                _run(connection, "touch_all_clients")
            _run(connection, "touch_former_clients")
            report.clients = _count_touched(connection)
            report.parts_written = _weigh(connection, rules)
            _rank(connection, rules, business_zone, report)
            _remember_rules(connection, rules)
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
            _run(connection, "touch_documents_of_days", {"first_day": first_day, "last_day": last_day})
            _run(connection, "drop_taken_documents")
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
    values = rules.as_values()
    written: Counter[date] = Counter()
    for touched, statement_name in (("touched_calls", "track_calls"), ("touched_documents", "track_documents")):
        connection.exec_driver_sql(f"ANALYZE {touched}")
        for row in _run(connection, statement_name, values):
            written[row.day] += row.rows
    return dict(sorted(written.items()))


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
    _run(connection, "rank_employees", rules.as_values() | {"business_zone": business_zone})
    connection.exec_driver_sql("ANALYZE ranked")
    opened = _run(connection, "open_version", {"rules": json.dumps(rules.as_json())}).one_or_none()
    if opened is None:
        _mark_verified(connection)
        return
    report.version, report.rows_opened, report.rows_closed = opened
    _run(connection, "close_rows", {"version": report.version})
    _run(connection, "open_rows", {"version": report.version})


def _has_new_rules(connection: Connection, rules: RoutingRules) -> bool:
    known = select(load_cursors.c.cursor).where(load_cursors.c.source == RULES_CURSOR)
    last_rules = connection.execute(known).scalar_one_or_none()
    if last_rules is None:
        # Nothing was built yet, or by a version that did not remember its rules.
        return connection.execute(select(func.count()).select_from(routing_versions)).scalar_one() > 0
    return bool(last_rules != rules.as_json())


def _remember_rules(connection: Connection, rules: RoutingRules) -> None:
    values = {"cursor": rules.as_json(), "updated_at": func.now()}
    connection.execute(
        insert(load_cursors)
        .values(source=RULES_CURSOR, **values)
        .on_conflict_do_update(index_elements=["source"], set_=values)
    )


def _mark_verified(connection: Connection) -> None:
    latest = select(func.max(routing_versions.c.version)).scalar_subquery()
    connection.execute(
        update(routing_versions).where(routing_versions.c.version == latest).values(verified_at=func.now())
    )


def _run(connection: Connection, name: str, values: Mapping[str, Any] | None = None) -> CursorResult[*tuple[Any, ...]]:
    return run(connection, "assets.routing", name, values)
