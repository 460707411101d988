"""The client card as an employee uses it: a real gateway on a real database, headless Chromium."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from gateway.invitations import invite
from resources.warehouse import Warehouse
from simulators.asterisk.manager import SimulatedManager
from tests.fix_gateway import IVANOV, STRANGER, GatewayProcess, ServedGateway, build_table, execute
from tests.live_calls import leg, tell
from tests.rows import select

ZONE = "Europe/Moscow"


@pytest.fixture
def open_card(open_gateway_page: Callable[..., Page]) -> Callable[..., Page]:
    """A function that logs an employee in and opens their card's page."""

    def open_page(url: str, employee: str, **how: Any) -> Page:  # noqa: ANN401
        return open_gateway_page(url, employee, "/card", **how)

    return open_page


def leg_of(call: str, who: str | None) -> str:
    """Name the leg of an employee's telephone in a call; of nobody's it is the client's."""
    return f"{call}/{who or 'client'}"


def tell_both(warehouse: Warehouse, kind: str, call: str, extension: str, number: str) -> None:
    """Tell the same of the client's leg and of the employee's."""
    both = (
        leg(kind, leg_of(call, who), call, extension=who, number=number, did="74951230001") for who in (None, extension)
    )
    tell(warehouse, *both)


def ring(warehouse: Warehouse, call: str, extension: str, number: str = IVANOV) -> None:
    """Let a telephone ring."""
    tell_both(warehouse, "ringing", call, extension, number)


def answer(warehouse: Warehouse, call: str, extension: str, number: str = IVANOV) -> None:
    """Let an employee answer."""
    tell_both(warehouse, "answered", call, extension, number)


def end(warehouse: Warehouse, call: str, extension: str, number: str = IVANOV) -> None:
    """Let both hang up."""
    tell_both(warehouse, "ended", call, extension, number)


def card_of(page: Page) -> Any:  # noqa: ANN401
    """The card that is shown."""
    return page.locator("article.card")


def test_the_card_opens_on_the_ring_and_shows_the_client(
    gateway: ServedGateway, warehouse: Warehouse, open_card: Callable[..., Page]
) -> None:
    """Name, number and responsible at the ring; then talking, on hold, ended; when it was shown is kept."""
    page = open_card(gateway.url, "201")
    ring(warehouse, "c1", "201")
    card = card_of(page)
    expect(card.locator("h2")).to_have_text("ИП Иванов")
    expect(card.get_by_test_id("state")).to_have_text("ringing")
    expect(card).to_contain_text("+7 495 111-22-33")
    expect(card).to_contain_text("Анна <Смирнова> & Co, 201")
    expect(card.locator("a.button")).to_have_attribute("href", "https://crm.example.com/ivanov?n=%2B74951112233")
    answer(warehouse, "c1", "201")
    expect(card.get_by_test_id("state")).to_have_text("talking")
    expect(card.locator(".clock")).to_have_text("0:01")
    tell(warehouse, leg("held", leg_of("c1", "201"), "c1", extension="201"))
    expect(card.get_by_test_id("state")).to_have_text("on hold")
    end(warehouse, "c1", "201")
    expect(card.get_by_test_id("state")).to_have_text("ended")
    rows = select(warehouse, "SELECT employee_id, shown_at >= sent_at FROM shown_cards")
    assert rows == [("anna", True)]


def test_a_ring_at_the_pbx_opens_the_card(
    gateway: ServedGateway,
    warehouse: Warehouse,
    asterisk_manager: SimulatedManager,
    start_listener: Callable[..., subprocess.Popen[bytes]],
    open_card: Callable[..., Page],
) -> None:
    """The whole way: PBX, listener, database, gateway, page; and each stage of it is timed."""
    page = open_card(gateway.url, "201")
    start_listener(asterisk_manager)
    asterisk_manager.wait_for(lambda: asterisk_manager.counters.waitevent_requests > 1, 20)
    call = asterisk_manager.ring(IVANOV, ["201", "202"])
    card = card_of(page)
    expect(card.locator("h2")).to_have_text("ИП Иванов")
    call.answer("202")
    expect(page.locator("#calls .call")).to_contain_text("Борис Кузнецов")
    call.hangup()
    expect(card.get_by_test_id("state")).to_have_text("ended")
    [stages] = select(
        warehouse,
        "SELECT e.source_at <= e.received_at, e.received_at <= e.stored_at, e.stored_at <= s.sent_at, "
        "s.sent_at <= s.shown_at FROM call_events AS e JOIN shown_cards AS s USING (event_id)",
    )
    assert stages == (True, True, True, True)


