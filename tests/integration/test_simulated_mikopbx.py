"""The simulated MikoPBX over real HTTP: each habit and each fault that the protocol page names."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from defusedxml.ElementTree import fromstring

from simulators.company import Company
from simulators.mikopbx.clock import Clock
from simulators.mikopbx.guard import RateLimit
from simulators.mikopbx.history import FinishedCall, generate_calls
from simulators.mikopbx.rows import COLUMNS
from tests.fix_simulators import ServedPbx

Serve = Callable[..., ServedPbx]
CDR = "/pbxcore/api/v3/cdr"
GET_DATA = "/pbxcore/api/cdr/get_data"
FLAT = {"grouped": "false", "sort": "id", "order": "ASC", "limit": "1000", "idFrom": "0", "dateFrom": "2000-01-01"}
NOON = datetime(2026, 3, 31, 9, 0, tzinfo=UTC)
"""Noon in Moscow."""


def row(leg: str, start: str = "2026-03-31 11:00:00.250", **unusual: Any) -> dict[str, Any]:  # noqa: ANN401
    """A leg of the call named before the dot."""
    return {
        "UNIQUEID": leg,
        "linkedid": leg.partition(".")[0],
        "start": start,
        "endtime": start[:17] + "30.250",
        "src_num": "79161234567",
        "dst_num": "201",
        "disposition": "NOANSWER",
        "duration": 30,
        "billsec": 0,
        "transfer": "0",
    } | unusual


class Asking:
    """A client of the served PBX that shows what came."""

    def __init__(self, served: ServedPbx) -> None:
        self._headers = {"Authorization": f"Bearer {served.api_key}"}
        self.http = httpx.Client(base_url=served.url, timeout=5)

    def cdr(self, **params: str) -> httpx.Response:
        """Ask for calls."""
        return self.http.get(CDR, params=params, headers=self._headers)

    def records(self, **params: str) -> list[dict[str, Any]]:
        """Ask as the incremental load does, and return the rows."""
        found: list[dict[str, Any]] = self.cdr(**{**FLAT, **params}).json()["data"]["records"]
        return found

    def legs(self, **params: str) -> list[str]:
        """The same, and return the rows' keys."""
        return [record["UNIQUEID"] for record in self.records(**params)]

    def get(self, path: str, **params: str) -> httpx.Response:
        """Ask anything with the key."""
        return self.http.get(path, params=params, headers=self._headers)

    def delete(self, key: str | int) -> httpx.Response:
        """Delete a row or a call."""
        return self.http.delete(f"{CDR}/{key}", params={"deleteRecording": "true"}, headers=self._headers)

    def control(self, method: str, path: str, **body: Any) -> Any:  # noqa: ANN401
        """Control the simulator."""
        answer = self.http.request(method, f"/_sim/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def served(simulated_pbx: Serve) -> ServedPbx:
    return simulated_pbx(clock=Clock(NOON))


@pytest.fixture
def ask(served: ServedPbx) -> Iterator[Asking]:
    asking = Asking(served)
    yield asking
    asking.http.close()


# REST v3


def test_without_the_key_nothing_is_told(served: ServedPbx) -> None:
    """401 in the envelope of all v3 answers; the key is a Bearer token."""
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"X-Api-Key": served.api_key}):
        answer = httpx.get(served.url + CDR, headers=headers)
        assert answer.status_code == 401
        assert answer.json()["result"] is False
        assert answer.json()["messages"] == {"error": ["The user isn't authenticated."]}


