"""Commands `up` and `demo`: everything started, the main job run once, and kept up until Ctrl-C."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import dagster as dg
import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from sqlalchemy import func, select

from assets.backtest.days import lift_over_last
from gateway.invitations import invite
from pipelines.cli.database import warehouse_of, with_database
from pipelines.definitions import build_defs
from pipelines.demo import Demo
from pipelines.housekeeping import close_lost_runs
from pipelines.main_job import MainJobError, count_legs, first_rows, run_main_job, what_was_built
from pipelines.services import (
    AlreadyRunningError,
    Services,
    dagster_services,
    gateway_service,
    listener_service,
    supervised,
)
from pipelines.services.environment import service_environment
from pipelines.services.gateway import SECRETS_FILE, gateway_url, login_url
from pipelines.settings import Settings, load_settings
from resources.warehouse import Warehouse
from resources.warehouse.migrate import migrate
from resources.warehouse.tables import employee_extensions

CHECKOUT = Path(__file__).parents[2]
STEPS = 3
BACKTESTED_DAYS = 30
WIDTHS = {"number": 13, "ext": 3, "share": 5, "why": 22}
NAME_WIDTH = 14

console = Console()


def up() -> None:
    """Start Switchboard on the configured systems: PostgreSQL if embedded, Dagster, and the main job once."""
    with _only_once(load_settings()) as (settings, services):
        _run(settings, services, "switchboard up")


def demo() -> None:
    """Start Switchboard with a simulated MikoPBX and 90 days of believable history."""
    with _only_once(load_settings()) as (settings, services):
        demo = Demo.at(settings.home)
        os.environ.update(demo.environment())
        urls = {name: getattr(settings, name) for name in ("database_url", "dagster_database_url")}
        _run(load_settings().model_copy(update=urls), services, "switchboard demo", demo)


@contextmanager
def _only_once(settings: Settings) -> Iterator[tuple[Settings, Services]]:
    """Have the data folder to ourselves; a second start on it says where the first one is, and ends.

    Yields settings that name a running server; it ends after the services, which write to it until their end.
    """
    try:
        with with_database(settings) as reachable, supervised(settings.home, _ui_url(settings)) as services:
            yield reachable, services
    except AlreadyRunningError as already:
        console.print(str(already), highlight=False)
        raise typer.Exit(0) from None
    except KeyboardInterrupt:
        # Ctrl-C before everything was up; `supervised` has ended what there was.
        raise typer.Exit(130) from None


def _run(settings: Settings, services: Services, name: str, demo: Demo | None = None) -> None:
    environment = service_environment(settings)
    os.environ.update(environment)
    warehouse = warehouse_of(settings)
    with console.status("Bringing the tables up to date"):
        migrate(warehouse)
    dagster = dagster_services(
        CHECKOUT, settings.home, settings.webserver_port, environment, settings.dagster_overlay, settings.workspace
    )
    os.environ["DAGSTER_HOME"] = str(settings.home.resolve() / "dagster")
    with dg.DagsterInstance.get() as instance:
        if not instance.run_launcher.supports_check_run_worker_health:
            # Nothing of ours is running, so whatever still looks so was cut off. Of runs on workers monitoring tells.
            close_lost_runs(instance, timedelta(0))
        services.start([demo.service()] if demo else [])
        services.wait_until_ready()
        ours = gateway_service(settings, CHECKOUT, environment), listener_service(settings.home, CHECKOUT, environment)
        services.start([*dagster, *ours])
        _main_job(settings, warehouse, instance, demo)
    with console.status("Waiting for Dagster's web server, its daemon and the gateway"):
        services.wait_until_ready()
    _show(warehouse)
    secrets_file = settings.home.resolve() / SECRETS_FILE
    console.print(
        f"\nPBXs ask at [bold]{gateway_url(settings)}[/]; token and password stand in {secrets_file}", highlight=False
    )
    if demo:
        console.print("The client card, for a supervisor who sees all calls; the link works once:", highlight=False)
        # As it is: a line broken by the width of the terminal would be no link.
        typer.echo(login_url(settings, _invite_somebody(warehouse, settings)))
    console.print(f"The UI: [bold]{_ui_url(settings)}[/]   ([bold]{name}[/] stays up until Ctrl-C)")
    services.wait()


def _invite_somebody(warehouse: Warehouse, settings: Settings) -> str:
    """Let the employee with the first extension of today log in; return the token of the link."""
    with warehouse.transaction() as connection:
        today = func.date(func.timezone(settings.timezone, func.now()))
        held = func.daterange(employee_extensions.c.valid_from, employee_extensions.c.valid_to).op("@>")(today)
        extension = connection.execute(select(func.min(employee_extensions.c.extension)).where(held)).scalar_one()
        return invite(connection, extension, settings.timezone, hours=24, is_supervisor=True)


def _main_job(settings: Settings, warehouse: Warehouse, instance: dg.DagsterInstance, demo: Demo | None) -> None:
    """Run the main job with a progress display; a source that fails is told and left to the schedules."""
    defs = build_defs(settings)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("The main job", total=STEPS + len(settings.sources) - (demo is None))
        done = threading.Event()

        def watch() -> None:
            while not done.wait(0.5):
                progress.update(task, description=f"{words} ({count_legs(warehouse):,} legs)")

        words = ""

        def step(what: str) -> None:
            nonlocal words
            if words:
                progress.advance(task)
            words = f"The main job: {what}"

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            days = (demo.today - timedelta(days=BACKTESTED_DAYS - 1), demo.today) if demo else None
            run_main_job(defs, instance, list(settings.sources), step, days)
        except MainJobError as error:
            console.print(f"[bold red]{error}[/]\nThe schedules go on trying; see the UI.", highlight=False)
        finally:
            done.set()
            watcher.join()


def _show(warehouse: Warehouse) -> None:
    built = what_was_built(warehouse)
    figures = Table(title="What stands in the warehouse", show_header=False)
    for name, value in (
        ("legs loaded", f"{built.legs:,}"),
        ("calls", f"{built.calls:,}"),
        ("calls with an owner", f"{built.with_owner:.1%}"),
        ("calls of unknown numbers", f"{built.unmatched:.1%}"),
        ("calls of ambiguous numbers", f"{built.ambiguous:.1%}"),
        ("clients in the routing table", f"{built.clients:,}"),
        ("clients with a responsible", f"{built.with_responsible:,}"),
        ("rows in quarantine", f"{built.quarantined:,}"),
    ):
        figures.add_row(name, value)
    console.print(figures)
    columns, rows = first_rows(warehouse)
    table = Table(title="The routing table: who should answer", box=box.SIMPLE, padding=(0, 1, 0, 0))
    for column in columns:
        # Fits eighty columns: names are cut; numbers, shares and reasons are not.
        width = WIDTHS.get(column)
        table.add_column(
            column, no_wrap=True, overflow="ellipsis", min_width=width, max_width=None if width else NAME_WIDTH
        )
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    console.print(table)
    lift = lift_over_last(warehouse)
    if lift.calls:
        console.print(
            f"Backtest, {lift.calls:,} calls from {lift.first_day} to {lift.last_day}: the ranking's first took "
            f"{lift.hits / lift.calls:.1%} of them, whoever talked last {lift.last_hits / lift.calls:.1%}; a lift of "
            f"{100 * lift.lift:+.1f} points.",
            highlight=False,
        )


def _ui_url(settings: Settings) -> str:
    return f"http://127.0.0.1:{settings.webserver_port}"
