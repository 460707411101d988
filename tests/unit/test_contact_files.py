"""Contact files: CSV as people save it, vCard as address books export it; nothing is lost silently."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from resources.contacts.csv_files import LONGEST_ROW_LINES, read_contacts_csv, read_employees_csv
from resources.contacts.errors import ContactFileError
from resources.contacts.rows import CONTACT_COLUMNS, EMPLOYEE_COLUMNS, ContactPortion
from resources.contacts.vcard_files import read_vcards

SHARED_VCARDS = (
    Path(os.environ.get("SWITCHBOARD_SHARED_DATA", Path(__file__).parents[2].parent / "shared" / "data")) / "vcards"
)

HEADER = ",".join(CONTACT_COLUMNS)
IVAN = "P1,ООО «Ромашка»,company,C1,Иван,8 495 123-45-67,E1,,"


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "contacts.csv"
    path.write_bytes(text.encode(encoding))
    return path


def contacts(folder: Path, *rows: str) -> ContactPortion:
    portions = list(read_contacts_csv(written(folder, "\n".join([HEADER, *rows]))))
    return ContactPortion(
        pd.concat([portion.rows for portion in portions]),
        [row for portion in portions for row in portion.refused],
    )


# --- CSV -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251"])
@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_any_usual_csv_gives_the_same_rows(tmp_path: Path, encoding: str, delimiter: str, line_end: str) -> None:
    """UTF-8 with or without its mark, cp1251, comma or semicolon: as Excel of any country saves it."""
    text = line_end.join([HEADER, IVAN, ""]).replace(",", delimiter)
    (portion,) = read_contacts_csv(written(tmp_path, text, encoding))
    assert list(portion.rows.columns) == list(CONTACT_COLUMNS)
    assert portion.rows.values.tolist() == [IVAN.split(",")]
    assert not portion.refused


def test_columns_are_found_by_name(tmp_path: Path) -> None:
    """The order of columns does not matter, nor does their case, and others may stand between."""
    names = [*reversed(CONTACT_COLUMNS), "comment"]
    values = [*reversed(IVAN.split(",")), "постоянный"]
    text = "\n".join([" , ".join(names).upper(), ",".join(values)])
    (portion,) = read_contacts_csv(written(tmp_path, text))
    assert portion.rows.values.tolist() == [IVAN.split(",")]


def test_a_cell_may_hold_lines_and_delimiters(tmp_path: Path) -> None:
    """Quoted cells keep line ends, delimiters and doubled quotes."""
    portion = contacts(tmp_path, 'P1,"ООО ""Ромашка, и Ко""",company,C1,Иван,"8 495 1\n8 495 2",E1,,')
    row = portion.rows.iloc[0]
    assert (row["party_name"], row["phones"]) == ('ООО "Ромашка, и Ко"', "8 495 1\n8 495 2")


@pytest.mark.parametrize("missing", ["party_id", "phones", "valid_to"])
def test_a_missing_column_is_named(tmp_path: Path, missing: str) -> None:
    """A misspelt column would look like an empty one and take owners away: the file is refused whole."""
    header = HEADER.replace(missing, "something")
    with pytest.raises(ContactFileError, match=rf"contacts\.csv lacks the column {missing}\."):
        list(read_contacts_csv(written(tmp_path, f"{header}\n{IVAN}")))


def test_a_doubled_column_is_named(tmp_path: Path) -> None:
    """Which of two columns of one name is meant cannot be guessed."""
    with pytest.raises(ContactFileError, match="names the column phones twice"):
        list(read_contacts_csv(written(tmp_path, f"{HEADER},phones\n{IVAN},1")))


