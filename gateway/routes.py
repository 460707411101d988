"""The JSON interface for other programs: `/v1`, with a bearer token; its description is /openapi.json."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route as HttpRoute

from gateway.answers import Answer, Answers, Caller
from gateway.config import GatewayConfig
from gateway.database import NoAnswerError
from gateway.doors import check_token, number_of


class Offered(BaseModel):
    """An employee who is offered to the caller."""

    employee_id: str
    name: str
    extension: str
    reason: str = Field(description="pin, crm_owner, rank, kept, last_talker, share_too_small, too_little_evidence")
    score: float | None = Field(None, description="evidence of work with the client, decayed")
    share: float | None = Field(None, description="of all the work with the client, 0..1")
    instead_of: str | None = Field(None, description="the employee for whom this one stands in")


class Away(BaseModel):
    """An employee who would be offered, but is not there."""

    employee_id: str
    name: str
    reason: str
    unavailable: str | None = Field(
        None, description="not_employed, excluded, absent, holiday, off_hours; none: holds no extension"
    )
    until: datetime | None = None


class Route(BaseModel):
    """Who should answer a number."""

    number: str = Field(description="E.164, or as asked where it is none")
    is_known: bool = Field(description="whether the number has an owner")
    client_id: str
    client_name: str | None
    contact_name: str | None
    employee_id: str | None = Field(description="the responsible; null is nobody, so the call is the queue's")
    employee_name: str | None
    extension: str | None = Field(description="the responsible's, or the queue's")
    reason: str = Field(description="pin, crm_owner, rank, kept, last_talker or queue")
    instead_of: str | None
    intercept: str | None = Field(description="the extension that may ring beside the call's normal route")
    ranked: list[Offered]
    unavailable: list[Away]
    menu: list[str] = Field(description="what the voice menu says, phrase by phrase")
    version: int | None = Field(description="of the routing table; null where nothing is published")
    built_at: datetime | None
    age_seconds: float | None = Field(description="since the table was last verified")
    is_stale: bool = Field(description="not verified in time, so its ranks are left out")


_OFFERED, _AWAY = tuple(Offered.model_fields), tuple(Away.model_fields)


class CallerName(BaseModel):
    """Whose a number is, for a display."""

    number: str = Field(description="E.164, or as asked where it is none")
    is_known: bool = Field(description="whether the number has an owner")
    caller_name: str = Field(description="contact and client in one line; empty where nobody is known")
    client_id: str = Field(description="the party, or tel:<number>")
    client_name: str | None
    contact_name: str | None


class Health(BaseModel):
    """Whether look-ups can be answered."""

    database: bool


def make_routes(answers: Answers, config: GatewayConfig) -> list[HttpRoute]:
    """Return the addresses and what answers there."""

    async def route(request: Request) -> Response:
        check_token(request, config)
        number, at = number_of(request), _moment_of(request)
        try:
            answer = await answers.of(number, at)
        except NoAnswerError as error:
            raise HTTPException(503, str(error)) from None
        return Response(json.dumps(route_of(answer), ensure_ascii=False), media_type="application/json")

    async def caller(request: Request) -> Response:
        check_token(request, config)
        asked = number_of(request)
        try:
            found = await answers.caller(asked)
        except NoAnswerError as error:
            raise HTTPException(503, str(error)) from None
        if not found.is_exchange_on:
            raise HTTPException(503, f"Callers' names are not given now: {found.switch_reason}.")
        return JSONResponse(caller_of(answers.form_of(asked), found))

    async def health(_request: Request) -> Response:
        is_there = await answers.is_there()
        return JSONResponse({"database": is_there}, 200 if is_there else 503)

    return [
        HttpRoute("/v1/route", route),
        HttpRoute("/v1/caller", caller),
        HttpRoute("/v1/health", health),
    ]


def _moment_of(request: Request) -> datetime | None:
    given = request.query_params.get("at")
    if not given:
        return None
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        raise HTTPException(422, "'at' is no moment such as 2026-11-23T18:01:00+03:00.") from None
    if moment.tzinfo is None:
        raise HTTPException(422, "'at' needs an offset, such as +03:00.")
    return moment


def caller_of(number: str, caller: Caller) -> dict[str, Any]:
    """Return a caller as `CallerName` describes it."""
    return {
        "number": number,
        "is_known": caller.party_id is not None,
        "caller_name": caller.caller_name,
        "client_id": caller.party_id or f"tel:{number}",
        "client_name": caller.client_name,
        "contact_name": caller.contact_name,
    }


def route_of(answer: Answer) -> dict[str, Any]:
    """Return an answer as `Route` describes it; made by hand, because it is asked for while the telephone rings."""
    return {
        "number": answer.number,
        "is_known": answer.is_known,
        "client_id": answer.client_id,
        "client_name": answer.client_name,
        "contact_name": answer.contact_name,
        "employee_id": answer.employee_id,
        "employee_name": answer.employee_name,
        "extension": answer.extension,
        "reason": answer.reason,
        "instead_of": answer.instead_of,
        "intercept": answer.intercepting_extension,
        "ranked": [{name: who.get(name) for name in _OFFERED} for who in answer.ranked],
        "unavailable": [{name: who.get(name) for name in _AWAY} for who in answer.unavailable],
        "menu": answer.phrases,
        "version": answer.version,
        "built_at": answer.built_at.isoformat() if answer.built_at else None,
        "age_seconds": answer.age_seconds,
        "is_stale": answer.is_stale,
    }
