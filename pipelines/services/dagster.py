"""Dagster's three services: the code server, the web server, the daemon.

The web server and the daemon could each start a code server of their own. They share one instead: a
reload in the UI then changes the code for both, where the daemon alone would go on with the old code
until it is restarted, and the code is loaded once.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import yaml

from pipelines.services.service import Service, ServiceFailedError

# A socket's path may have 107 bytes, and Dagster puts sockets into the folder for temporary files.
_LONGEST_SOCKET_FOLDER = 90

_LOCATIONS = """
{ workspaceOrError { ... on Workspace { locationEntries {
    name loadStatus locationOrLoadError { ... on PythonError { message causes { message } } } } } } }
"""
_DAEMONS = "{ instance { daemonHealth { allDaemonStatuses { required lastHeartbeatTime } } } }"


def dagster_services(
    checkout: Path,
    home: Path,
    port: int,
    environment: Mapping[str, str] | None = None,
    overlay: Path | None = None,
    more: Path | None = None,
) -> list[Service]:
    """Return Dagster's services for the code location that `workspace.yaml` names.

    Writes Dagster's own settings into `<home>/dagster` and a workspace that names the code server into `<home>/run`:
    to be called by the one who has the data folder.

    Args:
        checkout: the folder with `workspace.yaml` and `dagster.yaml`.
        home: the data folder.
        port: of the UI on 127.0.0.1.
        environment: what the code and Dagster's storage need to know, such as the URLs of databases.
        overlay: what is laid over `dagster.yaml`.
        more: a workspace with code locations of others. The web server and the daemon each start a server for them.

    Raises:
        ServiceFailedError: a workspace cannot be used.
    """
    home = home.resolve()
    code_port = _free_port()
    (home / "tmp").mkdir(parents=True, exist_ok=True)
    surroundings = {**(environment or {}), "DAGSTER_HOME": str(write_instance(checkout, home, overlay))}
    location = code_location(checkout)
    workspaces = workspace_options(write_workspace(checkout, home, "127.0.0.1", code_port), more)
    if len(str(home / "tmp")) <= _LONGEST_SOCKET_FOLDER:
        surroundings["TMPDIR"] = str(home / "tmp")
    ui, begun_at = f"http://127.0.0.1:{port}", time.time()

    def service(name: str, arguments: list[str], **rest: Any) -> Service:  # noqa: ANN401
        argv = [sys.executable, "-m", *arguments]
        return Service(name=name, argv=argv, environment=surroundings, folder=checkout, **rest)

    def listen(port: int) -> list[str]:
        return ["-h", "127.0.0.1", "-p", str(port)]

    code = ["-m", location["module_name"], "--location-name", location["location_name"]]
    return [
        service(
            "code-server",
            ["dagster", "code-server", "start", *listen(code_port), *code],
            # It listens only after it has loaded the code.
            is_ready=lambda: _listens(code_port),
        ),
        service(
            "webserver",
            ["dagster_webserver", *workspaces, *listen(port)],
            is_ready=lambda: _location_is_loaded(ui, location["location_name"]),
            needs=("code-server",),
        ),
        service(
            "daemon",
            ["dagster._daemon", "run", *workspaces],
            is_ready=lambda: _daemons_have_begun(ui, begun_at),
            needs=("code-server",),
        ),
    ]


def write_instance(checkout: Path, home: Path, overlay: Path | None = None) -> Path:
    """Write Dagster's own settings, `dagster.yaml` with the overlay over it; return their folder, `DAGSTER_HOME`."""
    settings = yaml.safe_load((checkout / "dagster.yaml").read_text("utf-8"))
    if overlay is not None:
        settings = _laid_over(settings, yaml.safe_load(overlay.read_text("utf-8")))
    folder = home.resolve() / "dagster"
    _write(folder / "dagster.yaml", settings)
    return folder


