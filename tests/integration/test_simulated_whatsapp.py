"""The simulated WhatsApp Cloud API over real sockets: sending, limits, media, templates, faults, the truth."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulators.whatsapp.limits import Limits
from simulators.whatsapp.statuses import Habits
from simulators.whatsapp.templates import template
from simulators.whatsapp.whatsapp import SimulatedWhatsApp
from tests.fix_whatsapp import Subscriber, WhatsAppClient

Make = Callable[..., SimulatedWhatsApp]
Subscribe = Callable[[SimulatedWhatsApp], Subscriber]
Client = Callable[[SimulatedWhatsApp], WhatsAppClient]

LENA = "+79161234567"
SHARED = Path(os.environ.get("SWITCHBOARD_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
EXAMPLES = SHARED / "whatsapp" / "examples.jsonl"


@pytest.fixture
def free(make_whatsapp: Make) -> SimulatedWhatsApp:
    """An API that limits nothing."""
    return make_whatsapp(limits=Limits.none())


def code(answer: httpx.Response) -> tuple[int, int]:
    """HTTP status and Graph's code."""
    return answer.status_code, answer.json()["error"]["code"]


def test_accepted_message_is_answered_as_meta_does(free: SimulatedWhatsApp, whatsapp_client: Client) -> None:
    """An accepted message is answered with the number as written, the wa_id and a wamid, and kept once."""
    answer = whatsapp_client(free).send("+7 (916) 123-45-67", "Добрый день", biz_opaque_callback_data="key-1")
    found = answer.json()
    assert answer.status_code == 200
    assert found["messaging_product"] == "whatsapp"
    assert found["contacts"][0]["input"] == "+7 (916) 123-45-67"
    assert found["contacts"][0]["wa_id"] == "79161234567"
    [message] = free.messages
    assert found["messages"] == [{"id": message.wamid}]
    assert re.fullmatch(r"wamid\.[A-Za-z0-9+/=]+", message.wamid)
    assert (message.recipient, message.text, message.biz_opaque_callback_data) == (
        "79161234567",
        "Добрый день",
        "key-1",
    )
    assert message.is_answered


def test_two_equal_requests_are_two_messages(free: SimulatedWhatsApp, whatsapp_client: Client) -> None:
    """`biz_opaque_callback_data` is no key against repetition: the same request sends again."""
    client = whatsapp_client(free)
    for _ in range(2):
        client.send(LENA, "Да", biz_opaque_callback_data="key-1")
    assert len({message.wamid for message in free.messages}) == 2


@pytest.mark.skipif(not EXAMPLES.exists(), reason="Meta's examples are not beside the checkout")
def test_meta_examples_are_accepted(free: SimulatedWhatsApp, whatsapp_client: Client) -> None:
    """Each request of Meta's own description is accepted, whatever its type."""
    client = whatsapp_client(free)
    asked = []
    for line in EXAMPLES.read_text(encoding="utf-8").splitlines():
        example = json.loads(line)
        if example["path"] == "/{Version}/{Phone-Number-ID}/messages" and example["kind"] == "request":
            body = example["value"]
            # Two among them are no requests: one is an answer, one names no type and is no text.
            if body.get("status") == "read" or body.get("type", "text") in body:
                asked.append(body)
    medium = upload(client, b"x").json()["id"]
    reads = 0
    for body in asked:
        if body.get("status") == "read":
            body["message_id"] = free.receive_text(LENA, "?").wamid
            reads += 1
        else:
            body["to"] = LENA
        for kind in ("audio", "document", "image", "sticker", "video"):
            if "id" in body.get(kind, {}):
                body[kind]["id"] = medium
        if "template" in body:
            wanted = body["template"]
            parts = [part for part in wanted.get("components", []) if part["type"].lower() == "body"]
            places = sum(len(part["parameters"]) for part in parts)
            text = " ".join(f"{{{{{place}}}}}" for place in range(1, places + 1))
            free.templates[:] = [template(wanted["name"], text, language=wanted["language"]["code"])]
        answer = client.post(body)
        assert answer.status_code == 200, (body, answer.text)
    assert len(asked) > 40
    assert len(free.messages) == len(asked) - reads


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"messaging_product": None}, (400, 100)),
        ({"to": ""}, (400, 100)),
        ({"type": "carrier_pigeon"}, (400, 100)),
        ({"text": {}}, (400, 100)),
        ({"text": {"body": ""}}, (400, 131008)),
        ({"text": {"body": "я" * 4097}}, (400, 100)),
        ({"biz_opaque_callback_data": "k" * 513}, (400, 100)),
        ({"type": "image", "image": {"caption": "no file"}}, (400, 131008)),
        ({"type": "image", "image": {"id": "1"}}, (400, 131009)),
        ({"type": "template", "template": {"name": "no_such", "language": {"code": "ru"}}}, (404, 132001)),
        ({"type": "template", "template": {"name": "order_ready", "language": {"code": "ru"}}}, (400, 132000)),
        ({"to": "+74951230001"}, (400, 131021)),
    ],
)
def test_wrong_request_is_refused(
    free: SimulatedWhatsApp, whatsapp_client: Client, changed: dict[str, Any], expected: tuple[int, int]
) -> None:
    """What Meta refuses is refused with its code, and nothing is accepted."""
    body = {"messaging_product": "whatsapp", "to": LENA, "type": "text", "text": {"body": "Да"}} | changed
    answer = whatsapp_client(free).post(body)
    assert code(answer) == expected
    assert answer.json()["error"]["fbtrace_id"]
    assert free.messages == []


