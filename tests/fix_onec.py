"""A simulated 1C served over real HTTP, in a thread of the test's process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from resources.onec.configuration import CardSet
from resources.onec.http import OnecBounds
from resources.onec.source import OnecSource
from simulators.onec import company
from simulators.onec.app import SimulatedOnec
from simulators.onec.faults import Faults
from simulators.onec.presets import PLAN, PRESETS
from simulators.onec.store import Store
from tests.serving import serving

IMPATIENT_ONEC = OnecBounds(
    connect_seconds=2,
    read_seconds=10,
    total_seconds=20,
    attempts=3,
    wait_initial_seconds=0.01,
    wait_max_seconds=0.05,
    wait_jitter_seconds=0.01,
)


@dataclass
class ServedOnec:
    """A simulated publication and where it listens.

    Attributes:
        onec: its store, users, habits and faults.
        url: the address of the publication.
        sources: its clients, closed at the test's end.
    """

    onec: SimulatedOnec
    url: str
    sources: list[OnecSource] = field(default_factory=list)

    @property
    def store(self) -> Store:
        """Its data and metadata."""
        return self.onec.store

    @property
    def faults(self) -> Faults:
        """What goes wrong."""
        return self.onec.faults

    def source(self, **unusual: Any) -> OnecSource:  # noqa: ANN401
        """Return a client of it, impatient so that tests are quick."""
        how: dict[str, Any] = {
            "login": "Робот",
            "password": "пароль",
            "zone": "Europe/Moscow",
            "bounds": IMPATIENT_ONEC,
        } | unusual
        source = OnecSource("trade", self.url, **how)
        self.sources.append(source)
        return source

    def planned_source(self, **unusual: Any) -> OnecSource:  # noqa: ANN401
        """Return a client with a new node of the exchange plan, which registers what is written from now on."""
        node = self.store.node(PLAN, "Switchboard")
        return self.source(plan=PLAN.partition("_")[2], node=node, **unusual)

    def close(self) -> None:
        """Close its clients."""
        for source in self.sources:
            source.close()

    def asked(self, of: str) -> list[str]:
        """Return the requests so far whose path or query holds this text."""
        return [request for request in self.onec.requests if of in request]


def card_set(source: OnecSource, entity_set: str) -> CardSet:
    """Return how a source reads that set of cards."""
    return next(of for of in source.configuration.cards if of.entity_set == entity_set)


@pytest.fixture
def simulated_onec() -> Iterator[Callable[..., ServedOnec]]:
    """A function that serves a simulated 1C until the test's end: `simulated_onec("ut11", clients=20, contacts=40)`."""
    with ExitStack() as running:

        def serve(preset: str = "ut11", **filled: Any) -> ServedOnec:  # noqa: ANN401
            store = Store(PRESETS[preset]())
            company.fill(store, **{"clients": 20, "contacts": 40, "users": 8} | filled)
            onec = SimulatedOnec(store)
            served = ServedOnec(onec, f"{running.enter_context(serving(onec))}/{onec.base}")
            running.callback(served.close)
            return served

        yield serve
