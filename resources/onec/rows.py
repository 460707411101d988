"""From 1C's objects to cards and interactions. The same for JSON and for the Atom feed of changes."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from resources.onec.answers import Row
from resources.onec.cards import Card, Interaction
from resources.onec.configuration import CONTACT_PERSONS, COUNTERPARTIES, PARTNERS, CardSet, InteractionSet, Reference
from resources.onec.contact_information import phones_of
from resources.onec.errors import OnecAnswerError
from resources.onec.metadata import NAMESPACE

EMPTY_REF = "00000000-0000-0000-0000-000000000000"
_NOBODY = ("", "")


def card_of(row: Row, of: CardSet) -> Card | None:
    """Make a card; None for a folder, which is no card.

    Raises:
        OnecAnswerError: the object has no reference.
    """
    if is_true(row.get("IsFolder")):
        return None
    ref = ref_of(row)
    phones = phones_of(row.get(of.phones) or []) if of.phones else []
    owner, _ = _target(row, of.party) if of.party else _NOBODY
    return Card(
        of.kind,
        of.entity_set,
        ref,
        str(row.get("DataVersion") or ""),
        str(row.get("Description") or ""),
        party_id=(owner or ref) if of.kind == "party" else owner,
        is_person=any(
            str(row.get(name) or "").startswith(("ФизЛицо", "ФизическоеЛицо", "ЧастноеЛицо"))
            for name in ("ЮрФизЛицо", "ЮридическоеФизическоеЛицо")
        ),
        responsible_id=_key(row.get(of.responsible)) if of.responsible else "",
        phones=tuple(phone for phone, _ in phones),
        phones_since=tuple(_day(line.get("ДействуетС")) for _, line in phones),
        is_deleted=any(is_true(row.get(name)) for name in ("DeletionMark", "Недействителен", "Служебный")),
    )


def interaction_of(row: Row, of: InteractionSet, zone: ZoneInfo) -> Interaction | None:
    """Make an interaction; None for a document without a date.

    Raises:
        OnecAnswerError: the object has no reference, or its date is none.
    """
    at = _moment(row.get("Date"))
    if at is None:
        return None
    client = contact = ""
    for line in row.get(of.section) or [] if of.section else [row]:
        for reference in of.clients:
            ref, target = _target(line, reference)
            if target in CONTACT_PERSONS:
                contact = contact or ref
            elif target in (PARTNERS, COUNTERPARTIES):
                client = client or ref
    return Interaction(
        of.kind,
        of.entity_set,
        ref_of(row),
        str(row.get("DataVersion") or ""),
        at.replace(tzinfo=zone),
        client,
        contact or (_key(row.get(of.contact)) if of.contact else ""),
        next((key for field in of.employees if (key := _key(row.get(field)))), ""),
        is_deleted=is_true(row.get("DeletionMark")),
        phone=str(row.get(of.phone) or "").strip() if of.phone else "",
    )


def ref_of(row: Row) -> str:
    """Return an object's own reference.

    Raises:
        OnecAnswerError: it has none.
    """
    ref = _key(row.get("Ref_Key"))
    if not ref:
        raise OnecAnswerError("an object without Ref_Key")
    return ref


def is_true(value: object) -> bool:
    """Read a boolean of JSON or of XML."""
    return value is True or value == "true"


def _target(row: Row, reference: Reference) -> tuple[str, str]:
    ref = _key(row.get(reference.field))
    if not ref:
        return _NOBODY
    kind = str(row.get(reference.type_field) or "") if reference.type_field else reference.target
    return ref, kind.removeprefix(NAMESPACE)


def _key(value: object) -> str:
    text = str(value or "").lower()
    return "" if text == EMPTY_REF else text


def _moment(value: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(value or "0001-01-01T00:00:00"))
    except ValueError as error:
        raise OnecAnswerError("a date that is none") from error
    return None if at.year == 1 else at.replace(tzinfo=None)


def _day(value: object) -> date | None:
    at = _moment(value)
    return at.date() if at else None
