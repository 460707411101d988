"""Messages in the client's card, and as evidence of who works with a client."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from assets.messenger.evidence import DOCUMENT, gather_evidence
from assets.routing.build import update_routing
from assets.routing.rules import RoutingRules, TrackedDocuments
from resources.warehouse import Warehouse
from tests.chats import make_chat
from tests.fix_gateway import IVANOV, ServedGateway, build_table, execute
from tests.live_calls import card_api, logged_in
from tests.rows import select

ZONE = "Europe/Moscow"


def wrote(warehouse: Warehouse, employee: str, message_id: str, days_ago: float = 0, status: str = "read") -> None:
    """Let an employee have written in the last chat."""
    execute(
        warehouse,
        "INSERT INTO messages (account, message_id, chat_id, direction, kind, text, sent_at, employee_id, raw) "
        "SELECT account, :id, chat_id, 'out', 'text', 'ответ', now() - make_interval(secs => :ago), :who, '{}' "
        "FROM chats ORDER BY chat_id DESC LIMIT 1",
        "INSERT INTO message_statuses (account, message_id, status, occurred_at, raw, told_by) "
        "VALUES ('sales', :id, :status, now(), '{}', 'webhook')",
        "UPDATE chats SET changed_at = clock_timestamp()",
        id=message_id,
        who=employee,
        ago=days_ago * 86_400,
        status=status,
    )


def test_messages_stand_in_the_card_among_the_calls(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """Of the number, of the client's other numbers, and of whom somebody made their contact by hand."""
    anna = logged_in(warehouse, "anna")
    make_chat(warehouse, number=IVANOV, text="по номеру")
    wrote(warehouse, "anna", "w1")
    other = make_chat(warehouse, number=None, text="по имени", hours_ago=2)
    make_chat(warehouse, number="+79990000000", text="чужое")
    execute(
        warehouse,
        "INSERT INTO person_contacts (person_id, party_id, assigned_by) "
        "SELECT person_id, 'ivanov', 'anna' FROM chats WHERE chat_id = :chat",
        chat=other,
    )
    card = card_api(gateway.url, "card", anna, params={"number": IVANOV}).json()
    shown = [(line["type"], line["direction"], line["text"], line["employees"]) for line in card["history"]]
    assert shown == [
        ("message", "out", "ответ", ["Анна <Смирнова> & Co"]),
        ("message", "in", "по номеру", []),
        ("message", "in", "по имени", []),
    ]
    execute(warehouse, "UPDATE person_contacts SET valid_to = clock_timestamp()")
    execute(
        warehouse,
        "INSERT INTO person_contacts (person_id, party_id, assigned_by) "
        "SELECT person_id, '', 'anna' FROM messenger_people WHERE number = :number",
        number=IVANOV,
    )
    assert card_api(gateway.url, "card", anna, params={"number": IVANOV}).json()["history"] == []


def test_a_day_of_writing_in_a_chat_is_one_interaction(warehouse: Warehouse) -> None:
    """What failed is none; what is gathered twice is one."""
    build_table(warehouse)
    make_chat(warehouse, number=IVANOV, hours_ago=72)
    for message_id, employee, days_ago in (("1", "anna", 0), ("2", "anna", 0), ("3", "anna", 3), ("4", "boris", 0)):
        wrote(warehouse, employee, message_id, days_ago)
    wrote(warehouse, "boris", "5", 5, status="failed")
    assert gather_evidence(warehouse, ZONE, None) == 3
    assert gather_evidence(warehouse, ZONE, None) == 0
    rows = "SELECT employee_id, number, count(*) FROM crm_interactions WHERE kind = 'message' GROUP BY 1, 2 ORDER BY 1"
    assert select(warehouse, rows) == [("anna", IVANOV, 2), ("boris", IVANOV, 1)]


def test_only_chats_that_changed_are_looked_at(warehouse: Warehouse) -> None:
    """A tick every 15 seconds must not read three months."""
    build_table(warehouse)
    make_chat(warehouse, number=IVANOV)
    wrote(warehouse, "anna", "1")
    assert gather_evidence(warehouse, ZONE, datetime.now(UTC) + timedelta(minutes=1)) == 0
    assert gather_evidence(warehouse, ZONE, datetime.now(UTC) - timedelta(minutes=1)) == 1


@pytest.mark.parametrize("is_tracked", [True, False])
def test_messages_count_for_the_routing_where_they_are_tracked(warehouse: Warehouse, is_tracked: bool) -> None:
    """And nowhere else."""
    build_table(warehouse)
    make_chat(warehouse, number=IVANOV)
    wrote(warehouse, "boris", "1")
    gather_evidence(warehouse, ZONE, None)
    documents = (TrackedDocuments("message", DOCUMENT, 2.0),) if is_tracked else ()
    update_routing(warehouse, RoutingRules(documents=documents), ZONE)
    tracked = "SELECT kind, employee_id, party_id, weight FROM tracked_interactions"
    assert select(warehouse, tracked) == ([("message", "boris", "ivanov", 2.0)] if is_tracked else [])
