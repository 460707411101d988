"""`/_sim/` beside Graph: driving people, statuses and faults from another process.

`POST /_sim/receive {"kind", "sender", "content", …}`, `receive_text {"sender", "text"}`, `statuses {"message": wamid,
"statuses": […], "error_code"}`, `change_number {"sender", "number"}`, `echo {"recipient", "text"}`, `tell {"key",
"item", "field"}`, `verify {"webhook_url", "token"}`, `fault {"kind", "times", "to", "seconds", "share"}`, `chaos
{"loss", "duplicate", "shuffle_seconds", "batch", "for_good", "seed"}`, `advance {"seconds"}`, `open_window {"who"}`,
`post_again {"how_many"}`, `token {"token"}`; `DELETE /_sim/fault` and `/_sim/chaos` switch off. `GET /_sim/messages`,
`/_sim/received` and `/_sim/stats` tell the truth.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulators.whatsapp.truth import ReceivedMessage, SentMessage, UpdateState

if TYPE_CHECKING:
    from simulators.whatsapp.whatsapp import SimulatedWhatsApp


class Control:
    """Answers what is asked under `/_sim/`."""

    def __init__(self, whatsapp: SimulatedWhatsApp) -> None:
        self._whatsapp = whatsapp

    async def __call__(self, request: Request) -> Response:
        """Do what a request asks; 400 tells what is wrong with it."""
        what = request.url.path.removeprefix("/_sim/")
        try:
            asked = json.loads(await request.body() or b"{}")
            if (request.method, what) == ("POST", "verify"):
                if "webhook_url" in asked:
                    self._whatsapp.webhook_url = asked["webhook_url"]
                return JSONResponse({"is_verified": await self._whatsapp.verifying(asked.get("token"))})
            known = self._known(request.method, what, asked)
            if known is None:
                return JSONResponse({"error": f"no {request.method} {request.url.path}"}, 404)
            return JSONResponse(_shown(known()))
        except (KeyError, TypeError, ValueError) as error:
            return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 400)

    def _known(self, method: str, what: str, asked: dict[str, Any]) -> Callable[[], Any] | None:
        whatsapp = self._whatsapp
        if method == "GET":
            return {
                "messages": lambda: whatsapp.messages,
                "received": lambda: whatsapp.received,
                "stats": self._stats,
            }.get(what)
        if method == "DELETE":
            return {"fault": whatsapp.faults.switch_off, "chaos": whatsapp.chaos}.get(what)
        statuses = asked.pop("statuses", [])
        return {
            "receive": lambda: whatsapp.receive(**asked),
            "receive_text": lambda: whatsapp.receive_text(**asked),
            "statuses": lambda: len(whatsapp.deliver_statuses(asked.pop("message"), *statuses, **asked)),
            "change_number": lambda: whatsapp.change_number(**asked),
            "echo": lambda: whatsapp.echo(**asked).item,
            "tell": lambda: whatsapp.tell(**asked).item,
            "fault": lambda: whatsapp.faults.switch_on(**asked),
            "chaos": lambda: whatsapp.chaos(**asked),
            "advance": lambda: whatsapp.advance(**asked),
            "open_window": lambda: whatsapp.open_window(**asked),
            "post_again": lambda: whatsapp.post_again(**asked),
            "token": lambda: setattr(whatsapp, "token", asked["token"]),
        }.get(what)

    def _stats(self) -> dict[str, Any]:
        whatsapp = self._whatsapp
        sent, received = whatsapp.messages, whatsapp.received
        updates = [event.update for message in sent for event in message.statuses] + [one.update for one in received]
        return {
            "sent": len(sent),
            "unanswered": sum(not message.is_answered for message in sent),
            "received": len(received),
            "posts": len(whatsapp.posts),
            "backlog": whatsapp.backlog,
            "lost_for_good": sum(update.state is UpdateState.failed for update in updates),
            "is_verified": whatsapp.is_verified,
            "requests": whatsapp.graph.requests,
        }


def _shown(result: Any) -> Any:  # noqa: ANN401
    if isinstance(result, list):
        return [_shown(one) for one in result]
    if isinstance(result, SentMessage):
        return {
            "wamid": result.wamid,
            "recipient": result.recipient,
            "type": result.kind,
            "text": result.text,
            "biz_opaque_callback_data": result.biz_opaque_callback_data,
            "accepted_at": result.accepted_at,
            "is_answered": result.is_answered,
            "status": result.status,
            "statuses": [{"status": event.status, "at": event.at} for event in result.statuses],
        }
    if isinstance(result, ReceivedMessage):
        return {
            "wamid": result.wamid,
            "sender": result.person.wa_id or result.person.user_id,
            "type": result.kind,
            "text": result.text,
            "at": result.at,
            "is_read": result.is_read,
            "state": result.update.state.value,
            "deliveries": result.update.deliveries,
        }
    return {} if result is None else result