def test_a_flat_page_has_numbers_for_three_columns_and_text_for_the_others(served: ServedPbx, ask: Asking) -> None:
    """`a_transfer` is not shown, links are."""
    served.store.finalise([row("a.1", recordingfile="/storage/a.mp3", dst_name="Ёлкин"), row("b.1")])
    answer = ask.cdr(**FLAT).json()
    assert answer["result"] is True
    assert answer["data"]["pagination"] == {"total": 2, "limit": 1000, "offset": 0, "hasMore": False, "lastId": 2}
    first, second = answer["data"]["records"]
    assert {name for name, value in first.items() if isinstance(value, int)} == {"id", "duration", "billsec"}
    assert first.keys() == {"id", "playback_url", "download_url", *COLUMNS} - {"a_transfer"}
    assert (first["id"], first["dst_name"], first["answer"]) == (1, "Ёлкин", "")
    assert first["playback_url"].startswith(f"{CDR}:playback?token=")
    assert second["playback_url"] == second["download_url"] == second["recordingfile"] == ""


def test_thirty_days_are_shown_unless_something_narrows_the_question(served: ServedPbx, ask: Asking) -> None:
    """`idFrom` alone does not switch the window off."""
    served.store.finalise([row("old.1", "2026-02-20 10:00:00.000", did="74957770010"), row("new.1")])

    def seen(**params: str) -> list[str]:
        return [leg["UNIQUEID"] for leg in ask.cdr(grouped="false", **params).json()["data"]["records"]]

    assert seen() == ["new.1"]
    assert seen(idFrom="0") == ["new.1"]
    for name, value in (("dateFrom", "2000-01-01"), ("linkedid", "old"), ("src_num", "916"), ("did", "777")):
        assert "old.1" in seen(**{name: value})
    assert seen(dateTo="2026-03-01") == ["old.1"]
    served.store.finalise([row("out.1", "2026-03-01 11:59:59.000"), row("in.1", "2026-03-01 12:00:01.000")])
    assert seen() == ["in.1", "new.1"], "the window is counted on the PBX's own clock"


def test_the_default_is_grouped_newest_first_fifty(served: ServedPbx, ask: Asking) -> None:
    """A menu's leg makes a group ANSWERED; `dst_num` is the DID where a leg has one."""
    served.store.finalise([row(f"c{number:02d}.1", f"2026-03-31 10:{number % 60:02d}:00.000") for number in range(60)])
    menu = row("menu.1", "2026-03-31 11:00:00.000", is_app="1", billsec=9, disposition="ANSWERED", did="74957770010")
    served.store.finalise([row("menu.2", "2026-03-31 11:00:09.000"), menu])
    data = ask.cdr().json()["data"]
    assert data["pagination"] == {"total": 61, "limit": 50, "offset": 0, "hasMore": True, "lastId": 12}
    call = data["records"][0]
    assert [leg["UNIQUEID"] for leg in call.pop("records")] == ["menu.1", "menu.2"]
    assert call == {
        "linkedid": "menu", "start": "2026-03-31 11:00:00.000", "src_num": "79161234567", "src_name": "",
        "dst_num": "74957770010", "dst_name": "", "did": "74957770010", "disposition": "ANSWERED",
        "totalDuration": 60, "totalBillsec": 9,
    }  # fmt: skip
    last = ask.cdr(offset="50").json()["data"]
    assert (len(last["records"]), last["pagination"]["hasMore"]) == (11, False)


def test_the_limit_is_clamped_and_pages_follow_the_id(served: ServedPbx, ask: Asking) -> None:
    """1 to 1000, 50 where absent; `hasMore` is offset + limit < total."""
    served.store.finalise([row(f"c.{number}") for number in range(1200)])
    assert [len(ask.records(limit=limit)) for limit in ("0", "-5", "7", "5000")] == [1, 1, 7, 1000]
    assert len(ask.cdr(grouped="false").json()["data"]["records"]) == 50
    assert [one["id"] for one in ask.records(idFrom="1198")] == [1199, 1200]
    assert [one["id"] for one in ask.records(order="DESC", limit="2", offset="1")] == [1199, 1198]
    assert ask.cdr(**{**FLAT, "idFrom": "200"}).json()["data"]["pagination"]["hasMore"] is False
    assert ask.cdr(**{**FLAT, "idFrom": "199"}).json()["data"]["pagination"]["hasMore"] is True


