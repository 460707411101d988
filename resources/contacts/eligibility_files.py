"""CSV files about who may be offered to a caller, when: absences, hours, holidays, exclusions, deputies, pins.

Written as the contact files are: a header that names the columns, UTF-8 or cp1251, comma or semicolon. Moments are
days (`2026-03-31`) or days with a wall clock of the business zone (`2026-03-31 14:00`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

import pandas as pd

from resources.contacts.csv_files import ROWS_PER_PORTION, read_rows
from resources.contacts.rows import ContactPortion, Reasons, parted

EligibilityKind = Literal[
    "absences_csv", "working_hours_csv", "holidays_csv", "exclusions_csv", "deputies_csv", "pins_csv"
]

COLUMNS: dict[EligibilityKind, Sequence[str]] = {
    "absences_csv": ("employee_id", "from", "to", "kind"),
    "working_hours_csv": ("employee_id", "department", "weekdays", "from", "to", "valid_from", "valid_to"),
    "holidays_csv": ("day", "name", "works_as"),
    "exclusions_csv": ("employee_id", "from", "to", "note"),
    "deputies_csv": ("employee_id", "deputy_id", "position", "from", "to"),
    "pins_csv": ("number", "party_id", "employee_id", "from", "until", "note"),
}
"""The columns of each file.

