"""Contacts written into a base's phone calls: every call has its turn, and what failed is tried again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from assets.contacts.crm import links as links_module
from assets.contacts.crm.interactions import read_interactions
from assets.contacts.crm.links import LinkReport, write_links
from assets.contacts.crm.refresh import refresh_crm
from assets.contacts.overrides import assign
from assets.contacts.ownership import update_owners
from assets.contacts.rules import ContactRules, MatchingRules
from resources.onec.source import OnecSource
from resources.warehouse import Warehouse
from simulators.onec.company import phone_row
from simulators.onec.presets import CALLS, CONTACT_INFORMATION, CONTACT_PERSONS, COUNTERPARTIES, PARTNERS, USERS
from simulators.onec.schema import NAMESPACE
from tests.fix_onec import ServedOnec

Serve = Callable[..., ServedOnec]
RULES = ContactRules()
NUMBER = "+79169990001"
PARTNER, PERSON = "0000000b-0000-4000-8000-000000000003", "0000000d-0000-4000-8000-000000000003"
OTHER = "0000000b-0000-4000-8000-000000000005"
USER = "0000000a-0000-4000-8000-000000000003"
LONG_AGO = datetime.now(ZoneInfo("Europe/Moscow")).date() - timedelta(days=20)


def prepared(served: ServedOnec, person: str = PERSON) -> ServedOnec:
    """Give a partner's contact person the number."""
    rows = {CONTACT_INFORMATION: [phone_row(NUMBER, "form")]}
    served.store.update(CONTACT_PERSONS, person, {"Owner_Key": PARTNER, **rows})
    return served


@pytest.fixture
def served(simulated_onec: Serve) -> ServedOnec:
    return prepared(simulated_onec())


def new_call(served: ServedOnec, clock: str, **values: Any) -> str:  # noqa: ANN401
    given = {"Date": f"{LONG_AGO}T{clock}", "АбонентКакСвязаться": "8 916 999-00-01"}
    return str(served.store.insert(CALLS, given | values)["Ref_Key"])


def contact_of(served: ServedOnec, call: str) -> str:
    found = served.store.find(CALLS, call) or {}
    return str(found["АбонентКонтакт"]) if found["АбонентКонтакт_Type"] != f"{NAMESPACE}.Undefined" else ""


def read(warehouse: Warehouse, source: OnecSource, day: date = LONG_AGO) -> None:
    refresh_crm(warehouse, "trade", source, RULES)
    read_interactions(warehouse, "trade", source, day, day, RULES)
    with warehouse.transaction() as connection:
        update_owners(connection, MatchingRules())


def write(warehouse: Warehouse, source: OnecSource) -> LinkReport:
    return write_links(warehouse, "trade", source, LONG_AGO)


def give_to(warehouse: Warehouse, party: str) -> None:
    with warehouse.transaction() as connection:
        assign(connection, NUMBER, party, RULES, is_retroactive=True)
        update_owners(connection, MatchingRules())


def test_every_call_has_its_turn(warehouse: Warehouse, served: ServedOnec, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls that nobody reads again are done once; what stands in the way of a run is not asked about in the next."""
    monkeypatch.setattr(links_module, "CALLS_PER_RUN", 2)
    calls = [new_call(served, f"1{n}:00:00") for n in range(3)]
    chosen = {"АбонентКонтакт": USER, "АбонентКонтакт_Type": f"{NAMESPACE}.{USERS}"}
    unreadable = [new_call(served, f"2{n}:00:00", **chosen) for n in range(2)]
    source = served.source()
    read(warehouse, source)
    assert [write(warehouse, source) for _ in range(4)] == [
        LinkReport(looked_at=2, left_alone=2),
        LinkReport(looked_at=2, written=2),
        LinkReport(looked_at=1, written=1),
        LinkReport(),
    ]
    assert [contact_of(served, call) for call in calls + unreadable] == [PERSON] * 3 + [USER] * 2


def test_a_refused_correction_has_its_turn_again(warehouse: Warehouse, served: ServedOnec) -> None:
    """What we wrote stays known for ours until the better contact is written."""
    call = new_call(served, "10:00:00")
    source = served.source()
    read(warehouse, source)
    assert write(warehouse, source).written == 1
    give_to(warehouse, OTHER)
    served.faults.switch_on("handler", times=1, method="PATCH")
    assert write(warehouse, source) == LinkReport(looked_at=1, failed=1)
    assert contact_of(served, call) == PERSON
    assert write(warehouse, source) == LinkReport(looked_at=1, written=1)
    assert contact_of(served, call) == OTHER


def test_a_choice_equal_to_ours_is_still_a_choice(warehouse: Warehouse, served: ServedOnec) -> None:
    """A person was quicker with the same contact: it is theirs, and stays when the number turns out another's."""
    call = new_call(served, "10:00:00")
    source = served.source()
    read(warehouse, source)
    chosen = {"АбонентКонтакт": PERSON, "АбонентКонтакт_Type": f"{NAMESPACE}.{CONTACT_PERSONS}"}
    served.store.update(CALLS, call, chosen)
    assert write(warehouse, source) == LinkReport(looked_at=1, left_alone=1)
    give_to(warehouse, OTHER)
    read(warehouse, source)
    assert write(warehouse, source) == LinkReport()
    assert contact_of(served, call) == PERSON


def test_a_base_that_holds_partners_only_is_given_the_partner(warehouse: Warehouse, simulated_onec: Serve) -> None:
    """A call's contact may be of one type: whoever cannot stand there is written as the partner."""
    served = prepared(simulated_onec("customised"))
    call = str(
        served.store.insert(CALLS, {"Date": f"{LONG_AGO}T10:00:00", "АбонентКакСвязаться": "8 916 999-00-01"})[
            "Ref_Key"
        ]
    )
    source = served.source()
    read(warehouse, source)
    assert write(warehouse, source) == LinkReport(looked_at=1, written=1)
    assert (served.store.find(CALLS, call) or {})["АбонентКонтакт_Key"] == PARTNER
    read(warehouse, source)
    assert write(warehouse, source) == LinkReport()


def test_a_base_without_phone_calls_has_nothing_to_write(warehouse: Warehouse, simulated_onec: Serve) -> None:
    """Accounting bases publish none."""
    source = simulated_onec("bp").source()
    refresh_crm(warehouse, "trade", source, RULES)
    assert write(warehouse, source) == LinkReport()


def test_partner_and_counterparty_of_one_reference_are_one_owner(warehouse: Warehouse, served: ServedOnec) -> None:
    """Converted bases have them: the call is written once, with the partner."""
    served.store.insert(COUNTERPARTIES, {"Ref_Key": PARTNER, "Description": "Тот же", "Партнер_Key": PARTNER})
    served.store.remove(CONTACT_PERSONS, PERSON)
    served.store.update(PARTNERS, PARTNER, {CONTACT_INFORMATION: [phone_row(NUMBER, "form")]})
    call = new_call(served, "10:00:00")
    source = served.source()
    read(warehouse, source)
    assert write(warehouse, source) == LinkReport(looked_at=1, written=1)
    assert (served.store.find(CALLS, call) or {})["АбонентКонтакт_Type"] == f"{NAMESPACE}.{PARTNERS}"
