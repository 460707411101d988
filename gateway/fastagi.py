"""FastAGI for plain Asterisk and FreePBX: a call asks who should answer it, and gets channel variables.

    exten => _X.,n,AGI(agi://127.0.0.1:4573/route?token=...&plan=1)

Sets SWITCHBOARD_STATUS (OK, DENIED or ERROR) and, where it is OK: SWITCHBOARD_RESPONSIBLE and _RESPONSIBLE_NAME,
SWITCHBOARD_CLIENT, SWITCHBOARD_MENU (extensions joined by &), SWITCHBOARD_REASON, SWITCHBOARD_VERSION,
SWITCHBOARD_STALE (0 or 1) and SWITCHBOARD_INTERCEPT. The client's name is empty while `contact_exchange` is off.
A server of its own, because the dialogue is a dozen lines and the libraries at hand wait for ever on a caller that
hangs up (Asterisk: "AGI", "SET VARIABLE").
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

from gateway.answers import Answer, Answers, extensions_of
from gateway.config import GatewayConfig
from gateway.database import NoAnswerError
from gateway.dial_plans import DialPlans
from gateway.doors import is_same

PATIENCE_SECONDS = 5.0
LARGEST_LINE_BYTES = 4096
LARGEST_VALUE_BYTES = 900
"""Asterisk takes what stands after the 2047th byte of a line for another command; escaping may double a value."""
MOST_HEADERS = 100

_UNSPEAKABLE = re.compile(r"[\x00-\x1f\x7f]")

_log = logging.getLogger(__name__)


class _GoneError(Exception):
    """The call has ended, or what came is no AGI dialogue."""


@asynccontextmanager
async def serving(answers: Answers, plans: DialPlans, config: GatewayConfig) -> AsyncIterator[None]:
    """Listen for calls; at the end of the block those that are being answered are cut off."""
    talking: set[asyncio.Task[None]] = set()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talking.add(task)
        try:
            await _talk(reader, writer, answers, plans, config)
        finally:
            talking.discard(task)

    server = await asyncio.start_server(meet, config.host, config.agi_port, limit=LARGEST_LINE_BYTES)
    try:
        yield
    finally:
        server.close()
        for task in talking:
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)


async def _talk(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    answers: Answers,
    plans: DialPlans,
    config: GatewayConfig,
) -> None:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            variables = await _variables(await _headers(reader), answers, plans, config)
        for name, value in variables.items():
            async with asyncio.timeout(PATIENCE_SECONDS):
                await _set(reader, writer, name, value)
    except (_GoneError, TimeoutError, OSError, ValueError) as error:
        # ValueError is a line longer than the limit. What was sent is not told: it holds numbers.
        _log.debug("A FastAGI dialogue ended early (%s)", type(error).__name__)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _headers(reader: asyncio.StreamReader) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(MOST_HEADERS):
        line = await reader.readline()
        if not line.endswith(b"\n"):
            raise _GoneError
        text = line.decode("utf-8", "replace").strip()
        if not text:
            return headers
        name, colon, value = text.partition(":")
        if not colon or not name.startswith("agi_"):
            raise _GoneError
        headers[name] = value.strip()
    raise _GoneError


async def _variables(
    headers: Mapping[str, str], answers: Answers, plans: DialPlans, config: GatewayConfig
) -> dict[str, str]:
    script = urlsplit(headers.get("agi_network_script", ""))
    options = parse_qs(script.query)
    token = options.get("token", [headers.get("agi_arg_1", "")])[0]
    if script.path.strip("/") != "route" or not is_same(token, config.api_token):
        return {"SWITCHBOARD_STATUS": "DENIED"}
    plans.note(options.get("plan", [""])[0])
    number = options.get("number", [headers.get("agi_callerid", "")])[0]
    try:
        answer = await answers.of("" if number == "unknown" else number[:64])
    except NoAnswerError:
        return {"SWITCHBOARD_STATUS": "ERROR"}
    return variables_of(answer)


def variables_of(answer: Answer) -> dict[str, str]:
    """Return the channel variables of an answer; the status comes last, when all others are set."""
    return {
        "SWITCHBOARD_RESPONSIBLE": answer.extension or "",
        "SWITCHBOARD_RESPONSIBLE_NAME": answer.employee_name or "",
        "SWITCHBOARD_CLIENT": answer.caller_name if answer.is_exchange_on else "",
        "SWITCHBOARD_MENU": "&".join(extensions_of(answer.ranked)),
        "SWITCHBOARD_REASON": answer.reason,
        "SWITCHBOARD_VERSION": str(answer.version or 0),
        "SWITCHBOARD_STALE": str(int(answer.is_stale)),
        "SWITCHBOARD_INTERCEPT": answer.intercepting_extension or "",
        "SWITCHBOARD_STATUS": "OK",
    }


async def _set(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str, value: str) -> None:
    # A line is a command: what could end it, or its quotes, is taken out of the value.
    short = value.encode()[:LARGEST_VALUE_BYTES].decode("utf-8", "ignore")
    said = _UNSPEAKABLE.sub(" ", short).replace("\\", "\\\\").replace('"', '\\"')
    writer.write(f'SET VARIABLE {name} "{said}"\n'.encode())
    await writer.drain()
    while True:
        line = await reader.readline()
        if not line.endswith(b"\n") or line.startswith(b"HANGUP"):
            raise _GoneError
        if line.startswith(b"200 "):
            return
        if not line.startswith(b"100 "):
            raise _GoneError
