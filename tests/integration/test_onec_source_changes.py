"""The 1C client finds what changed: by versions, while people rename, and by an exchange plan that never loses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import TypeVar

import pytest

from resources.onec.cards import Card, Deletion, Interaction
from resources.onec.configuration import CardSet
from resources.onec.errors import ControlCharacterError, OnecAnswerError, OnecError, OnecUnavailableError
from resources.onec.source import OnecSource
from simulators.onec.presets import CALLS, CONTACT_INFORMATION, CONTACT_KINDS, CONTACT_PERSONS, PARTNERS, PLAN, USERS
from simulators.onec.schema import NAMESPACE
from tests.fix_onec import ServedOnec, card_set

Serve = Callable[..., ServedOnec]
_One = TypeVar("_One")


def ref(index: int) -> str:
    """The reference of a generated partner."""
    return f"0000000b-0000-4000-8000-{index:012x}"


def flat(pages: Iterable[list[_One]]) -> list[_One]:
    return [one for page in pages for one in page]


def compared(source: OnecSource, of: CardSet, held: Mapping[str, str]) -> tuple[dict[str, Card], set[str]]:
    """Compare versions as a caller must: what did not show is asked for before it counts as gone."""
    seen = dict(flat(source.card_versions(of)))
    unseen = held.keys() - seen.keys()
    asked = sorted(unseen | {one for one, version in seen.items() if held.get(one) != version})
    found = {card.ref: card for card in flat(source.cards_by_ref(of, asked))}
    return {one: card for one, card in found.items() if held.get(one) != card.version}, unseen - found.keys()


def by_name(served: ServedOnec, entity_set: str) -> list[str]:
    """The references of a set in the order in which 1C gives them, by presentation."""
    entities = sorted(served.store.entities(entity_set), key=lambda one: str(one["Description"]).lower())
    return [str(one["Ref_Key"]) for one in entities]


def test_versions_tell_changed_new_marked_and_deleted(simulated_onec: Serve) -> None:
    """Exactly the objects that were written show, and one physically deleted is gone; the rest is not asked for."""
    served = simulated_onec()
    source = served.source()
    of = card_set(source, PARTNERS)
    held = dict(flat(source.card_versions(of)))
    assert compared(source, of, held) == ({}, set())
    served.store.update(PARTNERS, ref(1), {"Description": "Новое имя"})
    served.store.update(PARTNERS, ref(2), {"DeletionMark": True})
    served.store.remove(PARTNERS, ref(3))
    new = served.store.insert(PARTNERS, {"Description": "Новый"})["Ref_Key"]
    changed, gone = compared(source, of, held)
    assert changed.keys() == {ref(1), ref(2), new}
    assert gone == {ref(3)}
    assert changed[ref(1)].name == "Новое имя"
    assert {one for one, card in changed.items() if card.is_deleted} == {ref(2)}


def test_references_are_asked_for_in_small_requests_and_any_case(simulated_onec: Serve) -> None:
    """Many references need several requests, each short enough for IIS; letters' case does not matter."""
    served = simulated_onec()
    source = served.source()
    asked = [ref(index).upper() for index in range(20)]
    found = flat(source.cards_by_ref(card_set(source, PARTNERS), asked))
    assert sorted(card.ref for card in found) == [one.lower() for one in asked]
    assert len(served.asked("Ref_Key eq guid")) == 2
    assert flat(source.cards_by_ref(card_set(source, PARTNERS), [])) == []


def test_an_object_renamed_behind_the_reading_is_not_gone(simulated_onec: Serve) -> None:
    """One that moves to where the reading has been slips through the pages; asked for by reference it is there."""
    served = simulated_onec(contacts=100)
    source = served.source(page_rows=30)
    of = card_set(source, CONTACT_PERSONS)
    order = by_name(served, CONTACT_PERSONS)
    pages = source.cards(of)
    seen = next(pages)
    served.store.update(CONTACT_PERSONS, order[70], {"Description": "  Аа"})
    seen += flat(pages)
    assert {card.ref for card in seen} == set(order) - {order[70]}
    assert [card.name for card in flat(source.cards_by_ref(of, [order[70]]))] == ["  Аа"]


