"""Asking a telephony server over HTTP: bounds, patience, and what may be taken for an answer.

One small wrapper over `httpx.Client`, shared by every source that speaks HTTP to a MikoPBX. It knows
HTTP and the habits of MikoPBX's web server (public sources: MikoPBX core, nginx and REST controllers),
nothing of calls:

- what cannot succeed (bad key, no rights, wrong address, refused parameters) is never asked twice;
- 503, silence, broken connections and cut or empty answers are asked again, a bounded number of times
  and within a total time;
- 429 means that MikoPBX has blocked this address for five minutes and doubles that at each repeat, so
  it ends the attempt at once, unless the answer says when to come back. Requests are paced below the
  limit (180 a minute for the whole API) in the first place;
- an empty body is the PBX's own time-out, never "no rows".
"""

from __future__ import annotations

import json
import logging
import math
import ssl
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal, TypeVar

import httpx
import stamina

from resources.telephony.answers import Answer
from resources.telephony.source import SourceAnswerError, SourceRefusedError, SourceUnavailableError

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")
_Item = TypeVar("_Item")

_REFUSALS = {
    400: "the request was not understood, or the PBX's own worker was silent for 30 s; "
    "see the PBX's log, and try the same address in a browser",
    401: "the key was not accepted; make a new API key in the PBX and put it in the settings",
    403: "the key has no right to read this, or its network filter excludes this machine; "
    "give the key read rights on this path",
    404: "there is no such address; check the base URL, and that the firmware or module that serves it is installed",
    405: "the address does not take GET; check the base URL",
    422: "a parameter was refused; the firmware may be older or newer than this program knows",
}


@dataclass(frozen=True)
class HttpBounds:
    """How long and how often a server is asked.

    Attributes:
        connect_seconds: to open a connection.
        read_seconds: of silence. MikoPBX gives up on its own worker after 30 s and says so; waiting a
            little longer gets that answer.
        total_seconds: for one question with all its repeats and waits.
        attempts: how often one question is put.
        wait_initial_seconds: before the second attempt; doubles from there.
        wait_max_seconds: the longest such wait.
        wait_jitter_seconds: up to so much is added at random.
        requests_per_minute: kept on average, after a burst of fifteen. MikoPBX blocks an address
            above 180 a minute; 0 for a PBX whose firewall exempts this machine.
    """

    connect_seconds: float = 5.0
    read_seconds: float = 40.0
    total_seconds: float = 120.0
    attempts: int = 4
    wait_initial_seconds: float = 0.5
    wait_max_seconds: float = 10.0
    wait_jitter_seconds: float = 1.0
    requests_per_minute: int = 150

    def brief(self) -> HttpBounds:
        """Return the bounds of a quick look: two repeats at most, twenty seconds in all."""
        return replace(self, attempts=min(self.attempts, 3), total_seconds=min(self.total_seconds, 20.0))


@dataclass(frozen=True)
class _Question:
    """What is asked of a server."""

    method: Literal["GET", "POST"]
    path: str
    params: Mapping[str, str | int]
    content: Any = None
    unnamed: str = ""


class NoSuchAddressError(SourceRefusedError):
    """The server has nothing at this address (404)."""


class _NotNowError(SourceUnavailableError):
    """Carries when to ask again: None leaves it to the back-off, infinity says not in this attempt."""

    def __init__(self, text: str, wait_seconds: float | None = None) -> None:
        super().__init__(text)
        self.wait_seconds = wait_seconds


