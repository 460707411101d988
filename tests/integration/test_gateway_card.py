"""The client card's data: who calls, who is responsible, what was, and whose a number is by hand."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from assets.contacts.ownership import update_owners
from assets.contacts.rules import MatchingRules
from resources.warehouse import Warehouse
from tests.fix_gateway import IVANOV, STRANGER, ServedGateway, execute
from tests.live_calls import card_api, leg, logged_in, ring, tell
from tests.rows import select


@pytest.fixture
def anna(gateway: ServedGateway, warehouse: Warehouse) -> dict[str, str]:
    """Anna, logged in; the small company's clients."""
    execute(
        warehouse,
        "INSERT INTO crm_phones (source, party_id, contact_id, raw, contact_name, number, kind) VALUES "
        "('hand', 'ivanov', '', '8 495 111-22-33', '', '+74951112233', 'external'), "
        "('hand', 'ivanov', 'petr', '8 916 000-11-22', 'Пётр', '+79160001122', 'external')",
        "INSERT INTO crm_parties (party_id, source, name, kind) VALUES ('romashka', 'hand', 'ООО Ромашка 100%', "
        "'company'), ('lilia', 'hand', 'ЗАО Лилия', 'company')",
        "INSERT INTO number_owners (number, national_number, party_id, contact_id, rung, ambiguous, candidates, "
        "is_shared) VALUES ('+79160001122', '9160001122', 'ivanov', 'petr', 'exact', false, '{ivanov}', false), "
        "('+74957770000', '4957770000', NULL, NULL, 'exact', true, '{lilia,romashka}', false), "
        "('+78129998877', '8129998877', 'lilia', '', 'exact', false, '{lilia}', false)",
    )
    return logged_in(warehouse, "anna")


def card(gateway: ServedGateway, who: dict[str, str], **asked: str) -> Any:  # noqa: ANN401
    answer = card_api(gateway.url, "card", who, params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_known_callers_card_has_all_there_is(
    gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str]
) -> None:
    """Client, contact, responsible and why, documents, history, the CRM's address."""
    execute(
        warehouse,
        "INSERT INTO crm_interactions (source, entity_set, document_id, kind, version, interaction_day, at, party_id, "
        "contact_id, employee_id, phone, is_deleted) SELECT 'onec', 'orders', 'd' || n, CASE WHEN n = 3 THEN 'call' "
        "ELSE 'order' END, '1', '2026-11-01', timestamptz '2026-11-01' + n * interval '1 h', 'ivanov', '', 'boris', "
        "'', n = 4 FROM generate_series(1, 14) AS n",
        "INSERT INTO call_history (pbx_id, linkedid, call_day, started_at, ended_at, direction, status, "
        "duration_seconds, talk_seconds, wait_seconds, legs, extensions, employees) SELECT 'office', 'h' || n, "
        "'2026-11-01', timestamptz '2026-11-01' + n * interval '1 h', now(), 'in', 'accepted', 9, n, 1, 1, '{201}', "
        "'{anna,unheard}' FROM generate_series(1, 12) AS n",
        "INSERT INTO enriched_calls (pbx_id, linkedid, call_day, started_at, number, party_id, candidates) "
        "SELECT pbx_id, linkedid, call_day, started_at, '+79160001122', 'ivanov', '{ivanov}' FROM call_history",
        "UPDATE call_history SET gone_at = now() WHERE linkedid = 'h11'",
    )
    ring(warehouse, "c1", "201", number="+79160001122")
    found = card(gateway, anna, pbx="office", call="c1")
    assert found["client"] == {"party_id": "ivanov", "name": "ИП Иванов", "kind": "person"}
    assert found["contact"] == {"contact_id": "petr", "name": "Пётр"}
    assert (found["is_known"], found["is_ambiguous"], found["candidates"]) == (True, False, [])
    assert (found["call"]["call_id"], found["call"]["state"], found["call"]["is_mine"]) == ("c1", "ringing", True)
    assert [who["employee_id"] for who in found["call"]["employees"]] == ["anna"]
    assert [paper["document_id"] for paper in found["documents"]] == [f"d{n}" for n in range(14, 4, -1)]
    assert found["documents"][0]["employee_name"] == "Борис Кузнецов"
    assert [call["talk_seconds"] for call in found["history"]] == [12, 10, 9, 8, 7, 6, 5, 4, 3, 2]
    assert found["history"][0]["employees"] == ["Анна <Смирнова> & Co", "unheard"]
    assert found["crm_url"] == "https://crm.example.com/ivanov?n=%2B79160001122"


