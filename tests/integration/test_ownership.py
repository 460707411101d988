"""Owners of numbers: dated facts that are never rewritten, and a decision per number that never guesses."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from assets.contacts.load import store_contacts
from assets.contacts.ownership import OwnershipReport, decide_owners, take_numbers, update_facts, update_owners
from assets.contacts.rules import ContactRules, MatchingRules
from resources.contacts.rows import CONTACT_COLUMNS, ContactPortion
from resources.warehouse import Warehouse

NUMBER = "+79161234567"
RULES = MatchingRules()
LONG_AGO = datetime(1990, 1, 1, tzinfo=UTC)
FAR_AHEAD = datetime(2200, 1, 1, tzinfo=UTC)

Card = tuple[str, str, str, str, str]
"""party_id, contact_id, phones, valid_from, valid_to"""


def card(party: str, contact: str = "", phones: str = NUMBER, start: str = "", end: str = "") -> Card:
    return party, contact, phones, start, end


def fill(warehouse: Warehouse, *cards: Card) -> OwnershipReport:
    """Make the cards all there is, and bring facts and decisions up to date."""
    rows = [
        (party, party, "company", contact, contact, phones, "", start, end)
        for party, contact, phones, start, end in [card("filler", phones="101"), *cards]
    ]
    frame = pd.DataFrame(rows, columns=list(CONTACT_COLUMNS), dtype=str)
    with warehouse.transaction() as connection:
        store_contacts(connection, "crm", [ContactPortion(frame)], ContactRules())
        return update_owners(connection, RULES)


def fetch(warehouse: Warehouse, query: str, **values: object) -> list[tuple[Any, ...]]:
    with warehouse.transaction() as connection:
        return [tuple(row) for row in connection.execute(text(query), values)]


def now(warehouse: Warehouse) -> datetime:
    ((moment,),) = fetch(warehouse, "SELECT clock_timestamp()")
    assert isinstance(moment, datetime)
    return moment


def owner(warehouse: Warehouse, at: datetime, number: str = NUMBER) -> tuple[Any, ...] | None:
    """Who held the number at that moment: party, contact, candidates."""
    found = fetch(
        warehouse,
        "SELECT party_id, contact_id, candidates FROM number_owners "
        "WHERE number = :number AND tstzrange(valid_from, valid_to) @> CAST(:at AS timestamptz)",
        number=number,
        at=at,
    )
    assert len(found) <= 1
    return found[0] if found else None


def believed(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    return fetch(
        warehouse,
        "SELECT party_id, contact_id, valid_from, valid_to FROM contact_ownership WHERE superseded_at IS NULL "
        "ORDER BY party_id, contact_id, valid_from NULLS FIRST",
    )


# --- facts ---------------------------------------------------------------------------------------


def test_the_first_known_owner_holds_a_number_from_the_beginning(warehouse: Warehouse) -> None:
    """A new card finds the calls of years before it."""
    assert fill(warehouse, card("A", "C")) == OwnershipReport(looked_at=1, recorded=1, superseded=0, changed=1)
    assert believed(warehouse) == [("A", "C", None, None)]
    assert owner(warehouse, LONG_AGO) == owner(warehouse, FAR_AHEAD) == ("A", "C", ["A"])


def test_a_number_that_moves_keeps_its_past(warehouse: Warehouse) -> None:
    """Calls until the change are the old owner's, calls after it the new one's."""
    fill(warehouse, card("A"))
    before = now(warehouse)
    fill(warehouse, card("B"))
    after = now(warehouse)
    assert owner(warehouse, LONG_AGO) == owner(warehouse, before) == ("A", None, ["A"])
    assert owner(warehouse, after) == owner(warehouse, FAR_AHEAD) == ("B", None, ["B"])
    ((_, _, _, end), (_, _, start, _)) = believed(warehouse)
    assert before < end == start < after


def test_an_owner_added_later_shares_the_number_from_then_on(warehouse: Warehouse) -> None:
    """A second card does not make the first one's old calls ambiguous."""
    fill(warehouse, card("A"))
    before = now(warehouse)
    fill(warehouse, card("A"), card("B"))
    assert owner(warehouse, before) == ("A", None, ["A"])
    assert owner(warehouse, FAR_AHEAD) == (None, None, ["A", "B"])


