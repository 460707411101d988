"""Asking a 1C base over HTTP: bounds, patience, and what is never asked twice.

Rules (1C developer guide, "Standard OData interface"; published measurements on live bases):

- the first request after a pause starts a 1C process and may take more than 30 s;
- 502, 503, 504, silence and broken connections are asked again, for GET only. A lost answer to a
  POST may hide a finished write, and 500 with code -1 is the base's own refusal: neither is repeated;
- a space in a query is `%20`: 1C does not decode `+`. Other letters are percent-encoded UTF-8.
"""

from __future__ import annotations

import json
import logging
import ssl
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, TypeVar
from urllib.parse import quote

import httpx
import stamina

from resources.onec.answers import Row, error_of, is_html, object_of, refuse_page, rows_of
from resources.onec.errors import (
    OnecAnswerError,
    OnecError,
    OnecFailureError,
    OnecRefusedError,
    OnecRightsError,
    OnecUnavailableError,
)

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")

_ROOT = "/odata/standard.odata"
_KEPT_IN_MEMORY_BYTES = 4 << 20
_PASSING = (408, 502, 503, 504)
_HINTS = {
    400: "the base did not understand the request; its configuration may have changed: run `doctor`",
    404: "there is no such object or address; check the base's address and what is published by OData",
    405: "the web server forbids this method; allow it in the publication",
    501: "the base cannot do this",
}


@dataclass(frozen=True)
class OnecBounds:
    """How long and how often a base is asked.

    Attributes:
        connect_seconds: to open a connection.
        read_seconds: of silence; the first request starts a 1C process (30 s and more).
        total_seconds: for one question with its repeats.
        attempts: how often one GET is put.
        wait_initial_seconds: before the second attempt; doubles from there.
        wait_max_seconds: the longest such wait.
        wait_jitter_seconds: up to so much is added at random.
    """

    connect_seconds: float = 10.0
    read_seconds: float = 120.0
    total_seconds: float = 600.0
    attempts: int = 4
    wait_initial_seconds: float = 1.0
    wait_max_seconds: float = 30.0
    wait_jitter_seconds: float = 2.0


