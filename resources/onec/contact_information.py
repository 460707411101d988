"""Phone numbers from rows of the tabular section «КонтактнаяИнформация».

1C's library of subsystems keeps a number in several columns that need not agree. The number is taken
as the person wrote it, from the first of these that has one: `Значение` as JSON, `Значение` or
`ЗначенияПолей` as XML, `Представление`, `НомерТелефона`. The phone columns come last: rows written by
OData leave them empty, and 1C keeps brackets in them and drops what follows a comma.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

PHONE_KIND = "Телефон"
"""The only `Тип` whose rows are numbers to call; faxes, e-mails and addresses are not."""


def phone_of(row: Mapping[str, Any]) -> str:
    """Return the number of a row as it was written, an empty text where the row holds none.

    Several numbers in one cell stay together, as they were written.
    """
    kind = str(row.get("Тип") or "")
    if kind and kind != PHONE_KIND:
        return ""
    value = str(row.get("Значение") or "").lstrip("\ufeff").strip()
    fields = str(row.get("ЗначенияПолей") or "").strip()
    if not kind and "@" in str(row.get("Представление") or ""):
        return ""
    return (
        _from_json(value)
        or _from_xml(value)
        or _from_xml(fields)
        or _with_digits(row.get("Представление"))
        or _with_digits(row.get("НомерТелефона"))
    )


def phones_of(rows: Iterable[Mapping[str, Any]]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the numbers of a section, each with its row, without repeats of the same text."""
    found: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        if phone := phone_of(row):
            found.setdefault(phone, row)
    return list(found.items())


def _from_json(text: str) -> str:
    if not text.startswith("{"):
        return ""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(value, dict) or value.get("type", PHONE_KIND) != PHONE_KIND:
        return ""
    return _with_digits(value.get("value")) or _joined(value, "countryCode", "areaCode", "number", "extNumber")


def _from_xml(text: str) -> str:
    if not text.startswith("<"):
        return ""
    try:
        root: Element = fromstring(text)
    except (ParseError, DefusedXmlException, ValueError):
        return ""
    if written := _with_digits(root.get("Представление")):
        return written
    for element in root.iter():
        if element.tag.rpartition("}")[2] in ("Состав", "НомерТелефона") and element.get("Номер"):
            return _joined(element.attrib, "КодСтраны", "КодГорода", "Номер", "Добавочный")
    return ""


def _joined(parts: Mapping[str, Any], country: str, area: str, number: str, extension: str) -> str:
    local = str(parts.get(number) or "").strip()
    if not _with_digits(local):
        return ""
    country_code = str(parts.get(country) or "").strip().lstrip("+")
    area_code = str(parts.get(area) or "").strip()
    inner = str(parts.get(extension) or "").strip()
    # A bare "8" is the trunk prefix that people type in place of the country code.
    plus = "+" if country_code and country_code != "8" else ""
    written = " ".join(filter(None, (plus + country_code, area_code and f"({area_code})", local)))
    return written + (f", доб. {inner}" if inner else "")


def _with_digits(value: object) -> str:
    text = str(value or "").strip()
    return text if any(character.isdigit() for character in text) else ""
