"""The messenger at the gateway: who sees which chats, first to answer owns, the window, and what is done with chats."""

from __future__ import annotations

import hashlib
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest

from resources.warehouse import Warehouse
from tests.chats import answer, chat_api, make_chat, make_template
from tests.fix_gateway import IVANOV, ServedGateway, execute
from tests.live_calls import logged_in
from tests.rows import select


@pytest.fixture
def anna(gateway: ServedGateway, warehouse: Warehouse) -> dict[str, str]:
    """Anna, logged in."""
    return logged_in(warehouse, "anna")


@pytest.fixture
def boris(gateway: ServedGateway, warehouse: Warehouse) -> dict[str, str]:
    """Boris, logged in."""
    return logged_in(warehouse, "boris")


def listed(gateway: ServedGateway, who: dict[str, str], name: str = "queue") -> list[int]:
    """Return the ids of a list."""
    found = chat_api(gateway.url, "chats", who, params={"list": name})
    assert found.status_code == 200, found.text
    return [chat["chat_id"] for chat in found.json()["chats"]]


def send_away(warehouse: Warehouse, employee: str) -> None:
    """Let somebody be absent today."""
    execute(
        warehouse,
        "INSERT INTO employee_absences (source, employee_id, absent_from) "
        "VALUES ('hand', :who, now() - interval '1 h')",
        who=employee,
    )


def state(warehouse: Warehouse, chat_id: int) -> tuple[str, str | None]:
    """Return how a chat stands, and whose it is."""
    [(state, owner)] = select(warehouse, f"SELECT state, owner_id FROM chats WHERE chat_id = {chat_id}")  # noqa: S608
    return state, owner


def change(gateway: ServedGateway, chat_id: int, who: dict[str, str], act: str, **more: str) -> int:
    """Do something with a chat; return the status."""
    return chat_api(gateway.url, f"chats/{chat_id}/state", who, json={"act": act} | more).status_code


def test_the_queue_shows_whoever_waits_longest_first_and_who_it_is(
    gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str]
) -> None:
    """The client by their number, else the name in the messenger."""
    newer = make_chat(warehouse, "Пётр", hours_ago=1)
    older = make_chat(warehouse, "+", number=IVANOV, hours_ago=2)
    found = chat_api(gateway.url, "chats", anna).json()
    assert [chat["chat_id"] for chat in found["chats"]] == [older, newer]
    assert [(chat["party_name"], chat["name"]) for chat in found["chats"]] == [("ИП Иванов", "+"), (None, "Пётр")]
    assert (found["queue"], found["mine"]) == (2, 0)


def test_a_chat_that_is_offered_to_others_is_not_seen(
    gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str], boris: dict[str, str]
) -> None:
    """Neither listed, nor read, nor answered."""
    chat = make_chat(warehouse, offered_to=["boris"])
    assert listed(gateway, anna) == []
    assert chat_api(gateway.url, f"chats/{chat}", anna).status_code == 404
    assert answer(gateway.url, chat, anna).status_code == 404
    assert listed(gateway, boris) == [chat]


def test_what_is_offered_to_people_of_whom_nobody_is_there_is_offered_to_all(
    gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str]
) -> None:
    """No client waits for a vacation's end."""
    chat = make_chat(warehouse, offered_to=["boris"])
    send_away(warehouse, "boris")
    assert listed(gateway, anna) == [chat]


def test_who_is_not_at_work_sees_no_queue_and_answers_nobody_in_it(
    gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str]
) -> None:
    """But goes on seeing their own chats."""
    chat, own = make_chat(warehouse), make_chat(warehouse, state="in_work", owner="anna")
    send_away(warehouse, "anna")
    assert (listed(gateway, anna), listed(gateway, anna, "mine")) == ([], [own])
    refused = answer(gateway.url, chat, anna)
    assert (refused.status_code, refused.headers["x-outcome"]) == (409, "away")


