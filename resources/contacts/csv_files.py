"""Contacts and employees from CSV files.

The header names the columns (`rows.CONTACT_COLUMNS`, `rows.EMPLOYEE_COLUMNS`), all of them, in any
order; further columns are passed over. UTF-8 or cp1251, comma or semicolon, as Excel writes them.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import pandas as pd

from resources.contacts.errors import ContactFileError
from resources.contacts.rows import (
    CONTACT_COLUMNS,
    EMPLOYEE_COLUMNS,
    ContactPortion,
    RefusedContact,
    checked_contacts,
    checked_employees,
    open_text,
)

ROWS_PER_PORTION = 20_000

LONGEST_ROW_LINES = 50
"""Lines a quoted field may run over; past that a quote was left open."""

Check = Callable[[pd.DataFrame, Sequence[str]], ContactPortion]


def read_contacts_csv(path: Path, rows_per_portion: int = ROWS_PER_PORTION) -> Iterator[ContactPortion]:
    """Yield the contacts of a file, in the columns `CONTACT_COLUMNS`.

    Raises:
        ContactFileError: the file cannot be read, is empty, or lacks a column.
    """
    return read_rows(path, CONTACT_COLUMNS, checked_contacts, rows_per_portion)


def read_employees_csv(path: Path, rows_per_portion: int = ROWS_PER_PORTION) -> Iterator[ContactPortion]:
    """Yield the employees of a file, in the columns `EMPLOYEE_COLUMNS`.

    Raises:
        ContactFileError: the file cannot be read, is empty, or lacks a column.
    """
    return read_rows(path, EMPLOYEE_COLUMNS, checked_employees, rows_per_portion)


def read_rows(path: Path, columns: Sequence[str], check: Check, rows_per_portion: int) -> Iterator[ContactPortion]:
    """Yield the rows of a file in the given columns, those that `check` refuses set aside.

    Raises:
        ContactFileError: the file cannot be read, is empty, or lacks a column.
    """
    with open_text(path) as file:
        lines = (line.replace("\0", "") for line in file)
        header, delimiter = _header(path, next(lines, ""), columns)
        records = _records(lines, delimiter)
        while batch := list(islice(records, rows_per_portion)):
            yield _portion(batch, header, columns, delimiter, check)


def _header(path: Path, line: str, columns: Sequence[str]) -> tuple[list[str], str]:
    if not line.strip():
        raise ContactFileError(f"{path} is empty. Its first line must name the columns: {', '.join(columns)}.")
    delimiter = max(",;", key=line.count)
    header = [name.strip().lower() for name in next(csv.reader([line], delimiter=delimiter))]
    missing = [column for column in columns if column not in header]
    if missing:
        raise ContactFileError(
            f"{path} lacks the column {', '.join(missing)}. Its first line must name the columns "
            f"{', '.join(columns)}; a column may be left empty but not left out."
        )
    doubled = [column for column in columns if header.count(column) > 1]
    if doubled:
        raise ContactFileError(f"{path} names the column {doubled[0]} twice. Remove or rename one of them.")
    return header, delimiter


_Record = tuple[str, list[str] | None]
"""The text of a row and its fields; None where the text is no CSV row."""


def _records(lines: Iterator[str], delimiter: str) -> Iterator[_Record]:
    """Cut lines into rows; a quote left open costs one line, not the rest of the file."""
    given_back: deque[str] = deque()

    def next_line() -> str | None:
        return given_back.popleft() if given_back else next(lines, None)

    while (line := next_line()) is not None:
        taken = [line]
        fields, is_open = _fields(taken, delimiter)
        while is_open and len(taken) < LONGEST_ROW_LINES and (line := next_line()) is not None:
            taken.append(line)
            fields, is_open = _fields(taken, delimiter)
        if fields is None:
            given_back.extendleft(reversed(taken[1:]))
            del taken[1:]
        text = "".join(taken).rstrip("\r\n")
        if text:
            yield text, fields


def _fields(lines: list[str], delimiter: str) -> tuple[list[str] | None, bool]:
    """Read one row; also say whether it only lacks a closing quote."""
    try:
        return next(csv.reader(lines, delimiter=delimiter, strict=True)), False
    except csv.Error as error:
        return None, "unexpected end of data" in str(error)


def _portion(
    batch: Sequence[_Record], header: Sequence[str], columns: Sequence[str], delimiter: str, check: Check
) -> ContactPortion:
    places = [header.index(column) for column in columns]
    refused, raws, rows = [], [], []
    for text, fields in batch:
        if fields is not None and len(fields) == len(header):
            raws.append(text)
            rows.append([fields[place].strip() for place in places])
            continue
        reason = "the quotes of the row do not match"
        if fields is not None:
            reason = f"the row has {len(fields)} fields, the header has {len(header)}"
        # Read without rigour, the row may still tell whom it speaks of.
        guess = next(csv.reader([text], delimiter=delimiter))
        key = guess[places[0]].strip() if places[0] < len(guess) else ""
        refused.append(RefusedContact(reason, text, key))
    checked = check(pd.DataFrame(rows, columns=list(columns), dtype=str), raws)
    return ContactPortion(checked.rows, [*refused, *checked.refused])
