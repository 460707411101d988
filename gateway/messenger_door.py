"""The door of messengers' webhooks: proven, stored as they came, and answered; worked on afterwards.

`/webhooks/whatsapp/{account}` (Meta, "Webhooks": verification and signatures, updated 2026-04-29). A signature is over
the raw bytes: what is read and written again would not have it.
"""

from __future__ import annotations

from psycopg.rows import tuple_row
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gateway.config import GatewayConfig, WebhookDoor
from gateway.database import Database, NoAnswerError
from gateway.doors import body_of, is_same
from resources.messengers.whatsapp.signature import SIGNATURE_HEADER, is_signed

LARGEST_WEBHOOK_BYTES = 3 * 1024 * 1024
_LONGEST_CHALLENGE = 200


def make_routes(database: Database, config: GatewayConfig) -> list[Route]:
    """Return the addresses and what answers there."""

    def door_of(request: Request) -> WebhookDoor:
        door = config.webhook_doors.get(request.path_params["account"])
        if door is None:
            raise HTTPException(404, "No messenger account of this name is in the settings.")
        return door

    async def prove(request: Request) -> Response:
        door, asked = door_of(request), request.query_params
        challenge = asked.get("hub.challenge", "")
        if asked.get("hub.mode") != "subscribe" or not is_same(asked.get("hub.verify_token", ""), door.verify_token):
            raise HTTPException(403, "The verify token is not the one in the settings.")
        if len(challenge) > _LONGEST_CHALLENGE or not challenge.isalnum():
            raise HTTPException(422, "'hub.challenge' is no challenge.")
        return PlainTextResponse(challenge)

    async def take(request: Request) -> Response:
        door = door_of(request)
        body = await body_of(request, LARGEST_WEBHOOK_BYTES)
        if not is_signed(door.app_secret, body, request.headers.get(SIGNATURE_HEADER)):
            raise HTTPException(401, "The signature does not fit the body and the app secret in the settings.")
        values = {"account": request.path_params["account"], "body": body}
        try:
            await database.ask("store_webhook", values, tuple_row)
        except NoAnswerError as error:
            # The provider sends it again.
            raise HTTPException(503, str(error)) from None
        return PlainTextResponse("")

    return [
        Route("/webhooks/whatsapp/{account}", prove, methods=["GET"]),
        Route("/webhooks/whatsapp/{account}", take, methods=["POST"]),
    ]
