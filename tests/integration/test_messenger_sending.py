"""The outbox out: nothing twice, nothing lost, each refusal has its own consequence, and none holds up the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from assets.messenger.work import send_due
from resources.messengers.whatsapp.client import WhatsAppClient
from simulators.whatsapp.limits import Limits
from simulators.whatsapp.statuses import Habits
from tests.fix_messenger import ACCOUNT, MessengerBench
from tests.serving import free_ports

IVANOV, PETROV = "+79161234567", "+79161234568"
Make = Callable[..., MessengerBench]

QUIET = Habits(sent_seconds=0, delivered_seconds=0, read_seconds=0, read_share=1)


def wrote(bench: MessengerBench, *people: str) -> MessengerBench:
    """Let people write to us, so that they can be answered."""
    for person in people or (IVANOV, PETROV):
        bench.whatsapp.receive_text(person, "здравствуйте")
    bench.taken_in()
    return bench


def test_a_message_is_sent_once_and_its_statuses_find_it(messenger: MessengerBench) -> None:
    """Written, sent, read."""
    wrote(messenger)
    outbox_id = messenger.write(IVANOV, "добрый день")
    assert dict(messenger.send().sent.outcomes) == {"accepted": 1}
    assert not messenger.send().sent.outcomes
    messenger.whatsapp.advance(3600)
    messenger.taken_in()
    assert messenger.texts_sent() == ["добрый день"]
    assert messenger.rows(
        "SELECT s.text, s.status, s.employee_id FROM shown_messages AS s WHERE outbox_id = :id", id=outbox_id
    ) == [("добрый день", "read", "anna")]
    assert messenger.rows("SELECT outcome, settled_by FROM send_attempts") == [("accepted", "answer")]


def test_the_attempt_is_written_before_the_request_and_goes_with_it(messenger: MessengerBench) -> None:
    """The provider gives it back with each status."""
    wrote(messenger)
    messenger.write(IVANOV, "раз")
    messenger.send()
    [message] = messenger.whatsapp.messages
    assert (
        messenger.value("SELECT CAST(attempt_id AS text) FROM send_attempts")
        == message.body["biz_opaque_callback_data"]
    )


def test_a_chats_messages_are_sent_in_the_order_they_were_written(messenger: MessengerBench) -> None:
    """Though eight are sent at a time."""
    wrote(messenger)
    for place in range(20):
        messenger.write(IVANOV, str(place))
        messenger.write(PETROV, f"p{place}")
    messenger.send()
    sent = messenger.texts_sent()
    assert [text for text in sent if not text.startswith("p")] == [str(place) for place in range(20)]
    assert [text for text in sent if text.startswith("p")] == [f"p{place}" for place in range(20)]


@pytest.mark.parametrize("fault", ["late", "cut_after", "cut_midway", "malformed"])
def test_a_lost_answer_is_never_answered_by_sending_again(make_messenger: Make, fault: str) -> None:
    """The message was taken: its status tells it."""
    bench = wrote(make_messenger(timeout_seconds=0.5))
    outbox_id = bench.write(IVANOV, "только раз")
    bench.whatsapp.faults.switch_on(fault, seconds=1.5)
    assert dict(bench.send().sent.outcomes) == {"unknown": 1}
    assert bench.state_of(outbox_id) in {"unknown", "accepted"}
    bench.send()
    bench.whatsapp.advance(3600)
    bench.taken_in()
    assert bench.state_of(outbox_id) == "accepted"
    assert bench.texts_sent() == ["только раз"]
    assert bench.rows("SELECT outcome, settled_by FROM send_attempts") == [("accepted", "webhook")]
    assert bench.value("SELECT count(*) FROM messages WHERE direction = 'out'") == 1


def test_a_status_may_come_before_the_answer_is_stored(messenger: MessengerBench) -> None:
    """Both tell of the same message; it is one row."""
    wrote(messenger)
    outbox_id = messenger.write(IVANOV, "кто раньше")
    attempt = "6a6f0b8e-6a43-4a4e-8a5a-0d8a3a1f3c11"
    claim = "SELECT outbox_id FROM switchboard.claim_message(:account, CAST(:attempt AS uuid), 60, 10, 10, 1, 10)"
    assert messenger.value(claim, account=ACCOUNT, attempt=attempt) == outbox_id
    accept = (
        "SELECT count(*) FROM switchboard.accept_attempts(jsonb_build_array(jsonb_build_object('attempt_id', "
        "CAST(:attempt AS text), 'message_id', 'wamid.X', 'at', now(), 'settled_by', CAST(:by AS text))))"
    )
    assert messenger.value(accept, attempt=attempt, by="webhook") == 1
    assert messenger.value(accept, attempt=attempt, by="answer") == 0
    assert messenger.rows("SELECT message_id, text FROM messages WHERE direction = 'out'") == [
        ("wamid.X", "кто раньше")
    ]
    assert messenger.rows("SELECT settled_by FROM send_attempts") == [("webhook",)]


def test_what_was_not_taken_is_sent_again_once_the_providers_list_shows_it(make_messenger: Make) -> None:
    """The connection was cut before the message was taken."""
    bench = wrote(make_messenger())
    bench.paced(settle_after_seconds=0.0)
    outbox_id = bench.write(IVANOV, "со второго раза")
    bench.whatsapp.faults.switch_on("cut_before")
    bench.send()
    assert bench.state_of(outbox_id) in {"unknown", "queued"}
    bench.send()
    bench.send()
    assert bench.state_of(outbox_id) == "accepted"
    assert bench.texts_sent() == ["со второго раза"]
    assert bench.rows("SELECT outcome, settled_by FROM send_attempts ORDER BY begun_at") == [
        ("not_accepted", "history"),
        ("accepted", "answer"),
    ]


def test_what_was_not_taken_waits_for_somebody_where_the_settings_say_so(make_messenger: Make) -> None:
    """Nothing is sent again by itself."""
    bench = wrote(make_messenger())
    bench.paced(settle_after_seconds=0.0, resends_what_was_not_taken=False)
    outbox_id = bench.write(IVANOV, "сам не повторяй")
    bench.whatsapp.faults.switch_on("cut_before")
    for _ in range(3):
        bench.send()
    assert bench.state_of(outbox_id) == "unknown"
    assert bench.texts_sent() == []


def test_what_was_taken_is_found_in_the_providers_list_where_its_webhooks_are_lost(make_messenger: Make) -> None:
    """For good: only the list knows."""
    bench = wrote(make_messenger(habits=QUIET))
    bench.whatsapp.chaos(loss=1.0, for_good=True)
    bench.paced(settle_after_seconds=0.0)
    outbox_id = bench.write(IVANOV, "нашлось")
    bench.whatsapp.faults.switch_on("cut_after")
    bench.send()
    bench.send()
    assert bench.state_of(outbox_id) == "accepted"
    assert bench.texts_sent() == ["нашлось"]
    assert bench.rows("SELECT settled_by FROM send_attempts") == [("history",)]
    assert bench.value("SELECT status FROM shown_messages WHERE direction = 'out'") == "read"


def test_nothing_is_concluded_while_another_request_of_that_time_is_under_way(make_messenger: Make) -> None:
    """What the list shows may be the other's."""
    bench = wrote(make_messenger(habits=QUIET))
    bench.whatsapp.chaos(loss=1.0, for_good=True)
    bench.paced(settle_after_seconds=0.0)
    outbox_id = bench.write(IVANOV, "мое?")
    bench.whatsapp.faults.switch_on("cut_after")
    other = bench.write(PETROV, "или мое?")
    claim = "SELECT outbox_id FROM switchboard.claim_message(:account, gen_random_uuid(), 60, 10, 10, 1, 10)"
    bench.execute("UPDATE outbox SET next_try_at = now() + interval '1 day' WHERE outbox_id = :id", id=outbox_id)
    assert bench.value(claim, account=ACCOUNT) == other
    bench.execute("UPDATE outbox SET next_try_at = now() WHERE outbox_id = :id", id=outbox_id)
    bench.send()
    bench.send()
    assert bench.state_of(outbox_id) == "unknown"


