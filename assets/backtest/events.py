"""What is backtested: who dealt with whom, when. Read from the warehouse, or from any CSV file.

A frame of events has one row per interaction and employee:

- `at`: when it was (aware, UTC); `known_at`: from when it is known, a call from its end;
- `expires_at`: from when it counts nothing, NaT is never;
- `client`, `contact` ('' where there is none or it is the client's own number), `employee`;
- `weight`: what it counts on its day; `talk_seconds`;
- `is_inbound`, `is_talker` (whoever talked longest), `is_test` (to be predicted: answered external inbound calls);
- `team` of the employee; `crm_owner`: the employee whom the CRM names for the client, '' where none;
- `call_day`, `pbx_id`, `linkedid`: which call it is, where it is one.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from resources.warehouse.connection import Warehouse
from resources.warehouse.statements import run

if TYPE_CHECKING:
    import pandas as pd

# pandas is imported where it is used: see assets.describe.

CSV_COLUMNS = ("at", "client", "employee")

COLUMNS = (
    "at",
    "known_at",
    "expires_at",
    "client",
    "contact",
    "employee",
    "weight",
    "talk_seconds",
    "is_inbound",
    "is_talker",
    "is_test",
    "team",
    "crm_owner",
    "call_day",
    "pbx_id",
    "linkedid",
)


class HistoryFileError(Exception):
    """A history file cannot be read; the text says which line, why, and what to do."""


def read_calls(
    warehouse: Warehouse, business_zone: str, first_day: date | None = None, last_day: date | None = None
) -> pd.DataFrame:
    """Return the events of all clients who called on the business days, both included; None is no bound.

    What these clients did before is in the frame as evidence.
    """
    import pandas as pd

    values = {"first_day": first_day, "last_day": last_day, "business_zone": business_zone}
    with warehouse.transaction() as connection:
        rows = run(connection, "assets.backtest", "select_events", values).all()
    frame = pd.DataFrame([tuple(row) for row in rows], columns=list(COLUMNS))
    return _with_instants(frame)


def read_csv(path: Path) -> pd.DataFrame:
    """Return the events of a CSV file with the columns at, client and employee: see `make_events`.

    The file is UTF-8 and may be compressed by gzip (`.gz`). `at` is ISO 8601 with its offset from UTC.

    Raises:
        HistoryFileError: the file cannot be read, lacks a column, or has a line that makes no sense.
    """
    try:
        with (
            gzip.open(path, "rt", encoding="utf-8-sig", newline="")
            if path.suffix == ".gz"
            else path.open(encoding="utf-8-sig", newline="") as file
        ):
            return make_events(_rows(path, file))
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise HistoryFileError(f"{path} cannot be read: {error}. It must be CSV in UTF-8, or that as .gz.") from error


def make_events(rows: Iterable[tuple[datetime, str, str]]) -> pd.DataFrame:
    """Return events of (at, client, employee), all alike in weight, each a test and evidence."""
    import pandas as pd

    frame = pd.DataFrame(list(rows), columns=list(CSV_COLUMNS))
    frame = frame.assign(
        known_at=frame["at"],
        expires_at=None,
        contact="",
        weight=1.0,
        talk_seconds=0,
        is_inbound=True,
        is_talker=True,
        is_test=True,
        team="",
        crm_owner="",
        call_day=None,
        pbx_id="",
        linkedid="",
    )
    return _with_instants(frame[list(COLUMNS)])


def start_after(events: pd.DataFrame, warm_up: float) -> datetime | None:
    """Return the instant before which this share of the events lies (0 up to 1); None where there are no events."""
    if events.empty:
        return None
    instants = events["at"].sort_values(ignore_index=True)
    start: datetime = instants[min(int(warm_up * len(instants)), len(instants) - 1)].to_pydatetime()
    return start


def _with_instants(frame: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    for column in ("at", "known_at", "expires_at"):
        frame[column] = pd.to_datetime(frame[column], utc=True).astype("datetime64[us, UTC]")
    return frame


def _rows(path: Path, lines: Iterable[str]) -> Iterator[tuple[datetime, str, str]]:
    reader = csv.reader(lines, strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        missing = [name for name in CSV_COLUMNS if name not in header]
        if missing:
            raise HistoryFileError(
                f"{path}, line 1: no column {', '.join(missing)}. The first line must name {', '.join(CSV_COLUMNS)}."
            )
        at, client, employee = (header.index(name) for name in CSV_COLUMNS)
        for row in reader:
            if not row:
                continue
            if len(row) != len(header):
                raise _refused(path, reader.line_num, f"{len(row)} fields, but the first line names {len(header)}")
            if not row[client].strip() or not row[employee].strip():
                raise _refused(path, reader.line_num, "client or employee is empty")
            yield _instant(path, reader.line_num, row[at]), row[client].strip(), row[employee].strip()
    except csv.Error as error:
        raise _refused(path, reader.line_num, str(error)) from error


def _instant(path: Path, line: int, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise _refused(path, line, f"'{text}' is no instant with an offset, as 2026-03-02T10:00:00+03:00 is")


def _refused(path: Path, line: int, problem: str) -> HistoryFileError:
    return HistoryFileError(f"{path}, line {line}: {problem}. Correct the line and run the command again.")
