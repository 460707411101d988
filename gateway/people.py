"""Employees at the gateway's pages: who is logged in, and how they log in.

A cookie holds a token, the table its hash.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from psycopg.rows import class_row, dict_row, tuple_row
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gateway.config import GatewayConfig
from gateway.database import Database
from gateway.passwords import PasswordChecks, hash_of_token, new_token

COOKIE = "switchboard_login"
SESSION_DAYS = 30
HOME = "/card"

_LONGEST_TOKEN = 200


@dataclass(frozen=True)
class Viewer:
    """An employee who is logged in.

    Attributes:
        employee_id: who.
        name: theirs.
        extension: the one they hold today; None is none.
        is_supervisor: whether they see everybody's calls.
        opens_card_on: when their card opens.
    """

    employee_id: str
    name: str
    extension: str | None
    is_supervisor: bool
    opens_card_on: Literal["ringing", "answered", "never"]


class WrongLoginError(Exception):
    """Login and password, or the link, open nothing."""


class LockedError(Exception):
    """There were too many wrong passwords.

    Attributes:
        seconds: until the next may be tried.
    """

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Locked for {seconds} seconds.")
        self.seconds = seconds


class People:
    """Log-ins and sessions."""

    def __init__(self, database: Database, config: GatewayConfig) -> None:
        self._database = database
        self._zone = config.zone
        self._checks = PasswordChecks()

    async def viewer(self, request: Request) -> Viewer | None:
        """Return who is logged in; None is nobody.

        Raises:
            NoAnswerError: the database did not answer in time.
        """
        return await self.of_session(request.cookies.get(COOKIE, ""))

    async def of_session(self, token: str) -> Viewer | None:
        """Return whose session it is, by the token in their cookie."""
        if not token or len(token) > _LONGEST_TOKEN:
            return None
        values = {"token_hash": hash_of_token(token), "zone": self._zone}
        found = await self._database.ask("select_viewer", values, class_row(Viewer))
        return found[0] if found else None

    async def log_in(self, login: str, password: str, former: str) -> str:
        """Open a session by password.

        Args:
            login: employee_id or extension.
            password: as typed.
            former: token of the session that the browser had; it ends.

        Returns:
            the token of the new session.

        Raises:
            WrongLoginError: login or password is wrong; nothing tells which, the time it takes neither.
            LockedError: too many were wrong.
            BusyError: too many log in at this moment.
            NoAnswerError: the database did not answer in time.
        """
        values = {"login": login.replace("\0", "").strip(), "zone": self._zone}
        found = await self._database.ask("begin_login", values, dict_row)
        tried = found[0] if found else {"password_hash": None, "locked_seconds": None}
        is_right = await self._checks.is_right(password, tried["password_hash"])
        if tried["locked_seconds"]:
            raise LockedError(tried["locked_seconds"])
        if not is_right:
            raise WrongLoginError
        token = new_token()
        session = {"employee_id": tried["employee_id"], **_session(token, former)}
        await self._database.ask("open_session", session, tuple_row)
        return token

    async def use_link(self, link: str, former: str) -> str:
        """Open a session by a link, which is used up.

        Raises:
            WrongLoginError: it is unknown, used or too old.
            NoAnswerError: the database did not answer in time.
        """
        token = new_token()
        values = {"link_hash": hash_of_token(link[:_LONGEST_TOKEN]), **_session(token, former)}
        if not await self._database.ask("use_link", values, tuple_row):
            raise WrongLoginError
        return token

    async def log_out(self, request: Request) -> None:
        """End the session of a browser."""
        token = request.cookies.get(COOKIE, "")
        await self._database.ask("end_session", {"token_hash": hash_of_token(token)}, tuple_row)

    async def choose(self, viewer: Viewer, opens_card_on: str) -> None:
        """Keep when an employee's card is to open."""
        values = {"employee_id": viewer.employee_id, "opens_card_on": opens_card_on}
        await self._database.ask("store_policy", values, tuple_row)


def _session(token: str, former: str) -> dict[str, str | int]:
    return {"token_hash": hash_of_token(token), "former_hash": hash_of_token(former), "days": SESSION_DAYS}


async def check_viewer(request: Request, people: People) -> Viewer:
    """Let an employee in who is logged in.

    Raises:
        HTTPException: 401, nobody is; 403, another site's page asks for a change.
        NoAnswerError: the database did not answer in time.
    """
    if request.method not in {"GET", "HEAD"}:
        check_origin(request)
    viewer = await people.viewer(request)
    if viewer is None:
        raise HTTPException(401, "Log in first.")
    return viewer


def check_origin(request: Request) -> None:
    """Let a change in only from a page of our own.

    Raises:
        HTTPException: 403, it comes from another site's page, or does not say from where.
    """
    # The scheme is left out: behind a proxy with TLS ours is not the browser's.
    host = request.headers.get("host")
    if not host or request.headers.get("origin") not in {f"http://{host}", f"https://{host}"}:
        raise HTTPException(403, "This comes from another site's page.")


def local_path(text: str) -> str:
    r"""Return a path of our own to go on to; the card's where the text is none.

    A browser takes `//host`, `/\host` and what holds control characters for another site's address.
    """
    is_local = (
        text.startswith("/")
        and not text.startswith("//")
        and "\\" not in text
        and text.isascii()
        and text.isprintable()
        and len(text) <= 2000
    )
    return text if is_local else HOME


def give_cookie(response: Response, request: Request, token: str) -> None:
    """Let a browser keep its session's token."""
    came_by = request.headers.get("x-forwarded-proto", request.url.scheme).split(",")[0].strip()
    response.set_cookie(
        COOKIE,
        token,
        max_age=SESSION_DAYS * 24 * 3600,
        path="/",
        secure=came_by == "https",
        httponly=True,
        samesite="strict",
    )


def take_cookie(response: Response) -> None:
    """Let a browser forget its session's token."""
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
