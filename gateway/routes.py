"""The JSON interface for other programs: `/v1`, with a bearer token; its description is /openapi.json."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request, Response, status
from pydantic import BaseModel, Field

from gateway.answers import Answer, Answers, NoAnswerError
from gateway.config import GatewayConfig
from gateway.doors import has_token


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


class Health(BaseModel):
    """Whether look-ups can be answered."""

    database: bool


def make_router(answers: Answers, config: GatewayConfig) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/v1", tags=["Routing"])

    @router.get("/route", response_model=None, responses={200: {"model": Route}, 401: {}, 503: {}})
    async def route(
        request: Request,
        number: Annotated[str, Query(min_length=1, max_length=64, description="in any notation")],
        at: Annotated[datetime | None, Query(description="the moment of the call, with offset; now without it")] = None,
    ) -> Response:
        """Tell who should answer a number, why, and what its voice menu says."""
        _check(request, config)
        if at is not None and at.tzinfo is None:
            raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, "'at' needs an offset, such as +03:00.")
        try:
            answer = await answers.of(number, at)
        except NoAnswerError as error:
            raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, str(error)) from None
        return Response(route_of(answer).model_dump_json(), media_type="application/json")

    @router.get("/health", response_model=None, responses={200: {"model": Health}, 503: {"model": Health}})
    async def health() -> Response:
        """Tell whether look-ups can be answered; needs no token and tells nothing else."""
        is_there = await answers.is_there()
        return Response(Health(database=is_there).model_dump_json(), 200 if is_there else 503,
                        media_type="application/json")  # fmt: skip

    return router


def route_of(answer: Answer) -> Route:
    """Return an answer as the interface shows it."""
    return Route.model_construct(
        number=answer.number,
        is_known=answer.is_known,
        client_id=answer.client_id,
        client_name=answer.client_name,
        contact_name=answer.contact_name,
        employee_id=answer.employee_id,
        employee_name=answer.employee_name,
        extension=answer.extension,
        reason=answer.reason,
        instead_of=answer.instead_of,
        intercept=answer.intercepting_extension,
        ranked=[Offered.model_validate(who) for who in answer.ranked],
        unavailable=[Away.model_validate(who) for who in answer.unavailable],
        menu=answer.phrases,
        version=answer.version,
        built_at=answer.built_at,
        age_seconds=answer.age_seconds,
        is_stale=answer.is_stale,
    )


def _check(request: Request, config: GatewayConfig) -> None:
    if not has_token(request, config):
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, "A token is needed.", headers={"WWW-Authenticate": "Bearer"})
