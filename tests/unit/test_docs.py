"""Documentation that lags behind the code fails here."""

from __future__ import annotations

import re
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
