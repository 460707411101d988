"""The simulated 1C over real HTTP: formats, rights, writes, exchange plans and faults as the real one has them."""

from __future__ import annotations

import base64
import logging
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import uvicorn
from defusedxml import ElementTree

from simulators.onec import company
from simulators.onec.app import SimulatedOnec, User
from simulators.onec.presets import (
    CALLS,
    CONTACT_PERSONS,
    INTERACTION_CONTACTS,
    PARTNERS,
    PLAN,
    PRESETS,
    SUBJECTS,
    USERS,
    ut11,
)
from simulators.onec.schema import NAMESPACE
from simulators.onec.store import Store

PARTNER = "0000000b-0000-4000-8000-000000000003"
PHONES = "КонтактнаяИнформация"
CALL = f"{NAMESPACE}.{CALLS}"


@pytest.fixture
def onec() -> SimulatedOnec:
    store = Store(ut11())
    company.fill(store, clients=20, contacts=40)
    return SimulatedOnec(store)


@pytest.fixture
def web(onec: SimulatedOnec) -> Iterator[httpx.Client]:
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(onec, log_config=None, lifespan="off", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    root = f"http://127.0.0.1:{listener.getsockname()[1]}/base/odata/standard.odata/"
    credentials = base64.b64encode("Робот:пароль".encode()).decode()
    headers = {"Authorization": f"Basic {credentials}", "Accept": "application/json"}
    with httpx.Client(base_url=root, headers=headers, timeout=20) as client:
        yield client
    server.should_exit = True
    thread.join()


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["odata.error"]["code"]


def new_call(web: httpx.Client, **headers: str) -> dict[str, Any]:
    values = {"АбонентКонтакт": PARTNER, "АбонентКонтакт_Type": f"{NAMESPACE}.{PARTNERS}", "Тема": "Счёт", "Нет": 1}
    answer = web.post(CALLS, json=values, headers=headers)
    assert answer.status_code == 201
    assert "Location" in answer.headers
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("preset", PRESETS)
def test_metadata_follows_the_preset(onec: SimulatedOnec, web: httpx.Client, preset: str) -> None:
    """`$metadata` is EDMX of the published types, of whichever configuration."""
    onec.store.schema = PRESETS[preset]()
    tree = ElementTree.fromstring(web.get("$metadata").content)
    names = {node.get("Name") for node in tree.iter("{http://schemas.microsoft.com/ado/2009/11/edm}EntitySet")}
    assert set(onec.store.schema.types) < names
    assert f"{USERS}_{PHONES}" in names
    assert "АбонентКонтакт_Key" in web.get("$metadata").text or preset != "customised"


def test_atom_is_the_default(web: httpx.Client) -> None:
    """Without a wish for JSON the answer is Atom."""
    answer = web.get(PARTNERS, headers={"Accept": "*/*"})
    assert len(ElementTree.fromstring(answer.content).findall("{http://www.w3.org/2005/Atom}entry")) == 20
    assert web.get(f"{PARTNERS}?$format=json", headers={"Accept": "*/*"}).json()["value"]


def test_long_integers_are_strings(web: httpx.Client) -> None:
    """Int64 and the count are strings in JSON; the count switches paging off."""
    body = web.get(f"{PARTNERS}?$top=2&$inlinecount=allpages").json()
    assert body["odata.count"] == "20"
    assert len(body["value"]) == 20
    assert body["value"][0][PHONES][0]["LineNumber"] == "1"


def test_detail_levels(web: httpx.Client) -> None:
    """`nometadata` has only data."""
    body = web.get(f"{PARTNERS}?$format=application/json;odata=nometadata&$top=1").json()
    assert list(body) == ["value"]
    assert not any("@" in name for name in body["value"][0])


def test_count_has_a_mark(web: httpx.Client) -> None:
    """`/$count` answers with a byte order mark."""
    assert web.get(f"{PARTNERS}/$count").content == b"\xef\xbb\xbf20"


def test_password_is_utf8(web: httpx.Client) -> None:
    """Cyrillic credentials work in UTF-8 only."""
    assert web.get("").status_code == 200
    wrong = base64.b64encode("Робот:пароль".encode("cp1251")).decode()
    assert web.get("", headers={"Authorization": f"Basic {wrong}"}).status_code == 401


def test_row_level_rights(onec: SimulatedOnec, web: httpx.Client) -> None:
    """A list with hidden rows is refused with 401/20 unless only the allowed ones are asked for."""
    onec.users["Робот"] = User("пароль", {PARTNERS: lambda one: one["Ref_Key"] == PARTNER})
    assert code(web.get(PARTNERS)) == (401, "20")
    assert len(web.get(f"{PARTNERS}?allowedOnly=true").json()["value"]) == 1


def test_unknown_set_and_instance(web: httpx.Client) -> None:
    """An unknown set is 404/8, a missing instance 404/9; XML clients are told in XML."""
    assert code(web.get("Catalog_Нет")) == (404, "8")
    missing = f"{PARTNERS}(guid'ffffffff-0000-4000-8000-000000000003')"
    assert code(web.get(missing)) == (404, "9")
    assert b"<m:code>9</m:code>" in web.get(missing, headers={"Accept": "*/*"}).content


def test_post_and_patch(web: httpx.Client) -> None:
    """POST answers the whole object of version 0; each PATCH adds one, also without a change; fields are cut."""
    call = new_call(web)
    assert (call["DataVersion"], call["Number"]) == ("AAAAAAAAAAA=", "00000000001")
    path = f"{CALLS}(guid'{call['Ref_Key']}')"
    changed = web.patch(path, json={"АбонентКакСвязаться": "1" * 200, "Нет": 1, "Ref_Key": PARTNER})
    assert changed.status_code == 200
    assert len(changed.json()["АбонентКакСвязаться"]) == 100
    assert changed.json()["Ref_Key"] == call["Ref_Key"]
    assert web.patch(path, json={}).json()["DataVersion"] == "AAAAAAAAAAI="
    assert code(web.patch(path, json={"Входящий": "да"})) == (400, "1")
    assert code(web.patch(path, content=b"{")) == (500, "-1")


def test_if_match_is_ignored_unless_switched(onec: SimulatedOnec, web: httpx.Client) -> None:
    """A stale version is written over, as two live bases did; the guide's 412 is a switch."""
    path = f"{PARTNERS}(guid'{PARTNER}')"
    assert web.patch(path, json={}, headers={"If-Match": "stale"}).status_code == 200
    onec.habits.honours_if_match = True
    assert web.patch(path, json={}, headers={"If-Match": "stale"}).status_code == 412


def test_section_is_replaced_whole(web: httpx.Client) -> None:
    """Rows count from 1; starting elsewhere is 400, without numbers 500; phone columns are not computed."""
    path = f"{PARTNERS}(guid'{PARTNER}')"
    row = {"Тип": "Телефон", "Представление": "+7 916 123-45-67"}
    changed = web.patch(path, json={PHONES: [{**row, "LineNumber": 1}]}).json()[PHONES]
    assert [one["НомерТелефона"] for one in changed] == [""]
    assert web.patch(path, json={PHONES: [{**row, "LineNumber": 2}]}).status_code == 400
    assert web.patch(path, json={PHONES: [row]}).status_code == 500
    assert code(web.post(f"{PARTNERS}_{PHONES}", json=row)) == (400, "13")
    assert web.get(f"{PARTNERS}_{PHONES}?$filter=Ref_Key eq guid'{PARTNER}'").json()["value"]


def test_register_is_keyed_by_its_dimensions(web: httpx.Client) -> None:
    """A second record of one key is 400/15; DELETE is 204 and then 404; there is no DataVersion."""
    key = {"Взаимодействие": PARTNER, "Взаимодействие_Type": CALL}
    created = web.post(SUBJECTS, json=key)
    assert created.status_code == 200
    assert "DataVersion" not in created.json()
    assert code(web.post(SUBJECTS, json=key)) == (400, "15")
    path = f"{SUBJECTS}(Взаимодействие='{PARTNER}',Взаимодействие_Type='{CALL}')"
    assert web.patch(path, json={"Рассмотрено": True}).json()["Рассмотрено"] is True
    assert [web.delete(path).status_code, web.get(path).status_code] == [204, 404]


def test_call_fills_contacts_except_when_loading(web: httpx.Client) -> None:
    """Writing a call fills the register of contacts; data load mode skips that."""
    new_call(web, **{"1C_OData-DataLoadMode": "true"})
    assert web.get(INTERACTION_CONTACTS).json()["value"] == []
    new_call(web)
    assert [one["Контакт"] for one in web.get(INTERACTION_CONTACTS).json()["value"]] == [PARTNER]


def test_exchange_plan(onec: SimulatedOnec, web: httpx.Client) -> None:
    """One entry per object; the same message again adds the new; what changed after it outlives the receipt."""
    node = onec.store.node(PLAN, "us")

    def changes(number: int, function: str = "SelectChanges") -> str:
        point = f"{web.base_url}{PLAN}(guid'{node}')"
        answer = web.post(f"{function}?DataExchangePoint='{point}'&MessageNo={number}")
        assert answer.status_code == 200
        return answer.text

    path = f"{PARTNERS}(guid'{PARTNER}')"
    for _ in range(3):
        web.patch(path, json={})
    assert changes(1).count("<entry>") == 1
    new_call(web)
    assert changes(1).count("<entry>") == 2
    web.delete(path)
    changes(1, "NotifyChangesReceived")
    assert changes(2).count("at:deleted-entry ref=") == 1
    assert web.get(PLAN).json()["value"][0]["ReceivedNo"] == "1"


def test_control_character_stops_the_exchange(onec: SimulatedOnec, web: httpx.Client) -> None:
    """One bad character makes the whole packet 400."""
    node = onec.store.node(PLAN, "us")
    onec.store.update(PARTNERS, PARTNER, {"Description": "А\x02"})
    assert web.post(f"SelectChanges?DataExchangePoint='{PLAN}(guid'{node}')'&MessageNo=1").status_code == 400


def test_long_segment_is_cut_by_the_web_server(web: httpx.Client) -> None:
    """A segment over 260 characters never reaches 1C."""
    assert "Invalid URL" in web.get("a" * 292).text


@pytest.mark.parametrize(
    ("kind", "status", "text"),
    [("device_full", 500, "exception"), ("handler", 500, "odata.error"), ("unavailable", 503, "<html>"),
     ("html", 200, "<html>"), ("unauthorised", 401, ""), ("empty", 200, '"value": []')],
)  # fmt: skip
def test_faults_last_as_long_as_asked(
    onec: SimulatedOnec, web: httpx.Client, kind: str, status: int, text: str
) -> None:
    """A fault spoils one answer in its own dialect, and the next is good."""
    onec.faults.switch_on(kind, path=PARTNERS)
    answer = web.get(PARTNERS)
    assert answer.status_code == status
    assert text in answer.text
    assert len(web.get(PARTNERS).json()["value"]) == 20


def test_broken_connections(onec: SimulatedOnec, web: httpx.Client) -> None:
    """A cut body is noticed; a lost answer has been written nevertheless."""
    onec.faults.switch_on("cut")
    with pytest.raises(httpx.RemoteProtocolError):
        web.get(PARTNERS)
    onec.faults.switch_on("lost_answer", method="POST")
    with pytest.raises(httpx.RemoteProtocolError):
        web.post(CALLS, json={})
    assert len(web.get(CALLS).json()["value"]) == 1


def test_configuration_changes_between_reads(onec: SimulatedOnec, web: httpx.Client) -> None:
    """A removed field is unknown at once, an unpublished object is gone."""
    onec.store.schema = onec.store.schema.without_property(PARTNERS, "ЮрФизЛицо").without_set(CALLS)
    assert code(web.get(f"{PARTNERS}?$select=ЮрФизЛицо")) == (400, "6")
    assert web.get(CALLS).status_code == 404


def test_many_contacts_cost_nothing_until_read(onec: SimulatedOnec, web: httpx.Client) -> None:
    """A page of 200 000 contacts is answered at once."""
    company.fill(onec.store, clients=20_000, contacts=200_000)
    started = time.perf_counter()
    assert len(web.get(f"{CONTACT_PERSONS}?$skip=150000&$top=100").json()["value"]) == 100
    assert time.perf_counter() - started < 5
