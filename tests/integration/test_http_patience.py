"""Patience with a telephony server: what is asked again, what never, how long, and what is not told."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import pytest

from resources.telephony.http import HttpBounds, ahead
from resources.telephony.miko_history import MikoHistorySource
from resources.telephony.mikopbx_rest import MikoPbxRestSource
from resources.telephony.source import (
    SourceAnswerError,
    SourceError,
    SourceRefusedError,
    SourceUnavailableError,
)
from tests.scripted_server import QUICK, Reply, Stage

pytestmark = pytest.mark.integration

KEY = "5ecre7" * 10
EMPTY_LIST = {
    "result": True,
    "data": {"records": [], "pagination": {"total": 0, "limit": 1000, "offset": 0, "hasMore": False, "lastId": None}},
    "messages": [],
}
GOOD = Reply(json.dumps(EMPTY_LIST).encode())


@pytest.fixture
def stage() -> Iterator[Stage]:
    with Stage().open() as stage:
        stage.say(GOOD)
        yield stage


@contextmanager
def rest(stage: Stage, bounds: HttpBounds = QUICK, portion_size: int = 1000) -> Iterator[MikoPbxRestSource]:
    source = MikoPbxRestSource(
        "office", stage.url, KEY, timezone="Europe/Moscow", portion_size=portion_size, bounds=bounds
    )
    try:
        yield source
    finally:
        source.close()


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (400, "silent"),
        (401, "key"),
        (403, "right"),
        (404, "base URL"),
        (405, "GET"),
        (422, "parameter"),
        (418, "base URL"),
    ],
)
def test_what_cannot_succeed_is_asked_once(stage: Stage, status: int, word: str) -> None:
    said = {"result": False, "data": [], "messages": {"error": ["nothing doing"]}}
    stage.say(Reply(json.dumps(said).encode(), status))
    with rest(stage) as source, pytest.raises(SourceRefusedError, match=word) as caught:
        list(source.portions_after({}))
    assert len(stage.asked) == 1
    assert "office" in str(caught.value)
    assert str(status) in str(caught.value)
    assert "nothing doing" in str(caught.value)


def test_a_block_is_not_hammered(stage: Stage) -> None:
    """429 without Retry-After means 300 s of block, doubled by whoever asks again."""
    stage.say(Reply(b"Too many requests", 429))
    with rest(stage) as source, pytest.raises(SourceUnavailableError, match="300 s"):
        list(source.portions_after({}))
    assert len(stage.asked) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_the_server_says_when_to_come_back(stage: Stage, status: int) -> None:
    stage.say(Reply(b"", status, {"Retry-After": "1"}), GOOD)
    with rest(stage) as source:
        assert list(source.portions_after({})) == []
    first, second = stage.asked
    assert 1.0 <= second.at_seconds - first.at_seconds < 2


@pytest.mark.parametrize("later", ["600", "Fri, 01 Jan 2100 00:00:00 GMT"])
def test_a_wait_beyond_the_bounds_is_not_begun(stage: Stage, later: str) -> None:
    stage.say(Reply(b"", 503, {"Retry-After": later}))
    with rest(stage) as source, pytest.raises(SourceUnavailableError, match="come back in"):
        list(source.portions_after({}))
    assert len(stage.asked) == 1


PASSING = {
    "503": (Reply(b"", 503), SourceUnavailableError),
    "500": (Reply(b"", 500), SourceUnavailableError),
    "silence": (Reply(b"", delay_seconds=0.5), SourceUnavailableError),
    "empty body": (Reply(b""), SourceAnswerError),
    "HTML": (Reply(b"<html>log in</html>"), SourceAnswerError),
    "no envelope": (Reply(b"[]"), SourceAnswerError),
    "cut body": (Reply(GOOD.body, cut_at=40), SourceAnswerError),
    "no body at all": (Reply(GOOD.body, cut_at=0), SourceAnswerError),
    "cut JSON": (Reply(GOOD.body[:-9]), SourceAnswerError),
    "broken gzip": (Reply(b"xx", headers={"Content-Encoding": "gzip"}), SourceAnswerError),
}


@pytest.mark.parametrize("fault", PASSING)
def test_passing_faults_are_survived_and_lasting_ones_end_after_four_attempts(stage: Stage, fault: str) -> None:
    bad, error = PASSING[fault]
    bounds = HttpBounds(**{**vars(QUICK), "read_seconds": 0.2})
    with rest(stage, bounds=bounds) as source:
        stage.say(bad, bad, GOOD)
        assert list(source.portions_after({})) == []
        assert len(stage.asked) == 3
        stage.asked.clear()
        stage.say(bad)
        with pytest.raises(error, match="office, GET http://127"):
            list(source.portions_after({}))
        assert len(stage.asked) == 4


def test_a_look_is_put_three_times_at_most(stage: Stage) -> None:
    stage.say(Reply(b"", 503))
    with rest(stage) as source, pytest.raises(SourceUnavailableError):
        source.look({})
    assert len(stage.asked) == 3


def test_no_connection_is_told_so(stage: Stage) -> None:
    with Stage().open() as closed:
        url = closed.url
    source = MikoPbxRestSource("office", url, KEY, timezone="UTC", bounds=QUICK)
    with pytest.raises(SourceUnavailableError, match="is the PBX up"):
        source.look({})
    source.close()


def test_an_answer_that_trickles_in_ends_with_the_total_time(stage: Stage) -> None:
    stage.say(Reply(GOOD.body, trickle=True))
    bounds = HttpBounds(**{**vars(QUICK), "total_seconds": 0.5})
    began = time.monotonic()
    with rest(stage, bounds=bounds) as source, pytest.raises(SourceUnavailableError, match="did not end in time"):
        list(source.portions_after({}))
    assert time.monotonic() - began < 2


def test_requests_are_paced_below_the_servers_limit(stage: Stage) -> None:
    bounds = HttpBounds(**{**vars(QUICK), "requests_per_minute": 1200})
    with rest(stage, bounds=bounds) as source:
        for _ in range(20):
            source.look({})
    times = [asked.at_seconds for asked in stage.asked]
    assert times[-1] - times[0] >= 4 / 20, "a burst of fifteen, then twenty a second"


def test_the_key_goes_to_no_other_host(stage: Stage) -> None:
    with Stage().open() as other:
        other.say(GOOD)
        stage.say(Reply(b"", 302, {"Location": other.url + "/pbxcore/api/v3/cdr"}))
        with rest(stage) as source:
            assert not source.look({}).has_news
        assert stage.asked[0].authorization == f"Bearer {KEY}"
        assert [asked.authorization for asked in other.asked] == [""]


def test_redirects_within_the_host_are_followed_with_the_key_and_circles_end(stage: Stage) -> None:
    stage.say(Reply(b"", 301, {"Location": "/elsewhere"}), GOOD)
    with rest(stage) as source:
        assert not source.look({}).has_news
        assert [asked.authorization for asked in stage.asked] == [f"Bearer {KEY}"] * 2
        stage.say(Reply(b"", 302, {"Location": "/elsewhere"}))
        with pytest.raises(SourceRefusedError, match="redirects without end"):
            source.look({})


def test_user_and_password_of_the_address_are_sent_and_never_shown(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    stage.say(Reply(b"", 503))
    source = MikoHistorySource("office", f"http://ann:hidden@127.0.0.1:{stage.port}/cdr", bounds=QUICK)
    with pytest.raises(SourceUnavailableError) as caught:
        source.look({})
    source.close()
    assert stage.asked[0].authorization.startswith("Basic ")
    assert "hidden" not in caplog.text + repr(caught.value)


@pytest.mark.parametrize("reply", [GOOD, Reply(b"", 401), Reply(b"", 503), Reply(b""), Reply(b"x", cut_at=0)])
def test_the_key_stands_in_no_log_and_no_error(stage: Stage, reply: Reply, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    stage.say(reply)
    told = ""
    with rest(stage) as source:
        try:
            source.look({})
        except SourceError as error:
            told = repr(error) + repr(error.__cause__)
    records = "".join(repr(vars(record)) for record in caplog.records)
    assert KEY not in told + caplog.text + records


def test_the_next_item_is_worked_out_while_the_caller_has_one() -> None:
    def produce(stop: threading.Event) -> Iterator[int]:
        for item in range(5):
            time.sleep(0.1)
            yield item

    began = time.monotonic()
    for _ in ahead(produce):
        time.sleep(0.1)
    assert time.monotonic() - began < 0.8, "one after the other it takes a second"


def test_an_error_comes_up_after_the_items_before_it() -> None:
    def produce(stop: threading.Event) -> Iterator[int]:
        yield 1
        yield 2
        raise SourceAnswerError("broken")

    items = ahead(produce)
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(SourceAnswerError, match="broken"):
        next(items)


@pytest.mark.parametrize("how", ["close", "raise"])
def test_stopping_early_stops_the_thread(how: str) -> None:
    threads = set(threading.enumerate())
    stopped = threading.Event()

    def produce(stop: threading.Event) -> Iterator[int]:
        yield 1
        stopped.set() if stop.wait(10) else None
        yield 2

    def stumble() -> None:
        for item in ahead(produce):
            item // 0

    began = time.monotonic()
    if how == "close":
        items = ahead(produce)
        assert next(items) == 1
        items.close()
    else:
        with pytest.raises(ZeroDivisionError):
            stumble()
    assert stopped.is_set()
    assert set(threading.enumerate()) <= threads
    assert time.monotonic() - began < 5


def test_stopping_early_gives_up_a_request_under_way(stage: Stage) -> None:
    """A caller that fails must not wait for the whole patience with a server in trouble."""
    row = {"id": 1, "UNIQUEID": "u", "linkedid": "l"}
    page = {"records": [row], "pagination": {"total": 5, "hasMore": True}}
    first = Reply(json.dumps({"result": True, "data": page}).encode())
    stage.say(first, first, Reply(b"", 503))
    bounds = HttpBounds(**{**vars(QUICK), "attempts": 1000, "wait_initial_seconds": 0.05, "wait_max_seconds": 0.05})
    with rest(stage, bounds=bounds, portion_size=2) as source:
        portions = source.portions_after({})
        next(portions)
        began = time.monotonic()
        assert isinstance(portions, Generator)
        portions.close()
        assert time.monotonic() - began < 1
