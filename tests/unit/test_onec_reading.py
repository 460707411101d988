"""What a 1C base publishes and says: metadata, cards, phones, feeds, on recorded bytes and quoted ones."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from resources.onec.answers import error_of
from resources.onec.cards import Deletion
from resources.onec.changes import read_feed
from resources.onec.configuration import InteractionSet, Reference, choose
from resources.onec.contact_information import phone_of
from resources.onec.errors import MissingObjectError, OnecAnswerError
from resources.onec.metadata import EntityType, Metadata, read_metadata
from resources.onec.rows import interaction_of

SHARED = Path(os.environ.get("SWITCHBOARD_SHARED_DATA", Path(__file__).parents[2].parent / "shared" / "data")) / "onec"
recorded = pytest.mark.skipif(not SHARED.is_dir(), reason=f"recorded answers of 1C are not at {SHARED}")
JSON_VALUE = (
    '{"version":5,"value":"+7 (916) 123-45-67","comment":"","type":"Телефон",'
    '"countryCode":"7","areaCode":"916","number":"1234567","extNumber":""}'
)
USERS = EntityType(frozenset({"Ref_Key", "Description"}))
PHONES = {"КонтактнаяИнформация": frozenset({"Представление"})}


@recorded
def test_recorded_metadata_gives_sets_sections_and_targets() -> None:
    """The sets, their sections with columns, and where references lead, from a real document."""
    with (SHARED / "msg001_metadata.xml").open("rb") as file:
        of = read_metadata(file).sets["Catalog_Контрагенты"]
    assert "Партнер_Key" in of.fields
    assert "Code" not in of.fields
    assert {"Тип", "Значение", "НомерТелефона"} <= of.sections["КонтактнаяИнформация"]
    assert of.targets["ГоловнойКонтрагент"] == "Catalog_Контрагенты"


@recorded
def test_recorded_feed_is_read_with_sections() -> None:
    """An Atom feed gives the same shape as JSON: empty sections are empty lists."""
    with (SHARED / "msg004_kontragenti.xml").open("rb") as file:
        changes = [change for change in read_feed(file) if not isinstance(change, Deletion)]
    name, row = changes[0]
    assert (name, row["Description"], row["КонтактнаяИнформация"]) == ("Catalog_Контрагенты", "АВИКА1", [])
    assert any(line["Тип"] == "Адрес" for _, row in changes for line in row["КонтактнаяИнформация"])


def test_deleted_entry_is_a_deletion() -> None:
    """An object physically deleted in 1C comes as a tombstone (RFC 6721)."""
    ref = "0f5e0c6a-0000-11ee-8000-000000000001"
    feed = (
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:at="http://purl.org/atompub/tombstones/1.0">'
        f"<at:deleted-entry ref=\"http://h/b/odata/standard.odata/Catalog_Партнеры(guid'{ref}')\"/></feed>"
    )
    assert list(read_feed(BytesIO(feed.encode()))) == [Deletion("Catalog_Партнеры", ref)]


def test_cut_feed_is_an_error() -> None:
    """A packet cut in the middle must never be acknowledged."""
    feed = (
        b'<feed xmlns="http://www.w3.org/2005/Atom" xmlns:at="http://purl.org/atompub/tombstones/1.0">'
        b"<at:deleted-entry ref=\"A(guid'0f5e0c6a-0000-11ee-8000-000000000001')\"/>"
        b"<at:deleted-entry ref=\"A(guid'0f5e0c6a-0000-11ee-8000-000000000002')\"/></feed>"
    )
    assert len(list(read_feed(BytesIO(feed)))) == 2
    for end in range(len(feed)):
        with pytest.raises(OnecAnswerError):
            list(read_feed(BytesIO(feed[:end])))


@pytest.mark.parametrize(
    ("row", "phone"),
    [
        ({"Тип": "Телефон", "Значение": JSON_VALUE, "НомерТелефона": "1"}, "+7 (916) 123-45-67"),
        (
            {
                "Тип": "Телефон",
                "ЗначенияПолей": '<КонтактнаяИнформация xmlns="http://www.v8.1c.ru/ssl/contactinfo">'
                '<Состав КодСтраны="7" КодГорода="495" Номер="1234567" Добавочный="12"/></КонтактнаяИнформация>',
                "Представление": "1",
            },
            "+7 (495) 1234567, доб. 12",
        ),
        ({"Тип": "Телефон", "Представление": "8 916 1234567, 8 916 7654321", "НомерТелефона": "1"},
         "8 916 1234567, 8 916 7654321"),
        ({"Тип": "Телефон", "Представление": "", "НомерТелефона": "(495)1234567"}, "(495)1234567"),
        ({"Тип": "АдресЭлектроннойПочты", "Представление": "a1@example.com"}, ""),
    ],
)  # fmt: skip
def test_phone_is_taken_in_order(row: dict[str, str], phone: str) -> None:
    """JSON, then XML, then presentation, then the column; e-mails never; several numbers stay together."""
    assert phone_of(row) == phone


def test_missing_users_are_named() -> None:
    """What is not published is named; optional documents are only skipped."""
    parties = EntityType(frozenset({"Ref_Key"}), PHONES)
    with pytest.raises(MissingObjectError, match="Catalog_Пользователи"):
        choose(Metadata({"Catalog_Контрагенты": parties}), "base")
    found = choose(Metadata({"Catalog_Контрагенты": parties, "Catalog_Пользователи": USERS}), "base")
    assert "Document_ТелефонныйЗвонок" in found.skipped


def test_composite_contact_goes_by_its_type_and_time_has_the_bases_zone() -> None:
    """A contact person is no party, and the wall clock is the base's."""
    calls = InteractionSet("call", "Document_ТелефонныйЗвонок", (), (Reference("К", "К_Type"),))
    row = {"Ref_Key": "a", "Date": "2026-01-02T03:04:05", "К": "b", "К_Type": "StandardODATA.Catalog_Партнеры"}
    party = interaction_of(row, calls, ZoneInfo("Europe/Moscow"))
    person = interaction_of(row | {"К_Type": "StandardODATA.Catalog_КонтактныеЛицаПартнеров"}, calls, ZoneInfo("UTC"))
    assert party
    assert person
    assert (party.client_id, party.contact_id, person.client_id, person.contact_id) == ("b", "", "", "b")
    assert party.at.isoformat() == "2026-01-02T03:04:05+03:00"


@pytest.mark.parametrize(
    "body",
    [
        '{"odata.error":{"code":"9","message":{"lang":"ru","value":"нет +79161234567"}}}',
        '<m:error xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata">'
        "<m:code>9</m:code><m:message>нет +79161234567</m:message></m:error>",
        '{"exception":{"descr":"нет","inner":{"descr":"+79161234567"}}}',
        "<html><body>нет +79161234567</body></html>",
    ],
)
def test_errors_are_read_in_all_dialects_without_numbers(body: str) -> None:
    """1C's words reach the message, a client's number does not."""
    code, words = error_of(b"\xef\xbb\xbf" + body.encode())
    assert "нет" in words
    assert "9161234567" not in words
    assert code in (9, None)
