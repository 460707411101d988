"""A 1C base in the warehouse: clients, numbers and employees follow its objects, whichever way changes are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from assets.contacts.crm import refresh as refresh_module
from assets.contacts.crm.look import look_at_crm
from assets.contacts.crm.refresh import CrmReport, refresh_crm
from assets.contacts.errors import ContactsShrankError
from assets.contacts.ownership import update_owners
from assets.contacts.rules import ContactRules, MatchingRules
from resources.onec.source import OnecSource
from resources.warehouse import Warehouse
from simulators.onec.app import User
from simulators.onec.company import phone_row
from simulators.onec.presets import CONTACT_INFORMATION, CONTACT_PERSONS, COUNTERPARTIES, PARTNERS, USERS
from tests.fix_onec import ServedOnec
from tests.rows import select

Serve = Callable[..., ServedOnec]
RULES = ContactRules()
NEW_NUMBER = "+79169990001"


def partner(index: int) -> str:
    return f"0000000b-0000-4000-8000-{index:012x}"


def person(index: int) -> str:
    return f"0000000d-0000-4000-8000-{index:012x}"


def user(index: int) -> str:
    return f"0000000a-0000-4000-8000-{index:012x}"


def take_in(warehouse: Warehouse, source: OnecSource, **how: Any) -> CrmReport:  # noqa: ANN401
    return refresh_crm(warehouse, "trade", source, RULES, **how)


def look(warehouse: Warehouse, source: OnecSource) -> int | None:
    return look_at_crm(warehouse, "trade", source, RULES, seconds=30).changed


def phone(number: str = NEW_NUMBER, line: int = 1) -> dict[str, Any]:
    return {CONTACT_INFORMATION: [phone_row(number, "json", line)]}


def numbers_of(warehouse: Warehouse, party: str) -> set[tuple[str, str]]:
    """Contact and number of what stands on a party's cards now."""
    query = "SELECT contact_id, number FROM crm_phones WHERE party_id = :party AND gone_at IS NULL"
    return {(row.contact_id, row.number) for row in select(warehouse, query, party=party)}


def undecided(warehouse: Warehouse) -> set[str]:
    return {number for (number,) in select(warehouse, "DELETE FROM numbers_to_decide RETURNING number")}


def held(warehouse: Warehouse) -> dict[str, list[Any]]:
    """Everything that came from the base, in a comparable order."""
    columns = {
        "crm_cards": "entity_set, ref, version, party_id, name, responsible_id, phones, is_deleted",
        "crm_parties": "party_id, name, kind, responsible_id",
        "crm_phones": "party_id, contact_id, raw, number, contact_name",
        "crm_employees": "employee_id, name, mobile",
        "employee_extensions": "employee_id, extension",
        "crm_interactions": "entity_set, document_id, version, interaction_day, party_id, contact_id, number",
    }
    found = {}
    for table, names in columns.items():
        where = "" if table == "employee_extensions" else "WHERE gone_at IS NULL"
        found[table] = select(warehouse, f"SELECT {names} FROM {table} {where} ORDER BY {names}")  # noqa: S608
    return found


def test_a_first_load_takes_all_of_the_base(warehouse: Warehouse, simulated_onec: Serve) -> None:
    """Partners are clients, counterparties lend them their numbers, contact persons theirs; users are employees."""
    served = simulated_onec(clients=20, contacts=40, users=8, days=2)
    report = take_in(warehouse, served.source())
    assert (report.how, report.parties.new, report.employees.new) == ("pages", 20, 8)
    assert len(held(warehouse)["crm_cards"]) == 20 + 20 + 40 + 8
    assert report.interactions.new == sum(report.days.values()) > 0
    [(kinds, extensions)] = select(
        warehouse,
        "SELECT (SELECT count(DISTINCT contact_id = '') FROM crm_phones), (SELECT count(*) FROM employee_extensions)",
    )
    assert kinds == 2
    assert extensions > 0
    responsible = select(
        warehouse,
        "SELECT count(*) FROM crm_parties AS p JOIN crm_employees AS e ON e.employee_id = p.responsible_id",
    )
    assert responsible[0][0] > 0
    assert look(warehouse, served.source()) == 0


