"""The journal's addresses: lists, a call, its recordings, files to take away, reports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date, datetime, timedelta
from typing import Any, TypeVar, get_args
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import Connection
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route

from gateway.asked import as_answer, guarded, parameter
from gateway.config import GatewayConfig
from gateway.journal.calls import Journal, Place
from gateway.journal.filters import read_filter
from gateway.journal.reports import Reports, Unit
from gateway.journal.store import JournalStore
from gateway.journal.words import COLUMNS
from gateway.people import People, Viewer
from resources.telephony.recordings import FolderShelf, NoRecordingError, Recording, RecordingShelf, content_type_of
from resources.telephony.source import SourceError

T = TypeVar("T")

LONGEST_REPORT_DAYS = 1_100
_LANGUAGES = ("ru", "en")


class JournalPages:
    """What the journal's pages ask for.

    Args:
        people: who is logged in.
        config: the zone, the language, and where recordings are.
    """

    def __init__(self, people: People, config: GatewayConfig) -> None:
        self._people = people
        self._config = config
        self._store = JournalStore(config.database_url)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let go of the connections at the end."""
        try:
            yield
        finally:
            self._store.close()

    def routes(self) -> list[Route]:
        """Return the addresses and what answers there."""
        return [
            Route(f"/journal/api/{path}", guarded(self._people, answer))
            for path, answer in (
                ("me", self.me),
                ("options", self.options),
                ("calls", self.calls),
                ("call", self.call),
                ("recording", self.recording),
                ("calls.csv", self.export),
                ("report", self.report),
            )
        ]

    async def me(self, _request: Request, viewer: Viewer) -> Response:
        """Tell who looks, and what holds for them."""
        today = datetime.now(ZoneInfo(self._config.zone)).date()
        return as_answer(
            {
                "employee_id": viewer.employee_id,
                "name": viewer.name,
                "extension": viewer.extension,
                "is_supervisor": viewer.is_supervisor,
                "language": self._config.language,
                "zone": self._config.zone,
                "today": today.isoformat(),
            }
        )

    async def options(self, request: Request, viewer: Viewer) -> Response:
        """Tell what there is to choose from."""
        return as_answer(await self._read(request, viewer, lambda journal: journal.options()))

    async def calls(self, request: Request, viewer: Viewer) -> Response:
        """List calls, newest first."""
        asked, after = read_filter(request, "after", "language"), _place(request)
        return as_answer(await self._read(request, viewer, lambda journal: journal.page(asked, after)))

    async def call(self, request: Request, viewer: Viewer) -> Response:
        """Tell of a call leg by leg."""
        pbx_id, linkedid = parameter(request, "pbx_id"), parameter(request, "linkedid")
        found = await self._read(request, viewer, lambda journal: journal.call(pbx_id, linkedid))
        if found is None:
            raise HTTPException(404, "There is no such call, or it is not yours.")
        return as_answer(found)

    async def recording(self, request: Request, viewer: Viewer) -> Response:
        """Play a recording from where it is; a part of it where one is asked for."""
        pbx_id, leg_id = parameter(request, "pbx_id"), parameter(request, "leg_id")
        found = await self._read(request, viewer, lambda journal: journal.may_hear(pbx_id, leg_id))
        shelf = self._config.recording_shelves.get(pbx_id)
        if found is None or shelf is None:
            raise HTTPException(404, "There is no such recording, or it is not yours.")
        recording = Recording(found["leg_id"], found["linkedid"], found["file"], found["started_at"])
        try:
            return await _played(shelf, recording, request.headers.get("range", ""))
        except NoRecordingError as error:
            raise HTTPException(410, str(error)) from None
        except SourceError as error:
            raise HTTPException(502, str(error)) from None

    async def export(self, request: Request, viewer: Viewer) -> Response:
        """Give the list as a CSV file, written while it is read."""
        asked, language = read_filter(request, "language"), self._language(request)
        first = asked.first_day.isoformat() if asked.first_day else "all"
        # Excel in Russian takes commas for a part of numbers.
        delimiter = ";" if language == "ru" else ","

        def lines(connection: Connection) -> Iterator[str]:
            return self._journal(connection, viewer, language).lines(asked, COLUMNS[language], delimiter)

        return StreamingResponse(
            self._store.stream(lines),
            media_type="text/csv; charset=utf-8",
            headers={
                "Content-Disposition": f'attachment; filename="calls-{first}.csv"',
                "Cache-Control": "no-store",
            },
        )

    async def report(self, request: Request, viewer: Viewer) -> Response:
        """Count calls."""
        asked, name = read_filter(request, "name", "unit", "language"), parameter(request, "name")
        unit = parameter(request, "unit") or "day"
        if unit not in get_args(Unit):
            raise HTTPException(422, "'unit' is day, week or month.")
        chosen: Unit = unit  # type: ignore[assignment]
        today = datetime.now(ZoneInfo(self._config.zone)).date()
        last_day = min(asked.last_day or today, today + timedelta(days=1))
        first_day = asked.first_day or last_day - timedelta(days=29)
        if not timedelta(0) <= last_day - first_day <= timedelta(days=LONGEST_REPORT_DAYS):
            raise HTTPException(422, f"A report is of 1 to {LONGEST_REPORT_DAYS} days.")
        asked = asked.model_copy(update={"first_day": first_day, "last_day": last_day})
        language = self._language(request)

        def count(connection: Connection) -> dict[str, Any] | None:
            journal = self._journal(connection, viewer, language)
            return Reports(connection, journal, self._config.zone, language).of(name, asked, chosen)

        found = await self._store.read(count)
        if found is None:
            raise HTTPException(404, "There is no such report.")
        return as_answer({**found, "first_day": first_day, "last_day": last_day})

    async def _read(self, request: Request, viewer: Viewer, question: Callable[[Journal], T]) -> T:
        language = self._language(request)
        return await self._store.read(lambda connection: question(self._journal(connection, viewer, language)))

    def _journal(self, connection: Connection, viewer: Viewer, language: str) -> Journal:
        return Journal(connection, viewer, self._config.zone, language)

    def _language(self, request: Request) -> str:
        asked = parameter(request, "language")
        return asked if asked in _LANGUAGES else self._config.language


class _After(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    call_day: date
    started_at: datetime
    pbx_id: str
    linkedid: str


def _place(request: Request) -> Place | None:
    given = parameter(request, "after")
    if not given:
        return None
    try:
        return Place(**_After.model_validate_json(given).model_dump())
    except ValidationError:
        raise HTTPException(422, "'after' is no place in the list.") from None


async def _played(shelf: RecordingShelf, recording: Recording, byte_range: str) -> Response:
    headers = {"Cache-Control": "private, no-store", "Content-Security-Policy": "default-src 'none'; sandbox"}
    if isinstance(shelf, FolderShelf):
        path = await asyncio.to_thread(shelf.path_of, recording)
        return FileResponse(path, media_type=content_type_of(path.name), headers=headers)
    stack = AsyncExitStack()
    opened = await stack.enter_async_context(shelf.opened(recording, byte_range))
    return StreamingResponse(
        opened.content,
        opened.status,
        {**opened.headers, **headers},
        background=BackgroundTask(stack.aclose),
    )
