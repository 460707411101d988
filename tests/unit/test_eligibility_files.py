"""Files of hours, absences and the like: what they may say, and what is refused with its reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from resources.contacts.eligibility_files import COLUMNS, EligibilityKind, read_eligibility_csv, weekdays_of


def read(path: Path, kind: EligibilityKind, *lines: str) -> tuple[int, list[str]]:
    """Return how many rows are taken, and the reasons against the others."""
    path.write_text("\n".join([",".join(COLUMNS[kind]), *lines]) + "\n", "utf-8")
    [portion] = read_eligibility_csv(kind, path)
    return len(portion.rows), [row.reason for row in portion.refused]


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("1-5", [1, 2, 3, 4, 5]),
        ("mon-fri", [1, 2, 3, 4, 5]),
        ("Пн-Пт", [1, 2, 3, 4, 5]),
        ("sat, sun", [6, 7]),
        ("6-1", [1, 6, 7]),
        ("праздник", [0]),
        ("7,holiday", [0, 7]),
    ],
)
def test_weekdays_are_written_as_people_write_them(text: str, days: list[int]) -> None:
    """Numbers, English, Russian, ranges over Sunday, holidays."""
    assert weekdays_of(text) == days


@pytest.mark.parametrize("text", ["", "0", "8", "funday", "1-", "-5", "1-holiday", "1;2"])
def test_what_is_no_weekday_is_none(text: str) -> None:
    """Rather refused than guessed."""
    with pytest.raises(ValueError, match=r"weekday|holiday|nothing"):
        weekdays_of(text)


@pytest.mark.parametrize(
    ("kind", "line", "reason"),
    [
        ("absences_csv", ",2026-01-01,,", "employee_id is empty"),
        ("absences_csv", "anna,,2026-01-01,", "from is empty"),
        ("absences_csv", "anna,01.02.2026,,", "from is no day"),
        ("absences_csv", "anna,2026-01-02,2026-01-01,", "to is before from"),
        ("absences_csv", "anna,2026-01-02 10:00,2026-01-02 10:00,", "to is before from"),
        ("working_hours_csv", "anna,Sales,1-5,09:00,18:00,,", "an employee and a department"),
        ("working_hours_csv", "anna,,someday,09:00,18:00,,", "weekdays are none"),
        ("working_hours_csv", "anna,,1-5,9.00,18:00,,", "from is no time"),
        ("working_hours_csv", "anna,,1-5,24:00,18:00,,", "from is no time"),
        ("working_hours_csv", "anna,,1-5,09:00,25:00,,", "to is no time"),
        ("holidays_csv", ",New Year,", "day is empty"),
        ("holidays_csv", "2026-02-30,New Year,", "day is not a date"),
        ("holidays_csv", "2026-01-01,New Year,holiday", "works_as is no weekday"),
        ("deputies_csv", "anna,,1,,", "deputy_id is empty"),
        ("deputies_csv", "anna,anna,1,,", "their own deputy"),
        ("deputies_csv", "anna,boris,first,,", "position is no number"),
        ("pins_csv", "+74951234567,romashka,anna,,,", "not both"),
        ("pins_csv", ",,anna,,,", "not both"),
        ("pins_csv", "+74951234567,,anna,,yesterday,", "until is no day"),
        ("exclusions_csv", "anna,2026-13-01,,", "from is no day"),
    ],
)
def test_a_row_that_makes_no_sense_is_refused_with_its_reason(
    tmp_path: Path, kind: EligibilityKind, line: str, reason: str
) -> None:
    """And costs no other row."""
    good = {"holidays_csv": "2026-05-09,Victory,", "working_hours_csv": ",,1-5,09:00,18:00,,"}.get(kind)
    good = good or {"deputies_csv": "a,b,,,", "pins_csv": "1,,a,,,"}.get(kind, "a,2026-01-01,2026-01-01,")
    rows, reasons = read(tmp_path / "file.csv", kind, good, line)
    assert rows == 1
    assert len(reasons) == 1
    assert reason in reasons[0]