@pytest.mark.parametrize(
    "params",
    [
        {"offset": "-1"},
        {"dateFrom": "2025-01-01", "dateTo": "2026-01-02"},
        {"dateFrom": "yesterday", "dateTo": "2026-01-02"},
        {"sort": "answer"},
    ],
)
def test_what_it_cannot_answer_is_refused_with_422(ask: Asking, params: dict[str, str]) -> None:
    """In the envelope, with a reason."""
    answer = ask.cdr(**params)
    assert answer.status_code == 422
    assert answer.json()["result"] is False
    assert answer.json()["messages"]["error"]


def test_filters_are_exact_for_disposition_and_linkedid_and_substrings_elsewhere(
    served: ServedPbx, ask: Asking
) -> None:
    """`NO ANSWER`, which the documentation names, finds nothing."""
    served.store.finalise([row("a.1", src_name="Ёлкин"), row("b.1", src_num="78120000000", dst_num="305")])
    assert ask.legs(disposition="NO ANSWER") == []
    assert ask.legs(disposition="NOANSWER") == ["a.1", "b.1"]
    assert ask.legs(linkedid="a") == ["a.1"]
    assert ask.legs(src_num="12000") == ask.legs(dst_num="30") == ask.legs(search="305") == ["b.1"]
    assert ask.legs(search="Ёлк") == ["a.1"]


def test_a_day_as_the_end_loses_its_last_second(served: ServedPbx, ask: Asking) -> None:
    """Dates are compared as text: 23:59:59.900 is after 23:59:59."""
    served.store.finalise([row("a.1", "2026-03-30 23:59:58.900"), row("b.1", "2026-03-30 23:59:59.900")])
    assert ask.legs(dateFrom="2026-03-30", dateTo="2026-03-30") == ["a.1"]
    assert ask.legs(dateFrom="2026-03-30", dateTo="2026-03-30 23:59:59.999") == ["a.1", "b.1"]


def test_metadata_extensions_and_the_stub_answer_in_the_same_envelope(served: ServedPbx, ask: Asking) -> None:
    """A single record is a stub: success without data."""
    served.pbx.extensions = [{"number": str(200 + n), "callerid": "Ёлкин", "type": "SIP"} for n in range(5)]
    served.store.finalise([row("a.1"), row("b.1", "2026-03-01 10:00:00.000")])
    assert ask.get(f"{CDR}:getMetadata").json()["data"] == {
        "earliestDate": "2026-03-01 10:00:00.000",
        "latestDate": "2026-03-31 11:00:00.250",
        "hasRecords": True,
        "sampleSize": 2,
    }
    assert ask.get(f"{CDR}/1").json()["data"] == []
    assert len(ask.get("/pbxcore/api/v3/extensions").json()["data"]) == 5
    assert [one["number"] for one in ask.get("/pbxcore/api/v3/extensions", limit="2", offset="3").json()["data"]] == [
        "203", "204",
    ]  # fmt: skip


# The life of a row


def test_legs_appear_together_when_the_call_is_finalised_in_the_order_of_ends(served: ServedPbx, ask: Asking) -> None:
    """A call of two hours gets its ids after short ones that began later."""
    long = FinishedCall(NOON + timedelta(seconds=7200), (row("long.1"), row("long.2")), NOON + timedelta(seconds=7300))
    short = FinishedCall(NOON + timedelta(seconds=90), (row("short.1", "2026-03-31 12:00:10.000"),), NOON)
    served.store.expect([long, short])
    assert ask.legs() == []
    assert [one["UNIQUEID"] for one in served.store.running()] == ["long.1", "long.2", "short.1"]
    served.clock.advance(90)
    assert ask.legs() == ["short.1"]
    served.clock.advance(7110)
    assert [(one["id"], one["UNIQUEID"]) for one in ask.records()] == [(1, "short.1"), (2, "long.1"), (3, "long.2")]
    assert served.store.running() == []


