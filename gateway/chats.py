"""What the messenger's page asks for: chats, what stands in them, and what is done with them.

An employee sees the chats of the queue that are offered to them, and their own; a supervisor all. What they may do is
asked of the database in the statement that does it, so that of two who answer at once one is first.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote
from uuid import UUID

from psycopg.rows import dict_row
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.asked import LONGEST_ID, as_answer, guarded, parameter, plain, read_body
from gateway.chat_files import ChatFiles
from gateway.chat_hints import ChatHints, HintStream
from gateway.config import GatewayConfig
from gateway.database import Database
from gateway.people import COOKIE, People, Viewer
from gateway.words import WORDS

PAGE = 50
LONGEST_TEXT = 4096
LONGEST_NOTE = 4000
LONGEST_VALUE = 1000
LISTS = ("queue", "mine", "closed", "everybody")

_WRITTEN = {
    "none": 404,
    "owned": 409,
    "away": 409,
    "closed_window": 409,
    "no_template": 422,
    "state": 409,
    "used": 409,
}


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class _Message(_Asked):
    client_key: UUID
    text: str = Field("", max_length=LONGEST_TEXT)
    template: str = Field("", max_length=LONGEST_ID)
    language: str = Field("", max_length=20)
    values: list[str] = Field(default_factory=list, max_length=20)
    reply_to_id: str = Field("", max_length=LONGEST_ID)


class _Change(_Asked):
    act: Literal["taken", "handed_over", "returned", "closed"]
    to_employee: str = Field("", max_length=LONGEST_ID)
    note: str = Field("", max_length=LONGEST_NOTE)


class _Note(_Asked):
    text: str = Field(min_length=1, max_length=LONGEST_NOTE)


class _Decision(_Asked):
    outbox_id: int = Field(ge=1, lt=2**63)
    act: Literal["again", "cancel"]


class _Contact(_Asked):
    party_id: str = Field(max_length=LONGEST_ID)
    contact_id: str = Field("", max_length=LONGEST_ID)


class Chats:
    """The messenger's data.

    Args:
        database: the warehouse.
        hints: which chats change.
        people: who is logged in.
        config: see there.
    """

    def __init__(self, database: Database, hints: ChatHints, people: People, config: GatewayConfig) -> None:
        self._database = database
        self._hints = hints
        self._people = people
        self._config = config
        self._files = ChatFiles(database, config)

    def routes(self) -> list[Route]:
        """Return the addresses and what answers there."""
        return [
            Route(f"/messenger/api/{path}", guarded(self._people, answer), methods=[method])
            for path, method, answer in (
                ("me", "GET", self.me),
                ("events", "GET", self.events),
                ("chats", "GET", self.chats),
                ("colleagues", "GET", self.colleagues),
                ("chats/{chat:int}", "GET", self.chat),
                ("chats/{chat:int}/lines", "GET", self.lines),
                ("chats/{chat:int}/messages", "POST", self.write),
                ("chats/{chat:int}/files", "POST", self.send_file),
                ("chats/{chat:int}/file", "GET", self.file),
                ("chats/{chat:int}/state", "POST", self.change),
                ("chats/{chat:int}/notes", "POST", self.note),
                ("chats/{chat:int}/read", "POST", self.read),
                ("chats/{chat:int}/decisions", "POST", self.decide),
                ("chats/{chat:int}/contact", "POST", self.assign),
            )
        ]

    async def me(self, _request: Request, viewer: Viewer) -> Response:
        """Tell who looks, and how many chats wait."""
        [counts] = await self._database.ask("count_chats", self._looking(viewer), dict_row)
        return as_answer(
            {
                "employee_id": viewer.employee_id,
                "name": viewer.name,
                "is_supervisor": viewer.is_supervisor,
                "zone": self._config.zone,
                "language": self._config.language,
                "accounts": list(self._config.messengers.accounts),
                **counts,
            }
        )

    async def events(self, request: Request, viewer: Viewer) -> Response:
        """Stream which chats change."""
        token = request.cookies.get(COOKIE, "")

        async def is_welcome() -> bool:
            return await self._people.of_session(token) is not None

        return HintStream(self._hints, viewer.employee_id, is_welcome)

    async def chats(self, request: Request, viewer: Viewer) -> Response:
        """List chats."""
        asked = parameter(request, "list") or "queue"
        if asked not in LISTS:
            raise HTTPException(422, f"'list' is one of {', '.join(LISTS)}.")
        before, chat = _moment(parameter(request, "before")), parameter(request, "before_chat")
        values = self._looking(viewer) | {
            "list": asked,
            "before": before,
            "before_chat": int(chat) if before and chat.isdecimal() and len(chat) < 19 else None,
            "rows": PAGE,
        }
        rows = await self._database.ask("select_chats", values, dict_row)
        [counts] = await self._database.ask("count_chats", self._looking(viewer), dict_row)
        return as_answer({"chats": rows, "has_more": len(rows) == PAGE, **counts})

    async def colleagues(self, _request: Request, viewer: Viewer) -> Response:
        """List to whom a chat can be handed over."""
        rows = await self._database.ask("select_colleagues", self._looking(viewer), dict_row)
        words = WORDS[self._config.language]
        for row in rows:
            row["unavailable_text"] = words[row["unavailable"]] if row["unavailable"] else ""
        return as_answer(rows)

    async def chat(self, request: Request, viewer: Viewer) -> Response:
        """Tell all about a chat, and what stands last in it."""
        chat = await self._readable(request, viewer)
        return as_answer({"chat": chat, **await self._lines(chat["chat_id"], None, "")})

    async def lines(self, request: Request, viewer: Viewer) -> Response:
        """Tell what stands before something in a chat."""
        chat = await self._readable(request, viewer)
        before = _moment(parameter(request, "before"))
        return as_answer(await self._lines(chat["chat_id"], before, parameter(request, "before_key")))

    async def write(self, request: Request, viewer: Viewer) -> Response:
        """Put a text or a template into the outbox."""
        message = await read_body(request, _Message)
        if not message.template and not message.text.strip():
            raise HTTPException(422, "There is nothing to send.")
        if any(len(value) > LONGEST_VALUE or not value.strip() for value in message.values):
            raise HTTPException(422, f"Each value has 1 to {LONGEST_VALUE} characters.")
        values = {
            "kind": "template" if message.template else "text",
            "text": plain(message.text),
            "template_name": message.template,
            "template_language": message.language,
            "template_values": [plain(value) for value in message.values],
            "reply_to_id": message.reply_to_id,
        }
        return await self._write(request, viewer, str(message.client_key), values)

    async def send_file(self, request: Request, viewer: Viewer) -> Response:
        """Keep a file, and put it into the outbox."""
        try:
            key = str(UUID(parameter(request, "client_key")))
        except ValueError:
            raise HTTPException(422, "'client_key' is no UUID.") from None
        # Asked before the file is read: what cannot be sent fills no disk.
        chat = await self._readable(request, viewer)
        if not chat["is_window_open"]:
            _refuse({"outcome": "closed_window"})
        caption = self._files.caption_of(request)
        values = await self._files.keep(request)
        return await self._write(request, viewer, key, values | {"text": caption})

    async def file(self, request: Request, viewer: Viewer) -> Response:
        """Give a file of a message."""
        asked = {
            "chat": request.path_params["chat"],
            "message_id": parameter(request, "message_id"),
            "media_id": parameter(request, "media_id"),
        }
        return await self._files.give(self._looking(viewer) | asked)

    async def change(self, request: Request, viewer: Viewer) -> Response:
        """Take a chat, hand it over, give it back, close it."""
        change = await read_body(request, _Change)
        values = {"act": change.act, "to_employee": change.to_employee, "note": plain(change.note)}
        [told] = await self._of_chat("change_chat", request, viewer, values) or [{"outcome": "none"}]
        _refuse(told)
        return Response(status_code=204)

    async def note(self, request: Request, viewer: Viewer) -> Response:
        """Keep a hidden comment."""
        note = await read_body(request, _Note)
        if not await self._of_chat("note_chat", request, viewer, {"note": plain(note.text)}):
            raise HTTPException(404, "There is no such chat.")
        return Response(status_code=204)

    async def read(self, request: Request, viewer: Viewer) -> Response:
        """Note that its owner has read a chat."""
        await self._of_chat("read_chat", request, viewer, {})
        return Response(status_code=204)

    async def decide(self, request: Request, viewer: Viewer) -> Response:
        """Send again what was not sent, or leave it."""
        decision = await read_body(request, _Decision)
        values = {"outbox_id": decision.outbox_id, "act": decision.act}
        if not await self._of_chat("decide_message", request, viewer, values):
            raise HTTPException(409, "The message stands otherwise by now, or is not yours to decide about.")
        return Response(status_code=204)

    async def assign(self, request: Request, viewer: Viewer) -> Response:
        """Write down whose contact somebody is."""
        contact = await read_body(request, _Contact)
        values = {"party_id": contact.party_id, "contact_id": contact.contact_id}
        if not await self._of_chat("assign_person", request, viewer, values):
            raise HTTPException(404, "There is no such chat, or no such client.")
        return Response(status_code=204)

    async def _write(self, request: Request, viewer: Viewer, key: str, message: dict[str, Any]) -> Response:
        values = {
            "client_key": key,
            "template_name": "",
            "template_language": "",
            "template_values": [],
            "sha256": "",
            "mime_type": "",
            "file_name": "",
            "reply_to_id": "",
        }
        [told] = await self._of_chat("write_message", request, viewer, values | message) or [{"outcome": "none"}]
        if told["outcome"] == "written" and told["outbox_id"] is None:
            # Another request with this key was being written at the same moment; by now it can be seen.
            [told] = await self._of_chat("write_message", request, viewer, values | message) or [{"outcome": "none"}]
        _refuse(told)
        return as_answer({"outbox_id": told["outbox_id"]})

    async def _readable(self, request: Request, viewer: Viewer) -> dict[str, Any]:
        found = await self._of_chat("select_chat", request, viewer, {})
        if not found:
            raise HTTPException(404, "There is no such chat.")
        return found[0]

    async def _lines(self, chat_id: int, before: datetime | None, key: str) -> dict[str, Any]:
        values = {"chat": chat_id, "before": before, "before_key": key, "rows": PAGE}
        rows = await self._database.ask("select_chat_lines", values, dict_row)
        return {"lines": rows[::-1], "has_more": len(rows) == PAGE}

    async def _of_chat(
        self, name: str, request: Request, viewer: Viewer, values: dict[str, Any]
    ) -> list[dict[str, Any]]:
        chat = request.path_params["chat"]
        if chat >= 2**63:
            return []
        return await self._database.ask(name, self._looking(viewer) | {"chat": chat} | values, dict_row)

    def _looking(self, viewer: Viewer) -> dict[str, Any]:
        return {"viewer": viewer.employee_id, "sees_all": viewer.is_supervisor, "zone": self._config.zone}


def _refuse(told: dict[str, Any]) -> None:
    """Say no where the database did.

    Raises:
        HTTPException: with what came of it, and whose the chat is, in headers: the page has words of its own.
    """
    outcome = told["outcome"]
    if outcome in {"written", "done"}:
        return
    owner = told.get("owner_name") or ""
    words = {
        "none": "There is no such chat.",
        "owned": f"{owner} answers this chat.",
        "away": "You, or whom you chose, are not at work now.",
        "closed_window": "24 hours have gone by since the client wrote: only a template can be sent.",
        "no_template": "There is no such template with so many values.",
        "state": "The chat stands otherwise by now.",
        "used": "Another message was written under this key.",
    }
    headers = {"X-Outcome": outcome, "X-Owner": quote(owner)}
    raise HTTPException(_WRITTEN[outcome], words[outcome], headers=headers)


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise HTTPException(422, "'before' is a moment with an offset.")
    return moment
