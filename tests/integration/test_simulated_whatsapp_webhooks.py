"""Webhooks of the simulated WhatsApp Cloud API: verification, signature, types, identity, statuses, chaos, control."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from simulators.whatsapp.bodies import signature_of
from simulators.whatsapp.limits import Limits
from simulators.whatsapp.statuses import Habits
from simulators.whatsapp.truth import UpdateState
from simulators.whatsapp.webhooks import Retries
from simulators.whatsapp.whatsapp import SimulatedWhatsApp
from tests.fix_whatsapp import Subscriber, WhatsAppClient

Make = Callable[..., SimulatedWhatsApp]
Subscribe = Callable[[SimulatedWhatsApp], Subscriber]
Client = Callable[[SimulatedWhatsApp], WhatsAppClient]

LENA, OLEG = "+79161234567", "+79161234568"
SHARED = Path(os.environ.get("SWITCHBOARD_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
DESCRIPTION = SHARED / "whatsapp" / "business-messaging-api_v23.0.yaml"
ALL_TYPES = (
    "text", "image", "video", "audio", "document", "sticker", "location", "contacts", "interactive", "button",
    "reaction", "order", "unsupported", "unknown",
)  # fmt: skip


@pytest.fixture
def free(make_whatsapp: Make) -> SimulatedWhatsApp:
    """An API that limits nothing and gives no statuses by itself."""
    return make_whatsapp(limits=Limits.none(), habits=None)


@pytest.fixture
def subscriber(free: SimulatedWhatsApp, subscribe: Subscribe) -> Subscriber:
    """Its subscriber, verified."""
    return subscribe(free)


def test_nothing_is_told_before_verification(free: SimulatedWhatsApp, subscriber: Subscriber) -> None:
    """A subscriber that does not prove itself is told nothing; what waited comes once it has."""
    free.webhook_url = subscriber.url
    assert not free.verify(token="wrong")
    assert not free.verify("http://127.0.0.1:9/hook")
    free.receive_text(LENA, "Добрый день")
    free.webhook_url = subscriber.url
    with pytest.raises(TimeoutError):
        free.wait_until_told(0.2)
    assert free.verify()
    free.wait_until_told()
    assert [item["text"]["body"] for item in subscriber.items("messages")] == ["Добрый день"]


def test_signature_covers_the_raw_bytes(free: SimulatedWhatsApp, subscriber: Subscriber) -> None:
    """Bodies are escaped as Meta's are, so that what was parsed and written again no longer verifies."""
    free.receive_text(LENA, "Почта: я@пример/дом 👍")
    free.wait_until_told()
    [post] = free.posts
    assert post.body.isascii()
    assert rb"\u043f\u043e\u0447\u0442\u0430".replace(rb"\u043f", rb"\u041f", 1) in post.body
    assert rb"\u0040" in post.body
    assert rb"\/" in post.body
    assert post.signature == signature_of(post.body, free.app_secret)
    again = json.dumps(json.loads(post.body), separators=(",", ":")).encode()
    assert post.signature != signature_of(again, free.app_secret)
    assert subscriber.items("messages")[0]["text"]["body"] == "Почта: я@пример/дом 👍"


@pytest.mark.parametrize("kind", ["unsigned", "missigned", "altered"])
def test_spoilt_signature_is_mended_by_the_retry(free: SimulatedWhatsApp, subscriber: Subscriber, kind: str) -> None:
    """A body whose signature does not fit is refused, and comes again as it should be."""
    free.faults.switch_on(kind)
    free.receive_text(LENA, "Да")
    free.wait_until_told()
    assert subscriber.refused == 1
    assert len(subscriber.items("messages")) == 1


