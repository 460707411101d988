"""The metadata of an infobase: entity types with properties and tabular sections, as OData names them.

The same description makes `$metadata` and gives shape to the data. Public sources of the naming: 1C:Enterprise
8.3 developer guide, chapter 17.4, and recorded answers of 1C's trade demo base (pavel-v-sobolev/cdc-1c, MIT).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

Entity = dict[str, Any]

EMPTY_REF = "00000000-0000-0000-0000-000000000000"
EMPTY_DATE = "0001-01-01T00:00:00"
NAMESPACE = "StandardODATA"
UNDEFINED = f"{NAMESPACE}.Undefined"

_EMPTY: dict[str, Any] = {
    "Edm.String": "",
    "Edm.Boolean": False,
    "Edm.Int64": 0,
    "Edm.Double": 0,
    "Edm.DateTime": EMPTY_DATE,
    "Edm.Guid": EMPTY_REF,
}


@dataclass(frozen=True)
class Property:
    """One property on the wire.

    Attributes:
        name: with its suffix (`Партнер_Key`, `АбонентКонтакт_Type`).
        edm: `Edm.String` and so on.
        length: longer strings are cut to it; 0 has no limit.
        target: the set a `_Key` refers to.
        is_composite: has several types, the type stands in `<name>_Type`.
    """

    name: str
    edm: str = "Edm.String"
    length: int = 0
    target: str = ""
    is_composite: bool = False

    @property
    def navigation(self) -> str:
        """Name of the navigation property of a reference."""
        return self.name.removesuffix("_Key")

    @property
    def empty(self) -> Any:  # noqa: ANN401 - values of several types
        """The value 1C gives when nothing was written."""
        return UNDEFINED if self.name.endswith("_Type") else _EMPTY[self.edm]


Properties = tuple[Property, ...]


def text(name: str, length: int = 0) -> Properties:
    """Return a string, cut to so many characters."""
    return (Property(name, length=length),)


def flags(*names: str) -> Properties:
    """Return booleans."""
    return tuple(Property(name, "Edm.Boolean") for name in names)


def moments(*names: str) -> Properties:
    """Return dates with time, without a time zone."""
    return tuple(Property(name, "Edm.DateTime") for name in names)


def ref(name: str, *targets: str) -> Properties:
    """Return a reference: `_Key` for one type, a pair with `_Type` for several."""
    if len(targets) == 1:
        return (Property(f"{name}_Key", "Edm.Guid", target=targets[0]),)
    return Property(name, is_composite=True), Property(f"{name}_Type")


@dataclass(frozen=True)
class Section:
    """A tabular section; `LineNumber` comes first among its properties."""

    name: str
    properties: Properties
    by_name: dict[str, Property] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {one.name: one for one in self.properties})


@dataclass(frozen=True)
class EntityType:
    """An entity type and its set of the same name.

    Attributes:
        key: names of the key's properties.
        numbered: `Code` or `Number`, filled in by 1C; empty where the type has none.
    """

    name: str
    properties: Properties
    sections: tuple[Section, ...] = ()
    key: tuple[str, ...] = ("Ref_Key",)
    numbered: str = ""
    by_name: dict[str, Property] = field(init=False, repr=False, compare=False)
    section_by_name: dict[str, Section] = field(init=False, repr=False, compare=False)
    references: dict[str, Property] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {one.name: one for one in self.properties})
        object.__setattr__(self, "section_by_name", {one.name: one for one in self.sections})
        object.__setattr__(self, "references", {one.navigation: one for one in self.properties if one.target})

    @property
    def is_register(self) -> bool:
        """Whether its records have neither a reference nor a DataVersion."""
        return self.name.startswith("InformationRegister_")

    @property
    def is_document(self) -> bool:
        """Whether it has number and date."""
        return self.name.startswith("Document_")

    def blank(self) -> Entity:
        """Return an entity with 1C's empty values."""
        entity: Entity = {one.name: one.empty for one in self.properties}
        entity.update({section.name: [] for section in self.sections})
        return entity

    def key_text(self, entity: Entity) -> str:
        """Return the key as one text, under which the store keeps the entity."""
        return "|".join(str(entity[name]).lower() for name in self.key)