def test_an_object_renamed_ahead_comes_again_and_the_later_counts(simulated_onec: Serve) -> None:
    """One that was read and moves to where the reading will be comes twice, last with its newest version."""
    served = simulated_onec(contacts=100)
    source = served.source(page_rows=30)
    order = by_name(served, CONTACT_PERSONS)
    pages = source.cards(card_set(source, CONTACT_PERSONS))
    seen = next(pages)
    served.store.update(CONTACT_PERSONS, order[5], {"Description": "яяя"})
    seen += flat(pages)
    mirror = {card.ref: card for card in seen}
    assert mirror.keys() == set(order)
    assert (len(seen), mirror[order[5]].name, seen[-1].ref) == (101, "яяя", order[5])


@pytest.mark.parametrize("moved", [29, 25, 12])
def test_a_known_row_that_jumps_ahead_hides_none_before_it(simulated_onec: Serve, moved: int) -> None:
    """A row of the overlap renamed into the middle of the next page does not pass for the place reached."""
    served = simulated_onec(contacts=100)
    source = served.source(page_rows=30)
    order = by_name(served, CONTACT_PERSONS)
    pages = source.cards(card_set(source, CONTACT_PERSONS))
    seen = next(pages)
    later = served.store.find(CONTACT_PERSONS, order[50])
    assert later
    served.store.update(CONTACT_PERSONS, order[moved], {"Description": later["Description"] + "а"})
    seen += flat(pages)
    assert {card.ref for card in seen} == set(order)


@pytest.mark.parametrize("count", [5, 60])
def test_objects_deleted_while_read_hide_no_others(simulated_onec: Serve, count: int) -> None:
    """Few deletions shift the pages without a loss; many are noticed and end the reading with an error."""
    served = simulated_onec(contacts=200)
    source = served.source(page_rows=80)
    order = by_name(served, CONTACT_PERSONS)
    pages = source.cards(card_set(source, CONTACT_PERSONS))
    seen = next(pages)
    for one in order[:count]:
        served.store.remove(CONTACT_PERSONS, one)
    if count < 20:
        assert {card.ref for card in [*seen, *flat(pages)]} == set(order)
    else:
        with pytest.raises(OnecAnswerError, match="Read it again"):
            flat(pages)


def test_plan_tells_each_changed_object_once_with_its_present_contents(simulated_onec: Serve) -> None:
    """Cards, documents and deletions; sets this program does not read are passed over."""
    served = simulated_onec()
    source = served.planned_source()
    phone = {"LineNumber": 1, "Тип": "Телефон", "Представление": "8 495 000-00-01"}
    for name in ("Раз", "Два"):
        served.store.update(PARTNERS, ref(1), {"Description": name, CONTACT_INFORMATION: [phone]})
    served.store.insert(CONTACT_KINDS, {"Description": "Рабочий"})
    contact = {"АбонентКонтакт": ref(1), "АбонентКонтакт_Type": f"{NAMESPACE}.{PARTNERS}"}
    served.store.insert(CALLS, {**contact, "АбонентКакСвязаться": "8 495 000-00-02", "Date": "2026-03-27T10:00:00"})
    served.store.remove(PARTNERS, ref(2))
    card, call, deletion = source.changes(1)
    assert isinstance(card, Card)
    assert isinstance(call, Interaction)
    assert (card.name, card.phones, card.ref) == ("Два", ("8 495 000-00-01",), ref(1))
    assert (call.client_id, call.phone, call.at.isoformat()) == (
        ref(1),
        "8 495 000-00-02",
        "2026-03-27T10:00:00+03:00",
    )
    assert deletion == Deletion(PARTNERS, ref(2))


def test_card_of_the_plan_is_the_card_of_the_pages(simulated_onec: Serve) -> None:
    """Atom and JSON give the same card, so that it does not matter by which way it came."""
    served = simulated_onec()
    source = served.planned_source()
    for name in (PARTNERS, CONTACT_PERSONS, USERS):
        for one in list(served.store.entities(name)):
            served.store.update(name, one["Ref_Key"], {})
    told = {one.ref: one for one in source.changes(1) if isinstance(one, Card)}
    read = [card for of in source.configuration.cards for card in flat(source.cards(of))]
    assert len(told) == 68
    assert [told[card.ref] for card in read if card.ref in told] == [card for card in read if card.ref in told]


