"""MIKO's history XML: what is read of a document, on bytes in the documented shape."""

from __future__ import annotations

import httpx
import pytest

from resources.telephony.answers import Answer
from resources.telephony.miko_history import MikoHistorySource, calls_of
from resources.telephony.source import SourceAnswerError

LEG = (
    '<details call_id="c{n}" status="ANSWER" call_flow="" queue="" start="2026-06-17 15:30:00.338" '
    'started="2026-06-17T15:30:00+03:00" answered="2026-06-17T15:30:05+03:00" '
    'finished="2026-06-17T15:31:00+03:00" duration="60" conversation="55" record_file="/r/1.mp3" '
    'voicemail="" finish_cause="Normal Clearing" />\n'
    '<from ext="" number="79537000000"></from>\n'
    '<to ext="{n}" number="{n}"></to>\n'
)


def document(*records: str) -> Answer:
    return Answer(("<history>\n" + "".join(records) + "</history>\n").encode(), httpx.Headers())


def record(inner: str, entire_id: str = "fs-mts-1") -> str:
    head = f'<history_record no="7" entire_id="{entire_id}" line="SIP-1" line_number="74950000000">'
    return f"{head}{inner}</history_record>"


def test_a_record_is_one_flat_row_per_leg() -> None:
    calls, refused = calls_of(document(record(LEG.format(n=201))))
    assert refused == []
    assert calls == [
        [
            {
                "no": "7",
                "entire_id": "fs-mts-1",
                "line": "SIP-1",
                "line_number": "74950000000",
                "call_id": "c201",
                "status": "ANSWER",
                "call_flow": "",
                "queue": "",
                "start": "2026-06-17 15:30:00.338",
                "started": "2026-06-17T15:30:00+03:00",
                "answered": "2026-06-17T15:30:05+03:00",
                "finished": "2026-06-17T15:31:00+03:00",
                "duration": "60",
                "conversation": "55",
                "record_file": "/r/1.mp3",
                "voicemail": "",
                "finish_cause": "Normal Clearing",
                "from_ext": "",
                "from_number": "79537000000",
                "to_ext": "201",
                "to_number": "201",
                "leg_ordinal": 1,
            }
        ]
    ]


def test_from_and_to_belong_to_the_latest_details() -> None:
    lone = '<details call_id="c0" start="2026-06-17 15:30:00" />'
    [[first, second, third]], _ = calls_of(
        document(record(LEG.format(n=201) + lone + '<to ext="@app" number="9"/>' + LEG.format(n=202)))
    )
    assert (first["to_ext"], first["leg_ordinal"]) == ("201", 1)
    assert (second["from_number"], second["to_ext"], second["to_number"]) == ("", "@app", "9")
    assert (third["from_number"], third["to_ext"], third["leg_ordinal"]) == ("79537000000", "202", 3)


def test_absent_attributes_are_empty_text() -> None:
    [[leg]], _ = calls_of(document('<history_record entire_id="e"><details started="x" /></history_record>'))
    assert (leg["no"], leg["line_number"], leg["voicemail"], leg["from_ext"]) == ("", "", "", "")


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        (record("", "e1"), "the record has no legs"),
        (record('<from ext="" number="1"/>', "e1"), "the record has no legs"),
        (record('<details call_id="c" />', "e1"), "1 legs of the record have no date"),
        (record(LEG.format(n=1), ""), "the record has no entire_id"),
    ],
)
def test_records_without_legs_date_or_name_are_refused_and_the_others_stand(spoilt: str, reason: str) -> None:
    calls, refused = calls_of(document(record(LEG.format(n=1), "a"), spoilt, record(LEG.format(n=2), "b")))
    assert [legs[0]["entire_id"] for legs in calls] == ["a", "b"]
    assert [item.reason for item in refused] == [reason]
    assert "<history_record" in refused[0].raw


def test_a_leg_without_a_date_does_not_take_its_call_along() -> None:
    calls, refused = calls_of(document(record(LEG.format(n=1) + '<details call_id="c" />' + LEG.format(n=2))))
    assert [leg["leg_ordinal"] for leg in calls[0]] == [1, 3]
    assert len(refused) == 1


@pytest.mark.parametrize("spoiler", ["a & b", 'say "x"', "\x01", "<"])
def test_one_unescaped_value_costs_one_record_and_not_the_document(spoiler: str) -> None:
    """The modules print values as they are: such a page would stop the load for good."""
    spoilt = record(LEG.format(n=1).replace("Normal Clearing", spoiler), "bad")
    calls, refused = calls_of(document(record(LEG.format(n=1), "a"), spoilt, record(LEG.format(n=2), "b")))
    assert [legs[0]["entire_id"] for legs in calls] == ["a", "b"]
    assert [item.reason for item in refused] == ["the record is no well-formed XML"]
    assert 'entire_id="bad"' in refused[0].raw


def test_a_nul_in_a_value_costs_nothing() -> None:
    calls, refused = calls_of(document(record(LEG.format(n=1).replace("Normal", "\x00"))))
    assert calls[0][0]["finish_cause"] == "\ufffd Clearing"
    assert refused == []


def test_a_name_in_another_encoding_costs_nothing() -> None:
    body = document(record(LEG.format(n=1))).body.replace(b"SIP-1", "Линия".encode("cp1251"))
    calls, refused = calls_of(Answer(body, httpx.Headers()))
    assert len(calls) == 1
    assert refused == []
    assert "\ufffd" in calls[0][0]["line"]


def test_an_empty_history_is_no_calls() -> None:
    assert calls_of(document()) == ([], [])
    assert calls_of(Answer(b"<history/>", httpx.Headers())) == ([], [])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n",
        b"<html><body>log in</body></html>",
        b"<cdr-table-askozia></cdr-table-askozia>",
        document(record(LEG.format(n=1))).body[:-20],
        document(record(LEG.format(n=1).replace("Normal", "&"))).body[:-20],
        b'<!DOCTYPE x [<!ENTITY a "b">]><history>&a;</history>',
        b"{}",
    ],
)
def test_no_foreign_empty_or_cut_answer_passes_for_a_history(body: bytes) -> None:
    with pytest.raises(SourceAnswerError):
        calls_of(Answer(body, httpx.Headers()))


@pytest.mark.parametrize("size", [0, 601])
def test_a_portion_has_bounds(size: int) -> None:
    with pytest.raises(ValueError, match="a portion holds 1 to 600 rows"):
        MikoHistorySource("office", "http://pbx.test/cdr", portion_size=size)
