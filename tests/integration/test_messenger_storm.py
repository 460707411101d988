"""Ten thousand messages through shuffled, doubled and lost webhooks, with the sender killed at random moments.

A message of which every webhook was lost is found in the provider's list, which names no recipient. Where it fits
several requests of the same minutes, nobody but a person can tell: the test has one, who asks the clients.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from simulators.whatsapp.statuses import Habits
from simulators.whatsapp.webhooks import Retries
from tests.chats import chat_api
from tests.fix_messenger import MessengerBench
from tests.live_calls import logged_in

CHECKOUT = Path(__file__).parents[2]
PEOPLE = 200
EACH_WAY = 5000
STORM_SECONDS = 600.0


@contextmanager
def killed_sender(bench: MessengerBench, kills: list[float]) -> Iterator[None]:
    """Keep a sender running that is killed after each of these times, and started anew."""
    whatsapp, is_over = bench.whatsapp, threading.Event()
    environment = os.environ | {
        "STORM_PROVIDER": f"{whatsapp.url} {whatsapp.phone_number_id} {whatsapp.waba_id} {whatsapp.token}",
        "STORM_DATABASE": bench.warehouse.url.render_as_string(hide_password=False),
    }
    processes: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        processes.append(
            subprocess.Popen([sys.executable, "-m", "tests.sending_process"], env=environment, cwd=CHECKOUT)
        )
        return processes[-1]

    def keep() -> None:
        for seconds in kills:
            sender = start()
            is_over.wait(seconds)
            sender.send_signal(signal.SIGKILL)
            sender.wait()
        start()

    keeping = threading.Thread(target=keep)
    keeping.start()
    try:
        yield
    finally:
        is_over.set()
        keeping.join()
        for process in processes:
            process.kill()
            process.wait()


def decide_what_the_list_cannot_tell(bench: MessengerBench, quiet_at: datetime) -> bool:
    """Ask the clients what came, once the list was asked about every message since all was quiet; send the others.

    Returns:
        whether that is all that can be done: several came, and the list cannot tell which is which.
    """
    open_ones = bench.rows(
        "SELECT o.outbox_id, o.chat_id, o.text, a.asked_at > :quiet_at FROM outbox AS o JOIN send_attempts AS a "
        "USING (outbox_id) WHERE o.state = 'unknown' AND a.outcome = 'unknown'",
        quiet_at=quiet_at,
    )
    if not all(was_asked for *_, was_asked in open_ones):
        return False
    came = {message.text for message in bench.whatsapp.messages}
    lost = [(outbox_id, chat_id) for outbox_id, chat_id, words, _ in open_ones if words not in came]
    person = logged_in(bench.warehouse, "anna", is_supervisor=True)
    for outbox_id, chat_id in lost:
        decision = {"outbox_id": outbox_id, "act": "again"}
        decided = chat_api(bench.gateway_url, f"chats/{chat_id}/decisions", person, json=decision)
        assert decided.status_code == 204, decided.text
    return not lost and len(open_ones) > 1


@pytest.mark.timeout(900)
def test_ten_thousand_messages_survive_a_storm(make_messenger: Callable[..., MessengerBench]) -> None:
    """Half of them come, half go out. In the end our tables say what the provider knows: none twice, none lost."""
    chance = random.Random(6)
    bench = make_messenger(
        works_in_gateway=True,
        habits=Habits(sent_seconds=0.0, delivered_seconds=0.1, read_seconds=0.3, read_share=0.7, skipped_share=0.2),
        retries=Retries(),
        parallel=8,
        batch=20,
        seed=6,
    )
    whatsapp = bench.whatsapp
    people = [f"+7916{number:07d}" for number in range(PEOPLE)]
    whatsapp.receive_texts([(person, "первое") for person in people])
    bench.taken_in()
    bench.execute(
        "INSERT INTO outbox (client_key, account, chat_id, employee_id, kind, text) "
        "SELECT gen_random_uuid(), c.account, c.chat_id, 'anna', 'text', 'исходящее ' || n "
        "FROM generate_series(1, :count) AS n JOIN LATERAL (SELECT * FROM chats ORDER BY chat_id OFFSET n % :people "
        "LIMIT 1) AS c ON true",
        count=EACH_WAY,
        people=PEOPLE,
    )
    whatsapp.chaos(loss=0.05, duplicate=0.1, shuffle_seconds=0.5, batch=20, seed=6)
    for fault in ("cut_before", "cut_after", "cut_midway", "late", "malformed", "unavailable", "server_error_after"):
        whatsapp.faults.switch_on(fault, times=None, share=0.004, seconds=1.5)
    for code in (131000, 130429, 131056):
        whatsapp.faults.switch_on(code, times=None, share=0.002)
    kills = [chance.uniform(1.5, 4.0) for _ in range(8)]
    with killed_sender(bench, kills):
        for _ in range(EACH_WAY // 100):
            whatsapp.receive_texts([(chance.choice(people), f"входящее {chance.random()}") for _ in range(100)])
            time.sleep(0.05)
        until = time.monotonic() + STORM_SECONDS
        quiet_at = None
        while time.monotonic() < until:
            left = Counter(dict(bench.rows("SELECT state, count(*) FROM outbox GROUP BY state")))
            if left["accepted"] == EACH_WAY:
                break
            if left["accepted"] + left["unknown"] < EACH_WAY:
                quiet_at = None
            elif quiet_at is None:
                # What is left waits for the provider's list, which is only as good as the provider is well.
                whatsapp.faults.switch_off()
                quiet_at = bench.value("SELECT now()")
                bench.execute("UPDATE send_attempts SET asked_at = NULL WHERE outcome = 'unknown'")
            elif decide_what_the_list_cannot_tell(bench, quiet_at):
                break
            # No message here is the provider's fault; tries are for those who poison.
            bench.execute(
                "UPDATE outbox SET tries = 0, next_try_at = now() WHERE outbox_id IN (SELECT outbox_id FROM outbox "
                "WHERE state = 'queued' AND (tries > 0 OR next_try_at > now() + interval '1 second') "
                "FOR UPDATE SKIP LOCKED)"
            )
            time.sleep(0.5)
    whatsapp.chaos()
    whatsapp.advance(60)
    whatsapp.wait_until_told(60)
    bench.taken_in()

    texts = Counter(message.text for message in whatsapp.messages)
    assert set(texts) == {f"исходящее {number}" for number in range(1, EACH_WAY + 1)}, "none lost"
    assert max(texts.values()) == 1, "none twice"
    states = Counter(state for (state,) in bench.rows("SELECT state FROM outbox"))
    assert set(states) <= {"accepted", "unknown"}
    assert states["unknown"] != 1, "one message of the list is one request's"
    ours = dict(bench.rows("SELECT message_id, status FROM shown_messages WHERE direction = 'out'"))
    assert ours == {message.wamid: message.status for message in whatsapp.messages if message.wamid in ours}
    assert len(ours) == states["accepted"]
    sent = dict(bench.rows("SELECT message_id, text FROM messages WHERE direction = 'out'"))
    assert sent == {message.wamid: message.text for message in whatsapp.messages if message.wamid in ours}
    open_ones = [words for (words,) in bench.rows("SELECT text FROM outbox WHERE state = 'unknown'")]
    assert set(open_ones) == {message.text for message in whatsapp.messages if message.wamid not in ours}
    came = dict(bench.rows("SELECT message_id, text FROM messages WHERE direction = 'in'"))
    assert len(came) == EACH_WAY + PEOPLE
    assert came == {message.wamid: message.text for message in whatsapp.received}
    assert bench.value("SELECT count(*) FROM quarantine") == 0
    assert bench.value("SELECT count(*) FROM chats") == PEOPLE
    # The storm was one: requests were cut down, senders died with messages in hand, and nobody sent those blindly.
    settled = Counter(dict(bench.rows("SELECT settled_by, count(*) FROM send_attempts GROUP BY settled_by")))
    assert settled["webhook"] > 0
    assert settled["history"] > 0
