"""An invented company: its employees with extensions, and its clients with contacts and phone numbers.

It is what a simulated PBX's calls are about, and what a simulated CRM knows of them. The same seed makes
the same company. It is not clean, as no CRM is: receptions that several clients share, numbers that moved
with their person from one client to another, an extension that changed hands, employees who left and are
still named as responsible, one number in many notations.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from random import Random

from simulators import contact_files, names

_DEPARTMENTS = (("Продажи", 9), ("Сервис", 6), ("Логистика", 4), ("Бухгалтерия", 3), ("Закупки", 2), ("Дирекция", 1))
_FIRST_EXTENSION = 201
_FIXED_LINE_CODES = ("495", "495", "495", "499", "812", "343", "383", "846")
_FOREIGN_PREFIXES = (("+4930", 8), ("+44207946", 4), ("+375172", 6))
_LEFT_DAYS_AGO = (41, 23)
_MOVED_DAYS_AGO = (12, 70)
_SEPARATORS = (", ", "; ", ",")


@dataclass(frozen=True)
class Holding:
    """An extension, held from a day and until, and without, another; without either where that is absent."""

    extension: str
    valid_from: date | None = None
    valid_to: date | None = None

    def holds_on(self, day: date) -> bool:
        """Tell whether the extension is held on that day."""
        return (self.valid_from or date.min) <= day < (self.valid_to or date.max)


@dataclass(frozen=True)
class Employee:
    """Someone of the company; `employed_until` is the last day at work, `mobile` is E.164."""

    employee_id: str
    name: str
    department: str
    mobile: str
    employed_from: date
    employed_until: date | None
    holdings: tuple[Holding, ...]

    def extension_on(self, day: date) -> str | None:
        """Return the extension of an employee who works there that day."""
        if not self.employed_from <= day <= (self.employed_until or date.max):
            return None
        return next((held.extension for held in self.holdings if held.holds_on(day)), None)


@dataclass(frozen=True)
class Contact:
    """Someone at a client.

    Attributes:
        numbers: the numbers from which they call and at which they are called, E.164.
        written: each of them as somebody typed it into the CRM, perhaps with an inner number.
        valid_from: first day on which these are their numbers there.
        valid_to: first day on which they no longer are.
    """

    contact_id: str
    name: str
    numbers: tuple[str, ...]
    written: tuple[str, ...]
    valid_from: date | None = None
    valid_to: date | None = None

    @property
    def cell(self) -> str:
        """The numbers in one cell, separated as it came."""
        return _SEPARATORS[int(self.contact_id[-1]) % len(_SEPARATORS)].join(self.written)

    def is_there_on(self, day: date) -> bool:
        """Tell whether they can be reached there on that day."""
        return (self.valid_from or date.min) <= day < (self.valid_to or date.max)


@dataclass(frozen=True)
class Party:
    """A client: a company or a private person.

    Attributes:
        responsible_id: the employee the CRM names; may be empty, or someone who has left.
        talkers: the employees who in truth deal with the client, first the one who mostly does.
        is_on_cards: known from the address book (vCard) only, not from the CRM's list.
    """

    party_id: str
    name: str
    kind: str
    responsible_id: str
    talkers: tuple[str, ...]
    contacts: tuple[Contact, ...]
    is_on_cards: bool


@dataclass(frozen=True)
class Company:
    """The company as of `today`."""

    today: date
    employees: tuple[Employee, ...]
    parties: tuple[Party, ...]

    @classmethod
    def invent(cls, seed: int = 1, parties: int = 600, today: date = date(2026, 3, 31)) -> Company:
        """Make a company up.

        Args:
            seed: the same makes the same.
            parties: how many clients, at least 20.
            today: people leave and numbers move within the 70 days before it.
        """
        chance = Random(seed)
        employees = _employees(chance, today)
        return cls(today, employees, tuple(_Clients(chance, employees, today).invent(parties)))

    def extensions_on(self, day: date) -> dict[str, str]:
        """Return who is reached at which extension that day: employee id → extension."""
        held = {employee.employee_id: employee.extension_on(day) for employee in self.employees}
        return {employee_id: extension for employee_id, extension in held.items() if extension}

    def write_contacts_csv(self, path: Path) -> None:
        """Write the CRM's list: a row per contact, parties of the address book left out."""
        contact_files.write_csv(
            path,
            "party_id,party_name,party_kind,contact_id,contact_name,phones,responsible_id,valid_from,valid_to",
            (
                (party.party_id, party.name, party.kind, contact.contact_id, contact.name, contact.cell,
                 party.responsible_id, contact.valid_from, contact.valid_to)
                for party in self.parties
                if not party.is_on_cards
                for contact in party.contacts
            ),
        )  # fmt: skip

    def write_vcards(self, path: Path) -> None:
        """Write the address book: vCard 3.0, a card per contact of the parties that the CRM's list lacks."""
        contact_files.write_vcards(
            path,
            (
                contact_files.Card(
                    uid=contact.contact_id,
                    name=contact.name,
                    organisation=party.name if party.kind == "company" else "",
                    phones=contact.written,
                )
                for party in self.parties
                if party.is_on_cards
                for contact in party.contacts
            ),
        )

    def write_employees_csv(self, path: Path) -> None:
        """Write the staff: a row per holding of an extension."""
        contact_files.write_csv(
            path,
            "employee_id,name,department,extension,valid_from,valid_to,mobile,employed_from,employed_until",
            (
                (employee.employee_id, employee.name, employee.department, held.extension, held.valid_from,
                 held.valid_to, employee.mobile, employee.employed_from, employee.employed_until)
                for employee in self.employees
                for held in employee.holdings
            ),
        )  # fmt: skip


