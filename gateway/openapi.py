"""The description of the JSON interface, OpenAPI 3.1, made from the models of `gateway.routes`.

The application is plain Starlette: a framework that also describes itself took more time for each look-up than the
look-up (docs/decisions/0007).
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

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


def describe(answer: type[BaseModel], health: type[BaseModel], lookup: type[BaseModel]) -> dict[str, Any]:
    """Return the description.

    Args:
        answer: what `/v1/route` answers.
        health: what `/v1/health` answers.
        lookup: what the forms of MIKO's daemon answer.
    """
    models = [(model, "serialization") for model in (answer, health, lookup)]
    _, definitions = models_json_schema(models, ref_template=TEMPLATE)  # type: ignore[arg-type]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Switchboard",
            "version": "1",
            "description": "Who should answer a call, for PBXs and other programs.",
        },
        "security": [{"bearer": []}],
        "paths": {
            "/v1/route": _get("Who should answer a number, why, and what its voice menu says", [NUMBER, AT], answer),
            "/v1/health": _get("Whether look-ups can be answered; needs no token", [], health) | {"security": []},
            "/getivrtext": _get("The voice menu of a number, as MIKO's daemon gives it", [NUMBER], lookup),
            "/getcallerid": _get(
                "The name shown while the telephone rings, as MIKO's daemon gives it", [NUMBER], lookup
            ),
            "/setcallbacknumber": {
                "post": _get("The number at which the PBX's voice menu is reached", [NUMBER], lookup)["get"]
            },
        },
        "components": {
            "schemas": definitions["$defs"],
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _get(summary: str, parameters: list[dict[str, Any]], model: type[BaseModel]) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": TEMPLATE.format(model=model.__name__)}}}
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