def test_owners_of_one_first_load_are_candidates_from_the_beginning(warehouse: Warehouse) -> None:
    """Which of two cards of one export was first is unknown: nobody is named, both are kept."""
    fill(warehouse, card("B"), card("A"))
    assert owner(warehouse, LONG_AGO) == owner(warehouse, FAR_AHEAD) == (None, None, ["A", "B"])
    assert fetch(warehouse, "SELECT ambiguous, valid_from, valid_to FROM number_owners") == [(True, None, None)]


def test_a_number_that_left_its_card_is_held_until_then(warehouse: Warehouse) -> None:
    """The fact is closed; nobody holds the number after, and a later owner starts anew."""
    fill(warehouse, card("A"))
    before = now(warehouse)
    fill(warehouse)
    between = now(warehouse)
    assert owner(warehouse, before) == ("A", None, ["A"])
    assert owner(warehouse, between) is None
    fill(warehouse, card("A"))
    assert owner(warehouse, between) is None
    assert owner(warehouse, FAR_AHEAD) == ("A", None, ["A"])


@pytest.mark.parametrize("is_alone", [True, False])
def test_days_on_the_card_win(warehouse: Warehouse, is_alone: bool) -> None:
    """An explicit day is believed, whoever was there before; it also corrects what was believed."""
    if not is_alone:
        fill(warehouse, card("A"))
    others = [] if is_alone else [card("A", end="2021-03-01")]
    fill(warehouse, *others, card("B", start="2021-03-01", end="2021-06-01"))
    turn = datetime(2021, 2, 28, 21, tzinfo=UTC)
    assert owner(warehouse, turn - timedelta(seconds=1)) == (None if is_alone else ("A", None, ["A"]))
    assert owner(warehouse, turn) == ("B", None, ["B"])
    assert owner(warehouse, datetime(2021, 5, 31, 21, tzinfo=UTC)) is None
    fill(warehouse, *others, card("B", start="2021-04-01", end="2021-06-01"))
    assert believed(warehouse)[-1] == (
        "B",
        "",
        datetime(2021, 3, 31, 21, tzinfo=UTC),
        datetime(2021, 5, 31, 21, tzinfo=UTC),
    )


def test_a_last_day_alone_keeps_the_beginning(warehouse: Warehouse) -> None:
    """A card that names only its end began when it was believed to begin."""
    fill(warehouse, card("A"))
    fill(warehouse, card("A"), card("B"))
    ((_, _, _, _), (_, _, start, _)) = believed(warehouse)
    fill(warehouse, card("A", end="2199-01-01"), card("B", end="2199-01-01"))
    end = datetime(2198, 12, 31, 21, tzinfo=UTC)
    assert believed(warehouse) == [("A", "", None, end), ("B", "", start, end)]
    fill(warehouse, card("A", end="2198-01-01"), card("B", end="2020-01-01"))
    assert believed(warehouse) == [
        ("A", "", None, datetime(2197, 12, 31, 21, tzinfo=UTC)),
        ("B", "", None, datetime(2019, 12, 31, 21, tzinfo=UTC)),
    ]


def test_two_notations_of_a_number_are_one_fact(warehouse: Warehouse) -> None:
    """The number is on the card as long as any of its notations is."""
    fill(warehouse, card("A", phones="89161234567, +7 916 123-45-67"))
    assert believed(warehouse) == [("A", "", None, None)]
    report = fill(warehouse, card("A", phones="+7 916 123-45-67"))
    assert (report.recorded, report.superseded, report.changed) == (0, 0, 0)


def test_only_subscriber_numbers_have_owners(warehouse: Warehouse) -> None:
    """An internal, short or broken number on a card owns no calls."""
    fill(warehouse, card("A", phones="101; 53-12-34; 2530000; anonymous"))
    assert believed(warehouse) == []


