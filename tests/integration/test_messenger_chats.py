"""Chats find who answers them: the queue, its rules from the top down, former owners, and who is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from assets.messenger.rules import ChatRule, ChatRules
from tests.fix_gateway import execute
from tests.fix_messenger import ACCOUNT, MessengerBench

IVANOV = "+79161234567"
CHAT = "SELECT state, owner_id, rule, offered_to, unread FROM chats"


@pytest.fixture
def bench(make_messenger: Callable[..., MessengerBench]) -> MessengerBench:
    """An account with rules and four employees."""
    rules = ChatRules(
        rules=(
            ChatRule("счета", keywords=("счёт", "Invoice"), departments=("Бухгалтерия",)),
            ChatRule("другой номер", account="support", employees=("dina",)),
            ChatRule("продажи", account=ACCOUNT, employees=("anna", "boris")),
            ChatRule("все"),
        )
    )
    bench: MessengerBench = make_messenger(rules=rules)
    execute(
        bench.warehouse,
        "INSERT INTO crm_employees (employee_id, source, name, department) VALUES ('anna', 'hand', 'Анна', 'Продажи'), "
        "('boris', 'hand', 'Борис', 'Продажи'), ('vera', 'hand', 'Вера', 'Бухгалтерия'), "
        "('dina', 'hand', 'Дина', 'Поддержка')",
    )
    return bench


def away(bench: MessengerBench, *employees: str) -> None:
    """Let employees be absent today."""
    for employee in employees:
        execute(
            bench.warehouse,
            "INSERT INTO employee_absences (source, employee_id, absent_from, absent_to) "
            "VALUES ('hand', :employee, now() - interval '1 hour', now() + interval '1 day')",
            employee=employee,
        )


def came(bench: MessengerBench, words: str, sender: str = IVANOV) -> tuple[Any, ...]:
    """Let somebody write; return their chat."""
    bench.whatsapp.receive_text(sender, words)
    bench.taken_in()
    [chat] = bench.rows(CHAT)
    return tuple(chat)


def test_the_first_rule_that_fits_offers_the_chat(bench: MessengerBench) -> None:
    """By a keyword in whatever case."""
    assert came(bench, "Где мой invoice?") == ("queue", None, "счета", ["vera"], 1)


def test_a_rule_of_another_account_does_not_count(bench: MessengerBench) -> None:
    """The next that fits does."""
    assert came(bench, "привет") == ("queue", None, "продажи", ["anna", "boris"], 1)


def test_a_rule_whose_people_are_all_away_is_passed_over(bench: MessengerBench) -> None:
    """Eligible employees only."""
    away(bench, "vera")
    assert came(bench, "счёт, пожалуйста")[2] == "продажи"


def test_a_rule_for_all_offers_the_chat_to_everybody(bench: MessengerBench) -> None:
    """The last resort."""
    away(bench, "anna", "boris")
    assert came(bench, "привет") == ("queue", None, "все", None, 1)


def test_a_chat_in_work_stays_with_its_owner(bench: MessengerBench) -> None:
    """Whatever is written in it."""
    came(bench, "привет")
    bench.execute("UPDATE chats SET state = 'in_work', owner_id = 'boris'")
    assert came(bench, "счёт")[:3] == ("in_work", "boris", "продажи")


def test_a_closed_chat_goes_back_to_its_owner_when_the_client_writes_again(bench: MessengerBench) -> None:
    """With an event that says so."""
    came(bench, "привет")
    bench.execute("UPDATE chats SET state = 'closed', owner_id = 'boris', closed_at = now()")
    assert came(bench, "ещё вопрос")[:2] == ("in_work", "boris")
    assert bench.rows("SELECT what, to_employee_id FROM chat_events ORDER BY event_id") == [
        ("queued", None),
        ("reopened", "boris"),
    ]


def test_a_closed_chat_whose_owner_is_away_goes_to_the_queue(bench: MessengerBench) -> None:
    """By the rules as a new one."""
    came(bench, "привет")
    bench.execute("UPDATE chats SET state = 'closed', owner_id = 'boris', closed_at = now()")
    away(bench, "boris")
    assert came(bench, "счёт")[:3] == ("queue", "boris", "счета")


def test_a_chat_in_work_whose_owner_went_away_returns_to_the_queue(bench: MessengerBench) -> None:
    """Or the client would wait for a holiday's end."""
    came(bench, "привет")
    bench.execute("UPDATE chats SET state = 'in_work', owner_id = 'boris'")
    away(bench, "boris")
    assert came(bench, "есть кто?")[0] == "queue"
    assert bench.rows("SELECT what FROM chat_events ORDER BY event_id DESC LIMIT 1") == [("returned",)]


def test_the_window_counts_from_the_clients_message_by_the_providers_clock(bench: MessengerBench) -> None:
    """A message that comes a day late opens no window of a day."""
    bench.whatsapp.receive_text(IVANOV, "вчерашнее")
    bench.taken_in()
    assert bench.value("SELECT c.last_in_at = m.sent_at FROM chats AS c JOIN messages AS m USING (chat_id)")
    bench.whatsapp.echo(IVANOV, "наш ответ")
    bench.taken_in()
    assert bench.value("SELECT last_in_at < last_message_at OR last_in_at = last_message_at FROM chats")
    assert bench.value("SELECT unread FROM chats") == 1
