"""The command line `switchboard`: one module per group of commands; the work itself is done elsewhere."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from assets.contacts.errors import OverrideError
from assets.eligibility.pins import PinError
from assets.routing.publish import PublicationError
from pipelines.cli.backtest import backtest
from pipelines.cli.database import migrate, sql
from pipelines.cli.doctor import doctor
from pipelines.cli.import_cdr import import_cdr
from pipelines.cli.instance import demo, up
from pipelines.cli.numbers import assign, owner, review
from pipelines.cli.pins import pin, unpin
from pipelines.cli.routing import explain, release, rollback
from pipelines.settings import SettingsError
from pipelines.tracked import TrackedFileError
from resources.contacts.errors import ContactFileError
from resources.postgres import EmbeddedPostgresError
from resources.telephony.source import SourceError
from resources.warehouse import WarehouseBusyError
from resources.warehouse.migrate import WarehouseUnfitError

app = typer.Typer(
    name="switchboard",
    help="A Dagster data platform for business telephony: from a PBX's call history to a routing table.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
for command in (
    demo,
    up,
    doctor,
    import_cdr,
    migrate,
    sql,
    owner,
    assign,
    review,
    explain,
    pin,
    unpin,
    rollback,
    release,
    backtest,
):
    app.command()(command)

EXPECTED_ERRORS = (
    SettingsError,
    SourceError,
    WarehouseBusyError,
    WarehouseUnfitError,
    EmbeddedPostgresError,
    OverrideError,
    ContactFileError,
    PinError,
    PublicationError,
    TrackedFileError,
)
"""Errors whose text already says what happened and what to do: shown without a traceback."""


def main() -> None:
    """Run the command line; an expected error ends it with its text and exit code 1."""
    try:
        app()
    except EXPECTED_ERRORS as error:
        Console(stderr=True).print(f"[bold red]{type(error).__name__}[/]: {error}", markup=True, highlight=False)
        sys.exit(1)
