"""Documents that show who worked with whom: phone calls, customer orders, e-mails, meetings, over a span of days.

They are made when looked at, the same for the same seed. Public source of the fields: БСП 3.1 (1c-syntax/ssl_3_1,
CC BY 4.0) and recorded answers of 1C's trade demo base (pavel-v-sobolev/cdc-1c, MIT). What writing such a document
sets off (the register of contacts) is not made up for these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random

from simulators.onec import presets
from simulators.onec.schema import NAMESPACE, Entity, EntityType
from simulators.onec.store import Generated, Store

_FIRST_SECOND, _SECONDS_OF_WORK = 9 * 3600, 9 * 3600
_SATURDAY = 5
# Of documents of each kind, how many on a working day for each call, and the first characters of their keys.
_KINDS = (
    (presets.CALLS, 1.0, "00000010"),
    (presets.ORDERS, 0.3, "00000011"),
    (presets.BUYER_ORDERS, 0.3, "00000012"),
    (presets.MAIL_IN, 0.4, "00000013"),
    (presets.MAIL_OUT, 0.4, "00000014"),
    (presets.MEETINGS, 0.1, "00000015"),
)
_TOPICS = ("Счёт на оплату", "Сроки отгрузки", "Прайс-лист", "Рекламация", "Договор", "Новый заказ", "Акт сверки")


@dataclass(frozen=True)
class Acquaintance:
    """A contact person of a client, and the users who deal with them.

    Attributes:
        name: the person's.
        client_set: the set the client stands in.
        client: the client's reference.
        counterparty: the reference of its legal person; the client's own where that is one.
        contact_set: the set the person stands in.
        contact: the person's reference.
        phone: a number of theirs as it was written.
        users: references, first the one who mostly does.
    """

    name: str
    client_set: str
    client: str
    counterparty: str
    contact_set: str
    contact: str
    phone: str
    users: tuple[str, ...]


Choose = Callable[[Random, date], Acquaintance]
"""Picks who meets whom this time, on that day."""


def fill_documents(
    store: Store, choose: Choose, *, seed: int = 1, last_day: date, days: int, calls_per_day: int = 30
) -> None:
    """Make documents of working days, of the kinds that this configuration has.

    Args:
        store: an infobase without documents of these kinds.
        choose: picks who meets whom.
        seed: the same makes the same.
        last_day: of the span, on the wall clock of the 1C server.
        days: in the span, weekends included.
        calls_per_day: phone calls of a working day; the other kinds are in proportion.
    """
    span = (last_day - timedelta(days=back) for back in reversed(range(days)))
    working = [day for day in span if day.weekday() < _SATURDAY]
    for name, share, prefix in _KINDS:
        kind = store.schema.types.get(name)
        if kind:
            make = _Maker(kind, choose, seed, working, max(1, round(calls_per_day * share)))
            store.entities(name).generate(Generated(make.count, prefix, make))


class _Maker:
    """Makes the documents of one kind, from the oldest to the newest."""

    def __init__(self, kind: EntityType, choose: Choose, seed: int, working: list[date], per_day: int) -> None:
        self._kind = kind
        self._blank = kind.blank()
        del self._blank["Ref_Key"], self._blank["DataVersion"]
        self._choose = choose
        self._seed = f"{seed} {kind.name}"
        self._working = working
        self._per_day = per_day
        self.count = per_day * len(working)

    def __call__(self, index: int) -> Entity:
        chance = Random(f"{self._seed} {index}")
        place = index % self._per_day
        second = _FIRST_SECOND + (place * _SECONDS_OF_WORK + chance.randrange(_SECONDS_OF_WORK)) // self._per_day
        day = self._working[index // self._per_day]
        at = datetime.combine(day, time()) + timedelta(seconds=second)
        who = self._choose(chance, day)
        user = who.users[0] if chance.random() < 0.75 else chance.choice(who.users)
        written: Entity = {
            "Number": f"ТЕ00-{index + 1:06d}",
            "Date": at.isoformat(),
            "DeletionMark": chance.random() < 0.01,
            "Ответственный_Key": user,
            "Менеджер_Key": user,
            "Автор_Key": user if chance.random() < 0.9 else chance.choice(who.users),
            "Тема": chance.choice(_TOPICS),
            "Важность": "Обычная",
            **self._of_kind(who, at, chance),
        }
        known = {name: value for name, value in written.items() if name in self._kind.by_name}
        return {**self._blank, **known, **self._sections(who)}

    def _of_kind(self, who: Acquaintance, at: datetime, chance: Random) -> Entity:
        match self._kind.name:
            case presets.CALLS:
                return {
                    **self._contact("АбонентКонтакт", who, chance),
                    "АбонентПредставление": who.name,
                    "АбонентКакСвязаться": who.phone,
                    "Входящий": chance.random() < 0.55,
                }
            case presets.ORDERS | presets.BUYER_ORDERS:
                return {
                    "Партнер_Key": who.client,
                    "Контрагент_Key": who.counterparty,
                    "КонтактноеЛицо_Key": who.contact,
                    "СуммаДокумента": chance.randrange(5, 900) * 1000,
                    "Posted": True,
                    "Статус": "КВыполнению",
                }
            case presets.MAIL_IN:
                return {
                    **self._contact("ОтправительКонтакт", who, chance),
                    "ОтправительПредставление": who.name,
                    "ДатаПолучения": at.isoformat(),
                }
            case presets.MAIL_OUT:
                return {"СтатусПисьма": "Отправлено", "ДатаОтправления": at.isoformat()}
        return {"ДатаНачала": at.isoformat(), "ДатаОкончания": (at + timedelta(hours=1)).isoformat()}

    def _contact(self, name: str, who: Acquaintance, chance: Random) -> Entity:
        """Refer to the person, or to the client where only that can stand there or the user was in a hurry."""
        if f"{name}_Key" in self._kind.by_name:
            return {f"{name}_Key": who.client}
        target, ref = (who.client_set, who.client) if chance.random() < 0.2 else (who.contact_set, who.contact)
        return {name: ref, f"{name}_Type": f"{NAMESPACE}.{target}"}

    def _sections(self, who: Acquaintance) -> Entity:
        name = {presets.MAIL_OUT: "ПолучателиПисьма", presets.MEETINGS: "Участники"}.get(self._kind.name)
        if not name:
            return {}
        blank = {one.name: one.empty for one in self._kind.section_by_name[name].properties}
        line = {"LineNumber": 1, "Контакт": who.contact, "Контакт_Type": f"{NAMESPACE}.{who.contact_set}"}
        shown = {"ПредставлениеКонтакта": who.name, "Представление": who.name, "КакСвязаться": who.phone}
        return {name: [blank | line | {column: text for column, text in shown.items() if column in blank}]}
