"""Documentation that lags behind the code fails here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from pipelines.cli import COMMANDS, make_app
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