def test_a_supervisor_sees_all_chats(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """Others' too, and takes none by looking."""
    offered, others = make_chat(warehouse, offered_to=["boris"]), make_chat(warehouse, state="in_work", owner="boris")
    anna = logged_in(warehouse, "anna", is_supervisor=True)
    assert (listed(gateway, anna), listed(gateway, anna, "everybody")) == ([offered], [others])
    assert chat_api(gateway.url, f"chats/{others}", anna).json()["chat"]["owner_name"] == "Борис Кузнецов"
    assert state(warehouse, others) == ("in_work", "boris")


def test_whoever_answers_first_owns_the_chat(
    gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str], boris: dict[str, str]
) -> None:
    """And the message waits in the outbox."""
    chat = make_chat(warehouse)
    assert answer(gateway.url, chat, anna).status_code == 200
    assert state(warehouse, chat) == ("in_work", "anna")
    refused = answer(gateway.url, chat, boris)
    assert (refused.status_code, refused.headers["x-outcome"]) == (409, "owned")
    assert "Анна" in refused.text
    assert select(warehouse, "SELECT employee_id, text, state FROM outbox") == [("anna", "Добрый день!", "queued")]
    assert select(warehouse, "SELECT what, employee_id FROM chat_events") == [("taken", "anna")]
    assert (listed(gateway, anna, "mine"), listed(gateway, boris)) == ([chat], [])


def test_of_many_who_answer_at_once_one_is_first(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """Whatever the order of their requests."""
    people = [logged_in(warehouse, "anna"), logged_in(warehouse, "boris")]
    for _ in range(5):
        chat = make_chat(warehouse)
        together = threading.Barrier(2)

        def write(who: dict[str, str], chat: int = chat, together: threading.Barrier = together) -> int:
            together.wait()
            return answer(gateway.url, chat, who).status_code

        with ThreadPoolExecutor(2) as threads:
            assert sorted(threads.map(write, people)) == [200, 409]
    assert select(warehouse, "SELECT count(*), count(DISTINCT chat_id) FROM outbox") == [(5, 5)]
    assert select(
        warehouse, "SELECT count(*) FROM outbox AS o JOIN chats AS c USING (chat_id) WHERE c.owner_id = o.employee_id"
    ) == [(5,)]


def test_the_same_message_written_twice_is_one(
    gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str]
) -> None:
    """A weak line has the page send it again."""
    chat, key = make_chat(warehouse), str(uuid4())
    both = [answer(gateway.url, chat, anna, client_key=key).json() for _ in range(2)]
    assert both[0] == both[1]
    assert select(warehouse, "SELECT count(*) FROM outbox") == [(1,)]


def test_after_24_hours_only_a_template_is_taken(
    gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str]
) -> None:
    """With as many values as it has, and one that the provider approved."""
    chat = make_chat(warehouse, hours_ago=24.1)
    make_template(warehouse)
    make_template(warehouse, "draft", status="pending")
    refused = answer(gateway.url, chat, anna)
    assert (refused.status_code, refused.headers["x-outcome"]) == (409, "closed_window")
    assert state(warehouse, chat) == ("queue", None)
    shown = chat_api(gateway.url, f"chats/{chat}", anna).json()["chat"]
    assert not shown["is_window_open"]
    assert [template["name"] for template in shown["templates"]] == ["reminder"]
    template = {"template": "reminder", "language": "ru", "text": ""}
    assert answer(gateway.url, chat, anna, **template, values=[]).status_code == 422
    assert answer(gateway.url, chat, anna, **template | {"template": "draft"}, values=["a"]).status_code == 422
    assert answer(gateway.url, chat, anna, **template, values=["завтра"]).status_code == 200
    assert select(warehouse, "SELECT kind, template_name, template_values FROM outbox") == [
        ("template", "reminder", ["завтра"])
    ]


