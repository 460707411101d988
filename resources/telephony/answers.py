"""What may be taken for an answer of a telephony server: JSON or XML, whole, and the right document.

An empty body is the PBX's own time-out and never "no rows"; a page of HTML is a log-in form or a
proxy. Both come with status 200.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError

import httpx
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from resources.telephony.source import SourceAnswerError

_SUSPECT_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True)
class Answer:
    """A complete 200 answer: its decoded bytes and headers."""

    body: bytes
    headers: httpx.Headers


def json_of(answer: Answer) -> object:
    """Decode a JSON answer, with characters PostgreSQL cannot keep replaced by U+FFFD.

    Raises:
        SourceAnswerError: the body is empty, an HTML page, or no JSON.
    """
    _refuse_empty(answer)
    body = answer.body
    if body.lstrip()[:1] == b"<":
        raise SourceAnswerError("an HTML page instead of JSON; is a log-in page or a proxy in the way?")
    try:
        # A name cut in the middle of a letter must not make the whole page unreadable.
        value: object = json.loads(body.decode("utf-8-sig", "replace"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise SourceAnswerError(f"no JSON, or cut: {len(body)} bytes") from error
    # Only escapes can yield such characters: looking for them costs nothing per value.
    return _storable(value) if _SUSPECT_ESCAPE.search(body) else value


def xml_of(answer: Answer, root: str) -> Element:
    """Parse an XML answer whose root element is `root`.

    Raises:
        SourceAnswerError: the body is empty, no XML, or another document.
    """
    _refuse_empty(answer)
    try:
        element: Element = fromstring(answer.body)
    except (ParseError, DefusedXmlException) as error:
        raise SourceAnswerError(f"no well-formed XML, or cut: {len(answer.body)} bytes") from error
    if element.tag != root:
        raise SourceAnswerError(f"another document: <{element.tag[:40]}> instead of <{root}>")
    return element


def storable_text(text: str) -> str:
    """Return `text` with what PostgreSQL cannot keep (NUL, half a surrogate pair) as U+FFFD."""
    return _UNSTORABLE.sub("\ufffd", text)


def _storable(value: object) -> object:
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {storable_text(key): _storable(item) for key, item in value.items()}
    return value


def _refuse_empty(answer: Answer) -> None:
    if not answer.body.strip():
        state = answer.headers.get("X-STATE", "")
        raise SourceAnswerError(
            f"200 with an empty body{f' ({state[:40]})' if state else ''}: the PBX's own queue timed out"
        )


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
