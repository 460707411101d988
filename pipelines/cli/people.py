"""Commands `invite`, `password` and `uninvite`: who may open the gateway's pages."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console

from pipelines.cli.database import warehouse_of, with_database
from pipelines.settings import load_settings

Employee = Annotated[str, typer.Argument(help="An employee_id, or the extension the employee holds today.")]


def invite(
    employee: Employee,
    supervisor: Annotated[
        bool | None,
        typer.Option("--supervisor/--no-supervisor", help="Sees everybody's calls; as before without it, at first no."),
    ] = None,
    hours: Annotated[float, typer.Option(min=0.1, max=24 * 30, help="How long the link is good.")] = 24,
) -> None:
    """Let an employee open the client card: prints a link that logs one browser in, once."""
    from gateway.invitations import invite as make_link
    from pipelines.services.gateway import login_url

    with with_database(load_settings()) as settings, warehouse_of(settings).transaction() as connection:
        token = make_link(connection, employee, settings.timezone, hours=hours, is_supervisor=supervisor)
        # As it is: a line broken by the width of the terminal would be no link.
        typer.echo(login_url(settings, token))


def password(
    employee: Employee,
    stdin: Annotated[bool, typer.Option("--stdin", help="Read it from the first line of the input.")] = False,
) -> None:
    """Set the password by which an employee logs in; browsers that are logged in are logged out."""
    from gateway.invitations import set_password

    if stdin:
        chosen = sys.stdin.readline().rstrip("\r\n")
    else:
        chosen = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    with with_database(load_settings()) as settings, warehouse_of(settings).transaction() as connection:
        employee_id = set_password(connection, employee, settings.timezone, chosen)
    Console().print(f"{employee_id} logs in by this password.", highlight=False)


def uninvite(employee: Employee) -> None:
    """Let an employee open the client card no longer; browsers that are logged in are logged out."""
    from gateway.invitations import uninvite as end_login

    with with_database(load_settings()) as settings, warehouse_of(settings).transaction() as connection:
        employee_id = end_login(connection, employee, settings.timezone)
    Console().print(f"{employee_id} cannot log in any more.", highlight=False)
