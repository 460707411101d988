"""Fixtures: a simulated Asterisk manager on free ports, AMI and HTTP; recorded events to replay."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from simulators.asterisk.manager import SimulatedManager


@pytest.fixture
def asterisk_manager() -> Iterator[SimulatedManager]:
    """A simulated manager that listens until the test's end."""
    with SimulatedManager() as manager:
        yield manager


@pytest.fixture
def make_asterisk_manager() -> Iterator[Callable[..., SimulatedManager]]:
    """A function that starts a simulated manager with unusual settings: `make_asterisk_manager(idle_seconds=11)`."""
    with ExitStack() as running:

        def make(**how: Any) -> SimulatedManager:  # noqa: ANN401
            return running.enter_context(SimulatedManager(**how))

        yield make