@pytest.mark.parametrize("is_past", [True, False])
def test_calls_that_end_between_two_looks_are_written_by_their_ends(
    served: ServedPbx, ask: Asking, *, is_past: bool
) -> None:
    """Also those that were over before the PBX was started."""
    ends = {"c": 5, "a": 7, "b": 6}
    calls = [FinishedCall(NOON + timedelta(seconds=ends[name]), (row(f"{name}.1"),), NOON) for name in "abc"]
    if is_past:
        served.clock.advance(10)
    served.store.expect(calls)
    served.clock.advance(10)
    assert ask.legs() == ["c.1", "b.1", "a.1"]


def test_a_recording_is_shown_when_its_file_exists(served: ServedPbx, ask: Asking) -> None:
    """Until then path and links are empty, in every view; the id stays."""
    path = "/storage/a.mp3"
    served.store.finalise([row("a.1", recordingfile=path)], NOON + timedelta(seconds=60))

    def shown() -> tuple[str, str, bool]:
        [record] = ask.records()
        [plain] = ask.http.get(GET_DATA, params={"offset": "0", "format": "json"}).json()
        return record["recordingfile"], plain["recordingfile"], bool(record["download_url"])

    assert shown() == ("", "", False)
    served.store.change("a.1", dst_name="renamed")
    assert shown() == ("", "", False)
    served.clock.advance(60)
    assert shown() == (path, path, True)


def test_rows_change_in_place_are_merged_and_imported_without_a_new_id(served: ServedPbx, ask: Asking) -> None:
    """A client that follows ids alone never sees it."""
    served.store.finalise([row("a.1"), row("b.1"), row("b.2")])
    assert served.store.upsert({"id": 77, **row("a.1", billsec=5)}) == 1
    assert served.store.upsert(row("fs-mts-1.1")) == 4
    assert served.store.merge("b", "a") == 2
    assert [(one["id"], one["linkedid"], one["billsec"]) for one in ask.records()] == [
        (1, "a", 5), (2, "a", 0), (3, "a", 0), (4, "fs-mts-1", 0),
    ]  # fmt: skip
    with pytest.raises(KeyError, match="no column colour"):
        served.store.change("a.1", colour="red")


def test_merging_reaches_calls_that_are_still_running(served: ServedPbx, ask: Asking) -> None:
    """The surviving call takes the legs before they are finalised."""
    served.store.expect([FinishedCall(NOON + timedelta(seconds=5), (row("b.1"),), NOON)])
    assert served.store.merge("b", "a") == 1
    served.clock.advance(5)
    assert [one["linkedid"] for one in ask.records()] == ["a"]


def test_rows_are_deleted_by_id_by_call_and_by_retention(served: ServedPbx, ask: Asking) -> None:
    """Ids are not given again."""
    served.store.finalise([row("a.1"), row("b.1"), row("b.2"), row("c.1", "2026-03-01 10:00:00.000"), row("d.1")])
    assert ask.delete(1).json()["data"] == {"deleted": 1}
    assert ask.delete("b").json()["data"] == {"deleted": 2}
    assert ask.delete("b").status_code == 404
    assert served.store.retain_since("2026-03-02") == 1
    assert ask.legs() == ["d.1"]
    served.store.delete("d")
    assert served.store.finalise([row("e.1")]) == [6]


@pytest.mark.parametrize("keep_rows", [True, False])
def test_a_replaced_database_begins_its_ids_anew(served: ServedPbx, ask: Asking, *, keep_rows: bool) -> None:
    """With the same calls, or with none."""
    served.store.finalise([row("a.1"), row("b.1"), row("c.1")])
    served.store.delete("a")
    served.store.reset_ids(keep_rows=keep_rows)
    served.store.finalise([row("d.1")])
    expected = ["b.1", "c.1", "d.1"] if keep_rows else ["d.1"]
    assert [(one["id"], one["UNIQUEID"]) for one in ask.records()] == list(enumerate(expected, 1))


