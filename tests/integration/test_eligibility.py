"""Who may be offered when: hours, absences, holidays, exclusions, deputies and pins, from their files to an answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from assets.contacts.rules import ContactRules
from assets.contacts.sources import FileSource
from assets.eligibility.errors import PinError
from assets.eligibility.pins import pin, unpin
from resources.contacts.eligibility_files import COLUMNS, EligibilityKind
from resources.warehouse import Warehouse
from tests.fix_gateway import IVANOV, STRANGER, build_table, execute
from tests.rows import at, select

RULES = ContactRules()
ZONE = "Europe/Moscow"
MONDAY = date(2026, 11, 23)


@pytest.fixture
def staff(warehouse: Warehouse) -> Warehouse:
    """Anna of Sales, responsible for a client, and Boris of Support, second."""
    build_table(warehouse)
    execute(
        warehouse,
        "UPDATE crm_employees SET department = 'Sales' WHERE employee_id = 'anna'",
        "UPDATE published_routing SET stale_at = '2099-01-01'",
    )
    return warehouse


def take(warehouse: Warehouse, folder: Path, kind: EligibilityKind, *lines: str) -> int:
    """Make a file say these lines and take it in; return the rows written."""
    path = folder / f"{kind}.csv"
    path.write_text("\n".join([",".join(COLUMNS[kind]), *lines]) + "\n", "utf-8")
    done = FileSource(kind, path).refresh(warehouse, RULES)
    assert done.refused == 0
    return done.eligibility


def unavailable(warehouse: Warehouse, moment: str, who: str = "anna") -> str | None:
    query = "SELECT unavailable FROM availability(:at, :zone) WHERE employee_id = :who"
    [(reason,)] = select(warehouse, query, at=at(moment), zone=ZONE, who=who)
    return str(reason) if reason else None


def answer(warehouse: Warehouse, moment: str, number: str = IVANOV) -> tuple[Any, ...]:
    query = "SELECT employee_id, reason, instead_of FROM route(:number, :at)"
    [row] = select(warehouse, query, number=number, at=at(moment))
    return tuple(row)


def test_who_goes_off_at_six_is_not_offered_from_six_on(staff: Warehouse, tmp_path: Path) -> None:
    """By the moment of the call; the next in the ranking is."""
    take(staff, tmp_path, "working_hours_csv", "anna,,пн-пт,09:00,18:00,,")
    assert answer(staff, "2026-11-23 17:59:59") == ("anna", "rank", None)
    assert answer(staff, "2026-11-23 18:00:00") == ("boris", "rank", None)
    assert answer(staff, "2026-11-23 08:59:59") == ("boris", "rank", None)
    assert unavailable(staff, "2026-11-22 12:00:00") == "off_hours"  # a Sunday


def test_a_shift_over_midnight_is_the_day_befores(staff: Warehouse, tmp_path: Path) -> None:
    """Friday 22:00 to Saturday 06:00 is Friday's."""
    take(staff, tmp_path, "working_hours_csv", "anna,,fri,22:00,06:00,,", "boris,,sat,00:00,24:00,,")
    wanted = {"2026-11-27 21:59:00": "off_hours", "2026-11-27 22:00:00": None, "2026-11-28 05:59:00": None,
              "2026-11-28 06:00:00": "off_hours", "2026-11-27 03:00:00": "off_hours"}  # fmt: skip
    assert {moment: unavailable(staff, moment) for moment in wanted} == wanted
    assert unavailable(staff, "2026-11-28 23:59:59", "boris") is None
    assert unavailable(staff, "2026-11-29 00:00:00", "boris") == "off_hours"


