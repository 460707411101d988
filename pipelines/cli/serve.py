"""Command `serve`: one service as this process, for installations on several machines.

`up` starts and watches all services of one machine. Here systemd, a container or Kubernetes watches each.
"""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from pipelines.services.dagster import (
    code_location,
    wait_until_listens,
    workspace_options,
    write_instance,
    write_workspace,
)
from pipelines.services.environment import service_environment
from pipelines.settings import Settings, SettingsError, load_settings

CHECKOUT = Path(__file__).parents[2]
CODE_SERVER_PORT = 4000
CODE_SERVER_SECONDS = 120
"""How long the code server is waited for: a daemon that starts before it gives backfills up that are under way."""


class ServiceName(StrEnum):
    """What can be served."""

    code_server = "code-server"
    webserver = "webserver"
    daemon = "daemon"
    worker = "worker"
    gateway = "gateway"
    listener = "listener"


def serve(
    service: Annotated[ServiceName, typer.Argument(help="Which one.")],
    host: Annotated[
        str, typer.Option(help="Where the code server or the web server listens; neither asks for a log-in.")
    ] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(help="Its port; 4000 and the setting webserver_port by default.")] = None,
    code_server: Annotated[
        str, typer.Option(help="Where the web server and the daemon find the code server, HOST:PORT.")
    ] = f"127.0.0.1:{CODE_SERVER_PORT}",
    runs: Annotated[int, typer.Option(help="How many runs a worker executes at once.", min=1)] = 2,
) -> None:
    """Be one of the services, until SIGTERM: for installations on several machines."""
    settings = load_settings()
    environment = service_environment(settings)
    home = write_instance(CHECKOUT, settings.home, settings.dagster_overlay)
    location = code_location(CHECKOUT)

    def workspaces() -> list[str]:
        address, code_port = address_of(code_server)
        wait_until_listens(address, code_port, CODE_SERVER_SECONDS)
        return workspace_options(write_workspace(CHECKOUT, settings.home, address, code_port), settings.workspace)

    def listen(default: int) -> list[str]:
        return ["-h", host, "-p", str(port or default)]

    match service:
        case ServiceName.code_server:
            code = ["-m", location["module_name"], "--location-name", location["location_name"]]
            arguments = ["dagster", "api", "grpc", *listen(CODE_SERVER_PORT), *code]
        case ServiceName.webserver:
            arguments = ["dagster_webserver", *workspaces(), *listen(settings.webserver_port)]
        case ServiceName.daemon:
            arguments = ["dagster._daemon", "run", *workspaces()]
        case ServiceName.worker:
            _check_workers(settings)
            arguments = ["pipelines.workers", str(runs)]
        case ServiceName.gateway:
            arguments = ["pipelines.gateway_process"]
        case ServiceName.listener:
            arguments = ["pipelines.listener_process"]
    os.chdir(CHECKOUT)
    # The process itself, not a child: whoever watches over it signals the service.
    os.execve(  # noqa: S606
        sys.executable,
        [sys.executable, "-m", *arguments],
        {**os.environ, **environment, "DAGSTER_HOME": str(home)},
    )


def address_of(code_server: str) -> tuple[str, int]:
    """Return host and port of `HOST:PORT`; an IPv6 address stands in brackets.

    Raises:
        SettingsError: it is no such address.
    """
    host, _, port = code_server.rpartition(":")
    if not host or not port.isdecimal():
        raise SettingsError(f"--code-server names no host and port: {code_server} (for example dagster-code:4000)")
    return host.strip("[]"), int(port)


def _check_workers(settings: Settings) -> None:
    """Tell in plain words what a worker lacks.

    Raises:
        SettingsError: it has no use here.
    """
    if find_spec("dagster_celery") is None:
        raise SettingsError("A worker needs Celery: pip install -c constraints.txt -e '.[celery]'")
    if settings.dagster_overlay is None:
        raise SettingsError(
            "Runs are not launched on workers: set SWITCHBOARD_DAGSTER_OVERLAY to deploy/dagster.celery.yaml, here and "
            "where the daemon and the web server run."
        )
