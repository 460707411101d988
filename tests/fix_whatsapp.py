"""Fixtures: a simulated WhatsApp Cloud API on a free port, and a plain subscriber of its webhooks."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from simulators.whatsapp.whatsapp import SimulatedWhatsApp
from tests.serving import serving

VERSION = "v25.0"


@dataclass
class Subscriber:
    """Takes webhooks in as a careful subscriber does, and remembers what came.

    Attributes:
        app_secret: by which it checks signatures.
        verify_token: by which it proves itself.
        bodies: raw bodies that it acknowledged, in order.
        refused: how many it refused for their signature.
        answers: HTTP statuses for the next posts, 200 once they are used up.
        delay_seconds: how long it takes.
    """

    app_secret: str
    verify_token: str
    bodies: list[bytes] = field(default_factory=list)
    refused: int = 0
    answers: deque[int] = field(default_factory=deque)
    delay_seconds: float = 0.0
    url: str = ""

    def app(self) -> Starlette:
        """What is served."""
        return Starlette(
            routes=[Route("/hook", self._prove, methods=["GET"]), Route("/hook", self._take, methods=["POST"])]
        )

    def values(self) -> list[dict[str, Any]]:
        """All `value`s that came, in order."""
        return [
            change["value"]
            for body in self.bodies
            for entry in json.loads(body)["entry"]
            for change in entry["changes"]
        ]

    def items(self, key: str) -> list[dict[str, Any]]:
        """All messages, statuses or message_echoes that came, in order."""
        return [item for value in self.values() for item in value.get(key, [])]

    async def _prove(self, request: Request) -> Response:
        asked = request.query_params
        if asked.get("hub.mode") != "subscribe" or asked.get("hub.verify_token") != self.verify_token:
            return PlainTextResponse("no", 403)
        return PlainTextResponse(asked["hub.challenge"])

    async def _take(self, request: Request) -> Response:
        body = await request.body()
        signature = "sha256=" + hmac.new(self.app_secret.encode(), body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(signature, request.headers.get("x-hub-signature-256", "")):
            self.refused += 1
            return PlainTextResponse("no", 401)
        await asyncio.sleep(self.delay_seconds)
        status = self.answers.popleft() if self.answers else 200
        if status == 200:
            self.bodies.append(body)
        return PlainTextResponse("", status)


@dataclass
class WhatsAppClient:
    """Asks the simulated API as plainly as can be, and shows what came."""

    whatsapp: SimulatedWhatsApp
    http: httpx.Client

    def post(self, body: dict[str, Any], *, version: str = VERSION, **how: Any) -> httpx.Response:  # noqa: ANN401
        """Post to `/messages`."""
        return self.http.post(f"/{version}/{self.whatsapp.phone_number_id}/messages", json=body, **how)

    def send(self, to: str, text: str, **more: Any) -> httpx.Response:  # noqa: ANN401
        """Send a text."""
        asked = {"messaging_product": "whatsapp", "recipient_type": "individual", "to": to, "type": "text"}
        return self.post(asked | {"text": {"body": text}} | more)

    def get(self, path: str, **params: Any) -> httpx.Response:  # noqa: ANN401
        """Get anything below the version."""
        return self.http.get(f"/{VERSION}/{path}", params=params)


@pytest.fixture
def make_whatsapp() -> Iterator[Callable[..., SimulatedWhatsApp]]:
    """A function that starts a simulated Cloud API with unusual settings: `make_whatsapp(limits=Limits.none())`."""
    with ExitStack() as running:

        def make(**how: Any) -> SimulatedWhatsApp:  # noqa: ANN401
            return running.enter_context(SimulatedWhatsApp(**how))

        yield make


@pytest.fixture
def whatsapp(make_whatsapp: Callable[..., SimulatedWhatsApp]) -> SimulatedWhatsApp:
    """A simulated Cloud API that listens until the test's end."""
    return make_whatsapp()


@pytest.fixture
def subscribe() -> Iterator[Callable[[SimulatedWhatsApp], Subscriber]]:
    """A function that serves a subscriber, verified by that simulated API, until the test's end."""
    with ExitStack() as running:

        def make(whatsapp: SimulatedWhatsApp) -> Subscriber:
            subscriber = Subscriber(whatsapp.app_secret, whatsapp.verify_token)
            subscriber.url = running.enter_context(serving(subscriber.app())) + "/hook"
            assert whatsapp.verify(subscriber.url)
            return subscriber

        yield make


@pytest.fixture
def whatsapp_client() -> Iterator[Callable[[SimulatedWhatsApp], WhatsAppClient]]:
    """A function that returns a plain client of a simulated API."""
    with ExitStack() as running:

        def make(whatsapp: SimulatedWhatsApp) -> WhatsAppClient:
            headers = {"Authorization": f"Bearer {whatsapp.token}"}
            http = running.enter_context(httpx.Client(base_url=whatsapp.url, headers=headers, timeout=5))
            return WhatsAppClient(whatsapp, http)

        yield make
