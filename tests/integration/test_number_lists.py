"""Lists of numbers that are nobody's client: what their file says, and the calls that follow."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from assets.contacts.errors import ContactsShrankError
from assets.contacts.load import Changes
from assets.contacts.number_lists import ListReport, store_number_list
from assets.contacts.rules import ContactRules
from resources.contacts.number_files import read_number_list_csv
from resources.warehouse import Warehouse
from tests.rows import select

HEADER = "number,kind,expires_on,note\n"


def store(warehouse: Warehouse, folder: Path, *rows: str) -> ListReport:
    path = folder / "list.csv"
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows), "utf-8")
    with warehouse.transaction() as connection:
        return store_number_list(connection, "listed_numbers_csv", read_number_list_csv(path), ContactRules())


def queued(warehouse: Warehouse) -> list[str]:
    rows = select(warehouse, "DELETE FROM numbers_to_relink RETURNING number")
    return sorted(number for (number,) in rows)


def test_only_differences_are_written_and_only_their_calls_looked_at(warehouse: Warehouse, tmp_path: Path) -> None:
    """New, changed, gone and returned numbers; a note alone concerns no call."""
    first = "8 495 111-22-33,spam,2026-04-01,sells windows"
    second = "+74951112244,unknown,,"
    assert store(warehouse, tmp_path, first, second).numbers == Changes(new=2)
    assert queued(warehouse) == ["+74951112233", "+74951112244"]
    assert select(warehouse, "SELECT expires_at FROM listed_numbers WHERE kind = 'spam'") == [
        (datetime(2026, 3, 31, 21, tzinfo=UTC),)
    ]
    assert store(warehouse, tmp_path, first, second).numbers == Changes(unchanged=2)
    noted = store(warehouse, tmp_path, first.replace("windows", "doors"), second)
    assert noted.numbers == Changes(changed=1, unchanged=1)
    assert queued(warehouse) == []
    assert store(warehouse, tmp_path, second.replace("unknown", "spam")).numbers == Changes(changed=1, gone=1)
    assert queued(warehouse) == ["+74951112233", "+74951112244"]
    assert select(warehouse, "SELECT number FROM listed_numbers WHERE gone_at IS NULL") == [("+74951112244",)]
    assert store(warehouse, tmp_path, first, second).numbers == Changes(changed=2)
    assert queued(warehouse) == ["+74951112233", "+74951112244"]


def test_a_list_that_shrank_is_refused(warehouse: Warehouse, tmp_path: Path) -> None:
    """A file that was cut does not make strangers of yesterday's spam."""
    rows = [f"+7495111{n:04},spam,," for n in range(40)]
    store(warehouse, tmp_path, *rows)
    with pytest.raises(ContactsShrankError, match="lost 30 of 40 numbers"):
        store(warehouse, tmp_path, *rows[:10])
    assert select(warehouse, "SELECT count(*) FROM listed_numbers WHERE gone_at IS NULL") == [(40,)]


def test_what_is_no_number_is_quarantined(warehouse: Warehouse, tmp_path: Path) -> None:
    """With its reason; a row that became unreadable does not take its number off the list."""
    store(warehouse, tmp_path, "+74951112233,spam,,")
    report = store(warehouse, tmp_path, "8 (495) 111-22-33,nonsense,,", "101,spam,,")
    assert report == ListReport(Changes(), refused=2)
    assert select(warehouse, "SELECT gone_at FROM listed_numbers") == [(None,)]
    reasons = [reason for (reason,) in select(warehouse, "SELECT reason FROM quarantine ORDER BY reason")]
    assert reasons == [
        "kind is not spam or unknown",
        "the number is no subscriber number with country code or area code",
    ]
