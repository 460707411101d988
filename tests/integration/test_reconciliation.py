"""Every finalised call has its events and the other way round; what disagrees is found, with what explains it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import dagster as dg

from assets.live.reconcile import reconcile_days
from assets.platform import Platform
from resources.telephony.live.event import CallEvent, Kind
from resources.warehouse import Warehouse
from tests.dagster.test_materialise import materialise
from tests.fix_gateway import execute
from tests.integration.test_call_events import keep
from tests.rows import at, leg, load, select

ZONE = "Europe/Moscow"
DAY = date(2026, 10, 1)
MORNING = at("2026-10-01 10:00:00")


def heard(call: str, began_at: datetime, seconds: float = 30, *, ends: bool = True) -> list[CallEvent]:
    """The events of a call of one leg."""
    kinds = [(Kind.RINGING, 0.0), (Kind.ENDED, seconds)] if ends else [(Kind.RINGING, 0.0)]
    return [
        CallEvent(kind, call, f"leg-{call}", received_at=moment + timedelta(seconds=0.1), source_at=moment)
        for kind, after in kinds
        for moment in [began_at + timedelta(seconds=after)]
    ]


def listened(warehouse: Warehouse, since: datetime, until: datetime) -> None:
    """Let the listener of `office` have heard its server from then on until then."""
    execute(
        warehouse,
        "INSERT INTO event_listeners (pbx_id, channel, is_connected, connected_at, heard_at) "
        "VALUES ('office', 'ami', true, :since, :until) "
        "ON CONFLICT (pbx_id) DO UPDATE SET connected_at = excluded.connected_at, heard_at = excluded.heard_at",
        since=since,
        until=until,
    )


def findings(warehouse: Warehouse) -> list[Any]:
    """What was found, by call."""
    return select(
        warehouse, "SELECT linkedid, finding, explanation FROM call_events_reconciliation ORDER BY linkedid, finding"
    )


def call(name: str, minutes: float) -> dict[str, Any]:
    """A finalised call, so many minutes after ten."""
    return leg(name, MORNING + timedelta(minutes=minutes), "+74951234567", "201", duration=30, talk=20)


def test_calls_without_events_and_events_without_calls_are_found(warehouse: Warehouse) -> None:
    """What both know is not mentioned; what only one of them knows is."""
    load(warehouse, [call("both", 1), call("only-history", 2), call("later", 90)])
    keep(warehouse, heard("both", MORNING + timedelta(minutes=1)), heard("only-events", MORNING + timedelta(minutes=3)))
    keep(warehouse, heard("later", MORNING + timedelta(minutes=90)))
    execute(warehouse, "TRUNCATE event_gaps")
    listened(warehouse, MORNING, MORNING + timedelta(hours=5))
    figures = reconcile_days(warehouse, ZONE, DAY, DAY)
    assert findings(warehouse) == [
        ("only-events", "events_without_call", ""),
        ("only-history", "call_without_events", ""),
    ]
    assert (figures[DAY]["calls"], figures[DAY]["calls with events"]) == (3, 3)
    assert (figures[DAY]["calls without events"], figures[DAY]["events without call"]) == (1, 1)


def test_gaps_and_times_when_nobody_listened_explain_what_is_missing(warehouse: Warehouse) -> None:
    """Before listening began, in a gap, and after it ended: told apart from what should not be."""
    load(warehouse, [call("before", -30), call("in-the-gap", 10), call("lost", 20), call("after", 200)])
    listened(warehouse, MORNING, MORNING + timedelta(hours=2))
    execute(
        warehouse,
        "INSERT INTO event_gaps (pbx_id, began_at, ended_at, reason, legs_closed) "
        "VALUES ('office', :began_at, :ended_at, 'cut', 0)",
        began_at=MORNING + timedelta(minutes=9),
        ended_at=MORNING + timedelta(minutes=12),
    )
    reconcile_days(warehouse, ZONE, DAY, DAY)
    assert findings(warehouse) == [
        ("after", "call_without_events", "not listened to since"),
        ("before", "call_without_events", "listening had not begun"),
        ("in-the-gap", "call_without_events", "gap: cut"),
        ("lost", "call_without_events", ""),
    ]


def test_calls_the_history_cannot_know_so_far_are_explained(warehouse: Warehouse) -> None:
    """A call that goes on, and one that ended after the history was loaded last."""
    load(warehouse, [call("loaded", 1)])
    keep(
        warehouse,
        heard("loaded", MORNING + timedelta(minutes=1)),
        heard("goes-on", MORNING, ends=False),
        heard("fresh", MORNING + timedelta(minutes=50)),
    )
    listened(warehouse, MORNING, MORNING + timedelta(hours=1))
    reconcile_days(warehouse, ZONE, DAY, DAY)
    assert findings(warehouse) == [
        ("fresh", "events_without_call", "the history is not loaded so far"),
        ("goes-on", "events_without_call", "has not ended"),
    ]


def test_an_end_nobody_told_of_is_found(warehouse: Warehouse) -> None:
    """The history has the call as finished, and by its events it still goes on."""
    load(warehouse, [call("endless", 1)])
    keep(warehouse, heard("endless", MORNING + timedelta(minutes=1), ends=False))
    listened(warehouse, MORNING, MORNING + timedelta(hours=1))
    assert reconcile_days(warehouse, ZONE, DAY, DAY)[DAY]["ends missing"] == 1
    assert findings(warehouse) == [("endless", "end_missing", "")]


def test_a_server_that_nobody_listens_to_is_left_alone(warehouse: Warehouse) -> None:
    """Without an event channel there is nothing to compare."""
    load(warehouse, [call("c", 1)])
    reconcile_days(warehouse, ZONE, DAY, DAY)
    assert findings(warehouse) == []


def test_calls_over_midnight_belong_to_the_day_they_began(warehouse: Warehouse) -> None:
    """Both sides go by the business day of the first ring."""
    late = at("2026-10-01 23:59:50")
    load(warehouse, [leg("night", late, "+74951234567", "201", duration=60, talk=30)])
    keep(warehouse, heard("night", late, 60), heard("lone", late, 60))
    load(warehouse, [leg("next", late + timedelta(hours=9), "+74951234567", "201")])
    listened(warehouse, MORNING, late + timedelta(hours=1))
    execute(warehouse, "TRUNCATE event_gaps")
    figures = reconcile_days(warehouse, ZONE, DAY, DAY + timedelta(days=1))
    rows = select(warehouse, "SELECT call_day, linkedid FROM call_events_reconciliation WHERE explanation = ''")
    assert rows == [(DAY, "lone")]
    assert [figures[day]["calls with events"] for day in figures] == [2, 0]


def test_a_second_reconciliation_replaces_the_first(warehouse: Warehouse) -> None:
    """What was loaded meanwhile is no finding any more."""
    listened(warehouse, MORNING - timedelta(hours=1), MORNING + timedelta(hours=5))
    keep(warehouse, heard("c", MORNING + timedelta(minutes=1)))
    execute(warehouse, "TRUNCATE event_gaps")
    load(warehouse, [call("other", 60)])
    listened(warehouse, MORNING - timedelta(hours=1), MORNING + timedelta(hours=5))
    reconcile_days(warehouse, ZONE, DAY, DAY)
    assert len(findings(warehouse)) == 2
    load(warehouse, [call("c", 1)])
    keep(warehouse, heard("other", MORNING + timedelta(minutes=60)))
    reconcile_days(warehouse, ZONE, DAY, DAY)
    assert findings(warehouse) == []


def test_the_way_from_ring_to_card_is_timed_by_stage(platform: Platform, dagster_instance: dg.DagsterInstance) -> None:
    """Source, received, stored, sent, shown: percentiles of each stage are metadata of the day's partition."""
    warehouse = platform.warehouse
    keep(warehouse, [event for n in range(10) for event in heard(f"c{n}", MORNING + timedelta(minutes=n))])
    execute(
        warehouse,
        "UPDATE call_events SET stored_at = received_at + interval '10 milliseconds'",
        "INSERT INTO shown_cards (event_id, employee_id, sent_at, shown_at) "
        "SELECT event_id, 'anna', stored_at + interval '5 milliseconds', stored_at + interval '55 milliseconds' "
        "FROM call_events WHERE kind = 'ringing'",
    )
    result = materialise(platform, dagster_instance, "call_events_reconciliation", days=(f"{DAY}", f"{DAY}"))
    assert result.success
    [event] = [
        record.asset_materialization
        for record in dagster_instance.fetch_materializations(
            dg.AssetKey("call_events_reconciliation"), limit=1
        ).records
    ]
    assert event is not None
    figures = {name: value.value for name, value in event.metadata.items()}
    assert figures["source to received, p95, ms"] == 100
    assert figures["received to stored, p50, ms"] == 10
    assert figures["stored to sent, p50, ms"] == 5
    assert figures["sent to shown, p99, ms"] == 50
    assert figures["ring to card, p50, ms"] == 165
    assert figures["cards shown"] == 10
