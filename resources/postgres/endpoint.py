"""Where the running server is found, as its supervisor leaves it for the others."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from resources.postgres.cluster import ROLE

READY, BUSY = "ready", "busy"
"""What a supervisor says to its starter: its server answers, or another supervisor has the folder."""


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        port: where it listens on 127.0.0.1; another at every start.
        password: of the only role.
    """

    port: int
    password: str = field(repr=False)

    def url(self, database: str) -> str:
        """Return the URL of a database, whether that database is there or not."""
        return f"postgresql://{ROLE}:{self.password}@127.0.0.1:{self.port}/{database}"


class Endpoint:
    """The file `endpoint.json`: there while a server is up, except after its supervisor was killed."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "endpoint.json"

    def write(self, server: Server) -> None:
        """Announce a server, at once and completely."""
        unfinished = self._file.with_suffix(".new")
        unfinished.unlink(missing_ok=True)
        unfinished.touch(mode=0o600)
        unfinished.write_text(json.dumps(asdict(server)))
        os.replace(unfinished, self._file)

    def read(self) -> Server | None:
        """Return the server announced last; it need not be there any more."""
        try:
            return Server(**json.loads(self._file.read_text()))
        except FileNotFoundError:
            return None

    def remove(self) -> None:
        """Announce no server."""
        self._file.unlink(missing_ok=True)
