"""What is found in the journal as it is typed: all of it, however it is written, also of very many numbers."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest

from resources.warehouse import Warehouse
from tests.fix_gateway import ServedGateway
from tests.fix_journal import MONDAY, journal
from tests.rows import leg, load


def listed(gateway: ServedGateway, who: dict[str, str], **asked: Any) -> list[str]:  # noqa: ANN401
    answer = journal(gateway, who, **asked)
    assert answer.status_code == 200, answer.text
    return [call["linkedid"] for call in answer.json()["calls"]]


def test_names_and_numbers_are_found_as_people_type_them(gateway: ServedGateway, chief: dict[str, str]) -> None:
    """Е for ё, capitals, words in any order, any signs between digits; what is still too short is no filter."""
    everything = listed(gateway, chief)
    for text in ("петр", "ПЁТР СОМОВ", "сомов петр", "ромашка ооо"):
        assert listed(gateway, chief, text=text) == ["again", "first"], text
    for text in ("8 916 111-22-33", "+7(916)111\u201122\u201133", "916/111", "79161112"):
        assert listed(gateway, chief, text=text) == ["lost"], text
    for text in ("8 9", "+7 (", "пе", "a b"):
        assert listed(gateway, chief, text=text) == everything, text
    assert listed(gateway, chief, text="петр ромашка") == []


def test_each_call_of_very_many_numbers_is_found(
    gateway: ServedGateway, warehouse: Warehouse, chief: dict[str, str]
) -> None:
    """In files, on later pages, and by another filter, which only the number that called first fits."""
    load(warehouse, [leg("oldest", MONDAY, "+79165550999", "201", talk=5)])
    load(
        warehouse,
        [leg(f"many-{n}", MONDAY + timedelta(minutes=n), f"+7916555{n:04d}", "202", talk=5) for n in range(1, 321)],
    )
    text = {"text": "916555"}
    assert listed(gateway, chief, **text, employee="anna") == ["oldest"]
    file = journal(gateway, chief, "calls.csv", language="en", **text)
    assert len(list(csv.DictReader(io.StringIO(file.content.decode("utf-8-sig"))))) == 321
    seen: list[str] = []
    after: dict[str, Any] = {}
    while True:
        answer = journal(gateway, chief, **text, **after).json()
        seen += [call["linkedid"] for call in answer["calls"]]
        if not answer["has_more"]:
            break
        last = answer["calls"][-1]
        after["after"] = json.dumps({name: last[name] for name in ("call_day", "started_at", "pbx_id", "linkedid")})
    assert seen == [*[f"many-{n}" for n in range(320, 0, -1)], "oldest"]


def test_the_newest_of_a_day_come_first_whatever_their_numbers(
    gateway: ServedGateway, warehouse: Warehouse, chief: dict[str, str]
) -> None:
    """The index knows the days of a number's calls, not their times."""
    load(warehouse, [leg(f"n{n}", MONDAY + timedelta(minutes=n), f"+79165550{n:03d}", "202") for n in range(60)])
    assert listed(gateway, chief, text="916555") == [f"n{n}" for n in range(59, 9, -1)]
    assert listed(gateway, chief, text="916555", last_day="2026-03-01") == []


@pytest.mark.parametrize(
    ("text", "calls"),
    [("ромаш", ["again", "first"]), ("сомов", ["again", "first"]), ("8 (812) 999", ["back", "missed"]), ("нет", [])],
)
def test_what_fits_very_many_clients_is_found_all_the_same(
    gateway: ServedGateway,
    chief: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    calls: list[str],
) -> None:
    """Then the newest calls are compared, and no list of clients is made first."""
    monkeypatch.setattr("gateway.journal.search.MOST_CANDIDATES", 0)
    assert listed(gateway, chief, text=text) == calls
