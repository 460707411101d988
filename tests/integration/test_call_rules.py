"""How legs become calls: the rules of grouping, direction, talk, status and first contact."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from assets.history.load import LoadRules
from resources.warehouse import Warehouse
from tests.rows import CLIENT, at, batches, leg, load, select, snapshot

MORNING = at("2026-03-02 10:00:00")


def call(warehouse: Warehouse, linkedid: str) -> Any:  # noqa: ANN401
    [row] = select(warehouse, "SELECT * FROM call_history WHERE linkedid = :linkedid", linkedid=linkedid)
    return row


@pytest.mark.parametrize(
    ("src", "dst", "direction", "client"),
    [
        (CLIENT, "201", "in", CLIENT),
        ("201", CLIENT, "out", CLIENT),
        ("201", "202", "internal", None),
        ("anonymous", "201", "in", "anonymous"),
    ],
)
def test_direction_and_client_come_from_the_first_leg(
    warehouse: Warehouse, src: str, dst: str, direction: str, client: str | None
) -> None:
    """An outsider calling is `in`, an extension calling an outsider is `out`, the outsider is the client."""
    load(warehouse, [leg("c1", MORNING, src, dst, talk=20)])
    assert (call(warehouse, "c1").direction, call(warehouse, "c1").client_number) == (direction, client)


def test_a_menu_that_answers_does_not_make_a_call_answered(warehouse: Warehouse) -> None:
    """Application legs are ANSWERED with billsec though no person spoke."""
    load(
        warehouse,
        [
            leg("c1", MORNING, CLIENT, "2200100", app=True, duration=40, talk=39),
            leg("c1", MORNING + timedelta(seconds=10), CLIENT, "201", duration=25),
        ],
    )
    row = call(warehouse, "c1")
    assert (row.answered_at, row.talk_seconds, row.legs) == (None, 0, 2)
    assert row.status == "lost"
    assert row.wait_seconds == 40


def test_the_wait_ends_when_a_person_answers(warehouse: Warehouse) -> None:
    """Queue time before the answer is waiting, whatever the queue's own leg says."""
    load(
        warehouse,
        [
            leg("c1", MORNING, CLIENT, "2200100", app=True, duration=60, talk=59),
            leg("c1", MORNING + timedelta(seconds=12), CLIENT, "201", duration=48, talk=40),
        ],
    )
    row = call(warehouse, "c1")
    assert (row.status, row.wait_seconds, row.talk_seconds, row.duration_seconds) == ("accepted", 20, 40, 60)


def test_consultations_among_ourselves_are_no_talk_with_the_client(warehouse: Warehouse) -> None:
    """The transferring employee asks a colleague: that leg is talk, but not the client's."""
    load(
        warehouse,
        [
            leg("c1", MORNING, CLIENT, "201", duration=100, talk=90),
            leg("c1", MORNING + timedelta(seconds=50), "201", "202", duration=30, talk=25),
            leg("c1", MORNING + timedelta(seconds=100), CLIENT, "202", duration=60, talk=60),
        ],
    )
    row = call(warehouse, "c1")
    assert row.talk_seconds == 150
    assert row.extensions == ["201", "202"]


def test_employees_are_those_who_held_the_extension_that_day(warehouse: Warehouse) -> None:
    """An extension that changed hands names its holder of the day of the call."""
    with warehouse.transaction() as connection:
        connection.execute(
            text(
                "INSERT INTO employee_extensions VALUES ('anna', '201', NULL, '2026-03-03'), "
                "('boris', '201', '2026-03-03', NULL)"
            )
        )
    load(
        warehouse,
        [
            leg("c1", at("2026-03-02 23:59:00"), CLIENT, "201", talk=20),
            leg("c2", at("2026-03-03 00:01:00"), CLIENT, "201", talk=20),
        ],
    )
    assert call(warehouse, "c1").employees == ["anna"]
    assert call(warehouse, "c2").employees == ["boris"]