def test_an_unreachable_provider_loses_nothing_and_counts_as_no_try(make_messenger: Make) -> None:
    """The request never left."""
    bench = wrote(make_messenger())
    outbox_id = bench.write(IVANOV, "дождалось")
    account = bench.messengers.accounts[ACCOUNT]
    [port] = free_ports(1)
    away = replace(account, open=lambda: WhatsAppClient(f"http://127.0.0.1:{port}", "v25.0", "1", "2", "token"))
    bench.messengers = replace(bench.messengers, accounts={ACCOUNT: away})
    assert set(bench.send().sent.outcomes) == {"unreachable"}
    assert bench.rows("SELECT state, tries FROM outbox") == [("queued", 0)]
    assert "cannot be reached" in bench.send().sent.stopped_because[ACCOUNT]
    assert bench.state_of(outbox_id) == "queued"


def test_the_providers_own_trouble_is_tried_again_with_growing_pauses(messenger: MessengerBench) -> None:
    """And given up in the end, with its reason."""
    wrote(messenger)
    outbox_id = messenger.write(IVANOV, "131000")
    messenger.whatsapp.faults.switch_on(131000, times=None)
    pauses = []
    for _ in range(6):
        messenger.send()
        pauses.append(
            messenger.value("SELECT extract(epoch FROM next_try_at - settled_at) FROM outbox WHERE tries > 0")
        )
        messenger.execute("UPDATE outbox SET next_try_at = now()")
    assert [round(float(pause)) for pause in pauses[:-1]] == [2, 4, 8, 16, 32]
    assert messenger.state_of(outbox_id) == "failed"
    assert "131000" in messenger.value("SELECT error FROM outbox")


