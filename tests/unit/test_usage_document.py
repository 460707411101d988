"""A usage report holds what the allow-list has and nothing else; the guard reads it as a stranger would."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from assets.usage.document import refusals, text_of
from assets.usage.schema import UsageReport, bucket_of, schema_text

CHECKOUT = Path(__file__).parents[2]
COUNTS = ("calls", "legs", "clients", "numbers", "employees", "pins", "assignments", "messages", "chats", "quarantined")


def told(**more: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a report's JSON."""
    return {
        "schema_version": 1,
        "switchboard": "0.1.0",
        "pbxs": [{"kind": "mikopbx_rest", "version": "2025.1.1"}],
        "crms": [{"kind": "onec", "configuration": "УТ", "version": "11.5.17.132"}],
        "messengers": [{"kind": "whatsapp"}],
        "dial_plans": [1],
        "counts": dict.fromkeys(COUNTS, "10-99"),
        "jobs": [{"job": "call_history_load", "succeeded": "100-999", "failed": "0", "last_success": "day"}],
    } | more


def test_a_report_is_the_same_bytes_however_it_was_built() -> None:
    """What is shown is what is sent."""
    backwards = dict(reversed(told().items()))
    assert text_of(UsageReport.model_validate(told())) == text_of(UsageReport.model_validate(backwards))
    assert json.loads(text_of(UsageReport.model_validate(told()))) == told()


def test_a_good_report_is_not_refused() -> None:
    """Versions with four parts are no phone numbers."""
    assert refusals(text_of(UsageReport.model_validate(told()))) == []


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"host": "pbx"}, "extra_forbidden"),
        ({"messengers": [{"kind": "whatsapp", "number": "1"}]}, "extra_forbidden"),
        ({"switchboard": "+7 916 123-45-67"}, "phone number"),
        ({"switchboard": "84951234567"}, "phone number"),
        ({"dial_plans": [9161234567]}, "phone number"),
        ({"switchboard": "anna@example.com"}, "address"),
        ({"switchboard": "https://pbx.example.com"}, "address"),
        ({"switchboard": "ул. Ленина, 5"}, "address"),
        ({"switchboard": "Анна Смирнова"}, "name"),
        ({"crms": [{"kind": "onec", "configuration": "Моя УТ", "version": "1"}]}, "literal_error"),
        ({"counts": dict.fromkeys(COUNTS, "57")}, "literal_error"),
    ],
)
def test_what_does_not_belong_there_is_refused(more: dict[str, Any], reason: str) -> None:
    """Unknown keys, and anything like a number, a name or an address."""
    text = json.dumps(told(**more), ensure_ascii=False)
    found = refusals(text, frozenset({"анна смирнова"}))
    assert any(reason in each for each in found), found
    assert "Анна" not in str(found)
    assert "916" not in str(found)


def test_what_is_no_report_is_refused() -> None:
    """Whatever it is."""
    assert refusals("{") == ["It is no JSON."]
    assert refusals("[]")
    assert refusals("{}")


def test_the_schema_takes_no_text_of_a_users() -> None:
    """Each text of it is one of a list, or a version."""
    with pytest.raises(ValidationError):
        UsageReport.model_validate(told(switchboard="v1"))
    with pytest.raises(ValidationError):
        UsageReport.model_validate(told(pbxs=[{"kind": "office", "version": "1"}]))


def test_buckets_tell_the_size_and_no_more() -> None:
    """Powers of ten."""
    edges = (0, 1, 9, 10, 99, 100, 999_999, 1_000_000)
    assert [bucket_of(amount) for amount in edges] == [
        "0", "1-9", "1-9", "10-99", "10-99", "100-999", "100000-999999", "1000000+",
    ]  # fmt: skip


def test_the_published_schema_is_the_one_in_use() -> None:
    """Make it anew by `python -m assets.usage.schema > docs/usage-metrics.schema.json`."""
    assert (CHECKOUT / "docs/usage-metrics.schema.json").read_text("utf-8") == schema_text()


def test_dagsters_own_telemetry_is_off() -> None:
    """In the dagster.yaml that every start copies."""
    assert "telemetry:\n  enabled: false" in (CHECKOUT / "dagster.yaml").read_text("utf-8")
