"""What a base publishes: its `$metadata`, read in bounded memory.

The document of a large configuration is 17 MB with thousands of types; it is parsed as it is read, and
each finished type is dropped (1C developer guide, "Standard OData interface"; OData v3 CSDL).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from resources.onec.errors import OnecAnswerError

NAMESPACE = "StandardODATA."


@dataclass(frozen=True)
class EntityType:
    """A set's type.

    Attributes:
        fields: properties that are not tabular sections.
        sections: tabular sections, by name, with their columns.
        targets: for a reference, by its name without `_Key`, the set it leads to (only where that is published).
    """

    fields: frozenset[str]
    sections: Mapping[str, frozenset[str]] = field(default_factory=dict)
    targets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Metadata:
    """The published sets, by name."""

    sets: Mapping[str, EntityType]


@dataclass(frozen=True)
class _RawType:
    fields: dict[str, str]
    links: dict[str, tuple[str, str]]


def read_metadata(file: IO[bytes]) -> Metadata:
    """Read `$metadata`.

    Raises:
        OnecAnswerError: no XML, cut, or not a document of metadata.
    """
    types: dict[str, _RawType] = {}
    rows: dict[str, frozenset[str]] = {}
    ends: dict[tuple[str, str], str] = {}
    sets: dict[str, str] = {}
    root: Element | None = None
    parents: list[Element] = []
    try:
        for event, element in iterparse(file, events=("start", "end")):
            name = element.tag.rpartition("}")[2]
            if event == "start":
                root = element if root is None else root
                parents.append(element)
                continue
            parents.pop()
            if name == "EntityType":
                types[element.get("Name", "")] = _type_of(element)
            elif name == "ComplexType":
                rows[element.get("Name", "")] = frozenset(_type_of(element).fields)
            elif name == "Association":
                for end in element:
                    ends[element.get("Name", ""), end.get("Role", "")] = _local(end.get("Type", ""))
            elif name == "EntitySet":
                sets[element.get("Name", "")] = _local(element.get("EntityType", ""))
            else:
                if name == "FunctionImport" and parents:
                    parents[-1].remove(element)
                continue
            parents[-1].remove(element)
    except (ParseError, DefusedXmlException) as error:
        raise OnecAnswerError("$metadata is no XML, or was cut; ask again and see the web server's log") from error
    if root is None or root.tag.rpartition("}")[2] != "Edmx":
        raise OnecAnswerError("$metadata is another document; check the address of the base")
    return Metadata({name: _whole(types[kind], rows, ends) for name, kind in sets.items() if kind in types})


def _type_of(element: Element) -> _RawType:
    fields: dict[str, str] = {}
    links: dict[str, tuple[str, str]] = {}
    for child in element:
        name = child.tag.rpartition("}")[2]
        if name == "Property":
            fields[child.get("Name", "")] = child.get("Type", "")
        elif name == "NavigationProperty":
            links[child.get("Name", "")] = (_local(child.get("Relationship", "")), child.get("ToRole", ""))
    return _RawType(fields, links)


def _whole(raw: _RawType, rows: Mapping[str, frozenset[str]], ends: Mapping[tuple[str, str], str]) -> EntityType:
    sections = {
        name: rows.get(_local(kind.removeprefix("Collection(").removesuffix(")")), frozenset())
        for name, kind in raw.fields.items()
        if kind.startswith("Collection(")
    }
    targets = {name: ends[link] for name, link in raw.links.items() if link in ends}
    return EntityType(frozenset(raw.fields.keys() - sections.keys()), sections, targets)


def _local(name: str) -> str:
    return name.removeprefix(NAMESPACE)
