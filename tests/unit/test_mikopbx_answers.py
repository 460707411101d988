"""What is taken for an answer of a MikoPBX, and what for rows: on bytes in the documented shapes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import quote

import httpx
import pytest

from resources.telephony.answers import Answer, json_of
from resources.telephony.http import HttpClient
from resources.telephony.mikopbx_get_data import rows_of_json, rows_of_xml
from resources.telephony.mikopbx_rest import MikoPbxRestSource, cdr_page
from resources.telephony.mikopbx_rows import Mark, Page, Place, WholeCalls, last_id_before, page_of, walk
from resources.telephony.source import SourceAnswerError, SourceResetError

Row = dict[str, Any]


def leg(row_id: int, **changes: object) -> Row:
    """A row as the documented sample shows it."""
    return {
        "id": row_id,
        "start": "2025-01-15 10:30:45.120",
        "endtime": "2025-01-15 10:30:57.120",
        "answer": "",
        "src_num": "201",
        "dst_num": "79991234567",
        "UNIQUEID": f"mikopbx-1736926245.{row_id}_ab12Cd",
        "linkedid": f"mikopbx-1736926245.{row_id}",
        "disposition": "NOANSWER",
        "dialstatus": "CANCEL",
        "duration": 12,
        "billsec": 0,
        **changes,
    }


def answer(body: bytes | str, **headers: str) -> Answer:
    return Answer(body.encode() if isinstance(body, str) else body, httpx.Headers(headers))


def envelope(records: list[Any], *, has_more: bool = False, total: int | None = None) -> Answer:
    pagination = {
        "total": len(records) if total is None else total,
        "limit": 1000,
        "offset": 0,
        "hasMore": has_more,
        "lastId": 7,
    }
    return answer(
        json.dumps(
            {
                "result": True,
                "data": {"records": records, "pagination": pagination},
                "messages": [],
                "function": "getList",
                "processor": "…",
                "pid": 123,
                "meta": {"timestamp": "…", "hash": "…"},
            }
        )
    )


def xml_table(*rows: Row) -> Answer:
    lines = ("<cdr-row " + " ".join(f'{k}="{quote(str(v), safe="")}"' for k, v in row.items()) + " />" for row in rows)
    return answer('<?xml version="1.0"?>\n<cdr-table-askozia>\n' + "\n".join(lines) + "</cdr-table-askozia>")


def ids(page: Page) -> list[int]:
    return [mark.row_id for mark in page.marks]


def test_rows_come_sorted_whatever_their_order_in_the_page() -> None:
    page = cdr_page(envelope([leg(12), leg(10), leg(11)]), 9, 1000)
    assert [row["id"] for row in page.rows] == [10, 11, 12]
    assert page.is_last


def test_repeated_rows_of_a_page_come_once() -> None:
    page = cdr_page(envelope([leg(10), leg(11), leg(10)]), 9, 1000)
    assert [row["id"] for row in page.rows] == [10, 11]


def test_one_leg_under_two_ids_keeps_both_rows() -> None:
    """The PBX is known to write a leg twice: which row counts is for the load to decide."""
    page = cdr_page(envelope([leg(10), leg(11, UNIQUEID=leg(10)["UNIQUEID"])]), 9, 1000)
    assert ids(page) == [10, 11]
    assert len(page.rows) == 2


def test_last_id_of_the_server_is_ignored() -> None:
    assert cdr_page(envelope([leg(10), leg(12)]), 9, 1000).last_id == 12


@pytest.mark.parametrize(
    ("has_more", "total", "limit", "is_last"),
    [
        (False, 2, 1000, True),
        (True, 500, 1000, False),  # capped: fewer rows than asked for, and more announced
        (False, 500, 1000, False),  # the same, told by the total only
        (False, 2, 2, False),  # a full page is looked behind
    ],
)
def test_end_of_data_is_believed_only_of_a_short_page_that_says_so(
    *, has_more: bool, total: int, limit: int, is_last: bool
) -> None:
    page = cdr_page(envelope([leg(10), leg(11)], has_more=has_more, total=total), 9, limit)
    assert page.is_last is is_last


@pytest.mark.parametrize("row_id", [8, 9])
def test_rows_at_or_below_the_id_asked_for_are_an_error(row_id: int) -> None:
    """A server that ignores `idFrom` would be read in circles."""
    with pytest.raises(SourceAnswerError, match="does not follow ids"):
        cdr_page(envelope([leg(row_id), leg(10)]), 9, 1000)


def test_whole_calls_in_place_of_legs_are_an_error() -> None:
    """Old firmware ignores `grouped=false`; its ids cannot be followed."""
    call = {"linkedid": "mikopbx-1.1", "start": "…", "records": [leg(10)]}
    with pytest.raises(SourceAnswerError, match="whole calls"):
        cdr_page(envelope([call]), 9, 1000)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" \n",
        b"<html><body>log in</body></html>",
        b"\xef\xbb\xbf<!DOCTYPE html>",
        b'{"result": true, "data": {"records": [{"id": 1, "sta',
        b"[]",
        b"null",
        b'{"result": true}',
        b'{"result": "yes", "data": []}',
        b'{"result": false, "data": [], "messages": {"error": ["database is locked"]}}',
        b'{"result": true, "data": []}',
        b'{"result": true, "data": {"records": [], "pagination": []}}',
        b'{"result": true, "data": {"records": {}, "pagination": {}}}',
        b'{"result": true, "data": {"records": [], "pagination": {"hasMore": true, "total": 0}}}',
        b'{"result": true, "data": {"records": [], "pagination": {"hasMore": false, "total": 3}}}',
        b'{"result": true, "data": NaN}',
    ],
)
def test_no_foreign_empty_or_cut_answer_passes_for_a_list_of_calls(body: bytes) -> None:
    with pytest.raises(SourceAnswerError):
        cdr_page(answer(body), 0, 1000)


def test_rows_without_identity_are_refused_with_their_text() -> None:
    nameless = leg(11)
    del nameless["UNIQUEID"]
    page = cdr_page(
        envelope([leg(10), "cut", None, nameless, leg(12, linkedid=""), leg(0), leg(13, id=True), leg(14, id="x")]),
        9,
        1000,
    )
    assert [row["id"] for row in page.rows] == [10]
    assert [refused.reason for refused in page.refused] == [
        "the row is no object",
        "the row is no object",
        "the row has no UNIQUEID",
        "the row has no linkedid",
        "the row has no usable id",
        "the row has no usable id",
        "the row has no usable id",
    ]
    assert json.loads(page.refused[2].raw) == nameless
    assert ids(page) == [10, 11, 12], "a refused row with an id moves the cursor on"


def test_an_id_may_be_text() -> None:
    assert ids(page_of([leg(10, id="12")], 9)) == [12]
    assert ids(page_of([leg(10, id=str(2**63))], 9)) == []


def test_text_that_postgresql_cannot_keep_is_replaced_and_the_rest_stands() -> None:
    body = rb'{"a\u0000": ["\ud800!", "\ud83d\ude00", "\u0418"], "n": "' + "Анна".encode()[:-1] + b'"}'
    assert json_of(answer(body)) == {"a\ufffd": ["\ufffd!", "😀", "И"], "n": "Анн\ufffd"}


def test_values_of_the_xml_table_are_percent_encoded() -> None:
    row = leg(1880705, start="2026-06-17 15:30:00.338", src_chan="PJSIP/SIP-1660-000006b3", src_name='Ян "+7"&<б>')
    [read] = rows_of_xml(xml_table(row))
    assert read == {name: str(value) for name, value in row.items()}


def test_a_plus_in_the_xml_table_is_a_plus() -> None:
    body = '<cdr-table-askozia><cdr-row id="1" src_num="+7495%2B" src_name="a%00b" /></cdr-table-askozia>'
    assert rows_of_xml(answer(body)) == [{"id": "1", "src_num": "+7495+", "src_name": "a\ufffdb"}]


def test_an_empty_table_is_no_rows_and_an_empty_body_an_error() -> None:
    assert rows_of_xml(answer('<?xml version="1.0"?>\n<cdr-table-askozia>\n</cdr-table-askozia>')) == []
    assert rows_of_json(answer("[]")) == []
    for read in (rows_of_xml, rows_of_json):
        with pytest.raises(SourceAnswerError, match="empty body"):
            read(answer(b""))


@pytest.mark.parametrize(
    ("read", "body"),
    [
        (rows_of_xml, b"<history></history>"),
        (rows_of_xml, b"<html><body>log in</body></html>"),
        (rows_of_xml, b'<cdr-table-askozia><cdr-row id="1" /><cdr-r'),
        (rows_of_xml, b'<!DOCTYPE x [<!ENTITY a "b">]><cdr-table-askozia>&a;</cdr-table-askozia>'),
        (rows_of_xml, b"[]"),
        (rows_of_json, b'{"result": true}'),
        (rows_of_json, b"<cdr-table-askozia></cdr-table-askozia>"),
    ],
)
def test_no_other_document_passes_for_the_table(read: Callable[[Answer], object], body: bytes) -> None:
    with pytest.raises(SourceAnswerError):
        read(answer(body))


def walked(table: list[Row], place: Place, size: int = 2, largest: int = 1000) -> list[int]:
    """Walk over a table served as `get_data` does; return the ids handed out."""

    def fetch(after_id: int, limit: int) -> Page:
        following = sorted((row for row in table if row["id"] > after_id), key=lambda row: int(row["id"]))
        return page_of(following[:limit], after_id)

    return [row["id"] for portion in walk(place, fetch, size, largest) for row in portion.records]


def place_at(*row_ids: int) -> Place:
    """The place after having read these rows, newest first."""
    return Place("office", tuple(Mark(row_id, leg(row_id)["UNIQUEID"]) for row_id in row_ids))


def test_the_overlap_row_is_no_news() -> None:
    table = [leg(row_id) for row_id in (3, 4, 9, 12)]
    assert walked(table, Place("office"), size=1) == [3, 4, 9, 12]
    assert walked(table, place_at(4, 3)) == [9, 12]
    assert walked(table, place_at(12)) == []


def test_a_cursor_survives_json_and_an_unreadable_one_begins_anew() -> None:
    place = place_at(12, 9)
    cursor = json.loads(json.dumps(place.cursor()))
    assert cursor["last_id"] == 12
    assert cursor["last_leg"] == leg(12)["UNIQUEID"]
    assert Place.of("office", cursor) == place
    assert Place.of("office", {"v": 1, "last_id": 12, "last_leg": "x"}).last_id == 12
    for unreadable in ({}, {"v": 2, "last_id": 5, "last_leg": ""}, {"v": 1}, {"v": 1, "last_id": "x", "last_leg": ""}):
        assert Place.of("office", unreadable).last_id == 0


def test_another_leg_under_the_known_id_is_a_reset() -> None:
    table = [leg(11), leg(12, UNIQUEID="mikopbx-1.1_other"), leg(13)]
    with pytest.raises(SourceResetError, match="another leg"):
        walked(table, place_at(12, 11))


def test_lower_ids_only_are_a_reset() -> None:
    with pytest.raises(SourceResetError, match="gone"):
        walked([leg(1), leg(2)], place_at(12, 11))


def test_a_deleted_row_is_no_reset() -> None:
    assert walked([leg(11), leg(13)], place_at(12, 11)) == [13]
    assert walked([leg(13)], place_at(12, 11)) == [13], "retention took all known rows"


def test_the_newest_call_deleted_is_no_reset() -> None:
    """Removing a test call right after it was made must not re-read the whole history."""
    assert walked([leg(10)], place_at(12, 11, 10)) == []


def test_an_older_backup_restored_is_a_reset() -> None:
    table = [leg(9), leg(10), leg(11, UNIQUEID="mikopbx-2.2_new")]
    with pytest.raises(SourceResetError):
        walked(table, place_at(12, 11, 10))


def test_an_empty_list_where_rows_were_is_an_error_and_no_reset() -> None:
    with pytest.raises(SourceAnswerError, match="an empty list"):
        walked([], place_at(12, 11))


def test_an_empty_list_that_the_next_question_contradicts_is_an_error() -> None:
    answers = iter([[], [leg(11), leg(12)]])

    def fetch(after_id: int, limit: int) -> Page:
        return page_of(next(answers), after_id)

    with pytest.raises(SourceAnswerError, match="an empty list"):
        list(walk(place_at(12, 11), fetch, 10, 1000))


def test_a_server_that_lists_the_newest_rows_is_found_out() -> None:
    """Were its first page stored, all rows between would be lost."""
    table = [leg(row_id) for row_id in range(1, 50)]

    def fetch(after_id: int, limit: int) -> Page:
        return page_of([row for row in reversed(table) if row["id"] > after_id][:limit], after_id)

    for place in (Place("office"), place_at(5)):
        with pytest.raises(SourceAnswerError, match="from the lowest id on"):
            list(walk(place, fetch, 10, 1000))


def test_rows_without_an_id_do_not_stop_a_portion_of_one() -> None:
    table: list[object] = [leg(3), "cut", leg(5)]

    def fetch(after_id: int, limit: int) -> Page:
        following = [row for row in table if not isinstance(row, dict) or row["id"] > after_id]
        return page_of(following[:limit], after_id)

    portions = list(walk(Place("office"), fetch, 1, 1000))
    assert [row["id"] for portion in portions for row in portion.records] == [3, 5]
    assert all(refused.reason == "the row is no object" for portion in portions for refused in portion.refused)
    assert portions[-1].cursor["last_id"] == 5


def test_whole_calls_are_picked_whatever_the_order_of_their_legs() -> None:
    nearness: dict[str, Literal["inside", "near", "far"]] = {"inside": "inside", "near": "near", "far": "far"}
    calls = WholeCalls(lambda row: str(row["call"]), lambda row: nearness[row["at"]])
    first = [{"call": "a", "at": "near"}, {"call": "b", "at": "near"}, {"call": "c", "at": "far"}]
    assert calls.release(first) == []
    second = [{"call": "a", "at": "inside"}, {"call": "a", "at": "far"}, {"call": "d", "at": "inside"}]
    assert calls.release(second) == [first[0], *second]


@pytest.mark.parametrize("known_ids", [range(1, 40_000), range(9_000_000, 9_003_000), [5], []])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.99, 1.0])
def test_the_search_among_the_ids_ends_below_the_moment(known_ids: list[int], share: float) -> None:
    """Rows up to the id found are all before the moment, and not many more than needed are read."""
    table = list(known_ids)
    first_after = int(len(table) * share)
    probes = 0

    def ended_before(after_id: int) -> int | None:
        nonlocal probes
        probes += 1
        page = [row_id for row_id in table if row_id > after_id][:50]
        return page[-1] if page and page[-1] in table[:first_after] else None

    found = last_id_before(ended_before, 1000, 600)
    assert all(row_id <= found or place >= first_after - 700 for place, row_id in enumerate(table))
    assert not [row_id for row_id in table[first_after:] if row_id <= found]
    assert probes < 60


def test_secrets_stand_in_no_representation() -> None:
    source = MikoPbxRestSource("office", "http://user:hidden@pbx.test", "topsecret", timezone="Europe/Moscow")
    client = HttpClient("office", "http://user:hidden@pbx.test", bearer="topsecret")
    for thing in (source, client, vars(client)["_client"].headers):
        assert "topsecret" not in repr(thing)
        assert "hidden" not in repr(thing)
    assert "hidden" not in vars(client)["_base"]
    source.close()
    client.close()


@pytest.mark.parametrize("bad", ["ключ", "a\nb", "a\x00b"])
def test_a_key_that_cannot_stand_in_a_header_is_refused_without_being_shown(bad: str) -> None:
    with pytest.raises(ValueError, match="copy it again") as caught:
        HttpClient("office", "http://pbx.test", bearer=bad)
    assert bad not in str(caught.value)


@pytest.mark.parametrize("url", ["pbx.test", "ftp://pbx.test", "http://"])
def test_a_base_url_must_be_one(url: str) -> None:
    with pytest.raises(ValueError, match="must look like"):
        HttpClient("office", url)


@pytest.mark.parametrize("size", [0, 1001])
def test_a_portion_has_bounds(size: int) -> None:
    with pytest.raises(ValueError, match="a portion holds 1 to 1000 rows"):
        MikoPbxRestSource("office", "http://pbx.test", "k", timezone="Europe/Moscow", portion_size=size)
