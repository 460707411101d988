"""From a number to its owner: the ladder, what is no client's number, and never a silent pick."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import text

from assets.contacts.load import store_contacts, store_employees
from assets.contacts.own_numbers import store_own_lines
from assets.contacts.ownership import update_owners
from assets.contacts.rules import ContactRules, MatchingRules
from assets.enrichment.enrich import NumberRules
from assets.enrichment.fill import fill_owners
from assets.history.load import LoadRules
from resources.contacts.csv_files import read_contacts_csv
from resources.contacts.rows import CONTACT_COLUMNS, EMPLOYEE_COLUMNS, ContactPortion
from resources.warehouse import Warehouse
from tests.rows import at, leg, load, select

DATA = Path(__file__).parents[1] / "data" / "ownership"
MORNING = at("2026-03-16 10:00:00")
CALLER = "+74951000001"


def take_in(warehouse: Warehouse, portions: Iterable[ContactPortion], rules: MatchingRules | None = None) -> None:
    with warehouse.transaction() as connection:
        store_contacts(connection, "crm", portions, ContactRules())
        update_owners(connection, rules or MatchingRules())


def cards(*given: tuple[str, str]) -> list[ContactPortion]:
    """Cards of companies: party and number."""
    rows = [
        dict.fromkeys(CONTACT_COLUMNS, "") | {"party_id": p, "party_name": p, "party_kind": "company", "phones": n}
        for p, n in given
    ]
    return [ContactPortion(pd.DataFrame(rows, columns=list(CONTACT_COLUMNS), dtype=str))]


def employ(warehouse: Warehouse, **unusual: str) -> None:
    row = dict.fromkeys(EMPLOYEE_COLUMNS, "") | {"employee_id": "anna", "name": "Анна"} | unusual
    portion = ContactPortion(pd.DataFrame([row], columns=list(EMPLOYEE_COLUMNS), dtype=str))
    with warehouse.transaction() as connection:
        store_employees(connection, "crm", [portion], ContactRules())


def call_from(warehouse: Warehouse, *callers: str, did: str = "") -> None:
    load(
        warehouse,
        [
            leg(f"call-{n}-{caller}", MORNING + timedelta(minutes=n), caller, "201", duration=30, talk=20, did=did)
            for n, caller in enumerate(callers)
        ],
    )


def found(warehouse: Warehouse) -> list[Any]:
    return select(
        warehouse,
        "SELECT number, outcome, party_id, contact_id, rung, candidates, number_kind, listed_as "
        "FROM enriched_calls ORDER BY started_at",
    )


def labelled() -> list[dict[str, str]]:
    with (DATA / "calls.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_nobody_is_picked_silently(warehouse: Warehouse) -> None:
    """The labelled set: every call finds whom people say it should, by the rung they say, and nobody where unsure."""
    take_in(warehouse, read_contacts_csv(DATA / "cards.csv"))
    wanted = labelled()
    call_from(warehouse, *[row["caller"] for row in wanted])
    picked = {row["caller"]: seen for row, seen in zip(wanted, found(warehouse), strict=True)}
    silent = [
        caller for caller, row in zip(picked, wanted, strict=True) if row["outcome"] != "owned" and picked[caller][2]
    ]
    assert silent == []
    for row in wanted:
        seen = picked[row["caller"]]
        shown = (seen.outcome, seen.party_id or "", seen.contact_id or "", seen.rung or "")
        assert shown == (row["outcome"], row["party_id"], row["contact_id"], row["rung"]), row["why"]
        assert (len(seen.candidates) > 1) == (row["outcome"] == "ambiguous"), row["why"]


def test_a_share_of_parties_makes_a_reception(warehouse: Warehouse) -> None:
    """The fan-out from which a number tells nothing is a setting; deciding anew applies it to what is known."""
    shared = cards(("A", CALLER), ("B", CALLER), ("C", CALLER))
    take_in(warehouse, shared)
    call_from(warehouse, CALLER)
    assert found(warehouse)[0].outcome == "ambiguous"
    with warehouse.transaction() as connection:
        update_owners(connection, MatchingRules(shared_from=3), every_number=True)
    fill_owners(warehouse, MORNING.date(), MORNING.date(), NumberRules())
    [call] = found(warehouse)
    assert (call.outcome, call.party_id, call.candidates) == ("shared", None, [])


@pytest.mark.parametrize(("digits", "rung"), [(10, "tail"), (11, None), (0, None)])
def test_the_tail_is_as_long_as_the_settings_say(warehouse: Warehouse, digits: int, rung: str | None) -> None:
    """A shorter or absent tail finds what a longer one does not."""
    take_in(warehouse, cards(("A", "+79161234567")))
    rules = LoadRules(matching=MatchingRules(tail_digits=digits))
    load(warehouse, [leg("c", MORNING, "999161234567", "201", talk=10)], rules)
    assert found(warehouse)[0].rung == rung


def test_a_written_country_code_rules_the_lower_rungs_out(warehouse: Warehouse) -> None:
    """A number that says where it is from is another one than that of the same digits elsewhere."""
    take_in(warehouse, cards(("A", "+79161234567")))
    call_from(warehouse, "+989161234567", "989161234567", "00989161234567", "999161234567")
    assert [call.rung for call in found(warehouse)] == [None, "national", None, "tail"]


def test_lines_of_our_own_are_learned_from_calls(warehouse: Warehouse) -> None:
    """A number at which outsiders called is ours: a call that shows it as its client has no unknown client."""
    call_from(warehouse, "84957770001")
    assert found(warehouse)[0].outcome == "unknown"
    call_from(warehouse, "84951112233", "84957770001", did="74957770001")
    kinds = [(call.outcome, call.number_kind) for call in found(warehouse)[1:]]
    assert kinds == [("unknown", "external"), ("own", "own_did")]
    assert select(warehouse, "SELECT number, kind, source FROM own_numbers") == [("+74957770001", "own_did", "office")]
    assert select(warehouse, "SELECT number FROM numbers_to_relink") == [("+74957770001",)]


def test_lines_named_in_the_settings_are_ours_while_they_are_named(warehouse: Warehouse) -> None:
    """Naming none any more ends it from then on; what was ours then stays so."""
    with warehouse.transaction() as connection:
        assert store_own_lines(connection, ["8 495 777-00-01", "no number"], "RU", 4) == 1
        assert store_own_lines(connection, ["+74957770001"], "RU", 4) == 0
    call_from(warehouse, "84957770001")
    assert found(warehouse)[0].number_kind == "own_did"
    with warehouse.transaction() as connection:
        assert store_own_lines(connection, [], "RU", 4) == 1
    fill_owners(warehouse, MORNING.date(), MORNING.date(), NumberRules())
    assert found(warehouse)[0].number_kind == "own_did"
    assert select(warehouse, "SELECT valid_to IS NULL FROM own_numbers") == [(False,)]


def test_an_employees_mobile_is_nobodys_number_whatever_the_cards_say(warehouse: Warehouse) -> None:
    """The card stays to be reviewed; from the day after the last one at work the number is a client's again."""
    take_in(warehouse, cards(("A", "+79161234567")))
    employ(warehouse, mobile="8 916 123-45-67", employed_until="2026-03-15")
    call_from(warehouse, "89161234567")
    load(warehouse, [leg("before", MORNING - timedelta(days=1), "89161234567", "201", talk=10)])
    before, after = found(warehouse)
    assert (before.outcome, before.party_id, before.number_kind) == ("own", None, "own_mobile")
    assert (after.outcome, after.party_id, after.number_kind) == ("owned", "A", "external")


