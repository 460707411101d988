"""The invented company and its invented calls: what the simulators promise to those who build on them."""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
import vobject

from simulators.company import Company
from simulators.mikopbx.history import FinishedCall, generate_calls, is_open, rows_by_end
from simulators.mikopbx.rows import COLUMNS, Row, disposition

TODAY = date(2026, 3, 31)
FIRST_DAY = date(2026, 2, 1)
INTERNAL = re.compile(r"2\d\d")


@pytest.fixture(scope="module")
def calls(invented_company: Company) -> list[FinishedCall]:
    return generate_calls(invented_company, first_day=FIRST_DAY, days=59, calls_per_day=150)


@pytest.fixture(scope="module")
def rows(calls: list[FinishedCall]) -> list[Row]:
    return rows_by_end(calls)


def e164(text: str) -> str:
    return phonenumbers.format_number(phonenumbers.parse(text, "RU"), phonenumbers.PhoneNumberFormat.E164)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def talked(row: Row) -> bool:
    return bool(row["billsec"]) and row["is_app"] != "1"


def test_the_same_seed_makes_the_same_company_and_calls(invented_company: Company) -> None:
    """A test that failed can be repeated."""
    assert Company.invent(parties=200) == invented_company
    assert Company.invent(seed=2, parties=200) != invented_company

    def made(seed: int) -> list[FinishedCall]:
        return generate_calls(invented_company, first_day=FIRST_DAY, days=3, calls_per_day=20, seed=seed)

    assert made(1) == made(1)
    assert made(1) != made(2)


def test_every_number_is_valid_and_each_notation_means_it(invented_company: Company) -> None:
    """Invented, but not refused by libphonenumber."""
    notations = set()
    for contact in (contact for party in invented_company.parties for contact in party.contacts):
        for number, written in zip(contact.numbers, contact.written, strict=True):
            assert phonenumbers.is_valid_number(phonenumbers.parse(number, None)), number
            assert e164(written.split(" доб.")[0]) == number
            notations.add(re.sub(r"\d", "0", written))
    assert {"+0 000 000-00-00", "0(000)000-00-00", "0000000000", "+00000000000"} <= notations
    assert any("доб." in notation for notation in notations)


def test_receptions_are_shared_and_people_take_their_numbers_along(invented_company: Company) -> None:
    """What makes an owner ambiguous, and what makes it a question of the day."""
    holders: dict[str, list[tuple[str, date | None, date | None]]] = defaultdict(list)
    for party in invented_company.parties:
        for contact in party.contacts:
            for number in contact.numbers:
                holders[number].append((party.party_id, contact.valid_from, contact.valid_to))
    shared = [held for held in holders.values() if len({one for one, *dates in held if dates == [None, None]}) > 1]
    moved = [sorted(held, key=lambda one: one[1] or date.min) for held in holders.values() if any(held[0][1:])]
    assert len(shared) >= 3
    assert len(moved) >= 3
    for (old, _, left_on), (new, came_on, _) in moved:
        assert old != new
        assert left_on == came_on


def test_an_extension_changes_hands_and_nobody_shares_one(invented_company: Company) -> None:
    """On any day an extension is one employee's."""
    left = [employee for employee in invented_company.employees if employee.employed_until]
    assert len(left) == 2
    holders: dict[str, set[str]] = defaultdict(set)
    for days in range(100):
        day = TODAY - timedelta(days=days)
        held = invented_company.extensions_on(day)
        assert len(set(held.values())) == len(held)
        for employee_id, extension in held.items():
            holders[extension].add(employee_id)
    assert sorted(len(who) for who in holders.values())[-2:] == [1, 2]
    newest = invented_company.extensions_on(TODAY)
    assert not any(employee.employee_id in newest for employee in left)
    assert any(party.responsible_id in {one.employee_id for one in left} for party in invented_company.parties)


def test_the_contact_files_hold_each_contact_once(invented_company: Company, tmp_path: Path) -> None:
    """The CRM's list and the address book have different clients: both are needed."""
    invented_company.write_contacts_csv(tmp_path / "contacts.csv")
    invented_company.write_vcards(tmp_path / "contacts.vcf")
    invented_company.write_employees_csv(tmp_path / "employees.csv")
    listed = {row["contact_id"]: row for row in read(tmp_path / "contacts.csv")}
    text = (tmp_path / "contacts.vcf").read_bytes().decode()
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    cards = {str(card.uid.value): card for card in vobject.readComponents(text)}
    assert not listed.keys() & cards.keys()
    for party in invented_company.parties:
        for contact in party.contacts:
            if party.is_on_cards:
                card = cards[contact.contact_id]
                assert card.fn.value == contact.name
                assert [one.value for one in card.tel_list] == list(contact.written)
                assert (card.org.value == [party.name]) if party.kind == "company" else not hasattr(card, "org")
            else:
                row = listed[contact.contact_id]
                assert (row["party_id"], row["party_name"], row["party_kind"]) == (
                    party.party_id, party.name, party.kind,
                )  # fmt: skip
                assert re.split(r"[,;] ?", row["phones"]) == list(contact.written)
    assert len(listed) + len(cards) == sum(len(party.contacts) for party in invented_company.parties)
    assert cards
    employees = read(tmp_path / "employees.csv")
    assert len(employees) == len(invented_company.employees)
    assert ",".join(employees[0]) == (
        "employee_id,name,department,extension,valid_from,valid_to,mobile,employed_from,employed_until"
    )