def test_an_employees_own_hours_go_before_the_departments_and_those_before_everybodys(
    staff: Warehouse, tmp_path: Path
) -> None:
    """And hours may change on a day."""
    take(
        staff,
        tmp_path,
        "working_hours_csv",
        ",,1-7,10:00,12:00,,",
        ",Sales,1-7,12:00,14:00,,",
        "anna,,1-7,14:00,16:00,2026-11-24,2026-11-25",
    )
    assert [unavailable(staff, f"2026-11-23 {hour}:30:00") for hour in (11, 13, 15)] == ["off_hours", None, "off_hours"]
    assert [unavailable(staff, f"2026-11-25 {hour}:30:00") for hour in (11, 13, 15)] == ["off_hours", "off_hours", None]
    assert [unavailable(staff, f"2026-11-26 {hour}:30:00") for hour in (11, 13, 15)] == ["off_hours", None, "off_hours"]
    assert [unavailable(staff, f"2026-11-23 {hour}:30:00", "boris") for hour in (11, 13)] == [None, "off_hours"]


def test_holidays_are_off_unless_hours_say_otherwise_and_a_saturday_may_be_worked(
    staff: Warehouse, tmp_path: Path
) -> None:
    """A holiday closes also whoever has no hours; a moved working day has its weekday's hours."""
    take(staff, tmp_path, "holidays_csv", "2026-11-04,День народного единства,", "2026-11-28,перенос,fri")
    assert unavailable(staff, "2026-11-04 12:00:00") == "holiday"
    take(staff, tmp_path, "working_hours_csv", "anna,,1-5,09:00,18:00,,", "anna,,holiday,10:00,11:00,,")
    assert unavailable(staff, "2026-11-04 10:30:00") is None
    assert unavailable(staff, "2026-11-04 12:00:00") == "holiday"
    assert unavailable(staff, "2026-11-28 12:00:00") is None
    assert unavailable(staff, "2026-11-21 12:00:00") == "off_hours"


def test_an_absence_ends_with_its_last_day_and_a_deputy_stands_in(staff: Warehouse, tmp_path: Path) -> None:
    """The deputy takes the place of the absent, before the next in the ranking, unless away as well."""
    execute(
        staff,
        "INSERT INTO crm_employees (employee_id, source, name) VALUES ('vera', 'hand', 'Вера')",
        "INSERT INTO employee_extensions (employee_id, extension) VALUES ('vera', '203')",
    )
    take(
        staff, tmp_path, "absences_csv", "anna,2026-11-20,2026-11-23,отпуск", "vera,2026-11-23 12:00,2026-11-23 13:00,"
    )
    assert answer(staff, "2026-11-23 11:00:00") == ("boris", "rank", None)
    take(staff, tmp_path, "deputies_csv", "anna,vera,1,,")
    assert answer(staff, "2026-11-23 11:00:00") == ("vera", "rank", "anna")
    assert answer(staff, "2026-11-23 12:30:00") == ("boris", "rank", None)
    assert answer(staff, "2026-11-23 13:00:00") == ("vera", "rank", "anna")
    assert answer(staff, "2026-11-24 00:00:00") == ("anna", "rank", None)


def test_an_exclusion_is_dated_and_has_its_clients_ranked_anew(staff: Warehouse, tmp_path: Path) -> None:
    """Not offered, though at work; only clients of whom it changes are queued."""
    execute(
        staff,
        "INSERT INTO participation (client_id, employee_id, log_score, interactions, talk_seconds, first_at, last_at) "
        "SELECT 'of ' || employee_id, employee_id, 1, 1, 1, now(), now() FROM crm_employees",
    )
    take(staff, tmp_path, "exclusions_csv", "anna,2026-11-20,2026-11-30,leads no clients this month")
    assert unavailable(staff, "2026-11-23 12:00:00") == "excluded"
    assert unavailable(staff, "2026-12-01 00:00:00") is None
    queue = "DELETE FROM changed_clients RETURNING client_id"
    assert select(staff, queue) == [("of anna",)]
    assert take(staff, tmp_path, "exclusions_csv", "anna,2026-11-20,2026-11-30,another note") == 2
    assert select(staff, queue) == []
    take(staff, tmp_path, "exclusions_csv")
    assert select(staff, queue) == [("of anna",)]


