"""The simulated infobase as an ASGI application: who may, what goes wrong, which resource is meant.

Public source of the rules: 1C:Enterprise 8.3 developer guide, chapter 17.4. What it leaves open is a switch.
"""

from __future__ import annotations

import asyncio
import base64
from collections import deque
from dataclasses import dataclass, field
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from simulators.cutting import cutting
from simulators.onec import render
from simulators.onec.errors import EXCEPTION, OdataError
from simulators.onec.faults import Fault, FaultKind, Faults
from simulators.onec.query import Visible, parse_options
from simulators.onec.resources import Call, Habits, answered
from simulators.onec.store import Store

SEGMENT_LIMIT = 260
REMEMBERED_REQUESTS = 10_000
LOGIN_PAGE = "<!DOCTYPE html><html><head><title>1С:Предприятие</title></head><body>Вход в систему</body></html>"


@dataclass
class User:
    """A user of the infobase.

    Attributes:
        password: plain text, compared in UTF-8.
        visible: for a set restricted on the level of rows, which entities the user may see.
    """

    password: str
    visible: dict[str, Visible] = field(default_factory=dict)


@dataclass
class SimulatedOnec:
    """One simulated publication of an infobase.

    Attributes:
        store: its data and metadata; give the store another schema to change the configuration.
        users: by login.
        base: name of the publication, first segment of its addresses.
        habits: what differs between platforms.
        faults: what goes wrong.
        language: of the error texts' `lang`.
        requests: method, decoded path and query of the last requests, for tests that count them.
    """

    store: Store
    users: dict[str, User] = field(default_factory=lambda: {"Робот": User("пароль")})
    base: str = "base"
    habits: Habits = field(default_factory=Habits)
    faults: Faults = field(default_factory=Faults)
    language: str = "ru"
    requests: deque[str] = field(default_factory=lambda: deque(maxlen=REMEMBERED_REQUESTS))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        prefix = f"/{self.base}/odata/standard.odata"
        path = unquote(scope["raw_path"].decode("ascii"))
        if path.startswith("/_sim/"):
            await (await self._control(request))(scope, receive, send)
            return
        self.requests.append(f"{request.method} {path}?{unquote(request.url.query)}")
        answer: Response
        fault: Fault | None = None
        if any(len(segment) > SEGMENT_LIMIT for segment in path.split("/")):
            answer = HTMLResponse("<h2>Bad Request - Invalid URL</h2>", 400)
        elif path != prefix and not path.startswith(f"{prefix}/"):
            answer = HTMLResponse(render.HTML_ERROR.format("Публикация не найдена"), 404)
        else:
            fault = self.faults.meet(request.method, path, _top(request))
            answer = await self._guarded(request, path.removeprefix(prefix).strip("/"), fault)
        if fault and fault.kind is FaultKind.lost_answer:
            await send(
                {"type": "http.response.start", "status": answer.status_code, "headers": [(b"content-length", b"9")]}
            )
            raise ConnectionResetError("the simulated fault 'lost_answer' ends the connection here")
        await answer(scope, receive, cutting(send) if fault and fault.kind is FaultKind.cut else send)

    async def _guarded(self, request: Request, path: str, fault: Fault | None) -> Response:
        if fault and fault.kind is FaultKind.delay:
            await asyncio.sleep(fault.seconds)
        user = self._user(request)
        if user is None or (fault and fault.kind is FaultKind.unauthorised):
            return Response(b"", 401, {"WWW-Authenticate": 'Basic realm="1C:Enterprise 8.3"'})
        asked_json, detail = render.wanted_json(
            request.query_params.get("$format", ""), request.headers.get("accept", "")
        )
        wire = render.Wire(f"{str(request.base_url).rstrip('/')}/{self.base}/odata/standard.odata", asked_json, detail)
        is_platform = fault is not None and fault.kind in {FaultKind.platform, FaultKind.device_full}
        try:
            options = parse_options(request.url.query)
            refused = _failed(fault)
            if refused is not None:
                return refused
            call = Call(
                method=request.method,
                path=path,
                options=options,
                body=await request.body(),
                headers=request.headers,
                wire=wire,
                visible=user.visible,
                is_empty=fault is not None and fault.kind is FaultKind.empty,
            )
            return answered(call, self.store, self.habits)
        except OdataError as error:
            body, content_type = render.error_body(
                error, is_json=wire.is_json, language=self.language, is_platform=is_platform
            )
            return Response(body, error.status, media_type=content_type)

    def _user(self, request: Request) -> User | None:
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            login, _, password = base64.b64decode(encoded).decode("utf-8").partition(":")
        except ValueError:
            return None
        user = self.users.get(login)
        return user if user and user.password == password else None

    async def _control(self, request: Request) -> Response:
        """Serve the control for tests and demonstrations: faults, and what was asked."""
        if request.url.path == "/_sim/requests":
            return JSONResponse(list(self.requests))
        if request.url.path != "/_sim/faults":
            return JSONResponse({}, 404)
        if request.method == "DELETE":
            self.faults.switch_off()
        else:
            self.faults.switch_on(**await request.json())
        return JSONResponse({})


def _failed(fault: Fault | None) -> Response | None:
    match fault.kind if fault else None:
        case FaultKind.html:
            return HTMLResponse(LOGIN_PAGE)
        case FaultKind.blank:
            return Response(b"")
        case FaultKind.unavailable:
            return HTMLResponse(render.HTML_ERROR.format("Монопольный режим установлен"), 503)
        case FaultKind.device_full:
            raise OdataError(500, EXCEPTION, "Ошибка записи файла: No space left on device")
        case FaultKind.platform:
            raise OdataError(500, EXCEPTION, "Ошибка выполнения запроса СУБД")
        case FaultKind.handler:
            raise OdataError(500, EXCEPTION, "{Документ.Модуль(17)}: Запись запрещена датой запрета изменений")
    return None


def _top(request: Request) -> int | None:
    text = request.query_params.get("$top", "")
    return int(text) if text.isdigit() else None
