"""The 1C client reads a whole base over real HTTP: each configuration, phones, documents, what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from resources.onec.cards import Card
from resources.onec.errors import MissingObjectError, OnecAnswerError, OnecError
from resources.onec.source import OnecSource
from simulators.onec.presets import (
    CALLS,
    CONTACT_INFORMATION,
    CONTACT_PERSONS,
    COUNTERPARTIES,
    ORDERS,
    PARTNERS,
    PERSONS,
    USERS,
)
from simulators.onec.schema import NAMESPACE
from tests.fix_onec import ServedOnec, card_set

MOSCOW = ZoneInfo("Europe/Moscow")
FRIDAY = date(2026, 3, 27)
WEEK = (datetime(2026, 3, 21, tzinfo=MOSCOW), datetime(2026, 3, 28, tzinfo=MOSCOW))
DOCUMENTS = {"days": 7, "last_day": FRIDAY, "calls_per_day": 10}
XML = (
    '<КонтактнаяИнформация xmlns="http://www.v8.1c.ru/ssl/contactinfo" Представление="+7 495 000-00-02">'
    '<Состав КодСтраны="7" КодГорода="495" Номер="0000002" Добавочный=""/></КонтактнаяИнформация>'
)

Serve = Callable[..., ServedOnec]


def all_cards(source: OnecSource) -> list[Card]:
    return [card for of in source.configuration.cards for page in source.cards(of) for card in page]


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("ut11", {PARTNERS: 20, COUNTERPARTIES: 20, CONTACT_PERSONS: 40, USERS: 8}),
        ("customised", {PARTNERS: 20, COUNTERPARTIES: 20, CONTACT_PERSONS: 40, USERS: 8}),
        ("unf", {COUNTERPARTIES: 20, PERSONS: 40, USERS: 8}),
        ("bp", {COUNTERPARTIES: 20, PERSONS: 40, USERS: 8}),
    ],
)
def test_each_configuration_gives_its_cards(simulated_onec: Serve, preset: str, expected: dict[str, int]) -> None:
    """A first load in pages gives every object once, contacts and counterparties with their party."""
    served = simulated_onec(preset)
    cards = all_cards(served.source(page_rows=7))
    assert Counter(card.entity_set for card in cards) == expected
    assert len({(card.entity_set, card.ref) for card in cards}) == len(cards)
    parties = {card.party_id for card in cards if card.kind == "party"}
    assert len(parties) == 20
    assert {card.party_id for card in cards if card.kind == "contact"} == parties
    assert {card.kind for card in cards if card.party_id == ""} == {"employee"}
    assert all(card.phones and card.version and card.name for card in cards)
    assert any("доб." in phone for card in cards if card.kind == "employee" for phone in card.phones)
    users = {card.ref for card in cards if card.kind == "employee"}
    responsible = {card.responsible_id for card in cards if card.kind == "party"} - {""}
    assert responsible <= users
    assert responsible or preset == "bp"


@pytest.mark.parametrize(
    ("preset", "per_day"),
    [
        ("ut11", {"call": 10, "order": 3, "email": 8, "meeting": 1}),
        ("customised", {"call": 10, "order": 3, "email": 8, "meeting": 1}),
        ("unf", {"call": 10, "order": 3, "email": 8, "meeting": 1}),
        ("bp", {}),
    ],
)
def test_each_configuration_gives_its_documents(simulated_onec: Serve, preset: str, per_day: dict[str, int]) -> None:
    """Documents of the span, with whom they were and who was in charge; calls with the number as written."""
    source = simulated_onec(preset, **DOCUMENTS).source(page_rows=9)
    found = [one for page in source.interactions(*WEEK) for one in page]
    assert Counter(one.kind for one in found) == {kind: 5 * count for kind, count in per_day.items()}
    known = {card.ref: card.kind for card in all_cards(source)}
    for one in found:
        assert known[one.employee_id] == "employee"
        assert one.client_id or one.contact_id
        assert (known.get(one.client_id, "party"), known.get(one.contact_id, "contact")) == ("party", "contact")
        assert bool(one.phone) == (one.kind == "call")
        assert WEEK[0] <= one.at < WEEK[1]
    versions = [one for page in source.interaction_versions(*WEEK) for one in page]
    assert sorted(versions) == sorted((one.entity_set, one.document_id, one.version) for one in found)


def test_documents_are_dated_by_the_bases_clock_up_to_the_end(simulated_onec: Serve) -> None:
    """The window is closed at its start and open at its end, on the wall clock of the 1C server."""
    served = simulated_onec()
    for at in ("2026-03-26T23:59:59", "2026-03-27T00:00:00", "2026-03-27T23:59:59", "2026-03-28T00:00:00"):
        served.store.insert(CALLS, {"Date": at})
    start_at = datetime(2026, 3, 26, 21, tzinfo=UTC)
    found = [one.at for page in served.source().interactions(start_at, start_at + timedelta(days=1)) for one in page]
    assert [at.isoformat() for at in found] == ["2026-03-27T00:00:00+03:00", "2026-03-27T23:59:59+03:00"]


def test_phone_comes_from_the_first_place_that_has_one(simulated_onec: Serve) -> None:
    """`Значение`, then `ЗначенияПолей`, then `Представление`, then `НомерТелефона`, each as it was written."""
    served = simulated_onec()
    written = {
        "Значение": '{"version":5,"value":"+7 495 000-00-01","type":"Телефон"}',
        "ЗначенияПолей": XML,
        "Представление": "8 (495) 000-00-03, доб. 5",
        "НомерТелефона": "(495)0000004",
    }
    rows, left = [], dict(written)
    for line, name in enumerate(written, start=1):
        rows.append({"LineNumber": line, "Тип": "Телефон", **left})
        del left[name]
    rows.append({"LineNumber": 5, "Тип": "АдресЭлектроннойПочты", "Представление": "a1@example.com"})
    partner = served.store.insert(PARTNERS, {"Description": "Проба", CONTACT_INFORMATION: rows})
    source = served.source()
    (card,) = [one for page in source.cards_by_ref(card_set(source, PARTNERS), [partner["Ref_Key"]]) for one in page]
    assert card.phones == ("+7 495 000-00-01", "+7 495 000-00-02", "8 (495) 000-00-03, доб. 5", "(495)0000004")


def test_marked_and_invalid_objects_are_told(simulated_onec: Serve) -> None:
    """A mark for deletion, an employee who has left and a service account: read, and said to be no more."""
    served = simulated_onec()
    marked = served.store.insert(PARTNERS, {"DeletionMark": True})["Ref_Key"]
    invalid = served.store.insert(USERS, {"Недействителен": True})["Ref_Key"]
    service = served.store.insert(USERS, {"Служебный": True})["Ref_Key"]
    deleted = {card.ref for card in all_cards(served.source()) if card.is_deleted}
    assert {marked, invalid, service} <= deleted
    assert len(deleted) < 10


def test_folders_are_no_cards_and_never_look_new(simulated_onec: Serve) -> None:
    """A group of counterparties (БП) is neither a card nor a version to compare."""
    served = simulated_onec("bp")
    folder = served.store.insert(COUNTERPARTIES, {"Description": "Покупатели", "IsFolder": True})["Ref_Key"]
    source = served.source()
    of = card_set(source, COUNTERPARTIES)
    cards = [card.ref for page in source.cards(of) for card in page]
    seen = [ref for page in source.card_versions(of) for ref, _ in page]
    assert folder not in cards
    assert sorted(seen) == sorted(cards)


@pytest.mark.parametrize(
    ("unpublished", "named"),
    [((USERS,), USERS), ((PARTNERS, COUNTERPARTIES), f"{PARTNERS} or {COUNTERPARTIES}")],
)
def test_missing_objects_are_named(simulated_onec: Serve, unpublished: tuple[str, ...], named: str) -> None:
    """What must be published and is not stands in the message by its name, with where to publish it."""
    served = simulated_onec()
    for name in unpublished:
        served.store.schema = served.store.schema.without_set(name)
    with pytest.raises(MissingObjectError, match="Настройка стандартного интерфейса OData") as caught:
        served.source().check()
    assert caught.value.missing == (named,)


def test_a_base_without_partners_or_calls_is_read_by_what_it_has(simulated_onec: Serve) -> None:
    """One of the two kinds of party is enough; optional objects that are missing are only said."""
    served = simulated_onec(**DOCUMENTS)
    served.store.schema = served.store.schema.without_set(PARTNERS).without_set(CALLS)
    source = served.source()
    assert CALLS in source.configuration.skipped
    assert CALLS in source.check()
    assert {card.party_id for card in all_cards(source) if card.entity_set == COUNTERPARTIES}
    assert {one.kind for page in source.interactions(*WEEK) for one in page} == {"order", "email", "meeting"}
    with pytest.raises(MissingObjectError, match=CALLS):
        source.write_call_contact("0", PARTNERS, "0")


def test_a_removed_property_is_noticed_by_the_next_client(simulated_onec: Serve) -> None:
    """After an update of the configuration a name that is gone is refused with its name; a new client adapts."""
    served = simulated_onec()
    before = served.source()
    of = card_set(before, PARTNERS)
    served.store.schema = served.store.schema.without_property(PARTNERS, "ЮрФизЛицо")
    with pytest.raises(OnecError, match="ЮрФизЛицо"):
        list(before.cards(of))
    assert len(all_cards(served.source())) == 88


def test_check_says_what_is_read(simulated_onec: Serve) -> None:
    """The sentence names the sets, how changes are found, and what is not published."""
    served = simulated_onec()
    said = served.source().check()
    assert PARTNERS in said
    assert ORDERS in said
    assert "versions are compared" in said
    assert "not published: Document_ЗаказПокупателя" in said
    assert "exchange plan, next message 1" in served.planned_source().check()


def test_empty_page_in_the_middle_never_ends_a_set(simulated_onec: Serve) -> None:
    """A list that suddenly has no rows where some must be is an error, not the end."""
    served = simulated_onec()
    source = served.source(page_rows=10)
    pages = source.cards(card_set(source, CONTACT_PERSONS))
    assert len(next(pages)) == 10
    served.faults.switch_on("empty", path=CONTACT_PERSONS)
    with pytest.raises(OnecAnswerError, match="does not continue"):
        list(pages)


def test_a_call_with_a_user_or_nobody_is_no_call_with_a_client(simulated_onec: Serve) -> None:
    """A composite contact may hold a colleague or nothing at all: then no client is given."""
    served = simulated_onec()
    user = next(iter(served.store.entities(USERS)))["Ref_Key"]
    at = {"Date": "2026-03-27T10:00:00"}
    colleague = {"АбонентКонтакт": user, "АбонентКонтакт_Type": f"{NAMESPACE}.{USERS}"}
    served.store.insert(CALLS, {**at, **colleague, "АбонентКакСвязаться": " 8 (495) 123-45-67 "})
    served.store.insert(CALLS, at)
    found = [one for page in served.source().interactions(*WEEK) for one in page]
    assert [(one.client_id, one.contact_id) for one in found] == [("", "")] * 2
    assert {one.phone for one in found} == {"8 (495) 123-45-67", ""}
