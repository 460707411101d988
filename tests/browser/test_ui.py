"""The Dagster UI as people use it: lineage, a schedule off and on, materialising, backfills, a run that failed."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import text

from tests.fix_browser import RunningSwitchboard
from tests.fix_simulators import ServedPbx
from tests.rows import CLIENT, MOSCOW, leg, select, snapshot

pytestmark = pytest.mark.timeout(700)

DAILY = ("call_legs", "call_history", "enriched_calls")
PARTITIONS = """
query($path: [String!]!) { assetNodeOrError(assetKey: {path: $path}) { ... on AssetNode {
    assetPartitionStatuses { ... on TimePartitionStatuses { ranges { startKey endKey status } } } } } }
"""
SCHEDULE = """
query($name: String!) { scheduleOrError(scheduleSelector: {
    repositoryLocationName: "telephony", repositoryName: "__repository__", scheduleName: $name
}) { ... on Schedule { scheduleState { status } } } }
"""
FAILED = """
query { runsOrError(filter: {statuses: [FAILURE]}) { ... on Runs { results { runId } } } }
"""
LAST_TICKING_HOUR = 23
WIPE = """
mutation($path: [String!]!) { wipeAssets(assetPartitionRanges: [{assetKey: {path: $path}}]) { __typename } }
"""


def wait_for(what: Callable[[], Any], seconds: float = 90) -> Any:  # noqa: ANN401
    """Return what a look gives once it gives something."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.3)
    return found


def materialised_days(running: RunningSwitchboard, asset: str) -> list[dict[str, str]]:
    answer = running.ask(PARTITIONS, path=[asset])
    return [
        part
        for part in answer["assetNodeOrError"]["assetPartitionStatuses"]["ranges"]
        if part["status"] == "MATERIALIZED"
    ]


def backfill(page: Page, running: RunningSwitchboard, asset: str, first: date, last: date) -> None:
    """Materialise days of an asset from its partitions dialog."""
    page.goto(f"{running.url}/assets/{asset}")
    page.get_by_role("button", name="Materialize").first.click()
    days = page.get_by_placeholder("No matching partitions")
    days.fill(f"[{first}...{last}]" if first != last else f"{first}")
    days.press("Enter")
    count = (last - first).days + 1
    expect(page.get_by_text(f"{count} partition{'s' if count > 1 else ''}").first).to_be_visible()
    page.get_by_role("button", name="Launch").last.click()


def click_until(switch: Locator, is_done: Callable[[], bool]) -> None:
    """Click a switch, and again where the click went nowhere: while the page loads, rows are drawn anew."""
    switch.click()
    with suppress(AssertionError):
        wait_for(is_done, seconds=20)
    if not is_done():
        switch.click()
    wait_for(is_done)