def test_a_file_writes_only_what_differs_and_keeps_its_hands_off_others(staff: Warehouse, tmp_path: Path) -> None:
    """The same file again writes nothing; of two rows about one thing the last counts."""
    execute(staff, "INSERT INTO employee_absences VALUES ('hand', 'boris', '2026-01-01', NULL, '')")
    lines = ["anna,2026-11-01,2026-11-05,", "anna,2026-11-10,,", "anna,2026-11-10,2026-11-12,"]
    assert take(staff, tmp_path, "absences_csv", *lines) == 2
    assert take(staff, tmp_path, "absences_csv", *lines) == 0
    assert take(staff, tmp_path, "absences_csv", lines[0]) == 1
    held = select(staff, "SELECT source, employee_id FROM employee_absences ORDER BY 1")
    assert held == [("absences_csv", "anna"), ("hand", "boris")]


def test_a_pin_goes_before_every_rule_until_it_ends(staff: Warehouse) -> None:
    """Set and taken back by hand; a pinned number keeps it whoever owns it, a later pin wins."""
    tomorrow = datetime.now(at("2026-01-01 00:00:00").tzinfo) + timedelta(days=1)
    with staff.transaction() as connection:
        assert pin(connection, "8 (495) 111-22-33", "boris", RULES, until=tomorrow) == f"tel:{IVANOV}"
    [(who, reason)] = select(staff, "SELECT employee_id, reason FROM route(:number)", number=IVANOV)
    assert (who, reason) == ("boris", "pin")
    query = "SELECT employee_id, reason FROM route(:number, :at)"
    assert select(staff, query, number=IVANOV, at=tomorrow) == [("anna", "rank")]
    with staff.transaction() as connection:
        assert pin(connection, STRANGER, "anna", RULES) == f"tel:{STRANGER}"
        unpin(connection, IVANOV, RULES)
    assert select(staff, "SELECT employee_id, reason FROM route(:number)", number=IVANOV) == [("anna", "rank")]
    assert select(staff, "SELECT employee_id, reason FROM route(:number)", number=STRANGER) == [("anna", "pin")]


def test_a_pin_that_cannot_be_is_refused_with_what_to_do(staff: Warehouse) -> None:
    """Unknown people, times that are over, pins that are not there."""
    with staff.transaction() as connection:
        with pytest.raises(PinError, match="No employee has the employee_id 'nobody'"):
            pin(connection, IVANOV, "nobody", RULES)
        with pytest.raises(PinError, match="ended before it begins"):
            pin(connection, IVANOV, "anna", RULES, until=at("2020-01-01 00:00:00"))
        with pytest.raises(PinError, match="neither a party_id nor a number"):
            pin(connection, "somebody", "anna", RULES)
        with pytest.raises(PinError, match="Nobody is pinned"):
            unpin(connection, IVANOV, RULES)


def test_pins_of_a_file_are_for_numbers_and_for_whole_clients(staff: Warehouse, tmp_path: Path) -> None:
    """A row that goes ends its pin; what a person pinned stays."""
    with staff.transaction() as connection:
        pin(connection, STRANGER, "boris", RULES)
    assert take(staff, tmp_path, "pins_csv", ",ivanov,boris,2026-11-01,2026-11-30,") == 1
    assert answer(staff, "2026-11-30 23:59:00") == ("boris", "pin", None)
    assert answer(staff, "2026-12-01 00:00:00") == ("anna", "rank", None)
    assert take(staff, tmp_path, "pins_csv", "8 495 111-22-33,,boris,,,") == 2
    assert answer(staff, "2026-12-01 00:00:00") == ("boris", "pin", None)
    assert take(staff, tmp_path, "pins_csv") == 1
    assert select(staff, "SELECT source FROM routing_pins WHERE revoked_at IS NULL") == [("pin",)]