def test_token_version_and_number_are_checked(free: SimulatedWhatsApp, whatsapp_client: Client) -> None:
    """A wrong token is 401 with 190, before anything else; an ended version and a foreign id are refused."""
    client = whatsapp_client(free)
    assert code(client.get("4711/message_history")) == (400, 100)
    assert code(client.post({}, version="v20.0")) == (400, 2635)
    free.token = "another"
    free.faults.switch_on(130429)
    answer = client.send(LENA, "Да")
    assert code(answer) == (401, 190)
    assert answer.json()["error"]["error_subcode"] == 463


@pytest.mark.parametrize(
    ("written", "wa_id"),
    [
        ("79161234567", "79161234567"),
        ("+55 31 98765-4321", "553187654321"),
        ("+52 55 1234 5678", "5215512345678"),
        ("+54 11 1234-5678", "5491112345678"),
        ("89161234567", "789161234567"),
    ],
)
def test_wa_id_may_differ_from_the_number(free: SimulatedWhatsApp, written: str, wa_id: str) -> None:
    """Some countries' ids differ; digits that are no number get our country code, and go astray."""
    person = free.person(written)
    assert person.wa_id == wa_id
    assert person.is_reachable == (not wa_id.startswith("78"))
    assert free.person(wa_id) is person


def test_message_gone_astray_fails(free: SimulatedWhatsApp, whatsapp_client: Client) -> None:
    """A number that cannot be, or is not at WhatsApp, is accepted and fails later with 131026."""
    free.person(LENA).is_reachable = False
    client = whatsapp_client(free)
    assert client.send("89161234567", "Да").status_code == client.send(LENA, "Да").status_code == 200
    assert [message.status for message in free.messages] == ["failed", "failed"]


def test_free_text_needs_an_open_window(
    whatsapp: SimulatedWhatsApp, whatsapp_client: Client, subscribe: Subscribe
) -> None:
    """Outside 24 hours after a person's message free text is refused with 131047; templates are not."""
    client = whatsapp_client(whatsapp)
    assert code(client.send(LENA, "Вы писали")) == (400, 131047)
    missed = {"name": "we_missed_you", "language": {"code": "ru"}}
    body = {"messaging_product": "whatsapp", "to": LENA, "type": "template", "template": missed}
    assert client.post(body).json()["messages"][0]["message_status"] == "accepted"
    whatsapp.receive_text(LENA, "Добрый день")
    assert client.send(LENA, "Здравствуйте").status_code == 200
    whatsapp.advance(24 * 3600 - 60)
    assert client.send(LENA, "Ещё открыто").status_code == 200
    whatsapp.advance(61)
    assert code(client.send(LENA, "Закрыто")) == (400, 131047)

    whatsapp.limits.is_window_refused_later = True
    subscriber = subscribe(whatsapp)
    assert client.send(LENA, "Закрыто").status_code == 200
    whatsapp.wait_until_told()
    [failed] = [status for status in subscriber.items("statuses") if status["status"] == "failed"]
    assert failed["errors"][0]["code"] == 131047


def test_pace_to_one_person_is_limited(make_whatsapp: Make, whatsapp_client: Client) -> None:
    """45 at once to one person, then one each 6 seconds; others may still be written to."""
    whatsapp = make_whatsapp(limits=Limits(window_seconds=0))
    client = whatsapp_client(whatsapp)
    assert all(client.send(LENA, "Да").status_code == 200 for _ in range(45))
    assert code(client.send(LENA, "Да")) == (400, 131056)
    assert client.send("+79161234568", "Да").status_code == 200
    whatsapp.advance(6.1)
    assert client.send(LENA, "Да").status_code == 200
    assert code(client.send(LENA, "Да")) == (400, 131056)


