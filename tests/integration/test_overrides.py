"""What is set by hand wins, is dated, and is never rewritten."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from sqlalchemy.exc import IntegrityError

from assets.contacts.errors import OverrideError
from assets.contacts.load import store_contacts
from assets.contacts.overrides import OverridesReport, assign, revoke, store_overrides
from assets.contacts.ownership import owners_as_known, update_owners
from assets.contacts.rules import ContactRules, MatchingRules
from resources.contacts.rows import CONTACT_COLUMNS, ContactPortion
from resources.warehouse import Warehouse
from tests.rows import select

NUMBER = "+79161234567"
RULES, MATCHING = ContactRules(), MatchingRules()
LONG_AGO = datetime(1990, 1, 1, tzinfo=UTC)
FAR_AHEAD = datetime(2200, 1, 1, tzinfo=UTC)
COLUMNS = ["number", "party_id", "contact_id", "valid_from", "valid_to", "retroactive", "note"]


@pytest.fixture(autouse=True)
def clients(warehouse: Warehouse) -> None:
    """Three clients; the number is on A's card."""
    rows = [("A", "Alfa", "company", "c1", "Anna", NUMBER), ("B", "Beta", "company", "", "", "+74950000001"),
            ("C", "Gamma", "company", "c9", "Carl", "+74950000002")]  # fmt: skip
    frame = pd.DataFrame(
        [dict(zip(CONTACT_COLUMNS, (*row, "", "", ""), strict=True)) for row in rows], columns=list(CONTACT_COLUMNS)
    )
    with warehouse.transaction() as connection:
        store_contacts(connection, "crm", [ContactPortion(frame)], RULES)
        update_owners(connection, MATCHING)


def by_hand(warehouse: Warehouse, party: str | None, number: str = NUMBER, **how: Any) -> str:  # noqa: ANN401
    with warehouse.transaction() as connection:
        said = assign(connection, number, party, RULES, **how)
        update_owners(connection, MATCHING)
        return said


def take_back(warehouse: Warehouse, **how: bool) -> None:
    with warehouse.transaction() as connection:
        revoke(connection, NUMBER, RULES, **how)
        update_owners(connection, MATCHING)


def from_file(warehouse: Warehouse, *rows: dict[str, str]) -> OverridesReport:
    frame = pd.DataFrame([dict.fromkeys(COLUMNS, "") | {"number": NUMBER} | row for row in rows], columns=COLUMNS)
    with warehouse.transaction() as connection:
        report = store_overrides(connection, "overrides_csv", [ContactPortion(frame.astype(str))], RULES)
        update_owners(connection, MATCHING)
        return report


def owner(warehouse: Warehouse, at: datetime) -> tuple[Any, ...] | None:
    found = select(
        warehouse,
        "SELECT party_id, contact_id, rung FROM number_owners WHERE number = :number "
        "AND tstzrange(valid_from, valid_to) @> CAST(:at AS timestamptz)",
        number=NUMBER,
        at=at,
    )
    return tuple(found[0]) if found else None


def now(warehouse: Warehouse) -> datetime:
    [(moment,)] = select(warehouse, "SELECT clock_timestamp()")
    assert isinstance(moment, datetime)
    return moment


CARD = ("A", "c1", "exact")


def test_an_assignment_wins_from_now_on(warehouse: Warehouse) -> None:
    """Calls before it keep the card's owner."""
    before = now(warehouse)
    assert by_hand(warehouse, "B", "8 (916) 123-45-67") == NUMBER
    assert owner(warehouse, before) == CARD
    assert owner(warehouse, now(warehouse)) == owner(warehouse, FAR_AHEAD) == ("B", None, "manual")


def test_a_retroactive_one_wins_from_the_beginning(warehouse: Warehouse) -> None:
    """It corrects the past too."""
    by_hand(warehouse, "C", contact_id="c9", is_retroactive=True)
    assert owner(warehouse, LONG_AGO) == owner(warehouse, FAR_AHEAD) == ("C", "c9", "manual")


