"""The backtest day by day: table `routing_backtest`, and what its latest days say of the ranking."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from assets.backtest.events import read_calls
from assets.backtest.measures import name_responsible
from assets.backtest.replay import replay
from assets.routing.rules import RoutingRules
from resources.warehouse.connection import Warehouse, copy_rows
from resources.warehouse.statements import run
from resources.warehouse.tables.backtest import routing_backtest

if TYPE_CHECKING:
    import pandas as pd

PACKAGE = "assets.backtest"

SURELY = 1.645
"""Standard errors beyond which a difference is one in twenty by chance, one-sided."""


@dataclass(frozen=True)
class Lift:
    """The ranking beside the last talker, on the same calls.

    Attributes:
        first_day: first and
        last_day: last of the business days; None without any.
        calls: backtested calls.
        hits: taken by the first of the ranking.
        last_hits: taken by whoever took the client's latest call.
        named: calls for which somebody would have been responsible by rank.
        better: of these, taken by the responsible and not by the last talker.
        worse: the other way round.
    """

    first_day: date | None
    last_day: date | None
    calls: int
    hits: int
    last_hits: int
    named: int
    better: int
    worse: int

    @property
    def lift(self) -> float:
        """What the first of the ranking hits more often than the last talker, -1..1; NaN without calls."""
        return (self.hits - self.last_hits) / self.calls if self.calls else math.nan

    @property
    def lift_where_named(self) -> float:
        """What the responsible hits more often, -1..1; NaN where nobody is named."""
        return (self.better - self.worse) / self.named if self.named else math.nan

    @property
    def is_worse(self) -> bool:
        """Whether the responsible is wrong more often than the last talker by more than chance (McNemar's test).

        Calls without a responsible do not count: there the last talker answers anyhow.
        """
        return self.worse - self.better > SURELY * math.sqrt(self.worse + self.better)


def backtest_days(
    warehouse: Warehouse, rules: RoutingRules, business_zone: str, first_day: date, last_day: date
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Replay the answered external inbound calls of business days, both included, and keep what comes out.

    Returns:
        the events used, and the predictions (`replay`) with `predicted` (`name_responsible`).

    Raises:
        LeakageError: a prediction would have used what was not known before its call.
        WarehouseBusyError: another backtest is being written.
    """
    with warehouse.locked("routing_backtest") as connection:
        events = read_calls(warehouse, business_zone, first_day, last_day)
        predictions = name_responsible(replay(events, rules), rules.smallest_share)
        with connection.begin():
            run(connection, PACKAGE, "drop_days", {"first_day": first_day, "last_day": last_day})
            columns = [column.name for column in routing_backtest.columns]
            copy_rows(connection, routing_backtest.name, columns, _rows(predictions))
    return events, predictions


def kept_days(warehouse: Warehouse, first_day: date, last_day: date) -> pd.DataFrame:
    """Return what is kept of business days, both included, with the columns that `measure` reads, and `call_day`."""
    import pandas as pd

    with warehouse.transaction() as connection:
        result = run(connection, PACKAGE, "select_days", {"first_day": first_day, "last_day": last_day})
        frame = pd.DataFrame([tuple(row) for row in result], columns=list(result.keys()))
    return frame.astype({"share": "float64", "rank": "float64"})


def lift_over_last(warehouse: Warehouse, days: int = 30) -> Lift:
    """Compare the ranking with the last talker on the latest business days in `routing_backtest`."""
    with warehouse.transaction() as connection:
        return Lift(**run(connection, PACKAGE, "select_lift", {"days": days}).mappings().one())


def _rows(predictions: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    """Yield rows in the order of the table's columns."""
    names = ["call_day", "pbx_id", "linkedid", "at", "client", "employee", "team", "predicted", "share", "rank"]
    for *known, predicted, share, rank, last, frequent, owner in predictions[
        [*names, "last", "frequent", "owner"]
    ].itertuples(index=False):
        figures = None if math.isnan(share) else share, None if math.isnan(rank) else int(rank)
        yield *known, predicted or None, *figures, last or None, frequent or None, owner or None
