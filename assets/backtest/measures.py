"""How good the predictions of a replay are, beside what simpler rules would have said of the same calls.

Shares are 0..1, differences (lift) of such shares; NaN where there is nothing to divide by.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

SHARE_BINS = (0.0, 0.2, 0.35, 0.45, 0.6, 0.8, 0.95, 1.0)
"""Bounds of the calibration's bins; each includes its lower one, the last its upper one too."""


@dataclass(frozen=True)
class Measures:
    """What came out of some calls.

    Attributes:
        calls: how many.
        ranked: share of calls whose client was known, so that there was a ranking.
        hit_1: share of calls taken by the first of the ranking,
        hit_3: by one of its first three.
        mrr: mean of 1 / rank of whoever took the call, 0 where they are not in the ranking.
        coverage: share of calls for which the first would have been called responsible.
        precision: share of these calls that the first then took.
        last: share of calls taken by whoever took the client's latest call,
        frequent: by whoever took most of them, the latest of several,
        owner: by the employee whom the CRM names.
        last_where_named: share of the calls with a responsible that the last talker took.
    """

    calls: int
    ranked: float
    hit_1: float
    hit_3: float
    mrr: float
    coverage: float
    precision: float
    last: float
    frequent: float
    owner: float
    last_where_named: float

    @property
    def lift_over_last(self) -> float:
        """What the ranking's first hits more often than the last talker, on the same calls."""
        return self.hit_1 - self.last

    @property
    def lift_over_frequent(self) -> float:
        """What it hits more often than the most frequent."""
        return self.hit_1 - self.frequent

    @property
    def lift_over_owner(self) -> float:
        """What it hits more often than the CRM's owner."""
        return self.hit_1 - self.owner

    @property
    def lift_where_named(self) -> float:
        """What the responsible hits more often than the last talker, on the calls that have one."""
        return self.precision - self.last_where_named


def choose(
    predictions: pd.DataFrame,
    *,
    start_at: datetime | None = None,
    end_at: datetime | None = None,
    min_gap_days: float = 0,
) -> pd.DataFrame:
    """Return the predictions that are to be measured.

    Args:
        predictions: what `replay` returned.
        start_at: no earlier calls.
        end_at: none of this instant or later.
        min_gap_days: only calls so long after the client's latest interaction; above 0 first calls are left out.
    """
    chosen = predictions
    if start_at is not None:
        chosen = chosen[chosen["at"] >= start_at]
    if end_at is not None:
        chosen = chosen[chosen["at"] < end_at]
    if min_gap_days > 0:
        chosen = chosen[chosen["gap_days"] >= min_gap_days]
    return chosen


def name_responsible(predictions: pd.DataFrame, smallest_share: float) -> pd.DataFrame:
    """Return the predictions with `predicted`: the first, where they would have been called responsible, else ''."""
    is_named = (predictions["share"] >= smallest_share) & predictions["has_evidence"]
    return predictions.assign(predicted=predictions["first"].where(is_named, ""))


def measure(predictions: pd.DataFrame) -> Measures:
    """Compare predictions with who took the calls.

    Columns read: `employee`, `predicted` (see `name_responsible`), `share`, `rank`, `last`, `frequent`, `owner`.
    """
    calls = len(predictions)
    took, rank = predictions["employee"], predictions["rank"]
    named, last = predictions["predicted"] != "", predictions["last"] == took
    return Measures(
        calls=calls,
        ranked=_part(predictions["share"].notna().sum(), calls),
        hit_1=_part((rank == 1).sum(), calls),
        hit_3=_part((rank <= 3).sum(), calls),
        mrr=_part((1 / rank).sum(), calls),
        coverage=_part(named.sum(), calls),
        precision=_part((predictions["predicted"] == took).sum(), named.sum()),
        last=_part(last.sum(), calls),
        frequent=_part((predictions["frequent"] == took).sum(), calls),
        owner=_part((predictions["owner"] == took).sum(), calls),
        last_where_named=_part((named & last).sum(), named.sum()),
    )


def calibrate(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return how often the first of the ranking took the call, by their share of the work.

    Only `share` and `rank` are read. Columns: `share_from`, `share_to`, `calls`, `mean_share`, `hit_rate`; a row per
    bin that has calls.
    """
    import pandas as pd

    ranked = predictions[predictions["share"].notna()]
    bounds = [*SHARE_BINS[:-1], math.inf]
    places = pd.cut(ranked["share"], bounds, right=False, labels=False)
    found = pd.DataFrame({"place": places, "share": ranked["share"], "hit": ranked["rank"] == 1}).groupby("place")
    table = found.agg(calls=("hit", "size"), mean_share=("share", "mean"), hit_rate=("hit", "mean")).reset_index()
    place = table.pop("place").astype("int64")
    table.insert(0, "share_from", [SHARE_BINS[number] for number in place])
    table.insert(1, "share_to", [SHARE_BINS[number + 1] for number in place])
    return table


def continuity(events: pd.DataFrame) -> pd.DataFrame:
    """Return how much clients deal with one and the same employee, by team, whatever is predicted.

    Counts interactions of whoever talked longest. Of clients with two or more in the team:

    - UPC, mean over clients of `max n_j / N`: the part of the client's main employee;
    - COC, mean over clients of `(sum n_j^2 - N) / (N (N - 1))`: two random ones are of the same employee;
    - SECON, over all their interactions but the first: the same employee as the time before.

    Columns: `team`, `clients`, `interactions`, `upc`, `coc`, `secon`; a row per team, by name.
    """
    talks = events[events["is_talker"].astype(bool)].sort_values(
        ["team", "client", "at", "talk_seconds", "employee"], ignore_index=True
    )
    sizes = talks.groupby(["team", "client"])["employee"].transform("size")
    talks = talks[sizes >= 2]
    of_client = talks.groupby(["team", "client"])
    before = of_client["employee"].shift()
    is_same = (before == talks["employee"]).where(before.notna())
    parts = talks.groupby(["team", "client", "employee"]).size()
    clients = (
        parts.to_frame("n")
        .assign(square=parts**2)
        .groupby(level=["team", "client"])
        .agg(total=("n", "sum"), most=("n", "max"), squares=("square", "sum"))
    )
    clients["upc"] = clients["most"] / clients["total"]
    clients["coc"] = (clients["squares"] - clients["total"]) / (clients["total"] * (clients["total"] - 1))
    teams = clients.groupby(level="team").agg(
        clients=("total", "size"), interactions=("total", "sum"), upc=("upc", "mean"), coc=("coc", "mean")
    )
    teams["secon"] = is_same.astype("float64").groupby(talks["team"]).mean()
    return teams.reset_index()


def _part(count: float, total: float) -> float:
    return float(count / total) if total else math.nan
