"""Owners of the touched calls: number recognised, owner as of the call's start, only changes written."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import date

from sqlalchemy import Connection

from assets.contacts.numbers import remember_numbers
from assets.history.calls import lock_calls
from resources.warehouse.statements import run

PACKAGE = "assets.enrichment"

Regions = Mapping[str, str]
"""pbx_id to the ISO country of its numbers without a country code; '' stands for all others."""


def enrich_touched_calls(connection: Connection, regions: Regions, internal_digits: int = 4) -> int:
    """Bring `enriched_calls` in line with history and owners for the calls in `touched_calls`.

    Args:
        connection: inside a transaction, with `touched_calls` filled.
        regions: which country's notation each server's numbers are in.
        internal_digits: longest number that is an internal one.

    Returns:
        How many rows were written.
    """
    lock_calls(connection)
    values = {"regions": json.dumps(dict(regions))}
    unknown: dict[str, list[str]] = defaultdict(list)
    for raw, region in run(connection, PACKAGE, "select_new_numbers", values):
        unknown[region].append(raw)
    for region, numbers in unknown.items():
        remember_numbers(connection, numbers, region, internal_digits)
    return int(run(connection, PACKAGE, "enrich_calls", values).scalar_one())


def count_stale_owners(connection: Connection, first_day: date, last_day: date, regions: Regions) -> tuple[int, int]:
    """Look, without writing, how many calls of these days bear another owner than the tables say now.

    Returns:
        (calls looked at, calls whose stored owner is out of date).
    """
    values = {"first_day": first_day, "last_day": last_day, "regions": json.dumps(dict(regions))}
    row = run(connection, PACKAGE, "count_stale_owners", values).one()
    return int(row.calls), int(row.stale)