def test_a_tracked_document_is_open_as_long_as_it_counts(
    gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str]
) -> None:
    """Past its validity an offer is no open document any more; one that is not tracked is shown."""
    execute(
        warehouse,
        "INSERT INTO crm_interactions (source, entity_set, document_id, kind, version, interaction_day, at, party_id, "
        "contact_id, employee_id, phone, is_deleted) SELECT 'trade', 'D', id, 'offer', '1', '2026-11-01', now(), "
        "'ivanov', '', 'anna', '', false FROM unnest(ARRAY['old', 'open', 'not tracked']) AS id",
        "INSERT INTO tracked_interactions (kind, source, source_key, employee_id, interaction_day, at, client_id, "
        "direction, role, talk_seconds, weight, valid_until) SELECT 'offer', 'trade', id, 'anna', '2026-11-01', now(), "
        "'ivanov', '', 'author', 0, 1, until FROM (VALUES ('old', now()), ('open', now() + interval '1 day')) "
        "AS d (id, until)",
    )
    found = card_api(gateway.url, f"card?number=%2B{IVANOV[1:]}", anna).json()
    assert {paper["document_id"] for paper in found["documents"]} == {"open", "not tracked"}


def test_the_card_says_who_is_responsible_and_who_is_away(
    gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str]
) -> None:
    """In words of the language asked for; from the rules of routing."""
    found = card(gateway, anna, number="8 495 111-22-33", lang="en")["responsible"]
    assert (found["employee_id"], found["extension"], found["reason"]) == ("anna", "201", "rank")
    assert found["reason_text"] == "works with the client most"
    execute(
        warehouse,
        "INSERT INTO employee_absences VALUES ('hand', 'anna', now() - interval '1 h', '2099-01-01T09:00Z', '')",
    )
    found = card(gateway, anna, number=IVANOV, lang="ru")
    assert found["responsible"]["employee_id"] == "boris"
    assert found["unavailable"] == ["Анна <Смирнова> & Co: отсутствует до 01.01.2099 12:00"]
    assert found["unavailable"][0] in found["responsible"]["reason_text"]
    assert card(gateway, anna, number=STRANGER)["responsible"] is None


def test_an_unknown_number_has_candidates(gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str]) -> None:
    """By the last digits, by a hand that once assigned it; an ambiguous one those who share it."""
    execute(
        warehouse,
        "INSERT INTO number_overrides (source, number, national_number, party_id, superseded_at) "
        "VALUES ('assign', '+74959998877', '4959998877', 'romashka', now())",
    )
    ring(warehouse, "c1", "201", number=STRANGER)
    found = card(gateway, anna, pbx="office", call="c1")
    assert (found["is_known"], found["client"], found["is_ambiguous"], found["crm_url"]) == (False, None, False, None)
    assert [(each["party_id"], each["why"]) for each in found["candidates"]] == [
        ("romashka", "hand"),
        ("lilia", "last digits"),
    ]
    found = card(gateway, anna, number="+74957770000")
    assert (found["is_known"], found["is_ambiguous"], found["client"]) == (False, True, None)
    assert {(each["party_id"], each["why"]) for each in found["candidates"]} == {
        ("romashka", "shares the number"),
        ("lilia", "shares the number"),
    }


def test_the_card_says_who_else_talks_to_the_client_now(
    gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str]
) -> None:
    """From any number of the same client, in any employee's call; not this call, not another client's."""
    ring(warehouse, "c1", "201")
    ring(warehouse, "c2", "202", number="+79160001122")
    ring(warehouse, "c3", "202", number=STRANGER)
    found = card(gateway, anna, pbx="office", call="c1")
    assert [(call["call_id"], call["is_mine"]) for call in found["others"]] == [("c2", False)]
    assert found["others"][0]["employees"][0]["name"] == "Борис Кузнецов"
    tell(warehouse, leg("ended", "c2/202", "c2", extension="202"), leg("ended", "c2/client", "c2"))
    assert card(gateway, anna, pbx="office", call="c1")["others"] == []


def test_the_card_of_somebody_elses_call_is_refused(
    gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str]
) -> None:
    """Also of one that never was; to a supervisor it is shown, and to whoever took part and has left the call."""
    chief = logged_in(warehouse, "gone", is_supervisor=True)
    execute(warehouse, "UPDATE crm_employees SET employed_until = NULL WHERE employee_id = 'gone'")
    ring(warehouse, "c1", "202")
    for asked in ({"pbx": "office", "call": "c1"}, {"pbx": "branch", "call": "c1"}, {"pbx": "office", "call": "none"}):
        answer = card_api(gateway.url, "card", anna, params=asked)
        assert answer.status_code == 403
        assert "Иванов" not in answer.text
    assert card(gateway, chief, pbx="office", call="c1")["is_known"]
    tell(warehouse, leg("ringing", "c1/201", extension="201"), leg("ended", "c1/201", extension="201"))
    assert card(gateway, anna, pbx="office", call="c1")["call"]["is_mine"]
    assert card_api(gateway.url, "card", anna, params={"pbx": "office"}).status_code == 422
    assert card_api(gateway.url, "card", anna, params={"number": "1", "lang": "de"}).status_code == 422


