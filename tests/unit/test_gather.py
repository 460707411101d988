"""Reading ahead: order, errors, the end of the reading thread and the bound on what waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from assets.history.gather import gathered
from resources.telephony.source import Portion, SourceUnavailableError


def portion(number: int, rows: int = 10) -> Portion:
    return Portion({"n": number}, records=[{}] * rows)


def is_reading() -> bool:
    return any(thread.name == "read-ahead" for thread in threading.enumerate())


def test_every_portion_comes_once_and_in_order() -> None:
    """However the portions are put together, nothing is lost, doubled or moved."""
    taken = [each.cursor["n"] for together in gathered(map(portion, range(500)), 50) for each in together]
    assert taken == list(range(500))
    assert not is_reading()


def test_what_arrives_while_the_caller_is_busy_comes_together() -> None:
    """The caller gets portions one by one from a slow source, many at once from a fast one."""
    may_go_on = threading.Event()
    all_read = threading.Event()

    def source() -> Iterator[Portion]:
        yield portion(0)
        assert may_go_on.wait(10)
        yield from map(portion, range(1, 5))
        all_read.set()

    arriving = gathered(source(), 1000)
    assert len(next(arriving)) == 1
    may_go_on.set()
    assert all_read.wait(10)
    assert [each.cursor["n"] for each in next(arriving)] == [1, 2, 3, 4]
    assert next(arriving, None) is None


def test_an_error_of_the_source_comes_after_the_portions_before_it() -> None:
    """What was read before a server failed is stored."""

    def source() -> Iterator[Portion]:
        yield portion(0)
        yield portion(1)
        raise SourceUnavailableError("gone")

    taken: list[int] = []

    def take_all() -> None:
        for together in gathered(source(), 1000):
            taken.extend(each.cursor["n"] for each in together)

    with pytest.raises(SourceUnavailableError, match="gone"):
        take_all()
    assert taken == [0, 1]
    assert not is_reading()


def test_a_caller_that_stops_ends_the_reading_and_closes_the_source() -> None:
    """No request is made, and no thread is left, after a load has failed."""
    closed = []

    def source() -> Iterator[Portion]:
        try:
            yield from map(portion, range(10**9))
        finally:
            closed.append(threading.current_thread().name)

    arriving = gathered(source(), 20)
    next(arriving)
    arriving.close()
    assert closed == ["read-ahead"]
    assert not is_reading()


def test_the_reader_pauses_while_enough_rows_wait() -> None:
    """Memory is bounded however much faster the source is than the storing."""
    read = []

    def source() -> Iterator[Portion]:
        for number in range(10_000):
            read.append(number)
            yield portion(number, rows=10)

    arriving = gathered(source(), 30)
    taken = len(next(arriving))
    time.sleep(0.1)
    assert len(read) <= taken + 3
    arriving.close()
