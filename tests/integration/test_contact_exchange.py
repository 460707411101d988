"""The switch `contact_exchange`: names of callers are given or not; routing answers always."""

from __future__ import annotations

from resources.warehouse import Warehouse
from tests.fix_gateway import IVANOV, STRANGER, ServedGateway, execute
from tests.integration.test_fastagi import variables
from tests.integration.test_gateway_soap import envelope, post, result, said


def switch(warehouse: Warehouse, *, is_on: bool) -> None:
    execute(
        warehouse,
        "INSERT INTO switches (name, is_on, reason) VALUES ('contact_exchange', :is_on, 'switched off') "
        "ON CONFLICT (name) DO UPDATE SET is_on = excluded.is_on",
        is_on=is_on,
    )


def names(gateway: ServedGateway) -> tuple[str, int, str]:
    """Return how the three doors to a caller's name answer."""
    return (
        gateway.get("/getcallerid", params={"number": IVANOV}).json()["result"],
        gateway.get("/v1/caller", params={"number": IVANOV}).status_code,
        variables(gateway)["SWITCHBOARD_CLIENT"],
    )


def test_off_means_no_names_and_on_means_names_at_once(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """Where nothing was ever switched it is on; a change counts with the next question."""
    assert names(gateway) == ("Success", 200, "ИП Иванов")
    switch(warehouse, is_on=False)
    assert names(gateway) == ("Error", 503, "")
    told = gateway.get("/getcallerid", params={"number": IVANOV}).json()
    assert "switched off" in told["cause"]
    assert "Иванов" not in str(told)
    assert "switched off" in gateway.get("/v1/caller", params={"number": IVANOV}).text
    switch(warehouse, is_on=True)
    assert names(gateway) == ("Success", 200, "ИП Иванов")


def test_routing_answers_whatever_the_switch_says(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """JSON, the daemon's form, SOAP and FastAGI."""
    switch(warehouse, is_on=False)
    assert gateway.get("/v1/route", params={"number": IVANOV}).json()["employee_id"] == "anna"
    assert gateway.get("/getivrtext", params={"number": IVANOV}).json()["result"] == "Success"
    assert len(said(result(post(gateway, envelope("getivrtext", Number=IVANOV)), "getivrtext"))) == 4
    told = variables(gateway)
    assert (told["SWITCHBOARD_RESPONSIBLE"], told["SWITCHBOARD_STATUS"]) == ("201", "OK")


def test_a_caller_is_told_of_in_any_notation(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """Whoever is assigned by hand is named at once; nobody known is an answer too."""
    found = gateway.get("/v1/caller", params={"number": "8 495 111-22-33"}).json()
    assert found == {
        "number": IVANOV,
        "is_known": True,
        "caller_name": "ИП Иванов",
        "client_id": "ivanov",
        "client_name": "ИП Иванов",
        "contact_name": None,
    }
    unknown = gateway.get("/v1/caller", params={"number": STRANGER}).json()
    assert (unknown["is_known"], unknown["caller_name"], unknown["client_id"]) == (False, "", f"tel:{STRANGER}")
    execute(
        warehouse,
        "INSERT INTO number_overrides (source, number, national_number, party_id) "
        "VALUES ('assign', '+74959998877', '4959998877', 'ivanov')",
    )
    assert gateway.get("/v1/caller", params={"number": STRANGER}).json()["client_name"] == "ИП Иванов"
    assert gateway.get("/v1/caller").status_code == 422


def test_the_interface_describes_the_new_addresses(gateway: ServedGateway) -> None:
    """Every field of an answer is in it, and every address."""
    described = gateway.get("/openapi.json").json()
    assert {"/v1/caller", "/v1/live", "/v1/events", "/v1/events/{pbx_id}"} <= set(described["paths"])
    caller = gateway.get("/v1/caller", params={"number": IVANOV}).json()
    assert set(described["components"]["schemas"]["CallerName"]["properties"]) == set(caller)