def test_on_the_day_the_clocks_change_hours_are_wall_clocks(staff: Warehouse, tmp_path: Path) -> None:
    """09:00 is 09:00, an hour earlier or later for the sun."""
    take(staff, tmp_path, "working_hours_csv", "anna,,1-7,09:00,18:00,,")
    query = "SELECT unavailable IS NULL FROM availability(CAST(:at AS timestamptz), :zone) WHERE employee_id = 'anna'"
    wanted = {"2026-03-28 08:00+00": True, "2026-03-28 07:59+00": False, "2026-03-29 07:00+00": True,
              "2026-03-29 06:59+00": False, "2026-10-25 08:00+00": True, "2026-10-25 07:59+00": False}  # fmt: skip
    assert {moment: select(staff, query, at=moment, zone="Europe/Berlin") == [(True,)] for moment in wanted} == wanted


HOURS = st.tuples(st.integers(0, 7), st.integers(0, 23), st.integers(0, 23))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    hours=st.lists(HOURS, max_size=4, unique_by=lambda each: each[:2]),
    holidays=st.dictionaries(st.integers(0, 13), st.none() | st.integers(1, 7), max_size=3),
    absences=st.lists(st.tuples(st.integers(0, 300), st.integers(1, 60)), max_size=3, unique_by=lambda each: each[0]),
    moment=st.integers(24 * 60, 13 * 24 * 60),
)
def test_availability_equals_a_plain_model_of_it(
    staff: Warehouse,
    hours: list[tuple[int, int, int]],
    holidays: Mapping[int, int | None],
    absences: list[tuple[int, int]],
    moment: int,
) -> None:
    """Hours with shifts over midnight, holidays, moved days, absences by the hour; Moscow knows no summer time."""
    begin = datetime.combine(MONDAY, time(), at("2026-01-01 00:00:00").tzinfo)
    with staff.transaction() as connection:
        connection.execute(text("DELETE FROM working_hours"))
        connection.execute(text("DELETE FROM holidays"))
        connection.execute(text("DELETE FROM employee_absences"))
        for weekday, starts, ends in hours:
            connection.execute(
                text("INSERT INTO working_hours (source, employee_id, weekday, starts_at, ends_at) VALUES "
                     "('t', 'anna', :day, :starts, :ends)"),
                {"day": weekday, "starts": time(starts), "ends": time(ends)},
            )  # fmt: skip
        for day, works_as in holidays.items():
            connection.execute(
                text("INSERT INTO holidays (source, day, works_as) VALUES ('t', :day, :works_as)"),
                {"day": MONDAY + timedelta(days=day), "works_as": works_as},
            )
        for start, length in absences:
            connection.execute(
                text("INSERT INTO employee_absences (source, employee_id, absent_from, absent_to) VALUES "
                     "('t', 'anna', :start, :end)"),
                {"start": begin + timedelta(hours=start), "end": begin + timedelta(hours=start + length)},
            )  # fmt: skip
    asked = begin + timedelta(minutes=moment)

    def weekday_of(day: int) -> int:
        if day in holidays:
            return holidays[day] or 0
        return day % 7 + 1

    day, minute = divmod(moment, 24 * 60)
    is_away = any(start * 60 <= moment < (start + length) * 60 for start, length in absences)
    is_open = any(
        (weekday == weekday_of(day) and starts * 60 <= minute and (minute < ends * 60 or ends <= starts))
        or (weekday == weekday_of(day - 1) and ends <= starts and minute < ends * 60)
        for weekday, starts, ends in hours
    )
    is_holiday = day in holidays and holidays[day] is None
    if is_away:
        wanted = "absent"
    elif is_open or (not hours and not is_holiday):
        wanted = None
    else:
        wanted = "holiday" if is_holiday else "off_hours"
    query = "SELECT unavailable FROM availability(:at, :zone) WHERE employee_id = 'anna'"
    assert select(staff, query, at=asked, zone=ZONE) == [(wanted,)]
