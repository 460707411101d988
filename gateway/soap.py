"""SOAP 1.1 services as 1C publishes them to MikoPBX, so that a PBX can point at us instead of 1C.

    /{base}/ws/MIKO_IVRGenerator4SmartTransfer.1cws   getivrtext, setcallbacknumber   (ModuleSmartIVR, library 1.0)
    /{base}/ws/miko_crm_api.1cws                      user_list, call_event           (panel 2.0 and 4.0)

Basic auth. The result is a JSON text in `m:<function>Response/m:return`; clients find the namespaces by the prefixes
`soap` and `m`. 1C keeps a session where a request says `IBSession: start` and hands out a cookie; here any request is
served, with the header, the cookie or neither, and the cookie means nothing. `?wsdl` answers the description.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from importlib.resources import files
from string import Template
from typing import Any
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape, quoteattr

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.answers import TEST_CALL, Answers
from gateway.config import GatewayConfig
from gateway.database import NoAnswerError, RefusedError
from gateway.doors import LONGEST_NUMBER, body_of, has_password
from gateway.events import PROVIDER_CALLS, Webhooks
from gateway.lookups import menu_of, voice_of

SMART_TRANSFER = "http://wiki.miko.ru/doc:1cajam:smarttransfer"
CRM_API = "http://wiki.miko.ru/uniphone:crmapi"

_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_DOOR = "miko_crm_api"
_XML = "text/xml; charset=utf-8"

_log = logging.getLogger(__name__)

Operation = Callable[[Mapping[str, str], Request], Awaitable[Any]]


class _FaultError(Exception):
    """A request that cannot be served.

    Attributes:
        code: `Client` where the request is wrong, `Server` where we are.
    """

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code


def make_routes(answers: Answers, config: GatewayConfig, webhooks: Webhooks) -> list[Route]:
    """Return the addresses and what answers there."""
    voice = voice_of(config)

    async def getivrtext(given: Mapping[str, str], _request: Request) -> dict[str, Any]:
        return menu_of(await answers.of(_number(given) or TEST_CALL), voice)

    async def setcallbacknumber(given: Mapping[str, str], request: Request) -> dict[str, Any]:
        await answers.keep_callback_number(request.client.host if request.client else "", _number(given))
        return {"result": "Success"}

    async def user_list(_given: Mapping[str, str], _request: Request) -> list[dict[str, Any]]:
        return await answers.employees()

    async def call_event(given: Mapping[str, str], _request: Request) -> dict[str, Any]:
        subject, data = given.get("Subject", ""), given.get("Data", "")
        try:
            if not (subject == PROVIDER_CALLS and config.webhook_pbx and await taken_in(subject, data)):
                await answers.keep_event(_DOOR, subject, data)
        except RefusedError:
            raise _FaultError("Client", "Data is no JSON that can be stored.") from None
        return {"result": "Success"}

    async def taken_in(subject: str, data: str) -> bool:
        try:
            await webhooks.take(config.webhook_pbx, _DOOR, subject, json.loads(data))
        except (ValueError, RecursionError) as error:
            # Whoever sent it would only send it again: it is kept for people to look at.
            words = "it is no JSON" if isinstance(error, json.JSONDecodeError) else error
            _log.warning("A call event that came by SOAP cannot be read: %s", words)
            return False
        return True

    return [
        _service(config, name, namespace, {each.__name__: each for each in operations})
        for name, namespace, operations in (
            ("MIKO_IVRGenerator4SmartTransfer", SMART_TRANSFER, (getivrtext, setcallbacknumber)),
            ("miko_crm_api", CRM_API, (user_list, call_event)),
        )
    ]


def _service(config: GatewayConfig, name: str, namespace: str, operations: Mapping[str, Operation]) -> Route:
    description = Template(files("gateway").joinpath("wsdl", f"{name}.wsdl").read_text("utf-8"))

    async def serve(request: Request) -> Response:
        if not has_password(request, config):
            return Response(
                "The login or the password is wrong.", 401, {"WWW-Authenticate": 'Basic realm="Switchboard"'}
            )
        if request.method == "GET":
            address = str(request.url.replace(query=""))
            return Response(description.substitute(address=quoteattr(address)[1:-1]), media_type=_XML)
        response = await _served(request, namespace, operations)
        if request.headers.get("ibsession", "").lower() == "start":
            response.set_cookie("ibsession", "stateless", httponly=True)
        return response

    return Route(f"/{{base}}/ws/{name}.1cws", serve, methods=["POST", "GET"])


async def _served(request: Request, namespace: str, operations: Mapping[str, Operation]) -> Response:
    try:
        asked = _asked(await body_of(request))
        local = asked.tag.removeprefix(f"{{{namespace}}}")
        if local not in operations:
            raise _FaultError("Client", f"There is no such function; there are: {', '.join(operations)}.")
        given = {part.tag.rpartition("}")[2]: (part.text or "").strip() for part in asked}
        result = json.dumps(await operations[local](given, request), ensure_ascii=True)
    except _FaultError as fault:
        return _fault(fault.code, str(fault))
    except NoAnswerError as error:
        return _fault("Server", str(error))
    return _envelope(
        f'<m:{local}Response xmlns:m="{namespace}"><m:return>{escape(result)}</m:return></m:{local}Response>'
    )


def _asked(body: bytes) -> Element:
    """Return the one element of a request's body."""
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):  # the last: an encoding nobody knows
        raise _FaultError("Client", "The body is no XML that can be read.") from None
    content = root.find(f"{{{_SOAP}}}Body") if root.tag == f"{{{_SOAP}}}Envelope" else None
    if content is None or len(content) != 1:
        raise _FaultError("Client", "The body is no SOAP 1.1 envelope with one function in it.")
    asked: Element = content[0]
    return asked


def _number(given: Mapping[str, str]) -> str:
    number = given.get("Number")
    if number is None:
        raise _FaultError("Client", "The parameter Number is missing.")
    if len(number) > LONGEST_NUMBER:
        raise _FaultError("Client", f"Number is longer than {LONGEST_NUMBER} characters.")
    return number


def _fault(code: str, words: str) -> Response:
    body = f"<soap:Fault><faultcode>soap:{code}</faultcode><faultstring>{escape(words)}</faultstring></soap:Fault>"
    return _envelope(body, 500)


def _envelope(content: str, status: int = 200) -> Response:
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<soap:Envelope xmlns:soap="{_SOAP}"><soap:Body>{content}</soap:Body>'
        "</soap:Envelope>"
    )
    return Response(text, status, media_type=_XML)