def test_rows_have_every_column_in_its_form(rows: list[Row]) -> None:
    """Wall clock with milliseconds, no zone; an empty answer; ids as MikoPBX makes them."""
    moment = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}")
    for row in rows:
        assert tuple(row) == COLUMNS
        assert moment.fullmatch(row["start"])
        assert moment.fullmatch(row["endtime"])
        assert row["answer"] == "" or moment.fullmatch(row["answer"])
        assert re.fullmatch(r"mikopbx-\d{10}\.\d+_[A-Za-z0-9]{6}", row["UNIQUEID"])
        assert re.fullmatch(r"mikopbx-\d{10}\.\d+", row["linkedid"])
        assert bool(row["recordingfile"]) == talked(row)
        begun = datetime.fromisoformat(row["start"]).replace(tzinfo=ZoneInfo("Europe/Moscow"))
        assert int(begun.timestamp()) == int(row["UNIQUEID"][8:18])
        assert 0 <= row["billsec"] <= row["duration"]
    assert len({row["UNIQUEID"] for row in rows}) == len(rows)


def test_the_disposition_follows_talk_time_then_the_dial_status(rows: list[Row]) -> None:
    """Application legs are ANSWERED although nobody answered."""
    assert disposition(1, "BUSY") == "ANSWERED"
    assert disposition(0, "ANSWER") == "ANSWER"
    assert disposition(0, "ANSWERED") == disposition(0, "") == "NOANSWER"
    assert {"ANSWERED", "NOANSWER", "BUSY", "CANCEL", "CHANUNAVAIL"} <= {row["disposition"] for row in rows}
    assert all(row["disposition"] == disposition(row["billsec"], row["dialstatus"]) for row in rows)
    assert all(row["disposition"] == "ANSWERED" for row in rows if row["is_app"] == "1")


def test_a_call_is_finalised_five_to_ten_seconds_after_its_last_channel(calls: list[FinishedCall]) -> None:
    """All its legs at once; so a long call comes after many that began later."""
    zone = ZoneInfo("Europe/Moscow")
    overtaken = 0
    for call in calls:
        ended = max(datetime.fromisoformat(row["endtime"]).replace(tzinfo=zone) for row in call.rows)
        assert timedelta(seconds=4.9) < call.finalised_at - ended < timedelta(seconds=10.1)
        assert call.recordings_at > call.finalised_at
        assert len({row["linkedid"] for row in call.rows}) == 1
    longest = max(calls, key=lambda call: call.rows[0]["duration"])
    assert longest.rows[0]["duration"] >= 7200
    for call in calls:
        overtaken += longest.rows[0]["start"] < call.rows[0]["start"] and call.finalised_at < longest.finalised_at
    assert overtaken > 10


def test_every_kind_of_call_occurs(calls: list[FinishedCall], invented_company: Company) -> None:
    """Queues, missed calls and call-backs, transfers, inner calls, nights, hidden and unknown callers."""
    known = {number for party in invented_company.parties for contact in party.contacts for number in contact.numbers}
    seen: Counter[str] = Counter()
    missed_at: dict[str, str] = {}
    for call in sorted(calls, key=lambda call: call.rows[0]["start"]):
        first, *rest = call.rows
        seen["queue"] += any(row["dst_chan"].startswith("Queue:") for row in call.rows)
        seen["closed"] += first["dst_num"] == "outworktimes"
        seen["over midnight"] += any(row["start"][:10] != row["endtime"][:10] for row in call.rows)
        seen["month's end"] += any(row["start"][:7] != row["endtime"][:7] for row in call.rows)
        if INTERNAL.fullmatch(first["src_num"]):
            seen["internal" if INTERNAL.fullmatch(first["dst_num"]) else "outgoing"] += 1
            seen["call-back"] += e164(first["dst_num"]) in missed_at if not INTERNAL.fullmatch(first["dst_num"]) else 0
            continue
        seen["attended"] += any(INTERNAL.fullmatch(row["src_num"]) for row in rest)
        seen["blind"] += len([row for row in call.rows if talked(row)]) == 2
        seen["hidden"] += first["src_num"] in {"anonymous", ""}
        if first["src_num"] not in {"anonymous", ""}:
            number = e164(first["src_num"])
            seen["unknown"] += number not in known
            if not any(talked(row) for row in call.rows):
                seen["missed"] += 1
                missed_at[number] = first["start"]
    kinds = ("queue", "closed", "over midnight", "month's end", "internal", "outgoing", "call-back", "attended",
             "blind", "hidden", "unknown", "missed")  # fmt: skip
    assert not [kind for kind in kinds if not seen[kind]]


