"""Documents of a 1C base: read by days, kept as they change, and given the contacts of known numbers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from assets.contacts.crm.interactions import read_interactions
from assets.contacts.crm.links import LinkReport, write_links
from assets.contacts.crm.refresh import refresh_crm
from assets.contacts.crm_source import CrmSource
from assets.contacts.errors import ContactsShrankError
from assets.contacts.load import store_contacts
from assets.contacts.overrides import assign
from assets.contacts.ownership import update_owners
from assets.contacts.rules import ContactRules, MatchingRules
from resources.contacts.rows import CONTACT_COLUMNS, ContactPortion
from resources.onec.source import OnecSource
from resources.warehouse import Warehouse
from simulators.onec.company import phone_row
from simulators.onec.presets import CALLS, CONTACT_INFORMATION, CONTACT_PERSONS, COUNTERPARTIES, ORDERS, PARTNERS, USERS
from simulators.onec.schema import NAMESPACE
from tests.fix_onec import ServedOnec
from tests.rows import select

Serve = Callable[..., ServedOnec]
RULES = ContactRules()
MOSCOW = ZoneInfo("Europe/Moscow")
NUMBER = "+79169990001"
PARTNER, PERSON = "0000000b-0000-4000-8000-000000000003", "0000000d-0000-4000-8000-000000000003"
USER = "0000000a-0000-4000-8000-000000000003"
TODAY = datetime.now(MOSCOW).date()
OLD_DAY = date(2026, 3, 2)


@pytest.fixture
def served(simulated_onec: Serve) -> ServedOnec:
    """A base in which a partner's contact person has the number."""
    served = simulated_onec()
    rows = {CONTACT_INFORMATION: [phone_row(NUMBER, "json")]}
    served.store.update(CONTACT_PERSONS, PERSON, {"Owner_Key": PARTNER, **rows})
    return served


def new_call(served: ServedOnec, day: date = TODAY, clock: str = "10:00:00", **values: Any) -> str:  # noqa: ANN401
    given = {"Date": f"{day}T{clock}", "АбонентКакСвязаться": "8 916 999-00-01", "Ответственный_Key": USER}
    return str(served.store.insert(CALLS, given | values)["Ref_Key"])


def contact_of(served: ServedOnec, call: str) -> str:
    found = served.store.find(CALLS, call)
    assert found is not None
    ref = str(found.get("АбонентКонтакт") or "")
    return "" if ref.startswith("00000000-0000") else ref


