"""SOAP as a stock MikoPBX asks 1C: the PBX must not notice that it is us."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote
from xml.etree.ElementTree import Element

import httpx
import pytest
import zeep
from defusedxml.ElementTree import fromstring
from requests import Session

from gateway.doors import LARGEST_BODY_BYTES
from resources.warehouse import Warehouse
from tests.fix_gateway import (
    IVANOV,
    PASSWORD,
    STRANGER,
    TOKEN,
    GatewayProcess,
    ServedGateway,
    build_table,
    execute,
)
from tests.rows import select

IVR = "/trade/ws/MIKO_IVRGenerator4SmartTransfer.1cws"
PANEL = "/trade/ws/miko_crm_api.1cws"
IVR_NAMESPACE = "http://wiki.miko.ru/doc:1cajam:smarttransfer"
PANEL_NAMESPACE = "http://wiki.miko.ru/uniphone:crmapi"


def envelope(function: str, namespace: str = IVR_NAMESPACE, **given: str) -> str:
    """Return a request in the shape ModuleSmartIVR sends."""
    parts = "".join(f"<m:{name}>{value}</m:{name}>" for name, value in given.items())
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:m="{namespace}">\n'
        f"  <soap:Body><m:{function}>{parts}</m:{function}></soap:Body>\n</soap:Envelope>"
    )


def post(gateway: ServedGateway, body: str | bytes, path: str = IVR, **headers: str) -> httpx.Response:
    """Send a request with the right password, as UTF-8."""
    given = base64.b64encode(f"switchboard:{PASSWORD}".encode()).decode()
    # The module names no content type, so its library takes the one of forms.
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": f"Basic {given}"} | headers
    content = body.encode() if isinstance(body, str) else body
    return httpx.post(gateway.url + path, content=content, headers=headers, timeout=10, trust_env=False)


def result(response: httpx.Response, function: str, namespace: str = IVR_NAMESPACE) -> Any:  # noqa: ANN401
    """Return what the JSON text in the answer says, found as the PBX finds it: by the prefixes `soap` and `m`."""
    assert response.status_code == 200, response.text
    assert "<soap:Envelope" in response.text
    assert f"<m:{function}Response" in response.text
    assert "<m:return>" in response.text
    found = fromstring(response.content).find(f".//{{{namespace}}}{function}Response/{{{namespace}}}return")
    assert isinstance(found, Element)
    return json.loads(found.text or "")


def said(menu: dict[str, Any]) -> list[str]:
    """Return the phrases of a menu as they are spoken."""
    return [unquote(phrase) for phrase in menu["texttospeech"]]


def test_a_known_client_hears_the_responsible_employees_in_order(gateway: ServedGateway) -> None:
    """Names with XML's own signs among them; phrases url-encoded, as the module decodes them."""
    menu = result(post(gateway, envelope("getivrtext", Number=IVANOV)), "getivrtext")
    assert said(menu) == [
        "Здравствуйте, ИП Иванов!",
        "Анна <Смирнова> & Co: 201.",
        "Борис Кузнецов: 202.",
        "Или ждите.",
    ]
    assert all(phrase.isascii() for phrase in menu["texttospeech"])
    assert (menu["tts_service"], menu["dictor"], menu["api_key"]) == ("Yandex", "jane", "")


@pytest.mark.parametrize("number", [STRANGER, "777777777", "", "+7 (495) ABC-DEF", "Анонимный", "79169999999999999999"])
def test_whoever_is_unknown_hears_the_words_for_new_clients(gateway: ServedGateway, number: str) -> None:
    """The PBX's own test call, letters, nothing at all: an answer, not an error."""
    menu = result(post(gateway, envelope("getivrtext", Number=number)), "getivrtext")
    assert said(menu) == ["Здравствуйте!", "Или ждите."]


def test_the_same_client_is_found_in_any_notation(gateway: ServedGateway) -> None:
    """As the provider happens to write the number."""
    for number in ("84951112233", "4951112233", "8 (495) 111-22-33", "+7 495 1112233"):
        assert said(result(post(gateway, envelope("getivrtext", Number=number)), "getivrtext"))[0].endswith("Иванов!")


def test_a_session_is_begun_as_1c_begins_it_and_none_is_needed(gateway: ServedGateway) -> None:
    """With `IBSession: start` there is a cookie; it is taken back; a request without either is served too."""
    started = post(gateway, envelope("getivrtext", Number=IVANOV), IBSession="start")
    assert result(started, "getivrtext")
    cookie = started.headers["set-cookie"].split(";")[0]
    assert cookie.startswith("ibsession=")
    published_elsewhere = post(
        gateway, envelope("getivrtext", Number=IVANOV), "/%D0%B1/ws" + IVR.rpartition("/ws")[2], IBSession="start"
    )
    assert result(published_elsewhere, "getivrtext")
    again = post(gateway, envelope("getivrtext", Number=IVANOV), Cookie=cookie)
    assert "set-cookie" not in again.headers
    assert result(again, "getivrtext")


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic !!!",
        "Basic " + base64.b64encode(b"switchboard:wrong").decode(),
        "Basic " + base64.b64encode(f"nobody:{PASSWORD}".encode()).decode(),
        "Basic " + base64.b64encode(b"switchboard").decode(),
        "Bearer token-of-the-tests",
    ],
)
def test_without_the_password_nothing_is_answered(gateway: ServedGateway, authorization: str) -> None:
    """401, which the PBX takes for bad credentials; the description is closed as well."""
    response = post(gateway, envelope("getivrtext", Number=IVANOV), Authorization=authorization)
    assert response.status_code == 401
    assert "www-authenticate" in response.headers
    assert "Иванов" not in response.text
    assert httpx.get(f"{gateway.url}{IVR}?wsdl", trust_env=False).status_code == 401