def test_a_closed_chat_is_its_owners_and_opens_when_they_write(
    gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str], boris: dict[str, str]
) -> None:
    """Nobody else reads it."""
    chat = make_chat(warehouse, state="in_work", owner="anna")
    assert change(gateway, chat, boris, "closed") == 409
    assert change(gateway, chat, anna, "closed") == 204
    assert (listed(gateway, anna, "closed"), listed(gateway, boris, "closed")) == ([chat], [])
    assert chat_api(gateway.url, f"chats/{chat}", boris).status_code == 404
    assert answer(gateway.url, chat, boris).status_code == 404
    assert answer(gateway.url, chat, anna).status_code == 200
    assert state(warehouse, chat) == ("in_work", "anna")


def test_a_chat_is_handed_over_to_somebody_who_is_there(
    gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str], boris: dict[str, str]
) -> None:
    """With a comment; to nobody who is away, gone or unknown."""
    chat = make_chat(warehouse, state="in_work", owner="anna")
    assert change(gateway, chat, anna, "handed_over", to_employee="gone") == 409
    assert change(gateway, chat, anna, "handed_over", to_employee="nobody") == 409
    assert change(gateway, chat, anna, "handed_over", to_employee="boris", note="просит скидку") == 204
    assert state(warehouse, chat) == ("in_work", "boris")
    assert listed(gateway, boris, "mine") == [chat]
    assert select(warehouse, "SELECT what, employee_id, to_employee_id, note FROM chat_events") == [
        ("handed_over", "anna", "boris", "просит скидку")
    ]
    send_away(warehouse, "anna")
    assert change(gateway, chat, boris, "handed_over", to_employee="anna") == 409


def test_a_chat_given_back_is_everybodys(
    gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str], boris: dict[str, str]
) -> None:
    """Whoever it was offered to had it."""
    chat = make_chat(warehouse, state="in_work", owner="anna", offered_to=["anna"])
    assert change(gateway, chat, anna, "returned") == 204
    assert listed(gateway, boris) == [chat]
    assert change(gateway, chat, boris, "taken") == 204
    assert state(warehouse, chat) == ("in_work", "boris")


def test_a_hidden_comment_is_seen_by_colleagues_and_never_sent(
    gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str], boris: dict[str, str]
) -> None:
    """It stands in no outbox."""
    chat = make_chat(warehouse)
    assert chat_api(gateway.url, f"chats/{chat}/notes", anna, json={"text": "должник"}).status_code == 204
    lines = chat_api(gateway.url, f"chats/{chat}", boris).json()["lines"]
    assert [line["note"] for line in lines if line["what"] == "noted"] == ["должник"]
    assert select(warehouse, "SELECT count(*) FROM outbox") == [(0,)]


def test_opening_a_chat_marks_it_read_for_its_owner_only(
    gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str], boris: dict[str, str]
) -> None:
    """A look into the queue takes nothing away."""
    chat = make_chat(warehouse, state="in_work", owner="anna")
    chat_api(gateway.url, f"chats/{chat}/read", boris, method="POST")
    assert select(warehouse, "SELECT unread FROM chats") == [(1,)]
    chat_api(gateway.url, f"chats/{chat}/read", anna, method="POST")
    assert select(warehouse, "SELECT unread FROM chats") == [(0,)]