A `to` that is a day is the last day; an empty one is until further notice. `weekdays` are such as `1-5`, `mon-fri`,
`пн-пт`, `sat,sun`, `holiday`; hours are `09:00` to `18:00`, to `24:00` or over midnight. A row of hours with neither
`employee_id` nor `department` is everybody's. `works_as` is the weekday whose hours a worked holiday has. A pin names a
`number`, or a `party_id` for all its numbers.
"""

HOLIDAY = 0
"""The weekday of hours that are worked on holidays."""

_DAYS = (
    {
        name: number
        for names in (("mon", "tue", "wed", "thu", "fri", "sat", "sun"), ("пн", "вт", "ср", "чт", "пт", "сб", "вс"))
        for number, name in enumerate(names, 1)
    }
    | {"holiday": HOLIDAY, "праздник": HOLIDAY}
    | {str(number): number for number in range(1, 8)}
)
_CLOCK = re.compile(r"([01]?\d|2[0-3]):[0-5]\d|24:00")
_MOMENT_FORMATS = ("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S")


def read_eligibility_csv(kind: EligibilityKind, path: Path) -> Iterator[ContactPortion]:
    """Yield the rows of a file in its columns, all text as it was written.

    Raises:
        ContactFileError: the file cannot be read, is empty, or lacks a column.
    """
    return read_rows(path, COLUMNS[kind], _CHECKS[kind], ROWS_PER_PORTION)


def checked_eligibility(kind: EligibilityKind, rows: pd.DataFrame, raws: Sequence[str]) -> ContactPortion:
    """Set aside rows of any source that cannot be stored; `rows` have the columns of their file."""
    return _CHECKS[kind](rows, raws)


def weekdays_of(text: str) -> list[int]:
    """Return the weekdays a text names, 1 to 7, and 0 for holidays.

    Raises:
        ValueError: it names none, or what it names is no weekday.
    """
    days: set[int] = set()
    for part in text.lower().replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        if first not in _DAYS or (dash and last not in _DAYS):
            raise ValueError(f"{part or 'nothing'} is no weekday")
        begin, end = _DAYS[first], _DAYS[last if dash else first]
        if dash and HOLIDAY in (begin, end):
            raise ValueError("a holiday is no end of a range")
        # A range may reach over Sunday, such as sat-mon.
        days.update(range(begin, end + 1) if begin <= end else [*range(begin, 8), *range(1, end + 1)])
    return sorted(days)


def moment_of(text: str) -> tuple[datetime, bool]:
    """Return the wall clock a text names, and whether it names a whole day.

    Raises:
        ValueError: it is no day and no day with a time.
    """
    for form in _MOMENT_FORMATS:
        try:
            return datetime.strptime(text, form), form == "%Y-%m-%d"  # noqa: DTZ007 - the zone is the caller's
        except ValueError:
            continue
    raise ValueError(f"{text} is no day and no day with a time")


def _checked_absences(rows: pd.DataFrame, raws: Sequence[str]) -> ContactPortion:
    reasons = _of_employee(rows)
    reasons.add(rows["from"] == "", "from is empty")
    _add_moments(reasons, "from", "to")
    return parted(rows, raws, reasons, "employee_id")


def _checked_hours(rows: pd.DataFrame, raws: Sequence[str]) -> ContactPortion:
    reasons = Reasons(rows)
    reasons.add((rows["employee_id"] != "") & (rows["department"] != ""), "it names an employee and a department")
    reasons.add(~rows["weekdays"].map(_holds(weekdays_of)), "weekdays are none, such as 1-5, mon-fri or holiday")
    for name in ("from", "to"):
        reasons.add(~rows[name].str.fullmatch(_CLOCK.pattern), f"{name} is no time such as 09:00")
    reasons.add(rows["from"] == "24:00", "from is no time such as 09:00")
    reasons.add_dates("valid_from", "valid_to")
    reasons.add_period("valid_from", "valid_to", is_end_included=True)
    reasons.add_long("employee_id", "department")
    return parted(rows, raws, reasons, "employee_id")


def _checked_holidays(rows: pd.DataFrame, raws: Sequence[str]) -> ContactPortion:
    reasons = Reasons(rows)
    reasons.add(rows["day"] == "", "day is empty")
    reasons.add_dates("day")
    is_one = rows["works_as"].map(lambda text: not text or _is_one_weekday(text))
    reasons.add(~is_one, "works_as is no weekday such as 5 or fri")
    reasons.add(rows["day"].duplicated(), "the day stands twice")
    return parted(rows, raws, reasons, "day")


def _checked_exclusions(rows: pd.DataFrame, raws: Sequence[str]) -> ContactPortion:
    reasons = _of_employee(rows)
    _add_moments(reasons, "from", "to")
    return parted(rows, raws, reasons, "employee_id")


def _checked_deputies(rows: pd.DataFrame, raws: Sequence[str]) -> ContactPortion:
    reasons = _of_employee(rows)
    reasons.add(rows["deputy_id"] == "", "deputy_id is empty")
    reasons.add(rows["deputy_id"] == rows["employee_id"], "nobody is their own deputy")
    reasons.add(~rows["position"].str.fullmatch(r"[1-9]\d?|"), "position is no number such as 1")
    reasons.add_long("deputy_id")
    _add_moments(reasons, "from", "to")
    return parted(rows, raws, reasons, "employee_id")


def _checked_pins(rows: pd.DataFrame, raws: Sequence[str]) -> ContactPortion:
    reasons = _of_employee(rows)
    reasons.add((rows["number"] == "") == (rows["party_id"] == ""), "it must name a number or a party_id, and not both")
    reasons.add_long("number", "party_id")
    _add_moments(reasons, "from", "until")
    return parted(rows, raws, reasons, "employee_id")


_CHECKS: dict[EligibilityKind, Callable[[pd.DataFrame, Sequence[str]], ContactPortion]] = {
    "absences_csv": _checked_absences,
    "working_hours_csv": _checked_hours,
    "holidays_csv": _checked_holidays,
    "exclusions_csv": _checked_exclusions,
    "deputies_csv": _checked_deputies,
    "pins_csv": _checked_pins,
}


def _of_employee(rows: pd.DataFrame) -> Reasons:
    reasons = Reasons(rows)
    reasons.add(rows["employee_id"] == "", "employee_id is empty")
    reasons.add_long("employee_id")
    return reasons


def _add_moments(reasons: Reasons, start: str, end: str) -> None:
    rows = reasons.rows
    for name in (start, end):
        is_moment = rows[name].map(lambda text: not text or _holds(moment_of)(text))
        reasons.add(~is_moment, f"{name} is no day such as 2026-03-31, with or without a time such as 14:00")
    reasons.add(rows.apply(lambda row: _ends_too_early(row[start], row[end]), axis=1), f"{end} is before {start}")


def _ends_too_early(start: str, end: str) -> bool:
    try:
        (begin, _), (close, is_day) = moment_of(start), moment_of(end)
    except ValueError:
        return False
    return close < begin if is_day else close <= begin


def _is_one_weekday(text: str) -> bool:
    return _holds(weekdays_of)(text) and weekdays_of(text) != [HOLIDAY] and len(weekdays_of(text)) == 1


def _holds(read: Callable[[str], object]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            read(text)
        except ValueError:
            return False
        return True

    return check