def test_a_poison_message_holds_its_chat_up_for_a_minute_and_no_other_at_all(messenger: MessengerBench) -> None:
    """The order of a chat is kept that long."""
    wrote(messenger)
    poison = messenger.write(IVANOV, "яд")
    later = messenger.write(IVANOV, "после")
    other = messenger.write(PETROV, "другой чат")
    messenger.whatsapp.faults.switch_on(131000, times=None, to=IVANOV)
    messenger.send()
    states = [messenger.state_of(each) for each in (poison, later, other)]
    assert states == ["queued", "queued", "accepted"]
    messenger.execute(
        "UPDATE outbox SET first_tried_at = now() - interval '61 seconds' WHERE first_tried_at IS NOT NULL"
    )
    messenger.whatsapp.faults.switch_off()
    messenger.execute("UPDATE outbox SET next_try_at = now() + interval '1 hour' WHERE outbox_id = :id", id=poison)
    messenger.send()
    assert messenger.state_of(later) == "accepted"


@pytest.mark.parametrize("code", [131026, 131051, 100, 132001, 131062])
def test_what_will_never_be_taken_fails_at_once(messenger: MessengerBench, code: int) -> None:
    """And the next of the chat goes out."""
    wrote(messenger)
    bad = messenger.write(IVANOV, "никогда")
    good = messenger.write(IVANOV, "следующее")
    messenger.whatsapp.faults.switch_on(code)
    messenger.send()
    assert [messenger.state_of(bad), messenger.state_of(good)] == ["failed", "accepted"]
    assert messenger.value("SELECT error_code FROM outbox WHERE outbox_id = :id", id=bad) == code


