"""The JSON interfaces: for other programs, and in the form of MIKO's daemon."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import unquote

import httpx
import pytest

from gateway.config import GatewayConfig
from gateway.lookups import voice_of
from resources.warehouse import Warehouse
from tests.fix_gateway import (
    IVANOV,
    STRANGER,
    TOKEN,
    GatewayProcess,
    ServedGateway,
    build_table,
    execute,
    silent_server,
)
from tests.rows import select


def test_a_route_says_who_and_why_and_how_old(gateway: ServedGateway) -> None:
    """Responsible, list, reason, version, age, the words of the menu."""
    found = gateway.get("/v1/route", params={"number": "8 495 111-22-33"}).json()
    assert (found["number"], found["client_name"], found["is_known"]) == (IVANOV, "ИП Иванов", True)
    assert (found["employee_id"], found["extension"], found["reason"]) == ("anna", "201", "rank")
    assert [(who["employee_id"], who["share"]) for who in found["ranked"]] == [("anna", 0.75), ("boris", 0.25)]
    assert (found["version"], found["is_stale"], found["intercept"]) == (1, False, "201")
    assert 0 <= found["age_seconds"] < 60
    assert found["menu"][0] == "Здравствуйте, ИП Иванов!"


def test_so_many_names_are_offered_as_the_settings_say(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """The first of those who are there: whoever is away makes room for the next."""
    execute(
        warehouse,
        "UPDATE published_routing SET policy = jsonb_set(policy, '{names}', '1')",
    )
    [only] = gateway.get("/v1/route", params={"number": IVANOV}).json()["ranked"]
    assert only["employee_id"] == "anna"
    execute(warehouse, "INSERT INTO employee_absences VALUES ('hand', 'anna', now() - interval '1 h', NULL, '')")
    [only] = gateway.get("/v1/route", params={"number": IVANOV}).json()["ranked"]
    assert only["employee_id"] == "boris"


def test_an_unknown_number_is_the_queues(gateway: ServedGateway) -> None:
    """An answer as good as any."""
    found = gateway.get("/v1/route", params={"number": STRANGER}).json()
    assert (found["employee_id"], found["extension"], found["reason"], found["ranked"]) == (None, "600", "queue", [])


def test_who_goes_off_at_six_is_not_offered_at_one_past_six(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """Hours count at the moment of the call, whatever the table was built from."""
    execute(
        warehouse,
        "INSERT INTO working_hours (source, employee_id, weekday, starts_at, ends_at) "
        "SELECT 'hand', 'anna', day, '09:00', '18:00' FROM generate_series(1, 5) AS day",
        "UPDATE published_routing SET stale_at = '2099-01-01'",
    )
    answers = {
        clock: gateway.get("/v1/route", params={"number": IVANOV, "at": f"2026-11-23T{clock}:00+03:00"}).json()
        for clock in ("17:59", "18:00", "18:01")
    }
    assert {clock: found["employee_id"] for clock, found in answers.items()} == {
        "17:59": "anna",
        "18:00": "boris",
        "18:01": "boris",
    }
    assert answers["18:01"]["unavailable"][0]["unavailable"] == "off_hours"
    assert "Анна" not in " ".join(answers["18:01"]["menu"])


@pytest.mark.parametrize(
    "path", ["/v1/route?number=1", "/getivrtext?number=1", "/getcallerid?number=1", "/openapi.json"]
)
def test_without_the_token_nothing_is_answered(gateway: ServedGateway, path: str) -> None:
    """Nor with a wrong one."""
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
        response = httpx.get(gateway.url + path, headers=headers, trust_env=False)
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == "Bearer"
    assert gateway.get(path).status_code == 200


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 422), ("number=", 422), ("number=" + "1" * 65, 422), ("number=1&at=yesterday", 422),
     ("number=1&at=2026-01-01T10:00:00", 422), ("number=%00", 200), ("number=%D0%B9", 200)],
)  # fmt: skip
def test_what_makes_no_sense_is_said_clearly(gateway: ServedGateway, query: str, status: int) -> None:
    """And never a 500."""
    assert gateway.get(f"/v1/route?{query}").status_code == status


def test_the_interface_describes_itself(gateway: ServedGateway) -> None:
    """Every field of an answer is in it."""
    described = gateway.get("/openapi.json").json()
    answer = gateway.get("/v1/route", params={"number": IVANOV}).json()
    assert set(described["components"]["schemas"]["Route"]["properties"]) == set(answer)


def test_the_daemons_forms_are_answered_as_the_daemon_answers_them(gateway: ServedGateway) -> None:
    """`result` and `data`; a name for the display, or an error that leaves the number there."""
    menu = gateway.get("/getivrtext", params={"number": IVANOV}).json()
    assert menu["result"] == "Success"
    assert unquote(menu["data"]["texttospeech"][1]) == "Анна <Смирнова> & Co: 201."
    named = gateway.get("/getcallerid", params={"number": IVANOV}).json()
    assert named == {"result": "Success", "data": {"caller_id": "ИП Иванов", "client": "ИП Иванов"}}
    unknown = gateway.get("/getcallerid", params={"number": STRANGER}).json()
    assert unknown["result"] == "Error"
    # The text stands where older panels and where newer ones look for it.
    assert unknown["data"] == unknown["cause"] != ""
    told = httpx.post(f"{gateway.url}/setcallbacknumber?number=2001&token={TOKEN}", trust_env=False)
    assert told.json()["result"] == "Success"


@pytest.mark.parametrize(
    ("service", "key", "handed_on"),
    [("Yandex", "AQVN", {"api_key": "AQVN"}), ("CRT", "", {"auth": {}}),
     ("CRT", '{"username": "u", "domain_id": 7, "password": "p"}',
      {"auth": {"username": "u", "domain_id": 7, "password": "p"}})],
)  # fmt: skip
def test_the_key_of_the_voice_is_handed_on_as_its_service_wants_it(
    service: str, key: str, handed_on: dict[str, object]
) -> None:
    """The PBX logs in with it: by a key at Yandex, with an object at SpeechPro (CRT)."""
    config = GatewayConfig("postgresql://none", "t", "p", tts_service=service, dictor="voice", tts_api_key=key)
    assert voice_of(config) == {"tts_service": service, "dictor": "voice"} | handed_on


@pytest.mark.parametrize("key", ["AQVN", "[]", "{"])
def test_a_key_that_is_none_for_its_service_is_refused_at_the_start(key: str) -> None:
    """And not heard of only when the menu stays mute; the message does not tell the key."""
    with pytest.raises(ValueError, match="tts_api_key") as refused:
        voice_of(GatewayConfig("postgresql://none", "t", "p", tts_service="CRT", tts_api_key=key))
    assert "AQVN" not in str(refused.value)


def test_programs_of_this_machine_may_be_trusted_but_nobody_through_a_proxy(
    warehouse: Warehouse, gateway_process: Callable[..., GatewayProcess]
) -> None:
    """The daemon's clients send no token; the setting is off by default, and opens the daemon's forms alone."""
    build_table(warehouse)
    gateway = gateway_process(SWITCHBOARD_GATEWAY__TRUSTS_LOOPBACK="true")
    asked = f"{gateway.url}/getcallerid?number=%2B74951112233"
    assert httpx.get(asked, trust_env=False).status_code == 200
    forwarded = {"X-Forwarded-For": "127.0.0.1"}
    assert httpx.get(asked, headers=forwarded, trust_env=False).status_code == 401
    assert httpx.get(f"{gateway.url}/v1/route?number=1", trust_env=False).status_code == 401


def test_a_database_that_is_away_is_an_error_within_seconds_and_served_again_when_it_is_back(
    gateway: ServedGateway, warehouse: Warehouse
) -> None:
    """The PBX waits five seconds: an error in time lets it go its failover way."""
    execute(warehouse, "ALTER TABLE published_routing RENAME TO hidden")
    begun = time.monotonic()
    answer = gateway.get("/getivrtext", params={"number": IVANOV}).json()
    assert answer["result"] == "Error"
    assert gateway.get("/v1/route", params={"number": IVANOV}).status_code == 503
    assert time.monotonic() - begun < 4
    execute(warehouse, "ALTER TABLE hidden RENAME TO published_routing")
    assert gateway.get("/v1/route", params={"number": IVANOV}).status_code == 200
    # Every connection cut at once, as a restart of the server does it.
    select(
        warehouse,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    statuses = [gateway.get("/v1/route", params={"number": IVANOV}).status_code for _ in range(10)]
    assert statuses == [200] * 10


def test_a_database_that_falls_silent_is_an_error_within_the_second(
    gateway: ServedGateway, warehouse: Warehouse
) -> None:
    """A driver waits on such a server for much longer than the PBX waits for us; and it is served when it is back."""
    assert gateway.get("/getivrtext", params={"number": IVANOV}).json()["result"] == "Success"
    with silent_server(warehouse):
        for _ in range(3):
            begun = time.monotonic()
            assert gateway.get("/getivrtext", params={"number": IVANOV}).json()["result"] == "Error"
            assert time.monotonic() - begun < 2
        assert gateway.get("/v1/health").status_code == 503
    begun = time.monotonic()
    while gateway.get("/v1/route", params={"number": IVANOV}).status_code != 200:
        assert time.monotonic() - begun < 10


def test_a_look_up_that_waits_for_a_lock_is_given_up_in_time(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """A migration that holds a table makes no caller wait."""
    with warehouse.transaction() as connection:
        connection.exec_driver_sql("LOCK TABLE published_routing IN ACCESS EXCLUSIVE MODE")
        begun = time.monotonic()
        assert gateway.get("/v1/route", params={"number": IVANOV}).status_code == 503
        assert time.monotonic() - begun < 2
    assert gateway.get("/v1/route", params={"number": IVANOV}).status_code == 200
