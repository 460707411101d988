"""What an audit of the history finds: a hole, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal

Kind = Literal["ids", "hour", "call", "capped_page", "recording", "file"]
State = Literal["restored", "empty", "open"]


@dataclass
class Gap:
    """A hole.

    Attributes:
        kind: what gave it away; see table `history_gaps`.
        subject: the ids, the hour or the linkedid.
        call_day: business day it belongs to.
        rows_missing: below 0 where the server has fewer rows than we hold.
        rows_restored: by this audit.
        source_rows: what the server counted, where it counts.
        held_rows: what we hold after the repair.
        state: restored; empty, where the server has nothing there; open.
        explanation: in words, where there is something to say.
    """

    kind: Kind
    subject: str
    call_day: date
    rows_missing: int
    rows_restored: int = 0
    source_rows: int | None = None
    held_rows: int | None = None
    state: State = "open"
    explanation: str = "found, not repaired"

    def as_row(self) -> dict[str, Any]:
        """Return the gap as a JSON object, named as the table's columns."""
        return asdict(self) | {"call_day": self.call_day.isoformat()}


def judge_ids(gap: Gap, held_rows: int, problem: str = "") -> None:
    """Say what became of a hole in the ids, all of whose rows were asked for.

    Args:
        gap: the hole.
        held_rows: of it that we hold now.
        problem: why the server was not asked to the end.
    """
    gap.rows_restored = gap.held_rows = held_rows
    if held_rows == gap.rows_missing:
        gap.state, gap.explanation = "restored", ""
    elif problem:
        gap.state, gap.explanation = "open", problem
    else:
        gap.state = "restored" if held_rows else "empty"
        gap.explanation = "the server has no more rows there, or they were refused"


def judge_hour(gap: Gap, held_rows: int, read_rows: int, problem: str = "") -> None:
    """Say what became of an hour, all of whose rows were read.

    Args:
        gap: with what was counted before.
        held_rows: that we hold now.
        read_rows: that the server handed over, refused ones included.
        problem: what was wrong with the server's answers.
    """
    source_rows = gap.source_rows or 0
    before = source_rows - gap.rows_missing
    gap.rows_restored, gap.held_rows = held_rows - before, held_rows
    if held_rows == source_rows:
        gap.state, gap.explanation = "restored", ""
    elif read_rows < source_rows:
        gap.kind, gap.state = "capped_page", "open"
        gap.explanation = (
            f"the server counts {source_rows} rows and hands over {read_rows}: its pages are cut short; ask for "
            "fewer rows at once (portion_size), or update it"
        ) + (f" ({problem})" if problem else "")
    elif held_rows < source_rows:
        gap.state = "empty"
        gap.explanation = f"{source_rows - held_rows} of its rows are repeated, or were refused: see quarantine"
    else:
        gap.state = "open"
        gap.explanation = "some of these rows are gone from the server: materialise call_legs for the day to mark them"


def judge_call(gap: Gap, missing_now: int, problem: str = "") -> None:
    """Say what became of a call whose legs were fewer than it was made of.

    Args:
        gap: the call.
        missing_now: how many legs it lacks still.
        problem: why the server was not asked for everything: then nothing is known of the legs.
    """
    gap.rows_restored = gap.rows_missing - missing_now
    if not missing_now:
        gap.state, gap.explanation = "restored", ""
    elif problem:
        gap.state, gap.explanation = "open", problem
    else:
        gap.state = "empty"
        gap.explanation = "the server has no more legs of this call; it was made anew from what there is"


def figures(gaps: Sequence[Gap]) -> dict[str, int]:
    """Return what an audit found, as numbers that plot."""
    return {
        "holes in ids": _count(gaps, "ids"),
        "hours that differ": _count(gaps, "hour"),
        "calls with missing legs": _count(gaps, "call"),
        "capped pages": _count(gaps, "capped_page"),
        "holes still open": sum(gap.state == "open" for gap in gaps),
    }


def _count(gaps: Sequence[Gap], kind: Kind) -> int:
    return sum(gap.kind == kind and gap.state != "empty" for gap in gaps)