def test_one_client_number_comes_in_several_notations(rows: list[Row]) -> None:
    """Each provider and each employee writes it another way."""
    notations: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        for number in (row["src_num"], row["dst_num"]):
            if len(number) >= 10 and number.lstrip("+").isdigit():
                notations[e164(number)].add(number)
    assert max(len(written) for written in notations.values()) >= 4


def test_only_who_holds_an_extension_that_day_is_seen_at_it(rows: list[Row], invented_company: Company) -> None:
    """Those who left do not call any more; a handed-over extension has its new holder's name."""
    names = {employee.employee_id: employee.name for employee in invented_company.employees}
    for row in rows:
        day = datetime.fromisoformat(row["start"]).date()
        held = {(extension, names[one]) for one, extension in invented_company.extensions_on(day).items()}
        # A leg after midnight belongs to a call of the day before.
        held |= {(ext, names[one]) for one, ext in invented_company.extensions_on(day - timedelta(days=1)).items()}
        for side in ("src", "dst"):
            if INTERNAL.fullmatch(row[f"{side}_num"]):
                assert (row[f"{side}_num"], row[f"{side}_name"]) in held


def test_a_client_is_mostly_dealt_with_by_one_or_two_people(rows: list[Row], invented_company: Company) -> None:
    """Otherwise a routing table would have nothing to find."""
    owner = {
        number: party.party_id
        for party in invented_company.parties
        for contact in party.contacts
        for number in contact.numbers
        if contact.valid_to is None
    }
    talkers: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        for client, colleague in (("src", "dst"), ("dst", "src")):
            number = row[f"{client}_num"]
            if talked(row) and len(number) >= 10 and number.lstrip("+").isdigit():
                talkers[owner.get(e164(number), "unknown")][row[f"{colleague}_name"]] += 1
    talkers.pop("unknown")
    often = [counted for counted in talkers.values() if counted.total() >= 30]
    assert len(often) > 20
    shares = sorted(sum(n for _, n in counted.most_common(2)) / counted.total() for counted in often)
    assert shares[len(shares) // 2] > 0.6
    assert shares[0] < 0.95


def test_calls_follow_the_working_day(calls: list[FinishedCall]) -> None:
    """Most begin while people are at work, in the PBX's own zone."""
    begun = [datetime.fromisoformat(call.rows[0]["start"]) for call in calls]
    weekdays = Counter(moment.weekday() for moment in begun)
    assert weekdays[6] < weekdays[5] < weekdays[0]
    assert sum(8 <= moment.hour < 20 for moment in begun) > 0.9 * len(begun)
    assert is_open(datetime(2026, 3, 2, 5, 0, tzinfo=UTC), "Europe/Moscow")
    assert not is_open(datetime(2026, 3, 2, 5, 0, tzinfo=UTC), "Europe/Berlin")
    assert not is_open(datetime(2026, 3, 1, 9, 0, tzinfo=UTC), "Europe/Moscow")


def test_the_repeated_hour_of_autumn_is_written_as_the_wall_shows_it(invented_company: Company) -> None:
    """Start is not in order any more, and a call over the change has lost its duration; UNIQUEID knows better."""
    calls = generate_calls(
        invented_company, first_day=date(2026, 10, 25), days=1, calls_per_day=100, timezone="Europe/Berlin"
    )
    begun = sorted((int(row["UNIQUEID"][8:18]), row) for call in calls for row in call.rows)
    turns = [(one, other) for (_, one), (_, other) in pairwise(begun) if one["start"] > other["start"]]
    assert turns
    over = [row for _, row in begun if row["endtime"] < row["start"]]
    assert over
    assert all((row["duration"], row["billsec"], row["disposition"]) == (0, 0, "ANSWER") for row in over)


def test_the_missing_hour_of_spring_is_never_written(invented_company: Company) -> None:
    """A call over the change keeps its true duration."""
    calls = generate_calls(
        invented_company, first_day=date(2026, 3, 29), days=1, calls_per_day=100, timezone="Europe/Berlin"
    )
    rows = [row for call in calls for row in call.rows]
    assert not [row for row in rows for name in ("start", "endtime") if "2026-03-29 02" in row[name]]
    [over] = [row for row in rows if row["start"] < "2026-03-29 02" < row["endtime"]]
    assert 1200 <= over["duration"] < 1300