def test_two_employees_see_their_own_calls_only(
    gateway: ServedGateway, warehouse: Warehouse, open_card: Callable[..., Page]
) -> None:
    """Anna's ring opens nothing for Boris, and is not in his list; a supervisor sees both and gets no card."""
    anna, boris = open_card(gateway.url, "201"), open_card(gateway.url, "202")
    execute(warehouse, "INSERT INTO crm_employees (employee_id, source, name) VALUES ('head', 'hand', 'Глава')")
    head = open_card(gateway.url, "head", is_supervisor=True)
    ring(warehouse, "c1", "201")
    ring(warehouse, "c2", "202", STRANGER)
    expect(card_of(anna).locator("h2")).to_have_text("ИП Иванов")
    expect(card_of(boris).locator("h2")).to_have_text("+7 495 999-88-77")
    expect(anna.locator("#calls .call")).to_have_count(1)
    expect(boris.locator("#calls .call")).to_have_count(1)
    expect(head.locator("#calls .call")).to_have_count(2)
    expect(card_of(head)).to_have_count(0)
    head.locator("#calls .call").first.click()
    expect(card_of(head)).to_have_count(1)
    status = anna.evaluate("fetch('/card/api/card?pbx=office&call=c2').then(answer => answer.status)")
    assert status == 403


def test_it_survives_a_restart_of_the_gateway(
    gateway_process: Callable[..., GatewayProcess], warehouse: Warehouse, open_card: Callable[..., Page]
) -> None:
    """What rang while the gateway was down opens its card when it is back."""
    build_table(warehouse)
    first = gateway_process()
    page = open_card(first.url, "201")
    first.process.terminate()
    first.process.wait(20)
    expect(page.locator("#status")).to_have_attribute("data-state", "lost")
    ring(warehouse, "c1", "201")
    gateway_process(SWITCHBOARD_GATEWAY__PORT=first.url.rpartition(":")[2])
    expect(card_of(page).locator("h2")).to_have_text("ИП Иванов", timeout=20_000)
    expect(page.locator("#status")).to_have_attribute("data-state", "on")


def test_one_card_however_often_the_events_come(
    gateway: ServedGateway, warehouse: Warehouse, open_card: Callable[..., Page]
) -> None:
    """Twice told, and ringing at two telephones of one employee: still one call, one card."""
    page = open_card(gateway.url, "201")
    for _ in range(3):
        ring(warehouse, "c1", "201")
    answer(warehouse, "c1", "201")
    expect(card_of(page).get_by_test_id("state")).to_have_text("talking")
    expect(page.locator(".tab")).to_have_count(1)


@pytest.mark.parametrize(("policy", "rings", "answers"), [("answered", 0, 1), ("never", 0, 0)])
def test_the_card_opens_when_the_employee_wants_it(
    gateway: ServedGateway,
    warehouse: Warehouse,
    open_card: Callable[..., Page],
    policy: str,
    rings: int,
    answers: int,
) -> None:
    """The choice is kept with the employee, not in the browser."""
    page = open_card(gateway.url, "201")
    page.select_option("#policy", policy)
    page.wait_for_function("document.getElementById('policy').value")
    page.reload()
    expect(page.locator("#policy")).to_have_value(policy)
    expect(page.locator("#status")).to_have_attribute("data-state", "on")
    ring(warehouse, "c1", "201")
    expect(page.locator("#calls .call")).to_have_count(1)
    expect(card_of(page)).to_have_count(rings)
    answer(warehouse, "c1", "201")
    expect(page.locator("#calls .call[data-state=answered]")).to_have_count(1)
    expect(card_of(page)).to_have_count(answers)


def test_an_unknown_number_is_assigned_from_the_card(
    gateway: ServedGateway, warehouse: Warehouse, open_card: Callable[..., Page]
) -> None:
    """Found by a part of the name, assigned by a click; the card has the client, the override is retroactive."""
    page = open_card(gateway.url, "201")
    ring(warehouse, "c1", "201", STRANGER)
    card = card_of(page)
    expect(card).to_contain_text("Unknown number")
    page.keyboard.press("/")
    page.keyboard.type("иванов")
    card.get_by_role("button", name="Assign").click()
    expect(card.locator("h2")).to_have_text("ИП Иванов")
    expect(card).to_contain_text("The number is assigned")
    rows = select(warehouse, "SELECT number, party_id, valid_from, note FROM number_overrides")
    assert [row[:3] for row in rows] == [(STRANGER, "ivanov", None)]
    assert "anna" in rows[0][3]


def test_whoever_types_is_not_disturbed_by_another_call(
    gateway: ServedGateway, warehouse: Warehouse, open_card: Callable[..., Page]
) -> None:
    """The second ring is a tab that is marked; what is typed stays, and the keyboard stays where it was."""
    page = open_card(gateway.url, "201")
    ring(warehouse, "c1", "201", STRANGER)
    page.locator(".search").fill("ива")
    ring(warehouse, "c2", "201")
    expect(page.locator(".tab[data-new]")).to_have_count(1)
    expect(page.locator(".search")).to_be_focused()
    expect(page.locator(".search")).to_have_value("ива")
    page.keyboard.press("Escape")
    page.keyboard.press("Alt+Digit1")
    expect(card_of(page).locator("h2")).to_have_text("ИП Иванов")
    page.keyboard.press("Escape")
    expect(page.locator(".tab")).to_have_count(1)


