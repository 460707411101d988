"""Numbers: one form whatever the notation, and a kind for everything that is no number."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assets.contacts.numbers import LONGEST_RAW, parse_number, split_cell

SHARED_DATA = Path(os.environ.get("SWITCHBOARD_SHARED_DATA", Path(__file__).parents[2].parent / "shared" / "data"))

NOTATIONS = [
    "+7{area}{rest}",
    "7{area}{rest}",
    "8{area}{rest}",
    "{area}{rest}",
    "8 ({area}) {a}-{b}-{c}",
    "+7 ({area}) {a} {b} {c}",
    "8-{area}-{a}-{b}-{c}",
    "+8 ({area}) {a}-{b}-{c}",
    "007{area}{rest}",
    "8 10 7 {area} {rest}",
    "tel:+7-{area}-{rest}",
    "sip:+7{area}{rest}@10.0.0.1",
    "тел. 8 {area} {a}-{b}-{c} (Иван)",
    "с 9 до 18: 8 ({area}) {a}-{b}-{c} рабочий",
]

russian_numbers = st.builds(
    lambda area, rest: (area, f"{rest:07}"),
    st.sampled_from(["495", "499", "812", "903", "916", "926", "985"]),
    st.integers(2_000_000, 9_999_999),
)


@settings(deadline=None)
@given(russian_numbers, st.sampled_from(NOTATIONS))
def test_all_notations_of_a_number_agree(number: tuple[str, str], notation: str) -> None:
    """However a Russian number is written or dialled, it is the same number."""
    area, rest = number
    raw = notation.format(area=area, rest=rest, a=rest[:3], b=rest[3:5], c=rest[5:])
    form = parse_number(raw, "RU")
    assert (form.number, form.national_number, form.kind) == (f"+7{area}{rest}", area + rest, "external")


@settings(deadline=None)
@example("0000001", "DE")
@given(
    st.text(max_size=40) | st.text("+0123456789 ()-.,;#*/доб", max_size=25),
    st.sampled_from(["RU", "KZ", "DE", "US", "IT", "AR"]),
)
def test_the_e164_form_parses_to_itself_anywhere(raw: str, region: str) -> None:
    """E.164 names one number all over the world: parsing it again, in any country, changes nothing."""
    form = parse_number(raw, region)
    assert (form.number is not None) == (form.kind == "external")
    if form.number:
        for anywhere in ("RU", "US", region):
            again = parse_number(form.number, anywhere)
            assert (again.number, again.national_number) == (form.number, form.national_number)


@pytest.mark.parametrize(
    ("raw", "number", "extension"),
    [
        ("8 495 123-45-67 доб. 12", "+74951234567", "12"),
        ("8 495 123-45-67, доб. 12", "+74951234567", "12"),
        ("+7 495 123-45-67 (доб.12)", "+74951234567", "12"),
        ("+7 495 123-45-67 добавочный 12", "+74951234567", "12"),
        ("(495) 123-45-67 вн. 1234", "+74951234567", "1234"),
        ("+7 495 123-45-67 ext. 5", "+74951234567", "5"),
        ("+7 495 123-45-67 доб.№12", "+74951234567", "12"),
        ("8 495 123-45-67 добавочный номер 12", "+74951234567", "12"),
        ("8 495 123-45-67 (внутр. 12)", "+74951234567", "12"),
        ("8 495 123-45-67 #12", "+74951234567", "12"),
        ("84951234567x12", "+74951234567", "12"),
        ("8 495 123-45-67 доб. 12 (Иван)", "+74951234567", "12"),
        ("+74951234567,,12", "+74951234567", "12"),
        ("tel:+7-495-123-45-67;ext=12", "+74951234567", "12"),
    ],
)
def test_an_extension_is_kept_beside_the_number(raw: str, number: str, extension: str) -> None:
    """What is dialled after the answer is not part of the number."""
    form = parse_number(raw, "RU")
    assert (form.number, form.extension) == (number, extension)


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        ("8 10 49 30 123456", "+4930123456"),
        ("8~10 49 30 123456", "+4930123456"),
        ("00 49 30 123456", "+4930123456"),
        ("810 375 29 123-45-67", "+375291234567"),
        ("375291234567", "+375291234567"),
        ("16502530000", "+16502530000"),
        ("+1 650 253 0000", "+16502530000"),
        ("+84 95 123 45 67", "+84951234567"),
        ("87012345678", "+77012345678"),
    ],
)
def test_foreign_numbers_as_seen_from_russia(raw: str, number: str) -> None:
    """8 10 and 00 lead abroad; a number that cannot be Russian is read as one with its country code."""
    assert parse_number(raw, "RU").number == number


@pytest.mark.parametrize(
    ("raw", "kind", "national_number"),
    [
        ("101", "internal", "101"),
        ("12", "internal", "12"),
        ("1234", "internal", "1234"),
        ("5", "short", "5"),
        ("12345", "short", "12345"),
        ("53-12-34", "short", "531234"),
        ("*100#", "short", "100"),
        ("anonymous", "hidden", None),
        ("Anonymous@anonymous.invalid", "hidden", None),
        ("<unknown>", "hidden", None),
        ("Restricted", "hidden", None),
        ("Номер скрыт", "hidden", None),
        ("", "hidden", None),
        (" ", "hidden", None),
        ("0", "hidden", None),
        ("000", "hidden", None),
        ("+", "hidden", None),
        ("-", "hidden", None),
        ("I want a Pizza", "invalid", None),
        ("12. March", "invalid", "12"),
        ("+7", "invalid", "7"),
        ("2530000", "invalid", "2530000"),
        ("12345678901234567890", "invalid", "12345678901234567890"),
        ("8 916 123 45 67 или 8 903 123 45 67", "invalid", "8916123456789031234567"),
    ],
)
def test_what_is_no_subscriber_number_has_its_kind(raw: str, kind: str, national_number: str | None) -> None:
    """Internal, short, hidden and invalid are told apart; two numbers in one string are not guessed at."""
    form = parse_number(raw, "RU")
    assert (form.kind, form.national_number, form.number) == (kind, national_number, None)


def test_the_length_of_internal_numbers_is_a_setting() -> None:
    """A PBX with five-digit extensions has five-digit internal numbers."""
    assert parse_number("12345", "RU", internal_digits=5).kind == "internal"
    assert parse_number("1234", "RU", internal_digits=3).kind == "short"


def test_a_text_too_long_for_a_number_is_invalid() -> None:
    """A broken source may give anything: nothing raises."""
    assert parse_number("8 495 1" * LONGEST_RAW, "RU").kind == "invalid"


@pytest.mark.parametrize(
    ("cell", "pieces"),
    [
        ("", []),
        ("; ,\n", []),
        ("101, 102", ["101", "102"]),
        ("8(495)1234567/8(495)1234568", ["8(495)1234567", "8(495)1234568"]),
        ("8 495 123-45-67, доб. 12; +7916 123 45 67", ["8 495 123-45-67, доб. 12", "+7916 123 45 67"]),
        ("8 495 123-45-67 вн. 5 / 8 495 7654321", ["8 495 123-45-67 вн. 5", "8 495 7654321"]),
        ("+74951234567,,12", ["+74951234567,,12"]),
        ("tel:+7-916-123-45-67;ext=12", ["tel:+7-916-123-45-67;ext=12"]),
        ("79161234567 79031234567", ["79161234567", "79031234567"]),
        ("8 916 123 45 67 +7 903 123 45 67", ["8 916 123 45 67", "+7 903 123 45 67"]),
        ("+74951234567, +74951234567", ["+74951234567"]),
    ],
)
def test_a_cell_is_split_at_numbers_and_not_at_extensions(cell: str, pieces: list[str]) -> None:
    """People put several numbers into one cell, with any separator."""
    assert split_cell(cell) == pieces


@settings(deadline=None)
@given(
    st.lists(russian_numbers, min_size=1, max_size=5, unique=True),
    st.sampled_from([", ", "; ", " / ", "\n", "\r\n", ",", ";", "|"]),
    st.sampled_from([notation for notation in NOTATIONS if "{" in notation and ":" not in notation]),
)
def test_no_number_of_a_cell_is_lost(numbers: list[tuple[str, str]], separator: str, notation: str) -> None:
    """Joined by any separator, in any notation, every number comes out again."""
    cell = separator.join(
        notation.format(area=area, rest=rest, a=rest[:3], b=rest[3:5], c=rest[5:]) for area, rest in numbers
    )
    found = [parse_number(piece, "RU").number for piece in split_cell(cell)]
    assert found == [f"+7{area}{rest}" for area, rest in numbers]


@pytest.mark.parametrize("name", ["google_test_strings.csv", "libphonenumber_js_strings.csv"])
def test_strings_of_the_libraries_own_tests(name: str) -> None:
    """Where libphonenumber finds a valid number we find the same; where it does not, nothing is made up.

    What we find beyond it is a number of the right length (new ranges come into use before the library knows them),
    one in a text, or one written as servers write it; its E.164 form names it again.
    """
    path = SHARED_DATA / "phones" / name
    if not path.exists():
        pytest.skip(f"other people's data, read in place: {path} is not there")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 200
    for row in rows:
        raw, region = row["input"], row["region"] or "ZZ"
        found = parse_number(raw, region).number
        try:
            theirs = phonenumbers.parse(raw, region)
        except phonenumbers.NumberParseException:
            theirs = None
        if theirs and phonenumbers.is_valid_number(theirs):
            assert found == phonenumbers.format_number(theirs, phonenumbers.PhoneNumberFormat.E164), raw
        elif found:
            assert phonenumbers.is_possible_number(phonenumbers.parse(found, "ZZ")), raw
            assert parse_number(found, "ZZ").number == found, raw


@pytest.mark.parametrize("raw", ["2012-01-02 08:00", "12.03.2026 10:15", "7:30-21:00", "с 9:00 до 18:00"])
def test_dates_and_hours_are_no_numbers(raw: str) -> None:
    """What people also type into the field."""
    assert {parse_number(raw, region).number for region in ("RU", "US", "DE")} == {None}


@pytest.mark.parametrize(
    ("raw", "is_international"),
    [
        ("+49 30 1000135", True),
        ("0049301000135", True),
        ("8 10 49 30 1000135", True),
        ("tel:+49-30-1000135", True),
        ("тел. +7 916 123-45-67", True),
        ("с 9 до 18: +49 30 1000135 (Ганс)", True),
        ("с 9 до 18: 8 10 49 30 1000135 (Ганс)", True),
        ("с 9 до 18 (пн+вт): 8 (495) 123-45-67 рабочий", False),
        ("8~10 49 30 1000135", True),
        ("+8 (495) 123-45-67", False),
        ("79161234567", False),
        ("89161234567", False),
        ("9161234567", False),
        ("989161234567", False),
        ("101", False),
    ],
)
def test_a_written_country_code_is_noticed(raw: str, is_international: bool) -> None:
    """Only where it was not written may another country be assumed when an owner is looked for."""
    assert parse_number(raw, "RU").is_international is is_international


@pytest.mark.parametrize(
    ("cell", "pieces"),
    [
        ("8 916 123-45-67 и 8 916 123-45-68", ["8 916 123-45-67", "8 916 123-45-68"]),
        ("8 916 123-45-67 или +7 495 123-45-68", ["8 916 123-45-67", "+7 495 123-45-68"]),
        ("+7 495 123-45-67 доб. 12 и 14", ["+7 495 123-45-67 доб. 12 и 14"]),
    ],
)
def test_a_word_between_numbers_parts_them(cell: str, pieces: list[str]) -> None:
    """But not two extensions of one number."""
    assert split_cell(cell) == pieces


def test_example_numbers_of_every_region() -> None:
    """The library's example of each region and kind, in four notations, comes out as its E.164."""
    path = SHARED_DATA / "phones" / "example_numbers_by_region.csv"
    if not path.exists():
        pytest.skip(f"other people's data, read in place: {path} is not there")
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["expected_e164"] != "INVALID"]
    # Four-digit national numbers of three islands look like extensions, and are taken for them.
    wrong = [
        row
        for row in rows
        if len(phonenumbers.normalize_digits_only(row["input"])) > 4
        and parse_number(row["input"], row["default_region"]).number != row["expected_e164"]
    ]
    assert len(rows) > 5000
    assert wrong == []
