"""Look-ups as MIKO's daemon `amid` answers them at 127.0.0.1:8224: `getivrtext`, `getcallerid`, `setcallbacknumber`.

    {"result": "Success", "data": {...}}    {"result": "Error", "data": "<text>", "cause": "<text>"}

A PBX that gets an error goes its failover way. Names are given while the switch `contact_exchange` is on, menus
always. The token comes as a header or as `?token=`; look-ups of programs on this machine may be let in without one,
because the daemon asks for none.
"""

from __future__ import annotations

import json
from typing import Any, Literal
from urllib.parse import quote

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.answers import TEST_CALL, Answer, Answers
from gateway.config import GatewayConfig
from gateway.database import NoAnswerError
from gateway.doors import check_token, is_local, number_of


class LookUp(BaseModel):
    """What the daemon's forms answer."""

    result: Literal["Success", "Error"]
    data: dict[str, Any] | str
    cause: str = ""


def make_routes(answers: Answers, config: GatewayConfig) -> list[Route]:
    """Return the addresses and what answers there."""
    voice = voice_of(config)

    def check(request: Request) -> None:
        if not (config.trusts_loopback and is_local(request)):
            check_token(request, config)

    async def getivrtext(request: Request) -> Response:
        check(request)
        try:
            return _success(menu_of(await answers.of(number_of(request, is_needed=False) or TEST_CALL), voice))
        except NoAnswerError as error:
            return _error(str(error))

    async def getcallerid(request: Request) -> Response:
        check(request)
        try:
            caller = await answers.caller(number_of(request))
        except NoAnswerError as error:
            return _error(str(error))
        # With an error the PBX goes on showing the number.
        if not caller.is_exchange_on:
            return _error(f"Callers' names are not given now: {caller.switch_reason}.")
        if caller.party_id is None:
            return _error("Nobody is known by this number.")
        return _success({"caller_id": caller.caller_name, "client": caller.client_name})

    async def setcallbacknumber(request: Request) -> Response:
        check(request)
        try:
            await answers.keep_callback_number(request.client.host if request.client else "", number_of(request))
        except NoAnswerError as error:
            return _error(str(error))
        return _success({})

    return [
        Route("/getivrtext", getivrtext),
        Route("/getcallerid", getcallerid),
        Route("/setcallbacknumber", setcallbacknumber, methods=["POST"]),
    ]


def voice_of(config: GatewayConfig) -> dict[str, Any]:
    """Return what the PBX speaks a menu with: the service, the voice and the service's key.

    Raises:
        ValueError: the key of CRT is no JSON object.
    """
    spoken = {"tts_service": config.tts_service, "dictor": config.dictor}
    if config.tts_service == "Yandex":
        return spoken | {"api_key": config.tts_api_key}
    try:
        login = json.loads(config.tts_api_key or "{}")
    except ValueError:
        login = None
    if not isinstance(login, dict):
        raise ValueError(
            "gateway.tts_api_key: CRT logs in with a JSON object, such as "
            '{"username": "...", "domain_id": 1, "password": "..."}.'
        )
    return spoken | {"auth": login}


def menu_of(answer: Answer, voice: dict[str, Any]) -> dict[str, Any]:
    """Return the voice menu as ModuleSmartIVR reads it; its phrases are url-encoded."""
    return voice | {"texttospeech": [quote(phrase, safe="") for phrase in answer.phrases]}


def _success(data: dict[str, Any]) -> Response:
    return JSONResponse({"result": "Success", "data": data})


def _error(text: str) -> Response:
    # Older panels read `data`, newer ones `cause`.
    return JSONResponse({"result": "Error", "data": text, "cause": text})
