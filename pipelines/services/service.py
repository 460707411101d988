"""What a service is: a command that keeps running, and how to see that it does its work."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx


class ServiceFailedError(Exception):
    """A service cannot do its work; the text says why and where its log is."""


def answers_http(url: str) -> Callable[[], bool]:
    """Return a check that `url` answers with a status below 400."""

    def check() -> bool:
        try:
            return httpx.get(url, timeout=2, trust_env=False).status_code < 400
        except httpx.HTTPError:
            return False

    return check


@dataclass(frozen=True)
class Service:
    """A command that keeps running until it is told to end.

    Attributes:
        name: for people and for its log, `<home>/logs/<name>.log`.
        argv: the command line, with the full path of the program.
        environment: added to that of the supervisor.
        folder: where it runs.
        is_ready: whether it does its work by now; asked until it first says yes after each start. Raises
            `ServiceFailedError` when it sees that this will not happen.
        needs: names of services that must be ready before this one is started for the first time.
        restarts: whether it is started again when it ends by itself.
    """

    name: str
    argv: Sequence[str | os.PathLike[str]]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    folder: Path | None = None
    is_ready: Callable[[], bool] = lambda: True
    needs: tuple[str, ...] = ()
    restarts: bool = True
