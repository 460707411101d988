"""A server in a thread with a loop of its own, whose methods may be called from any thread."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from asyncio import BaseTransport
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

import uvicorn
from starlette.types import ASGIApp

T = TypeVar("T")
PATIENCE_SECONDS = 30.0


class ServedInThread:
    """Listens from `start` to `stop`, or as a context manager.

    Args:
        host: where it listens.
        port: 0 takes a free one.
        name: of the thread.
    """

    def __init__(self, host: str, port: int, name: str) -> None:
        self.host, self.port = host, port
        self._server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None
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

    @property
    def app(self) -> ASGIApp:
        """What is served."""
        raise NotImplementedError

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{self.host}:{self.port}"

    def start(self) -> None:
        """Listen."""
        # By its protocol asyncio knows that answers must not wait for acknowledgements; `create_server` names none.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.host, self.port))
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(
            self.app, http="httptools", log_config=None, log_level="critical", lifespan="off", timeout_keep_alive=60
        )
        server = uvicorn.Server(config)
        self._server = server
        self._thread.start()
        self._serving = self._run(lambda: self._loop.create_task(server.serve(sockets=[listener])))
        self.wait_for(lambda: server.started)

    def stop(self) -> None:
        """End all connections and stop listening."""
        self._await(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def wait_for(self, condition: Callable[[], bool], seconds: float = 5.0) -> None:
        """Wait until something is so.

        Raises:
            TimeoutError: it did not become so.
        """
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"not so within {seconds} s")
            time.sleep(0.005)

    def reset(self, client: tuple[str, int] | None) -> None:
        """Reset the connection of a client; what has not left yet is lost."""
        assert self._server is not None
        for connection in list(self._server.server_state.connections):
            if getattr(connection, "client", None) == client:
                _reset(connection.transport)

    async def _close(self) -> None:
        running = list(self._background)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        if self._server is not None and self._serving is not None:
            # Whoever is held by a slow answer is not waited for.
            self._server.should_exit = self._server.force_exit = True
            await self._serving
            for task in list(self._server.server_state.tasks):
                task.cancel()
            await asyncio.gather(*self._server.server_state.tasks, return_exceptions=True)

    def _start(self, what: Coroutine[Any, Any, None]) -> None:
        def create() -> None:
            task = self._loop.create_task(what)
            self._background.add(task)
            task.add_done_callback(self._background.discard)

        self._run(create)

    def _run(self, what: Callable[[], T]) -> T:
        """Run a function on the loop: at once where we are on it, otherwise from afar."""
        if threading.current_thread() is self._thread:
            return what()

        async def run() -> T:
            return what()

        return self._await(run())

    def _await(self, what: Coroutine[Any, Any, T], seconds: float | None = PATIENCE_SECONDS) -> T:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(seconds)


def _reset(transport: BaseTransport | None) -> None:
    connection = transport.get_extra_info("socket") if transport is not None else None
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()
