"""The simulated 1C over real HTTP: formats, rights, writes, exchange plans and faults as the real one has them."""

from __future__ import annotations

import base64
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

import httpx
import pytest
import uvicorn
from defusedxml import ElementTree

from simulators.company import Company
from simulators.onec import company
from simulators.onec.app import SimulatedOnec, User
from simulators.onec.presets import (
    CALLS,
    CONTACT_PERSONS,
    INTERACTION_CONTACTS,
    MAIL_IN,
    MAIL_OUT,
    MEETINGS,
    ORDERS,
    PARTNERS,
    PLAN,
    PRESETS,
    SUBJECTS,
    USERS,
    ut11,
)
from simulators.onec.same_company import SameCompany, fill_from
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
     ("html", 200, "<html>"), ("unauthorised", 401, ""), ("empty", 200, '"value": []'), ("blank", 200, "")],
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


def test_many_contacts_are_found_by_their_keys_at_once(onec: SimulatedOnec, web: httpx.Client) -> None:
    """Asking for objects by reference uses an index, as a base does; unknown ones are not among them."""
    company.fill(onec.store, clients=20_000, contacts=200_000)
    keys = [f"0000000d-0000-4000-8000-{index:012x}" for index in (3, 190_000, 200_000)]
    wanted = " or ".join(f"Ref_Key eq guid'{key}'" for key in keys)
    started = time.perf_counter()
    found = web.get(f"{CONTACT_PERSONS}?$filter={wanted}").json()["value"]
    assert [one["Ref_Key"] for one in found] == keys[:2]
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize("preset", PRESETS)
def test_documents_are_of_working_days_and_refer_to_who_is_there(preset: str) -> None:
    """A span of days has documents of every kind the configuration has; all they refer to exists."""
    store = Store(PRESETS[preset]())
    company.fill(store, clients=20, contacts=40, users=5, days=9, last_day=date(2026, 3, 30), calls_per_day=10)
    same = Store(PRESETS[preset]())
    company.fill(same, clients=20, contacts=40, users=5, days=9, last_day=date(2026, 3, 30), calls_per_day=10)
    # Absences are no work with clients: tests write their own.
    kinds = store.schema.types.items()
    documents = [kind for name, kind in kinds if kind.is_document and name != "Document_Отсутствие"]
    assert len(documents) == (0 if preset == "bp" else 5)
    for kind in documents:
        found = list(store.entities(kind.name))
        assert found == list(same.entities(kind.name))
        assert {one["Date"][:10] for one in found} == {f"2026-03-{day}" for day in (23, 24, 25, 26, 27, 30)}
        assert [one["Date"] for one in found] == sorted(one["Date"] for one in found)
        assert set(found[0]) == set(kind.blank())
        for one in found:
            assert store.find(USERS, one.get("Ответственный_Key") or one["Менеджер_Key"])
            for row in [one, *(row for section in kind.sections for row in one[section.name])]:
                for name in ("АбонентКонтакт", "ОтправительКонтакт", "Контакт"):
                    if f"{name}_Type" in row:
                        assert store.find(row[f"{name}_Type"].partition(".")[2], row[name])
            for name, link in kind.references.items():
                assert store.find(link.target, one[link.name]) or name in {"Предмет", "КонтактноеЛицо"}
    assert all(one["АбонентКакСвязаться"] for one in store.entities(CALLS))


@pytest.fixture(scope="module")
def same() -> tuple[Company, Store, SameCompany]:
    store = Store(ut11())
    company_of_pbx = Company.invent(parties=200)
    return company_of_pbx, store, fill_from(store, company_of_pbx, days=90, calls_per_day=5)


def phones(store: Store, name: str, key: str) -> list[dict[str, Any]]:
    found = store.find(name, key)
    assert found
    rows: list[dict[str, Any]] = found[PHONES]
    return rows


def test_same_company_has_the_clients_of_the_crm(same: tuple[Company, Store, SameCompany]) -> None:
    """Every party outside the address book, with its people, their numbers as written and its responsible."""
    invented, store, refs = same
    known = [party for party in invented.parties if not party.is_on_cards]
    assert refs.partners.keys() == {party.party_id for party in known}
    assert len(store.entities(PARTNERS)) == len(known)
    for party in known:
        partner = store.find(PARTNERS, refs.partners[party.party_id])
        assert partner
        assert partner["Description"] == party.name
        assert (partner["ЮрФизЛицо"] == "ЧастноеЛицо") == (party.kind == "person")
        responsible = store.find(USERS, partner["ОсновнойМенеджер_Key"])
        assert (refs.users.get(party.responsible_id) or None) == (responsible["Ref_Key"] if responsible else None)
        for contact in party.contacts:
            rows = phones(store, CONTACT_PERSONS, refs.contacts[contact.contact_id])
            assert tuple(row["Представление"] for row in rows) == contact.written


