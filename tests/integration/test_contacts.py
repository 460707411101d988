"""Contacts in the warehouse: only differences are written, nothing goes silently."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from assets.contacts.errors import ContactsShrankError
from assets.contacts.load import (
    Changes,
    ContactsReport,
)
from assets.contacts.numbers import remember_numbers
from assets.contacts.rules import ContactRules
from resources.contacts.rows import RefusedContact
from resources.warehouse import Warehouse
from tests.contact_rows import contact, fetch, queued, store

# --- numbers -------------------------------------------------------------------------------------


def test_a_number_string_is_parsed_once(warehouse: Warehouse) -> None:
    """Known strings are neither parsed nor written again; each country keeps its own reading."""
    with warehouse.transaction() as connection:
        assert remember_numbers(connection, iter(["89161234567", "101", "89161234567"]), "RU") == 2
        assert remember_numbers(connection, ["101", "0"], "RU") == 1
        assert remember_numbers(connection, ["89161234567"], "DE") == 1
        assert remember_numbers(connection, ["1" * 5000], "RU") == 0
        assert remember_numbers(connection, [], "RU") == 0
    assert fetch(
        warehouse, "SELECT raw, number, national_number, kind FROM number_forms WHERE region = 'RU' ORDER BY 1"
    ) == [
        ("0", None, None, "hidden"),
        ("101", None, "101", "internal"),
        ("89161234567", "+79161234567", "9161234567", "external"),
    ]


def test_two_may_remember_the_same_numbers_at_once(warehouse: Warehouse) -> None:
    """Loads and contact work meet on the same strings, in any order: none fails, each is kept once."""
    raws = [f"8916{number:07}" for number in range(500)]
    start = threading.Barrier(4)
    failures: list[Exception] = []

    def remember(order: int) -> None:
        try:
            with warehouse.transaction() as connection:
                start.wait(timeout=30)
                remember_numbers(connection, raws[::order], "RU")
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=remember, args=(order,)) for order in (1, -1, 2, -3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert fetch(warehouse, "SELECT count(*) FROM number_forms") == [(500,)]


# --- clients and their numbers -------------------------------------------------------------------


def test_contacts_are_stored_with_their_numbers(warehouse: Warehouse) -> None:
    """One row per client, one per number of a contact, each number recognised; days are Moscow's."""
    report = store(
        warehouse,
        contact("P1", "8 495 123-45-67, доб. 5; 101", contact_id="C1", contact_name="Иван", responsible_id="E1"),
        contact("P1", "+7 916 123-45-67", contact_id="C2", valid_from="2026-01-01", valid_to="2026-03-01"),
        contact("P2", party_kind="person"),
    )
    assert report == ContactsReport(Changes(new=2), Changes(new=3), refused=0, skipped=0)
    assert fetch(warehouse, "SELECT party_id, source, name, kind, responsible_id FROM crm_parties ORDER BY 1") == [
        ("P1", "crm", "Name P1", "company", "E1"),
        ("P2", "crm", "Name P2", "person", None),
    ]
    moscow_midnight = datetime(2025, 12, 31, 21, tzinfo=UTC)
    assert fetch(
        warehouse,
        "SELECT contact_id, raw, contact_name, number, national_number, kind, valid_from, valid_to "
        "FROM crm_phones ORDER BY raw",
    ) == [
        (
            "C2",
            "+7 916 123-45-67",
            "",
            "+79161234567",
            "9161234567",
            "external",
            moscow_midnight,
            datetime(2026, 2, 28, 21, tzinfo=UTC),
        ),
        ("C1", "101", "Иван", None, "101", "internal", None, None),
        ("C1", "8 495 123-45-67, доб. 5", "Иван", "+74951234567", "4951234567", "external", None, None),
    ]


def test_the_same_contacts_again_write_nothing(warehouse: Warehouse) -> None:
    """A load that finds no difference leaves every row as it is and queues nobody."""
    rows = [contact(f"P{number}", f"8916{number:07}", contact_id="C") for number in range(50)]
    store(warehouse, *rows)
    queued(warehouse)
    versions = "SELECT xmin::text, ctid::text FROM crm_parties UNION ALL SELECT xmin::text, ctid::text FROM crm_phones"
    before = fetch(warehouse, versions)
    report = store(warehouse, *rows)
    assert (report.parties, report.phones) == (Changes(unchanged=50), Changes(unchanged=50))
    assert sorted(fetch(warehouse, versions)) == sorted(before)
    assert queued(warehouse) == set()


def test_only_differences_are_written(warehouse: Warehouse) -> None:
    """One name, one responsible, one number: these rows and no others, and only what alters routing is queued."""
    store(warehouse, *[contact(f"P{number}", f"8916{number:07}") for number in range(30)])
    queued(warehouse)
    report = store(
        warehouse,
        contact("P0", "89160000000", party_name="New"),
        contact("P1", "89160000001", responsible_id="E1"),
        contact("P2", "89169999999"),
        contact("P3", "89160000003", contact_name="Иван"),
        contact("P4", "89160000004", party_kind="person"),
        *[contact(f"P{number}", f"8916{number:07}") for number in range(5, 30)],
        contact("P30"),
    )
    assert report.parties == Changes(new=1, changed=3, unchanged=27)
    assert report.phones == Changes(new=1, changed=1, gone=1, unchanged=28)
    assert queued(warehouse) == {"P0", "P1", "P2", "tel:+79160000002", "tel:+79169999999"}


