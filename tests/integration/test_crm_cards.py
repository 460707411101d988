"""Cards of a 1C base at their edges: whose a number is, what counts as gone, and who has to wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import text

from assets.contacts.crm import cards as cards_module
from assets.contacts.crm.look import look_at_crm
from assets.contacts.crm.refresh import CrmReport, refresh_crm
from assets.contacts.errors import ContactsShrankError
from assets.contacts.lock import lock_contacts
from assets.contacts.rules import ContactRules
from resources.onec.cards import Card
from resources.onec.configuration import CardSet
from resources.onec.source import OnecSource
from resources.warehouse import Warehouse
from simulators.onec.company import phone_row
from simulators.onec.presets import CONTACT_INFORMATION, CONTACT_PERSONS, COUNTERPARTIES, PARTNERS, USERS
from tests.fix_onec import ServedOnec
from tests.rows import select

Serve = Callable[..., ServedOnec]
RULES = ContactRules()
NUMBER, SECOND = "+79169990001", "+79169990002"


def partner(index: int) -> str:
    return f"0000000b-0000-4000-8000-{index:012x}"


def counterparty(index: int) -> str:
    return f"0000000c-0000-4000-8000-{index:012x}"


def person(index: int) -> str:
    return f"0000000d-0000-4000-8000-{index:012x}"


def user(index: int) -> str:
    return f"0000000a-0000-4000-8000-{index:012x}"


def phones(*numbers: str, **unusual: str) -> dict[str, Any]:
    rows = [phone_row(number, "form", line) | unusual for line, number in enumerate(numbers, start=1)]
    return {CONTACT_INFORMATION: rows}


def shown(*texts: str) -> dict[str, Any]:
    rows = [{"LineNumber": line, "Тип": "Телефон", "Представление": shown} for line, shown in enumerate(texts, start=1)]
    return {CONTACT_INFORMATION: rows}


def take_in(warehouse: Warehouse, source: OnecSource, **how: Any) -> CrmReport:  # noqa: ANN401
    return refresh_crm(warehouse, "trade", source, RULES, **how)


def numbers_of(warehouse: Warehouse, party: str) -> set[tuple[str, str]]:
    query = "SELECT contact_id, number FROM crm_phones WHERE party_id = :party AND gone_at IS NULL"
    return {(row.contact_id, row.number) for row in select(warehouse, query, party=party)}


def execute(warehouse: Warehouse, statement: str) -> None:
    with warehouse.transaction() as connection:
        connection.execute(text(statement))


# --- whose a number is ---------------------------------------------------------------------------


def test_a_number_on_partner_and_counterparty_is_one(warehouse: Warehouse, simulated_onec: Serve) -> None:
    """It is no mistake of anybody's: nothing is quarantined, and the partner's own card says since when."""
    served = simulated_onec()
    served.store.update(PARTNERS, partner(3), phones(NUMBER, ДействуетС="2026-02-01T00:00:00"))
    served.store.update(COUNTERPARTIES, counterparty(3), phones(NUMBER, SECOND))
    assert take_in(warehouse, served.source()).refused == 0
    assert numbers_of(warehouse, partner(3)) >= {("", NUMBER), ("", SECOND)}
    since = select(warehouse, "SELECT valid_from FROM crm_phones WHERE number = :number", number=NUMBER)
    assert [row.valid_from.isoformat() for row in since] == ["2026-01-31T21:00:00+00:00"]
    assert select(warehouse, "SELECT * FROM quarantine") == []


def test_a_counterparty_takes_its_numbers_along(warehouse: Warehouse, simulated_onec: Serve) -> None:
    """To another partner; and without a partner it is a client of its own."""
    served = simulated_onec()
    source = served.source()
    served.store.update(COUNTERPARTIES, counterparty(3), phones(NUMBER))
    take_in(warehouse, source)
    served.store.update(COUNTERPARTIES, counterparty(3), {"Партнер_Key": partner(4)})
    assert take_in(warehouse, source).phones.written == 2
    assert ("", NUMBER) not in numbers_of(warehouse, partner(3))
    assert ("", NUMBER) in numbers_of(warehouse, partner(4))
    served.store.update(COUNTERPARTIES, counterparty(3), {"Партнер_Key": "00000000-0000-0000-0000-000000000000"})
    assert take_in(warehouse, source).parties.new == 1
    assert numbers_of(warehouse, counterparty(3)) == {("", NUMBER)}
    served.store.update(COUNTERPARTIES, counterparty(3), {"Партнер_Key": partner(3)})
    assert take_in(warehouse, source).parties.gone == 1
    assert ("", NUMBER) in numbers_of(warehouse, partner(3))


def test_where_there_are_no_partners_counterparties_are_the_clients(
    warehouse: Warehouse, simulated_onec: Serve
) -> None:
    """With the contact persons under them."""
    served = simulated_onec("bp")
    assert take_in(warehouse, served.source()).parties.new == 20
    contacts = {contact for contact, _ in numbers_of(warehouse, counterparty(3))}
    assert contacts == {"", person(3), person(23)}


def test_a_partner_counts_before_a_counterparty_of_its_reference(warehouse: Warehouse, simulated_onec: Serve) -> None:
    """Converted bases have both under one reference: the partner's name, and the numbers of both."""
    served = simulated_onec()
    served.store.update(PARTNERS, partner(3), {"Description": "Партнер", **phones(NUMBER)})
    same = {"Ref_Key": partner(3), "Description": "Контрагент", "Партнер_Key": partner(3), **phones(SECOND)}
    served.store.insert(COUNTERPARTIES, same)
    take_in(warehouse, served.source())
    assert select(warehouse, "SELECT name FROM crm_parties WHERE party_id = :id", id=partner(3)) == [("Партнер",)]
    assert numbers_of(warehouse, partner(3)) >= {("", NUMBER), ("", SECOND)}


