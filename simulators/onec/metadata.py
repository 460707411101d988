"""`$metadata` (EDMX of OData v3) and the service document, made from the schema.

Public source of the shape: a recorded `$metadata` of 1C's trade demo base (pavel-v-sobolev/cdc-1c, MIT).
"""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import quoteattr

from simulators.onec.schema import NAMESPACE, EntityType, Property, Schema, Section

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<edmx:Edmx xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx" Version="1.0">'
    '<edmx:DataServices xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"'
    ' m:DataServiceVersion="3.0" m:MaxDataServiceVersion="3.0">'
    f'<Schema xmlns="http://schemas.microsoft.com/ado/2009/11/edm" Namespace="{NAMESPACE}">'
)
_TAIL = "</Schema></edmx:DataServices></edmx:Edmx>"


def set_names(schema: Schema) -> list[str]:
    """Return the names of all sets, those of tabular sections among them."""
    return [
        name
        for kind in schema.types.values()
        for name in (kind.name, *(f"{kind.name}_{s}" for s in kind.section_by_name))
    ]


def service_document(schema: Schema, root: str) -> str:
    """Return the list of the sets."""
    listed = "".join(
        f"<collection href={quoteattr(name)}><atom:title>{name}</atom:title></collection>" for name in set_names(schema)
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><service xmlns="http://www.w3.org/2007/app"'
        f' xmlns:atom="http://www.w3.org/2005/Atom" xml:base={quoteattr(root + "/")}>'
        f"<workspace><atom:title>Default</atom:title>{listed}</workspace></service>"
    )


def edmx(schema: Schema) -> str:
    """Return `$metadata`; references to objects that are not published have no navigation property."""
    links = [
        (kind, link)
        for kind in schema.types.values()
        for link in kind.references.values()
        if link.target in schema.types
    ]
    associations = "".join(
        f'<Association Name="{kind.name}_{link.navigation}">'
        f'<End Role="Begin" Type="{NAMESPACE}.{kind.name}" Multiplicity="*"/>'
        f'<End Role="End" Type="{NAMESPACE}.{link.target}" Multiplicity="0..1"/></Association>'
        for kind, link in links
    )
    sets = "".join(f'<EntitySet Name="{name}" EntityType="{NAMESPACE}.{name}"/>' for name in set_names(schema))
    association_sets = "".join(
        f'<AssociationSet Name="{kind.name}_{link.navigation}"'
        f' Association="{NAMESPACE}.{kind.name}_{link.navigation}">'
        f'<End Role="Begin" EntitySet="{kind.name}"/><End Role="End" EntitySet="{link.target}"/></AssociationSet>'
        for kind, link in links
    )
    posting = "".join(_posting(kind) for kind in schema.types.values() if kind.is_document)
    container = (
        '<EntityContainer Name="EnterpriseV8" m:IsDefaultEntityContainer="true">'
        f"{sets}{association_sets}{posting}</EntityContainer>"
    )
    types = "".join(_entity_type(kind, schema) for kind in schema.types.values())
    return f"{_HEAD}{types}{associations}{container}{_TAIL}"


def _entity_type(kind: EntityType, schema: Schema) -> str:
    own = _properties(kind.properties, kind.key)
    collections = "".join(
        f'<Property Name="{name}" Type="Collection({NAMESPACE}.{kind.name}_{name}_RowType)" Nullable="false"/>'
        for name in kind.section_by_name
    )
    navigation = "".join(
        f'<NavigationProperty Name="{name}" Relationship="{NAMESPACE}.{kind.name}_{name}"'
        ' FromRole="Begin" ToRole="End"/>'
        for name, link in kind.references.items()
        if link.target in schema.types
    )
    whole = f'<EntityType Name="{kind.name}"{_open(kind.properties)}>{_key(kind.key)}{own}{collections}{navigation}'
    return f"{whole}</EntityType>" + "".join(_section(kind, section) for section in kind.sections)


def _section(owner: EntityType, section: Section) -> str:
    name, key = f"{owner.name}_{section.name}", ("Ref_Key", "LineNumber")
    body = _properties((Property("Ref_Key", "Edm.Guid"), *section.properties), key)
    return (
        f'<EntityType Name="{name}"{_open(section.properties)}>{_key(key)}{body}</EntityType>'
        f'<ComplexType Name="{name}_RowType">{body}</ComplexType>'
    )


def _open(properties: Iterable[Property]) -> str:
    return ' OpenType="true"' if any(one.is_composite for one in properties) else ""


def _key(names: Iterable[str]) -> str:
    return "<Key>" + "".join(f'<PropertyRef Name="{name}"/>' for name in names) + "</Key>"


def _properties(properties: Iterable[Property], key: tuple[str, ...]) -> str:
    return "".join(
        f'<Property Name="{one.name}" Type="{one.edm}" Nullable="{str(one.name not in key).lower()}"/>'
        for one in properties
    )


def _posting(kind: EntityType) -> str:
    binding = f'<Parameter Name="bindingParameter" Type="{NAMESPACE}.{kind.name}"/>'
    return (
        f'<FunctionImport Name="Post" IsBindable="true" IsSideEffecting="true">{binding}'
        '<Parameter Name="PostingModeOperational" Type="Edm.Boolean"/></FunctionImport>'
        f'<FunctionImport Name="Unpost" IsBindable="true" IsSideEffecting="true">{binding}</FunctionImport>'
    )
