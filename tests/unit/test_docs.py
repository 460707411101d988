"""Documentation that lags behind the code fails here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.cli import COMMANDS, make_app
from pipelines.definitions import build_defs
from pipelines.jobs_reference import MARK, Job, in_words, pages, read_jobs
from pipelines.settings import Settings
from pipelines.settings_reference import reference
from resources.warehouse.dictionary import dictionary

CHECKOUT = Path(__file__).parents[2]
README = (CHECKOUT / "README.md").read_text("utf-8")


def test_the_data_dictionary_is_that_of_the_tables() -> None:
    """Make it anew by `python -m resources.warehouse.dictionary > docs/tables.md`."""
    assert (CHECKOUT / "docs/tables.md").read_text("utf-8") == dictionary()


def test_the_settings_reference_is_that_of_the_settings() -> None:
    """Make it anew by `python -m pipelines.settings_reference > docs/settings.md`."""
    assert (CHECKOUT / "docs/settings.md").read_text("utf-8") == reference()


@pytest.fixture(scope="module")
def jobs() -> list[Job]:
    """Return what the code says of each schedule and sensor."""
    return read_jobs()


def test_every_job_has_a_page_whose_head_is_what_the_code_says(jobs: list[Job]) -> None:
    """Make them anew by `python -m pipelines.jobs_reference`; below the mark a page is written by hand."""
    nav = (CHECKOUT / "mkdocs.yml").read_text("utf-8")
    kept = {file.stem for file in (CHECKOUT / "docs" / "jobs").glob("*.md")}
    assert kept == {"index", *(job.name for job in jobs)}
    for file, top in pages(jobs):
        head, mark, below = file.read_text("utf-8").partition(MARK)
        assert head + mark == top, file.name
        assert f"jobs/{file.name}\n" in nav
        if file.stem != "index":
            assert re.findall(r"^## (.+)", below, re.MULTILINE) == [
                "What to look at",
                "What it costs",
                "When it fails",
            ], file.name


def test_the_ui_names_the_page_of_every_job() -> None:
    """A file of the checkout, or an address where the documentation is served."""
    for docs_url, address in (
        ("", "docs/jobs/{}.md"),
        ("https://docs.example.com/", "https://docs.example.com/jobs/{}/"),
    ):
        repository = build_defs(Settings.model_construct(docs_url=docs_url)).get_repository_def()
        told = {one.name: one.description for one in repository.schedule_defs}
        told |= {one.name: one.description for one in repository.sensor_defs}
        for name, description in told.items():
            assert (description or "").endswith(f"Read on: {address.format(name)}")


def test_the_jobs_a_page_speaks_of_are_told_in_words() -> None:
    """Crons of a working window are one sentence."""
    assert list(in_words(["*/2 8-20 * * *", "0 21 * * *"])) == ["8–21, every 2 min"]
    assert list(in_words(["0 8-20 * * *", "0 21 * * *", "0 3 * * *"])) == ["8–21, each hour", "03:00"]
    assert list(in_words(["0 20 * * 6"])) == ["Saturday 20:00"]


def test_the_readme_names_every_command() -> None:
    """A command nobody can find is not there."""
    assert {command.name for command in make_app().registered_commands} == set(COMMANDS)
    for name in COMMANDS:
        assert f"switchboard {name}" in README


def test_every_link_of_the_readme_leads_somewhere() -> None:
    """Pictures and pages are in the checkout."""
    for target in re.findall(r"\]\(([^)#]+)", README):
        assert (CHECKOUT / target).exists(), target


def test_the_documentation_builds_without_a_warning(tmp_path: Path) -> None:
    """Every page is in the navigation, every link leads somewhere, and nothing is fetched from elsewhere."""
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    assert "WARNING" not in built.stderr
    page = (tmp_path / "site" / "index.html").read_text("utf-8")
    assert not re.findall(r'(?:src|href)="https?://(?!squidfunk|www\.mkdocs)[^"]+\.(?:js|css|woff2?)', page)


def test_every_command_the_documentation_shows_exists() -> None:
    """In code, words after `switchboard` are commands."""
    for file in [*CHECKOUT.glob("docs/**/*.md"), CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md"]:
        code = re.findall(r"```[^\n]*\n(.*?)```|`([^`\n]+)`", file.read_text("utf-8"), re.DOTALL)
        for text in ("".join(parts) for parts in code):
            for name in re.findall(r"(?:^|[\s/])switchboard ([a-z][a-z-]+)", text):
                assert name in COMMANDS, (file.name, name)
