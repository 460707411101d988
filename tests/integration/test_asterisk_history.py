"""Recorded calls of a real Asterisk become legs: all of them, once, and true to what happened."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assets.history.load import LoadReport, LoadRules, load_new, load_portions, reread_days
from resources.telephony.asterisk_csv import AsteriskCsvSource, read_csv_files
from resources.telephony.asterisk_layouts import LAYOUTS
from resources.telephony.asterisk_sql import AsteriskSqlSource
from resources.telephony.source import Portion
from resources.warehouse import Warehouse
from tests.fix_asterisk import (
    ASTERISK_DATA,
    MASTER_COLUMNS,
    cdr_mariadb_fixture,  # noqa: F401
    cdr_postgres_fixture,  # noqa: F401
    mariadb_socket_fixture,  # noqa: F401
    recorded_rows,
)
from tests.rows import select, snapshot

UTC_RULES = LoadRules(business_zone="Europe/Moscow", source_zone="UTC")
BERLIN_RULES = LoadRules(business_zone="Europe/Berlin", source_zone="Europe/Berlin")
FACTS = ("leg_id", "linkedid", "call_day", "src_number", "dst_number", "src_extension", "dst_extension",
         "disposition", "duration_seconds", "talk_seconds", "is_app")  # fmt: skip
MASTER = ASTERISK_DATA / "Master.csv"
DST_NIGHT = ASTERISK_DATA / "Master_dst_berlin.csv"
RECORDED_DAY = date(2026, 11, 23)


def load_files(warehouse: Warehouse, *paths: Path, rules: LoadRules = UTC_RULES, **options: Any) -> LoadReport:  # noqa: ANN401
    return load_portions(warehouse, "ast", "asterisk", read_csv_files(paths, **options), rules)


def load_records(
    warehouse: Warehouse, records: Iterable[Mapping[str, Any]], rules: LoadRules = UTC_RULES
) -> LoadReport:
    """Load rows as the SQL source gives them; what a test leaves out is as usual."""
    usual = {
        "start": "2026-11-23 10:00:00", "answer": "2026-11-23 10:00:03", "end": "2026-11-23 10:00:10",
        "duration": 10, "billsec": 7, "disposition": "ANSWERED", "src": "+79000000001", "dst": "101",
        "channel": "PJSIP/trunk-0000001a", "dstchannel": "PJSIP/101-0000001b", "lastapp": "Dial",
        "uniqueid": "1795428000.1", "linkedid": "1795428000.1",
    }  # fmt: skip
    rows = [{**usual, "sequence": number, **record} for number, record in enumerate(records, start=1)]
    return load_portions(warehouse, "ast", "asterisk", [Portion({}, records=rows)], rules)


def legs_of(warehouse: Warehouse, pbx_id: str = "ast") -> list[dict[str, Any]]:
    rows = select(warehouse, "SELECT * FROM call_legs WHERE pbx_id = :pbx_id ORDER BY leg_id", pbx_id=pbx_id)
    return [dict(row._mapping) for row in rows]


def quarantined(warehouse: Warehouse) -> list[str]:
    return [row.reason for row in select(warehouse, "SELECT reason FROM quarantine ORDER BY reason")]


def key_of(row: Mapping[str, str]) -> str:
    return f"{row['uniqueid']}-{row['sequence']}"


# --- every row, once ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "rules", "count"),
    [
        ("Master.csv", UTC_RULES, 426),
        ("cdr_custom_full.csv", UTC_RULES, 426),
        ("Master_dst_berlin.csv", BERLIN_RULES, 358),
    ],
)
def test_every_recorded_row_becomes_a_leg_of_its_call(
    warehouse: Warehouse, name: str, rules: LoadRules, count: int
) -> None:
    """No row lost, none doubled, none quarantined; each call is what its linkedid says; again changes nothing."""
    columns = LAYOUTS[9] if name.startswith("cdr_custom") else MASTER_COLUMNS
    rows = recorded_rows(name, columns)
    report = load_files(warehouse, ASTERISK_DATA / name, rules=rules)
    assert (report.read, report.new, report.quarantined) == (count, count, 0)
    assert [(leg["leg_id"], leg["linkedid"]) for leg in legs_of(warehouse)] == sorted(
        (key_of(row), row["linkedid"]) for row in rows
    )
    calls = select(warehouse, "SELECT linkedid, legs FROM call_history")
    assert {call.linkedid: call.legs for call in calls} == Counter(row["linkedid"] for row in rows)
    again = load_files(warehouse, ASTERISK_DATA / name, rules=rules)
    assert (again.new, again.changed, again.repeated) == (0, 0, count)


def test_small_portions_end_in_the_same_history(warehouse: Warehouse, tmp_path: Path) -> None:
    """A followed file loaded by small portions, while it grows, gives what one big portion gives."""
    load_files(warehouse, MASTER)
    whole = snapshot(warehouse)
    with warehouse.transaction() as connection:
        connection.exec_driver_sql("TRUNCATE call_legs, call_history, enriched_calls")
    path = tmp_path / "Master.csv"
    text = MASTER.read_bytes()
    source = AsteriskCsvSource("ast", path, zone="UTC", portion_bytes=9_000)
    for end in (50_000, 50_001, len(text)):
        path.write_bytes(text[:end])
        load_new(warehouse, source, UTC_RULES)
    assert snapshot(warehouse) == whole


def test_days_read_again_are_the_days_loaded(warehouse: Warehouse, tmp_path: Path, cdr_postgres_url: str) -> None:
    """A backfill of the days ends in the same rows as the incremental load, from the file and from SQL."""
    (tmp_path / "Master.csv").write_bytes(MASTER.read_bytes())
    for source in (
        AsteriskCsvSource("file", tmp_path / "Master.csv", zone="UTC"),
        AsteriskSqlSource("table", cdr_postgres_url, zone="UTC"),
    ):
        load_new(warehouse, source, UTC_RULES)
        before = snapshot(warehouse)
        report = reread_days(warehouse, source, UTC_RULES, RECORDED_DAY, RECORDED_DAY)
        assert (report.read, report.new, report.changed, report.gone) == (426, 0, 0, 0)
        assert snapshot(warehouse) == before


# --- the same facts, whoever tells them -----------------------------------------------------------


def same_facts(one: list[dict[str, Any]], other: list[dict[str, Any]], names: Iterable[str] = FACTS) -> None:
    """Both tell the same legs: equal facts, instants within a second."""
    assert [tuple(leg[name] for name in names) for leg in one] == [tuple(leg[name] for name in names) for leg in other]
    for left, right in zip(one, other, strict=True):
        for name in ("started_at", "ended_at", "answered_at"):
            assert (left[name] is None) == (right[name] is None), (left["leg_id"], name)
            if left[name]:
                assert abs(left[name] - right[name]) <= timedelta(seconds=1), (left["leg_id"], name)


def test_custom_file_and_tables_tell_what_the_file_tells(warehouse: Warehouse, cdr_postgres_url: str) -> None:
    """Master.csv, cdr_custom with its own order of columns, and cdr_pgsql: one set of facts."""
    load_portions(warehouse, "csv", "asterisk", read_csv_files([MASTER]), UTC_RULES)
    custom = ASTERISK_DATA / "cdr_custom_full.csv"
    load_portions(warehouse, "custom", "asterisk", read_csv_files([custom]), UTC_RULES)
    load_new(warehouse, AsteriskSqlSource("sql", cdr_postgres_url, zone="UTC", page_rows=100), UTC_RULES)
    for other in ("custom", "sql"):
        same_facts(legs_of(warehouse, "csv"), legs_of(warehouse, other), (*FACTS, "did"))


def test_freepbx_tells_the_same_without_answer_and_end(warehouse: Warehouse, cdr_mariadb_url: str) -> None:
    """FreePBX keeps neither column: they follow from start, duration and billsec."""
    load_portions(warehouse, "csv", "asterisk", read_csv_files([MASTER]), UTC_RULES)
    load_new(warehouse, AsteriskSqlSource("freepbx", cdr_mariadb_url, zone="UTC"), UTC_RULES)
    names = [name for name in FACTS if name != "did"]
    same_facts(legs_of(warehouse, "csv"), legs_of(warehouse, "freepbx"), names)


@pytest.mark.parametrize(("name", "within_seconds"), [("Master.csv", 1), ("cdr_custom_full.csv", 0.001)])
def test_instants_are_those_the_server_knew(warehouse: Warehouse, name: str, within_seconds: float) -> None:
    """Wall clocks to the second, and to the millisecond where cdr_custom wrote the seconds since 1970."""
    load_files(warehouse, ASTERISK_DATA / name)
    truth = {key_of(row): row for row in recorded_rows("cdr_custom_full.csv", LAYOUTS[9])}
    for leg in legs_of(warehouse):
        row = truth[leg["leg_id"]]
        assert abs(leg["started_at"].timestamp() - float(row["epoch_start"])) <= within_seconds
        assert abs(leg["ended_at"].timestamp() - float(row["epoch_end"])) <= within_seconds
        assert (leg["answered_at"] is not None) == (row["disposition"] == "ANSWERED")
        if leg["answered_at"]:
            assert abs(leg["answered_at"].timestamp() - float(row["epoch_answer"])) <= within_seconds


def bridged_seconds() -> dict[str, list[tuple[float, float]]]:
    """When two real channels were joined, by call, as the channel events tell."""
    bridges: dict[str, list[tuple[float, bool, str, str]]] = defaultdict(list)
    with gzip.open(ASTERISK_DATA / "cel.csv.gz", "rt", encoding="utf-8", newline="") as stream:
        for event in csv.reader(stream):
            if event[0] in ("BRIDGE_ENTER", "BRIDGE_EXIT"):
                bridge = json.loads(event[19])["bridge_id"]
                bridges[bridge].append((float(event[1]), event[0] == "BRIDGE_ENTER", event[9], event[15]))
    joined: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for events in bridges.values():
        inside: set[str] = set()
        since = 0.0
        for at, is_entering, channel, linkedid in sorted(events):
            if len([name for name in inside if not name.startswith("Local/")]) >= 2:
                joined[linkedid].append((since, at))
            inside = inside | {channel} if is_entering else inside - {channel}
            since = at
    return joined


def covered_seconds(spans: Iterable[tuple[float, float]]) -> float:
    """How long at least one of the spans lasted."""
    covered, until = 0.0, 0.0
    for start, end in sorted(spans):
        covered += max(0.0, end - max(start, until))
        until = max(until, end)
    return covered


def test_talk_is_when_two_people_were_joined(warehouse: Warehouse) -> None:
    """Channel events know when channels were bridged: legs claim talk where there was some, and about as long.

    `billsec` counts from the caller's own answer, so up to four seconds of greeting may be in it.
    """
    load_files(warehouse, MASTER)
    legs: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for leg in legs_of(warehouse):
        if leg["talk_seconds"]:
            answered = leg["answered_at"].timestamp()
            legs[leg["linkedid"]].append((answered, answered + leg["talk_seconds"]))
    truth = bridged_seconds()
    off = {call: covered_seconds(legs[call]) - covered_seconds(truth[call]) for call in {*legs, *truth}}
    assert len(off) > 80
    assert all(-2 <= seconds <= 4 for seconds in off.values()), off
    assert sum(abs(seconds) > 2 for seconds in off.values()) <= 6


# --- a night on which the clock is put back --------------------------------------------------------


def test_no_leg_ends_before_it_starts_when_the_clock_is_put_back(warehouse: Warehouse) -> None:
    """The hour that comes twice: starts follow the channels' birth, ends follow the durations."""
    rows = {key_of(row): row for row in recorded_rows("Master_dst_berlin.csv")}
    assert sum(row["end"] < row["start"] for row in rows.values()) == 16
    load_files(warehouse, DST_NIGHT, rules=BERLIN_RULES)
    for leg in legs_of(warehouse):
        row = rows[leg["leg_id"]]
        born = int(row["uniqueid"].rsplit("-", 1)[1].split(".")[0])
        assert 0 <= leg["started_at"].timestamp() - born < 60
        assert 0 <= (leg["ended_at"] - leg["started_at"]).total_seconds() - int(row["duration"]) <= 1
        if leg["answered_at"]:
            assert leg["started_at"] <= leg["answered_at"] <= leg["ended_at"]
            assert abs((leg["ended_at"] - leg["answered_at"]).total_seconds() - int(row["billsec"])) <= 1
    assert not select(warehouse, "SELECT FROM call_history WHERE duration_seconds < 0 OR wait_seconds < 0")


