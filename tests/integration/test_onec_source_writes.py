"""The 1C client writes a contact into a phone call: read, compare, write only what differs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from resources.onec.errors import OnecAnswerError, OnecFailureError, OnecRefusedError, OnecUnavailableError
from simulators.onec.presets import CALLS, CONTACT_PERSONS, INTERACTION_CONTACTS, PARTNERS
from simulators.onec.schema import NAMESPACE
from tests.fix_onec import ServedOnec

Serve = Callable[..., ServedOnec]
PARTNER = "0000000b-0000-4000-8000-000000000003"
PERSON = "0000000d-0000-4000-8000-000000000003"


def new_call(served: ServedOnec, **values: Any) -> str:  # noqa: ANN401
    return str(
        served.store.insert(CALLS, {"Тема": "Счёт", "АбонентКакСвязаться": "8 495 000-00-01", **values})["Ref_Key"]
    )


def held(served: ServedOnec, ref: str) -> dict[str, Any]:
    found = served.store.find(CALLS, ref)
    assert found
    return found


def test_contact_is_written_once_and_nothing_else_changes(simulated_onec: Serve) -> None:
    """A different contact is written with its type; an equal one is not, so `DataVersion` stays."""
    served = simulated_onec()
    source = served.source()
    ref = new_call(served)
    before = held(served, ref)
    assert source.write_call_contact(ref, CONTACT_PERSONS, PERSON)
    after = held(served, ref)
    assert (after["АбонентКонтакт"], after["АбонентКонтакт_Type"]) == (PERSON, f"{NAMESPACE}.{CONTACT_PERSONS}")
    assert {name for name in before if before[name] != after[name]} == {
        "АбонентКонтакт",
        "АбонентКонтакт_Type",
        "DataVersion",
    }
    assert not source.write_call_contact(ref, CONTACT_PERSONS, PERSON.upper())
    assert held(served, ref)["DataVersion"] == after["DataVersion"]
    assert len(served.asked("PATCH")) == 1
    assert source.write_call_contact(ref, PARTNERS, PARTNER)
    assert [one["Контакт"] for one in served.store.entities(INTERACTION_CONTACTS)] == [PARTNER]


def test_same_reference_of_another_type_differs(simulated_onec: Serve) -> None:
    """The type is compared too: a reference alone says nothing in a composite property."""
    served = simulated_onec()
    ref = new_call(served, АбонентКонтакт=PARTNER, АбонентКонтакт_Type=f"{NAMESPACE}.{PARTNERS}")
    assert served.source().write_call_contact(ref, CONTACT_PERSONS, PARTNER)
    assert not served.source().write_call_contact(ref, CONTACT_PERSONS, PARTNER)


def test_property_of_one_type_is_written_by_its_key(simulated_onec: Serve) -> None:
    """In a base whose calls hold partners only, a partner is written and a person refused before any write."""
    served = simulated_onec("customised")
    ref = new_call(served)
    source = served.source()
    assert source.write_call_contact(ref, PARTNERS, PARTNER)
    assert held(served, ref)["АбонентКонтакт_Key"] == PARTNER
    assert not source.write_call_contact(ref, PARTNERS, PARTNER)
    with pytest.raises(ValueError, match=f"holds {PARTNERS}, not {CONTACT_PERSONS}"):
        source.write_call_contact(ref, CONTACT_PERSONS, PERSON)


@pytest.mark.parametrize("honours_if_match", [False, True])
def test_what_others_wrote_meanwhile_is_kept(simulated_onec: Serve, honours_if_match: bool) -> None:
    """Only the contact is sent, so an edit between our reading and writing survives, whatever `If-Match` does."""
    served = simulated_onec()
    served.onec.habits.honours_if_match = honours_if_match
    ref = new_call(served)
    read = served.store.find

    def find_and_edit(name: str, key: str) -> dict[str, Any] | None:
        served.store.find = read  # type: ignore[method-assign]
        found = read(name, key)
        served.store.update(CALLS, ref, {"Тема": "Другая"})
        return found

    source = served.source()
    assert source.configuration
    served.store.find = find_and_edit  # type: ignore[method-assign]
    assert source.write_call_contact(ref, PARTNERS, PARTNER)
    assert (held(served, ref)["Тема"], held(served, ref)["АбонентКонтакт"]) == ("Другая", PARTNER)


@pytest.mark.parametrize(
    ("fault", "error"),
    [("handler", OnecFailureError), ("unavailable", OnecUnavailableError), ("html", OnecAnswerError)],
)
def test_a_refused_write_is_told_and_not_repeated(simulated_onec: Serve, fault: str, error: type[Exception]) -> None:
    """A closing date, a locked base, a page in place of an answer: an error, one try, nothing written."""
    served = simulated_onec()
    ref = new_call(served)
    served.faults.switch_on(fault, method="PATCH")
    with pytest.raises(error):
        served.source().write_call_contact(ref, PARTNERS, PARTNER)
    assert len(served.asked("PATCH")) == 1
    assert held(served, ref)["АбонентКонтакт"] != PARTNER


def test_a_lost_answer_is_told_and_the_next_try_writes_nothing(simulated_onec: Serve) -> None:
    """The write was done though we never heard; read-compare-write finds it so."""
    served = simulated_onec()
    ref = new_call(served)
    source = served.source()
    served.faults.switch_on("lost_answer", method="PATCH")
    with pytest.raises(OnecUnavailableError):
        source.write_call_contact(ref, PARTNERS, PARTNER)
    assert not source.write_call_contact(ref, PARTNERS, PARTNER)
    assert len(served.asked("PATCH")) == 1


def test_a_call_that_is_gone_is_told(simulated_onec: Serve) -> None:
    """A document deleted in 1C meanwhile answers 404 with code 9."""
    served = simulated_onec()
    ref = new_call(served)
    served.store.remove(CALLS, ref)
    with pytest.raises(OnecRefusedError, match="code 9") as caught:
        served.source().write_call_contact(ref, PARTNERS, PARTNER)
    assert caught.value.status == 404
