"""Query options of a read: which entities, in which order, with which properties.

Public source of the rules: 1C:Enterprise 8.3 developer guide, chapter 17.4.5 and 17.4.6.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote

from simulators.onec.errors import NO_RIGHTS, NOT_SUPPORTED, OdataError, bad_option, bad_path
from simulators.onec.filters import parse_filter
from simulators.onec.schema import Entity, EntityType, Property, Schema, Section
from simulators.onec.store import EntitySet, Store

KNOWN = ("$filter", "$orderby", "$top", "$skip", "$select", "$expand", "$inlinecount", "$format", "$allowedOnly")
PRESENTATION = "____Presentation"

_OF_KEYS = re.compile(r"Ref_Key eq guid'[0-9a-fA-F-]{36}'(?: or Ref_Key eq guid'[0-9a-fA-F-]{36}')*")
_GUID = re.compile(r"guid'([0-9a-fA-F-]{36})'")

Visible = Callable[[Entity], bool]


@dataclass
class Selection:
    """What of an entity is shown.

    Attributes:
        properties: names of its properties.
        sections: columns of its tabular sections by name.
        presentations: names of the properties whose presentation is wanted.
        expanded: names of the references whose objects stand in place.
    """

    properties: list[str]
    sections: dict[str, list[str]]
    presentations: list[str] = field(default_factory=list)
    expanded: list[str] = field(default_factory=list)


@dataclass
class Page:
    """The answer to a list query; `count` is the number without paging, where asked for."""

    entities: list[Entity]
    count: int | None


def parse_options(raw_query: str) -> dict[str, str]:
    """Split a query string; `+` stays a plus, as it does with 1C.

    Raises:
        OdataError: 400/0 for an option that 1C does not know.
    """
    options = {}
    for part in filter(None, raw_query.split("&")):
        name, _, value = part.partition("=")
        options[unquote(name)] = unquote(value)
    for name in options:
        if name.startswith("$") and name not in KNOWN:
            raise OdataError(400, NOT_SUPPORTED, f"Параметр '{name}' не поддерживается")
    return options


def is_allowed_only(options: dict[str, str]) -> bool:
    """Tell whether the client wants what it may see, instead of a refusal."""
    return "true" in {options.get("allowedOnly"), options.get("$allowedOnly")}


def select(options: dict[str, str], kind: EntityType | Section, schema: Schema, *, is_single: bool) -> Selection:
    """Return what `$select` and `$expand` show.

    Raises:
        OdataError: 400/6 for an unknown name, 400/0 for `$expand` of a single entity.
    """
    sections = kind.section_by_name if isinstance(kind, EntityType) else {}
    links = {
        name: link
        for name, link in (kind.references if isinstance(kind, EntityType) else {}).items()
        if link.target in schema.types
    }
    whole = {name: list(one.by_name) for name, one in sections.items()}
    wanted = [name.strip() for name in options.get("$select", "*").split(",")]
    chosen, linked = Selection([], {}), set()
    for name in wanted:
        part, _, column = name.partition("/")
        base = name.removesuffix(PRESENTATION)
        if name in {"*", "**"}:
            chosen.properties += kind.by_name
            chosen.sections |= whole if name == "*" else {}
            linked |= set(links)
        elif part in sections and (not column or column in sections[part].by_name):
            chosen.sections[part] = whole[part] if not column else [*chosen.sections.get(part, []), column]
        elif name in kind.by_name:
            chosen.properties.append(name)
        elif part in links and (not column or column in schema.types[links[part].target].by_name):
            linked.add(part)
        elif base != name and (base in kind.by_name or f"{base}_Key" in kind.by_name):
            chosen.presentations.append(base)
        else:
            raise bad_path(name)
    for name in filter(None, options.get("$expand", "").split(",")):
        if is_single:
            raise OdataError(400, NOT_SUPPORTED, "Параметр '$expand' не поддерживается для одной сущности")
        if name not in links:
            raise bad_path(name)
        if name in linked:
            chosen.expanded.append(name)
    return chosen


def read_list(
    options: dict[str, str],
    kind: EntityType | Section,
    source: EntitySet | Iterable[Entity],
    store: Store,
    *,
    visible: Visible | None = None,
    inlinecount_ignores_paging: bool = True,
) -> Page:
    """Return the entities a list query asks for; without `$top` all of them, however many.

    Raises:
        OdataError: 401/20 where row-level rights hide rows and `allowedOnly` is not asked for, else as the parts.
    """
    if visible and not is_allowed_only(options):
        raise OdataError(401, NO_RIGHTS, "Недостаточно прав доступа: действуют ограничения на уровне записей")
    tests = [visible] if visible else []
    if options.get("$filter"):
        tests.append(
            parse_filter(options["$filter"], kind, store.schema, lambda name, key: store.entities(name).get(key))
        )
    skip, top = _whole(options, "$skip"), _whole(options, "$top")
    count_asked = options.get("$inlinecount") == "allpages"
    if count_asked and inlinecount_ignores_paging:
        skip = top = None
    order = _orders(options.get("$orderby", ""), kind, store)
    window = slice(skip or 0, None if top is None else (skip or 0) + top)
    if isinstance(source, EntitySet) and not tests:
        # Only the entities of the page are made, of many thousands.
        keys = source.keys_in_order(options["$orderby"], _key_sorter(source, order)) if order else list(source.keys())
        page = [entity for entity in map(source.get, keys[window]) if entity is not None]
        return Page(page, len(keys) if count_asked else None)
    if isinstance(source, EntitySet) and _OF_KEYS.fullmatch(options.get("$filter", "")):
        # A base has an index for that; without it many thousands of entities would be made to find a few.
        asked = dict.fromkeys(key.lower() for key in _GUID.findall(options["$filter"]))
        source = [entity for entity in map(source.get, asked) if entity is not None]
    found = _ordered((one for one in source if all(test(one) for test in tests)), order)
    return Page(found[window], len(found) if count_asked else None)


def read_count(
    options: dict[str, str],
    kind: EntityType | Section,
    source: EntitySet | Iterable[Entity],
    store: Store,
    *,
    visible: Visible | None = None,
) -> int:
    """Return how many entities fit the filter.

    Raises:
        OdataError: as `read_list`.
    """
    if isinstance(source, EntitySet) and not options.get("$filter") and not visible:
        return len(source)
    asked = {name: value for name, value in options.items() if name in {"$filter", "allowedOnly", "$allowedOnly"}}
    return len(read_list(asked, kind, source, store, visible=visible).entities)


Order = tuple[Callable[[Entity], object], bool]


def _orders(text: str, kind: EntityType | Section, store: Store) -> list[Order]:
    orders: list[Order] = []
    for part in filter(None, (one.strip() for one in text.split(","))):
        name, *direction = part.split()
        if direction not in ([], ["asc"], ["desc"]):
            raise bad_option(f"неверный порядок '{part}'")
        if name not in kind.by_name:
            raise bad_path(name)
        orders.append((_sort_key(kind.by_name[name], kind, store), direction == ["desc"]))
    return orders


def _sort_key(one: Property, kind: EntityType | Section, store: Store) -> Callable[[Entity], object]:
    """References are sorted by what people see, the key of the object itself too."""
    if one.name == "Ref_Key" and isinstance(kind, EntityType):
        if kind.is_document:
            return lambda entity: (entity["Date"], entity["Number"])
        return lambda entity: (entity["Description"].lower(), entity.get("Code", ""))
    if one.target:
        return lambda entity: store.presentation(one.target, entity[one.name]).lower()
    if one.is_composite:
        return lambda entity: store.presentation(entity[f"{one.name}_Type"].partition(".")[2], entity[one.name]).lower()
    if one.edm == "Edm.String":
        return lambda entity: str(entity.get(one.name, "")).lower()
    return lambda entity: entity.get(one.name, one.empty)


def _ordered(found: Iterable[Entity], orders: list[Order]) -> list[Entity]:
    entities = list(found)
    for key, is_descending in reversed(orders):
        entities.sort(key=key, reverse=is_descending)  # type: ignore[arg-type]
    return entities


def _key_sorter(source: EntitySet, orders: list[Order]) -> Callable[[list[str]], list[str]]:
    def sort(keys: list[str]) -> list[str]:
        for sort_key, is_descending in reversed(orders):
            shown = {key: sort_key(source.get(key) or {}) for key in keys}
            keys = sorted(keys, key=shown.__getitem__, reverse=is_descending)  # type: ignore[arg-type]
        return keys

    return sort


def _whole(options: dict[str, str], name: str) -> int | None:
    if name not in options:
        return None
    if not options[name].isdigit():
        raise bad_option(f"неверное значение {name}='{options[name]}'")
    return int(options[name])
