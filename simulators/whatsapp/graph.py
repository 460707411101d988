"""Graph over HTTP: who may ask, which fault is met, and the endpoints.

Public sources: Meta's OpenAPI `business-messaging-api_v23.0`, "Send messages" and "Media" (2026).
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from simulators.whatsapp import history, templates
from simulators.whatsapp.errors import GraphError, no_object
from simulators.whatsapp.faults import OF_MEDIA, OF_REQUESTS, Fault, FaultKind, Faults
from simulators.whatsapp.number import BusinessNumber
from simulators.whatsapp.truth import SentMessage

OLDEST_VERSION = 21.0
PATH = re.compile(r"/v(?P<version>\d+\.\d)/(?P<node>[\w.-]+)(?:/(?P<edge>[a-z_]+))?/?")
HTML_PAGE = "<!DOCTYPE html><html><head><title>Error</title></head><body>Sorry, something went wrong.</body></html>"
ATTACHMENTS = "/whatsapp_business/attachments/"
LEAVES_SECONDS = 0.02
"""What was written must have left before a reset, which would throw it away."""

Cut = Callable[[tuple[str, int] | None], None]


class Graph:
    """The ASGI application.

    Attributes:
        token: the bearer token that is good now.
        requests: how many came, by method and kind of path.
    """

    def __init__(
        self,
        number: BusinessNumber,
        *,
        phone_number_id: str,
        waba_id: str,
        token: str,
        faults: Faults,
        cut: Cut,
        base_url: Callable[[], str],
        control: Callable[[Request], Awaitable[Response]],
    ) -> None:
        self.token = token
        self.requests: dict[str, int] = {}
        self._number, self._faults, self._cut, self._base_url, self._control = number, faults, cut, base_url, control
        self._phone_number_id, self._waba_id = phone_number_id, waba_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, unless a fault has it otherwise."""
        request = Request(scope, receive)
        if request.url.path.startswith("/_sim/"):
            await (await self._control(request))(scope, receive, send)
            return
        body = await request.body()
        if not self._is_authorised(request):
            await _error(GraphError(190))(scope, receive, send)
            return
        fault = self._faults.meet(OF_REQUESTS, request.url.path, _addressee(body))
        if fault and fault.kind is FaultKind.cut_before:
            self._cut(scope["client"])
            return
        answer = await self._before(fault) or self._answered(request, body)
        if fault and fault.kind is FaultKind.late:
            await asyncio.sleep(fault.seconds)
        if "accepted" in scope:
            scope["accepted"].is_answered = not _is_lost(fault) and not await request.is_disconnected()
        if fault and fault.kind is FaultKind.server_error_after:
            answer = HTMLResponse(HTML_PAGE, 500)
        elif fault and fault.kind is FaultKind.malformed:
            answer = Response(bytes(answer.body)[:-9], answer.status_code, media_type="application/json")
        elif fault and fault.kind in (FaultKind.cut_after, FaultKind.cut_midway):
            if fault.kind is FaultKind.cut_midway:
                await send({"type": "http.response.start", "status": 200, "headers": answer.raw_headers})
                half = bytes(answer.body)[: len(answer.body) // 2]
                await send({"type": "http.response.body", "body": half, "more_body": True})
                await asyncio.sleep(LEAVES_SECONDS)
            self._cut(scope["client"])
            return
        await answer(scope, receive, send)

    def _is_authorised(self, request: Request) -> bool:
        return request.headers.get("authorization") == f"Bearer {self.token}"

    async def _before(self, fault: Fault | None) -> Response | None:
        if fault is None:
            return None
        match fault.kind:
            case FaultKind.slow:
                await asyncio.sleep(fault.seconds)
            case FaultKind.unavailable:
                return HTMLResponse(HTML_PAGE, 503)
            case FaultKind.server_error:
                return _error(GraphError(131000))
            case FaultKind.too_many:
                error = GraphError(130429)
                return JSONResponse(error.body, 429, {"Retry-After": f"{fault.seconds:.0f}"})
            case int() as code:
                return _error(GraphError(code))
            case _:
                pass
        return None

    def _answered(self, request: Request, body: bytes) -> Response:
        if request.url.path == ATTACHMENTS:
            return self._attachment(request)
        try:
            asked = PATH.fullmatch(request.url.path)
            if asked is None:
                raise GraphError(100, message=f"Unknown path components: {request.url.path}")
            if float(asked["version"]) < OLDEST_VERSION:
                raise GraphError(2635)
            what = f"{request.method} {asked['edge'] or 'node'}"
            self.requests[what] = self.requests.get(what, 0) + 1
            return JSONResponse(self._known(request, asked["node"], asked["edge"], body))
        except GraphError as error:
            return _error(error)

    def _known(self, request: Request, node: str, edge: str | None, body: bytes) -> Any:  # noqa: ANN401
        number, query = self._number, request.query_params
        if node == self._phone_number_id:
            match request.method, edge:
                case "POST", "messages":
                    return self._message(request, body)
                case "POST", "media":
                    return {"id": number.media.upload(body, request.headers.get("content-type", "")).id}
                case "GET", "message_history":
                    return history.history(number, query)
        elif node == self._waba_id and (request.method, edge) == ("GET", "message_templates"):
            return templates.listed(number.templates, query)
        elif edge == "events" and (found := history.events(number, node, query)):
            return found
        elif edge is None and query.get("phone_number_id", self._phone_number_id) == self._phone_number_id:
            medium = number.media.find(node, request.method)
            if request.method == "GET":
                return number.media.described(medium, self._base_url())
            if request.method == "DELETE":
                del number.media.media[node]
                return {"success": True}
        raise no_object(request.method, node)

    def _message(self, request: Request, raw: bytes) -> dict[str, Any]:
        try:
            body = json.loads(raw)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise GraphError(100, "The body is no JSON object.")
        if body.get("status") == "read":
            self._number.mark_read(body)
            return {"success": True}
        message = self._number.accept(body)
        request.scope["accepted"] = message
        return _accepted(message)

    def _attachment(self, request: Request) -> Response:
        medium = self._number.media.at_address(request.query_params.get("hash", ""))
        fault = self._faults.meet(OF_MEDIA)
        if medium is None or (fault and fault.kind is FaultKind.media_expired):
            return PlainTextResponse("URL signature expired", 404)
        data = medium.data
        if fault:
            data = bytes([data[0] ^ 0xFF]) + data[1:]
        return Response(data, media_type=medium.mime_type)


def _accepted(message: SentMessage) -> dict[str, Any]:
    contact = {"input": message.to} | ({"wa_id": message.person.shown_wa_id} if message.person.shown_wa_id else {})
    if message.person.user_id:
        contact["user_id"] = message.person.user_id
    answered: dict[str, Any] = {"id": message.wamid}
    if message.kind == "template":
        answered["message_status"] = "accepted"
    return {"messaging_product": "whatsapp", "contacts": [contact], "messages": [answered]}


def _error(error: GraphError) -> Response:
    return JSONResponse(error.body, error.status, {"WWW-Authenticate": "OAuth"} if error.status == 401 else None)


def _is_lost(fault: Fault | None) -> bool:
    return fault is not None and fault.kind in (
        FaultKind.server_error_after, FaultKind.cut_after, FaultKind.cut_midway, FaultKind.malformed
    )  # fmt: skip


def _addressee(body: bytes) -> str:
    """Return to whom a request sends, for faults of one recipient; empty where it sends nothing."""
    try:
        asked = json.loads(body or b"{}")
    except ValueError:
        return ""
    return str(asked.get("to") or asked.get("recipient") or "").lstrip("+") if isinstance(asked, dict) else ""
