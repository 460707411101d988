"""Absences out of a 1C base, whose objects the settings name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from assets.contacts.rules import ContactRules
from assets.eligibility.crm_absences import AbsenceSet, CrmAbsences
from pipelines.platform import make_contact_sources
from pipelines.settings import Settings
from resources.onec.errors import OnecError
from resources.warehouse import Warehouse
from tests.fix_onec import ServedOnec
from tests.rows import MOSCOW, select

RULES = ContactRules()
ABSENCES = "Document_Отсутствие"
USER = "0000000a-0000-4000-8000-000000000003"
MAPPED = {
    "entity_set": ABSENCES, "employee": "Сотрудник_Key", "starts": "ДатаНачала", "ends": "ДатаОкончания",
    "kind": "ВидОтсутствия",
}  # fmt: skip


@pytest.fixture
def served(simulated_onec: Callable[..., ServedOnec]) -> ServedOnec:
    return simulated_onec()


def absences(served: ServedOnec, **mapped: str) -> CrmAbsences:
    return CrmAbsences("trade", served.source, AbsenceSet(**MAPPED | mapped))


def away(served: ServedOnec, first: str, last: str, **values: str) -> str:
    given = {
        "Date": first,
        "Сотрудник_Key": USER,
        "ДатаНачала": first,
        "ДатаОкончания": last,
        "ВидОтсутствия": "Отпуск",
    }
    return str(served.store.insert(ABSENCES, given | values)["Ref_Key"])


def held(warehouse: Warehouse) -> list[tuple[object, ...]]:
    query = "SELECT employee_id, absent_from, absent_to, kind FROM employee_absences ORDER BY absent_from"
    return [tuple(row) for row in select(warehouse, query)]


def test_absences_follow_the_base_and_end_with_their_last_day(served: ServedOnec, warehouse: Warehouse) -> None:
    """New, moved and deleted documents; midnight at the end is the whole of that day, an hour is an hour."""
    source = absences(served)
    vacation = away(served, "2026-06-01T00:00:00", "2026-06-03T00:00:00")
    away(served, "2026-07-01T12:00:00", "2026-07-01T14:30:00", ВидОтсутствия="Встреча")
    assert source.look(warehouse).has_news
    assert source.refresh(warehouse, RULES).eligibility == 2
    assert not source.look(warehouse).has_news
    june = datetime(2026, 6, 1, tzinfo=MOSCOW)
    july = datetime(2026, 7, 1, 12, tzinfo=MOSCOW)
    assert held(warehouse) == [
        (USER, june, june + timedelta(days=3), "Отпуск"),
        (USER, july, july + timedelta(hours=2, minutes=30), "Встреча"),
    ]
    served.store.update(ABSENCES, vacation, {"ДатаОкончания": "0001-01-01T00:00:00"})
    source.refresh(warehouse, RULES)
    assert held(warehouse)[0] == (USER, june, None, "Отпуск")
    served.store.update(ABSENCES, vacation, {"DeletionMark": True})
    assert source.look(warehouse).has_news
    source.refresh(warehouse, RULES)
    assert len(held(warehouse)) == 1


def test_one_that_makes_no_sense_is_quarantined_and_costs_no_other(served: ServedOnec, warehouse: Warehouse) -> None:
    """And what other sources say stays."""
    with warehouse.transaction() as connection:
        connection.execute(text("INSERT INTO employee_absences VALUES ('hand', 'x', '2026-01-01', NULL, '')"))
    away(served, "2026-06-03T00:00:00", "2026-06-01T00:00:00")
    away(served, "2026-06-01T00:00:00", "2026-06-03T00:00:00")
    done = absences(served).refresh(warehouse, RULES)
    assert (done.eligibility, done.refused) == (1, 1)
    assert select(warehouse, "SELECT source, reason FROM quarantine") == [("trade absences", "to is before from")]
    assert len(held(warehouse)) == 2


def test_a_wrong_name_in_the_settings_is_told_and_changes_nothing(served: ServedOnec, warehouse: Warehouse) -> None:
    """Neither an unknown set nor an unknown attribute empties the table."""
    away(served, "2026-06-01T00:00:00", "2026-06-03T00:00:00")
    absences(served).refresh(warehouse, RULES)
    for wrong in ({"entity_set": "Document_НетТакого"}, {"starts": "НетТакого"}):
        with pytest.raises(OnecError):
            absences(served, **wrong).refresh(warehouse, RULES)
    assert len(held(warehouse)) == 1


def test_the_settings_name_the_objects() -> None:
    """Beside the base itself, as a source of its own."""
    given = {"kind": "onec", "url": "http://127.0.0.1:1/trade", "login": "l", "password": "p", "absences": MAPPED}
    names = [source.name for source in make_contact_sources(Settings(crm={"trade": given}))]
    assert names == ["trade", "trade absences"]