@dataclass(frozen=True)
class Schema:
    """The published part of an infobase's metadata.

    Attributes:
        types: entity types by name.
        plans: content of each exchange plan: the sets whose changes it registers, published or not.
    """

    types: dict[str, EntityType]
    plans: dict[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, types: Iterable[EntityType], plans: dict[str, frozenset[str]] | None = None) -> Schema:
        """Make a schema of types."""
        return cls({one.name: one for one in types}, plans or {})

    def section(self, name: str) -> tuple[EntityType, Section] | None:
        """Return the tabular section that is readable as a set of this name."""
        for owner in self.types.values():
            if name.startswith(f"{owner.name}_"):
                found = owner.section_by_name.get(name.removeprefix(f"{owner.name}_"))
                if found:
                    return owner, found
        return None

    def without_set(self, name: str) -> Schema:
        """Return the schema with one object no longer published."""
        return replace(self, types={key: one for key, one in self.types.items() if key != name})

    def without_property(self, type_name: str, name: str) -> Schema:
        """Return the schema with a property removed, as by an update of the configuration."""
        old = self.types[type_name]
        kept = tuple(one for one in old.properties if one.name != name)
        return replace(self, types={**self.types, type_name: replace(old, properties=kept)})

    def with_properties(self, type_name: str, added: Properties) -> Schema:
        """Return the schema with properties added."""
        old = self.types[type_name]
        changed = replace(old, properties=old.properties + added)
        return replace(self, types={**self.types, type_name: changed})


def catalog(name: str, *properties: Properties, sections: tuple[Section, ...] = (), code: int = 0) -> EntityType:
    """Return a catalog's type; `code` is the length of its Code, 0 where it has none."""
    standard = (
        Property("Ref_Key", "Edm.Guid"), *text("DataVersion"), *text("Description", 100), *flags("DeletionMark"),
        *flags("Predefined"), *text("PredefinedDataName"), *(text("Code", code) if code else ()),
    )  # fmt: skip
    return EntityType(f"Catalog_{name}", standard + _flat(properties), sections, numbered="Code" if code else "")


def document(name: str, *properties: Properties, sections: tuple[Section, ...] = ()) -> EntityType:
    """Return a document's type."""
    standard = (
        Property("Ref_Key", "Edm.Guid"), *text("DataVersion"), *text("Number", 11), *moments("Date"),
        *flags("DeletionMark", "Posted"),
    )  # fmt: skip
    return EntityType(f"Document_{name}", standard + _flat(properties), sections, numbered="Number")


def register(name: str, dimensions: tuple[Properties, ...], *resources: Properties) -> EntityType:
    """Return an independent information register's type, without period."""
    key = _flat(dimensions)
    return EntityType(f"InformationRegister_{name}", key + _flat(resources), key=tuple(one.name for one in key))


def exchange_plan(name: str) -> EntityType:
    """Return an exchange plan's type: its entities are nodes."""
    return EntityType(
        f"ExchangePlan_{name}",
        (
            Property("Ref_Key", "Edm.Guid"), *text("DataVersion"), *text("Code", 36), *text("Description", 150),
            *flags("DeletionMark", "ThisNode"), Property("SentNo", "Edm.Int64"), Property("ReceivedNo", "Edm.Int64"),
            *moments("ExchangeDate"),
        ),
    )  # fmt: skip


def section(name: str, *properties: Properties) -> Section:
    """Return a tabular section."""
    return Section(name, (Property("LineNumber", "Edm.Int64"), *_flat(properties)))


def _flat(groups: Iterable[Properties]) -> Properties:
    return tuple(one for group in groups for one in group)
