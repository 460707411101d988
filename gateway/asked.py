"""What the pages' interfaces share: who asks is let in, bodies and parameters are read, answers written."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gateway.database import NoAnswerError, RefusedError
from gateway.doors import body_of
from gateway.people import People, Viewer, check_viewer
from gateway.told import as_json

LONGEST_ID = 200

Model = TypeVar("Model", bound=BaseModel)
Handler = Callable[[Request, Viewer], Awaitable[Response]]


def guarded(people: People, answer: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Return a handler that lets in only who is logged in, and tells what the database refuses."""

    async def ask(request: Request) -> Response:
        try:
            return await answer(request, await check_viewer(request, people))
        except RefusedError as error:
            raise HTTPException(422, str(error)) from None
        except NoAnswerError as error:
            raise HTTPException(503, str(error)) from None

    return ask


async def read_body(request: Request, model: type[Model]) -> Model:
    """Return a request's body as a model has it.

    Raises:
        HTTPException: 422, it cannot be read.
    """
    try:
        return model.model_validate_json(await body_of(request))
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, one["loc"])) or "body" for one in error.errors(include_input=False))
        raise HTTPException(422, f"This cannot be read: {fields}.") from None


def parameter(request: Request, name: str) -> str:
    """Return a parameter of the address; '' where it is missing.

    Raises:
        HTTPException: 422, it is too long.
    """
    given = request.query_params.get(name, "").replace("\0", "")
    if len(given) > LONGEST_ID:
        raise HTTPException(422, f"'{name}' is too long.")
    return given


def plain(text: str) -> str:
    """Return a text without what no database takes."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def as_answer(data: object) -> Response:
    """Return data as JSON that nobody keeps."""
    text = json.dumps(data, ensure_ascii=False, default=as_json)
    return Response(text, media_type="application/json", headers={"Cache-Control": "no-store"})