def test_same_company_keeps_numbers_in_every_state(same: tuple[Company, Store, SameCompany]) -> None:
    """Rows are as the form leaves them, XML only, or presentation only; each holds what was written."""
    _, store, refs = same
    states: Counter[str] = Counter()
    for key in refs.contacts.values():
        for row in phones(store, CONTACT_PERSONS, key):
            written = row["Представление"]
            if row["Значение"]:
                assert json.loads(row["Значение"])["value"] == written
            elif row["ЗначенияПолей"]:
                assert ElementTree.fromstring(row["ЗначенияПолей"]).get("Представление") == written
            else:
                assert row["НомерТелефона"] == ""
            states["form" if row["Значение"] else "xml" if row["ЗначенияПолей"] else "presentation"] += 1
    assert set(states) == {"form", "xml", "presentation"}
    assert min(states.values()) > 40


def test_same_company_has_its_staff(same: tuple[Company, Store, SameCompany]) -> None:
    """Users have mobile and present extension; who has left is not valid and has none; moved people are marked."""
    invented, store, refs = same
    extensions = invented.extensions_on(invented.today)
    for employee in invented.employees:
        shown = [row["Представление"] for row in phones(store, USERS, refs.users[employee.employee_id])]
        extension = extensions.get(employee.employee_id)
        assert shown == [employee.mobile, *([f"доб. {extension}"] if extension else [])]
        user = store.find(USERS, refs.users[employee.employee_id])
        assert user
        assert user["Недействителен"] == (extension is None)
    moved = [
        one for party in invented.parties for one in party.contacts if one.valid_to and one.contact_id in refs.contacts
    ]
    marks = {one["Ref_Key"] for one in store.entities(CONTACT_PERSONS) if one["DeletionMark"]}
    assert marks == {refs.contacts[one.contact_id] for one in moved} != set()


def test_same_company_notes_calls_with_those_who_deal_with_the_client(same: tuple[Company, Store, SameCompany]) -> None:
    """A document's user is one of the party's own who worked there that day, its number one of the contact's."""
    invented, store, refs = same
    assert all(len(store.entities(name)) for name in (CALLS, ORDERS, MAIL_IN, MAIL_OUT, MEETINGS))
    parties = {refs.partners[one.party_id]: one for one in invented.parties if one.party_id in refs.partners}
    contacts = {refs.contacts[one.contact_id]: one for party in parties.values() for one in party.contacts}
    staff = {refs.users[one.employee_id]: one for one in invented.employees}
    owners = {one["Ref_Key"]: parties[one["Owner_Key"]] for one in store.entities(CONTACT_PERSONS)}
    dealt = 0
    for call in store.entities(CALLS):
        day = date.fromisoformat(call["Date"][:10])
        user = staff[call["Ответственный_Key"]]
        assert user.employed_from <= day <= (user.employed_until or day)
        party = owners.get(call["АбонентКонтакт"]) or parties[call["АбонентКонтакт"]]
        dealt += user.employee_id in party.talkers
        contact = contacts.get(call["АбонентКонтакт"])
        assert call["АбонентКакСвязаться"] in {one.written[0] for one in ([contact] if contact else party.contacts)}
        assert contact is None or contact.is_there_on(day)
    assert dealt > 0.95 * len(store.entities(CALLS))


def test_command_line_serves_the_company_of_the_pbx() -> None:
    """The same seed, size and day give the same company at each start; the node's reference is said."""
    command = [sys.executable, "-m", "simulators.onec", "--company-seed", "3", "--parties", "40"]
    environment = os.environ | {"SIMULATED_1C_PASSWORD": "пароль"}
    options = ["--today", "2026-03-31", "--days", "3"]
    credentials = base64.b64encode("Робот:пароль".encode()).decode()
    headers = {"Authorization": f"Basic {credentials}", "Accept": "application/json"}
    answers = []
    for _ in range(2):
        with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True, env=environment) as process:
            try:
                assert process.stdout
                root = process.stdout.readline().split()[-1]
                node = process.stdout.readline().split()[-1]
                with httpx.Client(base_url=f"{root}/", headers=headers, timeout=20) as client:
                    names = {one["Description"] for one in client.get(PARTNERS).json()["value"]}
                    calls = [one["Date"] for one in client.get(CALLS).json()["value"]]
                    assert client.get(f"{PLAN}(guid'{node}')").json()["Description"] == "Switchboard"
            finally:
                process.send_signal(signal.SIGTERM)
        answers.append((node, names, calls))
    assert answers[0] == answers[1]
    invented = Company.invent(3, 40, date(2026, 3, 31))
    assert names == {party.name for party in invented.parties if not party.is_on_cards}
    assert {at[:10] for at in calls} == {"2026-03-30", "2026-03-31"}
    refused = subprocess.run([*command, "--preset", "bp"], capture_output=True, text=True, env=environment)
    assert refused.returncode == 2
    assert "no partners" in refused.stderr
