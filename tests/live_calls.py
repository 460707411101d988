"""Calls told to a warehouse, employees logged in at a gateway, and readers of its streams."""

from __future__ import annotations

import http.client
import json
import queue
import secrets
import socket
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
from sqlalchemy import text

from gateway.passwords import hash_of_token
from gateway.people import COOKIE
from resources.warehouse import Warehouse
from tests.fix_gateway import IVANOV, TOKEN, execute


def leg(kind: str, leg_id: str, call: str = "c1", **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return an event as `store_call_events` takes it, of this moment."""
    now = datetime.now(UTC).isoformat()
    told = {"kind": kind, "leg_id": leg_id, "linkedid": call, "received_at": now, "is_inferred": False, "raw": {}}
    return told | {"number": IVANOV, "direction": "in"} | more


def tell(warehouse: Warehouse, *events: dict[str, Any], pbx: str = "office") -> None:
    """Store events as a listener does."""
    with warehouse.transaction() as connection:
        connection.execute(
            text("SELECT switchboard.store_call_events(:pbx, 'ami', 'Europe/Moscow', CAST(:events AS jsonb))"),
            {"pbx": pbx, "events": json.dumps(events)},
        )


def ring(warehouse: Warehouse, call: str, *extensions: str, number: str = IVANOV) -> None:
    """Let a client's call ring at extensions; leg ids are `call/extension`."""
    tell(
        warehouse,
        leg("ringing", f"{call}/client", call, number=number),
        *(leg("ringing", f"{call}/{each}", call, extension=each, number=number) for each in extensions),
    )


def logged_in(
    warehouse: Warehouse, employee_id: str, *, is_supervisor: bool = False, opens_card_on: str = "ringing"
) -> dict[str, str]:
    """Open a session for an employee; return the cookie as headers."""
    token = secrets.token_urlsafe(8)
    execute(
        warehouse,
        "INSERT INTO employee_logins (employee_id, is_supervisor, opens_card_on) VALUES (:who, :sees_all, :policy) "
        "ON CONFLICT (employee_id) DO UPDATE SET opens_card_on = :policy, is_supervisor = :sees_all",
        "INSERT INTO login_sessions (token_hash, employee_id, expires_at) "
        "VALUES (:hash, :who, now() + interval '1 day')",
        who=employee_id,
        sees_all=is_supervisor,
        policy=opens_card_on,
        hash=hash_of_token(token),
    )
    return {"Cookie": f"{COOKIE}={token}"}


def card_api(url: str, path: str, headers: dict[str, str], **how: Any) -> httpx.Response:  # noqa: ANN401
    """Ask the card's interface as our own page does."""
    method = how.pop("method", "GET")
    own = {"Origin": url} | headers
    return httpx.request(method, f"{url}/card/api/{path}", headers=own, timeout=10, trust_env=False, **how)


BEARER = {"Authorization": f"Bearer {TOKEN}"}


class Reader:
    """Somebody who reads a stream, in a thread, until the block ends or the stream does.

    Args:
        url: of the gateway.
        headers: who they are.
        path: of the stream.
        after: the last id they have.
    """

    def __init__(
        self, url: str, headers: dict[str, str], path: str = "/card/api/events", after: int | None = None
    ) -> None:
        self.frames: queue.Queue[tuple[str, Any]] = queue.Queue()
        self.last_id = after
        self.ended = threading.Event()
        if after is not None:
            headers = headers | {"Last-Event-ID": str(after)}
        address = urlsplit(url)
        self._connection = http.client.HTTPConnection(address.netloc, timeout=30)
        self._connection.request("GET", path, headers=headers)
        self._socket = self._connection.sock
        self._response = self._connection.getresponse()
        self.status = self._response.status
        self.headers = self._response.headers
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()

    def cut(self) -> None:
        """Cut the connection."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._response.close()
        self._connection.close()

    def next(self, event: str = "call", seconds: float = 10) -> Any:  # noqa: ANN401
        """Wait for the next frame of a name; return its data."""
        until = time.monotonic() + seconds
        while True:
            name, data = self.frames.get(timeout=max(0.01, until - time.monotonic()))
            if name == event:
                return data

    def calls(self, count: int) -> list[Any]:
        """Wait for so many events of calls."""
        return [self.next() for _ in range(count)]

    def begun(self) -> Self:
        """Wait until the stream has begun."""
        self.next("hello")
        return self

    def is_silent(self, seconds: float = 0.6) -> bool:
        """Tell whether no event of a call comes for a while."""
        try:
            self.next(seconds=seconds)
        except queue.Empty:
            return True
        return False

    def _read(self) -> None:
        name, data, event_id = "", "", ""
        with suppress(OSError, http.client.HTTPException, ValueError, AttributeError):
            while line := self._response.readline():
                field, _, value = line.decode().rstrip("\n").partition(": ")
                if field == "event":
                    name = value
                elif field == "data":
                    data = value
                elif field == "id":
                    event_id = value
                elif not line.strip():
                    # As a browser takes it: the id counts when the frame is whole.
                    self.last_id = int(event_id) if event_id else self.last_id
                    if name:
                        self.frames.put((name, json.loads(data)))
                    elif event_id:
                        self.frames.put(("ping", int(event_id)))
                    name, data, event_id = "", "", ""
        self.ended.set()