def test_unusable_files_say_so(tmp_path: Path) -> None:
    """No file, an empty file, a file that is no text: each says what to do."""
    with pytest.raises(ContactFileError, match=r"absent\.csv cannot be read"):
        list(read_contacts_csv(tmp_path / "absent.csv"))
    with pytest.raises(ContactFileError, match="is empty"):
        list(read_contacts_csv(written(tmp_path, "")))
    path = tmp_path / "contacts.csv"
    path.write_bytes(b"\xff\x98\x00")
    with pytest.raises(ContactFileError, match="neither UTF-8 nor cp1251"):
        list(read_contacts_csv(path))


@pytest.mark.parametrize(
    ("row", "reason", "key"),
    [
        ("P2,Б,company,,,123", "the row has 6 fields, the header has 9", "P2"),
        ("P2,Б,company,,,123,,,,,", "the row has 11 fields, the header has 9", "P2"),
        ('P2,"Б"",company,,,123,,,', "the quotes of the row do not match", "P2"),
        ('P2,"Б"б,company,,,123,,,', "the quotes of the row do not match", "P2"),
        (",Б,company,,,123,,,", "party_id is empty", ""),
        ("P2,,company,,,123,,,", "party_name is empty", "P2"),
        ("P2,Б,firma,,,123,,,", "party_kind is not company or person", "P2"),
        ("P2,Б,company,,,123,,31.12.2026,", "valid_from is not a date written like 2026-03-31", "P2"),
        ("P2,Б,company,,,123,,,2026-02-30", "valid_to is not a date written like 2026-03-31", "P2"),
        ("P2,Б,company,,,123,,2026-03-01,2026-03-01", "valid_to is not after valid_from", "P2"),
        (f"P2,Б,company,{'c' * 101},,123,,,", "contact_id is longer than 100 characters", "P2"),
        (f"P2,{'Б' * 2001},company,,,123,,,", "a field is longer than 2000 characters", "P2"),
    ],
)
def test_a_bad_row_is_refused_and_the_others_are_taken(tmp_path: Path, row: str, reason: str, key: str) -> None:
    """What cannot be taken is handed back with its text, its reason and whom it speaks of."""
    portion = contacts(tmp_path, IVAN, row, IVAN.replace("P1", "P3"))
    assert portion.rows["party_id"].tolist() == ["P1", "P3"]
    assert [(refused.reason, refused.raw, refused.key) for refused in portion.refused] == [(reason, row, key)]


def test_an_open_quote_costs_one_row(tmp_path: Path) -> None:
    """A quote that is never closed does not swallow the rest of the file."""
    many = [IVAN.replace("P1", f"P{number}") for number in range(2, 2 + 3 * LONGEST_ROW_LINES)]
    portion = contacts(tmp_path, IVAN, 'PX,"Б,company,,,123,,,', *many)
    assert [(refused.reason, refused.key) for refused in portion.refused] == [
        ("the quotes of the row do not match", "PX")
    ]
    assert len(portion.rows) == 1 + len(many)


def test_a_file_is_read_in_portions(tmp_path: Path) -> None:
    """However long the file, no more than a portion of it is held at once; nothing falls between."""
    rows = [IVAN.replace("P1", f"P{number}") for number in range(25)]
    path = written(tmp_path, "\n".join([HEADER, *rows]))
    portions = list(read_contacts_csv(path, rows_per_portion=10))
    assert [len(portion.rows) for portion in portions] == [10, 10, 5]
    assert pd.concat([portion.rows for portion in portions])["party_id"].tolist() == [
        f"P{number}" for number in range(25)
    ]


