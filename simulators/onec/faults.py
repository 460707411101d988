"""Faults of a 1C publication that can be switched on, for the next so many requests or until switched off."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from threading import Lock


class FaultKind(StrEnum):
    """What goes wrong with an answer.

    `delay` also stands for the first request, which starts the session; `lost_answer` writes and says nothing;
    `empty` is a list without entities, `blank` a body without anything.
    """

    delay = "delay"
    device_full = "device_full"
    handler = "handler"
    platform = "platform"
    unavailable = "unavailable"
    html = "html"
    unauthorised = "unauthorised"
    empty = "empty"
    blank = "blank"
    cut = "cut"
    lost_answer = "lost_answer"


@dataclass
class Fault:
    """One fault that is switched on.

    Attributes:
        kind: what goes wrong.
        times: for how many more requests; None until switched off.
        path: only for requests whose decoded path holds this text.
        method: only for this HTTP method, if given.
        seconds: how long a delay holds the answer.
        above_top: `device_full` only for pages larger than this, or without `$top`.
    """

    kind: FaultKind
    times: int | None = 1
    path: str = ""
    method: str = ""
    seconds: float = 1.0
    above_top: int = 0

    def fits(self, method: str, path: str, top: int | None) -> bool:
        """Tell whether a request meets this fault."""
        is_large = top is None or top > self.above_top
        return (
            self.path in path and self.method in {"", method} and (self.kind is not FaultKind.device_full or is_large)
        )


class Faults:
    """The faults of one simulated infobase."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._active: list[Fault] = []

    def switch_on(
        self,
        kind: FaultKind | str,
        *,
        times: int | None = 1,
        path: str = "",
        method: str = "",
        seconds: float = 1.0,
        above_top: int = 0,
    ) -> None:
        """Switch a fault on; several queue up, each request meets the first that fits."""
        with self._lock:
            self._active.append(Fault(FaultKind(kind), times, path, method, seconds, above_top))

    def switch_off(self) -> None:
        """Switch all faults off."""
        with self._lock:
            self._active.clear()

    def meet(self, method: str, path: str, top: int | None) -> Fault | None:
        """Return the fault this request meets, and count it."""
        with self._lock:
            for fault in self._active:
                if fault.fits(method, path, top):
                    if fault.times is not None:
                        fault.times -= 1
                        if fault.times == 0:
                            self._active.remove(fault)
                    return fault
        return None
