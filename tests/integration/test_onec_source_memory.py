"""The memory of the 1C client while it reads a set of 200 000 contact persons."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

pytest.importorskip("resource")

FEW, MANY = 20_000, 200_000
LARGEST_GROWTH_KIB = 20 * 1024
"""Far under the 250 MiB that 200 000 cards take."""

READ = """
import resource, sys
from resources.onec.source import OnecSource
source = OnecSource("trade", sys.argv[1], "Робот", "пароль", "Europe/Moscow")
of = next(of for of in source.configuration.cards if of.kind == "contact")
print(sum(map(len, source.card_versions(of))), sum(map(len, source.cards(of))))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform == "darwin" else 1))
"""


@contextmanager
def served(contacts: int) -> Iterator[str]:
    """Serve so many contact persons in a process of their own, whose memory is not the client's."""
    command = [sys.executable, "-m", "simulators.onec", "--clients", "2000", "--contacts", str(contacts)]
    environment = {"SIMULATED_1C_PASSWORD": "пароль", "PATH": ""}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()


def test_reading_many_cards_takes_no_more_memory_than_few() -> None:
    """First load and version scan stream: the client's peak does not grow with the set."""
    peaks = []
    for contacts in (FEW, MANY):
        with served(contacts) as url:
            output = subprocess.run([sys.executable, "-c", READ, url], stdout=subprocess.PIPE, text=True, check=True)
        counts, peak = output.stdout.splitlines()
        assert counts == f"{contacts} {contacts}"
        peaks.append(int(peak))
    assert peaks[1] - peaks[0] < LARGEST_GROWTH_KIB