def test_facts_are_superseded_and_never_rewritten(warehouse: Warehouse) -> None:
    """What was once recorded can be read for ever: any past belief can be asked for."""
    recorded = (
        "SELECT fact_id, number, party_id, contact_id, rung, valid_from, valid_to, recorded_at FROM contact_ownership"
    )
    known: dict[int, tuple[Any, ...]] = {}
    beliefs: list[tuple[datetime, list[tuple[Any, ...]]]] = []
    for cards in (
        [card("A")],
        [card("A"), card("B", "C")],
        [card("B", "C")],
        [card("B", "C", start="2021-01-01")],
        [],
        [card("A", end="2021-01-01"), card("B", "D")],
    ):
        fill(warehouse, *cards)
        facts = {row[0]: row for row in fetch(warehouse, recorded)}
        assert {key: facts[key] for key in known} == known
        known = facts
        beliefs.append((now(warehouse), believed(warehouse)))
    for moment, expected in beliefs:
        assert expected == fetch(
            warehouse,
            "SELECT party_id, contact_id, valid_from, valid_to FROM contact_ownership "
            "WHERE recorded_at <= :at AND (superseded_at IS NULL OR superseded_at > :at) "
            "ORDER BY party_id, contact_id, valid_from NULLS FIRST",
            at=moment,
        )


def test_the_database_refuses_overlapping_facts_and_decisions(warehouse: Warehouse) -> None:
    """No overlap per number, party and contact, and none at all per decided number: held by constraints."""
    fill(warehouse, card("A"))
    with pytest.raises(IntegrityError, match="contact_ownership_no_overlap"):
        fetch(
            warehouse,
            "INSERT INTO contact_ownership (number, party_id, contact_id, rung) VALUES (:number, 'A', '', 'exact')",
            number=NUMBER,
        )
    with pytest.raises(IntegrityError, match="number_owners_no_overlap"):
        fetch(
            warehouse,
            "INSERT INTO number_owners (number, national_number, party_id, rung, ambiguous, candidates) "
            "VALUES (:number, '9161234567', 'B', 'exact', false, '{B}')",
            number=NUMBER,
        )


# --- decisions -----------------------------------------------------------------------------------


def test_the_contact_is_named_where_there_is_one(warehouse: Warehouse) -> None:
    """Several contacts of one party share a number: the party is sure, the person is not."""
    other = "+79031112233"
    fill(warehouse, card("A", "C1"), card("A", "C2"), card("A", "C3", phones=other))
    assert owner(warehouse, LONG_AGO) == ("A", None, ["A"])
    assert owner(warehouse, LONG_AGO, other) == ("A", "C3", ["A"])


def test_neighbouring_spans_with_one_decision_are_one(warehouse: Warehouse) -> None:
    """A number passed on within a party, and a change that changes nothing, leave no seam."""
    fill(warehouse, card("A", end="2021-01-01"), card("A", phones="8 916 123 45 67", start="2021-01-01"))
    assert fetch(warehouse, "SELECT party_id, valid_from, valid_to FROM number_owners") == [("A", None, None)]
    fill(
        warehouse,
        card("A", "C1"),
        card("A", "C2", end="2021-01-01"),
        card("A", "C3", phones="8 916 123 45 67", start="2021-01-01"),
    )
    assert [row[0] for row in fetch(warehouse, "SELECT contact_id FROM number_owners")].count(None) == 1


def test_a_second_run_writes_nothing(warehouse: Warehouse) -> None:
    """Nothing new on the cards: not one row of facts or decisions is written, nobody is queued."""
    cards = [card(f"P{n % 40}", f"C{n}", phones=f"8916{n % 70:07}") for n in range(100)]
    fill(warehouse, *cards)
    fill(warehouse, *cards[:80], card("Z", phones="89160000001", start="2021-01-01"))
    fetch(warehouse, "DELETE FROM changed_clients RETURNING 1")
    versions = (
        "SELECT xmin::text, ctid::text FROM contact_ownership UNION ALL "
        "SELECT xmin::text, ctid::text FROM number_owners ORDER BY 1, 2"
    )
    before = fetch(warehouse, versions)
    again = [*cards[:80], card("Z", phones="89160000001", start="2021-01-01")]
    assert fill(warehouse, *again) == OwnershipReport(0, 0, 0, 0)
    with warehouse.transaction() as connection:
        everything = update_owners(connection, RULES, every_number=True)
    assert (everything.recorded, everything.superseded, everything.changed) == (0, 0, 0)
    assert fetch(warehouse, versions) == before
    assert fetch(warehouse, "SELECT * FROM changed_clients") == []


