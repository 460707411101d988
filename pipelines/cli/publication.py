"""Commands `rollback` and `release`: a former routing table answers again, and back."""

from __future__ import annotations

from typing import Annotated

import typer

from assets.routing import publish
from pipelines.cli.database import warehouse_of, with_database
from pipelines.settings import load_settings


def rollback(
    to: Annotated[int | None, typer.Option(help="Version to go back to; the one before without it.")] = None,
    reason: Annotated[str, typer.Option(help="Why, for people.")] = "",
) -> None:
    """Let a former routing table answer again, at once; nothing else goes live until 'switchboard release'."""
    with with_database(load_settings()) as settings:
        done = publish.roll_back(warehouse_of(settings), settings.publication_rules, reason, to)
    former, version, diff = done
    typer.echo(
        f"Version {version} answers in place of {former}: {diff.changed} clients have another responsible, "
        f"{diff.lost} none any more, {diff.gained} one again. It is held until 'switchboard release'."
    )


def release() -> None:
    """Let routing tables go live by themselves again, after a rollback."""
    with with_database(load_settings()) as settings:
        version = publish.release(warehouse_of(settings))
    typer.echo(f"Released. Version {version} answers until the next update publishes the newest.")
