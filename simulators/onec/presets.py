"""Metadata of the configurations met in the field, reduced to what telephony reads and writes.

Public sources of the names: БСП 3.1 (1c-syntax/ssl_3_1, CC BY 4.0) and recorded answers of 1C's trade demo base
(pavel-v-sobolev/cdc-1c, MIT). What БП and УНФ share with БСП is taken from БСП.
"""

from __future__ import annotations

from simulators.onec.schema import (
    EntityType,
    Properties,
    Property,
    Schema,
    Section,
    catalog,
    document,
    exchange_plan,
    flags,
    moments,
    ref,
    register,
    section,
    text,
)

PLAN = "ExchangePlan_Телефония"
USERS = "Catalog_Пользователи"
PARTNERS = "Catalog_Партнеры"
COUNTERPARTIES = "Catalog_Контрагенты"
CONTACT_PERSONS = "Catalog_КонтактныеЛицаПартнеров"
PERSONS = "Catalog_КонтактныеЛица"
PLAIN_CONTACTS = "Catalog_СтроковыеКонтактыВзаимодействий"
CONTACT_KINDS = "Catalog_ВидыКонтактнойИнформации"
CALLS = "Document_ТелефонныйЗвонок"
ORDERS = "Document_ЗаказКлиента"
BUYER_ORDERS = "Document_ЗаказПокупателя"
MEETINGS = "Document_Встреча"
MAIL_IN = "Document_ЭлектронноеПисьмоВходящее"
MAIL_OUT = "Document_ЭлектронноеПисьмоИсходящее"
SUBJECTS = "InformationRegister_ПредметыПапкиВзаимодействий"
INTERACTION_CONTACTS = "InformationRegister_КонтактыВзаимодействий"
CONTACT_INFORMATION = "КонтактнаяИнформация"

_INTERACTIONS = (CALLS, MEETINGS, MAIL_IN, MAIL_OUT)


def ut11() -> Schema:
    """Return trade (УТ 11) as metadata: partners, their contact persons, counterparties."""
    contacts = (PARTNERS, CONTACT_PERSONS, PLAIN_CONTACTS, USERS)
    orders = document(
        "ЗаказКлиента",
        ref("Партнер", PARTNERS),
        ref("Контрагент", COUNTERPARTIES),
        ref("КонтактноеЛицо", CONTACT_PERSONS),
        ref("Менеджер", USERS),
        (Property("СуммаДокумента", "Edm.Double"),),
        text("Статус"),
        flags("Согласован"),
        text("Комментарий"),
        sections=(section("Товары", text("Содержание"), (Property("Цена", "Edm.Double"),)),),
    )
    return _schema(
        _users(),
        _partners(),
        catalog("КонтактныеЛицаПартнеров", ref("Owner", PARTNERS), text("ДолжностьПоВизитке", 100), sections=_phones()),
        _counterparties(ref("Партнер", PARTNERS)),
        orders,
        document("Отсутствие", ref("Сотрудник", USERS), moments("ДатаНачала", "ДатаОкончания"), text("ВидОтсутствия")),
        *_interactions(contacts, (ORDERS, PARTNERS)),
    )


def bp() -> Schema:
    """Return accounting (БП 3.0) as metadata: counterparties and their contact persons, no partners, no orders."""
    folders = (*flags("IsFolder"), *ref("Parent", COUNTERPARTIES))
    return _schema(
        _users(),
        _counterparties(folders, code=9),
        catalog("КонтактныеЛица", ref("ОбъектВладелец", COUNTERPARTIES), text("Должность", 100), sections=_phones()),
    )


def unf() -> Schema:
    """Return the small firm's configuration (УНФ) as metadata: counterparties with their responsible, orders."""
    contacts = (COUNTERPARTIES, PERSONS, PLAIN_CONTACTS, USERS)
    orders = document(
        "ЗаказПокупателя",
        ref("Контрагент", COUNTERPARTIES),
        ref("Ответственный", USERS),
        (Property("СуммаДокумента", "Edm.Double"),),
        text("Комментарий"),
    )
    return _schema(
        _users(),
        _counterparties(ref("Ответственный", USERS), code=9),
        catalog("КонтактныеЛица", ref("Owner", COUNTERPARTIES), text("Роль", 100), sections=_phones()),
        orders,
        *_interactions(contacts, (BUYER_ORDERS, COUNTERPARTIES)),
    )


def customised() -> Schema:
    """Return trade as somebody changed it: a call's contact has one type, its subject stands on the call."""
    ours = ut11()
    call = ours.types[CALLS]
    dropped = {"АбонентКонтакт", "АбонентКонтакт_Type"}
    changed = document(
        "ТелефонныйЗвонок",
        tuple(one for one in call.properties[6:] if one.name not in dropped),
        ref("АбонентКонтакт", PARTNERS),
        ref("Предмет", ORDERS, PARTNERS),
        flags("Рассмотрено"),
        moments("Конец"),
        sections=call.sections,
    )
    return Schema({**ours.types, CALLS: changed}, ours.plans)


