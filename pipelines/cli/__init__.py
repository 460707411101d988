"""The command line `switchboard`: one module per group of commands; the work itself is done elsewhere.

Only the module of the command that was asked for is imported: a rollback must not wait for Dagster.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import import_module

import typer

COMMANDS = {
    "demo": "instance",
    "up": "instance",
    "serve": "serve",
    "doctor": "doctor",
    "import-cdr": "import_cdr",
    "migrate": "database",
    "sql": "database",
    "owner": "numbers",
    "assign": "numbers",
    "review": "numbers",
    "explain": "explain",
    "pin": "pins",
    "unpin": "pins",
    "invite": "people",
    "password": "people",
    "uninvite": "people",
    "rollback": "publication",
    "release": "publication",
    "backtest": "backtest",
}
"""Every command, and the module of this package that has its function."""


def make_app(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """Return the command line with these commands."""
    app = typer.Typer(
        name="switchboard",
        help="A Dagster data platform for business telephony: from a PBX's call history to a routing table.",
        no_args_is_help=True,
        pretty_exceptions_show_locals=False,
    )
    # Without it a command line of one command would not take that command's name.
    app.callback()(lambda: None)
    for name in names:
        module = import_module(f"pipelines.cli.{COMMANDS[name]}")
        app.command(name)(getattr(module, name.replace("-", "_")))
    return app


def main() -> None:
    """Run the command line; an expected error ends it with its text and exit code 1."""
    asked = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        make_app([asked] if asked in COMMANDS else COMMANDS)()
    except Exception as error:
        if not isinstance(error, expected_errors()):
            raise
        from rich.console import Console

        Console(stderr=True).print(f"[bold red]{type(error).__name__}[/]: {error}", markup=True, highlight=False)
        sys.exit(1)


def expected_errors() -> tuple[type[Exception], ...]:
    """Return the errors whose text already says what happened and what to do: shown without a traceback."""
    from assets.contacts.errors import OverrideError
    from assets.eligibility.errors import PinError
    from assets.routing.publish import PublicationError
    from gateway.errors import LoginError
    from pipelines.services.service import ServiceFailedError
    from pipelines.settings import SettingsError
    from pipelines.tracked import TrackedFileError
    from resources.contacts.errors import ContactFileError
    from resources.postgres import EmbeddedPostgresError
    from resources.telephony.source import SourceError
    from resources.warehouse import WarehouseBusyError
    from resources.warehouse.migrate import WarehouseUnfitError

    return (
        SettingsError,
        ServiceFailedError,
        SourceError,
        WarehouseBusyError,
        WarehouseUnfitError,
        EmbeddedPostgresError,
        OverrideError,
        ContactFileError,
        PinError,
        LoginError,
        PublicationError,
        TrackedFileError,
    )