def test_a_line_of_ours_on_a_clients_card_is_the_clients(warehouse: Warehouse) -> None:
    """What a server reports as called may be wrong; a card says more."""
    take_in(warehouse, cards(("A", CALLER)))
    with warehouse.transaction() as connection:
        store_own_lines(connection, [CALLER], "RU", 4)
    call_from(warehouse, CALLER)
    assert found(warehouse)[0].party_id == "A"


@pytest.mark.parametrize(
    ("expires_at", "gone_at", "outcome"),
    [
        (None, None, "listed"),
        (MORNING + timedelta(hours=1), None, "listed"),
        (MORNING - timedelta(hours=1), None, "unknown"),
        (None, MORNING, "unknown"),
    ],
)
def test_listed_numbers_are_marked_until_they_expire(
    warehouse: Warehouse, expires_at: datetime | None, gone_at: datetime | None, outcome: str
) -> None:
    """A list marks callers whom no card knows, up to its expiry and while it holds the number."""
    with warehouse.transaction() as connection:
        connection.execute(
            text(
                "INSERT INTO listed_numbers (source, number, kind, expires_at, gone_at) "
                "VALUES ('list', '+74951112233', 'spam', :expires_at, :gone_at)"
            ),
            {"expires_at": expires_at, "gone_at": gone_at},
        )
    call_from(warehouse, "84951112233")
    [call] = found(warehouse)
    assert (call.outcome, call.listed_as) == (outcome, "spam" if outcome == "listed" else None)


def test_a_client_on_a_spam_list_is_still_a_client(warehouse: Warehouse) -> None:
    """A list of strangers does not take a number from its owner; the mark is kept beside."""
    take_in(warehouse, cards(("A", CALLER)))
    with warehouse.transaction() as connection:
        connection.execute(
            text("INSERT INTO listed_numbers (source, number, kind) VALUES ('l', :n, 'spam')"), {"n": CALLER}
        )
    call_from(warehouse, CALLER)
    [call] = found(warehouse)
    assert (call.outcome, call.party_id, call.listed_as) == ("owned", "A", "spam")
