"""Reading WhatsApp: webhooks whole and part by part, refusals by their code, accounts' ids as numbers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.messengers.exchange import OutcomeUnknownError, RefusalClass, RefusedError
from resources.messengers.items import Kind, Message, NumberChange, Reaction, Status, Unreadable
from resources.messengers.whatsapp.numbers import number_of
from resources.messengers.whatsapp.refusals import CLASS_OF, refusal_of, wait_of
from resources.messengers.whatsapp.signature import is_signed, signature_of
from resources.messengers.whatsapp.webhooks import read_webhook

NUMBER_ID = "106540352242922"

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def webhook(field: str = "messages", **value: Any) -> bytes:  # noqa: ANN401
    """Return a webhook with this value."""
    inner = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": NUMBER_ID}} | value
    return json.dumps({"object": "x", "entry": [{"id": "1", "changes": [{"field": field, "value": inner}]}]}).encode()


def message(**more: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a text of a person."""
    given = {"from": "79161234567", "id": "wamid.1", "timestamp": "1790000000", "type": "text", "text": {"body": "x"}}
    return given | more


@given(JSON)
def test_no_json_breaks_the_reader(told: Any) -> None:  # noqa: ANN401
    """Whatever is posted."""
    read_webhook(json.dumps(told).encode())


@given(
    st.dictionaries(st.sampled_from(["messages", "statuses", "message_echoes", "errors", "contacts", "metadata"]), JSON)
)
def test_no_value_breaks_the_reader(value: dict[str, Any]) -> None:
    """And each part of it that cannot be read is named."""
    for _, item in read_webhook(webhook(**{"metadata": {}} | value)):
        assert not isinstance(item, Unreadable) or item.reason


@given(st.dictionaries(st.sampled_from(["from", "id", "timestamp", "type", "text", "image", "edit", "reaction"]), JSON))
def test_no_message_breaks_the_reader(told: dict[str, Any]) -> None:
    """One part in, one part out."""
    assert len(read_webhook(webhook(messages=[told]))) == 1


def test_a_deeply_nested_body_is_refused_not_crashed_on() -> None:
    """A hundred thousand brackets."""
    [(_, item)] = read_webhook(b"[" * 100_000)
    assert isinstance(item, Unreadable)


def test_contacts_are_matched_by_id_never_by_place() -> None:
    """Two people in one webhook, in the other order."""
    contacts = [
        {"wa_id": "79160000002", "profile": {"name": "Борис"}, "user_id": "RU.2"},
        {"wa_id": "79161234567", "profile": {"name": "Анна", "username": "anna"}, "user_id": "RU.1"},
    ]
    [(number_id, item)] = read_webhook(webhook(messages=[message()], contacts=contacts))
    assert isinstance(item, Message)
    assert number_id == NUMBER_ID
    assert (item.person.name, item.person.user_id, item.person.username) == ("Анна", "RU.1", "anna")
    assert item.person.number == "+79161234567"


def test_people_without_telephones_are_matched_by_their_scoped_ids() -> None:
    """Two of them in one webhook, in the other order."""
    contacts = [{"profile": {"name": "Борис"}, "user_id": "RU.2"}, {"profile": {"name": "Анна"}, "user_id": "RU.1"}]
    messages = [message(from_user_id=f"RU.{number}", **{"from": None}) for number in (1, 2)]
    names = [item.person.name for _, item in read_webhook(webhook(messages=messages, contacts=contacts))]  # type: ignore[union-attr]
    assert names == ["Анна", "Борис"]


def test_somebody_without_a_telephone_is_known_by_their_scoped_id() -> None:
    """Since 2026 `from` may be absent."""
    told = message(from_user_id="RU.1")
    del told["from"]
    contacts = [{"profile": {"name": "Анна"}, "user_id": "RU.1"}]
    [(_, item)] = read_webhook(webhook(messages=[told], contacts=contacts))
    assert isinstance(item, Message)
    assert (item.person.user_id, item.person.number, item.person.name) == ("RU.1", "", "Анна")


def test_a_message_of_nobody_is_unreadable() -> None:
    """It could be put nowhere."""
    told = message()
    del told["from"]
    [(_, item)] = read_webhook(webhook(messages=[told]))
    assert isinstance(item, Unreadable)


@pytest.mark.parametrize("reaction", [{"message_id": "w", "emoji": ""}, {"message_id": "w"}])
def test_a_reaction_is_taken_away_by_an_empty_emoji_or_none(reaction: dict[str, str]) -> None:
    """Both ways occur."""
    [(_, item)] = read_webhook(webhook(messages=[message(type="reaction", reaction=reaction)]))
    assert isinstance(item, Reaction)
    assert item.emoji == ""


def test_a_changed_number_is_told_with_both_ids() -> None:
    """A system message, without contacts."""
    system = {"body": "A changed to B", "wa_id": "79169999999", "type": "user_changed_number"}
    [(_, item)] = read_webhook(webhook(messages=[message(type="system", system=system)]))
    assert isinstance(item, NumberChange)
    assert (item.old.wa_id, item.new.number) == ("79161234567", "+79169999999")


@pytest.mark.parametrize("timestamp", ["soon", "", None, "-5", "99999999999999", [], True])
def test_a_time_of_no_calendar_makes_a_part_unreadable(timestamp: object) -> None:
    """It would open a window for ever."""
    [(_, item)] = read_webhook(webhook(messages=[message(timestamp=timestamp)]))
    assert isinstance(item, Unreadable)


