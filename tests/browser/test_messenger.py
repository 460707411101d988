"""The messenger's page as an employee uses it: a real gateway on a real database, headless Chromium."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from resources.warehouse import Warehouse
from tests.chats import make_chat, make_template
from tests.fix_gateway import IVANOV, ServedGateway, execute
from tests.rows import select


@pytest.fixture
def open_messenger(open_gateway_page: Callable[..., Page]) -> Callable[..., Page]:
    """A function that logs an employee in and opens their messages."""

    def open_page(gateway: ServedGateway, employee: str, **how: Any) -> Page:  # noqa: ANN401
        return open_gateway_page(gateway.url, employee, "/messenger", **how)

    return open_page


def choose(page: Page, who: str) -> None:
    """Open a chat of the list."""
    page.locator(".chat-row", has_text=who).click()
    expect(page.locator("article.chat h2")).to_contain_text(who)


def write(page: Page, text: str) -> None:
    """Type and press Enter."""
    box = page.locator(".composer textarea")
    box.fill(text)
    box.press("Enter")


def test_an_employee_answers_a_chat_of_the_queue(
    gateway: ServedGateway, warehouse: Warehouse, open_messenger: Callable[..., Page]
) -> None:
    """See it, read it, answer it: then it is theirs, and the message waits; a script in a text stays a text."""
    make_chat(warehouse, number=IVANOV, text="<script>alert(1)</script> Есть ли счёт?")
    page = open_messenger(gateway, "201")
    choose(page, "ИП Иванов")
    expect(page.locator(".message.in .text")).to_have_text("<script>alert(1)</script> Есть ли счёт?")
    expect(page.get_by_test_id("window")).to_contain_text("You may write freely until")
    write(page, "Добрый день!\nСейчас пришлю.")
    expect(page.locator(".message.out .text")).to_contain_text("Сейчас пришлю.")
    expect(page.locator(".message.out")).to_have_attribute("data-status", "queued")
    expect(page.get_by_test_id("chat-state")).to_have_text("Анна <Смирнова> & Co answers")
    expect(page.locator(".composer textarea")).to_have_value("")
    assert select(warehouse, "SELECT state, owner_id FROM chats") == [("in_work", "anna")]
    if folder := os.environ.get("SWITCHBOARD_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/messenger.png")


def test_the_page_shows_how_far_a_message_has_come(
    gateway: ServedGateway, warehouse: Warehouse, open_messenger: Callable[..., Page]
) -> None:
    """Without a reload; what is typed meanwhile stays, and the place in it."""
    make_chat(warehouse, "Пётр", state="in_work", owner="anna")
    page = open_messenger(gateway, "201")
    page.get_by_role("tab", name="Mine").click()
    choose(page, "Пётр")
    write(page, "Уже в пути")
    expect(page.locator(".message.out")).to_have_attribute("data-status", "queued")
    page.locator(".composer textarea").press_sequentially("а ещё")
    execute(
        warehouse,
        "UPDATE outbox SET state = 'accepted', message_id = 'w1'",
        "INSERT INTO messages (account, message_id, chat_id, direction, kind, text, sent_at, raw, outbox_id) "
        "SELECT account, 'w1', chat_id, 'out', 'text', text, now(), '{}', outbox_id FROM outbox",
        "INSERT INTO message_statuses (account, message_id, status, occurred_at, raw, told_by) "
        "VALUES ('sales', 'w1', 'read', now(), '{}', 'webhook')",
        "UPDATE chats SET changed_at = now()",
    )
    expect(page.locator(".message.out")).to_have_attribute("data-status", "read")
    expect(page.locator(".composer textarea")).to_have_value("а ещё")
    expect(page.locator(".composer textarea")).to_be_focused()


def test_a_chat_of_the_queue_goes_when_a_colleague_takes_it(
    gateway: ServedGateway, warehouse: Warehouse, open_messenger: Callable[..., Page]
) -> None:
    """Both look; one answers."""
    make_chat(warehouse, "Пётр")
    anna, boris = open_messenger(gateway, "201"), open_messenger(gateway, "202")
    choose(anna, "Пётр")
    choose(boris, "Пётр")
    write(anna, "Я отвечу")
    expect(anna.locator(".message.out")).to_have_count(1)
    expect(boris.locator(".chat-row")).to_have_count(0)


def test_after_24_hours_a_template_is_chosen_and_filled_in(
    gateway: ServedGateway, warehouse: Warehouse, open_messenger: Callable[..., Page]
) -> None:
    """There is nothing to type free text into."""
    make_template(warehouse)
    make_chat(warehouse, "Пётр", hours_ago=30)
    page = open_messenger(gateway, "201")
    choose(page, "Пётр")
    expect(page.get_by_test_id("window")).to_have_text("24 hours have gone by: only a template can be sent.")
    expect(page.locator(".composer textarea")).to_have_count(0)
    page.locator(".composer select").select_option(label="reminder (ru)")
    page.locator(".values input").fill("завтра в 10")
    page.locator(".composer button[type=submit]").click()
    expect(page.locator(".message.out")).to_contain_text("Template: reminder (завтра в 10)")
    assert select(warehouse, "SELECT template_values FROM outbox") == [(["завтра в 10"],)]


def test_a_chat_is_commented_handed_over_and_closed(
    gateway: ServedGateway, warehouse: Warehouse, open_messenger: Callable[..., Page]
) -> None:
    """The colleague sees the comment, and closes it."""
    make_chat(warehouse, "Пётр", state="in_work", owner="anna")
    anna, boris = open_messenger(gateway, "201"), open_messenger(gateway, "202")
    choose(anna, "Пётр")
    anna.locator(".note-form textarea").fill("Просит скидку")
    anna.locator(".note-form button").click()
    expect(anna.locator(".notes li")).to_contain_text("Просит скидку")
    anna.get_by_role("button", name="Hand over").first.click()
    anna.locator(".hand-over select").select_option(value="boris")
    anna.locator(".hand-over input").fill("Твой клиент")
    anna.locator(".hand-over button[type=submit]").click()
    boris.get_by_role("tab", name="Mine").click()
    choose(boris, "Пётр")
    expect(boris.locator(".notes li")).to_contain_text("Просит скидку")
    expect(boris.locator(".event").last).to_contain_text("Твой клиент")
    boris.get_by_role("button", name="Close the chat").click()
    expect(boris.get_by_test_id("chat-state")).to_have_text("closed")
    assert select(warehouse, "SELECT state, owner_id FROM chats") == [("closed", "boris")]


def test_a_file_is_attached(gateway: ServedGateway, warehouse: Warehouse, open_messenger: Callable[..., Page]) -> None:
    """And waits under its name."""
    make_chat(warehouse, "Пётр", state="in_work", owner="anna")
    page = open_messenger(gateway, "201")
    choose(page, "Пётр")
    page.locator(".composer input[type=file]").set_input_files(
        {"name": "счёт.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4"}
    )
    expect(page.locator(".message.out")).to_contain_text("счёт.pdf")


def test_the_page_fits_a_telephone_and_speaks_russian(
    gateway: ServedGateway, warehouse: Warehouse, open_messenger: Callable[..., Page]
) -> None:
    """One column at a time, no sideways scrolling."""
    make_chat(warehouse, "Пётр", text="Очень длинное сообщение " * 20)
    page = open_messenger(gateway, "201", viewport={"width": 360, "height": 740}, locale="ru-RU")
    expect(page.locator("h1")).to_have_text("Сообщения")
    choose(page, "Пётр")
    expect(page.locator(".chat-columns > nav")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    if folder := os.environ.get("SWITCHBOARD_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/messenger-small.png")
    page.locator(".back").click()
    expect(page.locator(".chat-row")).to_be_visible()
