"""Headers that keep the pages apart from other sites (W3C Content Security Policy, Fetch, Referrer Policy)."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.config import GatewayConfig

_OF_PAGES = ("/card", "/messenger", "/journal", "/login", "/logout")


class PageHeaders:
    """Adds the headers to what is answered at the pages' addresses.

    Args:
        app: what answers.
        config: which sites may show the pages in a frame.
    """

    def __init__(self, app: ASGIApp, config: GatewayConfig) -> None:
        self._app = app
        self._given = {
            "Content-Security-Policy": (
                "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
                f"frame-ancestors {config.frame_ancestors}"
            ),
            "X-Content-Type-Options": "nosniff",
            # The token of a login link stands in an address. `no-referrer` would also take the Origin from our forms.
            "Referrer-Policy": "same-origin",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, with the headers."""
        if scope["type"] != "http" or not scope["path"].startswith(_OF_PAGES):
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._given.items():
                    # What is stricter by itself, as a client's file is, stays so.
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)
