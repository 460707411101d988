"""What can go wrong at the simulated Cloud API, switched on and off while it runs."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock

from simulators.whatsapp.errors import ERRORS


class FaultKind(StrEnum):
    """What goes wrong, beside the errors of Graph, which are named by their codes.

    Before acceptance (nothing is sent): `slow` waits, then does as usual; `unavailable` is 503 with a page of HTML;
    `server_error` is 500 with code 131000; `too_many` is 429 with code 130429 and Retry-After; `cut_before` resets.
    After acceptance (the message is sent, statuses come): `late` answers only after a while;
    `server_error_after` is 500; `cut_after` resets without an answer; `cut_midway` resets after half of it;
    `malformed` answers with half a JSON.
    Of media: `media_expired` is 404 at its address; `media_spoilt` gives other bytes.
    Of webhooks, once each, the retry is right again: `unsigned`, `missigned`, `altered` (changed after signing).
    """

    slow = "slow"
    unavailable = "unavailable"
    server_error = "server_error"
    too_many = "too_many"
    cut_before = "cut_before"
    late = "late"
    server_error_after = "server_error_after"
    cut_after = "cut_after"
    cut_midway = "cut_midway"
    malformed = "malformed"
    media_expired = "media_expired"
    media_spoilt = "media_spoilt"
    unsigned = "unsigned"
    missigned = "missigned"
    altered = "altered"


OF_WEBHOOKS = frozenset({FaultKind.unsigned, FaultKind.missigned, FaultKind.altered})
OF_MEDIA = frozenset({FaultKind.media_expired, FaultKind.media_spoilt})
OF_REQUESTS = frozenset(FaultKind) - OF_WEBHOOKS - OF_MEDIA


@dataclass
class Fault:
    """One fault that is switched on.

    Attributes:
        kind: what goes wrong, or the code of the error that is answered.
        times: how many more times; None until switched off.
        to: only for messages to this number, as it was written in the request, signs left out.
        path: only for requests whose path holds this text; message requests unless something else is said.
        seconds: how long `slow` and `late` wait, and what Retry-After says.
        share: of the requests it fits, how many meet it.
    """

    kind: FaultKind | int
    times: int | None = 1
    to: str = ""
    path: str = "/messages"
    seconds: float = 1.0
    share: float = 1.0

    def fits(self, kinds: frozenset[FaultKind], path: str, to: str) -> bool:
        """Tell whether something meets this fault, its share aside."""
        if isinstance(self.kind, FaultKind):
            if self.kind not in kinds:
                return False
        elif kinds is not OF_REQUESTS:
            return False
        return kinds is not OF_REQUESTS or (self.path in path and (not self.to or self.to == to))


class Faults:
    """The faults of one simulated Cloud API; to be switched from any thread."""

    def __init__(self, seed: int = 1) -> None:
        self._lock = Lock()
        self._active: list[Fault] = []
        self._chance = random.Random(seed)

    def switch_on(
        self,
        kind: FaultKind | str | int,
        *,
        times: int | None = 1,
        to: str = "",
        path: str = "/messages",
        seconds: float = 1.0,
        share: float = 1.0,
    ) -> None:
        """Switch a fault on; several queue up, each request meets the first that fits.

        Raises:
            ValueError: no such kind, or no such code.
        """
        if isinstance(kind, int):
            if kind not in ERRORS:
                raise ValueError(f"no error {kind} is known; known are {sorted(ERRORS)}")
        else:
            kind = FaultKind(kind)
        with self._lock:
            self._active.append(Fault(kind, times, to.lstrip("+"), path, seconds, share))

    def switch_off(self) -> None:
        """Switch all faults off."""
        with self._lock:
            self._active.clear()

    def meet(self, kinds: frozenset[FaultKind], path: str = "", to: str = "") -> Fault | None:
        """Return the fault that is met here, and count it."""
        with self._lock:
            for fault in self._active:
                if fault.fits(kinds, path, to) and (fault.share >= 1 or self._chance.random() < fault.share):
                    if fault.times is not None:
                        fault.times -= 1
                        if fault.times == 0:
                            self._active.remove(fault)
                    return fault
        return None