def test_a_pbx_started_again_on_its_database_has_its_calls(simulated_pbx: Serve, tmp_path: Path) -> None:
    """Finalised and running ones."""
    later = FinishedCall(NOON + timedelta(seconds=60), (row("b.1"),), NOON)
    first = simulated_pbx([later], clock=Clock(NOON), database=tmp_path / "cdr.db")
    first.store.finalise([row("a.1")])
    again = simulated_pbx(clock=Clock(NOON + timedelta(seconds=60)), database=tmp_path / "cdr.db")
    assert [one["UNIQUEID"] for one in again.store.rows()] == ["a.1", "b.1"]


def test_a_generated_history_is_served_whole(simulated_pbx: Serve, invented_company: Company) -> None:
    """Page by page, by id, every leg once."""
    calls = generate_calls(invented_company, first_day=date(2026, 3, 1), days=28, calls_per_day=100)
    served = simulated_pbx(calls, clock=Clock(NOON))
    asking, seen, last_id = Asking(served), [], 0
    while page := asking.records(idFrom=str(last_id)):
        seen += [one["UNIQUEID"] for one in page]
        last_id = page[-1]["id"]
    asking.http.close()
    assert len(seen) > 4000
    assert sorted(seen) == sorted(one["UNIQUEID"] for call in calls for one in call.rows)


# get_data


def test_get_data_gives_every_column_url_encoded_after_the_offset(served: ServedPbx, ask: Asking) -> None:
    """No authentication; `id > offset`, not SQL's OFFSET."""
    legs = [row("a.1"), row("b.1", src_num="+49 30", dst_name="Ёлкин/1")]
    served.store.finalise(legs)
    answer = ask.http.get(GET_DATA, params={"offset": "1", "limit": "10"})
    assert "2026-03-31%2011%3A00%3A00.250" in answer.text
    assert "%2F1" in answer.text
    table = fromstring(answer.text)
    assert table.tag == "cdr-table-askozia"
    [only] = table
    assert only.tag == "cdr-row"
    assert set(only.attrib) == {"id", *COLUMNS}
    assert {name: unquote(only.attrib[name]) for name in ("id", "src_num", "dst_name", "answer")} == {
        "id": "2", "src_num": "+49 30", "dst_name": "Ёлкин/1", "answer": "",
    }  # fmt: skip


def test_get_data_knows_json_and_1c_and_caps_the_limit(simulated_pbx: Serve) -> None:
    """600 on old firmware, 2000 on new; a missing limit means the core's 5000, a missing offset an empty table."""
    for largest in (600, 2000):
        served = simulated_pbx(largest_get_data_limit=largest)
        served.store.finalise([row(f"c.{number}", dst_name='"x"') for number in range(5100)])

        def ask(base: str = served.url, **params: str) -> httpx.Response:
            return httpx.get(base + GET_DATA, params=params)

        assert len(ask(offset="0", limit="9999", format="json").json()) == largest
        assert len(ask(offset="0", format="json").json()) == 5000
        assert list(fromstring(ask(limit="5").text)) == []
        [line] = ask(offset="0", limit="1", format="1c").text.splitlines()
        assert line.startswith('New Structure("id,start,')
        assert '""x""' in line


# MIKO's history XML