class HttpClient:
    """Asks one server, within `HttpBounds`.

    Args:
        name: the server's name in messages (the PBX's id).
        base_url: scheme, host, port and any path prefix. A `user:password@` part is sent as Basic
            authorization and appears nowhere else.
        bearer: an API key or token for `Authorization: Bearer`; empty for none.
        bounds: how long and how often.
        ca_file: a PEM file of the authority (or of the server's self-signed certificate) to trust.
        verify_tls: whether an https certificate is checked at all.

    Raises:
        ValueError: `base_url` is no http(s) address, or `bearer` cannot stand in a header.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        bearer: str = "",
        bounds: HttpBounds | None = None,
        ca_file: str = "",
        verify_tls: bool = True,
    ) -> None:
        url = httpx.URL(base_url)
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError(f"{name}: the base URL must look like http://pbx.example.com or https://…")
        bearer = bearer.strip()
        if not (bearer.isascii() and bearer.isprintable()):
            raise ValueError(f"{name}: the API key holds characters that no key has; copy it again")
        # Each repeat is logged below, in our words; stamina's own hooks would write to the terminal.
        stamina.instrumentation.set_on_retry_hooks(())
        # httpx would log every address at INFO, with the telephone numbers in it.
        if (log := logging.getLogger("httpx")).level == logging.NOTSET:
            log.setLevel(logging.WARNING)
        self._name = name
        self._base = str(url.copy_with(username=None, password=None)).rstrip("/")
        self._bounds = bounds or HttpBounds()
        self._pace = _Pace(self._bounds.requests_per_minute)
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {bearer}"} if bearer else {},
            auth=(url.username, url.password) if url.username else None,
            # httpx drops the Authorization header when a redirect leads to another origin.
            follow_redirects=True,
            max_redirects=3,
            verify=ssl.create_default_context(cafile=ca_file or None) if verify_tls else False,
        )

    def get(
        self,
        path: str,
        params: Mapping[str, str | int],
        decode: Callable[[Answer], _Result],
        *,
        brief: bool = False,
        stop: threading.Event | None = None,
        unnamed: str = "",
    ) -> _Result:
        """Ask for `path` and return what `decode` makes of the answer.

        Args:
            path: appended to the base URL.
            params: the query.
            decode: raises `SourceAnswerError` when the answer cannot be what was asked for; the
                question is then put again, within the same bounds.
            brief: use `HttpBounds.brief`.
            stop: once set, the question is given up.
            unnamed: the end of the path, where it is a telephone number: in no message and no log.

        Raises:
            SourceUnavailableError: no usable answer within the bounds.
            SourceRefusedError: the server refused; asking again cannot help.
            SourceAnswerError: answers came, but not such as were asked for.
        """
        return self._repeated(_Question("GET", path, params, unnamed=unnamed), decode, brief=brief, stop=stop)

    def post(self, path: str, content: Any, decode: Callable[[Answer], _Result]) -> _Result:  # noqa: ANN401
        """Post JSON and return what `decode` makes of the answer; only for what may come twice.

        Raises:
            SourceUnavailableError: see `get`.
            SourceRefusedError: see `get`.
            SourceAnswerError: see `get`.
        """
        return self._repeated(_Question("POST", path, {}, content), decode)

    def _repeated(
        self,
        question: _Question,
        decode: Callable[[Answer], _Result],
        *,
        brief: bool = False,
        stop: threading.Event | None = None,
    ) -> _Result:
        bounds = self._bounds.brief() if brief else self._bounds
        deadline = time.monotonic() + bounds.total_seconds

        def wait_before_next(error: Exception) -> bool | float:
            if (stop and stop.is_set()) or not isinstance(error, SourceAnswerError | _NotNowError):
                return False
            wait_seconds = error.wait_seconds if isinstance(error, _NotNowError) else None
            if time.monotonic() + (wait_seconds or 0.0) >= deadline:
                return False
            _log.info("%s: asking again: %s", self._name, error)
            return True if wait_seconds is None else wait_seconds

        for attempt in stamina.retry_context(
            on=wait_before_next,
            attempts=bounds.attempts,
            timeout=bounds.total_seconds,
            wait_initial=bounds.wait_initial_seconds,
            wait_max=bounds.wait_max_seconds,
            wait_jitter=bounds.wait_jitter_seconds,
        ):
            with attempt:
                self._pace.wait(stop)
                answer = self._ask(question, bounds, deadline, stop)
                try:
                    return decode(answer)
                except SourceAnswerError as error:
                    raise SourceAnswerError(f"{self._where(question)}: {error}") from None
        raise AssertionError("stamina ends with a result or an error")

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _where(self, question: _Question) -> str:
        return f"{self._name}, {question.method} {self._base}{question.path}{'…' if question.unnamed else ''}"

    def _ask(
        self,
        question: _Question,
        bounds: HttpBounds,
        deadline: float,
        stop: threading.Event | None,
    ) -> Answer:
        where = self._where(question)
        left_seconds = max(deadline - time.monotonic(), 0.1)
        timeout = httpx.Timeout(
            min(bounds.read_seconds, left_seconds), connect=min(bounds.connect_seconds, left_seconds)
        )
        has_begun = False
        try:
            with self._client.stream(
                question.method,
                self._base + question.path + question.unnamed,
                params=question.params,
                json=question.content,
                timeout=timeout,
            ) as response:
                has_begun = True
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    # The read time-out restarts with every byte: a trickle would never end.
                    if time.monotonic() > deadline or (stop and stop.is_set()):
                        raise _NotNowError(f"{where}: the answer did not end in time", math.inf)
        except httpx.TooManyRedirects as error:
            raise SourceRefusedError(f"{where}: redirects without end; check the base URL") from error
        except httpx.TimeoutException as error:
            raise _NotNowError(
                f"{where}: no answer within {bounds.read_seconds:g} s; is the PBX overloaded or the network slow?"
            ) from error
        except httpx.DecodingError as error:
            raise SourceAnswerError(f"{where}: the compressed answer is broken") from error
        except httpx.RequestError as error:
            if _is_certificate_trouble(error):
                raise SourceRefusedError(
                    f"{where}: the server's certificate is not trusted; name its authority in the "
                    "settings (ca_file), or switch the check off"
                ) from error
            if has_begun:
                raise SourceAnswerError(f"{where}: the answer was cut after {len(body)} bytes") from error
            raise _NotNowError(
                f"{where}: no connection ({type(error).__name__}); is the PBX up and the address right?"
            ) from error
        if response.status_code != 200:
            raise self._error_of(where, response, bytes(body), bounds)
        return Answer(bytes(body), response.headers)

    def _error_of(
        self, where: str, response: httpx.Response, body: bytes, bounds: HttpBounds
    ) -> SourceUnavailableError | SourceRefusedError:
        status = response.status_code
        said = _words_of(body)
        wait_seconds = _retry_after_seconds(response.headers.get("Retry-After", ""))
        if wait_seconds is not None:
            wait_seconds = max(wait_seconds, bounds.wait_initial_seconds)
        if status == 429:
            hint = (
                "the server blocks this address for 300 s, twice as long at each repeat; ask less "
                "often (requests_per_minute) or exempt this machine in the PBX's firewall"
                if wait_seconds is None
                else f"the server wants to be asked again in {wait_seconds:.0f} s"
            )
            return _NotNowError(
                f"{where}: 429, too many requests: {hint}", math.inf if wait_seconds is None else wait_seconds
            )
        if status in (408, 425) or status >= 500:
            asks = "" if wait_seconds is None else f"; it asks to come back in {wait_seconds:.0f} s"
            return _NotNowError(
                f"{where}: {status}, the server cannot answer now{said}{asks}; if it stays, see the PBX",
                wait_seconds,
            )
        hint = _REFUSALS.get(status, "not an answer this program knows; check the base URL")
        refusal = NoSuchAddressError if status == 404 else SourceRefusedError
        return refusal(f"{where}: {status}{said}: {hint}")


class _Pace:
    """A bucket of requests: a burst of fifteen, then so many a minute."""

    _burst = 15

    def __init__(self, per_minute: int) -> None:
        self._per_second = per_minute / 60
        self._left = float(self._burst)
        self._seen_at_seconds = time.monotonic()
        self._lock = threading.Lock()

    def wait(self, stop: threading.Event | None) -> None:
        """Return when the next request may go out, or `stop` is set."""
        if not self._per_second:
            return
        with self._lock:
            now = time.monotonic()
            gained = (now - self._seen_at_seconds) * self._per_second
            self._left = min(self._burst, self._left + gained) - 1
            self._seen_at_seconds = now
            debt_seconds = -self._left / self._per_second
        if debt_seconds > 0:
            (stop or threading.Event()).wait(debt_seconds)


def ahead(produce: Callable[[threading.Event], Iterator[_Item]]) -> Generator[_Item]:
    """Yield what `produce` yields, working out the next item in a thread while the caller has one.

    An error of `produce` comes up in the caller after the items before it. When the caller stops
    early, the event handed to `produce` is set and the thread has ended before this generator has.
    """
    stop = threading.Event()
    items = produce(stop)

    def following() -> _Item | None:
        return next(items, None)

    with ThreadPoolExecutor(1, thread_name_prefix="next-portion") as thread:
        try:
            pending = thread.submit(following)
            while (item := pending.result()) is not None:
                pending = thread.submit(following)
                yield item
        finally:
            stop.set()


def _words_of(body: bytes) -> str:
    """Return the error texts of MikoPBX's envelope as ` ("…")`, or nothing."""
    try:
        texts = json.loads(body)["messages"]["error"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
    text = "; ".join(str(text) for text in texts) if isinstance(texts, list) else str(texts)
    return f' ("{text[:200]}")' if text else ""


def _retry_after_seconds(header: str) -> float | None:
    if not header:
        return None
    try:
        return float(header) if header.strip().isdigit() else _seconds_until(parsedate_to_datetime(header))
    except ValueError:
        return None


def _seconds_until(moment_at: datetime) -> float:
    aware_at = moment_at if moment_at.tzinfo else moment_at.replace(tzinfo=UTC)
    return max((aware_at - datetime.now(UTC)).total_seconds(), 0.0)


def _is_certificate_trouble(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
