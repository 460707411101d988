"""A server of one application in a thread of its own, whose connections can be reset."""

from __future__ import annotations

import asyncio
import socket
import struct
from abc import abstractmethod
from asyncio import BaseTransport

import uvicorn
from starlette.types import ASGIApp

from simulators.threaded import LOOK_SECONDS, LoopInThread


class ServedInThread(LoopInThread):
    """Listens from `start` to `stop`, or as a context manager.

    Args:
        host: where it listens.
        port: 0 takes a free one.
        name: of the thread.
    """

    def __init__(self, host: str, port: int, name: str) -> None:
        super().__init__(name)
        self.host, self.port = host, port
        self._server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    @abstractmethod
    def app(self) -> ASGIApp:
        """What is served."""

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{self.host}:{self.port}"

    def reset(self, client: tuple[str, int] | None) -> None:
        """Reset the connection of a client; what has not left yet is lost."""
        assert self._server is not None
        for connection in list(self._server.server_state.connections):
            if getattr(connection, "client", None) == client:
                _reset(connection.transport)

    async def _open(self) -> None:
        # By its protocol asyncio knows that answers must not wait for acknowledgements; `create_server` names none.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.host, self.port))
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(
            self.app, http="httptools", log_config=None, log_level="critical", lifespan="off", timeout_keep_alive=60
        )
        self._server = uvicorn.Server(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        while not self._server.started:
            await asyncio.sleep(LOOK_SECONDS)

    async def _close(self) -> None:
        await self._end_background()
        if self._server is not None and self._serving is not None:
            # Whoever is held by a slow answer is not waited for.
            self._server.should_exit = self._server.force_exit = True
            await self._serving
            for task in list(self._server.server_state.tasks):
                task.cancel()
            await asyncio.gather(*self._server.server_state.tasks, return_exceptions=True)


def _reset(transport: BaseTransport | None) -> None:
    connection = transport.get_extra_info("socket") if transport is not None else None
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()