@pytest.mark.parametrize(
    ("born", "start", "duration", "end", "begun"),
    [
        ("2025-10-26 00:10:00", "2025-10-26 02:10:00", 5_100, "2025-10-26 02:35:00", "2025-10-26 00:10:00"),
        ("2025-10-26 01:10:00", "2025-10-26 02:10:00", 60, "2025-10-26 02:11:00", "2025-10-26 01:10:00"),
        ("2025-10-26 00:59:58", "2025-10-26 02:00:01", 5, "2025-10-26 02:00:06", "2025-10-26 01:00:01"),
        ("2025-03-30 00:59:50", "2025-03-30 01:59:50", 20, "2025-03-30 03:00:10", "2025-03-30 00:59:50"),
    ],
    ids=["over the whole hour", "in its second pass", "just after the change", "in spring"],
)
def test_the_true_instant_is_found_on_both_nights(
    warehouse: Warehouse, born: str, start: str, duration: int, end: str, begun: str
) -> None:
    """Wall clock plus the channel's birth give the instant; duration gives the end."""
    channel = f"{int(datetime.fromisoformat(born).replace(tzinfo=UTC).timestamp())}.1"
    row = {"start": start, "answer": start, "end": end, "duration": duration, "billsec": duration, "uniqueid": channel}
    load_records(warehouse, [row], BERLIN_RULES)
    (leg,) = legs_of(warehouse)
    begun_at = datetime.fromisoformat(begun).replace(tzinfo=UTC)
    assert leg["started_at"] == begun_at
    assert leg["answered_at"] == begun_at
    assert leg["ended_at"] == begun_at + timedelta(seconds=duration)


