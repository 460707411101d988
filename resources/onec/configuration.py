"""How УТ 11, ERP, УНФ, БП and bases made from them keep clients, people and interactions.

The choice is made from `$metadata`, by what is there and never by the configuration's name. Parties
and users must be published; all else is read where it is found and named in `skipped` where not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from resources.onec.cards import CardKind, InteractionKind
from resources.onec.errors import MissingObjectError
from resources.onec.metadata import EntityType, Metadata

PHONES = ("КонтактнаяИнформация", "ContactInformation")
PARTNERS, COUNTERPARTIES, USERS = "Catalog_Партнеры", "Catalog_Контрагенты", "Catalog_Пользователи"
CONTACT_PERSONS = ("Catalog_КонтактныеЛицаПартнеров", "Catalog_КонтактныеЛица")

_OWNERS = ("Owner", "ОбъектВладелец", "Владелец", "ВладелецКонтактногоЛица")
_RESPONSIBLE = ("ОсновнойМенеджер", "Ответственный", "Менеджер")
_EMPLOYEES = ("Ответственный", "Менеджер", "Автор")
_PHONE = "АбонентКакСвязаться"
_INTERACTIONS: tuple[tuple[InteractionKind, str, tuple[str, ...], str, str], ...] = (
    ("call", "Document_ТелефонныйЗвонок", ("АбонентКонтакт", "Абонент"), "", ""),
    ("order", "Document_ЗаказКлиента", ("Партнер", "Контрагент"), "", ""),
    ("order", "Document_ЗаказПокупателя", ("Контрагент",), "", ""),
    ("order", "Document_СчетНаОплатуПокупателю", ("Контрагент",), "", ""),
    ("email", "Document_ЭлектронноеПисьмоВходящее", ("ОтправительКонтакт",), "", ""),
    ("email", "Document_ЭлектронноеПисьмоИсходящее", (), "ПолучателиПисьма", "Контакт"),
    ("meeting", "Document_Встреча", (), "Участники", "Контакт"),
    ("sms", "Document_СообщениеSMS", (), "Адресаты", "Контакт"),
)


@dataclass(frozen=True)
class Reference:
    """Where a reference stands: in `field`, and what it leads to, in `type_field` or always `target`."""

    field: str
    type_field: str = ""
    target: str = ""

    @property
    def fields(self) -> tuple[str, ...]:
        """The properties to ask for."""
        return (self.field, self.type_field) if self.type_field else (self.field,)


@dataclass(frozen=True)
class CardSet:
    """How one set of cards is read; empty and None mean that this base has no such property."""

    kind: CardKind
    entity_set: str
    select: tuple[str, ...]
    phones: str = ""
    party: Reference | None = None
    responsible: str = ""


@dataclass(frozen=True)
class InteractionSet:
    """How one kind of document is read; empty and () mean that this base has no such property.

    Attributes:
        kind: what such a document shows.
        entity_set: the set it stands in.
        select: the properties to ask for.
        clients: where the client or its contact person stands: in the document, or in rows of `section`.
        contact: the property that holds a contact person besides.
        employees: properties that hold the user in charge, the first that is filled counts.
        section: the tabular section in which the clients stand.
        phone: the property that holds the number as it was written.
    """

    kind: InteractionKind
    entity_set: str
    select: tuple[str, ...]
    clients: tuple[Reference, ...]
    contact: str = ""
    employees: tuple[str, ...] = ()
    section: str = ""
    phone: str = ""


@dataclass(frozen=True)
class Configuration:
    """How this base is read.

    Attributes:
        cards: sets of parties, contact persons and employees.
        interactions: sets of documents.
        skipped: optional objects that are not published, or lack what would be read from them.
    """

    cards: tuple[CardSet, ...]
    interactions: tuple[InteractionSet, ...]
    skipped: tuple[str, ...]


def choose(metadata: Metadata, where: str) -> Configuration:
    """Choose how a base is read.

    Raises:
        MissingObjectError: parties or users are not published, or parties have no phones.
    """
    sets = metadata.sets
    missing = []
    if PARTNERS not in sets and COUNTERPARTIES not in sets:
        missing.append(f"{PARTNERS} or {COUNTERPARTIES}")
    if USERS not in sets:
        missing.append(USERS)
    if missing:
        raise MissingObjectError(where, missing)
    wanted: list[tuple[CardKind, str]] = [("party", PARTNERS), ("party", COUNTERPARTIES)]
    wanted += [("contact", name) for name in CONTACT_PERSONS] + [("employee", USERS)]
    cards = [_card_set(kind, name, sets[name]) for kind, name in wanted if name in sets]
    if not any(card.phones for card in cards if card.kind in ("party", "contact")):
        raise MissingObjectError(where, [f"the tabular section {PHONES[0]} of {PARTNERS} or {COUNTERPARTIES}"])
    skipped = []
    if not any(card.kind == "contact" for card in cards):
        skipped.append(" or ".join(CONTACT_PERSONS))
    interactions = []
    for kind, name, clients, section, column in _INTERACTIONS:
        chosen = _interaction_set(kind, name, sets[name], clients, section, column) if name in sets else None
        if chosen:
            interactions.append(chosen)
        else:
            skipped.append(name)
    return Configuration(tuple(cards), tuple(interactions), tuple(skipped))


def _card_set(kind: CardKind, name: str, of: EntityType) -> CardSet:
    phones = next((section for section in PHONES if section in of.sections), "")
    party = None
    if kind == "contact":
        party = _first(of.fields, of, _OWNERS)
    elif name == COUNTERPARTIES:
        party = _first(of.fields, of, ("Партнер",))
    responsible = ""
    if kind == "party":
        # УНФ keeps its own employees here; only a user can be compared with those of interactions.
        candidates = (field for field in _RESPONSIBLE if of.targets.get(field) == USERS)
        responsible = next((f"{field}_Key" for field in candidates), "")
    plain: tuple[str, ...] = (
        "Ref_Key",
        "DataVersion",
        "Description",
        "DeletionMark",
        "IsFolder",
        "Недействителен",
        "Служебный",
    )
    plain += ("ЮрФизЛицо", "ЮридическоеФизическоеЛицо", responsible)
    select = [field for field in plain if field in of.fields]
    select += [*(party.fields if party else ()), *([phones] if phones else [])]
    return CardSet(kind, name, tuple(select), phones, party, responsible)


def _interaction_set(
    kind: InteractionKind, name: str, of: EntityType, clients: Sequence[str], section: str, column: str
) -> InteractionSet | None:
    if section:
        found = [_reference(of.sections.get(section, frozenset()), of, column)]
    else:
        found = [_reference(of.fields, of, client) for client in clients]
    references = tuple(reference for reference in found if reference)
    if not references or "Date" not in of.fields:
        return None
    employees = tuple(f"{field}_Key" for field in _EMPLOYEES if f"{field}_Key" in of.fields)
    contact = "КонтактноеЛицо_Key" if "КонтактноеЛицо_Key" in of.fields else ""
    plain: tuple[str, ...] = ("Ref_Key", "DataVersion", "Date", "DeletionMark")
    select = [field for field in plain if field in of.fields]
    phone = _PHONE if kind == "call" and _PHONE in of.fields else ""
    select += [*employees, *filter(None, (contact, phone))]
    select += [section] if section else [field for reference in references for field in reference.fields]
    return InteractionSet(kind, name, tuple(select), references, contact, employees, section, phone)


def _first(fields: frozenset[str], of: EntityType, names: Sequence[str]) -> Reference | None:
    return next((reference for name in names if (reference := _reference(fields, of, name))), None)


def _reference(fields: frozenset[str], of: EntityType, name: str) -> Reference | None:
    if f"{name}_Key" in fields:
        return Reference(f"{name}_Key", target=of.targets.get(name, ""))
    if name in fields and f"{name}_Type" in fields:
        return Reference(name, type_field=f"{name}_Type")
    return None
