"""Files of messages: fetched from the provider before it forgets them, and kept under the hash of their bytes."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

from assets.messenger.rules import Messengers
from assets.messenger.sender import media_path
from resources.messengers.exchange import Fetched, MediaGoneError, MessengerError
from resources.warehouse.connection import Warehouse
from resources.warehouse.statements import run

_HERE = "assets.messenger"

LOCK = "files of messages"
PORTION = 20
_LEASE = timedelta(minutes=10)


def count_due(warehouse: Warehouse, accounts: list[str]) -> int:
    """Return how many files are to be fetched now."""
    with warehouse.transaction() as connection:
        return int(run(connection, _HERE, "count_due_media", {"accounts": accounts}).scalar_one())


def fetch_due(warehouse: Warehouse, messengers: Messengers) -> Counter[str]:
    """Fetch the files that are due; return how many were kept, gone, and put off.

    A file is taken in hand for ten minutes: a run that dies holds it up no longer.

    Raises:
        WarehouseBusyError: another run is at it.
    """
    with warehouse.locked(LOCK, wait_seconds=5):
        return _fetch_due(warehouse, messengers)


def _fetch_due(warehouse: Warehouse, messengers: Messengers) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    for name, account in messengers.accounts.items():
        with account.open() as messenger:
            while True:
                values = {"account": name, "portion": PORTION, "lease_seconds": _LEASE.total_seconds()}
                with warehouse.transaction() as connection:
                    due = run(connection, _HERE, "claim_media", values).all()
                if not due:
                    break
                for file in due:
                    fetched: Fetched | None = None
                    state, error = "kept", None
                    try:
                        fetched = messenger.fetch_media(
                            file.media_id, messengers.media_folder, messengers.largest_media_bytes
                        )
                    except MediaGoneError as gone:
                        state, error = "gone", str(gone)
                    except MessengerError as failed:
                        state, error = "waiting", str(failed)
                    note = {
                        "account": name,
                        "media_id": file.media_id,
                        "message_id": file.message_id,
                        "state": state,
                        "error": error,
                        "sha256": fetched.sha256 if fetched else None,
                        "size_bytes": fetched.size_bytes if fetched else None,
                        "mime_type": fetched.mime_type if fetched else "",
                    }
                    with warehouse.transaction() as connection:
                        run(connection, _HERE, "note_media", note)
                    outcomes["put off" if state == "waiting" else state] += 1
    return outcomes


def forget_media(warehouse: Warehouse, folder: Path, days: int) -> int:
    """Remove files that were fetched longer ago than so many days; return how many rows lost theirs."""
    with warehouse.transaction() as connection:
        forgotten = run(connection, _HERE, "forget_media", {"days": days}).all()
        kept = {
            row.sha256
            for row in run(connection, _HERE, "select_kept_media", {"hashes": [row.sha256 for row in forgotten]})
        }
        for row in forgotten:
            if row.sha256 not in kept:
                media_path(folder, row.sha256).unlink(missing_ok=True)
    return len(forgotten)
