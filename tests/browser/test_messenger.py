"""The messenger's page as an employee uses it: a real gateway on a real database, headless Chromium."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from resources.warehouse import Warehouse
from tests.chats import make_chat, make_template, own_chat, write_many
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


def hold(page: Page, address: str) -> list[Route]:
    """Let what is asked of an address wait; return what waits."""
    held: list[Route] = []
    page.route(address, lambda route: held.append(route))
    return held


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


def test_a_template_goes_out_once_and_only_when_it_was_chosen(
    gateway: ServedGateway, warehouse: Warehouse, open_messenger: Callable[..., Page]
) -> None:
    """A click without a choice sends nothing; a double click sends no second one."""
    make_template(warehouse, "hello", variables=0)
    chat = own_chat(warehouse, hours_ago=30)
    page = open_messenger(gateway, "201")
    choose(page, "Пётр")
    send = page.locator(".composer button[type=submit]")
    send.click()
    page.locator(".composer select").select_option(label="hello (ru)")
    send.click(click_count=2, delay=150)
    expect(page.locator(".message.out")).to_have_count(1)
    page.locator(".note-form textarea").fill("Ещё раз не надо")
    page.locator(".note-form button").click()
    expect(page.locator(".notes li")).to_have_count(1)
    assert select(warehouse, "SELECT chat_id, template_name FROM outbox") == [(chat, "hello")]


def test_another_text_after_a_lost_answer_is_another_message(
    gateway: ServedGateway, warehouse: Warehouse, open_messenger: Callable[..., Page]
) -> None:
    """The first was written all the same; the second goes too."""
    own_chat(warehouse)
    page = open_messenger(gateway, "201")
    choose(page, "Пётр")

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/messages", lose, times=1)
    write(page, "Цена 100")
    expect(page.locator(".chat .told")).not_to_be_empty()
    write(page, "Цена 200")
    expect(page.locator(".message.out")).to_have_count(2)
    assert select(warehouse, "SELECT text FROM outbox ORDER BY outbox_id") == [("Цена 100",), ("Цена 200",)]


def test_what_is_typed_stays(gateway: ServedGateway, warehouse: Warehouse, open_messenger: Callable[..., Page]) -> None:
    """While a message goes, while another chat is read, and where a comment could not be kept."""
    own_chat(warehouse, "Пётр")
    own_chat(warehouse, "Мария", number="+79160003344")
    page = open_messenger(gateway, "201")
    page.get_by_role("tab", name="Mine").click()
    choose(page, "Пётр")
    text = page.locator(".composer textarea")
    held = hold(page, "**/messages")
    with page.expect_request("**/messages"):
        write(page, "Первое")
    text.press("End")
    text.press_sequentially(" второе")
    held[0].continue_()
    expect(page.locator(".message.out")).to_have_count(1)
    expect(text).to_have_value(" второе")
    choose(page, "Мария")
    expect(text).to_have_value("")
    choose(page, "Пётр")
    expect(text).to_have_value(" второе")
    page.route("**/notes", lambda route: route.abort())
    page.locator(".note-form textarea").fill("Долгий рассказ")
    page.locator(".note-form button").click()
    expect(page.locator(".chat .told")).not_to_be_empty()
    expect(page.locator(".note-form textarea")).to_have_value("Долгий рассказ")


def test_the_chat_that_was_clicked_last_is_shown(
    gateway: ServedGateway, warehouse: Warehouse, open_messenger: Callable[..., Page]
) -> None:
    """However late the other's answer comes."""
    slow = own_chat(warehouse, "Пётр")
    own_chat(warehouse, "Мария", number="+79160003344")
    page = open_messenger(gateway, "201")
    page.get_by_role("tab", name="Mine").click()
    held = hold(page, f"**/chats/{slow}")
    with page.expect_request(f"**/chats/{slow}"):
        page.locator(".chat-row", has_text="Пётр").click()
    choose(page, "Мария")
    with page.expect_response(f"**/chats/{slow}"):
        held[0].continue_()
    page.locator(".note-form textarea").fill("О Марии")
    page.locator(".note-form button").click()
    expect(page.locator(".notes li")).to_have_count(1)
    expect(page.locator("article.chat h2")).to_have_text("Мария")


def test_what_does_not_change_is_left_alone(
    gateway: ServedGateway, warehouse: Warehouse, open_messenger: Callable[..., Page]
) -> None:
    """A voice message plays on, and who goes through the list by keyboard keeps their place."""
    chat = own_chat(warehouse)
    execute(
        warehouse,
        "INSERT INTO message_media (account, media_id, message_id, mime_type, file_name, told_sha256, state, sha256, "
        "expires_at) SELECT account, 'm', message_id, 'audio/ogg', '', '', 'kept', 'a', now() FROM messages",
    )
    page = open_messenger(gateway, "201")
    choose(page, "Пётр")
    expect(page.locator("audio")).to_have_count(1)
    page.evaluate("document.querySelector('audio').isSame = true")
    page.locator(".chat-row").focus()
    write_many(warehouse, chat, "later ", 1, 0)
    expect(page.locator(".message")).to_have_count(2)
    assert page.evaluate("document.querySelector('audio').isSame")
    execute(warehouse, "UPDATE chats SET unread = 7")
    expect(page.locator(".chat-row .badge")).to_have_text("7")
    expect(page.locator(".chat-row")).to_be_focused()