def test_packet_comes_again_until_acknowledged(simulated_onec: Serve) -> None:
    """A crash between `SelectChanges` and the acknowledgement repeats everything and loses nothing."""
    served = simulated_onec()
    source = served.planned_source()
    assert source.plan
    message = source.plan.next_message()
    served.store.update(PARTNERS, ref(1), {})
    first = list(source.changes(message))
    served.store.update(PARTNERS, ref(2), {})
    assert source.plan.next_message() == message
    again = list(source.changes(message))
    assert again[0] == first[0]
    assert [one.ref for one in again if isinstance(one, Card)] == [ref(1), ref(2)]
    source.plan.acknowledge(message)
    assert source.plan.next_message() == message + 1
    assert list(source.changes(message + 1)) == []


def test_edit_after_hand_out_survives_the_acknowledgement(simulated_onec: Serve) -> None:
    """What was written between hand-out and acknowledgement comes with the next message."""
    served = simulated_onec()
    source = served.planned_source()
    assert source.plan
    served.store.update(PARTNERS, ref(1), {"Description": "Раз"})
    served.store.update(PARTNERS, ref(2), {})
    assert len(list(source.changes(1))) == 2
    served.store.update(PARTNERS, ref(1), {"Description": "Два"})
    source.plan.acknowledge(1)
    assert [one.name for one in source.changes(2) if isinstance(one, Card)] == ["Два"]


@pytest.mark.parametrize("fault", ["cut", "lost_answer", "blank", "html", "unavailable"])
def test_spoilt_packet_is_never_taken_and_comes_again(simulated_onec: Serve, fault: str) -> None:
    """A cut, lost, empty or replaced feed gives no change at all, is asked once, and comes whole the next time."""
    served = simulated_onec()
    source = served.planned_source()
    assert source.configuration
    for index in range(10):
        served.store.update(PARTNERS, ref(index), {})
    served.faults.switch_on(fault, path="SelectChanges")
    taken: list[object] = []
    with pytest.raises((OnecAnswerError, OnecUnavailableError)):
        taken.extend(source.changes(1))
    assert taken == []
    assert len(served.asked("SelectChanges")) == 1
    assert len(list(source.changes(1))) == 10


@pytest.mark.parametrize(("fault", "next_message"), [("html", 1), ("unavailable", 1), ("lost_answer", 2)])
def test_spoilt_acknowledgement_is_an_error_and_harmless(simulated_onec: Serve, fault: str, next_message: int) -> None:
    """Whether 1C heard it shows in the node's number: the packet comes again, or the next one does."""
    served = simulated_onec()
    source = served.planned_source()
    assert source.plan
    served.store.update(PARTNERS, ref(1), {})
    assert len(list(source.changes(1))) == 1
    served.faults.switch_on(fault, path="NotifyChangesReceived")
    with pytest.raises(OnecError):
        source.plan.acknowledge(1)
    assert source.plan.next_message() == next_message
    assert len(list(source.changes(next_message))) == 2 - next_message


def test_control_character_stops_the_packet_with_advice(simulated_onec: Serve) -> None:
    """1C cannot write the packet: the message says what to look for; cleaned, everything comes."""
    served = simulated_onec()
    source = served.planned_source()
    served.store.update(PARTNERS, ref(1), {})
    served.store.update(PARTNERS, ref(2), {"Description": "А\x02"})
    with pytest.raises(ControlCharacterError, match="control character") as caught:
        list(source.changes(1))
    assert (caught.value.status, len(served.asked("SelectChanges"))) == (400, 1)
    served.store.update(PARTNERS, ref(2), {"Description": "А"})
    assert len(list(source.changes(1))) == 2


def test_node_or_plan_that_does_not_exist_is_told_apart(simulated_onec: Serve) -> None:
    """A wrong reference of our node is not mistaken for a control character, nor for «no changes»."""
    served = simulated_onec()
    source = served.source(plan=PLAN.partition("_")[2], node="ffffffff-0000-4000-8000-000000000001")
    assert source.plan
    for ask in (source.plan.next_message, lambda: list(islice(source.changes(1), 1))):
        with pytest.raises(OnecError, match="code 9") as caught:
            ask()
        assert not isinstance(caught.value, ControlCharacterError)


def test_changes_without_a_plan_are_refused(simulated_onec: Serve) -> None:
    """A source without a node says what to do in place of it."""
    with pytest.raises(OnecError, match="card_versions"):
        list(simulated_onec().source().changes(1))
