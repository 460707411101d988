"""How things are measured: sides alternate in one run, medians are compared, results are ratios."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Comparison:
    """One table of results.

    Attributes:
        title: what was compared.
        unit: what `amount` counts.
        amount: how much work one round of a side is.
        seconds: rounds per side.
        notes: what a reader must know to judge the figures.
    """

    title: str
    unit: str
    amount: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def per_unit(self, side: str) -> float:
        """Return the median seconds one unit costs a side."""
        return statistics.median(self.seconds[side]) / self.amount[side]

    def as_markdown(self, base: str) -> str:
        """Return the table, each side's cost against that of `base`."""
        lines = [f"### {self.title}", "", f"| side | {self.unit} | median s | µs each | against {base} |",
                 "|---|---|---|---|---|"]  # fmt: skip
        for side in self.seconds:
            each = self.per_unit(side)
            median = statistics.median(self.seconds[side])
            ratio = each / self.per_unit(base)
            lines.append(f"| {side} | {self.amount[side]:,} | {median:.2f} | {each * 1e6:,.1f} | {ratio:.2f}× |")
        return "\n".join([*lines, "", *self.notes, ""])


def alternate(comparison: Comparison, sides: Mapping[str, Callable[[], tuple[int, float]]], rounds: int) -> None:
    """Run the sides in turn, `rounds` times; each returns how much it did and the seconds that took."""
    for _ in range(rounds):
        for side, work in sides.items():
            comparison.amount[side], seconds = work()
            comparison.seconds.setdefault(side, []).append(seconds)


@contextmanager
def stopwatch() -> Iterator[Callable[[], float]]:
    """Yield a function that tells the seconds since the block began, its end included once it has ended."""
    began = time.perf_counter()
    ended: float | None = None
    yield lambda: (ended or time.perf_counter()) - began
    ended = time.perf_counter()