# A request like any other but for its entities, so that nothing else in it is refused.
BOMB = envelope("getivrtext", Number="&c;").replace(
    "<soap:Envelope", '<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]><soap:Envelope', 1
)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no xml",
        "<a/>",
        "<soap:Envelope/>",
        BOMB,
        '<?xml version="1.0" encoding="no-such"?><a/>',
        b"\xff\xfe\x00",
        envelope("getivrtext").replace("<m:getivrtext></m:getivrtext>", ""),
        envelope("getivrtext"),
        envelope("no_such_function", Number=IVANOV),
        envelope("getivrtext", namespace="urn:other", Number=IVANOV),
        envelope("getivrtext", Number="1" * 100),
    ],
)
def test_what_cannot_be_served_is_a_soap_fault(gateway: ServedGateway, body: str | bytes) -> None:
    """The PBX asks once more and then goes its failover way; nothing of the body comes back."""
    response = post(gateway, body)
    assert response.status_code == 500
    fault = fromstring(response.content).find(".//faultcode")
    assert fault is not None
    assert fault.text == "soap:Client"
    assert "bbbb" not in response.text


def test_a_body_of_a_megabyte_is_refused_unread(gateway: ServedGateway) -> None:
    """The answer comes before the rest is sent, and the next request is served."""
    response = post(gateway, envelope("getivrtext", Number="1" * 1_000_000))
    assert response.status_code == 413
    given = base64.b64encode(f"switchboard:{PASSWORD}".encode()).decode()
    head = f"POST {IVR} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {given}\r\nContent-Length: 1000000\r\n\r\n"
    address = httpx.URL(gateway.url)
    with socket.create_connection((address.host, address.port or 80), timeout=5) as call:
        call.sendall(head.encode() + b"x" * (LARGEST_BODY_BYTES + 1))
        assert call.recv(13) == b"HTTP/1.1 413 "
    assert result(post(gateway, envelope("getivrtext", Number=IVANOV)), "getivrtext")


def test_the_pbx_may_tell_at_which_number_its_menu_is_reached(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """The last word counts."""
    for number in ("2001", "2002"):
        result(post(gateway, envelope("setcallbacknumber", Number=number)), "setcallbacknumber")
    assert select(warehouse, "SELECT source, number FROM callback_numbers") == [("127.0.0.1", "2002")]


def test_the_panel_gets_its_users(gateway: ServedGateway) -> None:
    """Whoever works here today, with the extension held today."""
    users = result(post(gateway, envelope("user_list", PANEL_NAMESPACE), PANEL), "user_list", PANEL_NAMESPACE)
    assert users == [
        {"id": "anna", "name": "Анна <Смирнова> & Co", "mobile": "+79160000001", "extension": "201"},
        {"id": "boris", "name": "Борис Кузнецов", "mobile": "", "extension": "202"},
    ]


def test_call_events_of_the_panel_are_kept_once(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """However often they come."""
    data = json.dumps({"call_id": "1", "phone": "<&>"}).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for _ in range(3):
        body = envelope("call_event", PANEL_NAMESPACE, Subject="provider.v1.calls", Data=data)
        result(post(gateway, body, PANEL), "call_event", PANEL_NAMESPACE)
    kept = select(warehouse, "SELECT subject, data ->> 'phone', times_seen FROM received_events")
    assert kept == [("provider.v1.calls", "<&>", 3)]


@pytest.mark.parametrize("data", ["", "{", "NaN", '"\\u0000"', '"\\ud800"', "[" * 60_000, "1" * 2 + "}"])
def test_an_event_that_cannot_be_stored_is_the_senders_fault(gateway: ServedGateway, data: str) -> None:
    """Whoever is told that we are at fault sends it again for ever."""
    response = post(gateway, envelope("call_event", PANEL_NAMESPACE, Subject="s", Data=data), PANEL)
    assert response.status_code == 500
    assert "soap:Client" in response.text


def test_a_second_client_finds_its_way_by_the_description(gateway: ServedGateway) -> None:
    """Zeep, which knows nothing of MIKO, calls every function of both services."""
    with Session() as session:
        session.trust_env = False
        # The library writes Latin-1; the PBX and we write UTF-8.
        session.auth = ("switchboard", PASSWORD.encode().decode("latin-1"))
        transport = zeep.Transport(session=session)
        menu = zeep.Client(f"{gateway.url}{IVR}?wsdl", transport=transport).service
        assert said(json.loads(menu.getivrtext(Number=IVANOV)))[0] == "Здравствуйте, ИП Иванов!"
        assert json.loads(menu.setcallbacknumber(Number="2003")) == {"result": "Success"}
        panel = zeep.Client(f"{gateway.url}{PANEL}?wsdl", transport=transport).service
        assert len(json.loads(panel.user_list())) == 2
        assert json.loads(panel.call_event(Subject="s", Data="{}")) == {"result": "Success"}


def test_neither_numbers_nor_secrets_are_logged(
    warehouse: Warehouse, gateway_process: Callable[..., GatewayProcess]
) -> None:
    """Neither those of requests nor those of errors; and it ends in good order when told to."""
    build_table(warehouse)
    gateway = gateway_process()
    post(gateway, envelope("getivrtext", Number=IVANOV))
    gateway.get("/v1/route", params={"number": IVANOV})
    execute(warehouse, "ALTER TABLE published_routing RENAME TO hidden")
    assert post(gateway, envelope("getivrtext", Number=IVANOV)).status_code == 500
    gateway.process.terminate()
    assert gateway.process.wait(timeout=10) in (0, -15)
    log = gateway.log.read_text()
    for secret in ("1112233", TOKEN, PASSWORD):
        assert secret not in log
