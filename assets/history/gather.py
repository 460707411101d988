"""Reading ahead of the storing: portions are fetched in a thread while others are stored."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable
from contextlib import closing

from resources.telephony.source import Portion


def gathered(portions: Iterable[Portion], most_rows: int) -> Generator[list[Portion]]:
    """Yield portions in their order, those together that arrived while the caller had the ones before.

    So a source slower than the caller is followed portion by portion, and of a faster one many are handed on
    at once, which costs each of them less. An error of the source comes up after the portions before it. When
    the caller stops early, the reading has ended before this generator has.

    Args:
        portions: what a source yields; iterated, and closed, in another thread.
        most_rows: the reader pauses while so many rows wait, which bounds what is held in memory.
    """
    reader = _Reader(portions, most_rows)
    reader.start()
    try:
        while together := reader.take():
            yield together
    finally:
        reader.stop()
        reader.join()


class _Reader(threading.Thread):
    def __init__(self, portions: Iterable[Portion], most_rows: int) -> None:
        super().__init__(name="read-ahead", daemon=True)
        self._portions = portions
        self._most_rows = most_rows
        self._changed = threading.Condition()
        self._waiting: list[Portion] = []
        self._rows = 0
        self._is_over = False
        self._is_stopped = False
        self._error: Exception | None = None

    def run(self) -> None:
        error = None
        try:
            with closing(_each(self._portions)) as portions:
                for portion in portions:
                    self._put(portion)
                    if self._is_stopped:
                        break
        except Exception as raised:
            error = raised
        finally:
            with self._changed:
                self._error, self._is_over = error, True
                self._changed.notify_all()

    def take(self) -> list[Portion]:
        """Return what waits, as soon as something does; nothing when all was taken."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_over)
            together, self._waiting, self._rows = self._waiting, [], 0
            self._changed.notify_all()
            if not together and self._error:
                raise self._error
            return together

    def stop(self) -> None:
        """Ask the reader to end with the portion it is at."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()

    def _put(self, portion: Portion) -> None:
        with self._changed:
            self._waiting.append(portion)
            self._rows += len(portion.records) + portion.csv_text.count(b"\n")
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._rows < self._most_rows or self._is_stopped)


def _each(portions: Iterable[Portion]) -> Generator[Portion]:
    """Make a generator of any iterable; closing it closes the other, where that is one too."""
    yield from portions
