"""The live routing table as files that other programs read: CSV and JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from resources.warehouse import Warehouse
from resources.warehouse.statements import run

CSV_NAME = "routing_table.csv"
JSON_NAME = "routing_table.json"


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        version: of the table; None where nothing is published, so that nothing was written.
        rows: rows in either file.
        folder: where the files stand.
    """

    version: int | None
    rows: int
    folder: Path


def export_routing(warehouse: Warehouse, folder: Path) -> Exported:
    """Write the table that answers; a reader finds the former files or the new ones, never half of one.

    The CSV has the columns of `select_export.sql`; the JSON is `{"version", "published_at", "rows": [...]}`.
    """
    import pandas as pd

    with warehouse.transaction() as connection:
        # One statement, so one version.
        result = run(connection, "assets.routing", "select_export")
        rows = pd.DataFrame([tuple(row) for row in result], columns=list(result.keys()))
    if rows.empty:
        return Exported(None, 0, folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    version, published_at = int(rows["version"].iloc[0]), rows["published_at"].iloc[0]
    table = rows.drop(columns=["published_at"]).astype(object).where(lambda frame: frame.notna(), None)
    with _replacing(folder / CSV_NAME) as file:
        table.to_csv(file, index=False)
    with _replacing(folder / JSON_NAME) as file:
        content = {"version": version, "published_at": published_at.isoformat(), "rows": table.to_dict("records")}
        json.dump(content, file, ensure_ascii=False)
    return Exported(version, len(table), folder)


@contextmanager
def _replacing(path: Path) -> Iterator[IO[str]]:
    """Open a file that takes the place of `path` once it is whole; only its owner may read it."""
    new = path.with_name(f".{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