def test_no_line_is_missing_after_a_break(
    gateway: ServedGateway, warehouse: Warehouse, open_messenger: Callable[..., Page]
) -> None:
    """More came than a page holds, at one moment: what was loaded is kept or can be had again."""
    chat = own_chat(warehouse, hours_ago=20)
    write_many(warehouse, chat, "a", 60, 10)
    page = open_messenger(gateway, "201")
    choose(page, "Пётр")
    expect(page.locator(".message")).to_have_count(50)
    page.locator(".earlier").click()
    expect(page.locator(".message")).to_have_count(61)
    write_many(warehouse, chat, "b", 1, 9)
    expect(page.locator(".message")).to_have_count(62)
    write_many(warehouse, chat, "c", 80, 5)
    expect(page.locator(".message")).to_have_count(50)
    for shown in (100, 142):
        page.locator(".earlier").click()
        expect(page.locator(".message")).to_have_count(shown)
    expect(page.locator(".earlier")).to_be_hidden()


def test_who_was_first_is_named_to_the_other_in_the_pages_language(
    gateway: ServedGateway, warehouse: Warehouse, open_messenger: Callable[..., Page]
) -> None:
    """Two answer at once; what the second typed stays."""
    make_chat(warehouse)
    page = open_messenger(gateway, "201", locale="ru-RU")
    choose(page, "Пётр")
    held = hold(page, "**/messages")
    with page.expect_request("**/messages"):
        write(page, "Я отвечу")
    execute(warehouse, "UPDATE chats SET state = 'in_work', owner_id = 'boris'")
    expect(page.locator(".chat-row")).to_have_count(0)
    held[0].continue_()
    expect(page.locator(".chat .told")).to_have_text("На этот чат уже отвечает Борис Кузнецов.")
    expect(page.locator(".composer textarea")).to_have_value("Я отвечу")


def test_a_file_goes_with_its_text_and_neither_stands_in_an_address(
    gateway: ServedGateway, warehouse: Warehouse, open_messenger: Callable[..., Page]
) -> None:
    """Addresses are kept in logs; a type that the browser does not know is told by the name."""
    own_chat(warehouse)
    page = open_messenger(gateway, "201")
    choose(page, "Пётр")
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    page.locator(".composer textarea").fill("Secret")
    page.locator(".composer input[type=file]").set_input_files({"name": "Offer.docx", "mimeType": "", "buffer": b"PK"})
    expect(page.locator(".message.out")).to_contain_text("Secret")
    assert select(warehouse, "SELECT kind, text, file_name FROM outbox") == [("document", "Secret", "Offer.docx")]
    assert not [address for address in addresses if "Secret" in address or "Offer" in address]


def test_what_the_clock_changes_is_seen_without_a_hint(
    gateway: ServedGateway, warehouse: Warehouse, open_messenger: Callable[..., Page]
) -> None:
    """Boris is away: what was offered to him alone is everybody's now."""
    make_chat(warehouse, offered_to=["boris"])
    page = open_messenger(gateway, "201")
    page.clock.install()
    page.reload()
    expect(page.locator("#status")).to_have_attribute("data-state", "on")
    with page.expect_response("**/api/chats?list=queue"):
        page.clock.run_for(1000)
    expect(page.locator("#chats")).to_have_text("The queue is empty.")
    execute(
        warehouse,
        "INSERT INTO employee_absences (source, employee_id, absent_from) "
        "VALUES ('hand', 'boris', now() - interval '1 h')",
    )
    page.clock.run_for(61_000)
    expect(page.locator(".chat-row")).to_contain_text("Пётр")


def test_who_wrote_is_announced_and_can_be_nobodys_contact(
    gateway: ServedGateway, warehouse: Warehouse, open_messenger: Callable[..., Page]
) -> None:
    """Not whoever stands first; and a number may say wrongly whose it is."""
    make_chat(warehouse, "Пётр", hours_ago=3)
    page = open_messenger(gateway, "201")
    expect(page.locator(".chat-row")).to_contain_text("waits since")
    make_chat(warehouse, "Мария", number=IVANOV, hours_ago=0)
    expect(page.locator("#told")).to_have_text("New message: ИП Иванов")
    choose(page, "ИП Иванов")
    page.get_by_role("button", name="Nobody's").click()
    expect(page.locator("article.chat h2")).to_have_text("Мария")