@pytest.mark.parametrize("is_planned", [False, True])
def test_a_change_writes_exactly_its_rows(warehouse: Warehouse, simulated_onec: Serve, is_planned: bool) -> None:
    """One partner's number changed: its old and new numbers are to be decided about, and nothing else."""
    served = simulated_onec()
    source = served.planned_source() if is_planned else served.source()
    take_in(warehouse, source)
    old = {number for contact, number in numbers_of(warehouse, partner(3)) if not contact}
    undecided(warehouse)
    served.store.update(PARTNERS, partner(3), phone())
    assert look(warehouse, source) == 1
    report = take_in(warehouse, source)
    assert report.how == ("plan" if is_planned else "versions")
    assert (report.cards.written, report.parties.written) == (1, 0)
    assert ("", NEW_NUMBER) in numbers_of(warehouse, partner(3))
    changed = undecided(warehouse)
    assert NEW_NUMBER in changed
    assert changed <= old | {NEW_NUMBER}
    assert look(warehouse, source) == 0
    assert take_in(warehouse, source).phones.written == 0


def test_a_contact_person_takes_the_number_along(warehouse: Warehouse, simulated_onec: Serve) -> None:
    """Moved to another partner, the number is that one's from now on."""
    served = simulated_onec()
    source = served.source()
    served.store.update(CONTACT_PERSONS, person(5), phone() | {"Owner_Key": partner(5)})
    take_in(warehouse, source)
    assert (person(5), NEW_NUMBER) in numbers_of(warehouse, partner(5))
    served.store.update(CONTACT_PERSONS, person(5), {"Owner_Key": partner(6)})
    take_in(warehouse, source)
    assert (person(5), NEW_NUMBER) not in numbers_of(warehouse, partner(5))
    assert (person(5), NEW_NUMBER) in numbers_of(warehouse, partner(6))
    with warehouse.transaction() as connection:
        update_owners(connection, MatchingRules())
    owners = select(warehouse, "SELECT party_id, contact_id FROM number_owners WHERE number = :n", n=NEW_NUMBER)
    assert [tuple(row) for row in owners] == [(partner(6), person(5))]


@pytest.mark.parametrize("is_planned", [False, True])
@pytest.mark.parametrize("is_marked", [True, False])
def test_what_is_deleted_is_gone_and_what_comes_back_is_there(
    warehouse: Warehouse, simulated_onec: Serve, is_planned: bool, is_marked: bool
) -> None:
    """Marked for deletion or physically deleted, a partner goes with all its numbers."""
    served = simulated_onec()
    source = served.planned_source() if is_planned else served.source()
    take_in(warehouse, source)
    before = numbers_of(warehouse, partner(3))
    assert before
    whole = dict(served.store.find(PARTNERS, partner(3)) or {})
    if is_marked:
        served.store.update(PARTNERS, partner(3), {"DeletionMark": True})
    else:
        served.store.remove(PARTNERS, partner(3))
    take_in(warehouse, source)
    assert numbers_of(warehouse, partner(3)) == set()
    gone = "SELECT gone_at IS NOT NULL FROM crm_parties WHERE party_id = :party"
    assert select(warehouse, gone, party=partner(3)) == [(True,)]
    if is_marked:
        served.store.update(PARTNERS, partner(3), {"DeletionMark": False})
    else:
        served.store.insert(PARTNERS, whole)
    take_in(warehouse, source)
    assert numbers_of(warehouse, partner(3)) == before
    assert select(warehouse, gone, party=partner(3)) == [(False,)]


@pytest.mark.parametrize("way", ["rights", "deleted", "restricted"])
def test_a_base_that_suddenly_shows_less_is_refused(warehouse: Warehouse, simulated_onec: Serve, way: str) -> None:
    """Whatever the cause: nothing is changed, and the text says what to do."""
    served = simulated_onec(clients=60, contacts=60)
    take_in(warehouse, served.source())
    before = held(warehouse)
    if way == "deleted":
        for index in range(40):
            served.store.remove(PARTNERS, partner(index))
    else:
        served.onec.users["Робот"] = User("пароль", visible={PARTNERS: lambda one: str(one["Ref_Key"]) > partner(40)})
    source = served.source(allowed_only=way == "rights")
    with pytest.raises(Exception, match=r"At most|code 20") as caught:
        take_in(warehouse, source)
    assert (caught.type is ContactsShrankError) is (way != "restricted")
    assert held(warehouse) == before