# --- what a row is known by -----------------------------------------------------------------------


@pytest.mark.parametrize("columns", LAYOUTS[:4], ids=lambda columns: f"{len(columns)}_{columns[-1]}")
def test_layouts_without_sequence_keep_every_row(
    warehouse: Warehouse, tmp_path: Path, columns: tuple[str, ...]
) -> None:
    """Rows are known by what they say; two that say the same are two; a second reading adds none."""
    rows = recorded_rows()
    path = tmp_path / "Master.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, quoting=csv.QUOTE_ALL).writerows(
            [row[name] for name in columns] for row in [*rows, rows[7], rows[7]]
        )
    for news in (428, 0):
        report = load_files(warehouse, path)
        assert (report.read, report.new, report.quarantined) == (428, news, 0)
    calls = {leg["linkedid"] for leg in legs_of(warehouse)}
    assert len(calls) == (len({row["uniqueid"] for row in rows}) if "uniqueid" in columns else 428)


def test_rows_from_before_freepbx_had_the_columns_are_not_one(warehouse: Warehouse) -> None:
    """Old rows hold sequence 0 and no linkedid: several of one channel are several legs of one call."""
    old = {"sequence": 0, "linkedid": "", "uniqueid": "1795428000.5"}
    load_records(warehouse, [old, {**old, "dst": "102"}, {**old, "sequence": 0, "linkedid": "1795428000.9"}])
    legs = legs_of(warehouse)
    assert sorted(leg["linkedid"] for leg in legs) == ["1795428000.5", "1795428000.5", "1795428000.9"]
    assert "1795428000.5-0" in [leg["leg_id"] for leg in legs]


