"""The journal's addresses: lists, a call, its recordings, files to take away, reports."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date, datetime, timedelta
from tempfile import TemporaryFile
from typing import IO, Any, TypeVar, get_args
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from gateway.asked import as_answer, guarded, parameter
from gateway.config import GatewayConfig
from gateway.journal.calls import Journal, Place
from gateway.journal.filters import read_filter
from gateway.journal.regions import LANGUAGES
from gateway.journal.reports import Reports, Unit
from gateway.journal.store import JournalStore
from gateway.journal.words import COLUMNS
from gateway.people import People, Viewer
from resources.telephony.recordings import (
    FolderShelf,
    NoRecordingError,
    OpenRecording,
    Recording,
    RecordingShelf,
    content_type_of,
)
from resources.telephony.source import SourceError

T = TypeVar("T")

LONGEST_REPORT_DAYS = 1_100
_PORTION_BYTES = 65_536

_LOG = logging.getLogger(__name__)


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

    async def options(self, _request: Request, viewer: Viewer) -> Response:
        """Tell what there is to choose from."""
        return as_answer(await self._read(viewer, lambda journal: journal.options()))

    async def calls(self, request: Request, viewer: Viewer) -> Response:
        """List calls, newest first."""
        asked, after = read_filter(request, "after", "language"), _place(request)
        return as_answer(await self._read(viewer, lambda journal: journal.page(asked, after)))

    async def call(self, request: Request, viewer: Viewer) -> Response:
        """Tell of a call leg by leg."""
        pbx_id, linkedid = parameter(request, "pbx_id"), parameter(request, "linkedid")
        found = await self._read(viewer, lambda journal: journal.call(pbx_id, linkedid))
        if found is None:
            raise HTTPException(404, "There is no such call, or it is not yours.")
        return as_answer(found)

    async def recording(self, request: Request, viewer: Viewer) -> Response:
        """Play a recording from where it is; a part of it where one is asked for."""
        pbx_id, leg_id = parameter(request, "pbx_id"), parameter(request, "leg_id")
        found = await self._read(viewer, lambda journal: journal.may_hear(pbx_id, leg_id))
        shelf = self._config.recording_shelves.get(pbx_id)
        if found is None:
            raise HTTPException(404, "There is no such recording, or it is not yours.")
        if shelf is None:
            raise HTTPException(410, "The settings do not say where recordings of this PBX are.")
        recording = Recording(found["leg_id"], found["linkedid"], found["file"], found["started_at"])
        try:
            return await _played(shelf, recording, request.headers.get("range", ""))
        except NoRecordingError as error:
            raise HTTPException(410, str(error)) from None
        except SourceError as error:
            raise HTTPException(502, str(error)) from None

    async def export(self, request: Request, viewer: Viewer) -> Response:
        """Give the list as a CSV file. It is written before it is sent: the slowest reader holds no connection."""
        asked, language = read_filter(request, "language"), self._language(request)
        first = asked.first_day.isoformat() if asked.first_day else "all"
        # Excel in Russian takes commas for a part of numbers.
        delimiter = ";" if language == "ru" else ","
        file = await self._read(viewer, lambda journal: _written(journal.lines(asked, COLUMNS[language], delimiter)))
        return StreamingResponse(
            _portions(file),
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
        if asked.first_day and asked.last_day and asked.first_day > asked.last_day:
            raise HTTPException(422, "The first day is after the last.", {"X-Outcome": "reversed_days"})
        if asked.first_day and last_day - asked.first_day >= timedelta(days=LONGEST_REPORT_DAYS):
            raise HTTPException(422, f"A report is of {LONGEST_REPORT_DAYS} days at most.", {"X-Outcome": "many_days"})
        language = self._language(request)

        def count(connection: Connection) -> dict[str, Any] | None:
            journal = Journal(connection, viewer, self._config.zone)
            first_day = asked.first_day or max(
                journal.first_day() or last_day, last_day - timedelta(days=LONGEST_REPORT_DAYS - 1)
            )
            days = {"first_day": min(first_day, last_day), "last_day": last_day}
            reports = Reports(connection, journal, self._config.zone, language)
            found = reports.of(name, asked.model_copy(update=days), chosen)
            return found and {**found, **days}

        found = await self._store.read(count)
        if found is None:
            raise HTTPException(404, "There is no such report.")
        return as_answer(found)

    async def _read(self, viewer: Viewer, question: Callable[[Journal], T]) -> T:
        return await self._store.read(lambda connection: question(Journal(connection, viewer, self._config.zone)))

    def _language(self, request: Request) -> str:
        asked = parameter(request, "language")
        return asked if asked in LANGUAGES else self._config.language


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
    return _Played(stack, opened, headers)


class _Played(StreamingResponse):
    """A recording while it comes; the PBX's connection is let go of however it ends."""

    def __init__(self, stack: AsyncExitStack, opened: OpenRecording, headers: dict[str, str]) -> None:
        super().__init__(opened.content, opened.status, {**opened.headers, **headers})
        self._stack = stack

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with self._stack:
                if scope["method"] == "HEAD":
                    # Nobody gets the content, so the PBX need not send it.
                    await Response(None, self.status_code, self.headers)(scope, receive, send)
                else:
                    await super().__call__(scope, receive, send)
        except SourceError as error:
            # Half of it is out: the server breaks the connection, and the player tells that something is missing.
            _LOG.warning("A recording broke off: %s", error)


def _written(lines: Iterator[str]) -> IO[bytes]:
    file = TemporaryFile()  # noqa: SIM115 - its reader closes it
    for line in lines:
        file.write(line.encode())
    file.seek(0)
    return file


async def _portions(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while portion := await asyncio.to_thread(file.read, _PORTION_BYTES):
            yield portion
