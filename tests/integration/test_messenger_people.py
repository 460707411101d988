"""Whose messages are whose: ids with their dates, numbers that change hands, people known by one id and then by two."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import text

from resources.warehouse import Warehouse

DAY = 86_400


@pytest.fixture
def seen(warehouse: Warehouse) -> Any:  # noqa: ANN401
    """A function that shows somebody's ids at a second, and returns whose they are."""

    def see(second: int = 0, *, wa: str = "", user: str = "", username: str = "", lid: str = "", name: str = "") -> int:
        asked = {
            "wa_id": wa,
            "user_id": user,
            "username": username,
            "lid": lid,
            "name": name,
            "number": f"+{wa}" if wa else "",
            "seen_at": "2026-01-01T00:00:00+00:00",
        }
        with warehouse.transaction() as connection:
            connection.execute(text("SET LOCAL TimeZone = 'UTC'"))
            at = connection.execute(
                text("SELECT CAST('2026-01-01' AS timestamptz) + make_interval(secs => :s)"), {"s": second}
            ).scalar_one()
            asked["seen_at"] = at.isoformat()
            return int(
                connection.execute(
                    text("SELECT switchboard.person_of(CAST(:asked AS jsonb))"), {"asked": json.dumps(asked)}
                ).scalar_one()
            )

    return see


def ask(warehouse: Warehouse, query: str) -> list[Any]:
    """Ask the warehouse."""
    with warehouse.transaction() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def test_the_same_ids_are_the_same_person(seen: Any) -> None:  # noqa: ANN401
    """By any of them."""
    first = seen(0, wa="79160000001", user="RU.1", username="anna")
    assert seen(1, wa="79160000001") == first
    assert seen(2, user="RU.1") == first
    assert seen(3, username="anna") == first


def test_somebody_known_by_telephone_and_then_by_both_is_one_person(seen: Any) -> None:  # noqa: ANN401
    """The business-scoped id came in 2026."""
    first = seen(0, wa="79160000001")
    assert seen(1, wa="79160000001", user="RU.1") == first
    assert seen(2, user="RU.1") == first


def test_somebody_known_by_each_id_alone_becomes_one_person_when_both_come(warehouse: Warehouse, seen: Any) -> None:  # noqa: ANN401
    """Their chats with an account become one chat, no message is lost."""
    by_phone, by_user = seen(0, wa="79160000001", name="Анна"), seen(1, user="RU.1")
    assert by_phone != by_user
    for person in (by_phone, by_user):
        with warehouse.transaction() as connection:
            connection.execute(
                text(
                    "WITH c AS (INSERT INTO chats (account, person_id, state, opened_at, last_message_at, unread) "
                    "VALUES ('sales', :person, 'queue', now(), now(), 1) RETURNING chat_id) INSERT INTO messages "
                    "(account, message_id, chat_id, direction, kind, text, sent_at, raw) "
                    "SELECT 'sales', CAST(:person AS text), chat_id, 'in', 'text', '', now(), '{}' FROM c"
                ),
                {"person": person},
            )
    both = seen(2, wa="79160000001", user="RU.1")
    assert both == min(by_phone, by_user)
    assert ask(warehouse, "SELECT count(*) FROM messenger_people") == [(1,)]
    assert ask(warehouse, "SELECT unread FROM chats") == [(2,)]
    assert ask(warehouse, "SELECT count(*), count(DISTINCT chat_id) FROM messages") == [(2, 1)]
    assert ask(warehouse, "SELECT what FROM chat_events") == [("merged",)]


def test_a_telephone_with_another_business_scoped_id_is_another_person(warehouse: Warehouse, seen: Any) -> None:  # noqa: ANN401
    """The number was given to somebody else; the former one keeps what they wrote."""
    former = seen(0, wa="79160000001", user="RU.1")
    newer = seen(30 * DAY, wa="79160000001", user="RU.2")
    assert newer != former
    assert seen(31 * DAY, wa="79160000001") == newer
    assert seen(10 * DAY, wa="79160000001") == former, "an old message that comes late is the former one's"
    ended = "SELECT person_id, ended_because FROM messenger_identities WHERE kind = 'wa_id' AND valid_to IS NOT NULL"
    assert ask(warehouse, ended) == [(former, "another_person")]