def test_what_nobody_knows_the_outcome_of_is_decided_by_its_owner(
    gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str], boris: dict[str, str]
) -> None:
    """Again, or left; once."""
    chat = make_chat(warehouse, state="in_work", owner="anna")
    answer(gateway.url, chat, anna)
    execute(warehouse, "UPDATE outbox SET state = 'unknown', error = 'No answer came.'")
    execute(
        warehouse,
        "INSERT INTO send_attempts (attempt_id, outbox_id, outcome) SELECT gen_random_uuid(), outbox_id, 'unknown' "
        "FROM outbox",
    )
    [(outbox_id,)] = select(warehouse, "SELECT outbox_id FROM outbox")
    [line] = [one for one in chat_api(gateway.url, f"chats/{chat}", anna).json()["lines"] if one["type"] == "waiting"]
    assert (line["status"], line["error"]) == ("unknown", "No answer came.")
    decision = {"outbox_id": outbox_id, "act": "again"}
    assert chat_api(gateway.url, f"chats/{chat}/decisions", boris, json=decision).status_code == 409
    assert chat_api(gateway.url, f"chats/{chat}/decisions", anna, json=decision).status_code == 204
    assert chat_api(gateway.url, f"chats/{chat}/decisions", anna, json=decision).status_code == 409
    assert select(warehouse, "SELECT state FROM outbox") == [("queued",)]
    assert select(warehouse, "SELECT outcome, settled_by FROM send_attempts") == [("not_accepted", "anna")]
    leave = decision | {"act": "cancel"}
    # Given back, the chat is in sight of all; its message is still its owner's.
    execute(warehouse, "UPDATE chats SET state = 'queue'")
    assert chat_api(gateway.url, f"chats/{chat}/decisions", boris, json=leave).status_code == 409
    assert chat_api(gateway.url, f"chats/{chat}/decisions", anna, json=leave).status_code == 204
    assert select(warehouse, "SELECT state FROM outbox") == [("cancelled",)]


def test_somebody_is_a_clients_contact_from_the_moment_it_is_said(
    gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str]
) -> None:
    """By hand it wins over the number, and can be taken back."""
    chat = make_chat(warehouse, number=None)
    path = f"chats/{chat}/contact"
    assert chat_api(gateway.url, path, anna, json={"party_id": "nobody known"}).status_code == 404
    assert chat_api(gateway.url, path, anna, json={"party_id": "ivanov"}).status_code == 204
    assert chat_api(gateway.url, f"chats/{chat}", anna).json()["chat"]["party_name"] == "ИП Иванов"
    assert chat_api(gateway.url, path, anna, json={"party_id": ""}).status_code == 204
    assert chat_api(gateway.url, f"chats/{chat}", anna).json()["chat"]["party_name"] is None
    assert select(warehouse, "SELECT count(*), count(valid_to) FROM person_contacts") == [(2, 1)]


def test_a_chats_lines_come_in_pages_without_gaps(
    gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str]
) -> None:
    """Also where many stand at the same moment; the raw JSON never leaves."""
    chat = make_chat(warehouse)
    execute(
        warehouse,
        "INSERT INTO messages (account, message_id, chat_id, direction, kind, text, sent_at, raw) "
        "SELECT 'sales', 'w' || n, :chat, 'in', 'text', n::text, date_trunc('hour', now()), "
        "'{\"secret\": 1}' FROM generate_series(1, 120) AS n",
        chat=chat,
    )
    told = chat_api(gateway.url, f"chats/{chat}", anna)
    assert "secret" not in told.text
    seen: list[Any] = []
    lines = told.json()
    while True:
        seen = lines["lines"] + seen
        if not lines["has_more"]:
            break
        first = lines["lines"][0]
        before = {"before": first["at"], "before_key": first["key"]}
        lines = chat_api(gateway.url, f"chats/{chat}/lines", anna, params=before).json()
    assert len(seen) == 121
    assert len({line["key"] for line in seen}) == 121


