"""Commands `pin` and `unpin`: whose client one is by hand, before every other rule."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console

from pipelines.cli.database import warehouse_of, with_database
from pipelines.platform import contact_rules
from pipelines.settings import load_settings

Client = Annotated[str, typer.Argument(help="A party_id, or a number in any notation.")]


def pin(
    client: Client,
    employee: Annotated[str, typer.Argument(help="employee_id of who answers.")],
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d", "%Y-%m-%d %H:%M"], help="First moment no longer, business zone; for good."),
    ] = None,
    note: Annotated[str, typer.Option(help="Why, for people.")] = "",
) -> None:
    """Let an employee answer a client, whatever the ranking says; it holds with the next call."""
    from assets.eligibility import pins

    with with_database(load_settings()) as settings, warehouse_of(settings).transaction() as connection:
        ends_at = until.replace(tzinfo=settings.zone) if until else None
        said = pins.pin(connection, client, employee, contact_rules(settings), until=ends_at, note=note)
    Console().print(f"{said} is answered by {employee}{f' until {ends_at:%Y-%m-%d %H:%M}' if ends_at else ''}.",
                    highlight=False)  # fmt: skip


def unpin(client: Client) -> None:
    """Take back what 'pin' set; the other rules decide again."""
    from assets.eligibility import pins

    with with_database(load_settings()) as settings, warehouse_of(settings).transaction() as connection:
        said = pins.unpin(connection, client, contact_rules(settings))
    Console().print(f"{said}: the other rules decide again.", highlight=False)