def test_the_pair_limit_slows_one_person_only_and_ever_longer(messenger: MessengerBench) -> None:
    """Four to the power of how often it came."""
    wrote(messenger)
    slowed = messenger.write(IVANOV, "медленнее")
    other = messenger.write(PETROV, "как всегда")
    messenger.whatsapp.faults.switch_on(131056, times=None, to=IVANOV)
    pauses = []
    for _ in range(3):
        messenger.send()
        pauses.append(
            messenger.value(
                "SELECT extract(epoch FROM blocked_until - now()) FROM send_limits WHERE chat_id <> 0 AND slowed > 0"
            )
        )
        messenger.execute("UPDATE send_limits SET blocked_until = now() WHERE chat_id <> 0")
    assert [messenger.state_of(slowed), messenger.state_of(other)] == ["queued", "accepted"]
    assert [round(float(pause)) for pause in pauses] == [1, 4, 16]
    messenger.whatsapp.faults.switch_off()
    messenger.send()
    assert messenger.state_of(slowed) == "accepted"
    assert messenger.value("SELECT max(slowed) FROM send_limits") == 0
    assert messenger.value("SELECT tries FROM outbox WHERE outbox_id = :id", id=slowed) == 0


def test_the_numbers_limit_pauses_the_account_and_loses_nothing(messenger: MessengerBench) -> None:
    """130429 is nobody's fault in particular."""
    wrote(messenger)
    ids = [messenger.write(person, str(place)) for place in range(5) for person in (IVANOV, PETROV)]
    messenger.whatsapp.faults.switch_on(130429)
    messenger.send()
    messenger.execute("UPDATE send_limits SET blocked_until = now()")
    messenger.send()
    assert {messenger.state_of(each) for each in ids} == {"accepted"}
    assert sorted(messenger.texts_sent()) == sorted(str(place) for place in range(5) for _ in range(2))


def test_our_own_pace_keeps_below_the_providers_limits(make_messenger: Make) -> None:
    """Meta's limits are on, and none is met."""
    bench = wrote(make_messenger(limits=Limits()))
    bench.paced(pair_seconds=6.0, pair_burst=10.0, number_per_second=20, number_burst=20)
    for place in range(15):
        bench.write(IVANOV, str(place))
    bench.send(2.0)
    assert len(bench.texts_sent()) == 10
    assert bench.value("SELECT count(*) FROM send_attempts WHERE outcome <> 'accepted'") == 0


@pytest.mark.parametrize("code", [190, 10, 131031, 131042])
def test_what_somebody_must_mend_stops_the_account_and_says_so(messenger: MessengerBench, code: int) -> None:
    """Nothing is lost, and it goes on when it is mended."""
    wrote(messenger)
    outbox_id = messenger.write(IVANOV, "подождёт")
    messenger.whatsapp.faults.switch_on(code)
    assert str(code) in messenger.send().sent.stopped_because[ACCOUNT]
    assert messenger.rows(
        "SELECT is_stopped, blocked_until > now() + interval '4 minutes' FROM send_limits WHERE chat_id = 0"
    ) == [(True, True)]
    messenger.execute("UPDATE send_limits SET blocked_until = now()")
    messenger.send()
    assert messenger.state_of(outbox_id) == "accepted"
    assert messenger.value("SELECT bool_or(is_stopped) FROM send_limits") is False


def test_after_24_hours_by_the_providers_clock_only_a_template_goes_out(messenger: MessengerBench) -> None:
    """The window counts from the message's own time, not from when it came here."""
    wrote(messenger)
    messenger.execute("UPDATE chats SET last_in_at = now() - interval '24 hours 1 second'")
    late = messenger.write(IVANOV, "поздно")
    template = messenger.write(IVANOV, "", kind="template", template_name="hello", template_language="ru")
    messenger.send()
    assert messenger.state_of(late) == "needs_template"
    assert messenger.state_of(template) == "accepted" or messenger.value(
        "SELECT error_code FROM outbox WHERE outbox_id = :id", id=template
    )
    assert messenger.texts_sent() == []


def test_a_closed_window_that_only_the_provider_knows_of_asks_for_a_template(messenger: MessengerBench) -> None:
    """131047, at once."""
    wrote(messenger)
    outbox_id = messenger.write(IVANOV, "131047")
    messenger.whatsapp.faults.switch_on(131047)
    messenger.send()
    assert messenger.state_of(outbox_id) == "needs_template"