def test_a_person_follows_lineage_switches_a_schedule_backfills_and_reads_why_a_run_failed(
    simulated_pbx: Callable[..., ServedPbx], start_switchboard: Callable[..., RunningSwitchboard], page: Page
) -> None:
    """One long visit, because an instance takes half a minute to start."""
    served = simulated_pbx()
    today = datetime.now(MOSCOW).replace(hour=0, minute=0, second=0, microsecond=0)
    served.pbx.store.finalise(
        leg(f"c{day}-{call}", today - timedelta(days=day) + timedelta(hours=9, minutes=call), CLIENT, "201", talk=20)
        for day in range(40, 0, -1)
        for call in range(5)
    )
    # Ticks each minute, whatever the hour: what switching on brings is seen soon.
    hours = {"WINDOW_START": "00:00", "WINDOW_END": "23:00", "CALL_HISTORY_LOAD_SECONDS": "60"}
    running = start_switchboard(served, **{f"SWITCHBOARD_SCHEDULES__{name}": value for name, value in hours.items()})
    warehouse = running.warehouse
    assert select(warehouse, "SELECT count(*) FROM call_history") == [(200,)]

    page.goto(f"{running.url}/asset-groups")
    for group in ("contacts", "history", "enrichment", "routing"):
        expect(page.get_by_text(group, exact=True).first).to_be_visible()
    page.goto(f"{running.url}/assets/routing_table?view=lineage&lineageScope=upstream")
    page.get_by_role("button", name="All", exact=True).click()
    # The graph shortens long names in the middle.
    for asset in ("call_legs", "call_history", "enriched_calls", "trac.*_interactions", "participation"):
        expect(page.get_by_text(re.compile(f"^{asset}$")).first).to_be_visible()

    page.goto(f"{running.url}/automation")
    row = page.locator('[class*="ListItem_listItem"]').filter(
        has=page.locator('a[href*="/schedules/call_history_load"]')
    )
    switch = row.locator('label[class*="formatSwitch"]:not([class*="disabled"])')

    def is_stopped() -> bool:
        found = running.ask(SCHEDULE, name="call_history_load")["scheduleOrError"]["scheduleState"]["status"]
        return bool(found == "STOPPED")

    click_until(switch, is_stopped)
    served.pbx.store.finalise([leg("new", today + timedelta(minutes=1), CLIENT, "201", talk=20)])

    page.goto(f"{running.url}/assets/participation")
    before = select(warehouse, "SELECT count(*) FROM participation")
    with warehouse.transaction() as connection:
        connection.execute(text("DELETE FROM participation"))
    page.get_by_role("button", name="Materialize").first.click()
    wait_for(lambda: select(warehouse, "SELECT count(*) FROM participation") == before)

    complete = snapshot(warehouse)
    first, last = (today - timedelta(days=14)).date(), (today - timedelta(days=8)).date()
    for asset in DAILY:
        running.ask(WIPE, path=[asset])
        assert materialised_days(running, asset) == []
        with warehouse.transaction() as connection:
            week = {"first": first, "last": last}
            connection.execute(text(f"DELETE FROM {asset} WHERE call_day BETWEEN :first AND :last"), week)  # noqa: S608
    assert select(warehouse, "SELECT count(*) FROM call_history") == [(165,)]
    backfill(page, running, "call_legs", first, last)
    # The days turn green one by one, as the run's events come in.
    week_is_done = [{"startKey": first.isoformat(), "endKey": last.isoformat(), "status": "MATERIALIZED"}]
    wait_for(lambda: materialised_days(running, "call_legs") == week_is_done, seconds=150)
    assert snapshot(warehouse) == complete

    first, last = (today - timedelta(days=38)).date(), (today - timedelta(days=8)).date()
    with warehouse.transaction() as connection:
        connection.execute(
            text("DELETE FROM call_history WHERE call_day BETWEEN :first AND :last"), {"first": first, "last": last}
        )
    backfill(page, running, "call_history", first, last)
    month_is_done = [{"startKey": first.isoformat(), "endKey": last.isoformat(), "status": "MATERIALIZED"}]
    wait_for(lambda: materialised_days(running, "call_history") == month_is_done, seconds=150)
    assert snapshot(warehouse) == complete

    # Off: a call that the server has had for minutes is not in the journal. On: it comes with the next tick.
    assert select(warehouse, "SELECT count(*) FROM call_history WHERE linkedid = 'new'") == [(0,)]
    page.goto(f"{running.url}/automation")
    click_until(switch, lambda: not is_stopped())
    if datetime.now(MOSCOW).hour < LAST_TICKING_HOUR:
        wait_for(lambda: select(warehouse, "SELECT legs FROM call_history WHERE linkedid = 'new'"), seconds=150)

    served.faults.switch_on("unauthorised", times=None)
    day = (today - timedelta(days=9)).date()
    backfill(page, running, "call_legs", day, day)
    failed = wait_for(lambda: running.ask(FAILED)["runsOrError"]["results"], seconds=120)
    page.goto(f"{running.url}/runs/{failed[0]['runId']}")
    expect(page.get_by_text("the key was not accepted; make a new API key in the PBX").first).to_be_visible()
