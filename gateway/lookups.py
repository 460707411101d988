"""Look-ups as MIKO's daemon `amid` answers them at 127.0.0.1:8224: `getivrtext`, `getcallerid`, `setcallbacknumber`.

    {"result": "Success", "data": {...}}    {"result": "Error", "data": "<text>"}

A PBX that gets an error goes its failover way. The token comes as a header or as `?token=`; look-ups of programs on
this machine may be let in without one, because the daemon asks for none.
"""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Query, Request, status

from gateway.answers import TEST_CALL, Answer, Answers, NoAnswerError
from gateway.config import GatewayConfig
from gateway.doors import has_token, is_local

Number = Annotated[str, Query(max_length=64, description="the caller's number, in any notation")]


def make_router(answers: Answers, config: GatewayConfig) -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["MIKO look-ups"])

    def check(request: Request) -> None:
        if not (has_token(request, config) or (config.trusts_loopback and is_local(request))):
            raise HTTPException(
                status.HTTP_401_UNAUTHORIZED, "A token is needed.", headers={"WWW-Authenticate": "Bearer"}
            )

    @router.get("/getivrtext", summary="The voice menu of a number")
    async def getivrtext(request: Request, number: Number = "") -> dict[str, Any]:
        """Return what the PBX says: url-encoded phrases, in order, and what to speak them with."""
        check(request)
        try:
            return _success(menu_of(await answers.of(number or TEST_CALL), config))
        except NoAnswerError as error:
            return _error(str(error))

    @router.get("/getcallerid", summary="The name shown while the telephone rings")
    async def getcallerid(request: Request, number: Number) -> dict[str, Any]:
        """Return the contact and client of a number; an unknown one is an error, and the PBX shows the number."""
        check(request)
        try:
            answer = await answers.of(number)
        except NoAnswerError as error:
            return _error(str(error))
        if not answer.is_known:
            return _error("Nobody is known by this number.")
        return _success({"caller_id": answer.caller_name, "client": answer.client_name})

    @router.post("/setcallbacknumber", summary="The number of the PBX's voice menu")
    async def setcallbacknumber(request: Request, number: Number) -> dict[str, Any]:
        """Take the number at which the PBX's voice menu is reached."""
        check(request)
        try:
            await answers.keep_callback_number(request.client.host if request.client else "", number)
        except NoAnswerError as error:
            return _error(str(error))
        return _success({})

    return router


def menu_of(answer: Answer, config: GatewayConfig) -> dict[str, Any]:
    """Return the voice menu as ModuleSmartIVR reads it; its phrases are url-encoded."""
    auth = {"api_key": config.tts_api_key} if config.tts_service == "Yandex" else {"auth": {"key": config.tts_api_key}}
    return {
        "tts_service": config.tts_service,
        "dictor": config.dictor,
        "texttospeech": [quote(phrase, safe="") for phrase in answer.phrases],
        **auth,
    }


def _success(data: dict[str, Any]) -> dict[str, Any]:
    return {"result": "Success", "data": data}


def _error(text: str) -> dict[str, Any]:
    return {"result": "Error", "data": text}