@pytest.mark.parametrize(
    ("disposition", "status"),
    [("BUSY", "busy"), ("CANCEL", "cancelled"), ("NOANSWER", "no_answer"), ("CHANUNAVAIL", "failed")],
)
def test_an_outgoing_call_without_talk_keeps_the_reason_it_failed_for(
    warehouse: Warehouse, disposition: str, status: str
) -> None:
    """DIALSTATUS is what tells a busy line from a number that does not exist."""
    load(warehouse, [leg("c1", MORNING, "201", CLIENT, disposition=disposition)])
    assert call(warehouse, "c1").status == status


def test_a_missed_call_needs_attention_until_somebody_talks_to_the_client_that_day(warehouse: Warehouse) -> None:
    """A later answered call with the same number, in either direction and any notation, settles it."""
    load(warehouse, [leg("c1", MORNING, "+7 (495) 123-45-67", "201")])
    assert (call(warehouse, "c1").status, call(warehouse, "c1").needs_attention) == ("lost", True)
    load(warehouse, [leg("c2", MORNING + timedelta(hours=1), "201", "84951234567", talk=30)])
    assert (call(warehouse, "c1").status, call(warehouse, "c1").needs_attention) == ("no_answer", False)


def test_a_call_back_on_the_next_day_leaves_the_missed_call_lost(warehouse: Warehouse) -> None:
    """The day ends at midnight of the business zone."""
    load(
        warehouse,
        [
            leg("c1", at("2026-03-02 23:50:00"), CLIENT, "201"),
            leg("c2", at("2026-03-03 00:10:00"), "201", CLIENT, talk=30),
        ],
    )
    assert call(warehouse, "c1").status == "lost"


def test_an_earlier_call_that_comes_late_takes_the_first_contact_over(warehouse: Warehouse) -> None:
    """Rows come in the order calls end: a first call may be loaded after later ones."""
    load(warehouse, [leg("c2", MORNING + timedelta(hours=5), CLIENT, "201", talk=30)])
    assert call(warehouse, "c2").first_contact
    load(warehouse, [leg("c1", MORNING, CLIENT, "201", talk=30)])
    assert call(warehouse, "c1").first_contact
    assert not call(warehouse, "c2").first_contact


def test_all_legs_of_a_call_over_midnight_carry_the_day_it_began(warehouse: Warehouse) -> None:
    """Also over a month's end, and also where the later leg is loaded first."""
    late = leg("c1", at("2026-04-01 00:00:10"), CLIENT, "202", talk=20)
    early = leg("c1", at("2026-03-31 23:59:30"), CLIENT, "201", talk=20)
    load(warehouse, [late])
    load(warehouse, [early])
    assert select(warehouse, "SELECT DISTINCT call_day FROM call_legs") == [(date(2026, 3, 31),)]
    assert call(warehouse, "c1").call_day == date(2026, 3, 31)


BERLIN = ZoneInfo("Europe/Berlin")
BERLIN_RULES = LoadRules(business_zone="Europe/Berlin", source_zone="Europe/Berlin", region="DE")


@pytest.mark.parametrize(
    "begun",
    [
        "2025-10-26T02:50:00+02:00",  # over the end of summer time
        "2025-10-26T02:10:00+02:00",  # in the repeated hour, first time
        "2025-10-26T02:10:00+01:00",  # in the repeated hour, second time
        "2026-03-29T01:50:00+01:00",  # over its beginning
    ],
)
def test_calls_in_the_nights_the_clock_changes_keep_their_true_length(warehouse: Warehouse, begun: str) -> None:
    """The wall clock jumps; the seconds in the leg's id tell the true instant."""
    started_at = datetime.fromisoformat(begun)
    load(warehouse, [leg("c1", started_at, CLIENT, "201", duration=1200, talk=1100, zone=BERLIN)], BERLIN_RULES)
    row = call(warehouse, "c1")
    assert row.started_at == started_at
    assert (row.ended_at - row.started_at).total_seconds() == 1200
    assert (row.answered_at - row.started_at).total_seconds() == 100


