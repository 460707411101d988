"""Pages of the documentation that stand at the top of the checkout: MkDocs reads only what is in `docs`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parent
SHOWN = {"changelog.md": "CHANGELOG.md", "contributing.md": "CONTRIBUTING.md", "security.md": "SECURITY.md"}


def on_page_markdown(markdown: str, page: Any, **_others: Any) -> str:  # noqa: ANN401
    """Show the file a page stands for, with its links as they are from here."""
    shown = SHOWN.get(page.file.src_uri)
    if shown is None:
        return markdown
    text = (CHECKOUT / shown).read_text("utf-8")
    text = re.sub(r"\]\(docs/", "](", text)
    # What is no page is named, not linked.
    return re.sub(r"\[([^\]]+)\]\((?:deploy|tests)/[^)]+\)", r"`\1`", text)