def test_mega_history_counts_foreign_rows_in_its_offset(served: ServedPbx, ask: Asking) -> None:
    """A page may hold no record and still advance; details, from and to follow one another."""
    answered = row(
        "a.2", "2026-03-31 11:00:05.000", disposition="ANSWERED", billsec=20, answer="2026-03-31 11:00:09.000"
    )
    served.store.finalise([row("a.1", is_app="1", dst_num="2200010", did="74957770010"), answered])
    served.store.finalise([row(f"fs-mts-{number}.1") for number in range(3)])
    first = ask.http.get("/pbxcore/mega-pbx/cdr", params={"offset": "0", "limit": "1"})
    assert (first.headers["X-MIN-OFFSET"], first.headers["X-MAX-OFFSET"]) == ("0", "1")
    [record] = fromstring(first.text)
    assert (record.tag, record.attrib["entire_id"], record.attrib["line_number"]) == (
        "history_record", "a", "74957770010",
    )  # fmt: skip
    assert [element.tag for element in record] == ["details", "from", "to"] * 2
    assert record[2].attrib == {"ext": "@app", "number": "2200010"}
    assert record[5].attrib == {"ext": "201", "number": "201"}
    details = record[3].attrib
    assert (details["call_id"], details["status"], details["conversation"]) == ("a.2", "ANSWER", "20")
    assert (details["start"], details["answered"]) == ("2026-03-31 11:00:05.000", "2026-03-31T11:00:09+03:00")
    assert record[0].attrib["answered"] == "2026-03-31T12:00:00+03:00", "no answer is shown as now"
    rest = ask.http.get("/pbxcore/mega-pbx/cdr", params={"offset": "2"})
    assert list(fromstring(rest.text)) == []
    assert rest.headers["X-MAX-OFFSET"] == "5"


def test_mega_history_caps_the_limit(served: ServedPbx, ask: Asking) -> None:
    """600 rows, 450 where absent."""
    served.store.finalise([row(f"c{number}.1") for number in range(700)])
    for params, scanned in (({"limit": "5000"}, "600"), ({}, "450")):
        answer = ask.http.get("/pbxcore/mega-pbx/cdr", params={"offset": "0", **params})
        assert answer.headers["X-MAX-OFFSET"] == scanned


def test_mts_history_sends_the_whole_day_again(served: ServedPbx, ask: Asking) -> None:
    """It ignores the limit; the day is the PBX's own."""
    served.store.finalise([row("old.1", "2026-03-30 23:59:00.000"), row("a.1", "2026-03-31 00:01:00.000"), row("b.1")])

    def seen(offset: str) -> tuple[list[str], str]:
        answer = ask.http.get("/pbxcore/mts-pbx/cdr", params={"offset": offset, "limit": "1"})
        return [record.attrib["entire_id"] for record in fromstring(answer.text)], answer.headers["X-MAX-OFFSET"]

    assert seen("0") == (["old", "a", "b"], "3")
    assert seen("3") == (["a", "b"], "3")
    served.clock.advance(86_400)
    assert seen("3") == ([], "3")


# Faults


def test_answers_that_are_no_answers(served: ServedPbx, ask: Asking) -> None:
    """Empty 200, HTML 200, 401, 503, and a time-out of the PBX's own web server."""
    for kind, status, start in (
        ("empty", 200, ""),
        ("html", 200, "<!DOCTYPE html>"),
        ("unauthorised", 401, '{"result":false'),
        ("unavailable", 503, '{"result":false'),
        ("time_out", 504, ""),
    ):
        served.faults.switch_on(kind, seconds=0.01)
        answer = ask.cdr(**FLAT)
        assert (answer.status_code, answer.text[: len(start)]) == (status, start)
        assert answer.text or not start
        assert ask.cdr(**FLAT).status_code == 200, "once only"
    served.faults.switch_on("empty", path="mega-pbx")
    assert ask.http.get("/pbxcore/mega-pbx/cdr").headers["X-STATE"] == "FAIL-CDR-TUBE"


def test_a_connection_that_is_held_or_cut(served: ServedPbx, ask: Asking) -> None:
    """A delay, a wait beyond the client's patience, and less than was promised."""
    served.store.finalise([row("a.1")])
    served.faults.switch_on("delay", seconds=0.2)
    begun = time.monotonic()
    assert ask.legs() == ["a.1"]
    assert time.monotonic() - begun >= 0.2
    served.faults.switch_on("time_out", seconds=30)
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(served.url + GET_DATA, timeout=0.2)
    served.faults.switch_on("cut")
    with pytest.raises(httpx.RemoteProtocolError):
        ask.cdr(**FLAT)


