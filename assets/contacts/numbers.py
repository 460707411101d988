"""What a number string is: its E.164 form and its kind, worked out once per distinct string.

Rules of numbering plans come from libphonenumber; what stands here is how people and telephony
servers write: `8 495 ...`, `8 10 49 ...`, `00 49 ...`, `доб. 12`, words around the number, several
numbers in one cell, and callers without a number. The forms are kept in `number_forms`, so the cost
of recognising numbers follows new strings, not calls.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import phonenumbers
from phonenumbers import (
    CountryCodeSource,
    Leniency,
    NumberParseException,
    PhoneNumber,
    PhoneNumberFormat,
    PhoneNumberMatcher,
    ValidationResult,
)
from sqlalchemy import Connection

from resources.warehouse.connection import copy_rows
from resources.warehouse.statements import statement

NumberKind = Literal["external", "internal", "short", "hidden", "invalid"]

LONGEST_RAW = 250
"""Characters; what is longer is no phone number (libphonenumber's own limit)."""

SHORTEST_SUBSCRIBER = 7
"""Digits from which a number of the right length is believed; a shorter one must be a known number."""

_SHORTEST_INTERNAL = 2
_LONGEST_SHORT = 6

# fmt: off
_HIDDEN = frozenset((
    "anonymous", "asterisk", "blocked", "hidden", "nocallerid", "none", "notavailable", "null", "private",
    "restricted", "unavailable", "unknown", "withheld",
    "аноним", "анонимный", "неизвестно", "неизвестный", "номерскрыт", "скрыт", "скрытый",
))
# fmt: on
_SIP = re.compile(r"^sips?:|@.*$", re.IGNORECASE)
# NFKC, which every number goes through, makes two letters of the sign №.
_EXTENSION_WORD = r"(?:доб|вн)[а-я]*[.:]?\s*(?:№|No\.?|номер)?\s*"
_RUSSIAN_EXTENSION = re.compile(rf"[\s,;(]*\b{_EXTENSION_WORD}(\d{{1,7}})\)?\s*$", re.IGNORECASE)
_PLUS_BEFORE_TRUNK_8 = re.compile(r"^\+(?=8[\s(-])")
_CALLING_CODE_WITH_TRUNK_8 = 7
_WRITTEN = frozenset((CountryCodeSource.FROM_NUMBER_WITH_PLUS_SIGN, CountryCodeSource.FROM_NUMBER_WITH_IDD))

_BETWEEN_NUMBERS = re.compile(
    # Two commas dial an extension; a semicolon also stands before parameters of `tel:`.
    rf"(?:[\r\n|/;]|(?<!,),(?!,))(?!\s*(?:{_EXTENSION_WORD}\d|ext|isub=|phone-context=))"
    # A word stands between numbers only where a whole one follows, and not a second extension.
    rf"|\s+(?:и|или|and|or)\s+(?=\+?(?:[\s()-]*\d){{{SHORTEST_SUBSCRIBER}}})",
    re.IGNORECASE,
)
_BEFORE_PLUS = re.compile(r"(?<=\d)\s+(?=\+\d)")


@dataclass(frozen=True, slots=True)
class NumberForm:
    """A number string and what it means in its region.

    Attributes:
        raw: as it was written.
        number: E.164 with the plus sign; None where there is none.
        national_number: national significant number of an external number; the bare digits of an
            internal, short or invalid one; None where there are none.
        extension: what is to be dialled after the answer (`доб.`, `ext.`).
        kind: `external`, `internal` (an extension of our own), `short` (service codes, local numbers
            without area code), `hidden` (the caller gave none) or `invalid`.
        is_international: the country code was written (`+49 ...`, `0049 ...`): no other country may be assumed.
    """

    raw: str
    number: str | None
    national_number: str | None
    extension: str | None
    kind: NumberKind
    is_international: bool = False


def parse_number(raw: str, region: str, internal_digits: int = 4) -> NumberForm:
    """Recognise one number.

    Args:
        raw: a number as a person, a CRM or a telephony server wrote it.
        region: ISO country assumed where no country code is given.
        internal_digits: longest number that is an internal one.
    """
    text = _SIP.sub("", unicodedata.normalize("NFKC", raw).strip())
    digits = phonenumbers.normalize_digits_only(text)
    if not digits.strip("0"):
        return _without_digits(raw, text, digits)
    is_plain = not any(character.isalpha() or character in "+*#" for character in text)
    if is_plain and _SHORTEST_INTERNAL <= len(digits) <= internal_digits:
        return NumberForm(raw, None, digits, None, "internal")
    found = _subscriber(text, digits, region)
    if found:
        return NumberForm(
            raw,
            phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164),
            phonenumbers.national_significant_number(found),
            found.extension or None,
            "external",
            found.country_code_source in _WRITTEN,
        )
    is_short = len(digits) <= _LONGEST_SHORT and (is_plain or text[0] in "*#")
    return NumberForm(raw, None, digits, None, "short" if is_short else "invalid")