def test_a_file_goes_out_under_its_hash_and_is_given_to_readers_only(
    gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str], boris: dict[str, str]
) -> None:
    """Of a type that is sent, not too large, not empty; HTML is never shown by the browser."""
    chat = make_chat(warehouse, state="in_work", owner="anna")
    content = b"%PDF-1.4"
    sha256 = hashlib.sha256(content).hexdigest()
    path = f"chats/{chat}/files?client_key={uuid4()}"
    headers = {"Content-Type": "application/pdf", "X-File-Name": "%D1%81%D1%87%D1%91%D1%82.pdf"}
    assert chat_api(gateway.url, path, boris, content=content, headers=headers).status_code == 404
    html = headers | {"Content-Type": "text/html"}
    assert chat_api(gateway.url, path, anna, content=content, headers=html).status_code == 415
    assert chat_api(gateway.url, path, anna, content=b"", headers=headers, method="POST").status_code == 422
    assert chat_api(gateway.url, path, anna, content=b"x" * (16 * 2**20 + 1), headers=headers).status_code == 413
    assert chat_api(gateway.url, path, anna, content=content, headers=headers).status_code == 200
    assert select(warehouse, "SELECT kind, sha256, file_name FROM outbox") == [("document", sha256, "счёт.pdf")]
    execute(
        warehouse,
        "INSERT INTO message_media (account, media_id, message_id, mime_type, file_name, told_sha256, state, sha256, "
        "expires_at) SELECT account, 'm', message_id, 'text/html', 'x.html', '', 'kept', :sha256, now() FROM messages",
        sha256=sha256,
    )
    asked = f"chats/{chat}/file?message_id=wamid.{chat}&media_id=m"
    given = chat_api(gateway.url, asked, anna)
    assert (given.status_code, given.content) == (200, content)
    assert given.headers["content-type"] == "application/octet-stream"
    assert given.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in given.headers["content-security-policy"]
    assert given.headers["x-content-type-options"] == "nosniff"
    assert chat_api(gateway.url, asked, boris).status_code == 404
    elsewhere = make_chat(warehouse, state="in_work", owner="anna")
    assert chat_api(gateway.url, asked.replace(f"chats/{chat}/", f"chats/{elsewhere}/"), anna).status_code == 404


def test_nobody_gets_in_without_a_log_in_nor_from_another_site(
    gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str]
) -> None:
    """Nothing changes either way."""
    chat = make_chat(warehouse)
    assert chat_api(gateway.url, "chats", {}).status_code == 401
    foreign = {**anna, "Origin": "https://evil.example.com"}
    assert answer(gateway.url, chat, foreign).status_code == 403
    page = httpx.get(f"{gateway.url}/messenger", trust_env=False, follow_redirects=False)
    assert page.status_code == 303
    assert state(warehouse, chat) == ("queue", None)


@pytest.mark.parametrize("text", ["", "   ", "x" * 4097])
def test_a_text_that_cannot_be_sent_is_refused_before_it_waits(
    gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str], text: str
) -> None:
    """Empty, or longer than WhatsApp takes."""
    assert answer(gateway.url, make_chat(warehouse), anna, text=text).status_code == 422
    assert select(warehouse, "SELECT count(*) FROM outbox") == [(0,)]


def test_what_no_database_takes_is_left_out_of_a_text(
    gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str]
) -> None:
    """NUL; the rest is sent."""
    assert answer(gateway.url, make_chat(warehouse), anna, text="a\0b").status_code == 200
    assert select(warehouse, "SELECT text FROM outbox") == [("ab",)]


def hints(gateway: ServedGateway, who: dict[str, str], told: threading.Event, seen: list[Any]) -> None:
    """Read a stream until it told of a chat."""
    url = f"{gateway.url}/messenger/api/events"
    with httpx.stream("GET", url, headers=who, timeout=20, trust_env=False) as stream:
        told.set()
        event = ""
        for line in stream.iter_lines():
            if line.startswith("event: "):
                event = line[7:]
            elif line.startswith("data: ") and event == "chats":
                seen.append(json.loads(line[6:])["chats"])
                return


def test_an_open_page_is_told_which_chat_changed(
    gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str]
) -> None:
    """A hint without content."""
    chat = make_chat(warehouse)
    told, seen = threading.Event(), list[Any]()
    reading = threading.Thread(target=hints, args=(gateway, anna, told, seen))
    reading.start()
    assert told.wait(10)
    execute(warehouse, "UPDATE chats SET changed_at = now()")
    reading.join(20)
    assert seen == [[chat]]