def test_rows_that_are_spoilt_lose_no_good_one(served: ServedPbx, ask: Asking) -> None:
    """A malformed row among them, every row twice, out of order: in every view."""
    served.store.finalise([row(f"c{number}.1") for number in range(4)])
    whole = ask.legs()

    def xml() -> list[str]:
        history = fromstring(ask.http.get("/pbxcore/mega-pbx/cdr").text)
        return [details.attrib["call_id"] for record in history for details in record.findall("details")]

    def plain() -> list[str]:
        return [one["UNIQUEID"] for one in ask.http.get(GET_DATA, params={"offset": "0", "format": "json"}).json()]

    for view in (ask.legs, plain, xml):
        for kind, change in (("malformed_row", ["", *whole]), ("duplicate_rows", whole * 2), ("disorder", whole)):
            served.faults.switch_on(kind)
            seen = view()
            assert sorted(seen) == sorted(change)
            assert seen != whole
        assert view() == whole
    served.faults.switch_on("malformed_row")
    garbage = ask.records()[1]
    assert (garbage["UNIQUEID"], garbage["start"], garbage["duration"]) == ("", "yesterday", "soon")


def test_faults_last_for_some_requests_for_a_path_or_until_switched_off(served: ServedPbx, ask: Asking) -> None:
    """Several queue up."""
    served.faults.switch_on("unavailable", times=2)
    served.faults.switch_on("html", times=1)
    kinds = [(answer.status_code, answer.text[:1]) for answer in (ask.cdr() for _ in range(4))]
    assert kinds == [(503, "{"), (503, "{"), (200, "<"), (200, "{")]
    served.faults.switch_on("unavailable", times=None, path="get_data")
    assert [ask.http.get(GET_DATA).status_code for _ in range(3)] == [503] * 3
    assert ask.cdr().status_code == 200
    served.faults.switch_off()
    assert ask.http.get(GET_DATA).status_code == 200


@pytest.mark.skipif(sys.platform != "linux", reason="only there all of 127/8 is this machine")
def test_too_many_requests_block_the_address_longer_each_time(simulated_pbx: Serve) -> None:
    """Plain text, no Retry-After; other addresses are served."""
    served = simulated_pbx(clock=Clock(NOON), rate_limit=RateLimit(per_minute=3, burst=1, block_seconds=100))
    with (
        httpx.Client(base_url=served.url) as client,
        httpx.Client(base_url=served.url, transport=httpx.HTTPTransport(local_address="127.0.0.2")) as other,
    ):
        for block_seconds in (100, 200):
            assert [client.get(GET_DATA).status_code for _ in range(5)] == [200] * 4 + [429]
            served.clock.advance(block_seconds - 1)
            answer = client.get(GET_DATA)
            assert (answer.status_code, answer.text) == (429, "Too many requests")
            assert "Retry-After" not in answer.headers
            assert other.get(GET_DATA).status_code == 200
            served.clock.advance(1)
            assert client.get(GET_DATA).status_code == 200
            served.clock.advance(61)


def test_the_fault_too_many_blocks_too(served: ServedPbx, ask: Asking) -> None:
    """Until the clock has passed the block."""
    served.faults.switch_on("too_many")
    assert [ask.cdr().status_code for _ in range(3)] == [429] * 3
    served.clock.advance(301)
    assert ask.cdr().status_code == 200


# Control