def test_only_changed_numbers_are_written_and_queued(warehouse: Warehouse) -> None:
    """Two cards of a hundred changed: the rows of their numbers are written, old and new clients are queued."""
    fill(warehouse, *[card(f"P{n}", phones=f"8916{n:07}") for n in range(100)])
    versions = "SELECT number, valid_from IS NULL, xmin::text FROM number_owners"
    before = set(fetch(warehouse, versions))
    with warehouse.transaction() as connection:
        connection.execute(text("UPDATE crm_phones SET party_id = 'Q' WHERE party_id = 'P0'"))
        connection.execute(text("DELETE FROM changed_clients"))
        take_numbers(connection, every_number=True)
        update_facts(connection)
        connection.execute(text("UPDATE contact_ownership SET superseded_at = now() WHERE party_id = 'P1'"))
        assert decide_owners(connection, RULES) == 2
        changed = connection.execute(text("SELECT number FROM changed_numbers ORDER BY 1")).scalars().all()
        assert changed == ["+79160000000", "+79160000001"]
    after = set(fetch(warehouse, versions))
    assert {(number, is_first) for number, is_first, _ in after - before} == {
        ("+79160000000", True),
        ("+79160000000", False),
    }
    assert {number for number, _, _ in before - after} == {"+79160000000", "+79160000001"}
    assert fetch(warehouse, "SELECT client_id FROM changed_clients ORDER BY 1") == [
        ("P0",),
        ("P1",),
        ("Q",),
        ("tel:+79160000000",),
        ("tel:+79160000001",),
    ]


def test_two_updates_at_once_wait_for_each_other(warehouse: Warehouse) -> None:
    """Whichever comes second sees what the first learned: neither fails, and nothing is recorded twice."""
    fill(warehouse, *[card(f"P{n}", phones=f"8916{n:07}") for n in range(300)])
    with warehouse.transaction() as connection:
        connection.execute(text("TRUNCATE contact_ownership, number_owners"))
    start = threading.Barrier(3)
    failures: list[Exception] = []

    def work() -> None:
        start.wait(timeout=30)
        try:
            with warehouse.transaction() as connection:
                update_owners(connection, RULES, every_number=True)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    counts = "SELECT (SELECT count(*) FROM contact_ownership), (SELECT count(*) FROM number_owners)"
    assert fetch(warehouse, counts) == [(300, 300)]


# --- timelines, whatever the facts ----------------------------------------------------------------

DAYS = 12

spans = st.integers(-1, DAYS).flatmap(
    lambda first: st.tuples(
        st.sampled_from("AB"), st.sampled_from(["", "C", "D"]), st.just(first), st.integers(first + 1, DAYS + 1)
    )
)
"""party, contact, first day (-1: from the beginning), first day no longer (DAYS + 1: still)"""


def instant(day: int) -> datetime | None:
    return datetime(2021, 1, 1, tzinfo=UTC) + timedelta(days=day) if 0 <= day <= DAYS else None


def disjoint(facts: Sequence[tuple[str, str, int, int]]) -> list[tuple[str, str, int, int]]:
    """Leave out facts that the database would not let in."""
    kept: list[tuple[str, str, int, int]] = []
    for fact in facts:
        if all(fact[:2] != other[:2] or fact[3] <= other[2] or other[3] <= fact[2] for other in kept):
            kept.append(fact)
    return kept


