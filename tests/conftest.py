"""Fixtures by subject stand in `fix_*.py` beside this file."""

from __future__ import annotations

import signal

import pytest

pytest_plugins = [
    "tests.fix_postgres",
    "tests.fix_warehouse",
    "tests.fix_simulators",
    "tests.fix_onec",
    "tests.fix_platform",
    "tests.fix_browser",
    "tests.fix_gateway",
    "tests.fix_journal",
    "tests.fix_listener",
    "tests.fix_asterisk_manager",
    "tests.fix_whatsapp",
    "tests.fix_messenger",
    "tests.fix_workers",
]


def pytest_configure() -> None:
    """Take Ctrl-C as usual, also where a shell started us in the background with it ignored.

    Dagster gives SIGTERM whatever SIGINT has, so every program started after a run would ignore being ended.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by the tier its folder names, so that `-m` can choose tiers."""
    for item in items:
        tier = item.path.parent.name
        if tier in {"dagster", "integration", "browser"}:
            item.add_marker(tier)