def test_everything_can_be_controlled_over_http(ask: Asking) -> None:
    """For a simulator that runs as a process of its own; control meets no faults and is not counted."""
    assert ask.control("POST", "calls", rows=[row("a.1"), row("a.2")]) == {"ids": [1, 2]}
    later = (NOON + timedelta(seconds=60)).isoformat()
    ask.control("POST", "calls", rows=[row("b.1", recordingfile="/b.mp3")], finalised_at=later, recordings_at=later)
    assert ask.control("GET", "stats") == {"now": NOON.isoformat(), "rows": 2, "running_rows": 1, "requests": 0}
    assert ask.control("POST", "clock", advance_seconds=60) == {"now": later}
    assert ask.legs() == ["a.1", "a.2", "b.1"]
    assert ask.control("PATCH", "rows/a.1", billsec=3) == {"changed": 1}
    assert ask.control("POST", "rows", **row("a.2", billsec=4)) == {"id": 2}
    assert [one["billsec"] for one in ask.records()] == [3, 4, 0]
    assert ask.control("POST", "merge", linkedid="b", into="a") == {"changed": 1}
    assert ask.control("POST", "retention", since="2026-04-01") == {"deleted": 3}
    ask.control("POST", "reset", keep_rows=False)
    assert ask.control("POST", "calls", rows=[row("c.1")]) == {"ids": [1]}
    ask.control("POST", "faults", kind="unavailable", times=None)
    assert ask.cdr().status_code == 503
    ask.control("DELETE", "faults")
    assert ask.cdr().status_code == 200
    assert ask.control("POST", "clock", now="2027-01-01T00:00:00+00:00") == {"now": "2027-01-01T00:00:00+00:00"}
    requests = ask.control("GET", "requests")
    assert len(requests) == 4
    assert requests[0].startswith(f"GET {CDR}?grouped=false")


# The command


def start(folder: Path, *options: str) -> tuple[subprocess.Popen[str], str]:
    """Start the simulator as a process, and return it with its address."""
    command = [
        sys.executable, "-m", "simulators.mikopbx", "--api-key-env", "KEY_OF_TEST", "--contacts-dir", str(folder),
        "--database", str(folder / "cdr.db"), "--days", "5", "--calls-per-day", "40", "--clients", "50", *options,
    ]  # fmt: skip
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "KEY_OF_TEST": "k"}
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("listening on http://127.0.0.1:"), line
    return process, line.split()[-1]


def end(process: subprocess.Popen[str], how: signal.Signals) -> None:
    process.send_signal(how)
    output, errors = process.communicate(timeout=10)
    assert (process.returncode, output, errors) == (0, "", "")


def test_the_command_serves_a_company_until_it_is_told_to_end(tmp_path: Path) -> None:
    """It writes the contact files, keeps its calls for the next start, and ends on SIGTERM and SIGINT alike."""
    process, url = start(tmp_path, "--end-now")
    first = httpx.get(f"{url}/_sim/stats").json()
    assert first["rows"] > 100
    assert first["running_rows"] == 0
    records = httpx.get(url + CDR, params=FLAT, headers={"Authorization": "Bearer k"}).json()["data"]["records"]
    assert records[0]["id"] == 1
    extensions = httpx.get(f"{url}/pbxcore/api/v3/extensions", headers={"Authorization": "Bearer k"}).json()["data"]
    assert {"number", "callerid", "type", "mobile"} == extensions[0].keys()
    end(process, signal.SIGTERM)
    assert {path.name for path in tmp_path.iterdir()} == {"contacts.csv", "contacts.vcf", "employees.csv", "cdr.db"}
    process, url = start(tmp_path, "--live", "--live-seconds", "0.05")
    deadline = time.monotonic() + 10
    while not (again := httpx.get(f"{url}/_sim/stats").json())["running_rows"]:
        assert time.monotonic() < deadline, "no live calls"
        time.sleep(0.05)
    assert again["rows"] == first["rows"]
    end(process, signal.SIGINT)


def test_the_command_wants_its_key_from_the_environment(tmp_path: Path) -> None:
    """And says which variable."""
    command = [sys.executable, "-m", "simulators.mikopbx", "--api-key-env", "NO_SUCH_KEY"]
    refused = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path.cwd())
    assert refused.returncode == 2
    assert "NO_SUCH_KEY" in refused.stderr
    assert json.dumps(list(tmp_path.iterdir())) == "[]"
