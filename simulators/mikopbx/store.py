"""The PBX's call detail records in SQLite, as the real one keeps them, with their life-cycle.

Public source of the rules: MikoPBX core, `WorkerCdr`, `CallDetailRecordsTmp`. Legs of running calls stand
in the table `cdr`. All legs of one call move into `cdr_general` together, seconds after its last channel
ended, and get their ids then: ids follow the order in which calls end, not begin. Rows change in place
without a new id, old ones are deleted, and a replaced database begins its ids anew.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import Any

from simulators.mikopbx.clock import Clock
from simulators.mikopbx.history import FinishedCall
from simulators.mikopbx.rows import COLUMNS, INTEGERS, Row

HIDDEN_COLUMNS = frozenset({"a_transfer"})
"""Columns that REST v3 does not show."""

_QUOTED = {name: f'"{name}"' for name in COLUMNS}
_NAMES = ", ".join(_QUOTED.values())
_KEPT = f"{_NAMES}, recording_at, shown"
_MARKS = ", ".join("?" for _ in range(len(COLUMNS) + 2))


class CdrStore:
    """Rows of `cdr_general`, and those of `cdr` that will become such rows as the clock goes on.

    Args:
        clock: the PBX's.
        database: a file, so that a PBX started again has its calls; in memory where absent.
    """

    def __init__(self, clock: Clock, database: Path | None = None) -> None:
        self.clock = clock
        self._lock = RLock()
        self._db = sqlite3.connect(database or ":memory:", check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA synchronous = OFF")
        self._create()

    def _create(self) -> None:
        columns = ", ".join(f"{_QUOTED[name]} {'INTEGER' if name in INTEGERS else 'TEXT'}" for name in COLUMNS)
        # `shown` is the row as REST v3 shows it, ready but for its id: a page is then cut, not made.
        self._db.executescript(
            f"CREATE TABLE IF NOT EXISTS cdr_general (id INTEGER PRIMARY KEY AUTOINCREMENT, {columns},"
            " recording_at REAL, shown TEXT);"
            "CREATE INDEX IF NOT EXISTS by_linkedid ON cdr_general (linkedid);"
            "CREATE INDEX IF NOT EXISTS by_start ON cdr_general (start);"
            "CREATE INDEX IF NOT EXISTS by_uniqueid ON cdr_general (UNIQUEID);"
            f"CREATE TABLE IF NOT EXISTS cdr (id INTEGER PRIMARY KEY, {columns},"
            " recording_at REAL, shown TEXT, finalised_at REAL);"
            "CREATE INDEX IF NOT EXISTS by_end ON cdr (finalised_at);"
        )

    def close(self) -> None:
        """Let go of the database."""
        with self._lock:
            self._db.close()

    def expect(self, calls: Iterable[FinishedCall]) -> None:
        """Take calls in that are finalised when the clock reaches them; those of the past are at once."""
        with self._lock:
            self.settle()
            now = self.clock.now()
            ahead: list[FinishedCall] = []
            past: list[FinishedCall] = []
            for call in calls:
                (past if call.finalised_at <= now else ahead).append(call)
            past.sort(key=lambda call: call.finalised_at)
            with self._db:
                self._db.execute("BEGIN")
                self._db.executemany(
                    f"INSERT INTO cdr_general ({_KEPT}) VALUES ({_MARKS})",  # noqa: S608
                    (_kept(row, call.recordings_at) for call in past for row in call.rows),
                )
                self._db.executemany(
                    f"INSERT INTO cdr ({_KEPT}, finalised_at) VALUES ({_MARKS}, ?)",  # noqa: S608
                    ((*_kept(row, call.recordings_at), call.finalised_at.timestamp())
                     for call in ahead for row in call.rows),
                )  # fmt: skip

    def settle(self) -> None:
        """Finalise what is due by now."""
        now = self.clock.now().timestamp()
        with self._lock, self._db:
            first = self._db.execute("SELECT min(finalised_at) FROM cdr").fetchone()[0]
            if first is None or first > now:
                return
            self._db.execute("BEGIN")
            self._db.execute(
                f"INSERT INTO cdr_general ({_KEPT}) "  # noqa: S608
                f"SELECT {_KEPT} FROM cdr WHERE finalised_at <= ? ORDER BY finalised_at, id",
                (now,),
            )
            self._db.execute("DELETE FROM cdr WHERE finalised_at <= ?", (now,))

    def finalise(self, rows: Iterable[Mapping[str, Any]], recordings_at: datetime | None = None) -> list[int]:
        """Write legs now, and return their ids; their recordings are shown from `recordings_at` on, or at once."""
        with self._lock, self._db:
            self._db.execute("BEGIN")
            before = self._last_id()
            insert = f"INSERT INTO cdr_general ({_KEPT}) VALUES ({_MARKS})"  # noqa: S608
            self._db.executemany(insert, (_kept(row, recordings_at) for row in rows))
            return list(range(before + 1, self._last_id() + 1))

    def upsert(self, row: Mapping[str, Any]) -> int:
        """Write a leg by its UNIQUEID as importing modules do: in place where it stands already; return its id."""
        values = {name: value for name, value in row.items() if name in _QUOTED}
        with self._lock:
            found = self._db.execute("SELECT id FROM cdr_general WHERE UNIQUEID = ?", (row["UNIQUEID"],)).fetchone()
            if found is None:
                return self.finalise([values])[0]
            self.change(row["UNIQUEID"], **values)
            return int(found["id"])

    def change(self, unique_id: str, /, **values: Any) -> int:  # noqa: ANN401
        """Change a finalised leg in place: the id stays. Return how many rows were changed."""
        return self._rewrite("cdr_general", "UNIQUEID = ?", unique_id, values)

    def merge(self, linkedid: str, into: str) -> int:
        """Give the legs of a call, running or finalised, to another call; return how many."""
        return sum(
            self._rewrite(table, "linkedid = ?", linkedid, {"linkedid": into}) for table in ("cdr", "cdr_general")
        )

    def delete(self, key: str) -> int:
        """Delete a row by id or a call by linkedid, as REST's DELETE does; return how many rows went."""
        with self._lock:
            return self._db.execute("DELETE FROM cdr_general WHERE id = ? OR linkedid = ?", (key, key)).rowcount

    def retain_since(self, local_day: str) -> int:
        """Delete rows that start before a local day, as the PBX's retention does."""
        with self._lock:
            return self._db.execute("DELETE FROM cdr_general WHERE start < ?", (local_day,)).rowcount

    def reset_ids(self, *, keep_rows: bool) -> None:
        """Replace the database: ids begin at 1 again, for the same calls or for none."""
        with self._lock:
            kept = self.rows() if keep_rows else []
            self._db.executescript("DROP TABLE cdr_general")
            self._create()
            self.finalise(kept)

    def rows(self) -> list[Row]:
        """Return every finalised row by id, as the PBX has them now."""
        return self.select("1 = 1", (), "id", "ASC", -1, 0)

    def running(self) -> list[Row]:
        """Return the legs of `cdr`: calls that are not finalised yet, and expected ones that have not begun."""
        with self._lock:
            return [dict(row) for row in self._db.execute(f"SELECT {_NAMES} FROM cdr ORDER BY id")]  # noqa: S608

    def count(self, where: str, values: Sequence[Any]) -> int:
        """Return how many finalised rows fit; `where` comes from the app's lists."""
        self.settle()
        with self._lock:
            return int(self._db.execute(f"SELECT count(*) FROM cdr_general WHERE {where}", values).fetchone()[0])  # noqa: S608

    def count_calls(self, where: str, values: Sequence[Any]) -> int:
        """Return how many calls have a fitting row."""
        self.settle()
        query = f"SELECT count(DISTINCT linkedid) FROM cdr_general WHERE {where}"  # noqa: S608
        with self._lock:
            return int(self._db.execute(query, values).fetchone()[0])

    def bounds(self) -> tuple[str, str]:
        """Return the first and the last start, empty where there are no rows."""
        self.settle()
        with self._lock:
            first, last = self._db.execute("SELECT min(start), max(start) FROM cdr_general").fetchone()
        return first or "", last or ""

    def calls(self, where: str, values: Sequence[Any], order: str, limit: int, offset: int) -> list[str]:
        """Return linkedids of the calls with fitting rows, by their first start."""
        self.settle()
        query = (
            f"SELECT linkedid FROM cdr_general WHERE {where} GROUP BY linkedid "  # noqa: S608
            f"ORDER BY min(start) {order}, linkedid LIMIT ? OFFSET ?"
        )
        with self._lock:
            return [row["linkedid"] for row in self._db.execute(query, [*values, limit, offset])]

    def select(self, where: str, values: Sequence[Any], sort: str, order: str, limit: int, offset: int) -> list[Row]:
        """Return a page of rows with every column; `where`, `sort`, `order` come from the app's lists."""
        found = self._page(f"id, {_NAMES}, recording_at", where, values, sort, order, limit, offset)
        now = self.clock.now().timestamp()
        rows = [dict(row) for row in found]
        for row in rows:
            if row.pop("recording_at") > now:
                row["recordingfile"] = ""
        return rows

    def select_shown(
        self, where: str, values: Sequence[Any], sort: str, order: str, limit: int, offset: int
    ) -> list[tuple[int, str]]:
        """Return the same page as REST v3 shows it: id and JSON object."""
        now = self.clock.now().timestamp()
        return [
            (row["id"], f'{{"id": {row["id"]}, {row["shown"] if row["recording_at"] <= now else _silent(row["shown"])}')
            for row in self._page("id, recording_at, shown", where, values, sort, order, limit, offset)
        ]

    def _page(
        self, columns: str, where: str, values: Sequence[Any], sort: str, order: str, limit: int, offset: int
    ) -> list[sqlite3.Row]:
        self.settle()
        by = f"id {order}" if sort == "id" else f'"{sort}" {order}, id {order}'
        query = f"SELECT {columns} FROM cdr_general WHERE {where} ORDER BY {by} LIMIT ? OFFSET ?"  # noqa: S608
        with self._lock:
            return self._db.execute(query, [*values, limit, offset]).fetchall()

    def _rewrite(self, table: str, where: str, value: str, changes: Mapping[str, Any]) -> int:
        unknown = changes.keys() - set(COLUMNS)
        if unknown:
            raise KeyError(f"cdr_general has no column {', '.join(sorted(unknown))}")
        assignments = ", ".join(f"{name} = ?" for name in _QUOTED.values())
        update = f"UPDATE {table} SET {assignments}, recording_at = ?, shown = ? WHERE id = ?"  # noqa: S608
        with self._lock, self._db:
            self._db.execute("BEGIN")
            found = self._db.execute(f"SELECT * FROM {table} WHERE {where}", (value,)).fetchall()  # noqa: S608
            for row in found:
                *values, _, shown = _kept({**dict(row), **changes}, None)
                # A path that is set is shown at once; another change leaves it waiting for its file.
                shown_at = 0.0 if "recordingfile" in changes else row["recording_at"]
                self._db.execute(update, (*values, shown_at, shown, row["id"]))
            return len(found)

    def _last_id(self) -> int:
        found = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'cdr_general'").fetchone()
        return int(found["seq"]) if found else 0


def _kept(row: Mapping[str, Any], recordings_at: datetime | None) -> tuple[Any, ...]:
    values = [row.get(name, "") for name in COLUMNS]
    return (
        *values,
        recordings_at.timestamp() if recordings_at else 0.0,
        _shown(dict(zip(COLUMNS, values, strict=True))),
    )


def _shown(row: Row) -> str:
    """Return a row as REST v3 shows it: a JSON object without its opening brace and its id."""
    shown = {name: value for name, value in row.items() if name not in HIDDEN_COLUMNS}
    # 32 hexadecimal digits, as the real tokens; links and the path are empty where there is no file.
    token = hashlib.md5(str(row["UNIQUEID"]).encode(), usedforsecurity=False).hexdigest()
    for use in ("playback", "download"):
        shown[f"{use}_url"] = f"/pbxcore/api/v3/cdr:{use}?token={token}" if row["recordingfile"] else ""
    return json.dumps(shown)[1:]


def _silent(shown: str) -> str:
    """Return the same row while the file of its recording does not exist yet."""
    return json.dumps({**json.loads("{" + shown), "recordingfile": "", "playback_url": "", "download_url": ""})[1:]