def test_a_text_too_long_for_a_number_is_set_aside(warehouse: Warehouse, simulated_onec: Serve) -> None:
    """And the card's other numbers are taken."""
    served = simulated_onec()
    served.store.update(PARTNERS, partner(3), shown("звонить после " + "обеда " * 50 + "7", "8 916 999-00-01"))
    assert take_in(warehouse, served.source()).refused == 1
    assert ("", NUMBER) in numbers_of(warehouse, partner(3))


# --- what is written -----------------------------------------------------------------------------


def test_a_version_alone_concerns_nobody(warehouse: Warehouse, simulated_onec: Serve) -> None:
    """1C counts it up at every write: only the mirror notes it, once."""
    served = simulated_onec()
    source = served.source()
    take_in(warehouse, source)
    execute(warehouse, "DELETE FROM numbers_to_decide")
    served.store.update(PARTNERS, partner(3), {})
    report = take_in(warehouse, source)
    assert (report.cards.written, report.parties.unchanged, report.phones.unchanged) == (1, 0, 0)
    assert select(warehouse, "SELECT * FROM numbers_to_decide") == []
    assert take_in(warehouse, source).cards.written == 0


def test_reading_the_whole_base_makes_every_row_anew(warehouse: Warehouse, simulated_onec: Serve) -> None:
    """Whatever happened to the tables, or changed in the rules, since."""
    source = simulated_onec().source()
    take_in(warehouse, source)
    execute(warehouse, "UPDATE crm_parties SET name = '?'")
    execute(warehouse, "UPDATE crm_employees SET name = '?'")
    report = take_in(warehouse, source, whole=True)
    assert (report.cards.written, report.parties.changed, report.employees.changed) == (0, 20, 8)


# --- what counts as gone -------------------------------------------------------------------------


