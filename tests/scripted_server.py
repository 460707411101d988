"""A server on loopback that answers what a test tells it to, and bounds that make tests quick."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from resources.telephony.http import HttpBounds

QUICK = HttpBounds(
    connect_seconds=2,
    read_seconds=2,
    total_seconds=5,
    wait_initial_seconds=0.001,
    wait_max_seconds=0.002,
    wait_jitter_seconds=0.001,
    requests_per_minute=0,
)


@dataclass
class Reply:
    """What the scripted server says; `cut_at` ends the connection after so many bytes of the body."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut_at: int | None = None
    delay_seconds: float = 0.0
    trickle: bool = False


@dataclass
class Asked:
    """A request the server saw."""

    path: str
    query: dict[str, str]
    authorization: str
    at_seconds: float


class Stage:
    """A server on loopback that answers whatever `answer` says, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answer: Callable[[Asked], Reply] = lambda _: Reply(status=404)
        stage = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # header and body in one packet, as a real server sends them

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = dict(parse_qsl(parts.query, keep_blank_values=True))
                asked = Asked(parts.path, query, self.headers.get("Authorization", ""), time.monotonic())
                stage.asked.append(asked)
                reply = stage.answer(asked)
                time.sleep(reply.delay_seconds)
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.close_connection = reply.cut_at is not None
                body = reply.body[: reply.cut_at]
                try:
                    if not reply.trickle:
                        self.wfile.write(body)
                        self.wfile.flush()
                    for byte in body if reply.trickle else b"":
                        self.wfile.write(bytes([byte]))
                        self.wfile.flush()
                        time.sleep(0.05)
                except OSError:
                    self.close_connection = True  # the client has gone, as it should

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        """Where the server listens."""
        return f"http://127.0.0.1:{self.port}"

    def say(self, *replies: Reply) -> None:
        """Give these replies one after the other, the last one for good."""
        left = list(replies)
        self.answer = lambda _: left.pop(0) if len(left) > 1 else left[0]

    @contextmanager
    def open(self) -> Iterator[Stage]:
        """Serve until the end of the block."""
        self._thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
