"""Believable data for a simulated infobase: users, clients and contact persons with phones as 1C keeps them.

The same seed makes the same data. Numbers come in every shape met in real bases: filled in by the form, by an old
version (XML only), by a loader (presentation only, or the number's column only), several in one cell, with an
inner number, with an eight in front.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from random import Random
from xml.sax.saxutils import quoteattr

from simulators import names
from simulators.company import fixed_number, mobile_number
from simulators.onec import presets
from simulators.onec.documents import Acquaintance, fill_documents
from simulators.onec.presets import CONTACT_INFORMATION
from simulators.onec.schema import EMPTY_REF, Entity
from simulators.onec.store import Generated, Store

CONTACT_XML = "http://www.v8.1c.ru/ssl/contactinfo"
"""Namespace of a row's `ЗначенияПолей`."""

_USERS = "0000000a"
_PARTNERS = "0000000b"
_COUNTERPARTIES = "0000000c"
_CONTACTS = "0000000d"
SHAPES = ("form", "form", "form", "xml", "presentation", "number", "several", "inner", "eight")
"""Shapes of a phone row; a third are as the form leaves them."""


def fill(
    store: Store,
    *,
    seed: int = 1,
    clients: int = 300,
    contacts: int = 600,
    users: int = 25,
    days: int = 0,
    last_day: date | None = None,
    calls_per_day: int = 30,
) -> None:
    """Fill an infobase; entities are made when looked at, so 200 000 contacts cost nothing until read.

    Args:
        store: an empty infobase.
        seed: the same makes the same.
        clients: how many; as partners and as counterparties, where both exist.
        contacts: how many contact persons.
        users: how many.
        days: of documents; none without.
        last_day: of these, 1C's today if absent.
        calls_per_day: see `fill_documents`.
    """
    types = store.schema.types
    partners = clients if presets.PARTNERS in types else 0
    _generate(store, presets.USERS, _USERS, users, lambda index: _user(seed, index))
    if partners:
        _generate(store, presets.PARTNERS, _PARTNERS, clients, lambda index: _partner(seed, index, users))
    _generate(store, presets.COUNTERPARTIES, _COUNTERPARTIES, clients, lambda index: _counterparty(seed, index, users))
    if partners:
        owner = ("Owner_Key", _PARTNERS)
        _generate(store, presets.CONTACT_PERSONS, _CONTACTS, contacts, lambda i: _person(seed, i, clients, owner))
    else:
        name = "Owner_Key" if "Owner_Key" in types[presets.PERSONS].by_name else "ОбъектВладелец_Key"
        _generate(
            store, presets.PERSONS, _CONTACTS, contacts, lambda i: _person(seed, i, clients, (name, _COUNTERPARTIES))
        )
    if days:
        known = _Known(seed, clients, contacts, users, has_partners=bool(partners))
        last_day = last_day or store.now().date()
        fill_documents(store, known.meet, seed=seed, last_day=last_day, days=days, calls_per_day=calls_per_day)


@dataclass(frozen=True)
class _Known:
    """Who may meet whom in a filled infobase."""

    seed: int
    clients: int
    contacts: int
    users: int
    has_partners: bool

    def meet(self, chance: Random, _day: date) -> Acquaintance:
        index = chance.randrange(self.contacts)
        client = index % self.clients
        prefix = _PARTNERS if self.has_partners else _COUNTERPARTIES
        person = _person(self.seed, index, self.clients, ("Owner_Key", prefix))
        manager = _partner(self.seed, client, self.users)["ОсновнойМенеджер_Key"]
        row = person[CONTACT_INFORMATION][0]
        return Acquaintance(
            name=person["Description"],
            client_set=presets.PARTNERS if self.has_partners else presets.COUNTERPARTIES,
            client=_link(prefix, client),
            counterparty=_link(_COUNTERPARTIES, client),
            contact_set=presets.CONTACT_PERSONS if self.has_partners else presets.PERSONS,
            contact=_link(_CONTACTS, index),
            phone=row["Представление"] or row["НомерТелефона"],
            users=(manager, _link(_USERS, (client + 1) % self.users)),
        )


