"""A usage report as the bytes that are shown and sent, and the guard that looks at them once more.

The guard trusts neither the schema nor whoever built the report: it reads the bytes as a stranger would.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import phonenumbers
from pydantic import ValidationError

from assets.usage.schema import UsageReport

_DIGITS = re.compile(r"\d{7,}")
_ADDRESS = re.compile(
    r"@|://|\b\d{1,3}(\.\d{1,3}){3}:\d|www\.|\.(ru|com|net|org|local)\b|"
    r"\b(ул|улица|просп|проспект|дом|street|avenue|road)\b\.?",
    re.IGNORECASE,
)


def text_of(report: UsageReport) -> str:
    """Return a report as it is shown, stored and sent: keys sorted, no space, UTF-8."""
    return json.dumps(report.model_dump(mode="json"), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def refusals(text: str, names: frozenset[str] = frozenset()) -> list[str]:
    """Return why a report must not be sent; nothing where it may.

    Args:
        text: the report.
        names: people, clients and addresses known here, in lower case.
    """
    try:
        told = json.loads(text)
    except ValueError:
        return ["It is no JSON."]
    found = []
    try:
        UsageReport.model_validate(told)
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False, include_context=False):
            found.append(f"{'.'.join(map(str, problem['loc'])) or 'report'}: {problem['type']}")
    for where, value in _strings(told, ""):
        if _DIGITS.search(value) or _has_number(value):
            found.append(f"{where}: it looks like a phone number")
        if _ADDRESS.search(value):
            found.append(f"{where}: it looks like an address")
        if value.casefold() in names:
            found.append(f"{where}: it is somebody's name")
    return found


def strings_of(text: str) -> list[str]:
    """Return every text in a report, for those who know names to compare."""
    return [value for _, value in _strings(json.loads(text), "")]


def _strings(told: Any, where: str) -> Iterator[tuple[str, str]]:  # noqa: ANN401
    match told:
        case str():
            yield where, told
        case bool():
            return
        case int() | float():
            yield where, str(told)
        case list():
            for place, each in enumerate(told):
                yield from _strings(each, f"{where}[{place}]")
        case dict():
            for key, value in told.items():
                path = f"{where}.{key}".lstrip(".")
                yield f"{path} (its key)", key
                yield from _strings(value, path)


def _has_number(text: str) -> bool:
    return any(True for _ in phonenumbers.PhoneNumberMatcher(text, "RU"))
