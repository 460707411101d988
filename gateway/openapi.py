"""The description of the JSON interface, OpenAPI 3.1, made from the models of the answers.

The application is plain Starlette: a framework that also describes itself took more time for each look-up than the
look-up (docs/decisions/0007).
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route as HttpRoute

from gateway.config import GatewayConfig
from gateway.doors import check_token
from gateway.events import Stored
from gateway.lookups import LookUp
from gateway.routes import CallerName, Health, Route
from gateway.told import CallEventTold, LiveCalls
from resources.telephony.live.webhook_events import WebhookEvent

TEMPLATE = "#/components/schemas/{model}"

NUMBER = {
    "name": "number",
    "in": "query",
    "required": True,
    "description": "in any notation",
    "schema": {"type": "string", "minLength": 1, "maxLength": 64},
}
AT = {
    "name": "at",
    "in": "query",
    "description": "the moment of the call, with offset; now without it",
    "schema": {"type": "string", "format": "date-time"},
}


PBX = {
    "name": "pbx",
    "in": "query",
    "description": "of one telephony server only, by its name in the settings",
    "schema": {"type": "string"},
}
AFTER = {
    "name": "after",
    "in": "query",
    "description": "event_id of the last event known, where the header Last-Event-ID is not sent; from now on without",
    "schema": {"type": "integer"},
}
PBX_ID = {"name": "pbx_id", "in": "path", "required": True, "schema": {"type": "string"}}


def make_routes(config: GatewayConfig) -> list[HttpRoute]:
    """Return the address of the description, and what answers there."""

    async def openapi(request: Request) -> Response:
        check_token(request, config)
        return JSONResponse(describe())

    return [HttpRoute("/openapi.json", openapi)]


def describe() -> dict[str, Any]:
    """Return the description."""
    models: list[tuple[type[BaseModel], Literal["serialization", "validation"]]] = [
        (model, "serialization") for model in (Route, Health, LookUp, CallerName, LiveCalls, CallEventTold, Stored)
    ]
    _, definitions = models_json_schema([*models, (WebhookEvent, "validation")], ref_template=TEMPLATE)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Switchboard",
            "version": "1",
            "description": "Who should answer a call, and what calls are going on, for PBXs and other programs.",
        },
        "security": [{"bearer": []}],
        "paths": {
            "/v1/route": _get("Who should answer a number, why, and what its voice menu says", [NUMBER, AT], Route),
            "/v1/caller": _get(
                "The name of a caller; 503 while the switch contact_exchange is off", [NUMBER], CallerName
            ),
            "/v1/live": _get("The calls that are going on", [PBX], LiveCalls),
            "/v1/events": {"get": _stream()},
            "/v1/events/{pbx_id}": {"post": _webhook()},
            "/v1/health": _get("Whether look-ups can be answered; needs no token", [], Health) | {"security": []},
            "/getivrtext": _get("The voice menu of a number, as MIKO's daemon gives it", [NUMBER], LookUp),
            "/getcallerid": _get(
                "The name shown while the telephone rings, as MIKO's daemon gives it", [NUMBER], LookUp
            ),
            "/setcallbacknumber": {
                "post": _get("The number at which the PBX's voice menu is reached", [NUMBER], LookUp)["get"]
            },
        },
        "components": {
            "schemas": definitions["$defs"],
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _stream() -> dict[str, Any]:
    return {
        "summary": "What happens to calls, as it happens: server-sent events",
        "description": (
            "`hello` comes first, with last_event_id; `call` is an event, its id is event_id; `reset` says that what "
            "came after the id asked for is not kept: ask /v1/live anew. A line of comment comes every 15 seconds."
        ),
        "parameters": [PBX, AFTER],
        "responses": {
            "200": {
                "description": "The stream; each `call` has the data of CallEventTold.",
                "content": {"text/event-stream": {"schema": _schema(CallEventTold)}},
            },
            "401": {"description": "The token is missing or wrong."},
            "429": {"description": "There are too many streams."},
            "503": {"description": "The database did not answer in time."},
        },
    }


def _webhook() -> dict[str, Any]:
    event = _schema(WebhookEvent)
    anything = {"type": "object", "description": "MIKO's provider.v1.calls, told by `state` and `call_id`"}
    one = {"anyOf": [event, anything]}
    return {
        "summary": "Events of a telephony server that calls us; one that comes again is stored once",
        "parameters": [PBX_ID],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"anyOf": [*one["anyOf"], {"type": "array", "items": one}]}}},
        },
        "responses": {
            "202": {"description": "Taken in.", "content": {"application/json": {"schema": _schema(Stored)}}},
            "401": {"description": "The token is missing or wrong."},
            "404": {"description": "No telephony server of this name is in the settings."},
            "413": {"description": "The body is too large."},
            "422": {"description": "An event cannot be read; nothing was taken in."},
            "503": {"description": "The database did not answer in time; send it again."},
        },
    }


def _get(summary: str, parameters: list[dict[str, Any]], model: type[BaseModel]) -> dict[str, Any]:
    content = {"application/json": {"schema": _schema(model)}}
    return {
        "get": {
            "summary": summary,
            "parameters": parameters,
            "responses": {
                "200": {"description": "The answer.", "content": content},
                "401": {"description": "The token is missing or wrong."},
                "422": {"description": "A parameter makes no sense."},
                "503": {"description": "The database did not answer in time."},
            },
        }
    }


def _schema(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": TEMPLATE.format(model=model.__name__)}