def test_employees_have_a_row_per_holding(tmp_path: Path) -> None:
    """An employee comes once per internal number held; impossible dates are refused."""
    path = tmp_path / "employees.csv"
    path.write_text(
        "\n".join(
            [
                ";".join(EMPLOYEE_COLUMNS),
                "E1;Анна;Продажи;101;;2026-03-01;+79161234567;2020-01-01;",
                "E1;Анна;Продажи;102;2026-03-01;;+79161234567;2020-01-01;",
                "E2;Борис;;;;;;2026-01-01;2026-01-01",
                "E3;Вера;;103;2026-03-02;2026-03-01;;;",
                "E4;Глеб;;104;;;;2026-01-02;2026-01-01",
                ";Дина;;105;;;;;",
                "E6;;;106;;;;;",
            ]
        ),
        encoding="utf-8",
    )
    (portion,) = read_employees_csv(path)
    assert portion.rows[["employee_id", "extension", "valid_from"]].values.tolist() == [
        ["E1", "101", ""],
        ["E1", "102", "2026-03-01"],
        ["E2", "", ""],
    ]
    assert {(refused.key, refused.reason) for refused in portion.refused} == {
        ("E3", "valid_to is not after valid_from"),
        ("E4", "employed_until is not after employed_from"),
        ("", "employee_id is empty"),
        ("E6", "name is empty"),
    }


# --- vCard ---------------------------------------------------------------------------------------


def card(*lines: str, version: str = "3.0") -> str:
    return "\r\n".join(["BEGIN:VCARD", f"VERSION:{version}", *lines, "END:VCARD", ""])


def cards(folder: Path, *texts: str, encoding: str = "utf-8") -> ContactPortion:
    path = folder / "book.vcf"
    path.write_bytes("".join(texts).encode(encoding))
    (portion,) = read_vcards(path)
    return portion


def test_a_card_of_each_version(tmp_path: Path) -> None:
    """2.1 with quoted-printable and cp1251, 3.0 with folding and groups, 4.0 with tel: addresses."""
    old = card(
        "FN;CHARSET=windows-1251;ENCODING=QUOTED-PRINTABLE:=C8=E2=E0=ED",
        "ORG;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=D0=9E=D0=9E=D0=9E=20=",
        "=D0=A0;=D0=9E=D1=82=D0=B4=D0=B5=D0=BB",
        "TEL;WORK;VOICE:8 495 123-45-67",
        "TEL;CELL:8 916 123-45-67",
        version="2.1",
    )
    middle = card(
        "FN:Анна \\, главный",
        "  бухгалтер",
        "ORG:ООО \\; Р;Отдел",
        "item1.TEL;TYPE=WORK:+7 495 765-43-21",
        "item1.X-ABLabel:_$!<Work>!$_",
        "UID:anna",
    )
    new = card("FN:Борис", "TEL;VALUE=uri;TYPE=work:tel:+7-903-111-22-33;ext=5", "UID:boris", version="4.0")
    portion = cards(tmp_path, old, middle, new)
    columns = ["party_name", "party_kind", "contact_name", "phones"]
    assert portion.rows[columns].values.tolist() == [
        ["ООО Р", "company", "Иван", "8 495 123-45-67\n8 916 123-45-67"],
        ["ООО ; Р", "company", "Анна , главный бухгалтер", "+7 495 765-43-21"],
        ["Борис", "person", "Борис", "tel:+7-903-111-22-33;ext=5"],
    ]
    assert portion.rows["contact_id"].tolist()[1:] == ["anna", "boris"]
    assert not portion.refused


def test_cards_of_one_organisation_are_one_party(tmp_path: Path) -> None:
    """The organisation's name is its key, whatever its case and spaces; people without one stand alone."""
    portion = cards(
        tmp_path,
        card("FN:А", "ORG:ООО Ромашка", "TEL:1", "UID:a"),
        card("FN:Б", "ORG:ооо  ромашка;Склад", "TEL:2", "UID:b"),
        card("FN:В", "TEL:3", "UID:c"),
        card("FN:Г", "TEL:4", "UID:d"),
    )
    parties = portion.rows["party_id"].tolist()
    assert parties[0] == parties[1]
    assert len(set(parties)) == 3
    assert portion.rows["contact_id"].tolist() == ["a", "b", "c", "d"]