def test_every_type_comes_in_its_envelope(free: SimulatedWhatsApp, subscriber: Subscriber) -> None:
    """All types arrive, each under its own name, with its contact, numbers and an id of its own."""
    sent = [free.receive(kind, LENA) for kind in ALL_TYPES]
    free.wait_until_told()
    items = subscriber.items("messages")
    assert [item["type"] for item in items] == list(ALL_TYPES)
    assert [item["id"] for item in items] == [message.wamid for message in sent]
    for value, kind in zip(subscriber.values(), ALL_TYPES, strict=True):
        [item] = value["messages"]
        assert value["metadata"] == {"display_phone_number": "74951230001", "phone_number_id": free.phone_number_id}
        assert value["contacts"][0]["wa_id"] == item["from"] == "79161234567"
        assert value["contacts"][0]["user_id"] == item["from_user_id"]
        assert item["timestamp"].isdigit()
        assert kind in item or kind == "unknown"
        assert (item.get("errors", [{}])[0].get("code") == 131051) == (kind in ("unsupported", "unknown"))


@pytest.mark.skipif(not DESCRIPTION.exists(), reason="Meta's description is not beside the checkout")
def test_bodies_fit_metas_description(make_whatsapp: Make, whatsapp_client: Client, subscribe: Subscribe) -> None:
    """Each body that Meta's own description covers has the fields and types which it asks for."""
    whatsapp = make_whatsapp(limits=Limits.none(), habits=Habits(pricing_model="CBP", failed_share=0.5))
    subscriber = subscribe(whatsapp)
    for kind in ALL_TYPES:
        sender_context = {"from": "74951230001", "id": "wamid.x"} if kind in ("interactive", "button") else None
        extra = {"context": sender_context} if sender_context else {}
        content = {"message_id": "wamid.x"} if kind == "reaction" else None
        whatsapp.receive(kind, LENA, content, **extra)
    whatsapp.change_number(OLEG, "+79169999999")
    for number in range(6):
        whatsapp_client(whatsapp).send(LENA, f"Ответ {number}")
    whatsapp.wait_until_told()
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    schemas = yaml.load(DESCRIPTION.read_bytes(), Loader=loader)["components"]["schemas"]  # noqa: S506 - it is safe
    for body in subscriber.bodies:
        misfits = misfit(schemas, {"$ref": "#/components/schemas/WebhookPayload"}, json.loads(body), "")
        assert misfits == [], body


def misfit(schemas: dict[str, Any], schema: dict[str, Any], value: Any, where: str) -> list[str]:  # noqa: ANN401
    """Say where a value does not fit an OpenAPI schema, in the words that Meta's webhook schemas use."""
    if "$ref" in schema:
        # Where requests and webhooks have a shape of one name, the later is the webhooks', and references miss it.
        name = schema["$ref"].rpartition("/")[2]
        latest = next(new for new in (f"{name}_2", f"{name}_1", name) if new in schemas)
        return misfit(schemas, schemas[latest], value, where)
    if "not" in schema and not misfit(schemas, {"type": "object", **schema["not"]}, value, where):
        return [f"{where} must not be {schema['not']}"]
    if "oneOf" in schema:
        tried = [misfit(schemas, one, value, where) for one in schema["oneOf"]]
        return [] if [] in tried else min(tried, key=len)
    found = [one for part in schema.get("allOf", []) for one in misfit(schemas, part, value, where)]
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{where} is {value!r}")
    kinds: dict[str, Any] = {
        "object": dict,
        "array": list,
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
    }
    if "type" in schema and not isinstance(value, kinds[schema["type"]]):
        return [*found, f"{where} is no {schema['type']}"]
    if isinstance(value, dict):
        found += [f"{where}.{name} is missing" for name in schema.get("required", []) if name not in value]
        for name, of_it in schema.get("properties", {}).items():
            if name in value:
                found += misfit(schemas, of_it, value[name], f"{where}.{name}")
    if isinstance(value, list) and "items" in schema:
        found += [one for item in value for one in misfit(schemas, schema["items"], item, f"{where}[]")]
    return found


