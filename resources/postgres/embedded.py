"""Having the embedded server: attach to the one that runs, or start it."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from resources.postgres.endpoint import BUSY, READY, Endpoint, Server
from resources.postgres.errors import EmbeddedPostgresError
from resources.processes import FileLock

_LOOK_SECONDS = 0.02
_GUARD_SECONDS = 1.0
_TELL_AFTER_SECONDS = 5
_WAIT_FOR_END_SECONDS = 10

_log = logging.getLogger(__name__)


class EmbeddedPostgres:
    """The embedded PostgreSQL server of one data folder.

    Any number of processes may use it at once; the first starts it, and it ends after the last.

    Args:
        home: the data folder; the server writes into `<home>/postgres` and nowhere else.
    """

    def __init__(self, home: Path) -> None:
        self._folder = home.resolve() / "postgres"
        self._endpoint = Endpoint(self._folder)
        self._leader = FileLock(self._folder / "leader.lock")

    @contextmanager
    def running(self) -> Iterator[Server]:
        """Have the server running inside the block.

        A server that dies, however, is soon there again, at the same address if its port can be had. When
        nobody else uses it, it has ended by the end of the block: the data folder may be copied or removed.

        Yields:
            Its address. The databases `switchboard` and `dagster` are there, empty at first.

        Raises:
            EmbeddedPostgresError: it cannot be started; the text says why and what to do.
        """
        users = FileLock(self._folder / "users.lock")
        with _saying_whose_folder_it_is():
            self._folder.mkdir(parents=True, exist_ok=True)
            users.take(shared=True)
        left = threading.Event()
        guard = threading.Thread(target=self._guard, args=[left], name="embedded PostgreSQL", daemon=True)
        try:
            with _saying_whose_folder_it_is():
                server = self._attach()
            guard.start()
            yield server
        finally:
            left.set()
            if guard.is_alive():
                guard.join()
            users.release()
            self._wait_for_end()

    def _attach(self) -> Server:
        begun_at, told = time.monotonic(), False
        while True:
            if not self._leader.is_held_elsewhere():
                self._start_supervisor()
            server = self._endpoint.read()
            if server is not None and _answers(server):
                return server
            if not told and time.monotonic() - begun_at > _TELL_AFTER_SECONDS:
                _log.warning("Waiting for PostgreSQL in %s; its log is server.log there", self._folder)
                told = True
            time.sleep(_LOOK_SECONDS)

    def _guard(self, left: threading.Event) -> None:
        """Start a supervisor in place of one that was killed; the supervisor does the same for the server."""
        leader = FileLock(self._folder / "leader.lock")
        while not left.wait(_GUARD_SECONDS):
            if not leader.is_held_elsewhere():
                try:
                    self._start_supervisor()
                except EmbeddedPostgresError:
                    _log.exception("PostgreSQL is gone and cannot be started")

    def _start_supervisor(self) -> None:
        """Start the supervisor and wait until its server answers or another one is found at it."""
        reading, writing = os.pipe()
        with open(reading, encoding="utf-8", errors="replace") as answer:
            try:
                starter = subprocess.Popen(  # noqa: S603
                    [sys.executable, "-m", "resources.postgres.supervisor", str(self._folder)],
                    stdin=subprocess.DEVNULL,
                    stdout=writing,
                    stderr=writing,
                    # Of its own, so that Ctrl-C in a terminal does not reach it.
                    start_new_session=True,
                    # Where the package is found, installed or not.
                    cwd=Path(__file__).parents[2],
                    env={name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
                )
            finally:
                os.close(writing)
            starter.wait()
            text = answer.read().strip()
        if not text.endswith((READY, BUSY)):  # an interpreter may have warned of something before
            raise EmbeddedPostgresError(text or "PostgreSQL's supervisor ended without a word.")

    def _wait_for_end(self) -> None:
        """Wait until the server has ended, unless somebody else uses it."""
        users = FileLock(self._folder / "users.lock")
        deadline = time.monotonic() + _WAIT_FOR_END_SECONDS
        while self._leader.is_held_elsewhere() and time.monotonic() < deadline:
            nobody_uses_it = users.take(wait=False)
            users.release()
            # If it cannot even be shared, the supervisor has it and is ending the server.
            if not nobody_uses_it and not users.is_held_elsewhere():
                return
            time.sleep(_LOOK_SECONDS)


@contextmanager
def _saying_whose_folder_it_is() -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise EmbeddedPostgresError(
            f"{error.filename} is closed to you. Start Switchboard as the user who made this data folder, "
            "or choose another one by SWITCHBOARD_HOME."
        ) from None


def _answers(server: Server) -> bool:
    # Imported late: it takes longer than all the rest of an attach, and the supervisor needs none.
    from psycopg import pq

    # A ping needs no free connection and no password.
    address = f"host=127.0.0.1 port={server.port} dbname=postgres user=postgres connect_timeout=5"
    return pq.PGconn.ping(address.encode()) == pq.Ping.OK
