"""Contacts and employees in the warehouse: only differences are written, nothing goes silently."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import insert, text

from assets.contacts.errors import ContactsShrankError
from assets.contacts.load import (
    Changes,
    ContactsReport,
    EmployeesReport,
    store_contacts,
    store_employees,
)
from assets.contacts.numbers import remember_numbers
from assets.contacts.rules import ContactRules
from assets.history.calls import prepare, regroup_touched_calls
from resources.contacts.rows import CONTACT_COLUMNS, EMPLOYEE_COLUMNS, ContactPortion, RefusedContact
from resources.warehouse import Warehouse
from resources.warehouse.tables import call_legs, participation, routing_table

RULES = ContactRules()
TODAY_SQL = "CAST(now() AT TIME ZONE 'Europe/Moscow' AS date)"


def contact(party: str, phones: str = "", **other: str) -> dict[str, str]:
    given = {"party_id": party, "party_name": f"Name {party}", "party_kind": "company", "phones": phones}
    return dict.fromkeys(CONTACT_COLUMNS, "") | given | other


def employee(employee_id: str, extension: str = "", **other: str) -> dict[str, str]:
    given = {"employee_id": employee_id, "name": f"Name {employee_id}", "extension": extension}
    return dict.fromkeys(EMPLOYEE_COLUMNS, "") | given | other


def portion(rows: Sequence[dict[str, str]], columns: tuple[str, ...], *refused: RefusedContact) -> ContactPortion:
    return ContactPortion(pd.DataFrame(rows, columns=list(columns), dtype=str), refused)


def store(
    warehouse: Warehouse,
    *rows: dict[str, str],
    source: str = "crm",
    rules: ContactRules = RULES,
    refused: Sequence[RefusedContact] = (),
) -> ContactsReport:
    with warehouse.transaction() as connection:
        return store_contacts(connection, source, [portion(rows, CONTACT_COLUMNS, *refused)], rules)


def employ(
    warehouse: Warehouse,
    *rows: dict[str, str],
    source: str = "crm",
    refused: Sequence[RefusedContact] = (),
) -> EmployeesReport:
    with warehouse.transaction() as connection:
        return store_employees(connection, source, [portion(rows, EMPLOYEE_COLUMNS, *refused)], RULES)


def fetch(warehouse: Warehouse, query: str) -> list[tuple[Any, ...]]:
    with warehouse.transaction() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def queued(warehouse: Warehouse) -> set[str]:
    """Take the queued clients."""
    return {client for (client,) in fetch(warehouse, "DELETE FROM changed_clients RETURNING client_id")}


def holdings(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    return fetch(
        warehouse,
        "SELECT extension, employee_id, valid_from, valid_to FROM employee_extensions "
        "ORDER BY extension, valid_from NULLS FIRST",
    )


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


# --- employees -----------------------------------------------------------------------------------


def test_employees_and_their_holdings_are_stored(warehouse: Warehouse) -> None:
    """An employee once, a holding per row; what is written in one of the rows counts for the employee."""
    report = employ(
        warehouse,
        employee("E1", "101", valid_to="2026-03-01", employed_from="2020-01-01", department="Продажи"),
        employee("E1", "102", valid_from="2026-03-01", mobile="+79161234567"),
        employee("E2", "101", valid_from="2026-03-01", employed_until="2026-12-31"),
        employee("E3"),
    )
    assert report == EmployeesReport(Changes(new=3), Changes(new=3), regrouped=0, refused=0)
    assert fetch(
        warehouse,
        "SELECT employee_id, name, department, mobile, employed_from, employed_until FROM crm_employees ORDER BY 1",
    ) == [
        ("E1", "Name E1", "Продажи", "+79161234567", date(2020, 1, 1), None),
        ("E2", "Name E2", "", None, None, date(2026, 12, 31)),
        ("E3", "Name E3", "", None, None, None),
    ]
    assert holdings(warehouse) == [
        ("101", "E1", None, date(2026, 3, 1)),
        ("101", "E2", date(2026, 3, 1), None),
        ("102", "E1", date(2026, 3, 1), None),
    ]


def test_the_same_employees_again_write_nothing(warehouse: Warehouse) -> None:
    """A load that finds no difference leaves every row as it is."""
    rows = [employee(f"E{number}", str(100 + number)) for number in range(20)]
    employ(warehouse, *rows)
    versions = (
        "SELECT xmin::text, ctid::text FROM crm_employees UNION ALL "
        "SELECT xmin::text, ctid::text FROM employee_extensions"
    )
    before = fetch(warehouse, versions)
    report = employ(warehouse, *rows)
    assert (report.employees, report.extensions) == (Changes(unchanged=20), Changes(unchanged=20))
    assert sorted(fetch(warehouse, versions)) == sorted(before)


def test_a_second_holder_at_one_time_is_refused(warehouse: Warehouse) -> None:
    """The later row goes to the quarantine with the holder's name; a row that fits beside the first is taken."""
    report = employ(
        warehouse,
        employee("E1", "101", valid_to="2026-03-01"),
        employee("E2", "101"),
        employee("E3", "101", valid_from="2026-03-01"),
        employee("E1", "101", valid_to="2026-03-01"),
        employee("E3", "102"),
        employee("E2", "102"),
    )
    assert (report.employees.new, report.refused) == (3, 2)
    assert holdings(warehouse) == [
        ("101", "E1", None, date(2026, 3, 1)),
        ("101", "E3", date(2026, 3, 1), None),
        ("102", "E3", None, None),
    ]
    reasons = fetch(warehouse, "SELECT reason, raw::jsonb ->> 'employee_id' FROM quarantine ORDER BY 1")
    assert reasons == [
        ("extension 101 is held by employee E1 at that time", "E2"),
        ("extension 102 is held by employee E3 at that time", "E2"),
    ]