def test_an_account_without_write_enabled_sends_nothing_and_keeps_all(messenger: MessengerBench) -> None:
    """Off is off."""
    wrote(messenger)
    outbox_id = messenger.write(IVANOV, "ждёт")
    account = messenger.messengers.accounts[ACCOUNT]
    silent = replace(messenger.messengers, accounts={ACCOUNT: replace(account, sends=False)})
    assert send_due(messenger.warehouse, silent, lambda: False) == {}
    assert messenger.state_of(outbox_id) == "queued"


def test_two_senders_at_once_send_nothing_twice(messenger: MessengerBench) -> None:
    """Each message is claimed by one."""
    from concurrent.futures import ThreadPoolExecutor

    wrote(messenger)
    for place in range(30):
        messenger.write(IVANOV, str(place))
        messenger.write(PETROV, str(place))
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda _: messenger.send(), range(3)))
    messenger.send()
    assert len(messenger.texts_sent()) == 60
    assert messenger.value("SELECT count(*) FROM send_attempts") == 60


def test_what_a_dead_sender_had_in_hand_is_unknown_not_sent_again(messenger: MessengerBench) -> None:
    """Its lease ends; whether the request left nobody knows."""
    wrote(messenger)
    outbox_id = messenger.write(IVANOV, "в руках")
    claim = "SELECT outbox_id FROM switchboard.claim_message(:account, gen_random_uuid(), 60, 10, 10, 1, 10)"
    messenger.value(claim, account=ACCOUNT)
    messenger.send()
    assert messenger.state_of(outbox_id) == "sending"
    messenger.execute("UPDATE outbox SET leased_until = now() - interval '1 second'")
    messenger.paced(settle_after_seconds=120.0)
    assert messenger.send().sent.lost == 1
    assert messenger.state_of(outbox_id) == "unknown"
    assert messenger.texts_sent() == []


def test_statuses_whose_webhooks_were_lost_are_asked_for(make_messenger: Make) -> None:
    """Once in a while, of the last day."""
    bench = wrote(make_messenger(habits=QUIET))
    bench.whatsapp.chaos(loss=1.0, for_good=True)
    bench.write(IVANOV, "дошло ли?")
    bench.send()
    bench.execute("UPDATE messages SET sent_at = now() - interval '20 minutes'")
    assert bench.value("SELECT status FROM shown_messages WHERE direction = 'out'") == "accepted"
    assert bench.send(repairs=True).repaired == 3
    assert bench.value("SELECT status FROM shown_messages WHERE direction = 'out'") == "read"


def test_a_file_is_given_to_the_provider_once_and_sent_by_its_id(messenger: MessengerBench) -> None:
    """Also where the message itself has to be tried again."""
    import hashlib

    wrote(messenger)
    content = b"%PDF-1.4 a small file"
    sha256 = hashlib.sha256(content).hexdigest()
    kept = messenger.messengers.media_folder / sha256[:2] / sha256
    kept.parent.mkdir(parents=True)
    kept.write_bytes(content)
    outbox_id = messenger.write(
        IVANOV, "счёт", kind="document", sha256=sha256, mime_type="application/pdf", file_name="счёт.pdf"
    )
    messenger.whatsapp.faults.switch_on(131000)
    messenger.send()
    messenger.execute("UPDATE outbox SET next_try_at = now()")
    messenger.send()
    assert messenger.state_of(outbox_id) == "accepted"
    [message] = messenger.whatsapp.messages
    assert message.body["document"]["filename"] == "счёт.pdf"
    assert messenger.rows("SELECT state, sha256 FROM message_media") == [("kept", sha256)]


def test_the_token_and_numbers_are_in_no_error(messenger: MessengerBench) -> None:
    """Errors are shown to people, and kept."""
    wrote(messenger)
    for code in (190, 131026, 131000):
        messenger.write(IVANOV, str(code))
        messenger.whatsapp.faults.switch_on(code)
        messenger.send()
        messenger.execute("UPDATE send_limits SET blocked_until = now()")
    errors = str(messenger.rows("SELECT error FROM send_attempts"))
    assert messenger.whatsapp.token not in errors
    assert "9161234567" not in errors
