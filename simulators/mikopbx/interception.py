"""ModuleInterceptionSmartIvr of the simulated PBX: one responsible per telephone number.

Public source of the rules: the module's `ApiController` and `ConnectorDB`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

BASE = "/pbxcore/api/module-interception-ivr/v1"


@dataclass
class InterceptionBook:
    """What the module holds.

    Attributes:
        users: employees by crmId.
        rows: responsibles by phoneId, the last ten digits of the number.
        posts: bodies of what was posted, for tests that count them.
        is_full_mode: whether calls and look-ups go by these rows: simple mode on or the menu off, they do not.
        loses_posts: how many of the next posts are answered with success and forgotten.
        garbles_posts: how many of the next posts arrive as something that cannot be read.
        refuses_posts: how many of the next posts are answered with `result: false`.
        junk: what stands before the answers.
    """

    users: dict[str, dict[str, str]] = field(default_factory=dict)
    rows: dict[str, dict[str, str]] = field(default_factory=dict)
    posts: list[tuple[str, list[dict[str, str]]]] = field(default_factory=list)
    is_full_mode: bool = True
    loses_posts: int = 0
    garbles_posts: int = 0
    refuses_posts: int = 0
    junk: str = ""

    def routes(self) -> list[Route]:
        """Return the module's addresses."""
        return [
            Route(f"{BASE}/users/add", self._post(self._add_users), methods=["POST"]),
            Route(f"{BASE}/users/delete", self._post(self._delete_users), methods=["POST"]),
            Route(f"{BASE}/responsible/add", self._post(self._add_responsibles), methods=["POST"]),
            Route(f"{BASE}/responsible/delete", self._post(self._delete_responsibles), methods=["POST"]),
            Route(f"{BASE}/responsible/{{phone}}", self._responsible),
        ]

    def _post(self, change: Any) -> Any:  # noqa: ANN401
        async def answer(request: Request) -> Response:
            body = (await request.body()).decode()
            if self.garbles_posts:
                self.garbles_posts -= 1
                body = body[:-1]
            given = _read(body)
            self.posts.append((request.url.path.removeprefix(f"{BASE}/"), given))
            if self.refuses_posts:
                self.refuses_posts -= 1
                messages = [{"number": row.get("number", ""), "error": ["database is locked"]} for row in given]
                return self._answer(False, [], messages)
            if self.loses_posts:
                self.loses_posts -= 1
                return self._answer(True, given)
            # The module forgets to say that taking numbers away went well.
            return self._answer(change != self._delete_responsibles, change(given))

        return answer

    def _add_users(self, given: list[dict[str, str]]) -> list[dict[str, Any]]:
        for user in given:
            self.users[user["crmId"]] = user
        return [{"crmId": user["crmId"], "id": place} for place, user in enumerate(given, 1)]

    def _delete_users(self, given: list[dict[str, str]]) -> list[dict[str, Any]]:
        for user in given:
            self.users.pop(user["crmId"], None)
        return [{"crmId": user["crmId"], "id": 0} for user in given]

    def _add_responsibles(self, given: list[dict[str, str]]) -> list[dict[str, Any]]:
        clients = {row["crmId"] for row in given}
        self.rows = {phone: row for phone, row in self.rows.items() if row["crmId"] not in clients}
        for row in given:
            if row["number"] and row["employeeId"]:
                self.rows[_phone_id(row["number"])] = row
        return [{"number": row["number"], "id": place} for place, row in enumerate(given, 1)]

    def _delete_responsibles(self, given: list[dict[str, str]]) -> list[dict[str, Any]]:
        for row in given:
            self.rows.pop(_phone_id(row["number"]), None)
        return [{"number": row["number"], "id": 0} for row in given]

    async def _responsible(self, request: Request) -> Response:
        row = self.rows.get(_phone_id(request.path_params["phone"]))
        if row is None or not self.is_full_mode:
            return self._answer(True, [])
        # The row is joined to its employee, who may be missing.
        user = self.users.get(row["employeeId"], {})
        shown = {
            "clientName": row["name"],
            "typeCall": "",
            "name": user.get("name"),
            "number": user.get("number"),
            "position": user.get("position"),
            "source": "crm",
        }
        return self._answer(True, [shown])

    def _answer(self, result: bool, data: list[Any], messages: list[dict[str, Any]] | None = None) -> Response:
        content = {"result": result, "data": data, "messages": messages or [], "function": "", "pid": 1}
        if self.junk:
            return Response(self.junk + json.dumps(content), media_type="application/json")
        return JSONResponse(content)


def _read(body: str) -> list[dict[str, str]]:
    """Return what was posted; what cannot be read counts as nothing, and nothing as done."""
    begin = re.search(r"[\[{]", body)
    try:
        given: list[dict[str, str]] = json.loads(body[begin.start() :]) if begin else []
    except ValueError:
        return []
    return given


def _phone_id(number: str) -> str:
    return re.sub(r"\D", "", number)[-10:]
