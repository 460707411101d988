"""MikoPBX's ModuleInterceptionSmartIvr: one responsible per telephone number, kept by the PBX for its own look-ups.

Public source of the rules: the module's `ApiController` and `ConnectorDB`.

- `responsible/add` first deletes every row of the clients it names, then stores one row per number; a row without a
  number or an employee only clears. So a client is always posted whole.
- A number is kept by its last ten digits.
- An empty body means that the module's worker is down: never "nothing there".
- Answers bear `result`; where it is false, `messages` say why, beside the number or the id concerned.
- A body that the module cannot read counts as an empty list and is answered with success: so `data` is counted, which
  has one entry for each row that was taken.
- Rows of ours are looked at, by calls and by `responsible/{phone}`, only in the module's full mode with its menu on.
- The worker is handed a post as one job of its queue, which takes no more than 524 280 bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from resources.telephony.answers import Answer
from resources.telephony.http import HttpBounds, HttpClient
from resources.telephony.source import SourceAnswerError

KEPT_DIGITS = 10

_BASE = "/pbxcore/api/module-interception-ivr/v1"


@dataclass(frozen=True)
class ModuleUser:
    """An employee as the module knows them."""

    crm_id: str
    name: str
    position: str
    number: str


@dataclass(frozen=True)
class Responsible:
    """A client's number and who answers it; without a number or an employee it only clears the client."""

    client_id: str
    client_name: str
    number: str
    employee_id: str


@dataclass(frozen=True)
class Shown:
    """What the PBX holds of ours for a number.

    Attributes:
        client_name: whose number it is.
        extension: of who answers it; empty where the PBX does not know that employee.
    """

    client_name: str
    extension: str


class ResponsibleBook(Protocol):
    """Where a PBX keeps who is responsible; see `InterceptionModule`."""

    def add_users(self, users: Sequence[ModuleUser]) -> None:
        """Store employees."""

    def delete_users(self, crm_ids: Sequence[str]) -> None:
        """Forget employees."""

    def add_responsibles(self, rows: Sequence[Responsible]) -> None:
        """Make these all the rows of their clients."""

    def responsible_of(self, number: str) -> Shown | None:
        """Return what the PBX holds of ours for a number."""

    def close(self) -> None:
        """Let go of the connections."""


class InterceptionModule:
    """The module of one PBX.

    Args:
        pbx_id: the PBX's name in messages.
        base_url: for example `https://pbx.example.com`.
        api_key: with write rights on the module's path.
        bounds: patience with the server.
        ca_file: a PEM file to trust, for a PBX with a self-signed certificate.
        verify_tls: whether an https certificate is checked at all.

    Each method raises `SourceUnavailableError`, `SourceRefusedError` or `SourceAnswerError`.
    """

    def __init__(
        self,
        pbx_id: str,
        base_url: str,
        api_key: str,
        *,
        bounds: HttpBounds | None = None,
        ca_file: str = "",
        verify_tls: bool = True,
    ) -> None:
        self._client = HttpClient(
            pbx_id, base_url, bearer=api_key, bounds=bounds, ca_file=ca_file, verify_tls=verify_tls
        )

    def add_users(self, users: Sequence[ModuleUser]) -> None:
        """Store employees, each by its id."""
        self._post(
            "users/add",
            [
                {"crmId": user.crm_id, "name": user.name, "position": user.position, "number": user.number}
                for user in users
            ],
        )

    def delete_users(self, crm_ids: Sequence[str]) -> None:
        """Forget employees; those it does not know count as forgotten."""
        self._post("users/delete", [{"crmId": crm_id} for crm_id in crm_ids])

    def add_responsibles(self, rows: Sequence[Responsible]) -> None:
        """Make these all the rows of the clients they name."""
        self._post(
            "responsible/add",
            [
                {
                    "crmId": row.client_id,
                    "employeeId": row.employee_id,
                    "name": row.client_name,
                    "number": row.number,
                }
                for row in rows
            ],
        )

    def responsible_of(self, number: str) -> Shown | None:
        """Return what the PBX holds of ours for a number; None where there is no such row."""
        rows = self._client.get(
            f"{_BASE}/responsible/", {"type": "INCOMING"}, _data_of, brief=True, unnamed=phone_id(number)
        )
        # What it learned from its own calls is not ours.
        ours = [row for row in rows if isinstance(row, dict) and row.get("source") == "crm"]
        return Shown(_text(ours[0].get("clientName")), _text(ours[0].get("number"))) if ours else None

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _post(self, path: str, content: list[dict[str, str]]) -> None:
        self._client.post(f"{_BASE}/{path}", content, _taking(len(content)))


def phone_id(number: str) -> str:
    """Return by what the module keeps a number: its last ten digits."""
    return "".join(sign for sign in number if sign.isdigit())[-KEPT_DIGITS:]


def _taking(count: int) -> Callable[[Answer], None]:
    def decode(answer: Answer) -> None:
        taken = len(_data_of(answer))
        if taken < count:
            raise SourceAnswerError(f"the module took {taken} of {count} rows; does a proxy change what is posted?")

    return decode


def _data_of(answer: Answer) -> list[Any]:
    text = answer.body.decode("utf-8", "replace")
    if not text.strip():
        raise SourceAnswerError("an empty answer: the module's worker is down; look at the module in the PBX")
    try:
        found = json.loads(text[text.index("{") :])
    except ValueError:
        raise SourceAnswerError("the answer is no JSON; is the module installed and switched on?") from None
    if not isinstance(found, dict) or not isinstance(found.get("result"), bool):
        raise SourceAnswerError("the answer is not such as the module gives; is the base URL right?")
    if not found["result"]:
        raise SourceAnswerError(f"the module refused: {_words_of(found.get('messages'))[:300]}")
    data = found.get("data") or []
    return data if isinstance(data, list) else [data]


def _words_of(messages: object) -> str:
    """Return why, without the numbers that stand beside the reasons."""
    if isinstance(messages, dict):
        return _words_of(messages.get("error", "no reason given"))
    if isinstance(messages, list):
        return "; ".join(dict.fromkeys(map(_words_of, messages))) or "no reason given"
    return str(messages)


def _text(value: object) -> str:
    return "" if value is None else str(value)
