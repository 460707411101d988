"""Command `backtest`: which settings of the ranking would have named whoever then took the call."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table

from assets.backtest.events import HistoryFileError, read_calls, read_csv, start_after
from assets.backtest.measures import Measures, choose, continuity, measure, name_responsible
from assets.backtest.replay import LeakageError, replay
from assets.routing.rules import RoutingRules
from pipelines.cli.database import warehouse_of, with_database
from pipelines.platform import routing_rules
from pipelines.settings import load_settings

if TYPE_CHECKING:
    import pandas as pd

WARM_UP = 0.2


def backtest(
    half_life: Annotated[
        str | None, typer.Option(help="Half-lives to compare, in days: 30,90,180. The configured one without it.")
    ] = None,
    smallest_share: Annotated[
        str | None,
        typer.Option(
            help="Shares to compare, from which somebody is responsible: 0.35,0.45. As configured without it."
        ),
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="Test on a CSV file (at,client,employee; .gz too) instead of our calls."
        ),
    ] = None,
    warm_up: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=0.99,
            help="Share of the events that is only learned from; 0.2, or 0 with --from.",
            show_default=False,
        ),
    ] = None,
    min_gap_days: Annotated[
        float, typer.Option(min=0, help="Only calls so long after the client's latest interaction.")
    ] = 0,
    since: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First business day that is tested.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First business day that no longer is.")
    ] = None,
) -> None:
    """Replay the history and tell how often the ranking would have named whoever took the call, by settings."""
    half_lives, shares = _numbers("--half-life", half_life), _numbers("--smallest-share", smallest_share)
    if any(days <= 0 for days in half_lives):
        raise typer.BadParameter("A half-life is more than 0 days.", param_hint="--half-life")
    if any(not 0 <= share <= 1 for share in shares):
        raise typer.BadParameter("A share lies between 0 and 1.", param_hint="--smallest-share")
    settings = load_settings()
    rules, zone = routing_rules(settings), ZoneInfo(settings.timezone)
    start_at, end_at = (day.replace(tzinfo=zone) if day else None for day in (since, until))
    try:
        if csv is not None:
            events = read_csv(csv)
            # A file tells of no talk, and every row in it counts alike: one is evidence enough.
            rules = replace(rules, fewest_interactions=1)
        else:
            with with_database(settings) as running:
                events = read_calls(warehouse_of(running), settings.timezone)
        learned_at = start_after(events, (0 if since else WARM_UP) if warm_up is None else warm_up)
        if learned_at is not None:
            start_at = max(start_at, learned_at) if start_at else learned_at
        tried = [
            replace(rules, half_life_days=days, smallest_share=share)
            for days, share in product(half_lives or [rules.half_life_days], shares or [rules.smallest_share])
        ]
        results = _try(events, tried, start_at, end_at, min_gap_days)
    except (HistoryFileError, LeakageError) as error:
        Console(stderr=True).print(f"[bold red]The backtest failed[/]: {error}", highlight=False)
        raise typer.Exit(1) from None
    if not results[0].calls:
        Console().print("There are no calls to test: load calls, or choose other days or a shorter warm-up.")
        raise typer.Exit(1)
    _show(tried, results)
    _show_continuity(continuity(events))


def _try(
    events: pd.DataFrame,
    tried: Sequence[RoutingRules],
    start_at: datetime | None,
    end_at: datetime | None,
    min_gap_days: float,
) -> list[Measures]:
    # The share only decides who is named afterwards: one replay serves all shares of a half-life.
    replays: dict[float, pd.DataFrame] = {}
    for rules in tried:
        if rules.half_life_days not in replays:
            replays[rules.half_life_days] = choose(
                replay(events, rules), start_at=start_at, end_at=end_at, min_gap_days=min_gap_days
            )
    return [measure(name_responsible(replays[rules.half_life_days], rules.smallest_share)) for rules in tried]


def _show(tried: Sequence[RoutingRules], results: Sequence[Measures]) -> None:
    same = results[0]
    table = Table(title=f"{same.calls} calls, {_percent(same.ranked)} % with a history; all in %")
    for name in ("", "hit@1", "hit@3", "MRR", "coverage", "precision", "lift over last", "lift where named"):
        table.add_column(name, justify="left" if not name else "right")
    for rules, found in zip(tried, results, strict=True):
        table.add_row(
            f"half-life {rules.half_life_days:g} d, share {rules.smallest_share:g}",
            *map(_percent, (found.hit_1, found.hit_3, found.mrr, found.coverage, found.precision)),
            *map(_signed, (found.lift_over_last, found.lift_where_named)),
        )
    table.add_section()
    for name, rate in (("last talker", same.last), ("most frequent", same.frequent), ("CRM owner", same.owner)):
        table.add_row(name, _percent(rate), "", "", "", "", _signed(rate - same.last), "")
    Console().print(table, highlight=False)


def _show_continuity(teams: pd.DataFrame) -> None:
    table = Table(title="Continuity of clients with two interactions or more, in %")
    for name in ("team", "clients", "interactions", "SECON", "UPC", "COC"):
        table.add_column(name, justify="left" if name == "team" else "right")
    for team in teams.to_dict("records"):
        rates = map(_percent, (team["secon"], team["upc"], team["coc"]))
        table.add_row(team["team"] or "-", str(team["clients"]), str(team["interactions"]), *rates)
    if table.rows:
        Console().print(table, highlight=False)


def _numbers(option: str, given: str | None) -> list[float]:
    if given is None:
        return []
    try:
        numbers = [float(part) for part in given.split(",")]
    except ValueError:
        numbers = [math.nan]
    if not all(map(math.isfinite, numbers)):
        raise typer.BadParameter(f"'{given}' is no list of numbers such as 30,90,180.", param_hint=option)
    return numbers


def _percent(rate: float) -> str:
    return "-" if math.isnan(rate) else f"{100 * rate:.1f}"


def _signed(lift: float) -> str:
    return "-" if math.isnan(lift) else f"{100 * lift:+.1f}"