# --- people and machines --------------------------------------------------------------------------

PERSON: dict[str, Any] = {}


@pytest.mark.parametrize(
    ("row", "is_app", "talk"),
    [
        (PERSON, False, 7),
        ({"disposition": "NO ANSWER"}, False, 0),
        ({"disposition": 8}, False, 7),
        ({"disposition": "BUSY", "billsec": 5}, False, 0),
        ({"dstchannel": "", "lastapp": "Queue"}, True, 0),
        ({"dstchannel": None, "lastapp": "Park", "dst": "700"}, True, 0),
        ({"dstchannel": None, "lastapp": "Playback", "dst": "s"}, True, 0),
        ({"dstchannel": "Local/101@from-queue-0000003f;1"}, True, 0),
        ({"channel": "Local/101@from-queue-0000003f;2"}, False, 7),
        ({"dstchannel": "", "lastapp": "AppDial2", "lastdata": "(Outgoing Line)"}, True, 0),
        ({"dst": "s", "dstchannel": "DAHDI/3-1"}, False, 7),
    ],
)  # fmt: skip
def test_a_person_talked_only_where_a_telephone_answered(
    warehouse: Warehouse, row: dict[str, Any], is_app: bool, talk: int
) -> None:
    """Machines answer too; their seconds are no talk."""
    load_records(warehouse, [row])
    (leg,) = legs_of(warehouse)
    assert (leg["is_app"], leg["talk_seconds"]) == (is_app, talk)


