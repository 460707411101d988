"""The client of one WhatsApp number: sends, and asks for what became of it, for files and templates.

A message is asked for once: a request that was lost on the way back may have been taken, and WhatsApp knows no key by
which it would see the same message twice.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import stamina

from resources.messengers.exchange import (
    Accepted,
    Delivery,
    Fetched,
    MessengerError,
    NotSentError,
    OutcomeUnknownError,
    Outgoing,
    RefusalClass,
    RefusedError,
    Template,
)
from resources.messengers.items import Status
from resources.messengers.whatsapp import media
from resources.messengers.whatsapp.bodies import body_of
from resources.messengers.whatsapp.refusals import refusal_of

_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
_STATUSES = {"SENT", "DELIVERED", "READ", "FAILED", "DELETED", "PLAYED"}
_PAGE = 100
_MOST_PAGES = 1000
_HISTORY = {"fields": "message_id,events{delivery_status,timestamp,error_description}", "limit": str(_PAGE)}

# Its lines at INFO hold addresses, and those hold ids.
logging.getLogger("httpx").setLevel(logging.WARNING)


class _PassingError(MessengerError):
    """Asking again may help."""


class WhatsAppClient:
    """One of our numbers at the Cloud API. Safe to use from several threads.

    Args:
        url: of the API, such as https://graph.facebook.com.
        version: of the API, such as v25.0.
        number_id: our number's id.
        account_id: the WhatsApp Business account's id; needed for templates.
        token: of a system user with the right whatsapp_business_messaging.
        timeout_seconds: for one request.
        ca_file: certificate of the authority that signed the server's, where the system does not know it.
    """

    def __init__(
        self,
        url: str,
        version: str,
        number_id: str,
        account_id: str,
        token: str,
        *,
        timeout_seconds: float = 10.0,
        ca_file: str = "",
    ) -> None:
        self._number_id = number_id
        self._account_id = account_id
        self._http = httpx.Client(
            base_url=f"{url.rstrip('/')}/{version}/",
            headers={"Authorization": f"Bearer {token}"},
            timeout=timeout_seconds,
            follow_redirects=False,
            verify=ca_file or True,
            limits=httpx.Limits(max_connections=32, keepalive_expiry=20),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def send(self, outgoing: Outgoing, attempt_id: str) -> Accepted:
        """Ask WhatsApp once to send a message.

        Raises:
            NotSentError: the request never left.
            OutcomeUnknownError: it left, and nobody knows what became of it.
            RefusedError: WhatsApp does not take it.
        """
        try:
            body = body_of(outgoing, attempt_id)
        except ValueError as error:
            raise RefusedError(f"It cannot be sent: {error}.", RefusalClass.PERMANENT) from None
        answer = self._post_once("messages", json=body)
        try:
            told = answer.json()
            message = told["messages"][0]
            contacts = told.get("contacts") or [{}]
            return Accepted(
                message_id=_id(message),
                wa_id=str(contacts[0].get("wa_id") or ""),
            )
        except (ValueError, KeyError, IndexError, TypeError, AttributeError):
            raise OutcomeUnknownError("WhatsApp answered without the message's id: it may have been sent.") from None

    def upload_media(self, path: Path, mime_type: str, file_name: str) -> str:
        """Give WhatsApp a file; return its id, which is good for 30 days. Raises as `send`."""
        with path.open("rb") as file:
            answer = self._post_once(
                "media",
                data={"messaging_product": "whatsapp", "type": mime_type},
                files={"file": (file_name or path.name, file, mime_type)},
            )
        try:
            return _id(answer.json())
        except (ValueError, KeyError, TypeError):
            raise OutcomeUnknownError("WhatsApp answered without the file's id.") from None

    def templates(self) -> Sequence[Template]:
        """Return the templates of the account.

        Raises:
            MessengerError: they cannot be read.
        """
        fields = {"fields": "name,language,category,status,components", "limit": str(_PAGE)}
        return [_template(told) for told in self._pages(f"{self._account_id}/message_templates", fields)]

    def taken_between(self, from_at: datetime, until_at: datetime) -> Iterator[Delivery]:
        """Yield what WhatsApp took in a time, both ends included, with what became of it.

        The list knows neither texts nor recipients, and no filter by time: it is read whole. What nothing has become of
        yet has no time and is given too.

        Raises:
            MessengerError: it cannot be read.
        """
        for told in self._pages(f"{self._number_id}/message_history", _HISTORY):
            delivery = _delivery(told)
            if not delivery.statuses or any(from_at <= status.occurred_at <= until_at for status in delivery.statuses):
                yield delivery

    def fetch_media(self, media_id: str, folder: Path, largest_bytes: int) -> Fetched:
        """Write a file of a message into a folder, under the hash of its bytes.

        Raises:
            MediaGoneError: WhatsApp has it no more, or not as it was sent, or it is too large.
            MessengerError: it could not be fetched now.
        """
        return media.fetch(self._http, self._number_id, media_id, folder, largest_bytes)

    def _post_once(self, path: str, **content: Any) -> httpx.Response:  # noqa: ANN401
        try:
            answer = self._http.post(f"{self._number_id}/{path}", **content)
        except _NEVER_LEFT as error:
            raise NotSentError(f"WhatsApp cannot be reached ({type(error).__name__}).") from None
        except httpx.HTTPError as error:
            raise OutcomeUnknownError(
                f"No answer came ({type(error).__name__}): the message may have been sent."
            ) from None
        if answer.status_code != 200:
            raise refusal_of(answer.status_code, answer.headers, answer.content)
        return answer

    @stamina.retry(on=_PassingError, attempts=4, timeout=60, wait_initial=0.5, wait_max=10)
    def _get(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        try:
            answer = self._http.get(path, params=dict(params))
        except httpx.HTTPError as error:
            raise _PassingError(f"WhatsApp gave no answer ({type(error).__name__}).") from None
        if answer.status_code != 200:
            refusal = refusal_of(answer.status_code, answer.headers, answer.content)
            if isinstance(refusal, OutcomeUnknownError) or refusal.refusal is RefusalClass.RETRY:
                raise _PassingError(f"WhatsApp is in trouble ({answer.status_code}).") from None
            raise refusal
        try:
            told = json.loads(answer.content)
        except ValueError:
            raise _PassingError("WhatsApp's answer is no JSON.") from None
        if not isinstance(told, dict):
            raise _PassingError("WhatsApp's answer is no object.")
        return told

    def _pages(self, path: str, params: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        asked = dict(params)
        for _ in range(_MOST_PAGES):
            told = self._get(path, asked)
            yield from (each for each in told.get("data") or [] if isinstance(each, dict))
            paging = told.get("paging") or {}
            after = (paging.get("cursors") or {}).get("after")
            if not after or not told.get("data") or ("next" not in paging and len(told["data"]) < _PAGE):
                return
            asked["after"] = str(after)
        raise MessengerError(f"WhatsApp's list has more than {_MOST_PAGES} pages.")


def _id(told: Mapping[str, Any]) -> str:
    if not isinstance(told["id"], str) or not told["id"]:
        raise ValueError("no id")
    return told["id"]


def _template(told: Mapping[str, Any]) -> Template:
    components = [each for each in told.get("components") or [] if isinstance(each, dict)]
    body = next((str(each.get("text") or "") for each in components if str(each.get("type")).upper() == "BODY"), "")
    return Template(
        name=str(told.get("name") or ""),
        language=str(told.get("language") or ""),
        category=str(told.get("category") or "").lower(),
        body=body,
        variables=len({number for number in range(1, 100) if f"{{{{{number}}}}}" in body}),
        status=str(told.get("status") or "").lower(),
    )


def _delivery(told: Mapping[str, Any]) -> Delivery:
    message_id = str(told.get("message_id") or "")
    events = told.get("events")
    listed = events.get("data") if isinstance(events, dict) else events
    statuses = [
        Status(
            message_id=message_id,
            status=str(event["delivery_status"]).lower(),
            occurred_at=datetime.fromtimestamp(int(event["timestamp"]), UTC),
            error_text=str(event.get("error_description") or ""),
            raw=event,
        )
        for event in listed or []
        if isinstance(event, dict) and event.get("delivery_status") in _STATUSES and event.get("timestamp")
    ]
    return Delivery(message_id, statuses)