def split_cell(text: str) -> list[str]:
    """Split a cell that may hold several numbers; an extension stays with its number.

    Returns:
        The pieces in their order, trimmed, without empty and repeated ones.
    """
    pieces: dict[str, None] = {}
    for part in _BETWEEN_NUMBERS.split(text):
        for piece in _BEFORE_PLUS.split(part.strip()):
            words = piece.split()
            are_numbers = len(words) > 1 and all(_is_long(word) for word in words)
            pieces.update(dict.fromkeys(words if are_numbers else [piece]))
    pieces.pop("", None)
    return list(pieces)


def remember_numbers(connection: Connection, raws: Iterable[str], region: str, internal_digits: int = 4) -> int:
    """Parse number strings and store them in `number_forms`; harmless when two do it at once.

    Args:
        connection: inside a transaction.
        raws: strings that `number_forms` does not hold for this region; those longer than
            `LONGEST_RAW` are passed over.
        region: ISO country assumed where no country code is given.
        internal_digits: longest number that is an internal one.

    Returns:
        How many strings were stored.
    """
    # Sorted, so that two transactions storing the same strings wait for each other in one order.
    wanted = sorted({raw for raw in raws if len(raw) <= LONGEST_RAW})
    if not wanted:
        return 0
    connection.execute(statement("assets.contacts", "create_parsed_numbers"))
    copy_rows(
        connection,
        "parsed_numbers",
        ("raw", "number", "national_number", "extension", "kind", "is_international"),
        _parsed(wanted, region, internal_digits),
    )
    stored = connection.execute(statement("assets.contacts", "store_number_forms"), {"region": region}).rowcount
    connection.exec_driver_sql("TRUNCATE parsed_numbers")
    return stored


def _parsed(
    raws: Iterable[str], region: str, internal_digits: int
) -> Iterator[tuple[str, str | None, str | None, str | None, str, bool]]:
    for raw in raws:
        form = parse_number(raw, region, internal_digits)
        yield raw, form.number, form.national_number, form.extension, form.kind, form.is_international


def _without_digits(raw: str, text: str, digits: str) -> NumberForm:
    letters = "".join(filter(str.isalpha, text)).casefold()
    kind: NumberKind = "hidden" if not letters or letters in _HIDDEN else "invalid"
    return NumberForm(raw, None, None if kind == "hidden" else digits or None, None, kind)


def _subscriber(text: str, digits: str, region: str) -> PhoneNumber | None:
    """Find the one subscriber number in the text, or None."""
    text = _RUSSIAN_EXTENSION.sub(r" ext. \1", text)
    if phonenumbers.country_code_for_region(region) == _CALLING_CODE_WITH_TRUNK_8:
        # `+8 (495)` is a slip for `8 (495)`; a country code is never set apart like that.
        text = _PLUS_BEFORE_TRUNK_8.sub("", text)
    # Servers show foreign callers as `0049...`, whatever their own country dials before a country code.
    number = _with_plus(digits.removeprefix("00"), region) if digits.startswith("00") and text[0] != "+" else None
    if number:
        return number
    number = _parse(text, region)
    if number and _is_believable(number, len(digits)):
        return number
    if any(map(str.isalpha, text)):
        matches = PhoneNumberMatcher(text, region, leniency=Leniency.VALID)
        numbers = {phonenumbers.format_number(match.number, 0): match.raw_string for match in matches}
        # Two different numbers: to take the first would be to guess.
        if len(numbers) != 1:
            return None
        # Once more: the matcher keeps the number and forgets how its country was known.
        [found] = numbers.values()
        return _parse(found, region)
    # ... or as E.164 without its plus sign, bare; that sign is then ours and not theirs. (Written with signs between,
    # it is a date with its hour as soon as a number.)
    number = _with_plus(digits, region) if text == digits else None
    if number:
        number.country_code_source = CountryCodeSource.FROM_DEFAULT_COUNTRY
    return number


def _with_plus(digits: str, region: str) -> PhoneNumber | None:
    number = _parse("+" + digits, region)
    return number if number and phonenumbers.is_valid_number(number) else None


def _parse(text: str, region: str) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region, keep_raw_input=True)
    except NumberParseException:
        return None


def _is_believable(number: PhoneNumber, digits: int) -> bool:
    """Length decides for whole numbers: new ranges come into use sooner than into the library.

    Only a number whose E.164 form names it again is one: of a row of zeros the library would take another away
    each time it reads it.
    """
    if phonenumbers.is_valid_number(number):
        return True
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason != ValidationResult.IS_POSSIBLE or digits < SHORTEST_SUBSCRIBER:
        return False
    form = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    again = _parse(form, "ZZ")
    return again is not None and phonenumbers.format_number(again, PhoneNumberFormat.E164) == form


def _is_long(word: str) -> bool:
    digits = sum(character.isdigit() for character in word)
    return 10 <= digits <= 15
