"""Answers on the wire: Atom, JSON in its three levels of detail, errors in 1C's dialects.

Public sources of the shapes: recorded answers of 1C's trade demo base (pavel-v-sobolev/cdc-1c, MIT) and live
measurements of Romandredan/odata1c-gate.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from simulators.onec.errors import OdataError
from simulators.onec.query import PRESENTATION, Selection
from simulators.onec.schema import NAMESPACE, Entity, EntityType, Property, Section
from simulators.onec.store import Store

ATOM_TYPE = "application/atom+xml;type=feed;charset=utf-8"
HTML_ERROR = (
    "<!DOCTYPE html><html><head><title>1C:Enterprise 8 application error</title></head>"
    "<body><h1>1C:Enterprise 8 application error:</h1><p>{}</p></body></html>"
)
_FORBIDDEN_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_D = "http://schemas.microsoft.com/ado/2007/08/dataservices"
_NAMESPACES = (
    'xmlns="http://www.w3.org/2005/Atom" xmlns:at="http://purl.org/atompub/tombstones/1.0"'
    f' xmlns:d="{_D}" xmlns:m="{_D}/metadata"'
)


@dataclass(frozen=True)
class Wire:
    """How one request wants its answer.

    Attributes:
        root: address of the interface, without a slash at its end.
        is_json: JSON; else Atom.
        detail: `nometadata`, `minimalmetadata` or `fullmetadata`.
    """

    root: str
    is_json: bool
    detail: str = "minimalmetadata"


def wanted_json(query_format: str, accept: str) -> tuple[bool, str]:
    """Tell whether JSON is wanted, and in which detail; `$format` goes before the header."""
    asked = query_format or accept
    found = re.search(r"odata=(nometadata|minimalmetadata|fullmetadata)", asked)
    return "json" in asked, found[1] if found else "minimalmetadata"


def self_path(kind: EntityType, entity: Entity) -> str:
    """Return the path of an entity under the root."""
    if kind.key == ("Ref_Key",):
        return f"{kind.name}(guid'{entity['Ref_Key']}')"
    pairs = ",".join(f"{name}='{entity[name]}'" for name in kind.key)
    return f"{kind.name}({pairs})"


def json_list(
    wire: Wire, kind: EntityType | Section, name: str, entities: Iterable[Entity], chosen: Selection, store: Store,
    count: int | None,
) -> bytes:  # fmt: skip
    """Return a list as JSON; the count is a string."""
    body: dict[str, Any] = {}
    if wire.detail != "nometadata":
        body["odata.metadata"] = f"{wire.root}/$metadata#{name}"
    if count is not None:
        body["odata.count"] = str(count)
    body["value"] = [_json_entity(wire, kind, one, chosen, store) for one in entities]
    return _dumped(body)


def json_one(wire: Wire, kind: EntityType, entity: Entity, chosen: Selection, store: Store) -> bytes:
    """Return one entity as JSON."""
    body = {} if wire.detail == "nometadata" else {"odata.metadata": f"{wire.root}/$metadata#{kind.name}/@Element"}
    return _dumped(body | _json_entity(wire, kind, entity, chosen, store))


def atom_feed(
    wire: Wire, kind: EntityType | Section, name: str, entities: Iterable[Entity], chosen: Selection, store: Store,
    count: int | None,
) -> bytes:  # fmt: skip
    """Return a list as Atom."""
    counted = "" if count is None else f"<m:count>{count}</m:count>"
    entries = "".join(_entry(wire, kind, name, one, chosen, store) for one in entities)
    return _xml(f"<feed {_NAMESPACES} xml:base={quoteattr(wire.root + '/')}>{counted}{entries}</feed>")


def atom_one(wire: Wire, kind: EntityType, entity: Entity, chosen: Selection, store: Store) -> bytes:
    """Return one entity as Atom."""
    return _xml(_entry(wire, kind, kind.name, entity, chosen, store).replace("<entry", f"<entry {_NAMESPACES}", 1))


def atom_changes(wire: Wire, changes: Iterable[tuple[str, str]], store: Store) -> bytes:
    """Return what an exchange plan hands out: whole objects, and tombstones of the deleted ones."""
    parts = []
    for name, key in changes:
        kind, entity = store.schema.types[name], store.find(name, key)
        if entity is None:
            link = quoteattr(f"{wire.root}/{name}(guid'{key}')")
            parts.append(f'<at:deleted-entry ref={link} when="{store.now().isoformat()}"/>')
        else:
            parts.append(_entry(wire, kind, name, entity, whole(kind), store))
    return _xml(f"<feed {_NAMESPACES} xml:base={quoteattr(wire.root + '/')}>{''.join(parts)}</feed>")


def whole(kind: EntityType) -> Selection:
    """Return the selection of everything."""
    return Selection(list(kind.by_name), {one.name: list(one.by_name) for one in kind.sections})


def error_body(error: OdataError, *, is_json: bool, language: str, is_platform: bool) -> tuple[bytes, str]:
    """Return a failure and its content type: `odata.error`, its XML, or the platform's chain of exceptions."""
    if is_json and is_platform:
        chain = {"descr": "Ошибка при выполнении операции", "inner": {"descr": error.text}}
        return _dumped({"exception": chain}), "application/json;charset=utf-8"
    if is_json:
        message = {"lang": language, "value": error.text}
        return _dumped({"odata.error": {"code": str(error.code), "message": message}}), "application/json;charset=utf-8"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><m:error xmlns:m="{_D}/metadata"><m:code>{error.code}</m:code>'
        f'<m:message xml:lang="{language}">{escape(error.text)}</m:message></m:error>'
    ).encode(), "application/xml;charset=utf-8"


