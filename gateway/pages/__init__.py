"""The pages for employees: the log-in, the client card, the messenger and the journal; their `/…/api` fill them.

Their scripts and styles are files of ours and one library of charts, without a build: the address has their
fingerprint, so a browser may keep them for good and takes new ones with a new version.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

from gateway.config import GatewayConfig
from gateway.database import NoAnswerError
from gateway.people import People, local_path
from gateway.words import WORDS

_HERE = Path(__file__).parent
_FILES = _HERE / "static"
_KEPT = sorted(file for file in _FILES.rglob("*") if file.is_file())
_FINGERPRINT = hashlib.sha256(b"".join(file.read_bytes() for file in _KEPT)).hexdigest()[:16]
_STATIC = f"/card/static/{_FINGERPRINT}"
_TEMPLATES = Jinja2Templates(_HERE / "templates").env


class _KeptFiles(StaticFiles):
    """Files that a browser may keep for good: what changes has another address."""

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: object, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def make_routes(people: People, config: GatewayConfig) -> list[BaseRoute]:
    """Return the addresses and what answers there."""

    async def page(request: Request) -> Response:
        try:
            viewer = await people.viewer(request)
        except NoAnswerError:
            return login_page(config, words=WORDS[config.language]["no_answer"], status=503)
        if viewer is None:
            asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(request.url.replace(path="/login", query="").include_query_params(next=asked), 303)
        return _page(f"{request.url.path.strip('/')}.html", config, 200)

    async def login(request: Request) -> Response:
        # Opening a link does not use it up: scanners of mail open them all.
        return login_page(
            config,
            next_path=local_path(request.query_params.get("next", "")),
            link=request.query_params.get("link", ""),
        )

    return [
        Route("/card", page),
        Route("/messenger", page),
        Route("/journal", page),
        Route("/login", login),
        Mount(_STATIC, _KeptFiles(directory=_FILES)),
    ]


def login_page(
    config: GatewayConfig, *, next_path: str = "/card", link: str = "", words: str = "", status: int = 200
) -> Response:
    """Return the form that logs in.

    Args:
        config: the language.
        next_path: where to go then.
        link: the token of a link, which needs no more than a click.
        words: what went wrong before.
        status: of the answer.
    """
    return _page("login.html", config, status, next_path=next_path, link=link, words=words)


def _page(name: str, config: GatewayConfig, status: int, **values: str) -> Response:
    text = _TEMPLATES.get_template(name).render(
        language=config.language, static=_STATIC, say=WORDS[config.language], **values
    )
    return HTMLResponse(text, status, headers={"Cache-Control": "no-store"})
