"""Calls follow the owners of their numbers: exactly those concerned, as of each call, and any day can be rebuilt."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from assets.contacts.load import store_contacts
from assets.contacts.overrides import assign
from assets.contacts.ownership import owners_as_known, update_owners
from assets.contacts.rules import ContactRules, MatchingRules
from assets.enrichment.enrich import NumberRules, count_stale_owners, enrich_touched_calls
from assets.enrichment.fill import fill_owners
from assets.enrichment.relink import RelinkReport, relink_calls
from resources.contacts.rows import CONTACT_COLUMNS, ContactPortion
from resources.warehouse import Warehouse
from tests.rows import leg, load, select

TODAY = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0)
WINDOW = (TODAY - timedelta(days=91)).date()
NUMBERS = [f"+7916000000{digit}" for digit in range(8)]
RULES = NumberRules()
MATCHING = MatchingRules()


def set_cards(warehouse: Warehouse, *cards: tuple[str, str], responsible: str = "") -> None:
    """Make these cards (party, number) all there is, and decide."""
    rows = [
        dict.fromkeys(CONTACT_COLUMNS, "")
        | {"party_id": p, "party_name": p, "party_kind": "company", "phones": n, "responsible_id": responsible}
        for p, n in [("filler", "101"), *cards]
    ]
    frame = pd.DataFrame(rows, columns=list(CONTACT_COLUMNS), dtype=str)
    with warehouse.transaction() as connection:
        store_contacts(connection, "crm", [ContactPortion(frame)], ContactRules())
        update_owners(connection, MATCHING)


def call(warehouse: Warehouse, *calls: tuple[datetime, str]) -> None:
    load(warehouse, [leg(f"{at:%F %T} {n}", at, n, "201", duration=30, talk=20) for at, n in calls])


def relink(warehouse: Warehouse, first_day: date = WINDOW) -> RelinkReport:
    return relink_calls(warehouse, first_day, RULES)


def enriched(warehouse: Warehouse) -> list[Any]:
    return select(warehouse, "SELECT * FROM enriched_calls ORDER BY pbx_id, linkedid")


def parties(warehouse: Warehouse) -> list[str | None]:
    return [party for (party,) in select(warehouse, "SELECT party_id FROM enriched_calls ORDER BY started_at")]


def test_exactly_the_calls_of_changed_numbers_are_looked_at(warehouse: Warehouse) -> None:
    """Whatever else is stored: the others are neither read nor written."""
    call(warehouse, *[(TODAY - timedelta(days=day), number) for number in NUMBERS for day in range(3)])
    versions = "SELECT linkedid, xmin::text FROM enriched_calls"
    before = set(select(warehouse, versions))
    set_cards(warehouse, ("A", NUMBERS[0]), ("B", NUMBERS[1]))
    report = relink(warehouse)
    assert (report.numbers, report.written, sum(report.days.values())) == (2, 6, 6)
    assert len(set(select(warehouse, versions)) - before) == 6
    assert relink(warehouse) == RelinkReport()
    set_cards(warehouse, ("A", NUMBERS[0]), ("B", NUMBERS[1]))
    assert relink(warehouse) == RelinkReport()


def test_filled_calls_are_looked_at_again_too(warehouse: Warehouse) -> None:
    """A wrong owner is mended, not only an empty one."""
    call(warehouse, (TODAY, NUMBERS[0]))
    set_cards(warehouse, ("A", NUMBERS[0]))
    relink(warehouse)
    with warehouse.transaction() as connection:
        assign(connection, NUMBERS[0], "filler", ContactRules(), is_retroactive=True)
        update_owners(connection, MATCHING)
    assert parties(warehouse) == ["A"]
    relink(warehouse)
    assert parties(warehouse) == ["filler"]


def test_calls_before_the_window_are_left_alone(warehouse: Warehouse) -> None:
    """How far back is a setting; a backfill reaches further."""
    call(warehouse, (TODAY - timedelta(days=40), NUMBERS[0]), (TODAY, NUMBERS[0]))
    set_cards(warehouse, ("A", NUMBERS[0]))
    relink(warehouse, (TODAY - timedelta(days=30)).date())
    assert parties(warehouse) == [None, "A"]
    old_day = (TODAY - timedelta(days=40)).date()
    fill_owners(warehouse, old_day, old_day, RULES)
    assert parties(warehouse) == ["A", "A"]


def test_calls_in_other_notations_are_found(warehouse: Warehouse) -> None:
    """A card finds calls that bear the number nationally, or only end like it; not those of another country."""
    callers = ["89161234567", "989161234567", "999161234567", "+989161234567", "89161234568"]
    call(warehouse, *[(TODAY + timedelta(minutes=n), caller) for n, caller in enumerate(callers)])
    set_cards(warehouse, ("A", "+79161234567"))
    report = relink(warehouse)
    assert (sum(report.days.values()), report.written) == (4, 3)
    assert parties(warehouse) == ["A", "A", "A", None, None]


def test_a_new_responsible_reaches_the_calls(warehouse: Warehouse) -> None:
    """Whom the CRM names for the party is part of the enriched call."""
    call(warehouse, (TODAY, NUMBERS[0]), (TODAY, NUMBERS[1]))
    set_cards(warehouse, ("A", NUMBERS[0]), responsible="anna")
    relink(warehouse)
    set_cards(warehouse, ("A", NUMBERS[0]), responsible="boris")
    assert relink(warehouse).written == 1
    assert select(warehouse, "SELECT DISTINCT responsible_id FROM enriched_calls ORDER BY 1") == [("boris",), (None,)]


def test_an_interrupted_run_goes_on_where_it_stopped(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers leave the queue together with their calls: none is forgotten."""
    monkeypatch.setattr("assets.enrichment.relink.NUMBERS_PER_COMMIT", 2)
    call(warehouse, *[(TODAY, number) for number in NUMBERS])
    set_cards(warehouse, *[("A", number) for number in NUMBERS])
    done: list[int] = []

    def failing(*given: Any) -> int:  # noqa: ANN401
        done.append(1)
        if len(done) == 3:
            raise KeyboardInterrupt
        return enrich_touched_calls(*given)

    with monkeypatch.context() as patched:
        patched.setattr("assets.enrichment.relink.enrich_touched_calls", failing)
        with pytest.raises(KeyboardInterrupt):
            relink(warehouse)
    assert sum(party == "A" for party in parties(warehouse)) == 4
    assert select(warehouse, "SELECT count(*) FROM numbers_to_relink") == [(4,)]
    relink(warehouse)
    assert parties(warehouse) == ["A"] * 8