def test_a_status_tells_its_error_and_what_we_gave_it() -> None:
    """Both come back only here."""
    told = {
        "id": "wamid.1",
        "status": "failed",
        "timestamp": "1790000000",
        "biz_opaque_callback_data": "our own",
        "errors": [{"code": 131047, "title": "Re-engagement", "error_data": {"details": "24 hours"}}],
    }
    [(_, item)] = read_webhook(webhook(statuses=[told]))
    assert isinstance(item, Status)
    assert (item.attempt_id, item.error_code, item.error_text) == ("our own", 131047, "24 hours")


def test_other_fields_of_the_subscription_are_nothing_of_a_chat() -> None:
    """Such as news of templates."""
    assert read_webhook(webhook("message_template_status_update", messages=[message()])) == []


def test_a_kind_that_is_not_known_yet_is_kept() -> None:
    """Providers add some every year."""
    [(_, item)] = read_webhook(webhook(messages=[message(type="dream", dream={"of": "sheep"})]))
    assert isinstance(item, Message)
    assert item.kind is Kind.UNSUPPORTED
    assert item.raw["dream"] == {"of": "sheep"}


def test_a_signature_is_over_the_raw_bytes() -> None:
    """JSON that is read and written again has other ones."""
    body = rb'{"text":"\u043f\u0440\u0438\u0432\u0435\u0442 \/ @"}'
    signature = signature_of("secret", body)
    assert is_signed("secret", body, signature)
    assert not is_signed("secret", json.dumps(json.loads(body)).encode(), signature)
    assert not is_signed("secret", body, None)
    assert not is_signed("secret", body, "sha256=ä")
    assert not is_signed("", body, signature_of("", body))


@pytest.mark.parametrize(
    ("wa_id", "number"),
    [
        ("79161234567", "+79161234567"),
        ("554498765432", "+5544998765432"),
        ("5544998765432", "+5544998765432"),
        ("5215512345678", "+525512345678"),
        ("541123456789", "+5491123456789"),
        ("5491123456789", "+5491123456789"),
        ("4915123456789", "+4915123456789"),
        ("", ""),
        ("12", ""),
        ("US.1349", ""),
        ("999999999999999", ""),
    ],
)
def test_an_accounts_id_meets_the_number_that_is_dialled(wa_id: str, number: str) -> None:
    """Brazil's ninth digit, Mexico's one, Argentina's nine."""
    assert number_of(wa_id) == number


def refused(code: int, status: int = 400, **error: Any) -> RefusedError:  # noqa: ANN401
    """Return what an error of Graph means."""
    body = json.dumps({"error": {"message": "(#1) x", "code": code} | error}).encode()
    refusal = refusal_of(status, {}, body)
    assert isinstance(refusal, RefusedError)
    return refusal


@pytest.mark.parametrize(
    ("code", "refusal"),
    [
        (190, RefusalClass.STOP),
        (0, RefusalClass.STOP),
        (10, RefusalClass.STOP),
        (200, RefusalClass.STOP),
        (131031, RefusalClass.STOP),
        (368, RefusalClass.STOP),
        (1, RefusalClass.RETRY),
        (131000, RefusalClass.RETRY),
        (131016, RefusalClass.RETRY),
        (131057, RefusalClass.RETRY),
        (4, RefusalClass.SLOW_ACCOUNT),
        (80007, RefusalClass.SLOW_ACCOUNT),
        (130429, RefusalClass.SLOW_NUMBER),
        (131056, RefusalClass.SLOW_PAIR),
        (131048, RefusalClass.STOP_FOR_HOURS),
        (131047, RefusalClass.NEEDS_TEMPLATE),
        (131026, RefusalClass.PERMANENT),
        (131049, RefusalClass.PERMANENT),
        (131051, RefusalClass.PERMANENT),
        (100, RefusalClass.PERMANENT),
        (132001, RefusalClass.PERMANENT),
    ],
)
def test_each_error_has_its_consequence(code: int, refusal: RefusalClass) -> None:
    """By its code, whatever HTTP says."""
    assert refused(code, 500).refusal is refusal
    assert CLASS_OF[code] is refusal


def test_an_unknown_error_is_tried_again_only_where_it_is_passing() -> None:
    """As Meta marks it."""
    assert refused(999_999).refusal is RefusalClass.PERMANENT
    assert refused(999_999, is_transient=True).refusal is RefusalClass.RETRY
    assert refused(999_999, 503).refusal is RefusalClass.RETRY


def test_an_answer_that_is_not_the_apis_own_leaves_the_outcome_open() -> None:
    """A proxy's page says nothing about what happened behind it."""
    assert isinstance(refusal_of(502, {}, b"<html>"), OutcomeUnknownError)
    assert isinstance(refusal_of(500, {}, b"<html>"), OutcomeUnknownError)
    permanent = refusal_of(404, {}, b"<html>")
    assert isinstance(permanent, RefusedError)


def test_numbers_in_an_errors_words_are_left_out() -> None:
    """Errors are shown and kept."""
    assert "9161234567" not in str(refused(131026, error_data={"details": "to +79161234567 not possible"}))


def test_the_wait_that_is_asked_for_is_kept() -> None:
    """In seconds, or in minutes until access is regained."""
    assert wait_of({"retry-after": "7"}) == 7
    usage = json.dumps({"1": [{"type": "messages", "estimated_time_to_regain_access": 3}]})
    assert wait_of({"x-business-use-case-usage": usage}) == 180
    assert wait_of({"x-business-use-case-usage": "{"}) is None
    assert wait_of({}) is None