def test_an_extension_held_in_another_source_is_refused(warehouse: Warehouse) -> None:
    """Two lists of employees cannot both give an internal number away."""
    employ(warehouse, employee("E1", "101"), source="first")
    report = employ(warehouse, employee("E2", "101"), employee("E1", "102"), source="second")
    assert (report.employees, report.refused) == (Changes(new=1), 2)
    assert holdings(warehouse) == [("101", "E1", None, None)]


def test_who_left_the_source_keeps_what_was_held_until_today(warehouse: Warehouse) -> None:
    """Calls of last year stay with who took them; from today the number is free for a successor."""
    ((today,),) = fetch(warehouse, f"SELECT {TODAY_SQL}")
    employ(warehouse, employee("E1", "101"), employee("E2", "102"))
    employ(warehouse, employee("E2", "102"))
    assert holdings(warehouse) == [("101", "E1", None, today), ("102", "E2", None, None)]
    report = employ(warehouse, employee("E2", "102"), employee("E3", "101", valid_from=today.isoformat()))
    assert holdings(warehouse)[:2] == [("101", "E1", None, today), ("101", "E3", today, None)]
    assert report.extensions == Changes(new=1, unchanged=2)


def test_the_file_comes_before_what_is_remembered(warehouse: Warehouse) -> None:
    """Where the source now says who held a number, the memory of one who left makes room, and no more."""
    employ(warehouse, employee("E1", "101", valid_from="2020-01-01", valid_to="2025-01-01"), employee("E2"))
    employ(warehouse, employee("E2", "101", valid_from="2022-01-01", valid_to="2023-01-01"))
    assert holdings(warehouse) == [
        ("101", "E1", date(2020, 1, 1), date(2022, 1, 1)),
        ("101", "E2", date(2022, 1, 1), date(2023, 1, 1)),
        ("101", "E1", date(2023, 1, 1), date(2025, 1, 1)),
    ]


def test_a_corrected_holding_replaces_the_wrong_one(warehouse: Warehouse) -> None:
    """For employees it lists the source is the whole truth, about the past too."""
    employ(warehouse, employee("E1", "101"), employee("E2", "102"))
    employ(warehouse, employee("E1", "102"), employee("E2", "101"))
    assert holdings(warehouse) == [("101", "E2", None, None), ("102", "E1", None, None)]


def test_an_unreadable_employee_keeps_the_extension(warehouse: Warehouse) -> None:
    """A row with a broken date is quarantined; the employee and the holding stay as they were."""
    employ(warehouse, employee("E1", "101"), employee("E2", "102"))
    report = employ(
        warehouse, employee("E1", "101"), refused=[RefusedContact("valid_from is not a date", "E2;...", "E2")]
    )
    assert (report.refused, report.employees.gone) == (1, 0)
    assert holdings(warehouse) == [("101", "E1", None, None), ("102", "E2", None, None)]


