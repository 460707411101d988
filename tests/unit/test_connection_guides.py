"""What the documentation has people write the program takes: snippets, variables, columns; errors are quoted right."""

from __future__ import annotations

import ast
import csv
import os
import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pipelines.settings import load_settings
from resources.telephony.asterisk_csv import AsteriskCsvSource
from tests.fix_asterisk import MASTER_COLUMNS, recorded_rows

CHECKOUT = Path(__file__).parents[2]
PAGES = [*sorted((CHECKOUT / "docs").rglob("*.md")), CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md"]
GUIDES = sorted((CHECKOUT / "docs" / "connect").glob("*.md"))
EXAMPLE = CHECKOUT / "docs" / "switchboard.example.toml"

NO_SETTINGS = {"SWITCHBOARD_CONFIG", "SWITCHBOARD_BROKER_URL", "SWITCHBOARD_TEST_CHART"}
"""Variables that are read elsewhere: by the settings' reader itself, by deploy/dagster.celery.yaml, by a test."""
SAID_BY_OTHERS = ("Field required", "Access denied for user")
"""Words in errors that are pydantic's or a database's."""
BETWEEN_VALUES = re.compile(r"…|[.;:,] |\b\d{3}\b|«|»|\(\(|\w+Error\b")

SIMPLEST: dict[str, dict[str, Any]] = {
    "sources": {"kind": "mikopbx_rest", "url": "https://pbx.example.com", "api_key": "key"},
    "crm": {"kind": "onec", "url": "https://1c.example.com/trade", "login": "robot", "password": "password"},
}
"""What a snippet stands on that shows a part of a system only."""


def named_variables(text: str) -> set[str]:
    """Return the variables that a text names; `SWITCHBOARD_*` and the like are none."""
    return {name for name in re.findall(r"SWITCHBOARD_[A-Z0-9_]+", text) if not name.endswith("_")}


def snippets() -> Iterator[tuple[str, str, set[str]]]:
    """Yield the settings a reader may copy, each with where it stands and the variables named beside it."""
    for page in PAGES:
        # What stands between a snippet and the next one is beside it.
        for number, text in enumerate(page.read_text("utf-8").split("```toml\n")[1:], 1):
            yield f"{page.relative_to(CHECKOUT)} {number}", text.partition("```")[0], named_variables(text)
    example = EXAMPLE.read_text("utf-8")
    yield EXAMPLE.name, example, named_variables(example)
    # Whoever takes a part of it takes the marks of a comment away.
    yield f"{EXAMPLE.name}, whole", re.sub(r"(?m)^# (?=\[|[\w.]+ = )", "", example), named_variables(example)


SNIPPETS = list(snippets())


def belongs(variable: str, settings: dict[str, Any]) -> bool:
    """Tell whether a variable completes something that these settings have."""
    place = variable.removeprefix("SWITCHBOARD_").lower().split("__")
    if place[0] not in ("sources", "crm", "messengers") or len(place) < 3:
        return False
    system = settings.get(place[0], {}).get(place[1])
    return system is not None and (place[2] != "event_channel" or "event_channel" in system)


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("SWITCHBOARD_")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize(("place", "text", "variables"), SNIPPETS, ids=[place for place, _, _ in SNIPPETS])
def test_every_snippet_is_taken_with_the_variables_named_beside_it(
    place: str, text: str, variables: set[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No key is unknown, nothing required is missing; a guide leaves nothing to guess."""
    given = tomllib.loads(text)
    assert given
    file = tmp_path / "switchboard.toml"
    file.touch(mode=0o600)
    file.write_text(text, "utf-8")
    monkeypatch.setenv("SWITCHBOARD_CONFIG", str(file))
    completed = {name for name in variables if belongs(name, given)}
    for name in completed:
        monkeypatch.setenv(name, "s3cret-value")
    if not place.startswith("docs/connect/"):
        for family, simplest in SIMPLEST.items():
            for name, system in given.get(family, {}).items():
                if "kind" not in system:
                    for key, value in simplest.items():
                        monkeypatch.setenv(f"SWITCHBOARD_{family}__{name}__{key}".upper(), value)
    settings = load_settings()
    assert set(settings.sources) == set(given.get("sources", {}))
    assert set(settings.crm) == set(given.get("crm", {}))
    assert set(settings.messengers) == set(given.get("messengers", {}))


def test_every_variable_named_anywhere_is_known() -> None:
    """It is a setting, a variable that FastAGI sets, or one of the few that are read elsewhere."""
    settings = named_variables((CHECKOUT / "docs" / "settings.md").read_text("utf-8"))
    fastagi = set(re.findall(r'"(SWITCHBOARD_[A-Z_]+)":', (CHECKOUT / "gateway" / "fastagi.py").read_text("utf-8")))
    assert len(settings) > 100
    assert "SWITCHBOARD_STATUS" in fastagi
    for page in [*PAGES, EXAMPLE, CHECKOUT / "SECURITY.md", *(CHECKOUT / "deploy").rglob("*")]:
        for name in named_variables(page.read_text("utf-8")) if page.is_file() else ():
            general = re.sub(r"^(SWITCHBOARD_(?:SOURCES|CRM|MESSENGERS)__)[A-Z0-9]+", r"\1NAME", name)
            one_of_a_kind = general in {"SWITCHBOARD_SOURCES__NAME__KIND"}
            assert general in settings | fastagi | NO_SETTINGS or one_of_a_kind, (page.name, name)


@cache
def words_of_the_program() -> str:
    """Return all texts in the code; a message is cut where it holds a value."""
    said = []
    for package in ("pipelines", "resources", "gateway", "simulators"):
        for file in (CHECKOUT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    said.append(node.value)
    return "\n".join(said)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_the_errors_a_guide_explains_are_those_the_program_tells(guide: Path) -> None:
    """Whoever searches a guide for what they read finds it."""
    program = words_of_the_program()
    explained = re.findall(r"\| it says \| do \|\n\|---\|---\|\n((?:\|.*\n)+)", guide.read_text("utf-8"))
    assert explained
    for row in "".join(explained).splitlines():
        for quoted in re.findall(r"`([^`]+)`", row.split(" | ")[0]):
            for part in BETWEEN_VALUES.split(quoted):
                words = part.strip(' :;,.()"')
                known = words in program or any(other in quoted for other in SAID_BY_OTHERS)
                assert len(words) < 12 or known, (guide.name, words)


def test_the_mapping_in_the_guide_writes_the_columns_beside_it(tmp_path: Path) -> None:
    """Rows that Asterisk writes by the `cdr_custom` mapping are read by the `columns` of the settings, each of them."""
    guide = (CHECKOUT / "docs" / "connect" / "asterisk.md").read_text("utf-8")
    mapped = re.findall(r"\$\{CDR\((\w+)\)\}", guide.partition("switchboard.csv => ")[2].partition("\n")[0])
    [columns] = [
        source["columns"]
        for snippet in re.findall(r"```toml\n(.*?)```", guide, re.DOTALL)
        for source in tomllib.loads(snippet)["sources"].values()
        if "columns" in source
    ]
    assert mapped == columns
    file = tmp_path / "switchboard.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
        rows = recorded_rows(columns=MASTER_COLUMNS)
        writer.writerows([row.get(column, "") for column in columns] for row in rows)
    source = AsteriskCsvSource("custom", file, zone="UTC", columns=columns)
    portions = list(source.portions_between(datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)))
    assert sum(portion.csv_text.count(b"\n") for portion in portions) == len(rows)
    assert not any(portion.refused for portion in portions)