def test_todays_owners_can_be_asked_for(warehouse: Warehouse) -> None:
    """A backfill takes the owners as of each call; told otherwise, those of a moment."""
    yesterday = TODAY - timedelta(days=1)
    call(warehouse, (yesterday, NUMBERS[0]))
    set_cards(warehouse, ("A", NUMBERS[0]))
    set_cards(warehouse, ("B", NUMBERS[0]))
    fill_owners(warehouse, yesterday.date(), yesterday.date(), RULES)
    assert parties(warehouse) == ["A"]
    fill_owners(warehouse, yesterday.date(), yesterday.date(), RULES, as_of=datetime.now(UTC) + timedelta(seconds=5))
    assert parties(warehouse) == ["B"]
    fill_owners(warehouse, yesterday.date(), yesterday.date(), RULES)
    assert parties(warehouse) == ["A"]


events = st.lists(
    st.one_of(
        st.tuples(
            st.just("cards"), st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from(NUMBERS[:4])), max_size=5)
        ),
        st.tuples(st.just("call"), st.sampled_from(NUMBERS[:4])),
        st.tuples(
            st.just("assign"), st.tuples(st.sampled_from(["A", "B", None]), st.sampled_from(NUMBERS[:4]), st.booleans())
        ),
    ),
    min_size=3,
    max_size=10,
)


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events)
def test_any_past_day_rebuilt_ends_in_equal_rows(warehouse: Warehouse, history: list[tuple[str, Any]]) -> None:
    """Cards, assignments and calls in any order: what was linked step by step is what a rebuild of the day makes.

    And what was known after each step can be asked for ever after.
    """
    with warehouse.transaction() as connection:
        connection.execute(
            text(
                "TRUNCATE crm_parties, crm_phones, contact_ownership, number_owners, number_overrides, call_legs, "
                "call_history, enriched_calls, numbers_to_decide, numbers_to_relink, load_cursors"
            )
        )
    set_cards(warehouse, ("A", "+74950000001"), ("B", "+74950000002"))
    known: list[tuple[datetime, list[Any]]] = []
    for kind, what in history:
        if kind == "cards":
            set_cards(warehouse, ("A", "+74950000001"), ("B", "+74950000002"), *what)
        elif kind == "call":
            call(warehouse, (datetime.now(UTC), what))
        else:
            party, number, is_retroactive = what
            with warehouse.transaction() as connection:
                assign(connection, number, party, ContactRules(), is_retroactive=is_retroactive)
                update_owners(connection, MATCHING)
        relink(warehouse)
        known.append((datetime.now(UTC), timelines(warehouse)))
    stored = enriched(warehouse)
    days = datetime.now(UTC).date() - timedelta(days=1), datetime.now(UTC).date() + timedelta(days=1)
    with warehouse.transaction() as connection:
        assert count_stale_owners(connection, *days, RULES)[1] == 0
        connection.execute(text("TRUNCATE enriched_calls"))
    fill_owners(warehouse, *days, RULES)
    assert enriched(warehouse) == stored
    for moment, expected in known:
        with warehouse.transaction() as connection:
            assert [tuple(row) for row in owners_as_known(connection, NUMBERS[:4], MATCHING, moment)] == expected


def timelines(warehouse: Warehouse) -> list[Any]:
    rows = select(
        warehouse,
        "SELECT number, party_id, contact_id, rung, ambiguous, is_shared, candidates, valid_from, valid_to "
        "FROM number_owners WHERE number = ANY (:numbers) ORDER BY number, valid_from NULLS FIRST",
        numbers=NUMBERS[:4],
    )
    return [tuple(row) for row in rows]


def test_a_load_and_a_relink_at_once_lose_nothing(warehouse: Warehouse) -> None:
    """Calls that come in while their numbers change owners bear, in the end, the owners the tables say."""
    failures: list[Exception] = []
    start = threading.Barrier(3)

    def work(step: int) -> None:
        start.wait(timeout=30)
        try:
            for turn in range(6):
                if step == 0:
                    call(warehouse, *[(datetime.now(UTC) + timedelta(seconds=turn), number) for number in NUMBERS])
                elif step == 1:
                    set_cards(warehouse, *[("ABC"[(turn + place) % 3], n) for place, n in enumerate(NUMBERS)])
                else:
                    relink(warehouse)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(step,)) for step in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    relink(warehouse)
    with warehouse.transaction() as connection:
        assert count_stale_owners(connection, WINDOW, TODAY.date() + timedelta(days=1), RULES) == (48, 0)