def test_several_tabs_of_one_employee_each_show_the_card(
    gateway: ServedGateway, warehouse: Warehouse, open_card: Callable[..., Page]
) -> None:
    """It is sent to both; the first that shows it is what counts."""
    page = open_card(gateway.url, "201")
    second = page.context.new_page()
    second.goto(f"{gateway.url}/card")
    expect(second.locator("#status")).to_have_attribute("data-state", "on")
    ring(warehouse, "c1", "201")
    for each in (page, second):
        expect(card_of(each).locator("h2")).to_have_text("ИП Иванов")
    assert select(warehouse, "SELECT count(*) FROM shown_cards") == [(1,)]


def test_who_else_talks_to_the_client_is_told(
    gateway: ServedGateway, warehouse: Warehouse, open_card: Callable[..., Page]
) -> None:
    """A colleague has the same client on the line."""
    page = open_card(gateway.url, "201")
    ring(warehouse, "c1", "202")
    answer(warehouse, "c1", "202")
    ring(warehouse, "c2", "201")
    expect(card_of(page)).to_contain_text("Also talking to this client")
    expect(card_of(page)).to_contain_text("Борис Кузнецов")


def test_language_theme_and_zone_are_the_viewers(
    gateway: ServedGateway, warehouse: Warehouse, open_card: Callable[..., Page]
) -> None:
    """Russian by the browser's wish, English by a click and remembered; dark as the system; times in their zone."""
    execute(
        warehouse,
        "INSERT INTO call_history (pbx_id, linkedid, call_day, started_at, ended_at, direction, status, client_number, "
        "duration_seconds, talk_seconds, wait_seconds, legs, extensions, employees) VALUES ('office', 'old', "
        "'2026-03-02', '2026-03-02 07:30:00Z', '2026-03-02 07:32:00Z', 'in', 'accepted', '84951112233', 120, 65, 9, 1, "
        "'{201}', '{anna}')",
        "INSERT INTO enriched_calls (pbx_id, linkedid, call_day, started_at, number, party_id, candidates, outcome) "
        "VALUES ('office', 'old', '2026-03-02', '2026-03-02 07:30:00Z', '+74951112233', 'ivanov', '{}', 'owned')",
    )
    page = open_card(gateway.url, "201", locale="ru-RU", color_scheme="dark", timezone_id="Asia/Vladivostok")
    ring(warehouse, "c1", "201")
    card = card_of(page)
    expect(card.get_by_test_id("state")).to_have_text("звонит")
    expect(card).to_contain_text("входящий, принят, 1:05")
    expect(card).to_contain_text("17:30")  # ten hours ahead of UTC
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("#language")
    expect(card.get_by_test_id("state")).to_have_text("ringing")
    page.click("#theme")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark
    page.reload()
    expect(page.locator("#title")).to_have_text("Client card")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"


def test_a_switched_off_exchange_is_told_with_its_reason(
    gateway: ServedGateway, warehouse: Warehouse, open_card: Callable[..., Page]
) -> None:
    """Whoever waits for cards must know that none will come."""
    page = open_card(gateway.url, "201")
    execute(
        warehouse,
        "INSERT INTO switches (name, is_on, reason) VALUES ('call_events', false, 'the sensor call_events is switched "
        "off'), ('call_events_other', false, '')",
    )
    expect(page.locator("#reason")).to_contain_text("the sensor call_events is switched off", timeout=15_000)
    expect(page.locator("#reason")).not_to_contain_text(";")


def test_a_wrong_password_is_told_and_the_right_one_lets_in(
    gateway: ServedGateway, warehouse: Warehouse, chromium: Browser
) -> None:
    """By the form, as people log in every day; without a log-in the card leads there."""
    from gateway.invitations import set_password

    with warehouse.transaction() as connection:
        invite(connection, "201", ZONE, hours=1, is_supervisor=None)
        set_password(connection, "201", ZONE, "a long enough password")
    with _page(chromium) as page:
        page.goto(f"{gateway.url}/card?call=office/c1")
        page.fill("input[name=login]", "201")
        page.fill("input[name=password]", "not this one")
        page.click("button[type=submit]")
        expect(page.get_by_role("alert")).to_contain_text("неверны")
        page.fill("input[name=login]", "201")
        page.fill("input[name=password]", "a long enough password")
        page.click("button[type=submit]")
        expect(page.locator("#status")).to_have_attribute("data-state", "on")
        assert "call=office/c1" in page.url


@contextmanager
def _page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(locale="en-GB")
    try:
        yield context.new_page()
    finally:
        context.close()