def test_a_card_without_uid_keeps_its_key_between_exports(tmp_path: Path) -> None:
    """The key is made from what the card says: the same card is the same contact, another is another."""
    first = cards(tmp_path, card("FN:А", "TEL:1", "TEL:2"), card("FN:Б", "TEL:1"))
    second = cards(tmp_path, card("FN:Б", "TEL:1"), card("TEL:2", "TEL:1", "FN:А", "REV:2026-01-01"))
    assert first.rows["contact_id"].tolist() == second.rows["contact_id"].tolist()[::-1]
    assert first.rows["contact_id"].nunique() == 2


def test_cards_without_a_phone_are_counted(tmp_path: Path) -> None:
    """An address book is full of e-mail contacts: they are no fault, but they are not hidden either."""
    portion = cards(tmp_path, card("FN:А", "EMAIL:a@example.com"), card("FN:Б", "TEL:"), card("FN:В", "TEL:3"))
    assert (len(portion.rows), portion.skipped, len(portion.refused)) == (1, 2, 0)


def test_broken_cards_are_refused_and_the_others_go_on(tmp_path: Path) -> None:
    """A cut card, an undecodable name, stray lines: each costs itself only."""
    cut = card("FN:cut", "TEL:1").replace("END:VCARD\r\n", "")
    garbled = card("FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=D0=", "TEL:2", version="2.1")
    foreign = card("FN;CHARSET=klingon;ENCODING=QUOTED-PRINTABLE:=41", "TEL:3", version="2.1")
    portion = cards(tmp_path, card("FN:А", "TEL:7"), cut, garbled, foreign, "what\r\n", card("FN:Б", "TEL:8"), cut)
    assert portion.rows["contact_name"].tolist() == ["А", "Б"]
    assert sorted(refused.reason for refused in portion.refused) == [
        "its property FN cannot be decoded",
        "its property FN cannot be decoded",
        "the card has no END:VCARD",
        "the card has no END:VCARD",
        "the line stands outside of any card",
    ]


def test_what_we_do_not_read_does_not_cost_the_card(tmp_path: Path) -> None:
    """A broken photo, another program's properties, a card within the card: the numbers are taken."""
    portion = cards(
        tmp_path,
        card(
            "FN:А",
            "PHOTO;ENCODING=b:/9j/4QFaR",
            "PROFILE:VCARD",
            "X-ODD;=:?",
            "AGENT:",
            card("FN:Секретарь", "TEL:999").rstrip(),
            "TEL:1",
        ),
        card("N:Петров;Пётр;;;", "TEL:2"),
    )
    assert portion.rows[["contact_name", "phones"]].values.tolist() == [["А", "1"], ["Пётр Петров", "2"]]
    assert not portion.refused


def test_an_address_book_in_cp1251(tmp_path: Path) -> None:
    """Older phones write 2.1 in the encoding of the country without saying so."""
    portion = cards(tmp_path, card("FN:Иван", "TEL:1", version="2.1"), encoding="cp1251")
    assert portion.rows["contact_name"].tolist() == ["Иван"]


def test_exports_of_real_address_books() -> None:
    """Outlook, iPhone, Mac, Android, BlackBerry, Lotus, Gmail, Thunderbird: every card is accounted for."""
    files = sorted(SHARED_VCARDS.glob("*.vcf"))
    if not files:
        pytest.skip(f"other people's data, read in place: {SHARED_VCARDS} is not there")
    taken = phones = 0
    for path in files:
        portions = list(read_vcards(path))
        text = path.read_text(encoding="utf-8-sig").upper()
        entries = sum(len(portion.rows) + portion.skipped + len(portion.refused) for portion in portions)
        assert entries == text.count("BEGIN:VCARD"), path.name
        assert not any(portion.refused for portion in portions), path.name
        taken += sum(len(portion.rows) for portion in portions)
        phones += sum(portion.rows["phones"].str.count("\n").sum() + len(portion.rows) for portion in portions)
    assert (taken, phones) == (20, 73)
