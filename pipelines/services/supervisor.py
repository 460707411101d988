"""Keeps services running, and ends them with everything they started."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from pipelines.services.running import MARK, holding, marked_processes
from pipelines.services.service import Service, ServiceFailedError
from resources.processes import bound_log, end_processes, last_lines, launcher

_LOOK_SECONDS = 0.25
_LOG_LIMIT_BYTES = 10_000_000
_FIRST_DELAY_SECONDS = 0.5
_LONGEST_DELAY_SECONDS = 30.0
_LONG_LIFE_SECONDS = 60
_EARLY_ENDS_ALLOWED = 3
# A run that is interrupted takes some seconds to write that it failed; killed, it would stay "started".
_GRACE_SECONDS = 20.0

_log = logging.getLogger(__name__)


class _Runner:
    """One service and its process."""

    def __init__(self, service: Service, log_file: Path) -> None:
        self.service = service
        self.log_file = log_file
        self.process: subprocess.Popen[bytes] | None = None
        self.is_ready = False
        self.was_ready = False
        self.failure: str | None = None
        self._starts_at = 0.0
        self._started_at = 0.0
        self._short_lives = 0

    def look(self, home: Path, ready: set[str]) -> None:
        """Do what is due: start it, notice its end, ask whether it is ready."""
        if self.process is None:
            if time.monotonic() >= self._starts_at and (self.was_ready or ready.issuperset(self.service.needs)):
                self._start(home)
        elif self.process.poll() is not None:
            self._note_end(self.process.returncode)
        elif not self.is_ready:
            try:
                self.is_ready = self.service.is_ready()
            except ServiceFailedError as error:
                self.failure = str(error)
            self.was_ready |= self.is_ready

    def _start(self, home: Path) -> None:
        self.failure = None
        self._started_at = time.monotonic()
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603
                [*launcher(signal.SIGTERM), *self.service.argv],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.service.folder,
                env={**os.environ, **self.service.environment, MARK: str(home)},
                # Ctrl-C in the terminal is for us alone; we end them in our own order.
                start_new_session=True,
            )

    def _note_end(self, code: int) -> None:
        self.process, self.is_ready = None, False
        if not self.service.restarts:
            self._starts_at = float("inf")
            _log.info("%s has ended (%s)", self.service.name, code)
            return
        lived_seconds = time.monotonic() - self._started_at
        self._short_lives = 1 if lived_seconds > _LONG_LIFE_SECONDS else self._short_lives + 1
        delay = min(_FIRST_DELAY_SECONDS * 2 ** (self._short_lives - 1), _LONGEST_DELAY_SECONDS)
        self._starts_at = time.monotonic() + delay
        _log.warning(
            "%s ended by itself (%s); it is started again in %.1f s. Its log: %s",
            *(self.service.name, code, delay, self.log_file),
        )
        if not self.was_ready and self._short_lives >= _EARLY_ENDS_ALLOWED:
            self.failure = f"it ended {self._short_lives} times before it was ready (exit {code})"


class Services:
    """Services of one data folder; see `supervised`."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._logs = home / "logs"
        self._logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._runners: list[_Runner] = []
        self._ending = threading.Event()
        # All is started by this one thread: the kernel ends a service with the thread that started it.
        self._watcher = threading.Thread(target=self._watch, name="services")
        self._crash: BaseException | None = None

    def start(self, services: Sequence[Service]) -> None:
        """Start services, each as soon as those it needs are ready; returns at once."""
        self._runners += [_Runner(service, self._logs / f"{service.name}.log") for service in services]
        if not self._watcher.is_alive():
            self._watcher.start()

    def wait_until_ready(
        self, timeout_seconds: float = 120, on_ready: Callable[[Service], None] = lambda service: None
    ) -> None:
        """Wait until every service started so far is ready.

        Args:
            timeout_seconds: how long.
            on_ready: called with each service as it becomes ready.

        Raises:
            ServiceFailedError: one cannot become ready, or has not in time; the text has its last words.
        """
        waiting = list(self._runners)
        deadline = time.monotonic() + timeout_seconds
        while waiting:
            self._check()
            for runner in [runner for runner in waiting if runner.was_ready]:
                on_ready(runner.service)
                waiting.remove(runner)
            for runner in waiting:
                late = f"not ready after {timeout_seconds:.0f} s" if time.monotonic() > deadline else None
                if reason := runner.failure or late:
                    raise ServiceFailedError(
                        f"The service '{runner.service.name}' cannot be used: {reason}.\n"
                        f"The end of {runner.log_file}:\n{last_lines(runner.log_file, 20)}"
                    )
            time.sleep(_LOOK_SECONDS / 5)

    def wait(self) -> None:
        """Wait until Ctrl-C, SIGTERM or SIGHUP, while services that end by themselves are started again."""
        with suppress(KeyboardInterrupt):
            while True:
                self._check()
                self._ending.wait(1)

    def _check(self) -> None:
        if self._crash is not None:
            raise RuntimeError("The watch over the services broke") from self._crash

    def _watch(self) -> None:
        try:
            while not self._ending.is_set():
                ready = {runner.service.name for runner in self._runners if runner.was_ready}
                for runner in list(self._runners):
                    runner.look(self._home, ready)
                    bound_log(runner.log_file, _LOG_LIMIT_BYTES)
                self._ending.wait(_LOOK_SECONDS)
        except BaseException as error:
            self._crash = error
            raise

    def _end_all(self) -> None:
        """End every service and what they started; returns when nothing is left or cannot be ended."""
        self._ending.set()
        if self._watcher.is_alive():
            self._watcher.join()
        end_marked(self._home)
        for runner in self._runners:
            if runner.process is not None:
                with suppress(subprocess.TimeoutExpired):
                    runner.process.wait(timeout=1)


@contextmanager
def supervised(home: Path, ui_url: str) -> Iterator[Services]:
    """Have the services of a data folder to ourselves; at the end of the block none of them is left.

    Ctrl-C, SIGTERM and SIGHUP raise KeyboardInterrupt in the block, once: while the services are ended,
    which takes half a minute at most, they are passed over. Only for the main thread.

    Args:
        home: the data folder; the logs are `<home>/logs/<service>.log`.
        ui_url: what a second `up` or `demo` on this data folder is told.

    Raises:
        AlreadyRunningError: they run already, in another process.
    """
    home = home.resolve()
    interrupted = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        if not interrupted:
            interrupted = True
            raise KeyboardInterrupt

    with holding(home, ui_url):
        end_marked(home)  # what is left of one that was killed
        services = Services(home)
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = [signal.signal(number, interrupt) for number in numbers]
        try:
            yield services
        finally:
            interrupted = True
            services._end_all()
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)


def end_marked(home: Path) -> None:
    """End all services of `home` and all they started, by SIGTERM first."""
    # More than once, for those that were being started meanwhile; nobody is asked for long then.
    for grace_seconds in (_GRACE_SECONDS, 1.0, 1.0):
        if not (found := marked_processes(home)):
            return
        _log.info("Ending %d processes", len(found))
        end_processes(found, grace_seconds)
    if left := marked_processes(home):
        _log.error("These processes cannot be ended: %s", ", ".join(str(process.pid) for process in left))
