"""Command `import-cdr`: Asterisk CDR files, of any layout, into the history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from assets.history.load import LoadReport, LoadRules, load_portions
from pipelines.cli.database import warehouse_of, with_database
from pipelines.settings import load_settings
from resources.telephony.asterisk_csv import read_csv_files
from resources.telephony.source import Portion
from resources.warehouse.migrate import migrate


def import_cdr(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, readable=True, help="CDR files.")],
    source: Annotated[str, typer.Option(help="Name of the telephony server the files come from.")] = "import",
    timezone: Annotated[str | None, typer.Option(help="Zone of the clock times in them, for example UTC.")] = None,
    country: Annotated[str | None, typer.Option(help="Country of numbers without a country code.")] = None,
    columns: Annotated[str | None, typer.Option(help="Their columns, comma-separated, if they are unusual.")] = None,
) -> None:
    """Load Asterisk CDR files (Master.csv, cdr_custom) into the history; loading one twice is harmless."""
    with with_database(load_settings()) as settings:
        warehouse = warehouse_of(settings)
        migrate(warehouse)
        rules = LoadRules(
            business_zone=settings.timezone,
            source_zone=timezone or settings.timezone,
            region=country or settings.country,
            internal_digits=settings.internal_digits,
        )
        layout = tuple(name.strip() for name in columns.split(",")) if columns else None
        with Progress(
            TextColumn("Importing"), BarColumn(), TransferSpeedColumn(), TimeRemainingColumn(), transient=True
        ) as progress:
            task = progress.add_task("import", total=sum(file.stat().st_size for file in files))
            portions = _watched(read_csv_files(files, columns=layout), progress, task)
            report = load_portions(warehouse, source, "asterisk", portions, rules)
    Console().print(_summary(report))


def _watched(portions: Iterable[Portion], progress: Progress, task: TaskID) -> Iterator[Portion]:
    for portion in portions:
        yield portion
        progress.advance(task, len(portion.csv_text) + sum(len(row.raw) for row in portion.refused))


def _summary(report: LoadReport) -> Table:
    table = Table(title="Imported", show_header=False)
    table.add_row("rows read", f"{report.read:,}")
    table.add_row("new legs", f"{report.new:,}")
    table.add_row("changed legs", f"{report.changed:,}")
    table.add_row("repeated, unchanged", f"{report.repeated:,}")
    table.add_row("quarantined (see table quarantine)", f"{report.quarantined:,}")
    table.add_row("business days touched", f"{len(report.days):,}")
    return table
