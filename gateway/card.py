"""What the client card asks for: who looks, calls that are going on, their events, a client's data, assignments.

An employee sees the calls in which one of their legs is or was, a supervisor all.
"""

from __future__ import annotations

import asyncio
from typing import Any, Literal
from urllib.parse import quote

import psycopg
from psycopg.rows import dict_row
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from assets.contacts.errors import OverrideError
from assets.contacts.overrides import assign
from assets.contacts.rules import ContactRules
from gateway.answers import Answers
from gateway.asked import LONGEST_ID, as_answer, guarded, parameter, read_body
from gateway.config import GatewayConfig
from gateway.database import Database
from gateway.doors import LONGEST_NUMBER
from gateway.live import Live, Subscription
from gateway.people import COOKIE, People, Viewer
from gateway.streams import EventStream, resumed_after
from gateway.told import call_of
from gateway.words import WORDS, why, why_away
from resources.warehouse import Warehouse

LONGEST_QUESTION = 100
SHORTEST_QUESTION = 2
SHORTEST_TAIL = 4
LOCK_SECONDS = 5


class _Policy(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    opens_card_on: Literal["ringing", "answered", "never"]


class _Shown(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    event_id: int = Field(ge=1, lt=2**63)


class _Assignment(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    number: str = Field(min_length=1, max_length=LONGEST_NUMBER)
    party_id: str | None = Field(max_length=LONGEST_ID)
    contact_id: str = Field("", max_length=LONGEST_ID)
    note: str = Field("", max_length=500)


class Cards:
    """The card's data.

    Args:
        database: the warehouse.
        answers: reads numbers.
        live: what happens now.
        people: who is logged in.
        config: see there.
    """

    def __init__(self, database: Database, answers: Answers, live: Live, people: People, config: GatewayConfig) -> None:
        self._database = database
        self._answers = answers
        self._live = live
        self._people = people
        self._config = config
        # Assignments are one at a time among all loads of contacts: more than a few would only wait for each other.
        self._assigning = asyncio.Semaphore(2)

    def routes(self) -> list[Route]:
        """Return the addresses and what answers there."""
        return [
            Route(f"/card/api/{path}", guarded(self._people, answer), methods=[method])
            for path, method, answer in (
                ("me", "GET", self.me),
                ("me", "PUT", self.choose),
                ("live", "GET", self.live),
                ("events", "GET", self.events),
                ("card", "GET", self.card),
                ("clients", "GET", self.clients),
                ("assign", "POST", self.assign),
                ("shown", "POST", self.shown),
            )
        ]

    async def me(self, _request: Request, viewer: Viewer) -> Response:
        """Tell who looks, and what holds for them."""
        position = await self._live.position()
        return as_answer(
            {
                "employee_id": viewer.employee_id,
                "name": viewer.name,
                "extension": viewer.extension,
                "is_supervisor": viewer.is_supervisor,
                "opens_card_on": viewer.opens_card_on,
                "zone": self._config.zone,
                "language": self._config.language,
                "crm_url_template": self._config.crm_url_template or None,
                "is_exchange_on": position.is_on,
                "switch_reason": position.reason,
            }
        )

    async def choose(self, request: Request, viewer: Viewer) -> Response:
        """Keep when the card is to open."""
        policy = await read_body(request, _Policy)
        await self._people.choose(viewer, policy.opens_card_on)
        return as_answer({"opens_card_on": policy.opens_card_on})

    async def live(self, _request: Request, viewer: Viewer) -> Response:
        """Tell which calls are going on."""
        return as_answer(await live_calls(self._database, self._live, viewer))

    async def events(self, request: Request, viewer: Viewer) -> Response:
        """Stream what happens."""
        token = request.cookies.get(COOKIE, "")

        async def is_welcome() -> bool:
            now = await self._people.of_session(token)
            return now is not None and now.is_supervisor == viewer.is_supervisor

        reader = Subscription(viewer.employee_id, sees_all=viewer.is_supervisor)
        return EventStream(self._live, reader, resumed_after(request), is_welcome)

    async def card(self, request: Request, viewer: Viewer) -> Response:
        """Tell all about the client of a call, or of a number."""
        pbx, call, number = (parameter(request, name) for name in ("pbx", "call", "number"))
        if not number and not (pbx and call):
            raise HTTPException(422, "Give 'pbx' and 'call', or 'number'.")
        language = parameter(request, "lang") or self._config.language
        if language not in WORDS:
            raise HTTPException(422, f"'lang' is one of {', '.join(WORDS)}.")
        values = {
            "pbx": pbx or None,
            "call": call or None,
            "number": self._answers.form_of(number) if number else None,
            "viewer": viewer.employee_id,
            "sees_all": viewer.is_supervisor,
        }
        [row] = await self._database.ask("select_card", values, dict_row)
        if not row["may_see"]:
            raise HTTPException(403, "This is not a call of yours.")
        everybodys = await _calls(self._database, viewer.employee_id, sees_all=True)
        return as_answer(self._card(row, everybodys, pbx, call, language))

    async def clients(self, request: Request, _viewer: Viewer) -> Response:
        """Find clients by name or number."""
        question = request.query_params.get("q", "").replace("\0", "").strip()
        if len(question) > LONGEST_QUESTION:
            raise HTTPException(422, f"'q' has {LONGEST_QUESTION} characters at most.")
        if len(question) < SHORTEST_QUESTION:
            return as_answer([])
        escaped = question.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        digits = "".join(sign for sign in question if sign in "0123456789")
        values = {
            "pattern": f"%{escaped}%",
            "number": self._answers.form_of(question),
            "tail": digits[:-11:-1] if len(digits) >= SHORTEST_TAIL else None,
        }
        return as_answer(await self._database.ask("select_clients", values, dict_row))

    async def assign(self, request: Request, viewer: Viewer) -> Response:
        """Write down whose a number is, as the employee says."""
        wanted = await read_body(request, _Assignment)
        async with self._assigning:
            number = await asyncio.to_thread(self._assign, wanted, viewer)
        words = WORDS[self._config.language]["assigned"]
        return as_answer({"number": number, "party_id": wanted.party_id, "words": words})

    async def shown(self, request: Request, viewer: Viewer) -> Response:
        """Note that the card is shown which an event opened."""
        event = await read_body(request, _Shown)
        if not await self._live.note_shown(event.event_id, viewer.employee_id):
            raise HTTPException(403, "This event opened no card of yours.")
        return Response(status_code=204)

    def _assign(self, wanted: _Assignment, viewer: Viewer) -> str:
        rules = ContactRules(self._config.zone, self._config.region, self._config.internal_digits)
        warehouse = Warehouse(self._config.database_url)
        try:
            with warehouse.transaction() as connection:
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
                connection.exec_driver_sql("SET LOCAL statement_timeout = '10s'")
                number = self._answers.form_of(wanted.number.replace("\0", ""))
                owner = connection.execute(select(func.switchboard.owner_shown(number).table_valued("is_ambiguous")))
                has_owner = any(not row.is_ambiguous for row in owner)
                return assign(
                    connection,
                    number,
                    wanted.party_id or None,
                    rules,
                    contact_id=wanted.contact_id,
                    # Whoever tells whose an unknown number is means its earlier calls too; a number that changes hands
                    # does so now.
                    is_retroactive=not has_owner,
                    note=f"{viewer.name} ({viewer.employee_id}): {wanted.note}".replace("\0", ""),
                )
        except OverrideError as error:
            raise HTTPException(422, str(error)) from None
        except DBAPIError as error:
            if isinstance(error.orig, psycopg.DataError):
                raise HTTPException(422, "The database does not take this.") from None
            raise HTTPException(503, "Contacts are being loaded; try again in a minute.") from None
        finally:
            warehouse.engine.dispose()

    def _card(
        self, row: dict[str, Any], calls: list[dict[str, Any]], pbx: str, call: str, language: str
    ) -> dict[str, Any]:
        party_id, number = row["party_id"], row["number"]
        own = [each for each in calls if (each["pbx_id"], each["call_id"]) == (pbx, call)]
        others = [
            each
            for each in calls
            if each not in own
            and ((party_id and each["party_id"] == party_id) or (number and each["number"] == number))
        ]
        away = [why_away(who, language, self._config.zone) for who in row["unavailable"]]
        responsible = None
        if row["employee_id"]:
            responsible = {name: row[name] for name in ("employee_id", "extension", "reason", "is_stale")} | {
                "name": row["employee_name"],
                "reason_text": why(row["reason"], away, language),
            }
        has_contact = row["contact_id"] or row["contact_name"]
        return {
            "call": own[0] if own else None,
            "number": number,
            "client": {"party_id": party_id, "name": row["party_name"], "kind": row["party_kind"]}
            if party_id
            else None,
            "contact": {"contact_id": row["contact_id"], "name": row["contact_name"]} if has_contact else None,
            "is_known": party_id is not None,
            "is_ambiguous": row["is_ambiguous"],
            "responsible": responsible,
            "unavailable": away,
            "documents": row["documents"],
            "history": row["history"],
            "others": others,
            "candidates": row["candidates"],
            "crm_url": crm_url(self._config.crm_url_template, party_id, number),
        }


async def live_calls(database: Database, live: Live, viewer: Viewer | None, pbx: str | None = None) -> dict[str, Any]:
    """Return what is going on as `LiveCalls` describes it; without a viewer all of it.

    Raises:
        NoAnswerError: the database did not answer in time.
    """
    # The id first: an event that comes in between is in the calls, and told again, never missed.
    position = await live.position()
    employee_id = viewer.employee_id if viewer else None
    calls = await _calls(database, employee_id, sees_all=viewer is None or viewer.is_supervisor, pbx=pbx)
    return {"last_event_id": position.newest, "calls": calls}


async def _calls(
    database: Database, employee_id: str | None, *, sees_all: bool, pbx: str | None = None
) -> list[dict[str, Any]]:
    values = {"viewer": employee_id, "sees_all": sees_all, "pbx": pbx}
    return [call_of(row) for row in await database.ask("select_calls", values, dict_row)]


def crm_url(template: str, party_id: str | None, number: str | None) -> str | None:
    """Return the address of a client in the CRM; None where there is none, or where it needs what is not known."""
    given = {"{party_id}": party_id, "{number}": number}
    if not template or any(name in template and not value for name, value in given.items()):
        return None
    for name, value in given.items():
        template = template.replace(name, quote(value or "", safe=""))
    return template
