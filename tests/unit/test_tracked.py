"""The file of tracked interactions: what it says, and what is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from assets.routing.rules import TrackedCalls, TrackedDocuments
from pipelines.tracked import TrackedFileError, read_tracked

EXAMPLE = Path(__file__).parents[2] / "docs" / "tracked_interactions.example.yaml"


def test_without_a_file_calls_are_tracked_and_nothing_else() -> None:
    """The default of the field."""
    assert (read_tracked(None).calls, read_tracked(None).documents) == (TrackedCalls(), ())


def test_the_example_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every key of it; its calls are the defaults, so that copying it changes no weight of a call."""
    monkeypatch.setenv("TICKETS_DATABASE_URL", "postgresql://reader:secret@desk/tickets")
    found = read_tracked(EXAMPLE)
    assert found.calls == TrackedCalls()
    assert found.documents == (
        TrackedDocuments("order", "order", 3, 365),
        TrackedDocuments("meeting", "meeting", 2),
        TrackedDocuments("message", "message", 1.5),
        TrackedDocuments("ticket", "ticket", 0.5, 180),
    )
    [query] = found.queries
    assert (query.kind, query.columns["at"]) == ("ticket", "closed_at")
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ("interactions:\n  - source: calls\n    wieght: 2\n", 3, "wieght"),
        ("interactions:\n  - source: calls\n    weight: -1\n", 3, "greater than or equal to 0"),
        ("interactions:\n  - source: calls\n    direction:\n      in: much\n", 4, "number"),
        ("interactions:\n  - source: crm\n    kind: order\n", 2, "document"),
        ("interactions:\n  - source: calls\n  - source: fax\n", 3, "'calls', 'crm', 'messages', 'sql'"),
        ("interactions:\n  - source: crm\n    kind: order\n    document: letter\n", 4, "'call', 'order'"),
        ("interactions:\n- {source: calls}\n- {source: calls}\n", 3, "second"),
        ("interactions:\n  - {source: crm, kind: call, document: call}\n", 2, "name this one otherwise"),
        ("interactions: []\n", 1, "at least 1"),
        ("interactions:\n  - source: sql\n    kind: t\n    url_variable: NO_SUCH\n    query: SELECT 1\n", 2, "NO_SUCH"),
        (
            "interactions:\n  - source: sql\n    kind: t\n    url_variable: A\n    query: q\n    columns: {who: x}\n",
            6,
            "no column who",
        ),
        ("- source: calls\n", 1, "dictionary"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named_with_its_line(tmp_path: Path, content: str, line: int, words: str) -> None:
    """A person finds it at once."""
    file = tmp_path / "tracked.yaml"
    file.write_text(content, "utf-8")
    with pytest.raises(TrackedFileError, match=f"line {line}: .*{words}"):
        read_tracked(file)


@pytest.mark.parametrize("content", [b"interactions: [", b"\xff\xfe", b"{a: b: c}"])
def test_what_is_no_yaml_is_said_so(tmp_path: Path, content: bytes) -> None:
    """Without a traceback."""
    file = tmp_path / "tracked.yaml"
    file.write_bytes(content)
    with pytest.raises(TrackedFileError, match=r"tracked\.yaml: "):
        read_tracked(file)
    with pytest.raises(TrackedFileError, match="cannot be read"):
        read_tracked(tmp_path / "none.yaml")