def _json_entity(
    wire: Wire, kind: EntityType | Section, entity: Entity, chosen: Selection, store: Store
) -> dict[str, Any]:
    shown = _json_properties(kind, entity, chosen.properties)
    if not isinstance(kind, EntityType):
        return shown
    for name, columns in chosen.sections.items():
        shown[name] = [_json_properties(kind.section_by_name[name], row, columns) for row in entity[name]]
    for base, text in _presentations(kind, entity, chosen, store):
        shown[base] = text
    for name in chosen.expanded:
        target, found = _linked(kind, name, entity, store)
        shown[name] = None if found is None else _json_properties(target, found, list(target.by_name))
    if wire.detail != "nometadata":
        shown |= {
            f"{name}@navigationLinkUrl": f"{self_path(kind, entity)}/{name}" for name in _links(kind, chosen, store)
        }
    if wire.detail == "fullmetadata":
        path = self_path(kind, entity)
        shown = {
            "odata.type": f"{NAMESPACE}.{kind.name}",
            "odata.id": f"{wire.root}/{path}",
            "odata.editLink": path,
        } | shown
    return shown


def _json_properties(kind: EntityType | Section, entity: Entity, names: Iterable[str]) -> dict[str, Any]:
    shown = {}
    for name in names:
        one = kind.by_name[name]
        value = entity.get(name, one.empty)
        shown[name] = str(value) if one.edm == "Edm.Int64" else value
    return shown


def _entry(wire: Wire, kind: EntityType | Section, name: str, entity: Entity, chosen: Selection, store: Store) -> str:
    path = self_path(kind, entity) if isinstance(kind, EntityType) else f"{name}(guid'{entity.get('Ref_Key')}')"
    properties = _atom_properties(kind, entity, chosen.properties)
    links = ""
    if isinstance(kind, EntityType):
        for section, columns in chosen.sections.items():
            properties += _atom_section(kind, section, entity[section], columns)
        properties += "".join(
            f"<d:{base}>{escape(text)}</d:{base}>" for base, text in _presentations(kind, entity, chosen, store)
        )
        for link in _links(kind, chosen, store):
            target, found = _linked(kind, link, entity, store)
            inline = ""
            if link in chosen.expanded and found is not None:
                inline = f"<m:inline>{_entry(wire, target, target.name, found, whole(target), store)}</m:inline>"
            links += (
                f'<link rel="{_D}/related/{link}" href="{path}/{link}"'
                f' type="application/atom+xml;type=entry;charset=utf-8" title="{link}">{inline}</link>'
            )
    return (
        f"<entry><id>{wire.root}/{path}</id>"
        f'<category term="{NAMESPACE}.{name}" scheme="{_D}/scheme"/><title type="text"/>'
        f"<updated>{store.now().isoformat()}</updated><author/><summary/>{links}"
        f'<link rel="edit" href="{path}" title="edit-link"/>'
        f'<content type="application/xml"><m:properties>{properties}</m:properties></content></entry>'
    )


def _atom_properties(kind: EntityType | Section, entity: Entity, names: Iterable[str]) -> str:
    return "".join(_atom_property(kind.by_name[name], entity) for name in names)


def _atom_property(one: Property, entity: Entity) -> str:
    value = entity.get(one.name, one.empty)
    text = str(value).lower() if isinstance(value, bool) else escape(str(value))
    return f"<d:{one.name}>{text}</d:{one.name}>" if text else f"<d:{one.name}/>"


def _atom_section(kind: EntityType, name: str, rows: list[Entity], columns: list[str]) -> str:
    row_type = f"{NAMESPACE}.{kind.name}_{name}_RowType"
    section = kind.section_by_name[name]
    inner = "".join(
        f'<d:element m:type="{row_type}">{_atom_properties(section, row, columns)}</d:element>' for row in rows
    )
    return f'<d:{name} m:type="Collection({row_type})">{inner}</d:{name}>'


def _links(kind: EntityType, chosen: Selection, store: Store) -> list[str]:
    return [
        name
        for name, link in kind.references.items()
        if link.target in store.schema.types and (link.name in chosen.properties or name in chosen.expanded)
    ]


def _linked(kind: EntityType, name: str, entity: Entity, store: Store) -> tuple[EntityType, Entity | None]:
    link = kind.references[name]
    return store.schema.types[link.target], store.find(link.target, entity[link.name])


def _presentations(kind: EntityType, entity: Entity, chosen: Selection, store: Store) -> list[tuple[str, str]]:
    shown = []
    for base in chosen.presentations:
        link = kind.references.get(base)
        if link:
            text = store.presentation(link.target, entity[link.name])
        elif kind.by_name[base].is_composite:
            text = store.presentation(entity[f"{base}_Type"].partition(".")[2], entity[base])
        else:
            text = str(entity[base])
        shown.append((base + PRESENTATION, text))
    return shown


def _xml(text: str) -> bytes:
    found = _FORBIDDEN_IN_XML.search(text)
    if found:
        raise OdataError(400, 1, f"Текст XML содержит недопустимый символ в позиции {found.start()}")
    return b'<?xml version="1.0" encoding="UTF-8"?>' + text.encode()


def _dumped(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()
