"""CSV files about numbers: whose they are by hand, and which are nobody's client.

Written as the contact files are: a header that names the columns, UTF-8 or cp1251, comma or semicolon.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from resources.contacts.csv_files import ROWS_PER_PORTION, read_rows
from resources.contacts.rows import ContactPortion, Reasons, parted

OVERRIDE_COLUMNS = ("number", "party_id", "contact_id", "valid_from", "valid_to", "retroactive", "note")
"""Whose a number is; an empty `party_id` says that it is nobody's.

`valid_from` and `valid_to` are days, the second is the first no longer. `retroactive` (yes, no, empty) says
that it was so from the beginning of time. Without either an override holds from when it is first read.
"""

LIST_COLUMNS = ("number", "kind", "expires_on", "note")
"""A number that is nobody's client: `kind` is `spam` or `unknown`, `expires_on` the first day no longer."""

_YES = ("yes", "true", "1", "да")
_NO = ("", "no", "false", "0", "нет")


def read_overrides_csv(path: Path, rows_per_portion: int = ROWS_PER_PORTION) -> Iterator[ContactPortion]:
    """Yield the overrides of a file in the columns `OVERRIDE_COLUMNS`; `retroactive` is `yes` or empty.

    Raises:
        ContactFileError: the file cannot be read, is empty, or lacks a column.
    """
    return read_rows(path, OVERRIDE_COLUMNS, _checked_overrides, rows_per_portion)


def read_number_list_csv(path: Path, rows_per_portion: int = ROWS_PER_PORTION) -> Iterator[ContactPortion]:
    """Yield the numbers of a list in the columns `LIST_COLUMNS`.

    Raises:
        ContactFileError: the file cannot be read, is empty, or lacks a column.
    """
    return read_rows(path, LIST_COLUMNS, _checked_list, rows_per_portion)


def _checked_overrides(rows: pd.DataFrame, raws: Sequence[str]) -> ContactPortion:
    answers = rows["retroactive"].str.lower()
    rows = rows.assign(retroactive=answers.isin(_YES).map({True: "yes", False: ""}))
    reasons = Reasons(rows)
    reasons.add(rows["number"] == "", "number is empty")
    reasons.add(~answers.isin([*_YES, *_NO]), "retroactive is not yes or no")
    reasons.add(
        (rows["retroactive"] == "yes") & (rows["valid_from"] != ""),
        "retroactive is from the beginning of time: leave valid_from empty, or say no",
    )
    reasons.add((rows["party_id"] == "") & (rows["contact_id"] != ""), "contact_id stands without a party_id")
    reasons.add_long("number", "party_id", "contact_id")
    reasons.add_dates("valid_from", "valid_to")
    reasons.add_period("valid_from", "valid_to", is_end_included=False)
    return parted(rows, raws, reasons, "number")


def _checked_list(rows: pd.DataFrame, raws: Sequence[str]) -> ContactPortion:
    rows = rows.assign(kind=rows["kind"].str.lower())
    reasons = Reasons(rows)
    reasons.add(rows["number"] == "", "number is empty")
    reasons.add(~rows["kind"].isin(["spam", "unknown"]), "kind is not spam or unknown")
    reasons.add_long("number")
    reasons.add_dates("expires_on")
    return parted(rows, raws, reasons, "number")
