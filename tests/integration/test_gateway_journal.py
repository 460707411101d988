"""The journal: which calls are listed, who may see and hear them, how they are found, and what reports count."""

from __future__ import annotations

import csv
import io
import json
import random
import threading
from datetime import timedelta
from typing import Any

import pytest

from resources.warehouse import Warehouse
from tests.fix_gateway import ServedGateway, execute
from tests.fix_journal import DAYS, LILIA, MONDAY, ROMASHKA, STRANGER, journal
from tests.live_calls import logged_in
from tests.rows import at, leg, load


def listed(gateway: ServedGateway, who: dict[str, str], **asked: Any) -> list[str]:  # noqa: ANN401
    answer = journal(gateway, who, **asked)
    assert answer.status_code == 200, answer.text
    return [call["linkedid"] for call in answer.json()["calls"]]


def rows(gateway: ServedGateway, who: dict[str, str], name: str, **asked: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    answer = journal(gateway, who, "report", name=name, **{**DAYS, **asked})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["rows"]
    return found


def test_calls_are_listed_newest_first_with_all_that_tells_them_apart(
    gateway: ServedGateway, chief: dict[str, str]
) -> None:
    """Client, employees, status, times, marks, and whether there is something to hear."""
    answer = journal(gateway, chief).json()
    assert [call["linkedid"] for call in answer["calls"]] == ["again", "inner", "lost", "back", "missed", "first"]
    assert answer["has_more"] is False
    first = answer["calls"][-1]
    assert (first["party_id"], first["party_name"], first["contact_name"]) == (
        "romashka",
        "ООО «Ромашка 100%»",
        "Пётр Сомов",
    )
    assert first["employees"] == [{"employee_id": "anna", "name": "Анна <Смирнова> & Co"}]
    assert (first["direction"], first["status"], first["talk_seconds"], first["number"]) == (
        "in",
        "accepted",
        40,
        ROMASHKA,
    )
    assert (first["first_contact"], first["recording"]) == (True, "named")
    lost = answer["calls"][2]
    assert (lost["status"], lost["needs_attention"], lost["party_id"]) == ("lost", True, None)


@pytest.mark.parametrize(
    ("asked", "calls"),
    [
        ({"kind": "in"}, ["again", "lost", "missed", "first"]),
        ({"kind": "out"}, ["back"]),
        ({"kind": "internal"}, ["inner"]),
        ({"kind": "external"}, ["again", "lost", "back", "missed", "first"]),
        ({"kind": "missed"}, ["lost", "missed"]),
        ({"kind": "lost"}, ["lost"]),
        ({"first_contact": "true"}, ["lost", "missed", "first"]),
        ({"needs_attention": "true"}, ["lost"]),
        ({"unregistered": "true"}, ["lost"]),
        ({"mine": "true"}, ["again", "inner", "back", "missed"]),
        ({"employee": "anna"}, ["inner", "lost", "first"]),
        ({"did": "84950000002"}, ["missed"]),
        ({"party": "romashka"}, ["again", "first"]),
        ({"number": LILIA}, ["back", "missed"]),
        ({"status": "reached"}, ["inner", "back"]),
        ({"hour": 11}, ["inner", "missed"]),
        ({"weekday": 1, "kind": "in"}, ["again", "missed", "first"]),
        ({"first_day": "2026-03-03", "last_day": "2026-03-03"}, ["inner", "lost"]),
        ({"region": "St Petersburg", "language": "en"}, ["back", "missed"]),
        ({"pbx": "branch"}, []),
        ({"text": "ромаш"}, ["again", "first"]),
        ({"text": "100%"}, ["again", "first"]),
        ({"text": "сомов"}, ["again", "first"]),
        ({"text": "8 (812) 999"}, ["back", "missed"]),
        ({"text": "9161112"}, ["lost"]),
        ({"text": "ромаш", "kind": "in", "last_day": "2026-03-03"}, ["first"]),
        ({"text": "%"}, ["again", "inner", "lost", "back", "missed", "first"]),
        ({"text": "нет такого"}, []),
    ],
)
def test_a_filter_leaves_its_calls(
    gateway: ServedGateway, chief: dict[str, str], asked: dict[str, Any], calls: list[str]
) -> None:
    """Alone, together, and with what is typed; too short a text is no filter yet."""
    assert listed(gateway, chief, **asked) == calls


@pytest.mark.parametrize(
    "asked",
    [
        {"kind": "odd"},
        {"first_day": "yesterday"},
        {"first_day": "0001-01-01"},
        {"hour": 24},
        {"other": 1},
        {"after": "x"},
    ],
)
def test_a_filter_that_cannot_be_read_is_refused(
    gateway: ServedGateway, chief: dict[str, str], asked: dict[str, Any]
) -> None:
    """Not taken for no filter, which would show calls that were not asked for."""
    assert journal(gateway, chief, **asked).status_code == 422


def test_pages_of_the_list_hold_each_call_once(
    gateway: ServedGateway, warehouse: Warehouse, chief: dict[str, str]
) -> None:
    """Also where many calls began in the same second."""
    chance = random.Random(3)
    load(
        warehouse, [leg(f"m{n}", MONDAY + timedelta(seconds=chance.randrange(9)), ROMASHKA, "201") for n in range(120)]
    )
    seen: list[str] = []
    asked: dict[str, Any] = {"party": "romashka"}
    while True:
        answer = journal(gateway, chief, **asked).json()
        seen += [call["linkedid"] for call in answer["calls"]]
        if not answer["has_more"]:
            break
        last = answer["calls"][-1]
        place = {name: last[name] for name in ("call_day", "started_at", "pbx_id", "linkedid")}
        asked["after"] = json.dumps(place)
    assert len(seen) == len(set(seen)) == 122
    asked = {"party": "romashka", "text": "ромаш", "after": asked["after"]}
    assert listed(gateway, chief, **asked) == seen[100:]


def test_an_employee_sees_their_own_calls_and_those_of_their_clients(
    gateway: ServedGateway, warehouse: Warehouse, chief: dict[str, str]
) -> None:
    """In lists, searches, details, files and reports alike."""
    anna = logged_in(warehouse, "anna")
    assert listed(gateway, anna) == ["again", "inner", "lost", "first"]
    assert listed(gateway, anna, text="лилия") == []
    assert listed(gateway, anna, text="8129998877") == []
    hidden = journal(gateway, anna, "call", pbx_id="office", linkedid="back")
    assert hidden.status_code == 404
    assert journal(gateway, chief, "call", pbx_id="office", linkedid="back").status_code == 200
    assert sum(row["calls"] for row in rows(gateway, anna, "periods")) == 4
    assert "Лилия" not in journal(gateway, anna, "calls.csv").text
    assert [one["employee_id"] for one in journal(gateway, anna, "options").json()["employees"]] == ["anna"]


@pytest.mark.parametrize("path", ["me", "options", "calls", "call", "recording", "calls.csv", "report"])
def test_nobody_who_is_not_logged_in_sees_anything(gateway: ServedGateway, chief: dict[str, str], path: str) -> None:
    """Each address by itself."""
    assert journal(gateway, {}, path).status_code == 401


def test_a_call_is_told_leg_by_leg(gateway: ServedGateway, warehouse: Warehouse, chief: dict[str, str]) -> None:
    """Who rang whom, how long, what came of it, and what can be heard of it."""
    load(
        warehouse,
        [
            leg("queue", MONDAY, ROMASHKA, "2000", duration=40, talk=40, app=True),
            leg("queue", MONDAY + timedelta(seconds=5), ROMASHKA, "201", duration=10),
            leg(
                "queue", MONDAY + timedelta(seconds=15), ROMASHKA, "202", duration=25, talk=20, recordingfile="/m/b.mp3"
            ),
        ],
    )
    call = journal(gateway, chief, "call", pbx_id="office", linkedid="queue").json()
    assert [(one["dst_number"], one["dst_name"], one["talk_seconds"], one["recording"]) for one in call["legs"]] == [
        ("2000", None, 0, None),
        ("201", "Анна <Смирнова> & Co", 0, None),
        ("202", "Борис Кузнецов", 20, "named"),
    ]
    assert (call["talk_seconds"], call["wait_seconds"]) == (20, 20)


def test_the_list_can_be_taken_away_as_a_file(
    gateway: ServedGateway, warehouse: Warehouse, chief: dict[str, str]
) -> None:
    """Excel opens it, in either language, and takes nothing in it for a formula."""
    execute(warehouse, "UPDATE crm_parties SET name = '=1+1' WHERE party_id = 'lilia'")
    answer = journal(gateway, chief, "calls.csv", language="ru", **DAYS)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'filename="calls-2026-03-01.csv"' in answer.headers["content-disposition"]
    assert answer.content.startswith(b"\xef\xbb\xbf")
    table = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))
    assert len(table) == 6
    assert table[-1]["Клиент"] == "ООО «Ромашка 100%»"
    assert table[-1]["Начало"] == "2026-03-02 10:00:00"
    assert table[-1]["Номер"] == ROMASHKA
    assert (table[-1]["Статус"], table[-1]["Первое обращение"]) == ("принят", "да")
    assert table[-2]["Клиент"] == "'=1+1"
    assert [row["Линия"] for row in table if row["Направление"] == "внутренний"] == [""]
    english = journal(gateway, chief, "calls.csv", language="en", kind="missed", **DAYS)
    assert [row["Status"] for row in csv.DictReader(io.StringIO(english.content.decode("utf-8-sig")))] == [
        "lost",
        "no answer",
    ]


