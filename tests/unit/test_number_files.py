"""CSV files about numbers: bad rows are set aside with their reason, good ones are read as they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from resources.contacts.errors import ContactFileError
from resources.contacts.number_files import read_number_list_csv, read_overrides_csv

OVERRIDES = "number,party_id,contact_id,valid_from,valid_to,retroactive,note\n"
LIST = "number,kind,expires_on,note\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "numbers.csv"
    path.write_text(text, "utf-8")
    return path


def test_overrides_are_read_with_their_answers_made_plain(tmp_path: Path) -> None:
    """Yes and no in English and Russian; an empty party says that the number is nobody's."""
    rows = "+79161234567,A,c1,,,Да,why\n89161234568,,,2026-01-01,2026-02-01,нет,\n89161234569,B,,,,,\n"
    [portion] = read_overrides_csv(written(tmp_path, OVERRIDES + rows))
    assert portion.refused == []
    assert portion.rows["retroactive"].tolist() == ["yes", "", ""]
    assert portion.rows["party_id"].tolist() == ["A", "", "B"]
    assert portion.rows["valid_to"].tolist() == ["", "2026-02-01", ""]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",A,,,,,", "number is empty"),
        ("1,A,,,,perhaps,", "retroactive is not yes or no"),
        ("1,A,,2026-01-01,,yes,", "retroactive is from the beginning"),
        ("1,,c1,,,,", "contact_id stands without a party_id"),
        ("1,A,,01.02.2026,,,", "valid_from is not a date"),
        ("1,A,,2026-02-01,2026-01-01,,", "valid_to is not after valid_from"),
    ],
)
def test_an_override_that_cannot_be_meant_is_set_aside(tmp_path: Path, row: str, reason: str) -> None:
    """With its reason and its text; the row after it is taken."""
    [portion] = read_overrides_csv(written(tmp_path, f"{OVERRIDES}{row}\n2,B,,,,,\n"))
    [refused] = portion.refused
    assert reason in refused.reason
    assert refused.raw == row
    assert portion.rows["number"].tolist() == ["2"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [(",spam,,", "number is empty"), ("1,friend,,", "kind is not"), ("1,spam,soon,", "expires_on is not a date")],
)
def test_a_listed_number_that_cannot_be_meant_is_set_aside(tmp_path: Path, row: str, reason: str) -> None:
    """The same for lists."""
    [portion] = read_number_list_csv(written(tmp_path, f"{LIST}{row}\n2,SPAM,2026-01-01,\n"))
    assert reason in portion.refused[0].reason
    assert portion.rows.to_dict("records") == [{"number": "2", "kind": "spam", "expires_on": "2026-01-01", "note": ""}]


def test_a_file_without_a_column_says_which(tmp_path: Path) -> None:
    """And what its first line must be."""
    with pytest.raises(ContactFileError, match="lacks the column retroactive, note"):
        list(read_overrides_csv(written(tmp_path, "number,party_id,contact_id,valid_from,valid_to\n")))