@pytest.mark.parametrize(
    ("question", "found"),
    [("ромаш", ["romashka"]), ("0%", ["romashka"]), ("%", []), ("__", []), ("Пётр", ["ivanov"]),
     ("8 495 111-22-33", ["ivanov"]), ("8877", ["lilia"]), ("777-00-00", ["lilia", "romashka"]), ("\\x", []),
     ("zz\0zz", []), ("я", [])],
)  # fmt: skip
def test_clients_are_found_by_name_and_number(
    gateway: ServedGateway, anna: dict[str, str], question: str, found: list[str]
) -> None:
    """Signs that mean something to the database mean themselves."""
    answer = card_api(gateway.url, "clients", anna, params={"q": question})
    assert [client["party_id"] for client in answer.json()] == found


def test_an_assignment_is_an_override_and_shown_at_once(
    gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str]
) -> None:
    """With who did it; the owners follow as with the command."""
    body = {"number": "8 495 999-88-77", "party_id": "ivanov", "contact_id": "petr", "note": "сам сказал"}
    answer = card_api(gateway.url, "assign", anna, method="POST", json=body)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["number"], answer.json()["party_id"]) == (STRANGER, "ivanov")
    rows = select(warehouse, "SELECT source, number, party_id, contact_id, note FROM number_overrides")
    assert rows == [("assign", STRANGER, "ivanov", "petr", "Анна <Смирнова> & Co (anna): сам сказал")]
    found = card(gateway, anna, number=STRANGER)
    assert (found["client"]["party_id"], found["contact"]["contact_id"]) == ("ivanov", "petr")
    with warehouse.transaction() as connection:
        update_owners(connection, MatchingRules())
    owners = select(
        warehouse, "SELECT party_id FROM number_owners WHERE number = :number AND valid_to IS NULL", number=STRANGER
    )
    assert owners == [("ivanov",)]
    nobodys = card_api(gateway.url, "assign", anna, method="POST", json={"number": STRANGER, "party_id": None})
    assert nobodys.json()["party_id"] is None
    assert not card(gateway, anna, number=STRANGER)["is_known"]


@pytest.mark.parametrize(
    "body",
    [{"number": STRANGER, "party_id": "unheard"}, {"number": "201", "party_id": "ivanov"},
     {"number": STRANGER}, [], "x",
     {"number": STRANGER, "party_id": "ivanov", "contact_id": "unheard"}, {"number": 5, "party_id": "ivanov"},
     {"number": STRANGER, "party_id": "ivanov", "source": "onec"}, {"number": STRANGER, "party_id": "\x00"}],
)  # fmt: skip
def test_an_assignment_that_makes_no_sense_is_refused(
    gateway: ServedGateway,
    warehouse: Warehouse,
    anna: dict[str, str],
    body: Any,  # noqa: ANN401
) -> None:
    """422, and nothing written."""
    assert card_api(gateway.url, "assign", anna, method="POST", json=body).status_code == 422
    assert select(warehouse, "SELECT count(*) FROM number_overrides") == [(0,)]


def test_one_chooses_when_the_card_opens(gateway: ServedGateway, warehouse: Warehouse, anna: dict[str, str]) -> None:
    """And is told who one is, in which zone and language."""
    me = card_api(gateway.url, "me", anna).json()
    assert (me["employee_id"], me["extension"], me["is_supervisor"], me["opens_card_on"]) == (
        "anna",
        "201",
        False,
        "ringing",
    )
    assert (me["zone"], me["language"], me["is_exchange_on"]) == ("Europe/Moscow", "ru", True)
    assert card_api(gateway.url, "me", anna, method="PUT", json={"opens_card_on": "answered"}).status_code == 200
    assert card_api(gateway.url, "me", anna).json()["opens_card_on"] == "answered"
    assert card_api(gateway.url, "me", anna, method="PUT", json={"opens_card_on": "always"}).status_code == 422


@pytest.mark.parametrize(("method", "path"), [("PUT", "me"), ("POST", "assign"), ("POST", "shown")])
@pytest.mark.parametrize(
    "origin", ["", "null", "https://evil.example.com", "http://127.0.0.1:1", "http://[", "file://"]
)
def test_another_sites_page_changes_nothing(
    gateway: ServedGateway, anna: dict[str, str], method: str, path: str, origin: str
) -> None:
    """The cookie alone is not enough."""
    headers = anna | ({"Origin": origin} if origin else {})
    answer = httpx.request(method, f"{gateway.url}/card/api/{path}", headers=headers, json={}, trust_env=False)
    assert answer.status_code == 403
