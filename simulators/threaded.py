"""Something that lives on an event loop in a thread of its own, whose methods may be called from any thread."""

from __future__ import annotations

import asyncio
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")
PATIENCE_SECONDS = 30.0
LOOK_SECONDS = 0.005


class LoopInThread(ABC):
    """Lives from `start` to `stop`, or as a context manager.

    Args:
        name: of the thread.
    """

    def __init__(self, name: str) -> None:
        self._background: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin; when this returns it listens."""
        self._thread.start()
        self._await(self._open())

    def wait_for(self, condition: Callable[[], bool], seconds: float = 5.0) -> None:
        """Wait until something is so.

        Raises:
            TimeoutError: it did not become so.
        """
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"not so within {seconds} s")
            time.sleep(LOOK_SECONDS)

    def stop(self) -> None:
        """End what runs, all connections too."""
        self._await(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @abstractmethod
    async def _open(self) -> None:
        """Begin to listen."""

    @abstractmethod
    async def _close(self) -> None:
        """End all connections and stop listening."""

    def _start(self, what: Coroutine[Any, Any, None]) -> None:
        """Let something go on in the background, until it ends or all does."""

        def create() -> None:
            task = self._loop.create_task(what)
            self._background.add(task)
            task.add_done_callback(self._background.discard)

        self._run(create)

    async def _end_background(self) -> None:
        running = list(self._background)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _run(self, what: Callable[[], T]) -> T:
        """Run a function on the loop: at once where we are on it, otherwise from afar."""
        if threading.current_thread() is self._thread:
            return what()

        async def run() -> T:
            return what()

        return self._await(run())

    def _await(self, what: Coroutine[Any, Any, T], seconds: float | None = PATIENCE_SECONDS) -> T:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(seconds)
