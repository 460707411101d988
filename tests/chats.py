"""Chats made by rows: people who wrote, messages, templates; and the messenger's interface as our own page asks it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx

from resources.warehouse import Warehouse
from tests.fix_gateway import execute
from tests.rows import select


def make_chat(
    warehouse: Warehouse,
    name: str = "Пётр",
    *,
    number: str | None = "+79160001122",
    text: str = "Здравствуйте!",
    state: str = "queue",
    owner: str | None = None,
    offered_to: list[str] | None = None,
    hours_ago: float = 1,
    account: str = "sales",
) -> int:
    """Let somebody have written to us; return the chat's id."""
    execute(
        warehouse,
        "WITH p AS (INSERT INTO messenger_people (name, number) VALUES (:name, :number) RETURNING person_id), "
        "c AS (INSERT INTO chats (account, person_id, state, owner_id, offered_to, opened_at, last_message_at, "
        "last_in_at, unread) SELECT :account, person_id, :state, :owner, :offered_to, "
        "now() - make_interval(secs => :ago), now() - make_interval(secs => :ago), "
        "now() - make_interval(secs => :ago), 1 FROM p RETURNING *) "
        "INSERT INTO messages (account, message_id, chat_id, direction, kind, text, sent_at, raw) "
        "SELECT account, 'wamid.' || chat_id, chat_id, 'in', 'text', :text, last_in_at, '{}' FROM c",
        name=name,
        number=number,
        text=text,
        state=state,
        owner=owner,
        offered_to=offered_to,
        ago=hours_ago * 3600,
        account=account,
    )
    [(chat_id,)] = select(warehouse, "SELECT max(chat_id) FROM chats")
    return int(chat_id)


def make_template(warehouse: Warehouse, name: str = "reminder", variables: int = 1, status: str = "approved") -> None:
    """Let the provider have a template."""
    execute(
        warehouse,
        "INSERT INTO messenger_templates (account, name, language, category, body, variables, status) "
        "VALUES ('sales', :name, 'ru', 'utility', 'Напоминаем: {{1}}', :variables, :status)",
        name=name,
        variables=variables,
        status=status,
    )


def chat_api(url: str, path: str, who: dict[str, str], **how: Any) -> httpx.Response:  # noqa: ANN401
    """Ask the messenger's interface as our own page does; a body makes it a POST."""
    method = how.pop("method", "POST" if "json" in how or "content" in how else "GET")
    own = {"Origin": url} | who | how.pop("headers", {})
    return httpx.request(method, f"{url}/messenger/api/{path}", headers=own, timeout=10, trust_env=False, **how)


def answer(url: str, chat_id: int, who: dict[str, str], text: str = "Добрый день!", **more: Any) -> httpx.Response:  # noqa: ANN401
    """Answer in a chat."""
    message = {"client_key": str(uuid4()), "text": text} | more
    return chat_api(url, f"chats/{chat_id}/messages", who, json=message)


def own_chat(warehouse: Warehouse, name: str = "Пётр", **how: Any) -> int:  # noqa: ANN401
    """Let Anna have a chat."""
    return make_chat(warehouse, name, state="in_work", owner="anna", **how)


def write_many(warehouse: Warehouse, chat_id: int, prefix: str, many: int, hours_ago: float) -> None:
    """Let the client have written many messages, all at the same moment."""
    execute(
        warehouse,
        "INSERT INTO messages (account, message_id, chat_id, direction, kind, text, sent_at, raw) "
        "SELECT 'sales', :prefix || n, :chat, 'in', 'text', :prefix || n, now() - make_interval(secs => :ago), '{}' "
        "FROM generate_series(1, :many) AS n",
        prefix=prefix,
        chat=chat_id,
        many=many,
        ago=hours_ago * 3600,
    )
    execute(warehouse, "UPDATE chats SET changed_at = now()")