def test_throughput_counts_both_directions(make_whatsapp: Make, whatsapp_client: Client) -> None:
    """What people write counts against the number's throughput, too."""
    whatsapp = make_whatsapp(limits=Limits(per_second=5, window_seconds=0))
    for _ in range(6):
        whatsapp.receive_text(LENA, "?")
    answer = whatsapp_client(whatsapp).send(LENA, "Да")
    assert code(answer) == (400, 130429)
    assert answer.json()["error"]["is_transient"]


def test_read_receipt_is_kept(free: SimulatedWhatsApp, whatsapp_client: Client) -> None:
    """A read receipt marks the person's message; one for an unknown message is refused."""
    message = free.receive_text(LENA, "Добрый день")
    client = whatsapp_client(free)
    body = {"messaging_product": "whatsapp", "status": "read", "message_id": message.wamid}
    assert client.post(body).json() == {"success": True}
    assert message.is_read
    assert code(client.post(body | {"message_id": "wamid.none"})) == (400, 131009)
    assert free.messages == []


def upload(client: WhatsAppClient, data: bytes, mime_type: str = "application/pdf") -> httpx.Response:
    """Upload a file."""
    return client.http.post(
        f"/v25.0/{client.whatsapp.phone_number_id}/media",
        data={"messaging_product": "whatsapp", "type": mime_type},
        files={"file": ("счёт.pdf", data, mime_type)},
    )


def test_media_go_round(free: SimulatedWhatsApp, whatsapp_client: Client) -> None:
    """Uploaded bytes come back whole, at an address that needs the token."""
    client = whatsapp_client(free)
    data = b"\r\n--binary\r\n\r\n\x00\xff" * 999
    media_id = upload(client, data).json()["id"]
    found = client.get(media_id, phone_number_id=free.phone_number_id).json()
    assert found["file_size"] == str(len(data))
    assert found["sha256"] == hashlib.sha256(data).hexdigest()
    downloaded = client.http.get(found["url"])
    assert downloaded.content == data
    assert downloaded.headers["content-type"] == "application/pdf"
    assert httpx.get(found["url"]).status_code == 401
    image = {"id": media_id, "caption": "Счёт"}
    body = {"messaging_product": "whatsapp", "to": LENA, "type": "document", "document": image}
    assert client.post(body).status_code == 200
    assert free.messages[0].text == "Счёт"


def test_media_end(free: SimulatedWhatsApp, whatsapp_client: Client) -> None:
    """An address lives 5 minutes, a received medium 7 days, an uploaded one 30."""
    client = whatsapp_client(free)
    uploaded = upload(client, b"pdf").json()["id"]
    message = free.receive("image", LENA, {"data": b"jpeg", "caption": "Вот"})
    content = message.update.item["image"]
    assert content["sha256"] == base64.b64encode(hashlib.sha256(b"jpeg").digest()).decode()
    url = client.get(content["id"]).json()["url"]
    free.advance(301)
    assert client.http.get(url).status_code == 404
    assert client.http.get(client.get(content["id"]).json()["url"]).content == b"jpeg"
    free.faults.switch_on("media_spoilt")
    assert client.http.get(client.get(content["id"]).json()["url"]).content != b"jpeg"
    free.faults.switch_on("media_expired")
    assert client.http.get(client.get(content["id"]).json()["url"]).status_code == 404
    free.advance(7 * 86400)
    assert code(client.get(content["id"])) == (400, 100)
    assert client.get(uploaded).status_code == 200
    free.advance(23 * 86400)
    assert code(client.get(uploaded)) == (400, 100)


def test_too_large_medium_is_refused(free: SimulatedWhatsApp, whatsapp_client: Client) -> None:
    """An image above 5 MB is refused."""
    assert code(upload(whatsapp_client(free), b"x" * 5_000_001, "image/jpeg")) == (400, 131053)


def test_templates_are_listed_in_pages(free: SimulatedWhatsApp, whatsapp_client: Client) -> None:
    """The list comes in pages, and can be asked for one name."""
    client = whatsapp_client(free)
    path = f"{free.waba_id}/message_templates"
    names, after = [], "0"
    while True:
        page = client.get(path, limit=2, after=after).json()
        names += [found["name"] for found in page["data"]]
        after = page["paging"]["cursors"]["after"]
        if "next" not in page["paging"]:
            break
    assert names == ["order_ready", "we_missed_you", "special_offer"]
    assert [found["name"] for found in client.get(path, name="order_ready").json()["data"]] == ["order_ready"]


