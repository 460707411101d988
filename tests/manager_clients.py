"""The plainest clients of a manager, for tests of its simulator: they send bytes and show what came."""

from __future__ import annotations

import socket
import time
from types import TracebackType

import httpx

END = b"\r\n\r\n"


class AmiWire:
    """One AMI connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        self.received = b""

    def __enter__(self) -> AmiWire:
        self.greeting = self.take(b"\r\n")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def take(self, until: bytes = END) -> bytes:
        """Return what comes up to and with `until`."""
        while until not in self.received:
            part = self.socket.recv(65536)
            if not part:
                raise EOFError(self.received)
            self.received += part
        end = self.received.index(until) + len(until)
        taken, self.received = self.received[:end], self.received[end:]
        return taken

    def take_fields(self) -> dict[str, str]:
        """Return the next message by its keys."""
        lines = self.take().decode().strip().split("\r\n")
        return {key: value for key, _, value in (line.partition(": ") for line in lines)}

    def send(self, **fields: str) -> None:
        """Send an action."""
        self.socket.sendall(b"".join(f"{key}: {value}\r\n".encode() for key, value in fields.items()) + b"\r\n")

    def ask(self, **fields: str) -> dict[str, str]:
        """Send an action and return the next message."""
        self.send(**fields)
        return self.take_fields()

    def log_in(self, secret: str, events: str = "on") -> None:
        """Log in, and take the acceptance and FullyBooted."""
        self.send(Action="Login", Username="listener", Secret=secret, Events=events)
        assert b"Authentication accepted" in self.take()
        if events != "off":
            assert b"Event: FullyBooted" in self.take()

    def is_quiet(self, seconds: float = 0.15) -> bool:
        """Tell whether nothing comes for so long."""
        self.socket.settimeout(seconds)
        try:
            self.received += self.socket.recv(65536)
        except TimeoutError:
            return not self.received
        finally:
            self.socket.settimeout(5)
        return False

    def wait_closed(self) -> None:
        """Wait until the other side has ended it, whichever way."""
        deadline = time.monotonic() + 5
        try:
            while self.socket.recv(65536):
                assert time.monotonic() < deadline
        except ConnectionResetError:
            return


class AjamWire:
    """One client of the HTTP manager, with its cookie."""

    def __init__(self, url: str, page: str = "rawman") -> None:
        self.client = httpx.Client(base_url=url, timeout=5)
        self.page = page

    def __enter__(self) -> AjamWire:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()

    def get(self, **query: str) -> httpx.Response:
        """Ask for an action."""
        return self.client.get(f"/{self.page}", params=query)

    def log_in(self, secret: str) -> httpx.Response:
        """Log in, and wait once in vain, as after each log-in."""
        response = self.get(action="login", username="listener", secret=secret)
        self.get(action="waitevent", timeout="0")
        return response

    def wait(self, timeout: int = 5) -> str:
        """Wait for events and return the answer's body."""
        return self.get(action="waitevent", timeout=str(timeout)).text
