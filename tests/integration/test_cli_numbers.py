"""Commands on numbers and the CRM's part of `doctor`, as people type them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from assets.contacts.ownership import update_owners
from assets.contacts.sources import FileSource, refresh_sources
from assets.enrichment.relink import relink_calls
from assets.platform import Platform
from pipelines.cli import make_app
from tests.fix_onec import ServedOnec
from tests.rows import at, leg, load, select

STRANGER = "+74959998877"


@pytest.fixture
def run(platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """A function that runs a command on a warehouse with the small company's cards."""
    monkeypatch.setenv("SWITCHBOARD_CONFIG", str(tmp_path / "switchboard.toml"))
    monkeypatch.setenv("SWITCHBOARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SWITCHBOARD_DATABASE_URL", platform.warehouse.url.render_as_string(hide_password=False))
    monkeypatch.setenv("COLUMNS", "200")
    decide(platform)

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(make_app(), list(words))

    return invoke


def decide(platform: Platform) -> None:
    refresh_sources(platform.warehouse, platform.contacts, platform.contact_rules)
    with platform.warehouse.transaction() as connection:
        update_owners(connection, platform.matching)
    relink_calls(platform.warehouse, at("2026-01-01").date(), platform.number_rules)


def test_a_number_is_assigned_asked_for_and_taken_back(platform: Platform, run: Callable[..., Result]) -> None:
    """Each answer says what holds now; what was believed before can still be asked for."""
    assert "nobody's" in run("owner", STRANGER).stdout
    said = run("assign", "8 495 999-88-77", "romashka", "--contact", "ivan", "--retroactive", "--note", "rang us")
    assert said.exit_code == 0, said.output
    assert "+74959998877 is romashka's." in said.stdout
    decide(platform)
    shown = run("owner", STRANGER).stdout
    assert "ООО «Ромашка» (romashka)" in shown
    assert "manual" in shown
    assert "the beginning" in shown
    assert "nobody's" in run("owner", STRANGER, "--known-at", "2020-01-01").stdout
    assert "the cards decide again" in run("assign", STRANGER, "--revoke", "--retroactive").stdout
    assert "nobody's" in run("owner", STRANGER).stdout


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("assign", STRANGER), "Give one of"),
        (("assign", STRANGER, "romashka", "--nobody"), "Give one of"),
        (("assign",), "Give a number and a client"),
        (("assign", STRANGER, "unheard-of"), "No client has the party_id"),
        (("assign", "201", "romashka"), "no subscriber number"),
        (("owner", "201"), "no subscriber number but internal"),
    ],
)
def test_what_cannot_be_meant_is_told_in_plain_words(
    run: Callable[..., Result], words: tuple[str, ...], reason: str
) -> None:
    """Exit code not 0, nothing written."""
    result = run(*words)
    assert result.exit_code != 0
    assert reason in f"{result.output} {result.exception}"


def test_a_file_of_assignments_is_taken_at_once(platform: Platform, run: Callable[..., Result], tmp_path: Path) -> None:
    """Good rows are recorded, bad ones quarantined, and both are counted."""
    file = tmp_path / "assign.csv"
    file.write_text(
        "number,party_id,contact_id,valid_from,valid_to,retroactive,note\n"
        f"{STRANGER},vasilek,,,,yes,\n101,vasilek,,,,,\n",
        "utf-8",
    )
    assert "1 assignments recorded, 1 rows quarantined" in run("assign", "--file", str(file)).stdout
    assert run("assign", "+74951234567", "vasilek").exit_code == 0
    assert select(platform.warehouse, "SELECT count(*) FROM number_overrides WHERE superseded_at IS NULL") == [(2,)]


def test_numbers_to_review_are_listed_busiest_first(platform: Platform, run: Callable[..., Result]) -> None:
    """A number of two clients is shown with both, until somebody decides."""
    shown = run("review").stdout
    assert "+74950001122" in shown
    assert "АО «Орион» (orion); АО «Сириус» (sirius)" in shown
    run("assign", "+74950001122", "sirius", "--retroactive")
    decide(platform)
    assert "Nothing to review" in run("review").stdout


def test_overrides_and_lists_are_contact_sources(platform: Platform, tmp_path: Path) -> None:
    """Files named in the settings are watched like the others, and reach the calls."""
    overrides, listed = tmp_path / "overrides.csv", tmp_path / "listed.csv"
    overrides.write_text(
        "number,party_id,contact_id,valid_from,valid_to,retroactive,note\n+74950001122,orion,,,,да,\n", "utf-8"
    )
    listed.write_text(f"number,kind,expires_on,note\n{STRANGER},spam,,\n", "utf-8")
    files = FileSource("overrides_csv", overrides), FileSource("listed_numbers_csv", listed)
    platform = replace(platform, contacts=(*platform.contacts, *files))
    calls = [
        leg("c1", at("2026-03-02 10:00"), "84950001122", "201"),
        leg("c2", at("2026-03-02 11:00"), STRANGER, "201"),
    ]
    load(platform.warehouse, calls)
    assert all(file.look(platform.warehouse).has_news for file in files)
    decide(platform)
    assert not any(file.look(platform.warehouse).has_news for file in files)
    outcomes = select(platform.warehouse, "SELECT outcome, party_id, rung FROM enriched_calls ORDER BY linkedid")
    assert [tuple(row) for row in outcomes] == [("owned", "orion", "manual"), ("listed", None, None)]


def test_doctor_tries_the_crm(
    run: Callable[..., Result],
    simulated_onec: Callable[..., ServedOnec],
    make_database: Callable[[str | None], str],
    tmp_path: Path,
) -> None:
    """What is read and what is not published; a wrong password and a wrong query are told, and never shown."""
    served = simulated_onec()
    onec = f"[crm.trade]\nkind = 'onec'\nurl = '{served.url}'\nlogin = 'Робот'\n"
    file = tmp_path / "switchboard.toml"
    file.write_text(onec + "password = 'пароль'\n", "utf-8")
    file.chmod(0o600)
    result = run("doctor")
    assert "│ ok    │ crm trade" in result.stdout
    assert "Catalog_Партнеры" in result.stdout
    assert "writes nothing" in result.stdout
    url = make_database(None)
    file.write_text(
        onec + f"password = 's3cret'\n[crm.shop]\nkind = 'sql'\nurl = '{url}'\ncontacts.sql = 'SELECT 1 AS one'\n",
        "utf-8",
    )
    result = run("doctor")
    assert result.exit_code == 1
    assert "check login and password" in result.stdout
    assert "gives no column party_id" in " ".join(result.stdout.split())
    assert "s3cret" not in result.output


def test_a_crm_may_not_take_a_name_of_ours(run: Callable[..., Result], tmp_path: Path) -> None:
    """Its rows would be taken for those of a file or of the command."""
    (tmp_path / "switchboard.toml").write_text("[crm.assign]\nkind = 'sql'\nurl = 'sqlite://'\n", "utf-8")
    result = run("doctor")
    assert result.exit_code == 1
    assert "names something else already" in " ".join(result.stdout.split())