@pytest.mark.parametrize("error", [1, 2, 4, 131000, 131016, 131047, 131056, 131057, 130429, 131026, 131031, 80007])
def test_fault_of_graph_is_answered_once(free: SimulatedWhatsApp, whatsapp_client: Client, error: int) -> None:
    """A switched-on error is answered as often as asked, and nothing is accepted by it."""
    client = whatsapp_client(free)
    free.faults.switch_on(error, to=LENA)
    assert client.send("+79161234568", "Да").status_code == 200
    assert client.send(LENA, "Да").json()["error"]["code"] == error
    assert client.send(LENA, "Да").status_code == 200
    assert len(free.messages) == 2


@pytest.mark.parametrize(
    ("kind", "status"), [("unavailable", 503), ("server_error", 500), ("too_many", 429), ("cut_before", None)]
)
def test_fault_before_acceptance_sends_nothing(
    free: SimulatedWhatsApp, whatsapp_client: Client, kind: str, status: int | None
) -> None:
    """Where the fault comes first, the message is not sent."""
    free.faults.switch_on(kind, seconds=7)
    client = whatsapp_client(free)
    if status is None:
        with pytest.raises(httpx.TransportError):
            client.send(LENA, "Да")
    else:
        answer = client.send(LENA, "Да")
        assert answer.status_code == status
        assert answer.headers.get("retry-after") == ("7" if status == 429 else None)
    assert free.messages == []
    assert client.send(LENA, "Да").status_code == 200


@pytest.mark.parametrize("kind", ["late", "server_error_after", "cut_after", "cut_midway", "malformed"])
def test_fault_after_acceptance_sends_though_nobody_is_told(
    free: SimulatedWhatsApp, whatsapp_client: Client, subscribe: Subscribe, kind: str
) -> None:
    """Where the fault comes after acceptance, the message is sent and its statuses come, with the sender's key."""
    subscriber = subscribe(free)
    free.faults.switch_on(kind, seconds=0.6)
    client = whatsapp_client(free)
    client.http.timeout = httpx.Timeout(0.3)
    wamid = None
    with contextlib.suppress(httpx.TransportError, ValueError):
        wamid = client.send(LENA, "Да", biz_opaque_callback_data="key-1").json()["messages"][0]["id"]
    assert wamid is None
    free.wait_until_told()
    [message] = free.messages
    if kind == "late":
        time.sleep(0.6)
    assert not message.is_answered
    assert message.status == "read"
    found = subscriber.items("statuses")
    assert [status["status"] for status in found] == ["sent", "delivered", "read"]
    assert {(status["id"], status["biz_opaque_callback_data"]) for status in found} == {(message.wamid, "key-1")}


def test_history_repairs_lost_statuses(make_whatsapp: Make, whatsapp_client: Client, subscribe: Subscribe) -> None:
    """`message_history` knows the statuses whose webhooks were lost for good, and that they were."""
    whatsapp = make_whatsapp(limits=Limits.none(), habits=Habits(read_share=0))
    subscriber = subscribe(whatsapp)
    whatsapp.chaos(loss=1, for_good=True)
    client = whatsapp_client(whatsapp)
    for text in ("Раз", "Два", "Три"):
        client.send(LENA, text)
    whatsapp.wait_until_told()
    assert subscriber.bodies == []
    path = f"{whatsapp.phone_number_id}/message_history"
    wamid = whatsapp.messages[1].wamid
    [row] = client.get(path, message_id=wamid, fields="id,message_id,events{delivery_status}").json()["data"]
    assert row["message_id"] == wamid
    assert [event["delivery_status"] for event in row["events"]["data"]] == ["SENT", "DELIVERED"]
    assert {event["webhook_update_state"] for event in row["events"]["data"]} == {"FAILED"}
    assert len(client.get(f"{row['id']}/events").json()["data"]) == 2
    first = client.get(path, limit=2).json()
    rest = client.get(path, limit=2, after=first["paging"]["cursors"]["after"]).json()
    found = [one["message_id"] for one in first["data"] + rest["data"]]
    assert found == [message.wamid for message in whatsapp.messages]
    assert client.get(path, message_id="wamid.none").status_code == 422
