"""The messenger at the gateway: nothing that was written is lost, and nothing taken back is shown."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from resources.warehouse import Warehouse
from tests.chats import answer, chat_api, make_chat
from tests.fix_gateway import ServedGateway, execute
from tests.live_calls import logged_in
from tests.rows import select

PDF = {"Content-Type": "application/pdf", "X-File-Name": "a.pdf"}


@pytest.fixture
def anna(gateway: ServedGateway, warehouse: Warehouse) -> dict[str, str]:
    """Anna, logged in."""
    return logged_in(warehouse, "anna")


@pytest.fixture
def boris(gateway: ServedGateway, warehouse: Warehouse) -> dict[str, str]:
    """Boris, logged in."""
    return logged_in(warehouse, "boris")


def test_a_message_taken_back_leaves_no_text(
    gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str]
) -> None:
    """Neither in the list nor in the chat."""
    chat = make_chat(warehouse, text="Секрет")
    execute(
        warehouse,
        "INSERT INTO message_versions (account, change_id, message_id, what, text, changed_at, raw) "
        "SELECT account, 'x', message_id, 'revoked', '', now(), '{}' FROM messages",
    )
    chats, lines = chat_api(gateway.url, "chats", anna), chat_api(gateway.url, f"chats/{chat}", anna)
    assert chats.json()["chats"][0]["last_kind"] == "revoked"
    assert lines.json()["lines"][0]["is_revoked"]
    assert "Секрет" not in chats.text + lines.text


def test_a_key_is_good_for_one_message_only(gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str]) -> None:
    """Another text or another chat under it is refused, not taken for written."""
    chat, other, key = make_chat(warehouse), make_chat(warehouse, "Мария", number=None), str(uuid4())
    assert answer(gateway.url, chat, anna, "Цена 100", client_key=key).status_code == 200
    for where, text in ((chat, "Цена 200"), (other, "Цена 100")):
        refused = answer(gateway.url, where, anna, text, client_key=key)
        assert (refused.status_code, refused.headers["x-outcome"]) == (409, "used")
    assert answer(gateway.url, chat, anna, "Цена 100", client_key=key).status_code == 200
    assert select(warehouse, "SELECT text FROM outbox") == [("Цена 100",)]


def test_the_same_message_twice_at_once_is_one_and_both_are_told_which(
    gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str]
) -> None:
    """Whichever came first."""
    for _ in range(5):
        chat, key = make_chat(warehouse), str(uuid4())

        def write(_: int, chat: int = chat, key: str = key) -> int:
            told = answer(gateway.url, chat, anna, client_key=key)
            return int(told.json()["outbox_id"])

        with ThreadPoolExecutor(3) as threads:
            assert len(set(threads.map(write, range(3)))) == 1
    assert select(warehouse, "SELECT count(*) FROM outbox") == [(5,)]


def test_of_two_who_say_at_once_whose_contact_it_is_both_are_heard(
    gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str], boris: dict[str, str]
) -> None:
    """The later one counts."""
    chat = make_chat(warehouse, number=None)

    def assign(who: dict[str, str]) -> int:
        return chat_api(gateway.url, f"chats/{chat}/contact", who, json={"party_id": "ivanov"}).status_code

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(assign, [anna, boris] * 10)) == {204}
    assert select(warehouse, "SELECT count(*) FROM person_contacts WHERE valid_to IS NULL") == [(1,)]


def test_a_supervisor_who_answers_in_anothers_chat_has_not_read_it_for_them(
    gateway: ServedGateway, warehouse: Warehouse
) -> None:
    """It stays theirs, and unread."""
    chat = make_chat(warehouse, state="in_work", owner="boris")
    supervisor = logged_in(warehouse, "anna", is_supervisor=True)
    assert answer(gateway.url, chat, supervisor).status_code == 200
    assert select(warehouse, "SELECT unread, owner_id FROM chats") == [(1, "boris")]


def test_a_chat_that_is_handed_over_is_unread_for_whoever_gets_it(
    gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str], boris: dict[str, str]
) -> None:
    """Or they would not notice."""
    chat = make_chat(warehouse, state="in_work", owner="anna")
    chat_api(gateway.url, f"chats/{chat}/read", anna, method="POST")
    handed = {"act": "handed_over", "to_employee": "boris"}
    assert chat_api(gateway.url, f"chats/{chat}/state", anna, json=handed).status_code == 204
    assert chat_api(gateway.url, "me", boris).json()["mine_unread"] == 1


def test_a_message_that_failed_after_it_was_taken_is_trouble_in_the_list(
    gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str]
) -> None:
    """As WhatsApp tells most failures."""
    chat = make_chat(warehouse, state="in_work", owner="anna")
    execute(
        warehouse,
        "INSERT INTO messages (account, message_id, chat_id, direction, kind, text, sent_at, raw) "
        "VALUES ('sales', 'w1', :chat, 'out', 'text', 'x', now(), '{}')",
        "INSERT INTO message_statuses (account, message_id, status, occurred_at, error_code, error_text, raw, told_by) "
        "VALUES ('sales', 'w1', 'failed', now(), 131047, 'Re-engagement message', '{}', 'webhook')",
        chat=chat,
    )
    [row] = chat_api(gateway.url, "chats", anna, params={"list": "mine"}).json()["chats"]
    assert row["has_trouble"]


def test_a_file_that_cannot_be_sent_is_not_kept(
    gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str], tmp_path: Path
) -> None:
    """After the 24 hours there is no message that could forget it."""
    chat = make_chat(warehouse, hours_ago=30)
    refused = chat_api(gateway.url, f"chats/{chat}/files?client_key={uuid4()}", anna, content=b"%PDF", headers=PDF)
    assert (refused.status_code, refused.headers["x-outcome"]) == (409, "closed_window")
    assert not [path for path in (tmp_path / "media").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("mime_type", "text", "status"),
    [
        ("application/pdf", "%D0%94" * 1024, 200),
        ("application/pdf", "x" * 1025, 422),
        ("audio/ogg", "x", 422),
    ],
)
def test_what_is_written_to_a_file_is_sent_whole_or_refused(
    gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str], mime_type: str, text: str, status: int
) -> None:
    """WhatsApp takes 1024 characters, and with a sound none."""
    headers = PDF | {"Content-Type": mime_type, "X-Text": text}
    path = f"chats/{make_chat(warehouse)}/files?client_key={uuid4()}"
    assert chat_api(gateway.url, path, anna, content=b"%PDF", headers=headers).status_code == status
    assert select(warehouse, "SELECT text FROM outbox") == ([("Д" * 1024,)] if status == 200 else [])


def test_who_is_away_is_not_told_of_a_chat_that_is_offered_to_others(
    gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str]
) -> None:
    """It is as if there were none."""
    chat = make_chat(warehouse, offered_to=["boris"])
    execute(
        warehouse,
        "INSERT INTO employee_absences (source, employee_id, absent_from) "
        "VALUES ('hand', 'anna', now() - interval '1 h')",
    )
    assert answer(gateway.url, chat, anna).status_code == answer(gateway.url, chat + 1, anna).status_code == 404