def test_a_list_of_employees_that_shrank_is_refused(warehouse: Warehouse) -> None:
    """Half a list of employees would take half the routing away."""
    rows = [employee(f"E{number}", str(100 + number)) for number in range(30)]
    employ(warehouse, *rows)
    with pytest.raises(ContactsShrankError, match="has lost 15 of 30 employees"):
        employ(warehouse, *rows[:15])
    assert len(holdings(warehouse)) == 30


# --- what hangs on employees ---------------------------------------------------------------------


def add_call(warehouse: Warehouse, linkedid: str, day: date, extension: str) -> None:
    started_at = datetime(day.year, day.month, day.day, 10, tzinfo=UTC)
    with warehouse.transaction() as connection:
        connection.execute(
            insert(call_legs).values(
                pbx_id="pbx",
                leg_id=linkedid,
                linkedid=linkedid,
                call_day=day,
                started_at=started_at,
                ended_at=started_at.replace(minute=1),
                src_number="89161234567",
                dst_number=extension,
                dst_extension=extension,
                disposition="ANSWERED",
                duration_seconds=60,
                talk_seconds=50,
                is_app=False,
                raw={},
            )
        )
        prepare(connection)
        connection.execute(text("INSERT INTO touched_calls VALUES ('pbx', :linkedid)"), {"linkedid": linkedid})
        regroup_touched_calls(connection, "Europe/Moscow")


def test_a_changed_holding_regroups_the_calls_of_its_days(warehouse: Warehouse) -> None:
    """Calls get the employee who held the number that day; calls of other days and numbers are not touched."""
    employ(warehouse, employee("E1", "101"), employee("E2", "102"))
    add_call(warehouse, "before", date(2026, 2, 28), "101")
    add_call(warehouse, "after", date(2026, 3, 1), "101")
    add_call(warehouse, "other", date(2026, 3, 1), "102")
    report = employ(
        warehouse,
        employee("E1", "101", valid_to="2026-03-01"),
        employee("E3", "101", valid_from="2026-03-01"),
        employee("E2", "102"),
        employee("E4", "104"),
    )
    assert report.regrouped == 1
    assert fetch(warehouse, "SELECT linkedid, employees FROM call_history ORDER BY 1") == [
        ("after", ["E3"]),
        ("before", ["E1"]),
        ("other", ["E2"]),
    ]
    assert fetch(warehouse, "SELECT linkedid FROM changed_calls") == [("after",)]


def name_employee(warehouse: Warehouse, client: str, employee_id: str) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    with warehouse.transaction() as connection:
        connection.execute(
            insert(participation).values(
                client_id=client,
                employee_id=employee_id,
                log_score=1,
                interactions=1,
                talk_seconds=1,
                first_at=now,
                last_at=now,
            )
        )
        connection.execute(
            insert(routing_table).values(
                version=1,
                number=f"+7{client}",
                rank=1,
                client_id=f"routed {client}",
                employee_id=employee_id,
                employee_name="",
                score=1,
                share=1,
                is_responsible=True,
                reason="rank",
            )
        )


@pytest.mark.parametrize(
    ("change", "is_queued"),
    [
        ({"name": "New"}, True),
        ({"employed_until": "2026-01-01"}, True),
        ({"employed_from": "2026-01-01"}, True),
        ({"extension": "109"}, True),
        ({"mobile": "+79161234567"}, False),
        ({"department": "Склад"}, False),
        ({}, False),
    ],
)
def test_what_alters_routing_queues_the_clients_of_the_employee(
    warehouse: Warehouse, change: dict[str, str], is_queued: bool
) -> None:
    """A name, a day at work, an internal number: the clients it can concern are ranked again; else nobody."""
    others = [employee("E2", "102"), employee("E3", "103")]
    employ(warehouse, employee("E1", "101"), *others)
    store(warehouse, contact("owned", responsible_id="E1"), contact("other", responsible_id="E2"))
    name_employee(warehouse, "1", "E1")
    name_employee(warehouse, "2", "E2")
    queued(warehouse)
    employ(warehouse, employee("E1", **{"extension": "101"} | change), *others)
    assert queued(warehouse) == ({"1", "routed 1", "owned"} if is_queued else set())


def test_an_employee_who_left_queues_clients(warehouse: Warehouse) -> None:
    """Nobody may be sent to an employee who is gone."""
    employ(warehouse, employee("E1"), employee("E2"))
    name_employee(warehouse, "1", "E1")
    queued(warehouse)
    employ(warehouse, employee("E2"))
    assert queued(warehouse) == {"1", "routed 1"}
