"""Events of calls for other programs, and from telephony servers that call us: `/v1/events`, `/v1/live`.

A posted message is kept as it came, in `received_events`; where the switch `call_events_other` is on its events are
taken in (`switchboard.store_call_events`), each once however often it is sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from psycopg.rows import dict_row, tuple_row
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from assets.live.rows import rows_of
from gateway.answers import Answers
from gateway.card import live_calls
from gateway.config import GatewayConfig
from gateway.database import Database, NoAnswerError, RefusedError
from gateway.doors import body_of, check_token
from gateway.live import Live, Subscription
from gateway.streams import EventStream, resumed_after
from resources.telephony.live.event import CallEvent, Kind
from resources.telephony.live.provider_calls import events_of
from resources.telephony.live.webhook_events import event_of

MOST_EVENTS = 500
PROVIDER_CALLS = "provider.v1.calls"


class Stored(BaseModel):
    """What became of posted events."""

    stored: int = Field(description="how many were new")
    is_on: bool = Field(True, description="false while call_events_other is off: nothing is taken in then")


class Webhooks:
    """Takes in what telephony servers send.

    Args:
        database: the warehouse.
        answers: reads numbers.
        config: see there.
    """

    def __init__(self, database: Database, answers: Answers, config: GatewayConfig) -> None:
        self._database = database
        self._answers = answers
        self._zone = config.zone

    async def take(self, pbx: str, source: str, subject: str, data: object) -> Stored:
        """Keep a message, one event or a list, and take in its events.

        Args:
            pbx: the telephony server.
            source: the door it came through.
            subject: what its sender calls it.
            data: as it came, read from JSON.

        Raises:
            ValueError: it cannot be read; nothing is kept. The text says where and why, without numbers.
            NoAnswerError: it was not stored; the sender should send it again.
            RefusedError: it holds what no database takes.
        """
        messages = data if isinstance(data, list) else [data]
        if len(messages) > MOST_EVENTS:
            raise ValueError(f"there are more than {MOST_EVENTS} events in one message")
        events = await self._events(pbx, messages)
        values = {
            "source": source,
            "subject": subject,
            "data": json.dumps(data),
            "pbx": pbx,
            "zone": self._zone,
            "events": json.dumps(rows_of(events, self._answers.number_of)),
        }
        [told] = await self._database.ask("store_posted_events", values, dict_row)
        return Stored(**told)

    async def _events(self, pbx: str, messages: list[Any]) -> list[CallEvent]:
        received_at = datetime.now(UTC)
        held: set[str] = set()
        if any(_is_provider_call(message) for message in messages):
            held = {leg for (leg,) in await self._database.ask("select_held_legs", {"pbx": pbx}, tuple_row)}
        events: list[CallEvent] = []
        for place, message in enumerate(messages):
            try:
                if not isinstance(message, Mapping):
                    raise ValueError("it is no JSON object")
                if _is_provider_call(message):
                    told = events_of(message, received_at, held_leg_ids=held)
                else:
                    told = [event_of(message, received_at)]
            except ValueError as error:
                raise ValueError(f"event {place}: {error}") from None
            for event in told:
                (held.add if event.kind is Kind.HELD else held.discard)(event.leg_id)
            events += told
        return events


def make_routes(
    database: Database, answers: Answers, live: Live, webhooks: Webhooks, config: GatewayConfig
) -> list[Route]:
    """Return the addresses and what answers there."""

    async def stream(request: Request) -> Response:
        check_token(request, config)

        async def is_welcome() -> bool:
            return True

        reader = Subscription(None, sees_all=True, pbx=_pbx(request))
        return EventStream(live, reader, resumed_after(request), is_welcome)

    async def now(request: Request) -> Response:
        check_token(request, config)
        try:
            return JSONResponse(await live_calls(database, live, None, _pbx(request)))
        except NoAnswerError as error:
            raise HTTPException(503, str(error)) from None

    async def take(request: Request) -> Response:
        check_token(request, config)
        pbx = request.path_params["pbx_id"]
        if pbx not in config.pbxs:
            raise HTTPException(404, "No telephony server of this name is in the settings.")
        try:
            data = json.loads(await body_of(request))
        except (ValueError, RecursionError):
            raise HTTPException(400, "The body is no JSON.") from None
        try:
            stored = await webhooks.take(pbx, f"events/{pbx}", "", data)
        except ValueError as error:
            raise HTTPException(422, f"Nothing was taken in: {error}.") from None
        except RefusedError as error:
            raise HTTPException(422, str(error)) from None
        except NoAnswerError as error:
            raise HTTPException(503, str(error)) from None
        return JSONResponse(stored.model_dump(exclude_defaults=True), 202)

    return [
        Route("/v1/events", stream),
        Route("/v1/live", now),
        Route("/v1/events/{pbx_id}", take, methods=["POST"]),
    ]


def _is_provider_call(message: object) -> bool:
    return isinstance(message, Mapping) and "state" in message and "call_id" in message


def _pbx(request: Request) -> str | None:
    return request.query_params.get("pbx", "").replace("\0", "") or None
