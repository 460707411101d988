"""The services' supervisor: what it starts keeps running while it lives, and none of it outlives it."""

from __future__ import annotations

import contextlib
import json
import logging
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from pipelines.services import (
    AlreadyRunningError,
    Service,
    ServiceFailedError,
    dagster_services,
    find_running,
    supervised,
    supervisor,
)
from pipelines.services.running import marked_processes
from pipelines.services.service import answers_http
from resources.processes import bound_log, has_ended

ROOT = Path(__file__).parents[2]
UI = "http://127.0.0.1:3999"

SLEEP = "import time; time.sleep(600)"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); " + SLEEP
# A service with a child that is deaf to SIGTERM, and an orphan in a session of its own.
FAMILY = f"""
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", {DEAF!r}])
subprocess.Popen([sys.executable, "-c", "import subprocess, sys; "
    "subprocess.Popen([sys.executable, '-c', {SLEEP!r}], start_new_session=True)"]).wait()
time.sleep(600)
"""
# What `switchboard up` does, in small.
UP = """
import contextlib, sys
from pathlib import Path
from pipelines.services import Service, supervised, supervisor
supervisor._GRACE_SECONDS = 2
with contextlib.suppress(KeyboardInterrupt), supervised(Path(sys.argv[1]), "http://127.0.0.1:3999") as services:
    services.start([Service("family", [sys.executable, "-c", sys.argv[2]])])
    services.wait_until_ready()
    print("up", flush=True)
    services.wait()
"""


def python(code: str, name: str = "service", **more: object) -> Service:
    return Service(name, [sys.executable, "-c", code], **more)  # type: ignore[arg-type]


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def is_deaf(home: Path, name: str) -> bool:
    log = home / "logs" / f"{name}.log"
    return log.exists() and "deaf" in log.read_text()


def is_complete(home: Path) -> bool:
    """Whether all three of the family are there, and the deaf one is deaf."""
    return len(marked_processes(home)) == 3 and is_deaf(home, "family")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A data folder, whose services are ended after the test whatever happened."""
    yield tmp_path / "home"
    for process in marked_processes(tmp_path / "home"):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


@pytest.fixture
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that are deaf to SIGTERM are killed after 2 s instead of 20."""
    monkeypatch.setattr(supervisor, "_GRACE_SECONDS", 2)