@pytest.mark.parametrize(
    ("row", "src_extension", "dst_extension"),
    [
        (PERSON, None, "101"),
        ({"channel": "PJSIP/203-0000001a", "src": "+74951230001", "dst": "89161234567",
          "dstchannel": "PJSIP/trunk-mango-0000001b"}, "203", None),
        ({"channel": "SIP/u203-1a", "src": "+74951230001"}, "203", "101"),
        ({"dst": "104", "dstchannel": "IAX2/103-14609"}, None, "103"),
        ({"dst": "74951230001", "dstchannel": "IAX2/103-14609", "lastapp": "Queue"}, None, "103"),
        ({"channel": "Local/101@from-internal-00000013;2", "src": "106"}, "106", "101"),
        ({"channel": "DAHDI/23-1"}, None, "101"),
        ({"dst": "600", "dstchannel": "", "lastapp": "ConfBridge"}, None, None),
        ({"dst": "205", "dstchannel": "SIP/anna-00ab"}, None, "205"),
        ({"src": "", "clid": '"Anna" <205>'}, "205", "101"),
        ({"src": "", "clid": '"' + "a" * 78}, None, "101"),
    ],
)  # fmt: skip
def test_extensions_come_from_the_channels(
    warehouse: Warehouse, row: dict[str, Any], src_extension: str | None, dst_extension: str | None
) -> None:
    """Who rang and who was rung is told by the telephones, whatever number was shown or dialled."""
    load_records(warehouse, [row])
    (leg,) = legs_of(warehouse)
    assert (leg["src_extension"], leg["dst_extension"]) == (src_extension, dst_extension)


@pytest.mark.parametrize(
    ("row", "did"),
    [
        ({"did": "74951230001"}, "74951230001"),
        ({"userfield": "route;did=+74951230001"}, "+74951230001"),
        ({"dst": "74951230002", "dcontext": "from-trunk", "lastapp": "Queue"}, "74951230002"),
        ({"dst": "89161234567", "dcontext": "from-internal"}, None),
        ({"dst": "101", "dcontext": "from-trunk"}, None),
    ],
)
def test_our_own_number_is_known_where_the_row_tells_it(
    warehouse: Warehouse, row: dict[str, Any], did: str | None
) -> None:
    """A column of FreePBX, a note in the user field, or what a trunk dialled before a telephone rang."""
    load_records(warehouse, [row])
    assert legs_of(warehouse)[0]["did"] == did


@pytest.mark.parametrize(
    ("told", "disposition"),
    [("NO ANSWER", "NOANSWER"), ("BUSY", "BUSY"), ("CONGESTION", "CONGESTION"), (0, "NOANSWER"), (1, "NOANSWER"),
     (2, "FAILED"), (4, "BUSY"), (8, "ANSWERED"), (16, "CONGESTION"), (None, "NOANSWER"), ("", "NOANSWER")],
)  # fmt: skip
def test_dispositions_have_one_set_of_words(warehouse: Warehouse, told: str | int | None, disposition: str) -> None:
    """Names with a blank and numbers of odd set-ups become the words used for every server."""
    load_records(warehouse, [{"disposition": told}])
    assert legs_of(warehouse)[0]["disposition"] == disposition


