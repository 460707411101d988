"""Runs the benchmarks on an embedded server of their own.

`python -m benchmarks [csv] [api] [rebuild] [ticks] [lookups] [cards] [webhooks] [journal] [year] [--small]` runs
those named, or all.

`python -m benchmarks idle --home DIR` watches an instance that runs already.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path

import psutil

from benchmarks import history_api, history_csv, idle, journal, lookups, rebuild, ring_to_card, ticks, webhooks, year
from benchmarks.databases import Databases
from resources.postgres import EmbeddedPostgres


def main() -> None:
    """Run what was asked for, or everything, and print Markdown."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument(
        "names",
        nargs="*",
        choices=["csv", "api", "rebuild", "ticks", "lookups", "cards", "webhooks", "journal", "year", "idle", []],
        help="which; all if none is named",
    )
    parser.add_argument("--small", action="store_true", help="a tenth of the size, to see that all works")
    parser.add_argument("--largest", type=int, default=10_000_000, help="stored calls of the largest tick")
    parser.add_argument("--home", type=Path, help="data folder of a running instance, for 'idle'")
    parser.add_argument("--seconds", type=int, default=120, help="how long 'idle' watches")
    asked = parser.parse_args()
    if asked.names == ["idle"]:
        print(idle.run(asked.home, asked.seconds))
        return
    scale, rounds = (10, 1) if asked.small else (1, 3)
    sizes = [100_000 // scale, asked.largest // scale]
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder)).running() as server:
        databases = Databases(server)
        runs: dict[str, Callable[[], str]] = {
            "csv": lambda: history_csv.run(databases, 300_000 // scale, rounds),
            "api": lambda: history_api.run(databases, 90 // scale, rounds),
            "rebuild": lambda: rebuild.run(databases, 2_000_000 // scale, rounds),
            "ticks": lambda: ticks.run(databases, sizes, rounds),
            "lookups": lambda: lookups.run(databases, 50_000 // scale, 1000, 30 // scale),
            "webhooks": lambda: webhooks.run(databases, 1000 // scale, rounds),
            "journal": lambda: journal.run(databases, sizes, rounds),
            "year": lambda: year.run(databases, 365 // scale),
            "cards": lambda: ring_to_card.run(databases, 200, 300 // scale),
        }
        memory = psutil.virtual_memory().total / 2**30
        print(f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.platform()}, Python {platform.python_version()}\n")
        for name in asked.names or runs:
            print(runs[name](), flush=True)


if __name__ == "__main__":
    main()
