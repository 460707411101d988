"""Webhooks into messages: every kind whole, each once, statuses only forward, and a bad part spoils no other."""

from __future__ import annotations

import json

import httpx

from resources.messengers.whatsapp.signature import SIGNATURE_HEADER, signature_of
from tests.fix_messenger import ACCOUNT, MessengerBench

IVANOV = "+79161234567"


def post(bench: MessengerBench, body: bytes, signature: str | None = None) -> httpx.Response:
    """Post a webhook as the provider does."""
    headers = {SIGNATURE_HEADER: signature_of(bench.whatsapp.app_secret, body) if signature is None else signature}
    url = f"{bench.gateway_url}/webhooks/whatsapp/{ACCOUNT}"
    return httpx.post(url, content=body, headers=headers, trust_env=False, timeout=10)


def webhook(bench: MessengerBench, **value: object) -> bytes:
    """Return a webhook with this value."""
    metadata = {"display_phone_number": "74951230001", "phone_number_id": bench.whatsapp.phone_number_id}
    change = {"field": "messages", "value": {"messaging_product": "whatsapp", "metadata": metadata} | value}
    return json.dumps(
        {"object": "whatsapp_business_account", "entry": [{"id": bench.whatsapp.waba_id, "changes": [change]}]}
    ).encode()


def test_a_text_becomes_one_message_of_one_chat_in_the_queue(messenger: MessengerBench) -> None:
    """The person is known by number, the raw JSON is kept."""
    messenger.whatsapp.receive_text(IVANOV, "Добрый день! 😀")
    messenger.taken_in()
    assert messenger.rows(
        "SELECT m.direction, m.kind, m.text, p.number, c.state, c.unread, m.raw ->> 'type' FROM messages AS m "
        "JOIN chats AS c USING (chat_id) JOIN messenger_people AS p USING (person_id)"
    ) == [("in", "text", "Добрый день! 😀", IVANOV, "queue", 1, "text")]


def test_a_webhook_that_comes_again_changes_nothing(messenger: MessengerBench) -> None:
    """The same post at once, and days later."""
    messenger.whatsapp.receive_text(IVANOV, "один раз")
    messenger.taken_in()
    before = messenger.rows("SELECT chat_id, unread, last_in_at FROM chats")
    messenger.whatsapp.post_again(1)
    messenger.taken_in()
    assert messenger.value("SELECT count(*) FROM received_webhooks WHERE taken_at IS NOT NULL") == 2
    assert messenger.value("SELECT count(*) FROM messages") == 1
    assert messenger.rows("SELECT chat_id, unread, last_in_at FROM chats") == before


def test_a_webhook_with_a_wrong_signature_is_not_kept(messenger: MessengerBench) -> None:
    """Nor one without, nor one whose body was changed by a single byte."""
    body = webhook(messenger, messages=[])
    assert post(messenger, body, "sha256=" + "0" * 64).status_code == 401
    assert post(messenger, body, "").status_code == 401
    assert post(messenger, body + b" ", signature_of(messenger.whatsapp.app_secret, body)).status_code == 401
    assert messenger.value("SELECT count(*) FROM received_webhooks") == 0
    assert post(messenger, body).status_code == 200


def test_the_address_proves_itself_by_the_verify_token_only(messenger: MessengerBench) -> None:
    """As Meta asks when the address is registered."""
    url = f"{messenger.gateway_url}/webhooks/whatsapp/{ACCOUNT}"
    asked = {"hub.mode": "subscribe", "hub.challenge": "1158201444"}
    right = httpx.get(url, params=asked | {"hub.verify_token": messenger.whatsapp.verify_token}, trust_env=False)
    assert (right.status_code, right.text) == (200, "1158201444")
    assert httpx.get(url, params=asked | {"hub.verify_token": "another"}, trust_env=False).status_code == 403
    assert httpx.get(url, params=asked, trust_env=False).status_code == 403


