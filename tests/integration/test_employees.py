"""Employees in the warehouse: who held an extension when, and what hangs on it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import insert, text

from assets.contacts.errors import ContactsShrankError
from assets.contacts.load import (
    Changes,
    EmployeesReport,
)
from assets.history.calls import prepare, regroup_touched_calls
from resources.contacts.rows import RefusedContact
from resources.warehouse import Warehouse
from resources.warehouse.tables import call_legs, participation, routing_table
from tests.contact_rows import TODAY_SQL, contact, employ, employee, fetch, holdings, queued, store

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