# --- wrong rows -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"start": "0000-00-00 00:00:00"}, "start is not a date and time: 0000-00-00 00:00:00"),
        ({"start": None}, "start is not a date and time: absent"),
        ({"start": "infinity"}, "start is not a date and time: infinity"),
        ({"start": "2026-13-41 99:00:00"}, "start is not a date and time: 2026-13-41 99:00:00"),
        ({"duration": "soon"}, "duration is not a number of seconds: soon"),
        ({"duration": -5}, "duration is not a number of seconds: -5"),
        ({"billsec": "99999999999"}, "billsec is not a number of seconds: 99999999999"),
        ({"billsec": None}, "billsec is not a number of seconds: absent"),
    ],
)
def test_a_wrong_row_is_quarantined_with_its_reason(warehouse: Warehouse, row: dict[str, Any], reason: str) -> None:
    """What cannot be true is kept aside and said; the rows around it are loaded."""
    report = load_records(warehouse, [{}, row, {"dst": "102"}])
    assert (report.read, report.new, report.quarantined) == (3, 2, 1)
    assert quarantined(warehouse) == [reason]


@pytest.mark.parametrize(
    "row",
    [
        {"answer": "nonsense"},
        {"end": "infinity"},
        {"end": "2026-11-23 09:00:00"},
        {"answer": "2027-01-01 00:00:00"},
        {"uniqueid": "a call", "linkedid": "a call"},
        {"uniqueid": "99999999999999999999.1"},
        {"duration": "10.25", "billsec": "7.5"},
        {"epoch_start": "not"},
    ],
)
def test_what_can_be_told_without_is_taken(warehouse: Warehouse, row: dict[str, Any]) -> None:
    """A row whose start and durations are sound is a leg, whatever else is odd with it."""
    report = load_records(warehouse, [row])
    assert report.quarantined == 0
    (leg,) = legs_of(warehouse)
    assert leg["started_at"] == datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)
    assert leg["answered_at"] == datetime(2026, 11, 23, 10, 0, 3, tzinfo=UTC)
    assert leg["ended_at"] == datetime(2026, 11, 23, 10, 0, 10, tzinfo=UTC)
    assert (leg["duration_seconds"], leg["talk_seconds"]) == (10, 7)


def test_broken_rows_of_a_file_do_not_stop_it(warehouse: Warehouse, tmp_path: Path) -> None:
    """Rows that cannot be read and rows that cannot be true end in the quarantine, all others in the history."""
    lines = MASTER.read_bytes().splitlines(keepends=True)
    sound = lines[10]
    path = tmp_path / "Master.csv"
    path.write_bytes(
        b"".join([
            *lines[:100], b'"half a row\n', *lines[100:200], b"\0\0\0\n", b"1,2,3\n",
            sound.replace(b'"2026-11-23', b'"never'), *lines[200:],
            sound.decode().replace("106", "Отдел").encode("cp1251").replace(b",31\n", b",9031\n"),
        ])
    )  # fmt: skip
    report = load_files(warehouse, path)
    assert report.new == 427
    assert len(quarantined(warehouse)) == report.quarantined == 3
    assert [leg["leg_id"][-5:] for leg in legs_of(warehouse) if "Отдел" in str(leg["raw"])] == ["-9031"]


def test_the_row_is_kept_in_the_servers_words(warehouse: Warehouse) -> None:
    """What the server wrote stays readable by its own names, also the columns of one's own."""
    load_files(warehouse, ASTERISK_DATA / "cdr_custom_full.csv")
    row = recorded_rows("cdr_custom_full.csv", LAYOUTS[9])[0]
    (leg,) = [leg for leg in legs_of(warehouse) if leg["leg_id"] == key_of(row)]
    assert {name: value or "" for name, value in leg["raw"].items()} == row
    load_records(warehouse, [{"hangupcause": 16}])
    assert [leg["raw"]["hangupcause"] for leg in legs_of(warehouse) if "hangupcause" in leg["raw"]] == [16]
