"""Owners of the touched calls: number recognised, owner as of the call's start, only changes written."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from assets.contacts.numbers import remember_numbers
from assets.contacts.rules import MatchingRules
from assets.history.calls import lock_calls
from resources.warehouse.statements import run

PACKAGE = "assets.enrichment"


@dataclass(frozen=True)
class NumberRules:
    """How the numbers of calls are read and matched.

    Attributes:
        regions: pbx_id to the ISO country of its numbers without a country code; '' stands for all others.
        internal_digits: longest number that is an internal one.
        matching: how far the search for an owner goes.
    """

    regions: Mapping[str, str] = field(default_factory=lambda: {"": "RU"})
    internal_digits: int = 4
    matching: MatchingRules = field(default_factory=MatchingRules)

    @property
    def values(self) -> dict[str, Any]:
        """What the statements take."""
        return {"regions": json.dumps(dict(self.regions)), "tail_digits": self.matching.tail_digits}


def enrich_touched_calls(connection: Connection, rules: NumberRules, as_of: datetime | None = None) -> int:
    """Bring `enriched_calls` in line with history and owners for the calls in `touched_calls`.

    Args:
        connection: inside a transaction, with `touched_calls` filled.
        rules: see there.
        as_of: whose the numbers were at that moment; None is at the start of each call.

    Returns:
        How many rows were written.
    """
    lock_calls(connection)
    values = rules.values
    unknown: dict[str, list[str]] = defaultdict(list)
    for raw, region in run(connection, PACKAGE, "select_new_numbers", {"regions": values["regions"]}):
        unknown[region].append(raw)
    for region, numbers in unknown.items():
        remember_numbers(connection, numbers, region, rules.internal_digits)
    run(connection, PACKAGE, "learn_own_lines", {"regions": values["regions"]})
    return int(run(connection, PACKAGE, "enrich_calls", {**values, "as_of": as_of}).scalar_one())


def count_waiting_calls(connection: Connection, first_day: date, last_day: date, rules: NumberRules) -> tuple[int, int]:
    """Look, without writing, how many calls of these days wait to be looked up, or for another owner.

    Only calls not looked up yet and those of numbers in the queue are compared: a call that bears a number in another
    notation, or only its end, is found when the queue is worked on.

    Returns:
        (calls of the days, calls that wait).
    """
    values = {"first_day": first_day, "last_day": last_day, **rules.values}
    row = run(connection, PACKAGE, "count_waiting_calls", values).one()
    return int(row.calls), int(row.waiting)


def count_stale_owners(connection: Connection, first_day: date, last_day: date, rules: NumberRules) -> tuple[int, int]:
    """Look, without writing, how many calls of these days bear another owner than the tables say now.

    Returns:
        (calls looked at, calls whose stored owner is out of date).
    """
    values = {"first_day": first_day, "last_day": last_day, **rules.values}
    row = run(connection, PACKAGE, "count_stale_owners", values).one()
    return int(row.calls), int(row.stale)
