"""Command `explain`: why a number is answered as it is."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table

from assets.contacts.numbers import parse_number
from assets.routing.explain import Explanation, explain_answer
from pipelines.cli.database import warehouse_of, with_database
from pipelines.platform import routing_rules
from pipelines.settings import load_settings

SHOWN_CONTRIBUTIONS = 10


def explain(
    number: Annotated[str, typer.Argument(help="The number, in any notation.")],
    at: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"], help="When it calls, business zone; now without."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, as JSON.")] = False,
) -> None:
    """Tell who answers a number and why: the ranking, each call behind it, and why not somebody else."""
    with with_database(load_settings()) as settings:
        form = parse_number(number, settings.country, settings.internal_digits)
        moment = at.replace(tzinfo=settings.zone) if at else None
        with warehouse_of(settings).transaction() as connection:
            asked = form.number or form.national_number or number
            found = explain_answer(connection, asked, routing_rules(settings), settings.timezone, moment)
        if as_json:
            typer.echo(json.dumps(found.as_json(), ensure_ascii=False, indent=2))
        else:
            _show(found, settings.zone)


def _show(found: Explanation, zone: ZoneInfo) -> None:
    console = Console()
    answer = found.answer
    who = f"{answer['employee_name']} ({answer['extension']})" if answer["employee_id"] else "the queue"
    console.print(f"[bold]{found.number}[/]: {found.client_name or 'nobody knows this number'}", highlight=False)
    stale = ", stale" if answer["is_stale"] else ""
    console.print(
        f"Answered by {who}, by the rule '{answer['reason']}'; table version {answer['version']}{stale}.",
        highlight=False,
    )
    for note in found.notes:
        console.print(f"[yellow]{note}[/]", highlight=False)
    ranking = Table("rank", "employee", "ext", "score", "share", "rule", "why not")
    for each in found.candidates:
        ranking.add_row(
            str(each.rank or ""),
            each.name,
            each.extension or "",
            f"{each.score:.3f}",
            f"{each.share:.0%}",
            each.reason,
            each.why_not,
        )
    console.print(ranking)
    for each in found.candidates:
        if not each.contributions:
            continue
        evidence = Table("when", "what", "talk", "role", "weight", "decay", "points", title=f"{each.name}")
        for one in each.contributions[:SHOWN_CONTRIBUTIONS]:
            evidence.add_row(
                one.at.astimezone(zone).strftime("%Y-%m-%d %H:%M"),
                f"{one.kind} {one.direction} {one.source_key}",
                f"{one.talk_seconds} s" if one.talk_seconds else "",
                one.role,
                f"{one.weight:.3f}",
                f"{one.decay:.3f}",
                f"{one.points:.3f}",
            )
        left = each.contributions[SHOWN_CONTRIBUTIONS:]
        if left:
            points = sum(one.points for one in left)
            evidence.add_row("", f"{len(left)} more; see --json", "", "", "", "", f"{points:.3f}")
        evidence.add_row("", "[bold]sum[/]", "", "", "", "", f"[bold]{each.score:.3f}[/]")
        console.print(evidence)
