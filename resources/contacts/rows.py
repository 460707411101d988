"""What every reader of contacts gives: portions of rows in fixed columns, and the rows it refused.

Also the checks that hold for a row whatever it was read from, and how a text file is opened.
All columns hold text; an empty text is "not given". Dates are ISO (`2026-03-31`) and local.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from io import TextIOWrapper
from pathlib import Path

import pandas as pd

from resources.contacts.errors import ContactFileError

CONTACT_COLUMNS = (
    "party_id",
    "party_name",
    "party_kind",
    "contact_id",
    "contact_name",
    "phones",
    "responsible_id",
    "valid_from",
    "valid_to",
)
"""A contact of a party; an empty `contact_id` means that the numbers are the party's own.

`party_kind` is `company` or `person`, `phones` may hold several numbers, `valid_to` is the first day
on which the numbers are no longer the contact's.
"""

EMPLOYEE_COLUMNS = (
    "employee_id",
    "name",
    "department",
    "extension",
    "valid_from",
    "valid_to",
    "mobile",
    "employed_from",
    "employed_until",
)
"""An employee and one internal number held from `valid_from` until, and without, `valid_to`.

An employee has one row per holding; `extension` may be empty. `employed_until` is the last day at work.
"""

LONGEST_ID = 100
LONGEST_FIELD = 2000

_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class RefusedContact:
    """A row that could not be taken.

    Attributes:
        reason: why, for people; the same fault always gives the same text.
        raw: the row as it was read.
        key: the `party_id` or `employee_id` it speaks of, where that much could be read.
    """

    reason: str
    raw: str
    key: str = ""


@dataclass(frozen=True)
class ContactPortion:
    """Some rows of a source.

    Attributes:
        rows: columns `CONTACT_COLUMNS` or `EMPLOYEE_COLUMNS`, all text.
        refused: rows that could not be taken.
        skipped: entries that are in order but say nothing to us (cards without a phone).
    """

    rows: pd.DataFrame
    refused: Sequence[RefusedContact] = ()
    skipped: int = 0


def checked_contacts(rows: pd.DataFrame, raws: Sequence[str]) -> ContactPortion:
    """Set aside contacts that cannot be stored.

    Args:
        rows: columns `CONTACT_COLUMNS`.
        raws: the text each row was read from, for people who look at the refused ones.
    """
    rows = rows.assign(party_kind=rows["party_kind"].str.lower())
    reasons = Reasons(rows)
    reasons.add(rows["party_id"] == "", "party_id is empty")
    reasons.add(rows["party_name"] == "", "party_name is empty")
    reasons.add(~rows["party_kind"].isin(["company", "person"]), "party_kind is not company or person")
    reasons.add_long("party_id", "contact_id", "responsible_id")
    reasons.add_dates("valid_from", "valid_to")
    reasons.add_period("valid_from", "valid_to", is_end_included=False)
    return parted(rows, raws, reasons, "party_id")


def checked_employees(rows: pd.DataFrame, raws: Sequence[str]) -> ContactPortion:
    """Set aside employees that cannot be stored.

    Args:
        rows: columns `EMPLOYEE_COLUMNS`.
        raws: the text each row was read from, for people who look at the refused ones.
    """
    reasons = Reasons(rows)
    reasons.add(rows["employee_id"] == "", "employee_id is empty")
    reasons.add(rows["name"] == "", "name is empty")
    reasons.add_long("employee_id", "extension")
    reasons.add_dates("valid_from", "valid_to", "employed_from", "employed_until")
    reasons.add_period("valid_from", "valid_to", is_end_included=False)
    reasons.add_period("employed_from", "employed_until", is_end_included=True)
    return parted(rows, raws, reasons, "employee_id")


def open_text(path: Path) -> TextIOWrapper:
    """Open a text file written as UTF-8 (with or without a byte order mark) or cp1251.

    Raises:
        ContactFileError: there is no such file, or it is neither.
    """
    try:
        encoding = next((name for name in ("utf-8-sig", "cp1251") if _is_encoded(path, name)), None)
        if encoding:
            return path.open(encoding=encoding, newline="")
    except OSError as error:
        raise ContactFileError(f"{path} cannot be read: {error.strerror}. Check its name and rights.") from error
    raise ContactFileError(f"{path} is neither UTF-8 nor cp1251 text. Save it as UTF-8.")


def _is_encoded(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for block in _blocks(path):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            yield block


class Reasons:
    """The first reason, if any, to refuse each row."""

    def __init__(self, rows: pd.DataFrame) -> None:
        self.rows = rows
        self.texts = pd.Series("", index=rows.index, dtype=object)
        self.add(
            (rows.apply(lambda column: column.str.len()) > LONGEST_FIELD).any(axis=1),
            f"a field is longer than {LONGEST_FIELD} characters",
        )

    def add(self, are_bad: pd.Series[bool], reason: str) -> None:
        """Give a reason to rows that have none yet."""
        self.texts = self.texts.mask((self.texts == "") & are_bad, reason)

    def add_long(self, *columns: str) -> None:
        """Refuse values longer than an id may be."""
        for column in columns:
            self.add(self.rows[column].str.len() > LONGEST_ID, f"{column} is longer than {LONGEST_ID} characters")

    def add_dates(self, *columns: str) -> None:
        """Refuse values that are neither empty nor ISO dates."""
        for column in columns:
            bad = [value for value in self.rows[column].unique() if value and not _is_date(value)]
            self.add(self.rows[column].isin(bad), f"{column} is not a date written like 2026-03-31")

    def add_period(self, start: str, end: str, *, is_end_included: bool) -> None:
        """Refuse periods that end before they begin."""
        starts, ends = self.rows[start], self.rows[end]
        is_empty = starts > ends if is_end_included else starts >= ends
        self.add(is_empty & (starts != "") & (ends != ""), f"{end} is not after {start}")


def _is_date(text: str) -> bool:
    if not _ISO_DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def parted(rows: pd.DataFrame, raws: Sequence[str], reasons: Reasons, key: str) -> ContactPortion:
    """Part the rows that can be taken from those with a reason against them; `key` names the column they speak of."""
    are_bad = reasons.texts != ""
    bad = pd.DataFrame({"reason": reasons.texts, "raw": list(raws), "key": rows[key]})[are_bad]
    refused = [RefusedContact(str(row.reason), str(row.raw), str(row.key)) for row in bad.itertuples()]
    return ContactPortion(rows[~are_bad].reset_index(drop=True), refused)