def test_a_bad_part_is_quarantined_and_spoils_no_other(messenger: MessengerBench) -> None:
    """A message without an id, a time that is none, an unknown number; and a body that is no JSON."""
    good = {"from": "79161234567", "id": "wamid.good", "timestamp": "1790000000", "type": "text", "text": {"body": "x"}}
    body = webhook(messenger, messages=[{"from": "1"}, good, good | {"id": "wamid.bad", "timestamp": "soon"}, 7])
    assert post(messenger, body).status_code == 200
    assert post(messenger, b"\xff{").status_code == 200
    stranger = body.replace(messenger.whatsapp.phone_number_id.encode(), b"999")
    assert post(messenger, stranger).status_code == 200
    messenger.taken_in()
    assert messenger.rows("SELECT message_id FROM messages") == [("wamid.good",)]
    reasons = [reason for (reason,) in messenger.rows("SELECT reason FROM quarantine ORDER BY quarantine_id")]
    assert sum("number id 999" in reason for reason in reasons) == 1
    assert any("It is no JSON" in reason for reason in reasons)
    assert any("messages[2]" in reason and "timestamp" in reason for reason in reasons)
    assert any("messages[3]" in reason for reason in reasons)


def test_what_no_database_takes_spoils_no_webhook(messenger: MessengerBench) -> None:
    """NUL and half a surrogate pair, which JSON allows."""
    body = webhook(
        messenger,
        messages=[
            {"from": "79161234567", "id": "wamid.1", "timestamp": "1790000000", "type": "text", "text": {"body": "@"}}
        ],
    ).replace(b'"@"', rb'"a\u0000b\ud83d"')
    assert post(messenger, body).status_code == 200
    messenger.taken_in()
    assert messenger.rows("SELECT text FROM messages") == [("a�b�",)]


def test_an_edit_and_a_withdrawal_are_versions(messenger: MessengerBench) -> None:
    """What is shown is the latest; what was first written stays."""
    message = messenger.whatsapp.receive_text(IVANOV, "в понедельник")
    messenger.whatsapp.edit(message, "во вторник")
    messenger.taken_in()
    shown = "SELECT text, is_edited, is_revoked FROM shown_messages"
    assert messenger.rows(shown) == [("во вторник", True, False)]
    assert messenger.rows("SELECT text FROM messages") == [("в понедельник",)]
    messenger.whatsapp.revoke(message)
    messenger.taken_in()
    assert messenger.rows("SELECT is_revoked FROM shown_messages") == [(True,)]
    assert messenger.value("SELECT count(*) FROM message_versions") == 2


def test_an_edit_that_comes_before_its_message_is_not_lost(messenger: MessengerBench) -> None:
    """Webhooks keep no order."""
    said = {"from": "79161234567", "type": "text", "text": {"body": "раньше"}}
    edit = {"original_message_id": "wamid.1", "message": {"type": "text", "text": {"body": "позже"}}}
    edited = {"from": "79161234567", "id": "wamid.2", "timestamp": "1790000100", "type": "edit", "edit": edit}
    assert post(messenger, webhook(messenger, messages=[edited])).status_code == 200
    messenger.taken_in()
    assert post(messenger, webhook(messenger, messages=[said | {"id": "wamid.1", "timestamp": "1790000000"}]))
    messenger.taken_in()
    assert messenger.rows("SELECT text, is_edited FROM shown_messages") == [("позже", True)]


def test_a_reaction_is_a_version_and_can_be_taken_away(messenger: MessengerBench) -> None:
    """The last of a side counts."""
    message = messenger.whatsapp.receive_text(IVANOV, "спасибо")
    messenger.whatsapp.react(message, "👍")
    messenger.taken_in()
    assert messenger.rows("SELECT emoji FROM shown_reactions") == [("👍",)]
    messenger.whatsapp.advance(5)
    messenger.whatsapp.react(message, None)
    messenger.taken_in()
    assert messenger.rows("SELECT emoji FROM shown_reactions") == []
    assert messenger.value("SELECT count(*) FROM message_reactions") == 2