def test_a_file_that_lacks_calls_says_so(
    gateway: ServedGateway, chief: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In its last line."""
    monkeypatch.setattr("gateway.journal.calls.MOST_EXPORTED", 2)
    lines = journal(gateway, chief, "calls.csv", language="en").text.splitlines()
    assert len(lines) == 4
    assert lines[-1] == "Only the newest calls: choose fewer days."


def test_a_call_in_the_list_says_what_there_is_to_hear(
    gateway: ServedGateway, warehouse: Warehouse, chief: dict[str, str]
) -> None:
    """What exists, what is being made and what is missing, as the night found it, or as the row has it since."""
    talks = {name: leg(name, MONDAY + timedelta(days=9), ROMASHKA, "201", talk=5) for name in ("pending", "missing")}
    talks["named"] = leg("named", MONDAY + timedelta(days=9), ROMASHKA, "201", talk=5, recordingfile="/m/late.mp3")
    load(warehouse, list(talks.values()))
    for state, row in talks.items():
        execute(
            warehouse,
            "INSERT INTO recordings (pbx_id, leg_id, linkedid, call_day, state) "
            "VALUES ('office', :leg_id, :linkedid, '2026-03-11', :state)",
            leg_id=row["UNIQUEID"],
            linkedid=state,
            state="pending" if state == "named" else state,
        )
    calls = journal(gateway, chief).json()["calls"]
    assert {call["linkedid"]: call["recording"] for call in calls if call["linkedid"] in talks} == {
        name: name for name in talks
    }
    assert {call["linkedid"]: call["recording"] for call in calls if call["linkedid"] in {"missed", "back"}} == {
        "missed": None,
        "back": "none",
    }


def test_months_are_compared_with_months_and_weekdays_with_weekdays(
    gateway: ServedGateway, warehouse: Warehouse, chief: dict[str, str]
) -> None:
    """April beside March, whole; thirty days beside those five weeks earlier; each leads to the calls it counts."""
    load(warehouse, [leg("april", MONDAY + timedelta(days=39), ROMASHKA, "201")])
    may = {"first_day": "2026-05-01", "last_day": "2026-05-31"}
    [month] = rows(gateway, chief, "periods", unit="month", **may)
    assert (month["calls"], month["before"]["calls"]) == (0, 1)
    assert month["drill_before"] == {"first_day": "2026-04-01", "last_day": "2026-04-30"}
    april = {"first_day": "2026-04-01", "last_day": "2026-04-12"}
    [month] = rows(gateway, chief, "periods", unit="month", **april)
    assert (month["calls"], month["before"]["calls"]) == (1, 6)
    assert month["drill_before"] == {"first_day": "2026-03-01", "last_day": "2026-03-12"}
    days = rows(gateway, chief, "periods", first_day="2026-04-01", last_day="2026-04-30")
    assert all(
        day["drill_before"]["first_day"] == (at(day["key"]) - timedelta(weeks=5)).date().isoformat() for day in days
    )
    for unit in ("day", "week", "month"):
        for row in rows(gateway, chief, "periods", unit=unit, **april):
            assert len(listed(gateway, chief, **row["drill_before"])) == row["before"]["calls"]
            assert len(listed(gateway, chief, **row["drill"])) == row["calls"]


def test_a_report_of_all_time_begins_with_the_first_call(gateway: ServedGateway, chief: dict[str, str]) -> None:
    """And says which days it counts."""
    answer = journal(gateway, chief, "report", name="regions", language="en", last_day="2026-05-31").json()
    assert (answer["first_day"], answer["last_day"]) == ("2026-03-02", "2026-05-31")
    assert sum(row["calls"] for row in answer["rows"]) == 5


def test_a_region_is_the_same_in_either_language_and_numbers_without_one_can_be_listed(
    gateway: ServedGateway, warehouse: Warehouse, chief: dict[str, str]
) -> None:
    """A link shows whoever opens it the same calls."""
    load(warehouse, [leg("hidden", MONDAY + timedelta(days=8), "anonymous", "201")])
    assert listed(gateway, chief, region="г. Санкт-Петербург", language="en") == ["back", "missed"]
    [unknown] = [row for row in rows(gateway, chief, "regions") if not row["key"]]
    assert unknown["calls"] == 1
    assert listed(gateway, chief, **DAYS, **unknown["drill"]) == ["hidden"]


def test_periods_stand_beside_those_before(gateway: ServedGateway, chief: dict[str, str]) -> None:
    """Every day of the range has its row, empty ones too; the days just before are compared place by place."""
    days = rows(gateway, chief, "periods", first_day="2026-03-09", last_day="2026-03-15")
    assert [(day["key"], day["calls"], day["before"]["calls"]) for day in days][:2] == [
        ("2026-03-09", 1, 3),
        ("2026-03-10", 0, 2),
    ]
    assert len(days) == 7
    weeks = rows(gateway, chief, "periods", unit="week")
    assert [(week["key"], week["calls"]) for week in weeks][:3] == [
        ("2026-02-23", 0),
        ("2026-03-02", 5),
        ("2026-03-09", 1),
    ]
    [month] = rows(gateway, chief, "periods", unit="month")
    assert {
        name: month[name] for name in ("calls", "inbound", "answered", "missed", "lost", "outbound", "reached")
    } == {
        "calls": 6,
        "inbound": 4,
        "answered": 2,
        "missed": 2,
        "lost": 1,
        "outbound": 1,
        "reached": 1,
    }
    assert month["talk_seconds"] == 130
    assert month["drill"] == {"first_day": "2026-03-01", "last_day": "2026-03-31"}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("regions", {"Moscow": 2, "St Petersburg": 2, "Russia": 1}),
        ("hours", {"1-10": 2, "1-11": 1, "1-12": 1, "2-10": 1, "2-11": 1}),
        ("lines", {"84950000001": 3, "84950000002": 1}),
        ("employees", {"Борис Кузнецов": 4, "Анна <Смирнова> & Co": 3}),
        ("clients", {"ООО «Ромашка 100%»": 2, "ЗАО Лилия": 2, STRANGER: 1}),
    ],
)
def test_each_line_of_a_report_leads_to_its_calls(
    gateway: ServedGateway, chief: dict[str, str], name: str, found: dict[str, int]
) -> None:
    """What a line counts and what its filters list are the same calls."""
    lines = rows(gateway, chief, name, language="en")
    assert {line["key"]: line["calls"] for line in lines} == found
    for line in lines:
        calls = listed(gateway, chief, language="en", **DAYS, **line["drill"])
        assert len(calls) == line["calls"], line


def test_leads_and_those_that_were_lost(gateway: ServedGateway, chief: dict[str, str]) -> None:
    """A lead is a first contact; a lost one was never spoken to that day."""
    [month] = rows(gateway, chief, "leads", unit="month")
    assert (month["leads"], month["lost_leads"], month["answered_leads"]) == (3, 1, 1)
    assert len(listed(gateway, chief, **month["drill"])) == 3


def test_missed_calls_and_who_was_called_back(gateway: ServedGateway, chief: dict[str, str]) -> None:
    """Called back within a day, how soon, and what still needs attention."""
    [month] = rows(gateway, chief, "missed", unit="month")
    assert {name: month[name] for name in ("missed", "called_back", "reached_after", "needs_attention")} == {
        "missed": 2,
        "called_back": 1,
        "reached_after": 1,
        "needs_attention": 1,
    }
    assert month["call_back_seconds"] == 3600
    assert len(listed(gateway, chief, **month["drill"])) == 2


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"name": "none"}, 404),
        ({"name": "periods", "unit": "hour"}, 422),
        ({"name": "periods", "first_day": "2010-01-01"}, 422),
        ({"name": "periods", "first_day": "2026-03-31", "last_day": "2026-03-01"}, 422),
    ],
)
def test_a_report_that_cannot_be_made_says_why(
    gateway: ServedGateway, chief: dict[str, str], asked: dict[str, Any], status: int
) -> None:
    """In words."""
    answer = journal(gateway, chief, "report", **{**DAYS, **asked})
    assert answer.status_code == status
    assert answer.text


def test_the_journals_questions_never_hold_up_a_ringing_telephone(
    gateway: ServedGateway, warehouse: Warehouse, chief: dict[str, str]
) -> None:
    """Reports have connections of their own, and look-ups go on beside as many reports as there can be."""
    with warehouse.transaction() as connection:
        connection.exec_driver_sql("LOCK TABLE call_history IN ACCESS EXCLUSIVE MODE")

        slow = [threading.Thread(target=journal, args=(gateway, chief)) for _ in range(6)]
        for thread in slow:
            thread.start()
        for _ in range(20):
            assert gateway.get("/v1/route", params={"number": STRANGER}).status_code == 200
    for thread in slow:
        thread.join()
