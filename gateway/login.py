"""Logging in and out: POST /login and POST /logout. The forms themselves are pages."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.config import GatewayConfig
from gateway.database import NoAnswerError
from gateway.doors import body_of
from gateway.passwords import BusyError
from gateway.people import (
    COOKIE,
    LockedError,
    People,
    WrongLoginError,
    check_origin,
    give_cookie,
    local_path,
    take_cookie,
)
from gateway.words import WORDS

LoginPage = Callable[..., Response]


def make_routes(people: People, config: GatewayConfig, page: LoginPage) -> list[Route]:
    """Return the addresses and what answers there; `page` makes the form again, with words."""
    words = WORDS[config.language]

    async def login(request: Request) -> Response:
        check_origin(request)
        given = await _form(request)
        goes_to = local_path(given.get("next", ""))

        def again(said: str, status: int) -> Response:
            return page(config, next_path=goes_to, words=said, status=status)

        former = request.cookies.get(COOKIE, "")
        try:
            if link := given.get("link"):
                token = await people.use_link(link, former)
            else:
                token = await people.log_in(given.get("login", ""), given.get("password", ""), former)
        except WrongLoginError:
            return again(words["wrong_link" if given.get("link") else "wrong_login"], 401)
        except LockedError as locked:
            response = again(words["locked"].format(minutes=ceil(locked.seconds / 60)), 429)
            response.headers["Retry-After"] = str(locked.seconds)
            return response
        except BusyError:
            return again(words["busy"], 429)
        except NoAnswerError:
            return again(words["no_answer"], 503)
        response = RedirectResponse(goes_to, 303)
        give_cookie(response, request, token)
        return response

    async def logout(request: Request) -> Response:
        check_origin(request)
        try:
            await people.log_out(request)
        except NoAnswerError as error:
            raise HTTPException(503, str(error)) from None
        response = RedirectResponse("/login", 303)
        take_cookie(response)
        return response

    return [Route("/login", login, methods=["POST"]), Route("/logout", logout, methods=["POST"])]


async def _form(request: Request) -> dict[str, str]:
    try:
        fields = parse_qs((await body_of(request)).decode(), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        raise HTTPException(400, "The form cannot be read.") from None
    return {name: values[0] for name, values in fields.items()}