class OnecClient:
    """Asks one base, within `OnecBounds`.

    Args:
        name: the source's name in messages.
        base_url: the publication, with or without `/odata/standard.odata`.
        login: of the infobase user; Cyrillic is sent as UTF-8.
        password: of that user.
        bounds: how long and how often.
        ca_file: a PEM file of the authority to trust.

    Raises:
        ValueError: `base_url` is no http(s) address.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        login: str,
        password: str,
        *,
        bounds: OnecBounds | None = None,
        ca_file: str = "",
    ) -> None:
        url = httpx.URL(base_url)
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError(f"{name}: the address of the base must look like https://server/base")
        # Each repeat is logged below, in our words; stamina's own hooks would write to the terminal.
        stamina.instrumentation.set_on_retry_hooks(())
        root = str(url.copy_with(username=None, password=None, query=None, fragment=None)).rstrip("/")
        self.name = name
        self.root = root if root.endswith(_ROOT) else root + _ROOT
        self._bounds = bounds or OnecBounds()
        self._client = httpx.Client(
            auth=httpx.BasicAuth(login.encode(), password.encode()),
            verify=ssl.create_default_context(cafile=ca_file or None),
        )

    def rows(self, path: str, options: Mapping[str, str]) -> list[Row]:
        """Return the rows of a set.

        Raises:
            OnecError: see the classes in `resources.onec.errors`.
        """
        return self._get(path, {**options, "$format": "json"}, lambda file: rows_of(_whole(file)))

    def row(self, path: str) -> Row:
        """Return one object.

        Raises:
            OnecError: see the classes in `resources.onec.errors`; `OnecRefusedError` with code 9 when
                there is no such object.
        """
        return self._get(path, {"$format": "json"}, lambda file: object_of(_whole(file)))

    def document(self, path: str) -> IO[bytes]:
        """Return an XML document as a file of the caller's to close; a large one lies on disk.

        Raises:
            OnecError: see the classes in `resources.onec.errors`.
        """
        return self._get(path, {}, lambda file: file)

    def post(self, path: str, options: Mapping[str, str]) -> IO[bytes]:
        """Call a method, once, and return what it said as a file of the caller's to close.

        Raises:
            OnecError: see the classes in `resources.onec.errors`.
        """
        return self._ask("POST", path, options, b"")

    def patch(self, path: str, values: Row) -> None:
        """Change the given properties of an object, once.

        Raises:
            OnecError: see the classes in `resources.onec.errors`.
        """
        body = json.dumps(values, ensure_ascii=False).encode()
        with self._ask("PATCH", path, {"$format": "json"}, body) as file:
            if is_html(file.read(1024)):
                raise OnecAnswerError(f"{self.where(path)}: an HTML page for a write; it was hardly done")

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def where(self, path: str) -> str:
        """Name a place in messages: never with the query, whose values may be a client's."""
        return f"{self.name}, {self.root}/{path.partition('?')[0]}"

    def _get(self, path: str, options: Mapping[str, str], decode: Callable[[IO[bytes]], _Result]) -> _Result:
        bounds = self._bounds
        deadline = time.monotonic() + bounds.total_seconds

        def is_passing(error: Exception) -> bool:
            if not isinstance(error, OnecUnavailableError) or time.monotonic() >= deadline:
                return False
            _log.info("asking again: %s", error)
            return True

        for attempt in stamina.retry_context(
            on=is_passing,
            attempts=bounds.attempts,
            timeout=bounds.total_seconds,
            wait_initial=bounds.wait_initial_seconds,
            wait_max=bounds.wait_max_seconds,
            wait_jitter=bounds.wait_jitter_seconds,
        ):
            with attempt:
                file = self._ask("GET", path, options, None)
                try:
                    _refuse_page(file)
                    return decode(file)
                except OnecAnswerError as error:
                    file.close()
                    raise OnecAnswerError(f"{self.where(path)}: {error}") from error
        raise AssertionError("stamina ends with a result or an error")

    def _ask(self, method: str, path: str, options: Mapping[str, str], body: bytes | None) -> IO[bytes]:
        where = f"{method} {self.where(path)}"
        bounds = self._bounds
        deadline = time.monotonic() + bounds.total_seconds
        file = tempfile.SpooledTemporaryFile(max_size=_KEPT_IN_MEMORY_BYTES)  # noqa: SIM115 - the caller's
        try:
            with self._client.stream(
                method,
                self._address(path, options),
                content=body,
                headers={"Content-Type": "application/json"} if body else {},
                timeout=httpx.Timeout(bounds.read_seconds, connect=bounds.connect_seconds),
            ) as response:
                for chunk in response.iter_bytes():
                    file.write(chunk)
                    if time.monotonic() > deadline:
                        raise OnecUnavailableError(f"{where}: the answer did not end in time")
            file.seek(0)
            if not 200 <= response.status_code < 300:
                raise self._error_of(where, response.status_code, file.read())
        except httpx.TimeoutException as error:
            file.close()
            raise OnecUnavailableError(
                f"{where}: no answer within {bounds.read_seconds:g} s; is 1C overloaded or the base starting?"
            ) from error
        except httpx.RequestError as error:
            file.close()
            raise OnecUnavailableError(
                f"{where}: no connection, or it broke ({type(error).__name__}); is the web server up, "
                "the address right and its certificate trusted (ca_file)?"
            ) from error
        except OnecError:
            file.close()
            raise
        return file

    def _address(self, path: str, options: Mapping[str, str]) -> str:
        query = "&".join(f"{name}={quote(value, safe='$(),:*')}" for name, value in options.items())
        return f"{self.root}/{quote(path, safe='/(),=$')}" + (f"?{query}" if query else "")

    def _error_of(self, where: str, status: int, body: bytes) -> OnecError:
        code, words = error_of(body)
        said = f"{where}: {status}" + (f", code {code}" if code is not None else "") + (f" «{words}»" if words else "")
        if status in _PASSING:
            return OnecUnavailableError(f"{said}: the base is locked, being updated or overloaded; later may help")
        if code == 20:
            return OnecRightsError(
                f"{said}: the user may not read all rows of this. Set allowed_only to read what it may, "
                "or give it the right to all of them",
                status,
                code,
            )
        if status in (401, 403):
            return OnecRightsError(
                f"{said}: the user was not accepted; check login and password, that 1C's own "
                "authentication is on for it, and its role «Удаленный доступ OData»",
                status,
                code,
            )
        if status >= 500:
            return OnecFailureError(
                f"{said}: an error inside the base; see its event log. It is not repeated", status, code
            )
        if 300 <= status < 400:
            return OnecRefusedError(f"{said}: a redirect; give the address it leads to in the settings", status)
        return OnecRefusedError(f"{said}: {_HINTS.get(status, 'refused; check the base address')}", status, code)


def _refuse_page(file: IO[bytes]) -> None:
    refuse_page(file.read(1024))
    file.seek(0)


def _whole(file: IO[bytes]) -> bytes:
    with file:
        return file.read()