def test_what_slips_through_a_scan_is_not_gone(
    warehouse: Warehouse, simulated_onec: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An object renamed while pages are read can be on none of them: it is asked for before it counts as gone."""
    source = simulated_onec().source()
    take_in(warehouse, source)
    versions, pages = source.card_versions, source.cards

    def all_versions_but_one(of: CardSet) -> Iterator[list[tuple[str, str]]]:
        for page in versions(of):
            yield [one for one in page if one[0] != partner(3)]

    def all_cards_but_one(of: CardSet) -> Iterator[list[Card]]:
        for page in pages(of):
            yield [card for card in page if card.ref != partner(3)]

    monkeypatch.setattr(source, "card_versions", all_versions_but_one)
    monkeypatch.setattr(source, "cards", all_cards_but_one)
    for is_whole in (False, True):
        report = take_in(warehouse, source, whole=is_whole)
        assert (report.cards.written, report.parties.written) == (0, 0)


@pytest.mark.parametrize("of", [CONTACT_PERSONS, PARTNERS, USERS])
def test_a_set_that_is_suddenly_empty_is_refused(warehouse: Warehouse, simulated_onec: Serve, of: str) -> None:
    """Also a small one: an empty answer is not «no rows». Nobody is asked for one by one."""
    served = simulated_onec(clients=8, contacts=8)
    source = served.source()
    take_in(warehouse, source)
    asked = len(served.asked("Ref_Key eq"))
    served.faults.switch_on("empty", times=None, path=of)
    with pytest.raises(ContactsShrankError, match=f"8 of 8 objects of {of}"):
        take_in(warehouse, source)
    assert len(served.asked("Ref_Key eq")) == asked
    served.faults.switch_off()
    assert take_in(warehouse, source).cards.written == 0


def test_when_much_changed_pages_are_read(
    warehouse: Warehouse, simulated_onec: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group change of thousands of cards is not asked for ten at a time."""
    monkeypatch.setattr(cards_module, "ASKED_LEAST", 5)
    served = simulated_onec()
    source = served.source()
    take_in(warehouse, source)
    for index in range(10):
        served.store.update(PARTNERS, partner(index), phones(f"+7916999{index:04}"))
    asked = len(served.asked("Ref_Key eq"))
    assert take_in(warehouse, source).cards.changed == 10
    assert len(served.asked("Ref_Key eq")) == asked


# --- employees -----------------------------------------------------------------------------------


def employees(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    rows = select(
        warehouse,
        "SELECT e.employee_id, e.mobile, x.extension FROM crm_employees AS e "
        "LEFT JOIN employee_extensions AS x USING (employee_id) WHERE e.gone_at IS NULL AND x.valid_to IS NULL "
        "ORDER BY e.employee_id",
    )
    return [tuple(row) for row in rows]


def test_an_employees_numbers_are_told_apart(warehouse: Warehouse, simulated_onec: Serve) -> None:
    """An inner number is one in any words; an office number with an inner one behind it is nobody's mobile."""
    served = simulated_onec(users=3)
    served.store.update(USERS, user(0), shown("+7 (495) 123-45-67, доб. 300", "доб. 301", "8 916 999-00-01"))
    served.store.update(USERS, user(1), shown("302"))
    served.store.update(USERS, user(2), {"Недействителен": True})
    take_in(warehouse, served.source())
    assert employees(warehouse) == [(user(0), NUMBER, "301"), (user(1), None, "302")]


def test_a_second_holder_waits_for_the_first(warehouse: Warehouse, simulated_onec: Serve) -> None:
    """Two cards with one inner number: who had it keeps it; set free, it is the other's from that day on."""
    served = simulated_onec(users=2)
    source = served.source()
    served.store.update(USERS, user(0), shown("8 916 999-00-01"))
    served.store.update(USERS, user(1), shown("301"))
    take_in(warehouse, source)
    served.store.update(USERS, user(0), shown("301"))
    assert take_in(warehouse, source).refused == 1
    assert employees(warehouse)[1] == (user(1), None, "301")
    served.store.update(USERS, user(1), shown("302"))
    assert take_in(warehouse, source).refused == 0
    [(today,)] = select(warehouse, "SELECT CAST(now() AT TIME ZONE 'Europe/Moscow' AS date)")
    held = "SELECT employee_id, valid_from, valid_to FROM employee_extensions WHERE extension = '301' ORDER BY 3"
    assert [tuple(row) for row in select(warehouse, held)] == [(user(1), None, today), (user(0), today, None)]


# --- who has to wait -----------------------------------------------------------------------------


def test_a_slow_base_holds_nobody_up(
    warehouse: Warehouse, simulated_onec: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it is read, contacts of other sources can be taken in; a look at the same base gives way at once."""
    source = simulated_onec().source()
    pages = source.cards
    looks = []

    def watched(of: CardSet) -> Iterator[list[Card]]:
        for page in pages(of):
            with warehouse.transaction() as connection:
                connection.execute(text("SET LOCAL lock_timeout = '2s'"))
                lock_contacts(connection)
            yield page
        if of.entity_set == USERS:
            looks.append(look_at_crm(warehouse, "trade", source, RULES, seconds=30))

    monkeypatch.setattr(source, "cards", watched)
    take_in(warehouse, source)
    assert [look.changed for look in looks] == [None]


def test_a_look_comes_to_an_end(warehouse: Warehouse, simulated_onec: Serve) -> None:
    """What takes too long is given up, and says so; it stores nothing."""
    source = simulated_onec().source()
    assert look_at_crm(warehouse, "trade", source, RULES, seconds=30).changed == 1
    take_in(warehouse, source)
    assert look_at_crm(warehouse, "trade", source, RULES, seconds=30).changed == 0
    look = look_at_crm(warehouse, "trade", source, RULES, seconds=0)
    assert look.changed is None
    assert "within 0 s" in look.seen


def test_two_refreshes_at_once_end_in_one_state(warehouse: Warehouse, simulated_onec: Serve) -> None:
    """One reader of a node at a time: a packet is never acknowledged under somebody who still reads it."""
    served = simulated_onec()
    source = served.planned_source()
    take_in(warehouse, source)
    served.store.update(PARTNERS, partner(3), phones(NUMBER))
    reports: list[CrmReport] = []
    threads = [threading.Thread(target=lambda: reports.append(take_in(warehouse, source))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(report.cards.written for report in reports) == [0, 1]
    first, second = sorted(report.acknowledged or 0 for report in reports)
    assert second == first + 1