def test_a_dated_one_wins_on_its_days(warehouse: Warehouse) -> None:
    """From a first business day until, and without, another; around them the cards decide."""
    by_hand(warehouse, "B", from_day=date(2026, 1, 10), until_day=date(2026, 2, 1))
    start, end = datetime(2026, 1, 9, 21, tzinfo=UTC), datetime(2026, 1, 31, 21, tzinfo=UTC)
    second = timedelta(seconds=1)
    assert [owner(warehouse, moment) for moment in (start - second, start, end - second, end)] == [
        CARD,
        ("B", None, "manual"),
        ("B", None, "manual"),
        CARD,
    ]


def test_a_number_can_be_nobodys(warehouse: Warehouse) -> None:
    """A manual fact without a party takes the number from whoever has it on a card."""
    by_hand(warehouse, None, is_retroactive=True)
    assert owner(warehouse, FAR_AHEAD) == (None, None, "manual")
    assert select(warehouse, "SELECT candidates, ambiguous FROM number_owners WHERE number = :n", n=NUMBER) == [
        ([], False)
    ]


def test_a_later_word_cuts_an_earlier_one(warehouse: Warehouse) -> None:
    """What the earlier one said of other times stays, and what it said at all can still be asked."""
    by_hand(warehouse, "B", from_day=date(2026, 1, 1), note="first")
    known = now(warehouse)
    by_hand(warehouse, "C", from_day=date(2026, 2, 1), until_day=date(2026, 3, 1), note="second")
    asked = [datetime(2026, month, 15, tzinfo=UTC) for month in (1, 2, 3)]
    assert [(owner(warehouse, at) or ("",))[0] for at in asked] == ["B", "C", "B"]
    with warehouse.transaction() as connection:
        then = owners_as_known(connection, [NUMBER], MATCHING, known)
    assert [row.party_id for row in then] == ["A", "B"]
    notes = select(warehouse, "SELECT note FROM number_overrides WHERE superseded_at IS NULL ORDER BY valid_from")
    assert [note for (note,) in notes] == ["first", "second", "first"]


@pytest.mark.parametrize("is_retroactive", [False, True])
def test_taking_back_lets_the_cards_decide_again(warehouse: Warehouse, is_retroactive: bool) -> None:
    """From now on, or as if nothing had ever been assigned."""
    by_hand(warehouse, "B", is_retroactive=True)
    while_assigned = now(warehouse)
    take_back(warehouse, is_retroactive=is_retroactive)
    assert owner(warehouse, while_assigned) == (CARD if is_retroactive else ("B", None, "manual"))
    assert owner(warehouse, FAR_AHEAD) == CARD
    with pytest.raises(OverrideError, match="Nothing is assigned"):
        take_back(warehouse)


