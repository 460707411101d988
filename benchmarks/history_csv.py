"""History from CSV into queryable calls, against raw COPY, pandas `to_sql` and dlt on the same rows."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd
import psycopg
from psycopg import sql
from sqlalchemy import create_engine, make_url

from assets.history.load import LoadRules, load_portions
from benchmarks.cdr import COLUMNS, cdr_rows, write_master_csv
from benchmarks.databases import Databases
from benchmarks.measure import Comparison, alternate, stopwatch
from resources.telephony.asterisk_csv import read_csv_files

RULES = LoadRules(source_zone="Europe/Moscow")
SLOW_SIDE_ROWS = 30_000


def run(databases: Databases, legs: int, rounds: int) -> str:
    """Measure and return the table."""
    comparison = Comparison("History from CSV", "rows")
    rows = cdr_rows(legs)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "Master.csv"
        write_master_csv(rows, file)
        few = rows.head(min(SLOW_SIDE_ROWS, len(rows)))
        sides = {
            "raw COPY, same key": lambda: _copy(databases, file),
            "Switchboard: legs, calls, owners": lambda: _load(databases, file),
            "pandas to_sql": lambda: _to_sql(databases, few),
            "dlt": lambda: _dlt(databases, few, Path(folder)),
        }
        alternate(comparison, sides, rounds)
    comparison.notes.append(
        "COPY writes 21 text columns with a primary key and no more. Switchboard reads clocks and numbers, keeps each "
        "row's own words, groups legs into calls, judges them, looks owners up and fills the routing's queue. "
        "`to_sql` and dlt load fewer rows; their cost per row is what is compared."
    )
    return comparison.as_markdown("raw COPY, same key")


def _copy(databases: Databases, file: Path) -> tuple[int, float]:
    url = databases.make()
    columns = sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(name)) for name in COLUMNS)
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(sql.SQL("CREATE TABLE cdr ({}, PRIMARY KEY (uniqueid, sequence))").format(columns))
        with stopwatch() as seconds:
            with cursor.copy("COPY cdr FROM STDIN WITH (FORMAT csv)") as copy, file.open("rb") as source:
                while block := source.read(1 << 20):
                    copy.write(block)
            amount = cursor.rowcount
            connection.commit()
    databases.drop(url)
    return amount, seconds()


def _load(databases: Databases, file: Path) -> tuple[int, float]:
    warehouse = databases.make_warehouse()
    with stopwatch() as seconds:
        report = load_portions(warehouse, "bench", "asterisk", read_csv_files([file]), RULES)
    databases.drop(warehouse.url.render_as_string(hide_password=False))
    return report.new, seconds()


def _to_sql(databases: Databases, rows: pd.DataFrame) -> tuple[int, float]:
    url = databases.make()
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with stopwatch() as seconds:
        rows.to_sql("cdr", engine, index=False)
    engine.dispose()
    databases.drop(url)
    return len(rows), seconds()


def _dlt(databases: Databases, rows: pd.DataFrame, folder: Path) -> tuple[int, float]:
    import dlt

    url = databases.make()
    pipeline = dlt.pipeline(
        "bench", destination=dlt.destinations.postgres(url), dataset_name="cdr", pipelines_dir=str(folder / "dlt")
    )
    records = rows.to_dict("records")
    with stopwatch() as seconds:
        pipeline.run(records, table_name="cdr", primary_key=("uniqueid", "sequence"))
    databases.drop(url)
    return len(rows), seconds()