@pytest.fixture
def start_up(home: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """A function that starts an `up` of a service and waits until it is up."""
    with contextlib.ExitStack() as stack:

        def start(code: str = FAMILY, *before: str) -> subprocess.Popen[str]:
            process = stack.enter_context(
                subprocess.Popen(
                    [*before, sys.executable, "-c", UP, str(home), code], cwd=ROOT, stdout=subprocess.PIPE, text=True
                )
            )
            stack.callback(process.kill)
            assert process.stdout
            assert process.stdout.readline() == "up\n"
            return process

        yield start


@pytest.mark.usefixtures("short_grace")
def test_everything_ends_with_the_block(home: Path) -> None:
    """Children deaf to SIGTERM and orphans in other sessions are ended too, within a bounded time."""
    with supervised(home, UI) as services:
        services.start([python(FAMILY, "family"), python(DEAF, "deaf")])
        wait_until(lambda: len(marked_processes(home)) == 4 and is_deaf(home, "family") and is_deaf(home, "deaf"))
        begun_at = time.monotonic()
    assert time.monotonic() - begun_at < 10
    assert not marked_processes(home)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything(
    home: Path, start_up: Callable[..., subprocess.Popen[str]], number: signal.Signals
) -> None:
    """Ctrl-C, SIGTERM and a closed terminal end `up` orderly; pressing again while it ends changes nothing."""
    up = start_up()
    wait_until(lambda: is_complete(home))
    for _ in range(3):
        up.send_signal(number)
        time.sleep(0.1)
    assert up.wait(timeout=30) == 0
    assert not marked_processes(home)


def test_signals_work_where_they_were_ignored(home: Path, start_up: Callable[..., subprocess.Popen[str]]) -> None:
    """Started by nohup or a script's "&" with SIGINT ignored, `up` and its services still hear it."""
    hears = "import signal; print(signal.getsignal(signal.SIGINT), flush=True); " + SLEEP
    up = start_up(hears, "sh", "-c", 'trap "" INT HUP; exec "$@"', "sh")
    wait_until(lambda: (home / "logs/family.log").exists() and (home / "logs/family.log").read_text() != "")
    assert "default_int_handler" in (home / "logs/family.log").read_text()
    up.send_signal(signal.SIGINT)
    assert up.wait(timeout=30) == 0


@pytest.mark.usefixtures("short_grace")
def test_a_killed_supervisor_takes_its_services_along(
    home: Path, start_up: Callable[..., subprocess.Popen[str]]
) -> None:
    """After kill -9 the services end at once, and what they left behind at the next start."""
    up = start_up()
    wait_until(lambda: is_complete(home))
    service = psutil.Process(up.pid).children()[0]
    up.kill()
    up.wait()
    wait_until(lambda: has_ended(service))
    assert find_running(home) is None
    left = marked_processes(home)
    assert left
    with supervised(home, UI) as services:
        assert all(has_ended(process) for process in left)
        services.start([python(SLEEP)])
        services.wait_until_ready()


def test_a_second_one_is_told_where_the_first_is(home: Path, start_up: Callable[..., subprocess.Popen[str]]) -> None:
    """A second `up` on the same data folder does not start, and learns the address of the UI."""
    assert find_running(home) is None
    up = start_up(SLEEP)
    running = find_running(home)
    assert running
    assert (running.pid, running.url) == (up.pid, UI)
    with pytest.raises(AlreadyRunningError, match=f"already runs on .*{up.pid}.*{UI}"):
        supervised(home, "http://127.0.0.1:1").__enter__()
    assert len(marked_processes(home)) == 1
    up.send_signal(signal.SIGTERM)
    up.wait()
    assert find_running(home) is None


def test_data_folders_do_not_meddle(home: Path, tmp_path: Path) -> None:
    """Ending the services of one data folder leaves those of another alone."""
    with supervised(home, UI) as services:
        services.start([python(SLEEP)])
        services.wait_until_ready()
        with supervised(tmp_path / "other", UI) as others:
            others.start([python(SLEEP)])
            others.wait_until_ready()
        assert len(marked_processes(home)) == 1


def test_a_service_that_dies_is_started_again(home: Path) -> None:
    """Whatever killed it, a service is back soon."""
    with supervised(home, UI) as services:
        services.start([python("import os; print(os.getpid(), flush=True); " + SLEEP)])
        services.wait_until_ready()
        log = home / "logs/service.log"
        for lives in range(1, 4):
            wait_until(lambda lives=lives: len(log.read_text().split()) == lives)  # type: ignore[misc]
            psutil.Process(int(log.read_text().split()[-1])).kill()


def test_restarts_come_slower_and_slower(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A service that ends again and again is tried after 0.5, 1, 2 … s, and each end is told."""
    with supervised(home, UI) as services, caplog.at_level(logging.WARNING):
        services.start([python("print('try', flush=True)")])
        time.sleep(4)
    assert 2 <= (home / "logs/service.log").read_text().count("try") <= 4
    assert "service ended by itself (0); it is started again in 0.5 s" in caplog.text
    assert "again in 1.0 s" in caplog.text


def test_a_service_that_cannot_start_is_shown_with_its_last_words(home: Path) -> None:
    """Three ends before it was ever ready are enough; the text has the end of its log."""
    with supervised(home, UI) as services:
        # Without the check, one that takes a moment to fail on a busy machine would pass for ready.
        services.start([python("import sys; sys.exit('the port is taken')", is_ready=lambda: False)])
        with pytest.raises(ServiceFailedError, match=r"(?s)ended 3 times .*port is taken"):
            services.wait_until_ready()


def test_a_service_that_never_gets_ready_is_named(home: Path) -> None:
    """Waiting has an end."""
    with supervised(home, UI) as services:
        services.start([python(SLEEP, "slow", is_ready=lambda: False)])
        with pytest.raises(ServiceFailedError, match=r"'slow' .*not ready after 1 s"):
            services.wait_until_ready(timeout_seconds=1)


def test_a_service_waits_for_those_it_needs(home: Path, port: int) -> None:
    """It is started only when they are ready, seen here over HTTP."""
    told: list[str] = []
    with supervised(home, UI) as services:
        services.start(
            [
                python(SLEEP, "second", needs=("first",)),
                Service(
                    "first",
                    [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)],
                    is_ready=answers_http(f"http://127.0.0.1:{port}/"),
                    folder=home,
                ),
            ]
        )
        services.wait_until_ready(on_ready=lambda service: told.append(service.name))
    assert told == ["first", "second"]


def test_a_service_that_may_end_is_left_ended(home: Path) -> None:
    """With `restarts` off its end is accepted."""
    with supervised(home, UI) as services:
        services.start([python("print('once')", restarts=False)])
        time.sleep(2)
    assert (home / "logs/service.log").read_text() == "once\n"


def test_a_log_stays_small(home: Path) -> None:
    """Past its limit the text moves to `.1`, while the writer goes on as if nothing had happened."""
    log = home / "service.log"
    home.mkdir()
    with log.open("ab", buffering=0) as writer:
        for portion in (b"first\n", b"second\n", b"third\n"):
            writer.write(portion)
            bound_log(log, limit_bytes=5)
    assert log.read_bytes() == b""
    assert (home / "service.log.1").read_bytes() == b"third\n"
    bound_log(home / "absent.log", limit_bytes=5)


TOY = """
import time
import dagster as dg

@dg.asset
def slow() -> None:
    time.sleep(600)

defs = dg.Definitions(assets=[slow], jobs=[dg.define_asset_job("slow_job", selection="slow")])
"""
LAUNCH = """
mutation { launchRun(executionParams: {selector: {
    repositoryLocationName: "toys", repositoryName: "__repository__", jobName: "slow_job"}}) { __typename } }
"""
RELOAD = 'mutation { reloadRepositoryLocation(repositoryLocationName: "toys") { __typename } }'
LOADED = """
{ workspaceOrError { ... on Workspace { locationEntries {
    name loadStatus locationOrLoadError { ... on PythonError { message causes { message } } } } } } }
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with a small code location and our own dagster.yaml."""
    location = {"python_module": {"module_name": "toy", "location_name": "toys"}}
    (tmp_path / "toy.py").write_text(TOY)
    (tmp_path / "workspace.yaml").write_text(json.dumps({"load_from": [location]}))
    (tmp_path / "dagster.yaml").write_bytes((ROOT / "dagster.yaml").read_bytes())
    return tmp_path


@pytest.fixture
def port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


def ask(port: int, question: str) -> str:
    """Return the answer of Dagster's GraphQL as text."""
    answer = httpx.post(f"http://127.0.0.1:{port}/graphql", json={"query": question}, timeout=60, trust_env=False)
    assert "errors" not in answer.json(), answer.text
    return answer.text


def test_dagster_runs_and_ends_with_its_run_workers(home: Path, checkout: Path, port: int, database_url: str) -> None:
    """The UI launches a run; a reload there takes new code; at the end the run is over and no worker is left."""
    storage = {"SWITCHBOARD_DAGSTER_URL": database_url.replace("postgresql:", "postgresql+psycopg2:")}
    with supervised(home, UI) as services:
        services.start(dagster_services(checkout, home, port, storage))
        services.wait_until_ready()
        assert "LaunchRunSuccess" in ask(port, LAUNCH)
        wait_until(lambda: "STARTED" in ask(port, "{ runsOrError { ... on Runs { results { status } } } }"), seconds=60)
        (checkout / "toy.py").write_text(TOY.replace("slow", "renamed"))
        assert "renamed" not in ask(port, "{ assetNodes { assetKey { path } } }")
        ask(port, RELOAD)
        assert "renamed" in ask(port, "{ assetNodes { assetKey { path } } }")
        assert any("multiprocessing.spawn" in " ".join(process.cmdline()) for process in marked_processes(home))
    assert not marked_processes(home)
    with psycopg.connect(database_url) as connection:
        # Not "STARTED": a run that is over in truth only would keep others waiting for it.
        assert connection.execute("SELECT status FROM runs").fetchall() == [("FAILURE",)]


def test_code_that_cannot_be_loaded_is_shown(home: Path, checkout: Path, port: int, database_url: str) -> None:
    """An error in the definitions ends the wait with its text, instead of an empty UI."""
    (checkout / "toy.py").write_text("raise ValueError('no such thing')")
    storage = {"SWITCHBOARD_DAGSTER_URL": database_url.replace("postgresql:", "postgresql+psycopg2:")}
    with supervised(home, UI) as services:
        services.start(dagster_services(checkout, home, port, storage))
        with pytest.raises(ServiceFailedError, match=r"(?s)code cannot be loaded: .* no such thing\.\nThe end of"):
            services.wait_until_ready()


def test_code_locations_of_others_are_loaded_beside_ours_and_their_faults_are_theirs(
    home: Path, checkout: Path, port: int, database_url: str
) -> None:
    """Their paths are relative to their workspace; what it says of ours does not count; faults are shown, not fatal."""
    theirs = checkout / "theirs"
    theirs.mkdir()
    (theirs / "reports.py").write_text(TOY.replace("slow", "report"))
    (theirs / "broken.py").write_text("raise ValueError('no such thing')")
    files = [{"python_file": {"relative_path": f"{name}.py", "location_name": name}} for name in ("reports", "broken")]
    ours = {"python_module": {"module_name": "no_such_module", "location_name": "toys"}}
    (theirs / "workspace.yaml").write_text(json.dumps({"load_from": [ours, *files]}))
    storage = {"SWITCHBOARD_DAGSTER_URL": database_url.replace("postgresql:", "postgresql+psycopg2:")}
    with supervised(home, UI) as services:
        services.start(dagster_services(checkout, home, port, storage, more=theirs / "workspace.yaml"))
        services.wait_until_ready(timeout_seconds=240)
        wait_until(lambda: '"LOADING"' not in ask(port, LOADED), seconds=60)
        entries = json.loads(ask(port, LOADED))["data"]["workspaceOrError"]["locationEntries"]
        assets = ask(port, "{ assetNodes { assetKey { path } } }")
    told = {entry["name"]: str(entry["locationOrLoadError"]) for entry in entries}
    assert set(told) == {"toys", "reports", "broken"}
    assert "no such thing" in told["broken"]
    assert '"slow"' in assets
    assert '"report"' in assets


def test_a_workspace_of_others_that_is_not_there_is_named(home: Path, checkout: Path) -> None:
    """With the setting that names it."""
    with pytest.raises(ServiceFailedError, match=r"absent\.yaml is not there; the setting workspace"):
        dagster_services(checkout, home, 1, more=checkout / "absent.yaml")


def test_the_workspace_must_name_one_location(home: Path, checkout: Path) -> None:
    """What cannot be served is refused before anything starts."""
    (checkout / "workspace.yaml").write_text("load_from: []")
    with pytest.raises(ServiceFailedError, match="must name one code location"):
        dagster_services(checkout, home, 1)
