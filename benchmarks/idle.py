"""What a whole running instance costs while nothing happens: processor time by process, and runs launched."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from contextlib import suppress
from pathlib import Path

import psutil
from sqlalchemy import create_engine, make_url, text

from pipelines.services.running import find_running, marked_processes
from resources.postgres.endpoint import Endpoint

POSTGRES = "PostgreSQL, all its processes"


def run(home: Path, seconds: int) -> str:
    """Watch the `up` or `demo` that runs on `home`, and return the table."""
    running = find_running(home.resolve())
    server = Endpoint(home.resolve() / "postgres").read()
    if running is None or server is None:
        return f"Nothing runs on {home}: start 'switchboard up' there first.\n"
    watched = [*marked_processes(home.resolve()), *_postgres(home)]
    # What a backend spends after its connection has ended stands with the postmaster, its parent.
    names = {process: _name(process) for process in watched}
    runs_before = _count_runs(server.url("dagster"))
    before = {process: _spent(process) for process in watched}
    time.sleep(seconds)
    shares: defaultdict[str, float] = defaultdict(float)
    sizes: Counter[str] = Counter()
    for process, name in names.items():
        with suppress(psutil.NoSuchProcess):
            sizes[name] += process.memory_info().rss
            shares[name] += 100 * (_spent(process) - before[process]) / seconds
    launched = _count_runs(server.url("dagster")) - runs_before
    lines = [f"### An idle instance, {seconds} s", "", "| process | % of one core | MB |", "|---|---|---|"]
    for name, share in sorted(shares.items(), key=lambda item: -item[1]):
        # Added up, the memory that backends share would be counted for each.
        size = "" if name == POSTGRES else f"{sizes[name] / 2**20:.0f}"
        lines.append(f"| {name} | {share:.1f} | {size} |")
    lines.append(f"| all | {sum(shares.values()):.1f} | |")
    return "\n".join([*lines, "", f"Runs launched: {launched}.", ""])


def _postgres(home: Path) -> list[psutil.Process]:
    """Return the embedded server's processes: the postmaster and its children."""
    folder = str(home.resolve() / "postgres")
    return [
        process
        for process in psutil.process_iter(["cmdline", "name"])
        if folder in " ".join(process.info["cmdline"] or []) or _is_child_of(process, folder)
    ]


def _is_child_of(process: psutil.Process, folder: str) -> bool:
    parent = process.parent() if process.info["name"] == "postgres" else None
    return parent is not None and folder in " ".join(parent.cmdline())


def _spent(process: psutil.Process) -> float:
    spent = process.cpu_times()
    # Children that ended meanwhile, such as a connection's backend, are counted by their parent.
    return spent.user + spent.system + spent.children_user + spent.children_system


def _name(process: psutil.Process) -> str:
    words = process.cmdline()
    known = (
        "code-server",
        "api grpc",
        "dagster_webserver",
        "dagster._daemon",
        "listener_process",
        "gateway_process",
        "simulators",
        "resources.postgres",
    )
    return (
        POSTGRES
        if process.name() == "postgres"
        else next((name for name in known if name in " ".join(words)), process.name())
    )


def _count_runs(url: str) -> int:
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        count = connection.execute(text("SELECT count(*) FROM runs")).scalar_one()
    engine.dispose()
    return int(count)
