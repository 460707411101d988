"""The queries that the documentation shows fit the tables."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import text

from resources.warehouse import Warehouse

PAGES = Path(__file__).parents[2] / "docs"


def test_every_query_the_documentation_shows_can_be_asked(warehouse: Warehouse) -> None:
    """Those in `switchboard sql "…"`: planned, and not carried out."""
    shown = [
        query
        for page in PAGES.glob("**/*.md")
        for query in re.findall(r'switchboard sql (?:--write )?"([^"]+)"', page.read_text("utf-8"))
    ]
    assert len(shown) >= 5
    with warehouse.transaction() as connection:
        for query in shown:
            connection.execute(text(f"EXPLAIN {query}"))