@pytest.mark.parametrize(
    ("unusual", "reason"),
    [
        ({"UNIQUEID": ""}, "UNIQUEID is empty"),
        ({"linkedid": ""}, "linkedid is empty"),
        ({"start": "2026-02-30 10:00:00"}, "start is not a date and time: 2026-02-30 10:00:00"),
        ({"duration": "soon"}, "duration is not a number of seconds: soon"),
        ({"billsec": None}, "billsec is not a number of seconds: absent"),
    ],
)
def test_a_row_that_cannot_be_read_is_quarantined_with_its_reason_and_the_load_goes_on(
    warehouse: Warehouse, unusual: dict[str, Any], reason: str
) -> None:
    """Nothing is lost: the raw row stands beside the reason, once however often it comes."""
    good, bad = leg("c1", MORNING, CLIENT, "201"), leg("c2", MORNING, CLIENT, "202") | unusual
    report = load(warehouse, [good, bad])
    load(warehouse, [bad])
    assert (report.new, report.quarantined) == (1, 1)
    [(source, kept, raw, times_seen)] = select(warehouse, "SELECT source, reason, raw, times_seen FROM quarantine")
    assert (source, kept, times_seen) == ("office", reason, 2)
    assert '"c2"' in raw or unusual.get("linkedid") == ""


def test_loading_the_same_rows_again_writes_nothing(warehouse: Warehouse) -> None:
    """A portion may come twice: not a row version changes."""
    rows = [leg("c1", MORNING, CLIENT, "201", talk=20), leg("c2", MORNING, "201", CLIENT)]
    load(warehouse, rows)
    versions = "SELECT 'l', xmin::text, leg_id FROM call_legs UNION ALL SELECT 'c', xmin::text, linkedid FROM "
    before = select(warehouse, versions + "call_history ORDER BY 1, 3")
    report = load(warehouse, [row | {"playback_url": "/x?token=other"} for row in rows])
    assert (report.new, report.changed, report.repeated) == (0, 0, 2)
    assert select(warehouse, versions + "call_history ORDER BY 1, 3") == before


def test_a_leg_that_moved_to_another_call_takes_both_calls_along(warehouse: Warehouse) -> None:
    """A transfer may rewrite linkedid after the fact; the call left behind without legs is gone."""
    first, second = leg("c1", MORNING, CLIENT, "201", talk=20), leg("c2", MORNING, CLIENT, "202", talk=20)
    load(warehouse, [first, second])
    load(warehouse, [second | {"linkedid": "c1"}])
    assert call(warehouse, "c1").legs == 2
    assert call(warehouse, "c2").gone_at is not None
    assert select(warehouse, "SELECT linkedid FROM enriched_calls") == [("c1",)]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(seed=st.integers(0, 2**32), portion_size=st.integers(1, 12))
def test_calls_do_not_depend_on_how_rows_are_cut_and_ordered(
    warehouse: Warehouse, seed: int, portion_size: int
) -> None:
    """Whatever the order and the portions, with repeats, the same rows make the same calls."""
    chance = random.Random(seed)
    rows = [
        leg(
            f"{seed}-{chance.randrange(6)}",
            MORNING + timedelta(seconds=chance.randrange(200_000)),
            chance.choice([CLIENT, "89161234567", "201", "anonymous"]),
            chance.choice(["201", "202", "2200100", CLIENT]),
            duration=(duration := chance.randrange(120)),
            talk=chance.choice([0, duration // 2, duration]),
            app=chance.random() < 0.2,
        )
        for _ in range(14)
    ]
    tables = "call_legs, call_history, enriched_calls, tracked_interactions, changed_calls"
    results = []
    for shuffled in (rows, chance.sample(rows, len(rows)) + chance.choices(rows, k=4)):
        with warehouse.transaction() as connection:
            connection.execute(text(f"TRUNCATE {tables}"))
        for batch in batches(shuffled, portion_size if shuffled is not rows else len(rows)):
            load(warehouse, batch)
        results.append(snapshot(warehouse))
    assert results[0] == results[1]
    for row in select(warehouse, "SELECT * FROM call_history"):
        assert 0 <= row.talk_seconds <= row.duration_seconds