def write_workspace(checkout: Path, home: Path, host: str, port: int) -> Path:
    """Write a workspace that names the code server at this address; return its file."""
    server = {"host": host, "port": port, "location_name": code_location(checkout)["location_name"]}
    file = home.resolve() / "run" / "workspace.yaml"
    _write(file, {"load_from": [{"grpc_server": server}]})
    return file


def workspace_options(ours: Path, more: Path | None) -> list[str]:
    """Return the options by which Dagster's web server and daemon are told of workspaces.

    Args:
        ours: with our code location.
        more: with those of others; None where there are none. What it says of ours does not count.

    Raises:
        ServiceFailedError: there is no such file.
    """
    if more is not None and not more.is_file():
        raise ServiceFailedError(f"{more} is not there; the setting workspace (SWITCHBOARD_WORKSPACE) names it.")
    # Absolute, because services run in the folder of the code. Of two locations of one name Dagster takes the last.
    return [*(["-w", str(more.resolve())] if more else []), "-w", str(ours)]


def _write(file: Path, content: Mapping[str, Any]) -> None:
    """Write a file in one step: services that start together on a data folder write the same."""
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_suffix(f".{os.getpid()}")
    new.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
    new.replace(file)


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        former = merged.get(key)
        both = isinstance(former, dict) and isinstance(value, dict)
        merged[key] = _laid_over(former, value) if both else value  # type: ignore[arg-type]
    return merged


def code_location(checkout: Path) -> dict[str, str]:
    """Return what `workspace.yaml` says of the code: `module_name` and `location_name`.

    Raises:
        ServiceFailedError: it names none, or several.
    """
    file = checkout / "workspace.yaml"
    match yaml.safe_load(file.read_text("utf-8")):
        case {"load_from": [{"python_module": {"module_name": str(), "location_name": str()} as location}]}:
            return dict(location)
    raise ServiceFailedError(f"{file} must name one code location: a python_module with module_name and location_name.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_listens(host: str, port: int, seconds: float) -> None:
    """Wait until somebody listens there.

    Raises:
        ServiceFailedError: nobody does in time.
    """
    deadline = time.monotonic() + seconds
    while not _listens(port, host):
        if time.monotonic() > deadline:
            raise ServiceFailedError(f"Nothing listens at {host}:{port} after {seconds:.0f} s.")
        time.sleep(0.5)


def _listens(port: int, host: str = "127.0.0.1") -> bool:
    try:
        with socket.create_connection((host, port), timeout=2):
            return True
    except OSError:
        return False


def _location_is_loaded(ui: str, name: str) -> bool:
    """Whether our code is there; without it the UI would show an empty deployment at first.

    A fault in the code of others is shown in the UI, and keeps nothing of ours from running.
    """
    data = _ask(ui, _LOCATIONS)
    if data is None:
        return False
    entries = [entry for entry in data["workspaceOrError"].get("locationEntries", []) if entry["name"] == name]
    for entry in entries:
        error = entry["locationOrLoadError"] or {}
        if message := error.get("message"):
            messages = [message, *(cause["message"] for cause in error["causes"])]
            raise ServiceFailedError(f"the code cannot be loaded: {' '.join(messages).strip()}")
    return bool(entries) and all(entry["loadStatus"] == "LOADED" for entry in entries)


def _daemons_have_begun(ui: str, begun_at: float) -> bool:
    """Whether each daemon thread has shown a sign of life; Dagster's "healthy" may be of an earlier one."""
    data = _ask(ui, _DAEMONS)
    if data is None:
        return False
    statuses = data["instance"]["daemonHealth"]["allDaemonStatuses"]
    return all((status["lastHeartbeatTime"] or 0) > begun_at for status in statuses if status["required"])


def _ask(ui: str, question: str) -> dict[str, Any] | None:
    """Return the answer of Dagster's GraphQL, or None while it has none."""
    try:
        answer = httpx.post(f"{ui}/graphql", json={"query": question}, timeout=5, trust_env=False)
        data: dict[str, Any] | None = answer.json().get("data")
    except (httpx.HTTPError, ValueError):
        return None
    return data
