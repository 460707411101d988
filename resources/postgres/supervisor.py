"""The process that owns the embedded server: starts it, watches it, ends it after its last user.

One per data folder, detached from whoever needed the server first. Run as a module by
`EmbeddedPostgres`, with `<home>/postgres` as its argument; it says on standard output how the start
went: `ready`, `busy` (another supervisor has the folder), or what went wrong.

Users hold the file `users.lock` together. The kernel lets go for a user who was killed, so the server
ends when the last one is gone, however it went. `leader.lock` makes the supervisor single.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from pathlib import Path
from types import FrameType

import psutil

from resources.postgres.account import account_for
from resources.postgres.cluster import SERVER_ENVIRONMENT, Cluster
from resources.postgres.endpoint import BUSY, READY, Endpoint, Server
from resources.postgres.errors import EmbeddedPostgresError
from resources.processes import (
    FileLock,
    become_subreaper,
    bound_log,
    end_processes,
    has_ended,
    last_lines,
)

_LOOK_SECONDS = 0.25
_LOG_LIMIT_BYTES = 10_000_000
_FAST_SHUTDOWN_SECONDS = 60
_IMMEDIATE_SHUTDOWN_SECONDS = 10
_START_TRIES_SECONDS = 60
_SHORT_LIFE_SECONDS = 10
_SHORT_LIVES_ALLOWED = 5

_log = logging.getLogger(__name__)


class Supervisor:
    """Keeps one server running on `folder` for as long as somebody uses it."""

    def __init__(self, folder: Path) -> None:
        self._data = folder / "data"
        self._log_file = folder / "server.log"
        self._endpoint = Endpoint(folder)
        self._users = FileLock(folder / "users.lock")
        self._cluster = Cluster(folder, account_for(self._data))
        self._server: subprocess.Popen[bytes] | None = None
        self._told_to_end = False

    def run(self) -> None:
        """Start the server, say so, and stay until the last user is gone.

        Raises:
            EmbeddedPostgresError: the server cannot be started, or keeps ending.
        """
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._end)
        # Processes that outlive a killed server become our children, and can be ended.
        become_subreaper()
        # Both were left by a supervisor that was killed. Its port is asked for again, for the users it had.
        left = self._endpoint.read()
        self._endpoint.remove()
        self._end_leftover_server()
        self._cluster.prepare()
        try:
            port = self._start(left.port if left else _free_port())
            _say(READY)
            self._watch(port)
        finally:
            self._endpoint.remove()
            self._stop()

    def _end(self, number: int, frame: FrameType | None) -> None:
        self._told_to_end = True

    def _watch(self, port: int) -> None:
        short_lives, started_at = 0, time.monotonic()
        while not self._told_to_end and not self._users.take(wait=False):
            time.sleep(_LOOK_SECONDS)
            bound_log(self._log_file, _LOG_LIMIT_BYTES)
            if self._server is None or self._server.poll() is None:
                continue
            _log.warning("PostgreSQL ended by itself (%s); starting it again", self._server.returncode)
            lived_seconds = time.monotonic() - started_at
            short_lives = short_lives + 1 if lived_seconds < _SHORT_LIFE_SECONDS else 0
            if short_lives > _SHORT_LIVES_ALLOWED:
                raise self._failure("PostgreSQL keeps ending")
            self._endpoint.remove()
            # On the same port if it can be had, so that the addresses people hold stay right.
            port, started_at = self._start(port), time.monotonic()

    def _start(self, port: int) -> int:
        """Start the server, wait until it answers, announce it, and return its port."""
        deadline = time.monotonic() + _START_TRIES_SECONDS
        while True:
            self._end_orphans()
            # No server of ours runs, so this names one that is dead. PostgreSQL would take any process
            # that has its number by now, as after the restart of a container, for that server. What
            # really keeps two servers off one folder, their shared memory, does not need this file.
            (self._data / "postmaster.pid").unlink(missing_ok=True)
            with self._log_file.open("ab") as log:
                begin = log.tell()
                self._server = subprocess.Popen(  # noqa: S603
                    self._cluster.server_command(port),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=SERVER_ENVIRONMENT,
                    cwd="/",
                )
            if self._is_ready(self._server):
                self._endpoint.write(Server(port, self._cluster.password_file.read_text()))
                return port
            text = self._log_file.read_bytes()[begin:].decode("utf-8", "replace")
            if self._told_to_end or time.monotonic() > deadline:
                raise self._failure("PostgreSQL could not be started")
            if "Address already in use" in text:
                port = _free_port()
            elif "pre-existing shared memory block" in text:
                time.sleep(_LOOK_SECONDS)  # some process of a killed server is still at its work
            else:
                raise self._failure("PostgreSQL could not be started")

    def _is_ready(self, server: subprocess.Popen[bytes]) -> bool:
        """Wait until the server accepts connections or ends; recovery takes as long as it takes."""
        pid_file = self._data / "postmaster.pid"
        while server.poll() is None and not self._told_to_end:
            with contextlib.suppress(FileNotFoundError):
                lines = pid_file.read_text().splitlines()
                if len(lines) >= 8 and lines[0] == str(server.pid) and lines[7].strip() == "ready":
                    return True
            time.sleep(0.01)
        return False

    def _stop(self) -> None:
        server = self._server
        if server is not None:
            for number, patience_seconds in (
                (signal.SIGINT, _FAST_SHUTDOWN_SECONDS),
                (signal.SIGQUIT, _IMMEDIATE_SHUTDOWN_SECONDS),
                (signal.SIGKILL, None),
            ):
                if server.poll() is None:
                    server.send_signal(number)
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        server.wait(patience_seconds)
        self._end_orphans()

    def _end_orphans(self) -> None:
        """End processes of a server that was killed; only when no server runs."""
        end_processes(psutil.Process().children(recursive=True), grace_seconds=2)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass

    def _end_leftover_server(self) -> None:
        """End a server on our folder whose supervisor was killed; on Linux it is ending already."""
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                command = process.cmdline()
                if command[1:3] != ["-D", str(self._data)] or Path(command[0]).name != "postgres":
                    continue
                process.send_signal(signal.SIGINT)
                deadline = time.monotonic() + _FAST_SHUTDOWN_SECONDS
                while not has_ended(process) and time.monotonic() < deadline:
                    time.sleep(0.02)
                end_processes([process], grace_seconds=1)

    def _failure(self, what: str) -> EmbeddedPostgresError:
        return EmbeddedPostgresError(f"{what}. The last lines of {self._log_file}:\n{last_lines(self._log_file, 15)}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _say(word: str) -> None:
    """Tell the starter, and let go of its pipe; nobody listens afterwards."""
    with contextlib.suppress(BrokenPipeError):
        os.write(1, word.encode())
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def _main() -> None:
    if os.fork():
        os._exit(0)  # so that nobody has to wait for us
    folder = Path(sys.argv[1])
    leader = FileLock(folder / "leader.lock")
    if not leader.take(wait=False):
        _say(BUSY)
        return
    log_file = folder / "server.log"
    with contextlib.suppress(FileNotFoundError):
        log_file.replace(folder / "server.log.1")
    log_file.touch(mode=0o600)
    logging.basicConfig(filename=log_file, format="%(asctime)s %(name)s %(message)s", level=logging.INFO)
    try:
        Supervisor(folder).run()
    except EmbeddedPostgresError as error:
        _log.exception("Ended")
        _say(str(error))
    except Exception:
        _log.exception("Ended")
        _say(traceback.format_exc())


if __name__ == "__main__":
    _main()