def test_every_kind_of_message_is_kept_whole_and_as_rows(messenger: MessengerBench) -> None:
    """Files, cards, orders, places, choices, and a kind that nobody knows yet."""
    content = {
        "image": {"id": "1", "mime_type": "image/jpeg", "sha256": "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="},
        "audio": {"id": "2", "mime_type": "audio/ogg", "voice": True},
        "document": {"id": "3", "mime_type": "application/pdf", "filename": "счёт.pdf", "caption": "счёт"},
        "location": {"latitude": 55.7, "longitude": 37.6, "name": "Офис"},
        "contacts": [
            {"name": {"formatted_name": "Пётр"}, "phones": [{"phone": "+7 916 000-00-01"}, {"phone": "8 495 1"}]}
        ],
        "interactive": {"type": "list_reply", "list_reply": {"id": "x", "title": "Завтра"}},
        "button": {"payload": "yes", "text": "Да"},
        "order": {"text": "", "product_items": [{"product_retailer_id": "A1", "quantity": 2, "item_price": 9.5}]},
        "hologram": {"shape": "round"},
    }
    messages = [
        {"from": "79161234567", "id": f"wamid.{kind}", "timestamp": "1790000000", "type": kind, kind: body}
        for kind, body in content.items()
    ]
    assert post(messenger, webhook(messenger, messages=messages)).status_code == 200
    messenger.taken_in()
    assert messenger.value("SELECT count(*) FROM quarantine") == 0
    texts = dict(messenger.rows("SELECT message_id, text FROM messages"))
    assert [texts[f"wamid.{kind}"] for kind in ("document", "interactive", "button")] == ["счёт", "Завтра", "Да"]
    assert messenger.rows("SELECT kind, raw -> 'hologram' ->> 'shape' FROM messages WHERE kind = 'unsupported'") == [
        ("unsupported", "round")
    ]
    files = "SELECT media_id, file_name, is_voice, left(told_sha256, 4) FROM message_media ORDER BY media_id"
    assert messenger.rows(files) == [("1", "", False, "ba78"), ("2", "", True, ""), ("3", "счёт.pdf", False, "")]
    assert messenger.rows("SELECT name, phones FROM message_contacts") == [("Пётр", ["+7 916 000-00-01", "8 495 1"])]
    assert messenger.rows("SELECT product_id, quantity, price FROM message_products") == [("A1", "2", "9.5")]
    assert messenger.rows("SELECT details -> 'latitude' FROM messages WHERE kind = 'location'") == [(55.7,)]


def test_statuses_only_move_forward_in_whatever_order_they_come(messenger: MessengerBench) -> None:
    """Read before sent; failed does not undo delivery; each is kept."""
    echo = {"from": "74951230001", "to": "79161234567", "id": "wamid.1", "timestamp": "1790000000", "type": "text"}
    body = webhook(messenger, message_echoes=[echo | {"text": {"body": "с телефона"}}])
    assert post(messenger, body.replace(b'"field": "messages"', b'"field": "smb_message_echoes"')).status_code == 200
    told = {"id": "wamid.1", "recipient_id": "79161234567"}
    for status, second in (("failed", 9), ("read", 5), ("sent", 1), ("delivered", 3), ("read", 5)):
        body = webhook(messenger, statuses=[told | {"status": status, "timestamp": str(1790000000 + second)}])
        assert post(messenger, body).status_code == 200
        messenger.taken_in()
    assert messenger.rows("SELECT direction, text, status FROM shown_messages") == [("out", "с телефона", "read")]
    assert messenger.value("SELECT count(*) FROM message_statuses") == 4
    assert messenger.value("SELECT state FROM chats") == "closed", "what we wrote by telephone opens no chat"


def test_several_statuses_of_one_webhook_all_count(messenger: MessengerBench) -> None:
    """Also where one of them is rubbish."""
    statuses = [
        {"id": f"wamid.{place}", "status": "sent", "timestamp": "1790000000", "recipient_id": "1"} for place in range(5)
    ]
    statuses[2] = {"status": "sent"}
    assert post(messenger, webhook(messenger, statuses=statuses)).status_code == 200
    messenger.taken_in()
    assert messenger.value("SELECT count(*) FROM message_statuses") == 4


def test_the_gateway_takes_in_by_itself_what_comes(make_messenger: object) -> None:
    """Nobody waits for a tick."""
    bench: MessengerBench = make_messenger(works_in_gateway=True)  # type: ignore[operator]
    bench.whatsapp.receive_text(IVANOV, "сразу")
    bench.whatsapp.wait_until_told()
    with bench.warehouse.engine.connect() as connection:
        connection.exec_driver_sql("SET statement_timeout = '20s'")
        connection.exec_driver_sql(
            "DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM messages) LOOP PERFORM pg_sleep(0.02); END LOOP; END $$"
        )