def mobile_number(chance: Random) -> str:
    """Return an invented Russian mobile number, E.164."""
    return f"+79{chance.choice('0126')}{chance.randrange(10**8):08d}"


def fixed_number(chance: Random) -> str:
    """Return an invented Russian fixed-line number, E.164."""
    return f"+7{chance.choice(_FIXED_LINE_CODES)}{chance.randrange(2_000_000, 9_999_999)}"


def written_as(number: str, chance: Random) -> str:
    """Write an E.164 number as one of the people who keep contacts would."""
    if not number.startswith("+7"):
        return f"{number[:3]} {number[3:]}"
    code, first, second, third = number[2:5], number[5:8], number[8:10], number[10:]
    return chance.choice(
        (
            number,
            f"+7 {code} {first}-{second}-{third}",
            f"+7 ({code}) {first}-{second}-{third}",
            f"8({code}){first}-{second}-{third}",
            f"8 {code} {first} {second} {third}",
            f"8{number[2:]}",
            number[2:],
        )
    )


def _employees(chance: Random, today: date) -> tuple[Employee, ...]:
    places = [department for department, size in _DEPARTMENTS for _ in range(size)]
    staff = [
        Employee(
            employee_id=f"emp-{number:03d}",
            name=names.person(chance),
            department=department,
            mobile=mobile_number(chance),
            employed_from=today - timedelta(days=chance.randrange(400, 3000)),
            employed_until=None,
            holdings=(Holding(str(_FIRST_EXTENSION + number)),),
        )
        for number, department in enumerate(places)
    ]
    # One leaver's extension goes to a newcomer the next day; the other's stays unused.
    for place, days_ago in zip((3, 11), _LEFT_DAYS_AGO, strict=True):
        last_day = today - timedelta(days=days_ago)
        extension = staff[place].holdings[0].extension
        held = Holding(extension, valid_to=last_day + timedelta(days=1))
        staff[place] = replace(staff[place], employed_until=last_day, holdings=(held,))
    leaver = staff[3]
    begins_on = today - timedelta(days=_LEFT_DAYS_AGO[0] - 1)
    staff.append(
        Employee(
            employee_id=f"emp-{len(staff):03d}",
            name=names.person(chance),
            department=leaver.department,
            mobile=mobile_number(chance),
            employed_from=begins_on,
            employed_until=None,
            holdings=(Holding(leaver.holdings[0].extension, valid_from=begins_on),),
        )
    )
    return tuple(staff)


