"""A simulated MikoPBX served over real HTTP, in a thread of the test's process, and its invented company."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from resources.telephony.http import HttpBounds
from resources.telephony.mikopbx_rest import MikoPbxRestSource
from simulators.company import Company
from simulators.mikopbx.app import SimulatedPbx
from simulators.mikopbx.clock import Clock
from simulators.mikopbx.faults import Faults
from simulators.mikopbx.history import FinishedCall
from simulators.mikopbx.store import CdrStore
from tests.serving import serving

IMPATIENT = HttpBounds(
    connect_seconds=2,
    read_seconds=0.5,
    total_seconds=10,
    attempts=3,
    wait_initial_seconds=0.01,
    wait_max_seconds=0.05,
    wait_jitter_seconds=0.01,
    requests_per_minute=0,
)


@dataclass
class ServedPbx:
    """A simulated PBX and where it listens.

    Attributes:
        pbx: its store, clock and faults.
        url: its address.
    """

    pbx: SimulatedPbx
    url: str
    sources: list[MikoPbxRestSource] = field(default_factory=list)

    @property
    def api_key(self) -> str:
        """What REST v3 asks for."""
        return self.pbx.api_key

    @property
    def store(self) -> CdrStore:
        """Its call detail records."""
        return self.pbx.store

    @property
    def faults(self) -> Faults:
        """What goes wrong."""
        return self.pbx.faults

    @property
    def clock(self) -> Clock:
        """Its clock."""
        return self.pbx.clock

    def source(self, portion_size: int = 1000, **unusual: Any) -> MikoPbxRestSource:  # noqa: ANN401
        """Return a client of it, impatient so that tests are quick; closed at the test's end."""
        source = MikoPbxRestSource(
            "office",
            self.url,
            self.pbx.api_key,
            timezone=self.pbx.timezone,
            portion_size=portion_size,
            **{"bounds": IMPATIENT} | unusual,
        )
        self.sources.append(source)
        return source

    def close(self) -> None:
        """Close its clients."""
        for source in self.sources:
            source.close()


@pytest.fixture
def simulated_pbx() -> Iterator[Callable[..., ServedPbx]]:
    """A function that serves a simulated PBX until the test's end: `simulated_pbx(calls, clock=…, timezone=…)`."""
    with ExitStack() as running:

        def serve(calls: Iterable[FinishedCall] = (), **how: Any) -> ServedPbx:  # noqa: ANN401
            pbx = SimulatedPbx(**how)
            running.callback(pbx.store.close)
            pbx.store.expect(calls)
            served = ServedPbx(pbx, running.enter_context(serving(pbx.app)))
            running.callback(served.close)
            return served

        yield serve


@pytest.fixture(scope="session")
def invented_company() -> Company:
    """An invented company of 200 clients, as of the end of March 2026."""
    return Company.invent(parties=200)
