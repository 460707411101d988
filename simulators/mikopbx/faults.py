"""Faults that can be switched on, for the next so many requests or until switched off."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from threading import Lock
from typing import Any


class FaultKind(StrEnum):
    """What goes wrong with an answer."""

    delay = "delay"
    time_out = "time_out"
    empty = "empty"
    html = "html"
    unauthorised = "unauthorised"
    too_many = "too_many"
    unavailable = "unavailable"
    cut = "cut"
    malformed_row = "malformed_row"
    duplicate_rows = "duplicate_rows"
    disorder = "disorder"
    capped = "capped"
    """A page is cut to half of its rows, and its last row never comes, while the total counts them all."""
    no_calls = "no_calls"
    """Of live calls: an empty list, as after two seconds without a word of the PBX's own worker."""


@dataclass
class Fault:
    """One fault that is switched on.

    Attributes:
        kind: what goes wrong.
        times: for how many more requests; None until switched off.
        path: only for requests whose path holds this text.
        seconds: how long a delay or time-out holds the answer.
    """

    kind: FaultKind
    times: int | None = 1
    path: str = ""
    seconds: float = 1.0


class Faults:
    """The faults of one simulated PBX."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._active: list[Fault] = []

    def switch_on(self, kind: FaultKind | str, *, times: int | None = 1, path: str = "", seconds: float = 1.0) -> None:
        """Switch a fault on; several queue up, each request meets the first that fits."""
        with self._lock:
            self._active.append(Fault(FaultKind(kind), times, path, seconds))

    def switch_off(self) -> None:
        """Switch all faults off."""
        with self._lock:
            self._active.clear()

    def meet(self, path: str) -> Fault | None:
        """Return the fault this request meets, and count it."""
        with self._lock:
            for fault in self._active:
                if fault.path in path:
                    if fault.times is not None:
                        fault.times -= 1
                        if fault.times == 0:
                            self._active.remove(fault)
                    return fault
        return None


def spoilt(rows: list[dict[str, Any]], fault: FaultKind | None) -> list[dict[str, Any]]:
    """Spoil a page of rows as the fault says."""
    if not rows:
        return rows
    if fault is FaultKind.malformed_row:
        garbage = {**rows[0], "UNIQUEID": "", "start": "yesterday", "duration": "soon"}
        return [rows[0], garbage, *rows[1:]]
    if fault is FaultKind.duplicate_rows:
        return [row for row in rows for _ in range(2)]
    if fault is FaultKind.capped:
        return rows[: len(rows) // 2]
    if fault is FaultKind.disorder:
        return rows[1::2] + rows[::2]
    return rows
