"""Bodies of POST and PATCH, taken in as the real interface was measured to take them.

Public source: live measurements published in Romandredan/odata1c-gate (probes of write forms).
"""

from __future__ import annotations

import json
import re
from typing import Any

from simulators.onec.errors import CANNOT_PARSE, EXCEPTION, OdataError
from simulators.onec.schema import Entity, EntityType, Property, Section

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_READ_ONLY = {"Ref_Key", "DataVersion"}


def parsed(body: bytes) -> dict[str, Any]:
    """Return a JSON body.

    Raises:
        OdataError: 500/-1 if it is none.
    """
    try:
        values = json.loads(body)
    except ValueError as error:
        raise OdataError(500, EXCEPTION, "Ошибка разбора JSON") from error
    if not isinstance(values, dict):
        raise OdataError(500, EXCEPTION, "Ожидался объект JSON")
    return values


def taken(kind: EntityType, values: dict[str, Any], *, keeps_client_key: bool = False) -> Entity:
    """Return what of a body is written: unknown fields are dropped, long strings cut, sections replaced whole.

    Raises:
        OdataError: 400/1 for a bad identifier or boolean, or rows that do not count from 1; 500/-1 without numbers.
    """
    read_only = _READ_ONLY - {"Ref_Key"} if keeps_client_key else _READ_ONLY
    entity = _converted(kind, {name: value for name, value in values.items() if name not in read_only})
    for name, section in kind.section_by_name.items():
        if name in values:
            entity[name] = _rows(section, values[name])
    return entity


def _rows(section: Section, rows: list[dict[str, Any]]) -> list[Entity]:
    taken_rows = []
    for number, row in enumerate(rows, start=1):
        if "LineNumber" not in row:
            raise OdataError(500, EXCEPTION, "Не указан номер строки табличной части")
        blank = {one.name: one.empty for one in section.properties}
        converted = blank | _converted(section, row)
        if converted["LineNumber"] != number:
            raise OdataError(400, CANNOT_PARSE, f"Неверный номер строки '{row['LineNumber']}'")
        taken_rows.append(converted)
    return taken_rows


def _converted(kind: EntityType | Section, values: dict[str, Any]) -> Entity:
    return {name: _value(kind.by_name[name], value) for name, value in values.items() if name in kind.by_name}


def _value(one: Property, value: Any) -> Any:  # noqa: ANN401 - values of several types
    if value is None:
        return one.empty
    match one.edm:
        case "Edm.Guid":
            if not _GUID.fullmatch(str(value)):
                raise OdataError(400, CANNOT_PARSE, f"Ошибка преобразования значения '{value}' к типу Guid")
            return str(value).lower()
        case "Edm.Boolean":
            if not isinstance(value, bool):
                raise OdataError(400, CANNOT_PARSE, f"Ошибка преобразования значения '{value}' к типу Boolean")
            return value
        case "Edm.Int64":
            return int(value) if re.fullmatch(r"-?\d+", str(value)) else 0
        case "Edm.Double":
            return value if isinstance(value, int | float) else 0
        case _:
            text = str(value)
            return text[: one.length] if one.length else text
