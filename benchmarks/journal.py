"""What the journal's questions cost, by how much is stored: lists, what is typed, reports of a month."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from benchmarks.databases import Databases
from benchmarks.ticks import CALLS_PER_DAY, NOW, ZONE
from gateway.journal.calls import Journal
from gateway.journal.filters import CallFilter
from gateway.journal.reports import Reports
from gateway.journal.store import JournalStore
from gateway.people import Viewer
from resources.warehouse import Warehouse
from resources.warehouse.statements import statement

LAST_DAY = (NOW - timedelta(days=1)).date()
MONTH: dict[str, Any] = {"first_day": LAST_DAY - timedelta(days=29), "last_day": LAST_DAY}
CHIEF = Viewer("employee-201", "Chief", "201", is_supervisor=True, opens_card_on="never")

TYPED = ["ром", "ромаш", "ромашка-сер", "ромашка-сервис 4", "вектор-пром 202", "нет такого"]
DIGITS = ["495", "4950", "495001", "8495001", "4950012", "74950012345", "9999999"]


def run(databases: Databases, sizes: list[int], rounds: int) -> str:
    """Measure and return the table."""
    medians: dict[int, dict[str, float]] = {}
    worst: dict[int, dict[str, float]] = {}
    for calls in sizes:
        warehouse = databases.make_warehouse()
        fill(warehouse, calls)
        store = JournalStore(warehouse.url.render_as_string(hide_password=False))
        medians[calls], worst[calls] = {}, {}
        for name, asked in _questions().items():
            times = [_timed(store, question) for question in asked for _ in range(rounds + 1)]
            medians[calls][name], worst[calls][name] = statistics.median(times), max(times)
        store.close()
        databases.drop(warehouse.url.render_as_string(hide_password=False))
    smallest, largest = sizes[0], sizes[-1]
    lines = ["### The journal's questions, by stored calls", "",
             f"| question | {smallest:,} ms (median) | {largest:,} ms (median) | slowest ms | ratio |",
             "|---|---|---|---|---|"]  # fmt: skip
    for name, median in medians[largest].items():
        small = medians[smallest][name]
        lines.append(f"| {name} | {small:.0f} | {median:.0f} | {worst[largest][name]:.0f} | {median / small:.1f} |")
    return "\n".join(lines) + "\n"


def fill(warehouse: Warehouse, calls: int) -> None:
    """Fill the warehouse with answered calls of one leg, every second one a client's."""
    values: dict[str, Any] = {"calls": calls, "per_day": CALLS_PER_DAY, "until": NOW - timedelta(days=1)}
    with warehouse.transaction() as connection:
        for name in ("fill_legs", "fill_calls", "fill_owned_calls"):
            wanted = statement("benchmarks", name)
            connection.execute(wanted, {key: values[key] for key in wanted.compile().params})
    with warehouse.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")


Question = Callable[[Journal, Reports], object]


def _questions() -> Mapping[str, list[Question]]:
    def page(**asked: object) -> Question:
        return lambda journal, _reports: journal.page(CallFilter.model_validate(asked))

    def report(name: str) -> Question:
        return lambda _journal, reports: reports.of(name, CallFilter.model_validate(MONTH), "day")

    def since(days: int) -> date:
        return LAST_DAY - timedelta(days=days)

    return {
        "newest calls": [page(), page(**MONTH)],
        "calls of an employee": [page(employee="employee-201"), page(employee="employee-207", **MONTH)],
        "lost calls of a year, where there are none": [page(kind="lost", first_day=since(365))],
        "a name as it is typed, all days": [page(text=text) for text in TYPED],
        "a name as it is typed, a month": [page(text=text, **MONTH) for text in TYPED],
        "a number as it is typed, all days": [page(text=text) for text in DIGITS],
        "a number as it is typed, a month": [page(text=text, **MONTH) for text in DIGITS],
        "a name as it is typed, of an employee": [page(text=text, employee="employee-207") for text in TYPED],
        "a name as it is typed, lost calls, where there are none": [page(text=text, kind="lost") for text in TYPED],
        **{f"report {name}, a month": [report(name)] for name in ("periods", "regions", "hours", "lines", "employees")},
        **{f"report {name}, a month": [report(name)] for name in ("clients", "leads", "missed")},
    }


def _timed(store: JournalStore, question: Question) -> float:
    started = time.perf_counter()
    with store.engine.connect() as connection:
        journal = Journal(connection, CHIEF, ZONE)
        question(journal, Reports(connection, journal, ZONE, "ru"))
    return (time.perf_counter() - started) * 1000
