"""What stands before every endpoint: rate limit and block, faults, authentication.

Public source of the rules: MikoPBX core, `lua/unified-security.lua` and the API's `Request.php`.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from simulators.cutting import cutting
from simulators.mikopbx.clock import Clock
from simulators.mikopbx.faults import Fault, FaultKind, Faults

OPEN_PATHS = (
    "/pbxcore/api/cdr/",
    "/pbxcore/mega-pbx/",
    "/pbxcore/mts-pbx/",
    "/pbxcore/api/nchan/",
    "/pbxcore/api/v3/cdr:playback",
    "/pbxcore/api/v3/cdr:download",
)
"""Paths without a key: the older endpoints are protected by a firewall only; nchan and recordings have tokens."""

REMEMBERED_REQUESTS = 10_000

HTML_PAGE = "<!DOCTYPE html><html><head><title>MikoPBX</title></head><body>Sign in</body></html>"


@dataclass
class RateLimit:
    """Requests per minute and address; above it 429, and the address is blocked, twice as long each time.

    Attributes:
        per_minute: 0 switches it off.
        block_seconds: length of the first block.
    """

    per_minute: int = 0
    block_seconds: float = 300
    longest_block_seconds: float = 3600
    burst: int = 20


@dataclass
class _Address:
    """What is remembered of one address."""

    recent: deque[float] = field(default_factory=deque)
    blocked_until: float = 0
    blocks: int = 0


@dataclass
class Guard:
    """Wraps the application.

    Attributes:
        requests: method, path and query of the last requests, for tests that count them.
    """

    app: ASGIApp
    clock: Clock
    faults: Faults
    api_key: str
    rate_limit: RateLimit
    requests: deque[str] = field(default_factory=lambda: deque(maxlen=REMEMBERED_REQUESTS))
    _addresses: defaultdict[str, _Address] = field(default_factory=lambda: defaultdict(_Address))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the application answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        path = request.url.path
        if path.startswith("/_sim/"):
            await self.app(scope, receive, send)
            return
        self.requests.append(f"{request.method} {path}?{request.url.query}")
        address = self._addresses[request.client.host if request.client else ""]
        answer = self._limited(address)
        fault = None if answer else self.faults.meet(path)
        if fault:
            if fault.kind in {FaultKind.delay, FaultKind.time_out}:
                await asyncio.sleep(fault.seconds)
            answer = self._faulty(fault, path, address)
        if answer is None and not path.startswith(OPEN_PATHS):
            answer = self._unauthorised(request)
        if answer is not None:
            await answer(scope, receive, send)
        elif fault and fault.kind is FaultKind.cut:
            await self.app(scope, receive, cutting(send))
        else:
            scope["fault"] = fault.kind if fault else None
            await self.app(scope, receive, send)

    def _limited(self, address: _Address) -> Response | None:
        now = self.clock.now().timestamp()
        if now < address.blocked_until:
            return _too_many()
        if not self.rate_limit.per_minute:
            return None
        address.recent.append(now)
        while address.recent[0] < now - 60:
            address.recent.popleft()
        is_over = len(address.recent) > self.rate_limit.per_minute + self.rate_limit.burst
        return self._block(address) if is_over else None

    def _block(self, address: _Address) -> Response:
        seconds = min(self.rate_limit.block_seconds * 2**address.blocks, self.rate_limit.longest_block_seconds)
        address.blocks += 1
        address.blocked_until = self.clock.now().timestamp() + seconds
        address.recent.clear()
        return _too_many()

    def _faulty(self, fault: Fault, path: str, address: _Address) -> Response | None:
        match fault.kind:
            case FaultKind.empty:
                headers = {"X-STATE": "FAIL-CDR-TUBE"} if "-pbx/" in path else {}
                return Response(b"", 200, headers)
            case FaultKind.time_out:
                return Response(b"", 504)
            case FaultKind.html:
                return HTMLResponse(HTML_PAGE)
            case FaultKind.unauthorised:
                return failure(401, "The user isn't authenticated.")
            case FaultKind.too_many:
                return self._block(address)
            case FaultKind.unavailable:
                return failure(503, "Service temporarily unavailable, please retry later")
            case _:
                return None

    def _unauthorised(self, request: Request) -> Response | None:
        if request.headers.get("authorization") == f"Bearer {self.api_key}":
            return None
        return failure(401, "The user isn't authenticated.")


def _too_many() -> Response:
    """Return what the PBX's web server says to a blocked address; there is no Retry-After."""
    return PlainTextResponse("Too many requests", 429)


def failure(status: int, text: str) -> Response:
    """Return REST v3's error envelope."""
    return JSONResponse(
        {"result": False, "data": [], "messages": {"error": [text]}, "function": "", "processor": "", "pid": 1,
         "meta": {}},
        status,
    )  # fmt: skip
