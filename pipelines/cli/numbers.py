"""Commands on numbers: whose one is and was (`owner`), whose it is by hand (`assign`), and which to review."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, select

from assets.contacts.numbers import parse_number
from assets.contacts.ownership import owners_as_known
from pipelines.cli.database import warehouse_of, with_database
from pipelines.platform import contact_rules
from pipelines.settings import load_settings
from resources.warehouse.statements import run
from resources.warehouse.tables import crm_parties


def assign(
    number: Annotated[str | None, typer.Argument(help="The number, in any notation.")] = None,
    party: Annotated[str | None, typer.Argument(help="party_id of the client whose it is.")] = None,
    contact: Annotated[str, typer.Option(help="contact_id of the client's contact.")] = "",
    nobody: Annotated[bool, typer.Option("--nobody", help="The number is nobody's, whatever the cards say.")] = False,
    since: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First business day; now without it.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First business day no longer; for good without it.")
    ] = None,
    retroactive: Annotated[bool, typer.Option("--retroactive", help="It was so from the beginning of time.")] = False,
    revoke: Annotated[
        bool, typer.Option("--revoke", help="Take back what was assigned; the cards decide again.")
    ] = False,
    note: Annotated[str, typer.Option(help="Why, for people.")] = "",
    file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Assign all numbers of a CSV file instead.")
    ] = None,
) -> None:
    """Say by hand whose a number is; it wins over every card, and its calls are linked anew within two minutes."""
    from assets.contacts import overrides

    if file is not None and number is not None:
        raise typer.BadParameter("Give a number or a file, not both.")
    if file is None and number is None:
        raise typer.BadParameter("Give a number and a client, or --file.")
    if number is not None and sum((party is not None, nobody, revoke)) != 1:
        raise typer.BadParameter("Give one of: a client's party_id, --nobody, --revoke.")
    with with_database(load_settings()) as settings:
        rules = contact_rules(settings)
        with warehouse_of(settings).transaction() as connection:
            if file is not None:
                from resources.contacts.number_files import read_overrides_csv

                done = overrides.assign_all(connection, read_overrides_csv(file), rules)
                Console().print(f"{done.recorded} assignments recorded, {done.refused} rows quarantined.")
            elif revoke:
                said = overrides.revoke(connection, str(number), rules, is_retroactive=retroactive)
                Console().print(f"{said}: the cards decide again.", highlight=False)
            else:
                said = overrides.assign(
                    connection,
                    str(number),
                    party,
                    rules,
                    contact_id=contact,
                    from_day=since.date() if since else None,
                    until_day=until.date() if until else None,
                    is_retroactive=retroactive,
                    note=note,
                )
                Console().print(f"{said} is {party or 'nobody'}'s.", highlight=False)


def owner(
    number: Annotated[str, typer.Argument(help="The number, in any notation.")],
    known_at: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"],
            help="What was believed at that moment, business zone; now without it.",
        ),
    ] = None,
) -> None:
    """Tell whose a number is and was, how it is known, and what was believed at a moment."""
    with with_database(load_settings()) as settings:
        form = parse_number(number, settings.country, settings.internal_digits)
        if form.number is None:
            Console().print(f"This is no subscriber number but {form.kind}.")
            raise typer.Exit(1)
        zone = ZoneInfo(settings.timezone)
        moment = known_at.replace(tzinfo=zone) if known_at else datetime.now(UTC)
        with warehouse_of(settings).transaction() as connection:
            rows = owners_as_known(connection, [form.number], settings.matching.as_rules(), moment)
            names = _names(connection, {party for row in rows for party in row.candidates})
        table = Table("from", "until", "whose", "contact", "known by", title=form.number)
        for row in rows:
            whose = "; ".join(f"{names.get(party, party)} ({party})" for party in row.candidates) or "nobody"
            mark = " - ambiguous" if row.ambiguous else " - shared" if row.is_shared else ""
            table.add_row(
                _shown(row.valid_from, zone, "the beginning"),
                _shown(row.valid_to, zone, "still"),
                whose + mark,
                row.contact_id or "",
                row.rung,
            )
        Console().print(table if rows else f"{form.number}: nobody's.", highlight=False)


def review(rows: Annotated[int, typer.Option(help="How many at most.")] = 50) -> None:
    """List the numbers somebody should decide about: of several clients, or an employee's on a client's card."""
    with with_database(load_settings()) as settings:
        table = Table("number", "why", "calls, 30 days", "last call", "clients", title="To review")
        zone = ZoneInfo(settings.timezone)
        with warehouse_of(settings).transaction() as connection:
            found = run(connection, "assets.contacts", "select_numbers_to_review", {"rows": rows}).all()
        for row in found:
            table.add_row(row.number, row.why, str(row.calls_30_days), _shown(row.last_at, zone, ""), row.clients)
        Console().print(table if table.rows else "Nothing to review.")


def _names(connection: Connection, parties: set[str]) -> dict[str, str]:
    query = select(crm_parties.c.party_id, crm_parties.c.name).where(crm_parties.c.party_id.in_(parties))
    return {row.party_id: row.name for row in connection.execute(query)}


def _shown(moment: datetime | None, zone: ZoneInfo, otherwise: str) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}" if moment else otherwise