def test_what_is_gone_is_marked_and_unmarked_when_it_returns(warehouse: Warehouse) -> None:
    """A client missing in the source is kept with `gone_at`; coming back it is the same row."""
    rows = [contact(f"P{number}", f"8916{number:07}") for number in range(3)]
    store(warehouse, *rows)
    queued(warehouse)
    gone = store(warehouse, *rows[1:])
    assert (gone.parties.gone, gone.phones.gone) == (1, 1)
    assert queued(warehouse) == {"P0", "tel:+79160000000"}
    marked = (
        "SELECT p.party_id, p.gone_at IS NULL, c.gone_at IS NULL FROM crm_parties p JOIN crm_phones c USING (party_id)"
    )
    assert sorted(fetch(warehouse, marked)) == [("P0", False, False), ("P1", True, True), ("P2", True, True)]
    assert store(warehouse, *rows[1:]).parties == Changes(unchanged=2)
    back = store(warehouse, *rows)
    assert (back.parties, back.phones) == (Changes(changed=1, unchanged=2), Changes(changed=1, unchanged=2))
    assert all(is_live for row in fetch(warehouse, marked) for is_live in row[1:])
    assert queued(warehouse) == {"P0", "tel:+79160000000"}


def test_a_source_that_shrank_is_refused(warehouse: Warehouse) -> None:
    """Half an export must not take the owners of the other half away: the load says so and nothing changes."""
    rows = [contact(f"P{number}", f"8916{number:07}") for number in range(40)]
    store(warehouse, *rows)
    with pytest.raises(ContactsShrankError, match=r"Source crm has lost 20 of 40 clients\. At most 30%"):
        store(warehouse, *rows[:20])
    without_numbers = [contact(f"P{number}") for number in range(20)]
    with pytest.raises(ContactsShrankError, match="has lost 20 of 40 phone numbers"):
        store(warehouse, *rows[20:], *without_numbers)
    assert fetch(warehouse, "SELECT count(*) FROM crm_parties WHERE gone_at IS NOT NULL") == [(0,)]
    assert store(warehouse, *rows[:20], rules=ContactRules(largest_loss=0.5)).parties.gone == 20
    assert store(warehouse, *rows[:14]).parties.gone == 6


def test_small_sources_may_shrink_but_not_vanish(warehouse: Warehouse) -> None:
    """Below the guarded count any share may go; an empty answer is never taken for "no contacts"."""
    store(warehouse, contact("P1", "89160000001"), contact("P2", "89160000002"))
    assert store(warehouse, contact("P3", "89160000003")).parties == Changes(new=1, gone=2)
    with pytest.raises(ContactsShrankError, match="has lost 1 of 1 clients"):
        store(warehouse)


def test_a_row_that_cannot_be_read_does_not_make_its_client_gone(warehouse: Warehouse) -> None:
    """A slip in a date costs nobody their number: the row is in the quarantine, what we held stays."""
    store(warehouse, contact("P1", "89160000001"), contact("P2", "89160000002"))
    refused = RefusedContact("valid_from is not a date", "P2,...", "P2")
    report = store(warehouse, contact("P1", "89160000001"), refused=[refused])
    assert (report.refused, report.parties.gone, report.phones.gone) == (1, 0, 0)
    store(warehouse, contact("P1", "89160000001"), refused=[refused])
    assert fetch(warehouse, "SELECT source, reason, raw, times_seen FROM quarantine") == [
        ("crm", "valid_from is not a date", "P2,...", 2)
    ]


def test_a_client_belongs_to_one_source(warehouse: Warehouse) -> None:
    """Two sources with one party_id would undo each other's rows at every load: the later is refused."""
    store(warehouse, contact("P1", "89160000001"), source="first")
    report = store(warehouse, contact("P1", "89160000002"), contact("P2", "89160000003"), source="second")
    assert (report.refused, report.parties, report.phones) == (1, Changes(new=1), Changes(new=1))
    ((reason, raw),) = fetch(warehouse, "SELECT reason, raw FROM quarantine")
    assert reason == "the party is held from source first; a party_id belongs to one source"
    assert "89160000002" in raw
    store(warehouse, contact("P9", "89160000009"), source="first")
    assert store(warehouse, contact("P1", "89160000002"), contact("P2"), source="second").parties.changed == 1
    assert fetch(warehouse, "SELECT source, gone_at FROM crm_parties WHERE party_id = 'P1'") == [("second", None)]


def test_a_number_twice_on_a_contact(warehouse: Warehouse) -> None:
    """Written twice it is one; with other dates the later row is refused, for it would undo the first."""
    report = store(
        warehouse,
        contact("P1", "89160000001", contact_id="C", valid_to="2026-01-01"),
        contact("P1", "89160000001", contact_id="C", valid_from="2026-02-01"),
        contact("P1", "89160000001", contact_id="C", valid_to="2026-01-01"),
    )
    assert (report.phones, report.refused) == (Changes(new=1), 1)
    ((reason,),) = fetch(warehouse, "SELECT reason FROM quarantine")
    assert reason == "the contact has this number already, with other dates"


def test_a_cell_too_long_for_a_number_is_refused(warehouse: Warehouse) -> None:
    """A page of text in the phone cell is set aside; the client and its other numbers are taken."""
    report = store(warehouse, contact("P1", "89160000001\n" + "x" * 300))
    assert (report.parties.new, report.phones.new, report.refused) == (1, 1, 1)
