"""The simulated MikoPBX as an ASGI application, and its control for tests under `/_sim/`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.mikopbx import live, portions, recordings, rest
from simulators.mikopbx.clock import Clock
from simulators.mikopbx.faults import Faults
from simulators.mikopbx.guard import Guard, RateLimit, failure
from simulators.mikopbx.history import FinishedCall
from simulators.mikopbx.interception import InterceptionBook
from simulators.mikopbx.nchan import EventChannel
from simulators.mikopbx.store import CdrStore


@dataclass
class SimulatedPbx:
    """One simulated MikoPBX.

    Attributes:
        clock: its clock, real unless a moment is given.
        store: its call detail records.
        faults: what goes wrong.
        api_key: what REST v3 asks for.
        timezone: in which it shows its clock.
        extensions: its internal numbers, as `GET /pbxcore/api/v3/extensions` shows them.
        largest_get_data_limit: 600 on old firmware, 2000 on new.
        rate_limit: off unless set.
        database: a file in which a PBX started again finds its calls; none keeps them in memory.
        interception: what its ModuleInterceptionSmartIvr holds.
        nchan_token: what its event channel asks for.
    """

    clock: Clock = field(default_factory=Clock)
    api_key: str = "simulated-api-key"
    timezone: str = "Europe/Moscow"
    extensions: list[dict[str, Any]] = field(default_factory=list)
    largest_get_data_limit: int = 600
    rate_limit: RateLimit = field(default_factory=RateLimit)
    faults: Faults = field(default_factory=Faults)
    database: Path | None = None
    interception: InterceptionBook = field(default_factory=InterceptionBook)
    nchan_token: str = "simulated-token"  # noqa: S105

    def __post_init__(self) -> None:
        self.store = CdrStore(self.clock, self.database)
        self.events = EventChannel(self.store, self.timezone, self.nchan_token)
        self.guard = Guard(self._routes(), self.clock, self.faults, self.api_key, self.rate_limit)

    @property
    def app(self) -> Guard:
        """The application to serve."""
        return self.guard

    def _routes(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/pbxcore/api/v3/cdr", self._list_cdr),
                Route("/pbxcore/api/v3/cdr:getMetadata", self._metadata),
                Route("/pbxcore/api/v3/cdr:playback", self._play),
                Route("/pbxcore/api/v3/cdr:download", self._play),
                Route("/pbxcore/api/v3/cdr/{key}", self._one_cdr, methods=["GET"]),
                Route("/pbxcore/api/v3/cdr/{key}", self._delete_cdr, methods=["DELETE"]),
                Route("/pbxcore/api/v3/extensions", self._extensions),
                Route("/pbxcore/api/v3/pbx-status:getActiveCalls", self._active_calls),
                Route("/pbxcore/api/v3/pbx-status:getActiveChannels", self._active_channels),
                Route("/pbxcore/api/nchan/sub/{channel}", self.events.subscribe),
                Route("/pbxcore/api/cdr/get_data", self._get_data),
                Route("/pbxcore/api/cdr/records", self._view),
                Route("/pbxcore/mega-pbx/cdr", self._mega),
                Route("/pbxcore/mts-pbx/cdr", self._mts),
                *self.interception.routes(),
                Route("/_sim/stats", self._stats),
                Route("/_sim/requests", self._requests),
                Route("/_sim/clock", self._set_clock, methods=["POST"]),
                Route("/_sim/faults", self._set_faults, methods=["POST", "DELETE"]),
                Route("/_sim/calls", self._take_call, methods=["POST"]),
                Route("/_sim/rows", self._upsert, methods=["POST"]),
                Route("/_sim/rows/{unique_id}", self._change, methods=["PATCH"]),
                Route("/_sim/merge", self._merge, methods=["POST"]),
                Route("/_sim/retention", self._retain, methods=["POST"]),
                Route("/_sim/reset", self._reset, methods=["POST"]),
            ]
        )

    async def _list_cdr(self, request: Request) -> Response:
        return rest.list_cdr(request, self.store, self.timezone)

    async def _metadata(self, request: Request) -> Response:
        return rest.get_metadata(request, self.store)

    async def _play(self, request: Request) -> Response:
        return recordings.play(request, self.store)

    async def _view(self, request: Request) -> Response:
        return recordings.view(request, self.store)

    async def _one_cdr(self, _request: Request) -> Response:
        # A stub in the real one, too: success without data.
        return rest.envelope([], "getRecord", self.clock)

    async def _delete_cdr(self, request: Request) -> Response:
        deleted = self.store.delete(request.path_params["key"])
        return rest.envelope({"deleted": deleted}, "delete", self.clock) if deleted else failure(404, "No such record")

    async def _extensions(self, request: Request) -> Response:
        return rest.list_extensions(request, self.extensions, self.clock)

    async def _active_calls(self, request: Request) -> Response:
        return live.active_calls(request, self.store, self.timezone)

    async def _active_channels(self, request: Request) -> Response:
        return live.active_channels(request, self.store, self.timezone)

    async def _get_data(self, request: Request) -> Response:
        return portions.get_data(request, self.store, self.largest_get_data_limit)

    async def _mega(self, request: Request) -> Response:
        return portions.mega_history(request, self.store, self.timezone)

    async def _mts(self, request: Request) -> Response:
        return portions.mts_history(request, self.store, self.timezone)

    async def _set_clock(self, request: Request) -> Response:
        wanted = await request.json()
        if "now" in wanted:
            self.clock.set(datetime.fromisoformat(wanted["now"]))
        self.clock.advance(wanted.get("advance_seconds", 0))
        return JSONResponse({"now": self.clock.now().isoformat()})

    async def _set_faults(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.faults.switch_off()
        else:
            self.faults.switch_on(**await request.json())
        return JSONResponse({})

    async def _take_call(self, request: Request) -> Response:
        """Take a call in: now, or when the clock reaches `finalised_at`."""
        wanted = await request.json()
        recordings_at = _moment(wanted.get("recordings_at"))
        finalised_at = _moment(wanted.get("finalised_at"))
        if finalised_at is None:
            return JSONResponse({"ids": self.store.finalise(wanted["rows"], recordings_at)})
        self.store.expect([FinishedCall(finalised_at, tuple(wanted["rows"]), recordings_at or finalised_at)])
        return JSONResponse({"ids": []})

    async def _upsert(self, request: Request) -> Response:
        return JSONResponse({"id": self.store.upsert(await request.json())})

    async def _change(self, request: Request) -> Response:
        changed = self.store.change(request.path_params["unique_id"], **await request.json())
        return JSONResponse({"changed": changed})

    async def _merge(self, request: Request) -> Response:
        wanted = await request.json()
        return JSONResponse({"changed": self.store.merge(wanted["linkedid"], wanted["into"])})

    async def _retain(self, request: Request) -> Response:
        return JSONResponse({"deleted": self.store.retain_since((await request.json())["since"])})

    async def _reset(self, request: Request) -> Response:
        self.store.reset_ids(keep_rows=bool((await request.json()).get("keep_rows")))
        return JSONResponse({})

    async def _requests(self, _request: Request) -> Response:
        return JSONResponse(list(self.guard.requests))

    async def _stats(self, _request: Request) -> Response:
        return JSONResponse(
            {
                "now": self.clock.now().isoformat(),
                "rows": self.store.count("1 = 1", ()),
                "running_rows": len(self.store.running()),
                "requests": len(self.guard.requests),
            }
        )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
