"""History from API pages, against fetching, decoding and discarding the same pages."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date

from assets.history.load import LoadRules, load_new
from benchmarks.databases import Databases
from benchmarks.measure import Comparison, alternate, stopwatch
from resources.telephony.http import HttpBounds
from resources.telephony.mikopbx_rest import MikoPbxRestSource

API_KEY = "benchmark"


def run(databases: Databases, days: int, rounds: int) -> str:
    """Measure and return the table."""
    comparison = Comparison("History from a MikoPBX's REST pages of 1000 rows", "legs")
    command = [sys.executable, "-m", "simulators.mikopbx", "--days", str(days), "--calls-per-day", "250"]
    command += ["--today", date(2026, 3, 31).isoformat(), "--api-key-env", "BENCHMARK_KEY"]
    simulator = subprocess.Popen(
        command, env={**os.environ, "BENCHMARK_KEY": API_KEY}, stdout=subprocess.PIPE, text=True
    )
    try:
        assert simulator.stdout is not None
        url = simulator.stdout.readline().split()[-1]
        sides = {
            "fetch, decode, discard": lambda: _discard(url),
            "Switchboard: legs, calls, owners": lambda: _load(databases, url),
        }
        alternate(comparison, sides, rounds)
    finally:
        simulator.terminate()
        simulator.communicate()
    comparison.notes.append("The next page is fetched while the one before is stored.")
    return comparison.as_markdown("fetch, decode, discard")


def _source(url: str) -> MikoPbxRestSource:
    return MikoPbxRestSource("bench", url, API_KEY, timezone="Europe/Moscow", bounds=HttpBounds(requests_per_minute=0))


def _discard(url: str) -> tuple[int, float]:
    source = _source(url)
    with stopwatch() as seconds:
        amount = sum(len(portion.records) for portion in source.portions_after({}))
    source.close()
    return amount, seconds()


def _load(databases: Databases, url: str) -> tuple[int, float]:
    warehouse = databases.make_warehouse()
    source = _source(url)
    with stopwatch() as seconds:
        report = load_new(warehouse, source, LoadRules())
    source.close()
    databases.drop(warehouse.url.render_as_string(hide_password=False))
    return report.new, seconds()
