"""Puts the invented company whose calls a simulated PBX has into a simulated УТ 11, as its CRM.

Left out are the clients that only the address book knows. Numbers stand as somebody wrote them, in rows of contact
information in three states: as the form leaves them, as an old version left them (XML only), and as a loader leaves
them (presentation only).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from random import Random
from uuid import NAMESPACE_OID, uuid5
from xml.sax.saxutils import quoteattr

from simulators.company import Company, Contact, Employee, Party
from simulators.onec import presets
from simulators.onec.company import CONTACT_XML
from simulators.onec.documents import Acquaintance, fill_documents
from simulators.onec.presets import CONTACT_INFORMATION
from simulators.onec.schema import EMPTY_DATE, EMPTY_REF, Entity
from simulators.onec.store import Store

STATES = ("form", "form", "xml", "presentation")
"""States of a row; half are as the form leaves them."""

_LONGEST_NUMBER = 20


@dataclass(frozen=True)
class SameCompany:
    """References in 1C by the company's own ids.

    Attributes:
        users: by employee.
        partners: by party.
        counterparties: by party.
        contacts: contact persons, by contact.
    """

    users: dict[str, str] = field(default_factory=dict)
    partners: dict[str, str] = field(default_factory=dict)
    counterparties: dict[str, str] = field(default_factory=dict)
    contacts: dict[str, str] = field(default_factory=dict)


def fill_from(store: Store, company: Company, *, seed: int = 1, days: int = 0, calls_per_day: int = 30) -> SameCompany:
    """Fill an infobase that has partners with a company as of its `today`.

    The same company gets the same references. Who has left is not valid as a user; a contact whose numbers are
    somebody else's by now is marked for deletion.

    Args:
        store: an empty infobase.
        company: the company.
        seed: the same makes the same documents.
        days: of documents, up to the company's `today`; none without.
        calls_per_day: phone calls that users noted on a working day; see `fill_documents`.

    Returns:
        The references that were given.
    """
    refs = SameCompany()
    chance = Random(seed)
    for employee in company.employees:
        extension = employee.extension_on(company.today)
        phones = [employee.mobile, *([f"доб. {extension}"] if extension else [])]
        refs.users[employee.employee_id] = _ref(employee.employee_id)
        values = {
            "Ref_Key": _ref(employee.employee_id),
            "Description": employee.name,
            "Недействителен": employee.employed_until is not None and employee.employed_until < company.today,
        }
        _insert(store, presets.USERS, values, [written_row(phone, "form", line) for line, phone in _lines(phones)])
    known = [party for party in company.parties if not party.is_on_cards]
    for party in known:
        _insert_party(store, party, refs)
        for contact in party.contacts:
            _insert_contact(store, party, contact, company, refs, chance)
    if days:
        meet = _Known(company, known, refs).meet
        fill_documents(store, meet, seed=seed, last_day=company.today, days=days, calls_per_day=calls_per_day)
    return refs


def written_row(written: str, state: str, line: int = 1) -> Entity:
    """Return a row of contact information with a number as it was written, in one of `STATES`."""
    row: Entity = {"LineNumber": line, "Тип": "Телефон", "Представление": written}
    match state:
        case "form":
            value = {"version": 5, "value": written, "comment": "", "type": "Телефон"}
            value |= dict.fromkeys(("countryCode", "areaCode", "number", "extNumber"), "")
            row |= {"Значение": json.dumps(value, ensure_ascii=False), "НомерТелефона": _column(written)}
        case "xml":
            xml = f"<КонтактнаяИнформация xmlns={quoteattr(CONTACT_XML)} Представление={quoteattr(written)}/>"
            row |= {"ЗначенияПолей": xml, "НомерТелефона": _column(written)}
    return row


def _insert_party(store: Store, party: Party, refs: SameCompany) -> None:
    is_company = party.kind == "company"
    refs.partners[party.party_id] = _ref(party.party_id)
    refs.counterparties[party.party_id] = _ref(f"{party.party_id} counterparty")
    shared = {"Description": party.name, "НаименованиеПолное": party.name}
    partner = {
        **shared,
        "Ref_Key": refs.partners[party.party_id],
        "Клиент": True,
        "ЮрФизЛицо": "Компания" if is_company else "ЧастноеЛицо",
        "ОсновнойМенеджер_Key": refs.users.get(party.responsible_id, EMPTY_REF),
    }
    legal = {
        **shared,
        "Ref_Key": refs.counterparties[party.party_id],
        "ЮрФизЛицо": "ЮрЛицо" if is_company else "ФизЛицо",
        "Партнер_Key": refs.partners[party.party_id],
    }
    _insert(store, presets.PARTNERS, partner, [])
    _insert(store, presets.COUNTERPARTIES, legal, [])


def _insert_contact(
    store: Store, party: Party, contact: Contact, company: Company, refs: SameCompany, chance: Random
) -> None:
    refs.contacts[contact.contact_id] = _ref(contact.contact_id)
    values = {
        "Ref_Key": refs.contacts[contact.contact_id],
        "Description": contact.name,
        "Owner_Key": refs.partners[party.party_id],
        "DeletionMark": contact.valid_to is not None and contact.valid_to <= company.today,
    }
    since = datetime.combine(contact.valid_from, time()).isoformat() if contact.valid_from else EMPTY_DATE
    rows = [
        written_row(written, chance.choice(STATES), line) | {"ДействуетС": since}
        for line, written in _lines(contact.written)
    ]
    _insert(store, presets.CONTACT_PERSONS, values, rows)


def _insert(store: Store, name: str, values: Entity, rows: Sequence[Entity]) -> None:
    blank = {one.name: one.empty for one in store.schema.types[name].section_by_name[CONTACT_INFORMATION].properties}
    store.insert(name, values | {CONTACT_INFORMATION: [blank | row for row in rows]}, is_loading=True)


class _Known:
    """Who may meet whom in this company."""

    def __init__(self, company: Company, parties: Sequence[Party], refs: SameCompany) -> None:
        self._staff = {one.employee_id: one for one in company.employees}
        self._people = [(party, contact) for party in parties for contact in party.contacts]
        self._refs = refs

    def meet(self, chance: Random, day: date) -> Acquaintance:
        party, contact = chance.choice(self._people)
        while not contact.is_there_on(day):
            party, contact = chance.choice(self._people)
        talkers = [one for one in party.talkers if _works_on(self._staff[one], day)]
        talkers = talkers or [one for one, employee in self._staff.items() if _works_on(employee, day)]
        return Acquaintance(
            name=contact.name,
            client_set=presets.PARTNERS,
            client=self._refs.partners[party.party_id],
            counterparty=self._refs.counterparties[party.party_id],
            contact_set=presets.CONTACT_PERSONS,
            contact=self._refs.contacts[contact.contact_id],
            phone=contact.written[0],
            users=tuple(self._refs.users[one] for one in talkers),
        )


def _works_on(employee: Employee, day: date) -> bool:
    return employee.employed_from <= day <= (employee.employed_until or date.max)


def _lines(phones: Iterable[str]) -> Iterable[tuple[int, str]]:
    return enumerate(phones, start=1)


def _column(written: str) -> str:
    # As 1C fills its column: no text after a comma, no signs but brackets.
    return "".join(sign for sign in written.partition(",")[0] if sign not in "+- ")[:_LONGEST_NUMBER]


def _ref(company_id: str) -> str:
    return str(uuid5(NAMESPACE_OID, f"simulated 1C {company_id}"))