class _Clients:
    """Makes the clients up."""

    def __init__(self, chance: Random, employees: tuple[Employee, ...], today: date) -> None:
        self._chance = chance
        self._today = today
        self._front = [one.employee_id for one in employees if one.department in {"Продажи", "Сервис", "Логистика"}]
        self._contacts = 0

    def invent(self, wanted: int) -> list[Party]:
        parties = [self._party(number) for number in range(wanted)]
        self._share_receptions(parties)
        self._move_people(parties)
        return parties

    def _party(self, number: int) -> Party:
        chance = self._chance
        is_company = chance.random() < 0.7
        talkers = tuple(chance.sample(self._front, k=chance.choice((1, 2, 2, 3))))
        roll = chance.random()
        responsible = "" if roll < 0.1 else talkers[0] if roll < 0.85 else chance.choice(self._front)
        if is_company:
            switchboard = self._foreign() if chance.random() < 0.03 else fixed_number(chance)
            contacts = tuple(self._colleague(switchboard) for _ in range(chance.choice((1, 1, 2, 2, 3, 4))))
            name = names.firm(chance)
        else:
            contacts = (self._colleague(""),)
            name = contacts[0].name
        return Party(
            party_id=f"party-{number:05d}",
            name=name,
            kind="company" if is_company else "person",
            responsible_id=responsible,
            talkers=talkers,
            contacts=contacts,
            is_on_cards=chance.random() < 0.15,
        )

    def _foreign(self) -> str:
        prefix, digits = self._chance.choice(_FOREIGN_PREFIXES)
        return prefix + "".join(self._chance.choices("23456789", k=digits))

    def _colleague(self, switchboard: str) -> Contact:
        chance = self._chance
        numbers, cells = [], []
        if switchboard and chance.random() < 0.7:
            numbers.append(switchboard)
            inner = f" доб. {chance.randrange(10, 400)}" if chance.random() < 0.3 else ""
            cells.append(written_as(switchboard, chance) + inner)
        if not numbers or chance.random() < 0.7:
            numbers.append(mobile_number(chance))
            cells.append(written_as(numbers[-1], chance))
        return self._contact(names.person(chance), tuple(numbers), tuple(cells))

    def _contact(self, name: str, numbers: tuple[str, ...], written: tuple[str, ...]) -> Contact:
        self._contacts += 1
        return Contact(f"contact-{self._contacts:05d}", name, numbers, written)

    def _share_receptions(self, parties: list[Party]) -> None:
        """Let neighbours in one house answer behind one number."""
        companies = [place for place, party in enumerate(parties) if party.kind == "company"]
        for _ in range(max(3, len(parties) // 100)):
            number = fixed_number(self._chance)
            for place in self._chance.sample(companies, k=min(len(companies), self._chance.choice((2, 2, 3)))):
                reception = self._contact("Ресепшен", (number,), (written_as(number, self._chance),))
                parties[place] = replace(parties[place], contacts=(*parties[place].contacts, reception))

    def _move_people(self, parties: list[Party]) -> None:
        """Let people change their employer and keep their mobile number."""
        companies = [place for place, party in enumerate(parties) if party.kind == "company" and not party.is_on_cards]
        for _ in range(max(3, len(parties) // 100)):
            old, new = self._chance.sample(companies, k=2)
            number = mobile_number(self._chance)
            moved_on = self._today - timedelta(days=self._chance.randrange(*_MOVED_DAYS_AGO))
            name = names.person(self._chance)
            before = self._contact(name, (number,), (written_as(number, self._chance),))
            after = self._contact(name, (number,), (written_as(number, self._chance),))
            for place, contact in (
                (old, replace(before, valid_to=moved_on)),
                (new, replace(after, valid_from=moved_on)),
            ):
                parties[place] = replace(parties[place], contacts=(*parties[place].contacts, contact))