def test_an_old_message_brings_no_old_name_of_an_id_back(warehouse: Warehouse, seen: Any) -> None:  # noqa: ANN401
    """A user name that somebody else has now."""
    former, newer = seen(0, user="RU.1", username="sun"), seen(DAY, user="RU.2", username="sun")
    assert seen(10, user="RU.1", username="sun") == former
    assert seen(2 * DAY, username="sun") == newer
    assert ask(warehouse, "SELECT person_id FROM messenger_identities WHERE value = 'sun' AND valid_to IS NULL") == [
        (newer,)
    ]


def test_a_person_has_one_user_name_at_a_time(warehouse: Warehouse, seen: Any) -> None:  # noqa: ANN401
    """The former one is ended, with its date."""
    person = seen(0, user="RU.1", username="sun")
    assert seen(DAY, user="RU.1", username="moon") == person
    rows = "SELECT value, ended_because FROM messenger_identities WHERE kind = 'username' ORDER BY valid_from"
    assert ask(warehouse, rows) == [("sun", "replaced"), ("moon", None)]


def change(warehouse: Warehouse, second: int, **told: str) -> None:
    """Tell of a changed number."""
    names = ("wa_id", "user_id", "new_wa_id", "new_user_id", "new_number")
    with warehouse.transaction() as connection:
        at = connection.execute(
            text("SELECT CAST('2026-01-01 UTC' AS timestamptz) + make_interval(secs => :s)"), {"s": second}
        ).scalar_one()
        asked = dict.fromkeys(names, "") | told | {"seen_at": at.isoformat()}
        connection.execute(text("SELECT switchboard.change_number(CAST(:told AS jsonb))"), {"told": json.dumps(asked)})


def test_a_changed_number_carries_the_person_over(warehouse: Warehouse, seen: Any) -> None:  # noqa: ANN401
    """Told twice it is the same."""
    person = seen(0, wa="79160000001", user="RU.1")
    for _ in range(2):
        change(
            warehouse, DAY, wa_id="79160000001", new_wa_id="79160000002", new_user_id="RU.9", new_number="+79160000002"
        )
    assert seen(2 * DAY, wa="79160000002", user="RU.9") == person
    assert ask(warehouse, "SELECT number FROM messenger_people") == [("+79160000002",)]
    assert ask(warehouse, "SELECT count(*) FROM messenger_identities WHERE valid_to IS NULL") == [(2,)]
    assert seen(3 * DAY, wa="79160000001", user="RU.5") != person, "the old number is somebody else's now"


def test_a_message_under_the_new_number_may_come_before_the_change_is_told(warehouse: Warehouse, seen: Any) -> None:  # noqa: ANN401
    """Webhooks keep no order."""
    person, early = seen(0, wa="79160000001"), seen(DAY + 5, wa="79160000002")
    assert person != early
    change(warehouse, DAY, wa_id="79160000001", new_wa_id="79160000002", new_number="+79160000002")
    assert seen(2 * DAY, wa="79160000002") == person
    assert ask(warehouse, "SELECT count(*) FROM messenger_people") == [(1,)]


def test_a_changed_number_takes_nobodys_history_who_had_that_number_before(warehouse: Warehouse, seen: Any) -> None:  # noqa: ANN401
    """Whoever wrote from it for long is another person."""
    other = seen(0, wa="79160000002")
    person = seen(0, wa="79160000001")
    change(warehouse, 30 * DAY, wa_id="79160000001", new_wa_id="79160000002", new_number="+79160000002")
    assert seen(31 * DAY, wa="79160000002") == person
    assert seen(5 * DAY, wa="79160000002") == other