def test_edits_reactions_and_deletions_name_their_message(free: SimulatedWhatsApp, subscriber: Subscriber) -> None:
    """An edit, a reaction, its removal in both forms, and a deletion carry the id of the message they are about."""
    message = free.receive("image", LENA, {"caption": "Вот"})
    free.edit(message, "Вот он")
    free.react(message, "👍")
    free.react(message, "")
    free.react(message, None)
    free.revoke(message)
    free.wait_until_told()
    _, edit, reaction, removal, bare_removal, revoke = subscriber.items("messages")
    assert edit["edit"]["original_message_id"] == message.wamid
    assert edit["edit"]["message"]["image"] == message.update.item["image"] | {"caption": "Вот он"}
    assert reaction["reaction"] == {"message_id": message.wamid, "emoji": "👍"}
    assert removal["reaction"] == {"message_id": message.wamid, "emoji": ""}
    assert bare_removal["reaction"] == {"message_id": message.wamid}
    assert revoke["revoke"] == {"original_message_id": message.wamid}


def test_identity_may_lack_the_number(free: SimulatedWhatsApp, whatsapp_client: Client, subscriber: Subscriber) -> None:
    """With a username, `from`, `wa_id` and `recipient_id` are absent; sending goes by BSUID; `@lid` passes as it is."""
    lena = free.person(LENA)
    lena.username, lena.is_number_hidden = "lena.k", True
    free.receive_text(LENA, "Это я")
    answer = whatsapp_client(free).post(
        {"messaging_product": "whatsapp", "recipient": lena.user_id, "type": "text", "text": {"body": "Да"}}
    )
    assert answer.json()["contacts"] == [{"input": lena.user_id, "user_id": lena.user_id}]
    free.deliver_statuses(free.messages[0], "sent")
    free.receive_text("US.13491208655302741918", "BSUID only")
    free.receive_text("123456789012345@lid", "lid")
    free.wait_until_told()
    mine, by_id, lid = subscriber.items("messages")
    assert "from" not in mine
    assert mine["from_user_id"] == lena.user_id
    assert subscriber.values()[0]["contacts"] == [
        {"profile": {"name": lena.name, "username": "lena.k"}, "user_id": lena.user_id}
    ]
    [status] = subscriber.items("statuses")
    assert "recipient_id" not in status
    assert status["recipient_user_id"] == lena.user_id
    assert (by_id.get("from"), by_id["from_user_id"]) == (None, "US.13491208655302741918")
    assert (lid["from"], lid.get("from_user_id")) == ("123456789012345@lid", None)
    assert free.messages[0].person is lena


def test_changed_number_brings_another_bsuid(free: SimulatedWhatsApp, subscriber: Subscriber) -> None:
    """The system message names old and new number and comes without contacts; the BSUID changes with the number."""
    before = free.person(LENA)
    free.change_number(LENA, OLEG)
    free.receive_text(OLEG, "Это снова я")
    free.echo(OLEG, "Отвечаю с телефона")
    free.wait_until_told()
    system, text, echo = subscriber.values()
    assert "contacts" not in system
    told = system["messages"][0]["system"]
    assert (told["type"], told["wa_id"]) == ("user_changed_number", "79161234568")
    assert system["messages"][0]["from"] == "79161234567"
    assert text["messages"][0]["from_user_id"] == told["new_user_id"] != before.user_id
    assert text["contacts"][0]["profile"]["name"] == before.name
    assert echo["message_echoes"][0]["to"] == "79161234568"


def test_statuses_come_as_told(free: SimulatedWhatsApp, whatsapp_client: Client, subscriber: Subscriber) -> None:
    """Any statuses in any order, contradictory or of unknown messages, are told; the truth only moves forward."""
    whatsapp_client(free).send(LENA, "Да", biz_opaque_callback_data="key-1")
    [message] = free.messages
    assert message.status == "accepted"
    free.deliver_statuses(message, "read", "sent", "failed", "delivered", error_code=131026)
    free.deliver_statuses("wamid.nobodys", "delivered")
    free.tell("statuses", {"id": None, "what": "is this"})
    free.wait_until_told()
    found = subscriber.items("statuses")
    assert [item.get("status") for item in found] == ["read", "sent", "failed", "delivered", "delivered", None]
    assert all(item["biz_opaque_callback_data"] == "key-1" for item in found[:4])
    assert found[2]["errors"][0]["code"] == 131026
    assert found[0]["pricing"]["pricing_model"] == "PMP"
    assert found[4]["id"] == "wamid.nobodys"
    assert message.status == "read"