PRESETS = {"ut11": ut11, "bp": bp, "unf": unf, "customised": customised}
"""Makers of a schema by the preset's name."""


def _schema(*types: EntityType) -> Schema:
    content = frozenset(one.name for one in types if not one.is_register)
    return Schema.of((*types, _contact_kinds(), exchange_plan(PLAN.split("_")[1])), {PLAN: content})


def _phones(*, has_history: bool = True) -> tuple[Section, ...]:
    columns: list[Properties] = [
        text("Тип"), ref("Вид", CONTACT_KINDS), text("Представление", 500), text("ЗначенияПолей"), text("Страна", 100),
        text("Регион", 50), text("Город", 50), text("АдресЭП", 100), text("ДоменноеИмяСервера", 100),
        text("НомерТелефона", 20), text("НомерТелефонаБезКодов", 20), ref("ВидДляСписка", CONTACT_KINDS),
        text("Значение"),
    ]  # fmt: skip
    if has_history:
        columns.insert(-1, moments("ДействуетС"))
    return (section(CONTACT_INFORMATION, *columns),)


def _users() -> EntityType:
    return catalog(
        "Пользователи",
        flags("Недействителен", "Служебный"),
        text("Комментарий"),
        sections=_phones(has_history=False),
    )


def _partners() -> EntityType:
    return catalog(
        "Партнеры",
        ref("Parent", PARTNERS),
        text("НаименованиеПолное"),
        flags("Клиент", "Поставщик", "Конкурент", "ПрочиеОтношения"),
        text("ЮрФизЛицо"),
        ref("ОсновнойМенеджер", USERS),
        sections=_phones(),
        code=11,
    )


def _counterparties(*extra: Properties, code: int = 0) -> EntityType:
    return catalog(
        "Контрагенты",
        text("НаименованиеПолное"),
        text("ИНН", 12),
        text("КПП", 9),
        text("ЮрФизЛицо"),
        text("ДополнительнаяИнформация"),
        *extra,
        sections=_phones(),
        code=code,
    )


def _contact_kinds() -> EntityType:
    return catalog("ВидыКонтактнойИнформации", text("ИмяПредопределенногоВида"), text("Тип"), flags("Используется"))


def _interactions(contacts: tuple[str, ...], subjects: tuple[str, ...]) -> tuple[EntityType, ...]:
    shared = (
        *ref("Ответственный", USERS), *ref("Автор", USERS), *text("Важность"), *text("Тема", 1024),
        *text("Комментарий"), *ref("ВзаимодействиеОснование", *_INTERACTIONS),
    )  # fmt: skip
    addressees = section("ПолучателиПисьма", text("Адрес", 100), text("Представление", 1024), ref("Контакт", *contacts))
    return (
        catalog("СтроковыеКонтактыВзаимодействий"),
        document(
            "ТелефонныйЗвонок",
            ref("АбонентКонтакт", *contacts),
            text("АбонентПредставление", 1024),
            text("АбонентКакСвязаться", 100),
            flags("Входящий"),
            text("Описание"),
            shared,
        ),
        document(
            "Встреча",
            moments("ДатаНачала", "ДатаОкончания"),
            text("МестоПроведенияВстречи"),
            text("Описание"),
            text("СписокУчастников", 1024),
            shared,
            sections=(
                section(
                    "Участники",
                    ref("Контакт", *contacts),
                    text("ПредставлениеКонтакта", 1024),
                    text("КакСвязаться", 100),
                ),
            ),
        ),
        document(
            "ЭлектронноеПисьмоВходящее",
            text("ОтправительАдрес", 100),
            ref("ОтправительКонтакт", *contacts),
            text("ОтправительПредставление", 1024),
            text("Текст"),
            moments("ДатаПолучения"),
            shared,
            sections=(addressees,),
        ),
        document(
            "ЭлектронноеПисьмоИсходящее",
            text("Текст"),
            text("СтатусПисьма"),
            moments("ДатаОтправления"),
            shared,
            sections=(addressees,),
        ),
        register(
            "ПредметыПапкиВзаимодействий",
            (ref("Взаимодействие", *_INTERACTIONS),),
            ref("Предмет", *subjects),
            flags("Рассмотрено"),
            moments("РассмотретьПосле"),
        ),
        register("КонтактыВзаимодействий", (ref("Взаимодействие", *_INTERACTIONS), ref("Контакт", *contacts))),
    )