def test_three_ways_end_in_the_same_rows(
    warehouse: Warehouse, simulated_onec: Serve, make_database: Callable[[str | None], str], migrated_template: str
) -> None:
    """Told by an exchange plan, found by comparing versions, or read as a whole."""
    served = simulated_onec(days=2)
    by_plan, by_version, whole = warehouse, *(Warehouse(make_database(migrated_template)) for _ in range(2))
    planned = served.planned_source()
    take_in(by_plan, planned)
    take_in(by_version, served.source())
    served.store.update(PARTNERS, partner(1), {"Description": "Иначе", **phone()})
    served.store.update(PARTNERS, partner(2), {"DeletionMark": True})
    # Of a person whom a document names the earlier loads remember more than the base still says.
    named = {row[5] for row in held(by_plan)["crm_interactions"]}
    served.store.remove(CONTACT_PERSONS, next(ref for ref in map(person, range(3, 100)) if ref not in named))
    served.store.insert(CONTACT_PERSONS, {"Description": "Новая", "Owner_Key": partner(4), **phone("+79169990002")})
    served.store.update(
        COUNTERPARTIES, str(next(iter(served.store.entities(COUNTERPARTIES)))["Ref_Key"]), phone("+79169990003")
    )
    served.store.update(USERS, user(2), {"Description": "Другая Фамилия"})
    take_in(by_plan, planned)
    take_in(by_version, served.source())
    take_in(whole, served.source())
    assert held(by_plan) == held(by_version) == held(whole)
    take_in(by_plan, served.source(), whole=True)
    assert held(by_plan) == held(whole)
    for other in (by_version, whole):
        other.engine.dispose()


@pytest.mark.parametrize("moment", ["before the commit", "before the acknowledgement"])
def test_a_crash_in_the_exchange_loses_and_doubles_nothing(
    warehouse: Warehouse, simulated_onec: Serve, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Between SelectChanges and our commit, or between that and NotifyChangesReceived: the packet comes again."""
    served = simulated_onec()
    source = served.planned_source()
    take_in(warehouse, source)
    assert source.plan is not None
    message = source.plan.next_message()
    served.store.update(PARTNERS, partner(1), phone())

    def crash(*_given: object, **_named: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        if moment == "before the commit":
            patched.setattr(refresh_module, "store_interactions", crash)
        else:
            patched.setattr(source.plan, "acknowledge", crash)
        with pytest.raises(KeyboardInterrupt):
            take_in(warehouse, source)
    is_stored = ("", NEW_NUMBER) in numbers_of(warehouse, partner(1))
    assert is_stored is (moment == "before the acknowledgement")
    assert source.plan.next_message() == message
    served.store.update(PARTNERS, partner(2), phone("+79169990002"))
    report = take_in(warehouse, source)
    assert report.acknowledged == message
    assert ("", NEW_NUMBER) in numbers_of(warehouse, partner(1))
    assert ("", "+79169990002") in numbers_of(warehouse, partner(2))
    assert report.phones.written <= (2 if is_stored else 4)
    assert look(warehouse, source) == 0


def test_an_extension_changes_hands_on_the_day_it_does(warehouse: Warehouse, simulated_onec: Serve) -> None:
    """1C knows today's extension only: who held it before keeps the days before."""
    served = simulated_onec()
    source = served.source()
    served.store.update(USERS, user(1), {CONTACT_INFORMATION: [inner("877")]})
    take_in(warehouse, source)
    assert holders(warehouse) == [(user(1), None, None)]
    served.store.update(USERS, user(1), {CONTACT_INFORMATION: []})
    served.store.update(USERS, user(2), {CONTACT_INFORMATION: [inner("877"), phone_row(NEW_NUMBER, "json", 2)]})
    take_in(warehouse, source)
    [(today,)] = select(warehouse, "SELECT CAST(now() AT TIME ZONE 'Europe/Moscow' AS date)")
    assert holders(warehouse) == [(user(1), None, today), (user(2), today, None)]
    assert select(warehouse, "SELECT mobile FROM crm_employees WHERE employee_id = :id", id=user(2)) == [(NEW_NUMBER,)]
    assert select(warehouse, "SELECT employee_id FROM own_numbers WHERE number = :n", n=NEW_NUMBER) == [(user(2),)]


def inner(extension: str) -> dict[str, Any]:
    return phone_row("+74950000000", "presentation") | {"Представление": extension}


def holders(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    rows = select(
        warehouse,
        "SELECT employee_id, valid_from, valid_to FROM employee_extensions WHERE extension = '877' "
        "ORDER BY valid_from NULLS FIRST",
    )
    return [tuple(row) for row in rows]