def test_refused_webhook_comes_again_byte_for_byte(make_whatsapp: Make, subscribe: Subscribe) -> None:
    """What is not answered with 200 in time comes again, the same bytes, until it is; given up at last."""
    retries = Retries(first_seconds=0.02, timeout_seconds=0.3, give_up_seconds=1.0)
    whatsapp = make_whatsapp(retries=retries)
    subscriber = subscribe(whatsapp)
    subscriber.answers.extend([500, 404, 204])
    whatsapp.receive_text(LENA, "Да")
    whatsapp.wait_until_told()
    assert [post.status for post in whatsapp.posts] == [500, 404, 204, 200]
    assert len({post.body for post in whatsapp.posts}) == 1
    subscriber.delay_seconds = 1.5
    message = whatsapp.receive_text(LENA, "Слишком долго")
    whatsapp.wait_until_told()
    assert message.update.state is UpdateState.failed
    assert whatsapp.posts[-1].status is None


def test_updates_gather_in_one_body(make_whatsapp: Make, subscribe: Subscribe) -> None:
    """Messages of several people and statuses come in one webhook, with everybody's contact."""
    whatsapp = make_whatsapp(batch=1000)
    whatsapp.receive_texts([(LENA, "Да"), (OLEG, "Нет")] * 100)
    subscriber = subscribe(whatsapp)
    whatsapp.wait_until_told()
    assert len(subscriber.bodies) == 1
    [value] = subscriber.values()
    assert len(value["messages"]) == 200
    assert {contact["wa_id"] for contact in value["contacts"]} == {"79161234567", "79161234568"}


def test_statuses_come_several_in_one_webhook(
    free: SimulatedWhatsApp, whatsapp_client: Client, subscriber: Subscriber
) -> None:
    """Statuses of several messages come in one webhook, where a batch is allowed."""
    client = whatsapp_client(free)
    for _ in range(2):
        client.send(LENA, "Да")
    free.batch = 10
    first, second = free.messages
    free.chaos(delay_seconds=0.2)
    for message in (first, second):
        free.deliver_statuses(message, "sent", "delivered")
    assert subscriber.bodies == []
    free.wait_until_told()
    told = [[(item["id"], item["status"]) for item in value["statuses"]] for value in subscriber.values()]
    assert [one for value in told for one in value] == [
        (one.wamid, status) for one in (first, second) for status in ("sent", "delivered")
    ]
    assert len(told) < 4


def test_body_stays_below_three_megabytes(make_whatsapp: Make, subscribe: Subscribe) -> None:
    """A body of more than 3 MB is parted; nothing is lost by it."""
    whatsapp = make_whatsapp(batch=1000)
    for _ in range(200):
        whatsapp.receive_text(LENA, "я" * 4096)
    subscriber = subscribe(whatsapp)
    whatsapp.wait_until_told()
    assert len(subscriber.items("messages")) == 200
    assert 1 < len(subscriber.bodies) < 10
    assert max(map(len, subscriber.bodies)) <= 3_000_000


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_chaos_loses_nothing(make_whatsapp: Make, subscribe: Subscribe, whatsapp_client: Client, seed: int) -> None:
    """Lost, doubled and shuffled webhooks in batches of any layout tell everything at least once in the end."""
    retries = Retries(first_seconds=0.02, longest_seconds=0.1)
    whatsapp = make_whatsapp(limits=Limits.none(), retries=retries, parallel=4, seed=seed)
    subscriber = subscribe(whatsapp)
    whatsapp.chaos(loss=0.3, duplicate=0.3, shuffle_seconds=0.3, batch=7, seed=seed)
    client = whatsapp_client(whatsapp)
    for number in range(60):
        whatsapp.receive_text(f"+7916123456{number % 10}", f"Вопрос {number}")
        client.send(LENA, f"Ответ {number}", biz_opaque_callback_data=f"key-{number}")
    whatsapp.wait_until_told()
    messages = Counter(item["id"] for item in subscriber.items("messages"))
    statuses = Counter((item["id"], item["status"]) for item in subscriber.items("statuses"))
    assert set(messages) == {message.wamid for message in whatsapp.received}
    assert set(statuses) == {
        (message.wamid, event.status) for message in whatsapp.messages for event in message.statuses
    }
    assert max(messages.values()) > 1
    order = list(messages)
    assert order != [message.wamid for message in whatsapp.received]
    shapes = {
        (len(entries), len(entries[0]["changes"]))
        for entries in (json.loads(body)["entry"] for body in subscriber.bodies)
    }
    assert len(shapes) > 2