def insert_facts(connection: Connection, number: str, facts: Sequence[tuple[str, str, int, int]]) -> None:
    connection.execute(
        text(
            "INSERT INTO crm_phones (source, party_id, contact_id, raw, contact_name, number, national_number, kind) "
            "VALUES ('crm', 'A', '', :number, '', :number, substr(:number, 3), 'external')"
        ),
        {"number": number},
    )
    for party, contact, start, end in facts:
        connection.execute(
            text(
                "INSERT INTO contact_ownership (number, party_id, contact_id, rung, valid_from, valid_to) "
                "VALUES (:number, :party, :contact, 'exact', :start, :end)"
            ),
            {
                "number": number,
                "party": party,
                "contact": contact,
                "start": instant(start),
                "end": instant(end),
            },
        )


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(spans, min_size=1, max_size=6).map(disjoint), min_size=1, max_size=8))
def test_timelines_cover_what_facts_cover_and_never_overlap(
    warehouse: Warehouse, numbers: list[list[tuple[str, str, int, int]]]
) -> None:
    """At any moment there is one decision where there is a fact, none where there is none, and it is theirs."""
    with warehouse.engine.connect() as connection:
        for index, facts in enumerate(numbers):
            insert_facts(connection, f"+7916{index:07}", facts)
        assert take_numbers(connection, every_number=True) == len(numbers)
        assert decide_owners(connection, RULES) == len(numbers)
        rows = connection.execute(text("SELECT * FROM number_owners ORDER BY number, valid_from NULLS FIRST")).all()
        take_numbers(connection, every_number=True)
        assert decide_owners(connection, RULES) == 0
        connection.rollback()
    for index, facts in enumerate(numbers):
        timeline = [row for row in rows if row.number == f"+7916{index:07}"]
        for day in range(-1, DAYS + 1):
            noon = datetime(2021, 1, 1, 12, tzinfo=UTC) + timedelta(days=day)
            holding = {(party, contact) for party, contact, start, end in facts if start <= day < end}
            decided = [
                row for row in timeline if (row.valid_from or LONG_AGO) <= noon and noon < (row.valid_to or FAR_AHEAD)
            ]
            assert len(decided) == bool(holding)
            for row in decided:
                parties = sorted({party for party, _ in holding})
                contacts = {contact for _, contact in holding}
                assert row.candidates == parties
                assert row.ambiguous == (len(parties) > 1)
                assert row.party_id == (parties[0] if len(parties) == 1 else None)
                assert row.contact_id == (contacts.pop() or None if len(holding) == 1 else None)
        for earlier, later in pairwise(timeline):
            assert earlier.valid_to is not None
            assert earlier.valid_to <= later.valid_from
            seamless = earlier.valid_to == later.valid_from
            assert not (seamless and (earlier.candidates, earlier.contact_id) == (later.candidates, later.contact_id))


card_states = st.lists(
    st.tuples(
        st.sampled_from("ABC"),
        st.sampled_from(["", "C"]),
        st.sampled_from([NUMBER, "+79031112233", "8 916 123 45 67"]),
        st.sampled_from(["", "2021-01-01", "2199-01-01"]),
        st.sampled_from(["", "2021-06-01", "2199-06-01"]),
    ).filter(lambda state: not (state[3] and state[4]) or state[3] < state[4]),
    max_size=4,
    unique_by=lambda state: state[:3],
)


@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(card_states, min_size=1, max_size=4))
def test_whatever_happens_to_cards_the_past_stays(warehouse: Warehouse, history: list[list[Card]]) -> None:
    """Cards come, go, move and name days in any order: who is on a card holds the number, a repeat writes nothing.

    And what undated cards said of a moment is still said of it after they are gone.
    """
    with warehouse.transaction() as connection:
        connection.execute(text("TRUNCATE crm_parties, crm_phones, contact_ownership, number_owners"))
    for cards in history:
        fill(warehouse, *cards)
        seen_at = now(warehouse)
        said = owner(warehouse, seen_at)
        holders = sorted(
            {
                party
                for party, _, phones, start, end in cards
                if phones != "+79031112233" and start != "2199-01-01" and end != "2021-06-01"
            }
        )
        assert (said[2] if said else []) == holders
        report = fill(warehouse, *cards)
        assert (report.recorded, report.superseded, report.changed) == (0, 0, 0)
        if not any(start or end for *_, start, end in cards):
            fill(warehouse)
            assert owner(warehouse, seen_at) == said
            fill(warehouse, *cards)
