"""What a 1C base says: JSON rows, and errors in their four dialects.

1C writes an error as JSON `odata.error`, as XML `m:error`, as JSON `exception` with a chain of
`inner`, or as a page of HTML by the web server (1C developer guide, "Standard OData interface").
"""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from resources.onec.errors import OnecAnswerError

Row = dict[str, Any]
"""An object as 1C gives it: its property names, tabular sections as lists of rows."""

_ERROR = "{http://schemas.microsoft.com/ado/2007/08/dataservices/metadata}"
_LONGEST_WORDS = 400
_DIGITS = re.compile(r"\+?\d[\d\s()-]{3,}\d")
_QUOTED = re.compile(r'"[^"]*@[^"]*"')
_TAGS = re.compile(r"<(script|style|head)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)


def is_html(body: bytes) -> bool:
    """Tell whether a body is a page for people: a log-in form, a proxy, a web server's own error."""
    start = body[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<body"))


def refuse_page(body: bytes) -> None:
    """Raise `OnecAnswerError` for an empty body or an HTML page that came with status 200."""
    if not body.removeprefix(b"\xef\xbb\xbf").strip():
        raise OnecAnswerError("an empty answer; that is never «no rows». See the web server's log")
    if is_html(body):
        raise OnecAnswerError(
            "an HTML page instead of data; is a log-in page or a proxy in the way, and is the base's address right?"
        )


def object_of(body: bytes) -> Row:
    """Decode a JSON object, with or without a byte order mark.

    Raises:
        OnecAnswerError: the body is empty, a page, no JSON, or cut.
    """
    refuse_page(body)
    try:
        value = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise OnecAnswerError(f"no JSON, or cut: {len(body)} bytes") from error
    if not isinstance(value, dict):
        raise OnecAnswerError("JSON, but not an object")
    return value


def rows_of(body: bytes) -> list[Row]:
    """Decode a set's rows.

    Raises:
        OnecAnswerError: as `object_of`, or the answer holds no `value`.
    """
    rows = object_of(body).get("value")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise OnecAnswerError("JSON without a list of rows in `value`")
    return rows


def error_of(body: bytes) -> tuple[int | None, str]:
    """Return 1C's error code and words; long digits and addresses in them are masked.

    1C repeats values it could not use, and those may be a client's number.
    """
    code, words = _read_error(body)
    words = _QUOTED.sub("«…»", _DIGITS.sub("…", " ".join(words.split())))
    return code, words[:_LONGEST_WORDS]


def _read_error(body: bytes) -> tuple[int | None, str]:
    text = body.decode("utf-8-sig", "replace").strip()
    if text.startswith("{"):
        try:
            return _read_json_error(json.loads(text))
        except (ValueError, RecursionError):
            return None, ""
    if text.startswith("<") and not is_html(body):
        try:
            root = fromstring(text.encode() if not text.startswith("<?xml") else body)
        except (ParseError, DefusedXmlException):
            return None, _TAGS.sub(" ", text)
        return _number(root.findtext(f"{_ERROR}code")), root.findtext(f"{_ERROR}message") or ""
    return None, _TAGS.sub(" ", text)


def _read_json_error(value: object) -> tuple[int | None, str]:
    if not isinstance(value, dict):
        return None, ""
    said = value.get("odata.error") or value.get("error")
    if isinstance(said, dict):
        message = said.get("message")
        words = message.get("value", "") if isinstance(message, dict) else message or ""
        return _number(said.get("code")), str(words)
    link, words_of_chain = value.get("exception", value), []
    while isinstance(link, dict):
        words_of_chain.append(str(link.get("descr") or ""))
        link = link.get("inner")
    return None, ": ".join(filter(None, words_of_chain))


def _number(text: object) -> int | None:
    try:
        return int(str(text))
    except ValueError:
        return None
