"""Which talks have their recording: told by the calls' rows and, where the files are in reach, by the files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from assets.history.gaps import Gap
from resources.telephony.recordings import FolderShelf, KeptFile
from resources.warehouse.connection import Warehouse, on_deadlock_again
from resources.warehouse.statements import run

PACKAGE = "assets.history"
DAY = timedelta(days=1)


@dataclass(frozen=True)
class RecordingRules:
    """What is known of a server's recordings.

    Attributes:
        folder: where the files are, if this machine sees them.
        names_what_exists: the server names a file only while it exists.
        is_expected: every talk is recorded, so that a talk without a file lacks one.
        pending_seconds: how long after a call's end its file may be in the making.
    """

    folder: FolderShelf | None = None
    names_what_exists: bool = False
    is_expected: bool = False
    pending_seconds: int = 86_400


@on_deadlock_again
def check_recordings(
    warehouse: Warehouse, pbx_id: str, rules: RecordingRules, first_day: date, last_day: date
) -> list[Gap]:
    """Bring the recordings of business days up to date, both included; return what is amiss and keep it.

    Raises:
        SourceRefusedError: the folder cannot be read.
    """
    days = {"pbx_id": pbx_id, "first_day": first_day, "last_day": last_day}
    with warehouse.transaction() as connection:
        told = {
            "names_what_exists": rules.names_what_exists and not rules.folder,
            "is_expected": rules.is_expected,
            "pending_seconds": rules.pending_seconds,
        }
        run(connection, PACKAGE, "store_recordings", days | told)
        gaps: list[Gap] = []
        if rules.folder:
            # Filed by the call's start, or by its own end: under the day before its leg's, or after.
            files = list(rules.folder.files_between(first_day - DAY, last_day + DAY))
            given = {"files": _as_rows(files), "pending_seconds": rules.pending_seconds}
            run(connection, PACKAGE, "match_files", days | given)
            audited = [file for file in files if file.is_sound and first_day <= file.day <= last_day]
            gaps += [
                Gap("file", row.name, row.day, 1, explanation="no call names this file")
                for row in run(connection, PACKAGE, "find_files_of_no_call", days | {"files": _as_rows(audited)})
            ]
        gaps += [
            Gap("recording", row.leg_id, row.call_day, 1, explanation=f"there is no file {row.file or 'of this talk'}")
            for row in run(connection, PACKAGE, "find_missing_recordings", days)
        ]
        found = {"pbx_id": pbx_id, "found": json.dumps([gap.as_row() for gap in gaps])}
        run(connection, PACKAGE, "store_gaps", found)
        run(connection, PACKAGE, "settle_former_files", days | found)
    return gaps


def _as_rows(files: Sequence[KeptFile]) -> str:
    return json.dumps([vars(file) | {"day": file.day.isoformat()} for file in files])