def test_shuffled_updates_change_places(free: SimulatedWhatsApp, subscriber: Subscriber) -> None:
    """Shuffling alone changes the order, and neither loses nor doubles."""
    free.chaos(shuffle_seconds=0.3, seed=5)
    texts = [str(number) for number in range(50)]
    free.receive_texts((LENA, text) for text in texts)
    free.wait_until_told()
    came = [item["text"]["body"] for item in subscriber.items("messages")]
    assert came != texts
    assert sorted(came) == sorted(texts)


def test_loss_for_good_stays_lost(free: SimulatedWhatsApp, subscriber: Subscriber) -> None:
    """A webhook lost for good never comes, and the truth says so."""
    free.chaos(loss=1.0, for_good=True)
    lost = free.receive_text(LENA, "Никогда")
    free.wait_until_told()
    free.chaos()
    free.receive_text(LENA, "Снова")
    free.wait_until_told()
    assert lost.update.state is UpdateState.failed
    assert [item["text"]["body"] for item in subscriber.items("messages")] == ["Снова"]


def test_old_bodies_may_come_again(free: SimulatedWhatsApp, subscriber: Subscriber) -> None:
    """What was acknowledged long ago may come once more, byte for byte."""
    message = free.receive_text(LENA, "Да")
    free.wait_until_told()
    assert free.post_again(5) == 1
    free.wait_until_told()
    assert subscriber.bodies[0] == subscriber.bodies[1]
    assert message.update.deliveries == 2


def test_process_converses_and_is_controlled(subscribe: Subscribe, free: SimulatedWhatsApp) -> None:
    """As a process it verifies its subscriber, holds random conversations and obeys `/_sim/`."""
    subscriber = subscribe(free)
    secrets = {"TOKEN": "t", "APP_SECRET": free.app_secret, "VERIFY_TOKEN": free.verify_token}
    process = subprocess.Popen(
        [sys.executable, "-m", "simulators.whatsapp", "--webhook-url", subscriber.url, "--live", "1200"],
        env=os.environ | {f"SIMULATED_WHATSAPP_{name}": value for name, value in secrets.items()},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout
        url = process.stdout.readline().split()[-1]
        with httpx.Client(base_url=url, timeout=5) as http:

            def control(what: str, **asked: Any) -> Any:  # noqa: ANN401
                return http.post(f"/_sim/{what}", json=asked).raise_for_status().json()

            wamid = control("receive_text", sender=LENA, text="Из другого процесса")["wamid"]
            free.wait_for(lambda: len(subscriber.items("messages")) > 20, 20)
            assert any(item["id"] == wamid for item in subscriber.items("messages"))
            path = "/v25.0/106540352242922/messages"
            body = {"messaging_product": "whatsapp", "to": LENA, "text": {"body": "Да"}}
            headers = {"Authorization": "Bearer t"}
            control("fault", kind=131056)
            assert http.post(path, json=body, headers=headers).status_code == 400
            sent = http.post(path, json=body, headers=headers).json()["messages"][0]["id"]
            control("statuses", message=sent, statuses=["read"])
            [shown] = http.get("/_sim/messages").json()
            assert (shown["wamid"], shown["text"], shown["status"]) == (sent, "Да", "read")
            assert http.get("/_sim/stats").json()["received"] > 20
            assert http.post("/_sim/chaos", json={"nonsense": 1}).status_code == 400
        process.send_signal(signal.SIGTERM)
    assert process.returncode == 0