@pytest.mark.parametrize(
    ("number", "party", "how", "reason"),
    [
        ("101", "B", {}, "no subscriber number"),
        ("rubbish", "B", {}, "no subscriber number"),
        (NUMBER, "nobody", {}, "No client has the party_id 'nobody'"),
        (NUMBER, "C", {"contact_id": "c1"}, "has no contact 'c1'; known contacts: c9"),
        (NUMBER, None, {"contact_id": "c1"}, "has no contact"),
        (NUMBER, "B", {"is_retroactive": True, "from_day": date(2026, 1, 1)}, "leave one of the two out"),
        (NUMBER, "B", {"until_day": date(2020, 1, 1)}, "ended before it began"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_plain_words(
    warehouse: Warehouse, number: str, party: str | None, how: dict[str, Any], reason: str
) -> None:
    """Nothing is changed by it."""
    with pytest.raises(OverrideError, match=reason):
        by_hand(warehouse, party, number, **how)
    assert select(warehouse, "SELECT * FROM number_overrides") == []


def test_a_file_is_the_whole_truth_about_its_overrides(warehouse: Warehouse) -> None:
    """A row that went ends now, a row that stays is not written again, one that changes party passes the number on."""
    other = {"number": "+74950000001", "party_id": "C"}
    assert from_file(warehouse, {"party_id": "B", "retroactive": "yes"}, other) == OverridesReport(2, 0)
    assert from_file(warehouse, {"party_id": "B", "retroactive": "yes"}, other) == OverridesReport(0, 0)
    first = now(warehouse)
    assert from_file(warehouse, {"party_id": "C"}, other).recorded == 2
    assert from_file(warehouse, {"party_id": "C"}, other) == OverridesReport(0, 0)
    assert owner(warehouse, first) == ("B", None, "manual")
    assert owner(warehouse, FAR_AHEAD) == ("C", None, "manual")
    second = now(warehouse)
    from_file(warehouse, other)
    assert from_file(warehouse, other) == OverridesReport(0, 0)
    assert [owner(warehouse, at) for at in (first, second, FAR_AHEAD)] == [
        ("B", None, "manual"),
        ("C", None, "manual"),
        CARD,
    ]


def test_bad_rows_of_a_file_are_quarantined_and_the_others_taken(warehouse: Warehouse) -> None:
    """Each with its reason."""
    report = from_file(
        warehouse,
        {"party_id": "B"},
        {"party_id": "C"},
        {"number": "201", "party_id": "B"},
        {"number": "+74950000002", "party_id": "unheard of"},
    )
    assert report == OverridesReport(1, 3)
    assert owner(warehouse, FAR_AHEAD) == ("B", None, "manual")
    reasons = [reason for (reason,) in select(warehouse, "SELECT reason FROM quarantine ORDER BY reason")]
    assert reasons == [
        "no such party is known",
        "the number is assigned by hand at that time already",
        "the number is no subscriber number with country code or area code",
    ]


def test_a_number_held_by_a_file_is_changed_there(warehouse: Warehouse) -> None:
    """Two sources cannot speak about one number at one time; the command says where to go."""
    from_file(warehouse, {"party_id": "B"})
    with pytest.raises(OverrideError, match=r"assigned by hand at that time already. It is held from overrides_csv"):
        by_hand(warehouse, "C")
    by_hand(warehouse, "C", until_day=date(2020, 1, 1), from_day=date(2019, 1, 1))


def test_the_database_refuses_overlapping_overrides(warehouse: Warehouse) -> None:
    """Held by a constraint, whoever writes."""
    by_hand(warehouse, "B")
    with pytest.raises(IntegrityError, match="number_overrides_no_overlap"):
        select(
            warehouse,
            "INSERT INTO number_overrides (source, number, national_number, party_id) VALUES ('x', :n, '', 'A')",
            n=NUMBER,
        )


def test_an_override_and_a_job_at_once_end_in_the_same_rows(warehouse: Warehouse) -> None:
    """Assignments and updates of all owners wait for each other; the last word stands, and nothing overlaps."""
    start = threading.Barrier(5)
    failures: list[Exception] = []

    def work(number: int) -> None:
        start.wait(timeout=30)
        try:
            for _ in range(5):
                if number % 2:
                    by_hand(warehouse, "BC"[number // 2 % 2])
                else:
                    with warehouse.transaction() as connection:
                        update_owners(connection, MATCHING, every_number=True)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    [(said,)] = select(
        warehouse, "SELECT party_id FROM number_overrides WHERE superseded_at IS NULL AND valid_to IS NULL"
    )
    assert owner(warehouse, FAR_AHEAD) == (said, None, "manual")
    kept = select(warehouse, "SELECT * FROM number_owners ORDER BY number, valid_from NULLS FIRST")
    with warehouse.transaction() as connection:
        update_owners(connection, MATCHING, every_number=True)
    assert select(warehouse, "SELECT * FROM number_owners ORDER BY number, valid_from NULLS FIRST") == kept