def phone_row(number: str, shape: str, line: int = 1, kind: str = "Телефон") -> Entity:
    """Return a row of contact information with an E.164 number of Russia, in one of `SHAPES`."""
    area, local = number[2:5], number[5:]
    shown = f"+7 ({area}) {local[:3]}-{local[3:5]}-{local[5:]}"
    row: Entity = {"LineNumber": line, "Тип": kind, "Вид_Key": EMPTY_REF, "Представление": shown}
    match shape:
        case "xml":
            row |= {"ЗначенияПолей": _xml(shown, area, local), "НомерТелефона": number[1:]}
        case "presentation":
            pass
        case "number":
            row |= {"Представление": "", "НомерТелефона": f"({area}){local}"}
        case "several":
            row["Представление"] = f"{shown}, 8 {area} {local[:-1]}{(int(local[-1]) + 1) % 10}"
        case "inner":
            row["Представление"] = f"{shown}, доб. 12"
            row |= {"Значение": _json(row["Представление"], area, local, "12"), "НомерТелефона": number[1:]}
        case "eight":
            row |= {"Представление": f"8{area}{local}", "НомерТелефона": f"8{area}{local}"}
        case _:
            row |= {
                "Значение": _json(shown, area, local, ""),
                "НомерТелефона": number[1:],
                "НомерТелефонаБезКодов": local,
            }
    return row


def _generate(store: Store, name: str, prefix: str, count: int, make: Callable[[int], Entity]) -> None:
    blank = store.schema.types[name].blank()
    del blank["Ref_Key"], blank["DataVersion"]
    rows = {one.name: one.empty for one in store.schema.types[name].section_by_name[CONTACT_INFORMATION].properties}

    def made(index: int) -> Entity:
        entity = make(index)
        entity[CONTACT_INFORMATION] = [rows | row for row in entity[CONTACT_INFORMATION]]
        return {**blank, **entity}

    store.entities(name).generate(Generated(count, prefix, made))


def _chance(seed: int, prefix: str, index: int) -> Random:
    return Random((seed << 64) | (int(prefix, 16) << 40) | index)


def _user(seed: int, index: int) -> Entity:
    chance = _chance(seed, _USERS, index)
    extension = str(201 + index)
    return {
        "Description": names.person(chance),
        "Недействителен": index % 9 == 8,
        CONTACT_INFORMATION: [
            phone_row(mobile_number(chance), "form"),
            {
                "LineNumber": 2,
                "Тип": "Телефон",
                "Представление": f"доб. {extension}",
                "НомерТелефона": extension,
            },
        ],
    }


def _partner(seed: int, index: int, users: int) -> Entity:
    chance = _chance(seed, _PARTNERS, index)
    name = names.firm(chance)
    return {
        "Code": f"{index + 1:011d}",
        "Description": name,
        "НаименованиеПолное": name,
        "Клиент": True,
        "ЮрФизЛицо": "Компания",
        "ОсновнойМенеджер_Key": _link(_USERS, chance.randrange(users)),
        CONTACT_INFORMATION: [phone_row(fixed_number(chance), chance.choice(SHAPES))],
    }


def _counterparty(seed: int, index: int, users: int) -> Entity:
    # The legal person of the partner of the same index carries its name.
    partner = _partner(seed, index, users)
    chance = _chance(seed, _COUNTERPARTIES, index)
    return {
        "Code": f"{index + 1:09d}",
        "Description": partner["Description"],
        "НаименованиеПолное": partner["НаименованиеПолное"],
        "ИНН": f"{chance.randrange(10**9, 10**10)}",
        "ЮрФизЛицо": "ЮрЛицо",
        "DeletionMark": index % 50 == 49,
        "Партнер_Key": _link(_PARTNERS, index),
        "Ответственный_Key": partner["ОсновнойМенеджер_Key"],
        CONTACT_INFORMATION: [phone_row(fixed_number(chance), chance.choice(SHAPES))],
    }


def _person(seed: int, index: int, clients: int, owner: tuple[str, str]) -> Entity:
    chance = _chance(seed, _CONTACTS, index)
    return {
        "Description": names.person(chance),
        owner[0]: _link(owner[1], index % clients),
        CONTACT_INFORMATION: [phone_row(mobile_number(chance), chance.choice(SHAPES))],
    }


def _link(prefix: str, index: int) -> str:
    return Generated(index + 1, prefix, lambda _: {}).key(index)


def _json(shown: str, area: str, local: str, inner: str) -> str:
    value = {
        "version": 5, "value": shown, "comment": "", "type": "Телефон", "countryCode": "7", "areaCode": area,
        "number": local, "extNumber": inner,
    }  # fmt: skip
    return json.dumps(value, ensure_ascii=False)


def _xml(shown: str, area: str, local: str) -> str:
    return (
        f'<КонтактнаяИнформация xmlns="{CONTACT_XML}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        f' Представление={quoteattr(shown)}><Состав xsi:type="НомерТелефона" КодСтраны="7" КодГорода="{area}"'
        f' Номер="{local}" Добавочный=""/></КонтактнаяИнформация>'
    )