def documents(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    rows = select(
        warehouse,
        "SELECT document_id, interaction_day, party_id, contact_id, employee_id, number FROM crm_interactions "
        "WHERE gone_at IS NULL AND NOT is_deleted ORDER BY at",
    )
    return [tuple(row) for row in rows]


def take_in(warehouse: Warehouse, source: OnecSource) -> None:
    refresh_crm(warehouse, "trade", source, RULES)
    with warehouse.transaction() as connection:
        update_owners(connection, MatchingRules())


def read(warehouse: Warehouse, source: OnecSource, first: date, last: date | None = None) -> dict[date, int]:
    return read_interactions(warehouse, "trade", source, first, last or first, RULES)


# --- interactions --------------------------------------------------------------------------------


def test_documents_name_party_contact_employee_and_number(warehouse: Warehouse, served: ServedOnec) -> None:
    """A contact person says whose; a counterparty means its partner; a phone is recognised."""
    counterparty = next(one for one in served.store.entities(COUNTERPARTIES) if one["Партнер_Key"] == PARTNER)
    call = new_call(served, АбонентКонтакт=PERSON, АбонентКонтакт_Type=f"{NAMESPACE}.{CONTACT_PERSONS}")
    order = served.store.insert(
        ORDERS, {"Date": f"{TODAY}T11:00:00", "Контрагент_Key": counterparty["Ref_Key"], "Менеджер_Key": USER}
    )["Ref_Key"]
    take_in(warehouse, served.source())
    assert documents(warehouse) == [
        (call, TODAY, PARTNER, PERSON, USER, NUMBER),
        (order, TODAY, PARTNER, "", USER, None),
    ]


def test_days_read_again_are_what_the_base_says(warehouse: Warehouse, served: ServedOnec) -> None:
    """New, marked, deleted and moved documents; days are the business zone's, whatever the server's clock."""
    source = served.source()
    take_in(warehouse, source)
    next_day = OLD_DAY + timedelta(days=1)
    kept, marked, removed, moved = (new_call(served, OLD_DAY, f"1{n}:00:00") for n in range(4))
    assert read(warehouse, source, OLD_DAY, next_day) == {OLD_DAY: 4, next_day: 0}
    served.store.update(CALLS, marked, {"DeletionMark": True})
    served.store.remove(CALLS, removed)
    served.store.update(CALLS, moved, {"Date": f"{next_day}T00:00:00"})
    late = new_call(served, OLD_DAY, "23:59:59")
    read(warehouse, source, OLD_DAY, next_day)
    assert [(ref, day) for ref, day, *_ in documents(warehouse)] == [
        (kept, OLD_DAY),
        (late, OLD_DAY),
        (moved, next_day),
    ]
    west = served.source(zone="Europe/Lisbon")
    read(warehouse, west, OLD_DAY, next_day + timedelta(days=1))
    assert {ref: day for ref, day, *_ in documents(warehouse)}[late] == next_day


def test_a_day_that_is_suddenly_empty_is_refused(warehouse: Warehouse, served: ServedOnec) -> None:
    """An empty answer for a day of which documents are held is no news of their end."""
    source = served.source()
    take_in(warehouse, source)
    calls = [new_call(served, OLD_DAY, f"1{n}:00:00") for n in range(8)]
    read(warehouse, source, OLD_DAY)
    for call in calls:
        served.store.remove(CALLS, call)
    with pytest.raises(ContactsShrankError, match="no document of 2026-03-02, but 8 of that day are stored"):
        read(warehouse, source, OLD_DAY)
    assert len(documents(warehouse)) == 8


@pytest.mark.parametrize("is_planned", [False, True])
def test_new_documents_come_with_the_contacts(warehouse: Warehouse, served: ServedOnec, is_planned: bool) -> None:
    """By the exchange plan at once and of any day, else when versions are compared, of the latest days."""
    source = served.planned_source() if is_planned else served.source()
    take_in(warehouse, source)
    today, long_ago = new_call(served), new_call(served, OLD_DAY)
    take_in(warehouse, source)
    seen = {ref for ref, *_ in documents(warehouse)}
    assert seen == ({today, long_ago} if is_planned else {today})


# --- links ---------------------------------------------------------------------------------------


def links(warehouse: Warehouse, served: ServedOnec) -> LinkReport:
    source = served.source()
    take_in(warehouse, source)
    return write_links(warehouse, "trade", source, TODAY - timedelta(days=30))


def test_an_empty_contact_is_written_once(warehouse: Warehouse, served: ServedOnec) -> None:
    """The contact person where it is known; the second run finds nothing to do and writes nothing."""
    call = new_call(served)
    assert links(warehouse, served) == LinkReport(looked_at=1, written=1)
    assert contact_of(served, call) == PERSON
    version = (served.store.find(CALLS, call) or {})["DataVersion"]
    assert links(warehouse, served) == LinkReport()
    assert (served.store.find(CALLS, call) or {})["DataVersion"] == version
    assert len(served.asked("PATCH")) == 1


def test_what_a_person_chose_stays(warehouse: Warehouse, served: ServedOnec) -> None:
    """Also a choice we cannot read (a user, a name in words), and one made after our last look."""
    other = "0000000b-0000-4000-8000-000000000007"
    chosen = new_call(served, АбонентКонтакт=other, АбонентКонтакт_Type=f"{NAMESPACE}.{PARTNERS}")
    unread = new_call(served, АбонентКонтакт=USER, АбонентКонтакт_Type=f"{NAMESPACE}.{USERS}")
    late = new_call(served)
    source = served.source()
    take_in(warehouse, source)
    served.store.update(CALLS, late, {"АбонентКонтакт": other, "АбонентКонтакт_Type": f"{NAMESPACE}.{PARTNERS}"})
    report = write_links(warehouse, "trade", source, TODAY)
    assert (report.written, report.left_alone) == (0, 2)
    assert [contact_of(served, call) for call in (chosen, unread, late)] == [other, USER, other]


def test_our_own_link_follows_the_owner(warehouse: Warehouse, served: ServedOnec) -> None:
    """What we wrote we may change; the partner is written where no contact person is known."""
    call = new_call(served)
    links(warehouse, served)
    with warehouse.transaction() as connection:
        assign(connection, NUMBER, "0000000b-0000-4000-8000-000000000005", RULES, is_retroactive=True)
    assert links(warehouse, served).written == 1
    assert contact_of(served, call) == "0000000b-0000-4000-8000-000000000005"


def test_a_number_of_several_or_of_another_source_is_not_written(warehouse: Warehouse, served: ServedOnec) -> None:
    """Nothing is guessed, and only objects of this base can stand in its documents."""
    call = new_call(served)
    row = dict.fromkeys(CONTACT_COLUMNS, "") | {
        "party_id": "elsewhere", "party_name": "Elsewhere", "party_kind": "company", "phones": NUMBER,
    }  # fmt: skip
    frame = pd.DataFrame([row], columns=list(CONTACT_COLUMNS), dtype=str)
    with warehouse.transaction() as connection:
        store_contacts(connection, "contacts_csv", [ContactPortion(frame)], RULES)
    assert links(warehouse, served) == LinkReport()
    with warehouse.transaction() as connection:
        assign(connection, NUMBER, "elsewhere", RULES, is_retroactive=True)
    assert links(warehouse, served) == LinkReport()
    assert contact_of(served, call) == ""


def test_a_document_the_base_refuses_does_not_stop_the_others(warehouse: Warehouse, served: ServedOnec) -> None:
    """It is counted, and has its turn again."""
    calls = [new_call(served, clock=f"1{n}:00:00") for n in range(3)]
    served.faults.switch_on("handler", times=1, method="PATCH")
    report = links(warehouse, served)
    assert (report.looked_at, report.written, report.failed) == (3, 2, 1)
    assert links(warehouse, served).written == 1
    assert [contact_of(served, call) for call in calls] == [PERSON] * 3


def test_a_crash_between_write_and_commit_is_harmless(
    warehouse: Warehouse, served: ServedOnec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written there and not known here: the next run knows it for ours."""
    call = new_call(served)
    source = served.source()
    take_in(warehouse, source)
    write = source.write_call_contact

    def crash(*given: Any) -> bool:  # noqa: ANN401
        write(*given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(source, "write_call_contact", crash)
        with pytest.raises(KeyboardInterrupt):
            write_links(warehouse, "trade", source, TODAY)
    assert contact_of(served, call) == PERSON
    assert links(warehouse, served) == LinkReport()
    with warehouse.transaction() as connection:
        assign(connection, NUMBER, PARTNER, RULES, is_retroactive=True)
    assert links(warehouse, served).written == 1


def test_nothing_is_written_unless_the_settings_let_us(warehouse: Warehouse, served: ServedOnec) -> None:
    """The switch is off by default."""
    call = new_call(served)
    source = CrmSource("trade", open=served.source)
    source.refresh(warehouse, RULES)
    assert source.write_links(warehouse, TODAY) is None
    assert contact_of(served, call) == ""
