"""`/_sim/` on the HTTP manager's port: driving calls and faults from another process.

`POST /_sim/ring {"number", "extension" (one or a list), "did", "name"}` and `POST /_sim/dial_out {"extension",
"number"}` answer `{"call": id}`. `POST /_sim/answer`, `reject`, `hold`, `unhold`, `transfer`, `ring_out` and `hangup`
take `{"call": id}` and what the methods of `Call` take. `POST /_sim/fault {"kind", …}` switches on, `DELETE` off.
`GET /_sim/stats` and `/_sim/channels` tell.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from simulators.asterisk.ajam import Reply, Request

if TYPE_CHECKING:
    from simulators.asterisk.manager import SimulatedManager

FAULTS = ("refuse_logins", "slow_seconds", "deliver_twice", "shuffle_seconds", "cut_midway", "rubbish")


class Control:
    """Answers what is asked under `/_sim/`."""

    def __init__(self, manager: SimulatedManager) -> None:
        self._manager = manager

    async def __call__(self, request: Request) -> Reply:
        """Do what a request asks; 400 tells what is wrong with it."""
        what = request.path.removeprefix("/_sim/")
        try:
            asked = json.loads(request.body or b"{}")
            known = self._known(request.method, what, asked)
            if known is None:
                return _json("404 Not Found", {"error": f"no {request.method} {request.path}"})
            return _json("200 OK", known() or {})
        except (KeyError, TypeError, ValueError) as error:
            return _json("400 Bad Request", {"error": f"{type(error).__name__}: {error}"})

    def _known(self, method: str, what: str, asked: dict[str, Any]) -> Callable[[], Any] | None:
        manager = self._manager
        if method == "GET":
            return {
                "stats": lambda: (
                    asdict(manager.counters) | {"connections": manager.connections, "channels": len(manager.channels)}
                ),
                "channels": lambda: manager.channels,
            }.get(what)
        if method == "DELETE":
            return {"fault": manager.faults.switch_off}.get(what)
        return {
            "ring": lambda: {"call": manager.ring(**asked).id},
            "dial_out": lambda: {"call": manager.dial_out(**asked).id},
            "dial_inside": lambda: {"call": manager.dial_inside(**asked).id},
            "answer": lambda: self._drive("answer", asked),
            "reject": lambda: self._drive("reject", asked),
            "hold": lambda: self._drive("hold", asked),
            "unhold": lambda: self._drive("unhold", asked),
            "transfer": lambda: self._drive("blind_transfer", asked),
            "ring_out": lambda: self._drive("ring_out", asked),
            "hangup": lambda: self._drive("hangup", asked),
            "fault": lambda: self._fault(**asked),
        }.get(what)

    def _drive(self, how: str, asked: dict[str, Any]) -> None:
        getattr(self._manager.calls[asked.pop("call")], how)(**asked)

    def _fault(self, kind: str, **how: Any) -> None:  # noqa: ANN401
        manager = self._manager
        if kind in FAULTS:
            setattr(manager.faults, kind, how["value"])
        elif kind == "restart":
            manager.restart(**how, is_awaited=False)
        else:
            at_once: dict[str, Callable[..., None]] = {
                "cut": manager.cut_connections,
                "lose_sessions": manager.lose_sessions,
                "silent": manager.be_silent,
            }
            at_once[kind](**how)


def _json(status: str, content: object) -> Reply:
    return Reply(status, json.dumps(content).encode(), ("Content-Type: application/json",))
