"""Sending at once from the gateway: where the settings say so, and only while the switch is on."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.fix_messenger import PATIENCE_SECONDS, MessengerBench

IVANOV = "+79161234567"


@pytest.fixture
def bench(make_messenger: Callable[..., MessengerBench]) -> MessengerBench:
    """An account whose gateway sends at once, and a person who wrote."""
    bench = make_messenger(works_in_gateway=True, sends_at_once=True)
    bench.whatsapp.receive_text(IVANOV, "здравствуйте")
    bench.taken_in()
    return bench


def switch(bench: MessengerBench, is_on: bool) -> None:
    """Note how the switch stands, as the listener does."""
    bench.execute(
        "INSERT INTO switches (name, is_on, reason) VALUES ('messenger_sync', :is_on, '') "
        "ON CONFLICT (name) DO UPDATE SET is_on = excluded.is_on",
        is_on=is_on,
    )


def wake(bench: MessengerBench) -> None:
    """Tell that something was written."""
    bench.execute("SELECT pg_notify('switchboard_outbox', 'sales')")


def test_what_is_written_is_sent_without_a_tick(bench: MessengerBench) -> None:
    """Within a moment."""
    switch(bench, is_on=True)
    outbox_id = bench.write(IVANOV, "сразу")
    wake(bench)
    until = time.monotonic() + PATIENCE_SECONDS
    while bench.state_of(outbox_id) != "accepted" and time.monotonic() < until:
        time.sleep(0.02)
    assert bench.texts_sent() == ["сразу"]


@pytest.mark.parametrize("is_noted", [True, False])
def test_nothing_is_sent_while_the_switch_is_off_or_nobody_noted_it(bench: MessengerBench, is_noted: bool) -> None:
    """Everything is kept."""
    if is_noted:
        switch(bench, is_on=False)
    outbox_id = bench.write(IVANOV, "ждёт")
    for _ in range(5):
        wake(bench)
        time.sleep(0.1)
    assert bench.state_of(outbox_id) == "queued"
    assert bench.texts_sent() == []
