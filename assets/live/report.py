"""How listening stands, in words and figures for the UI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from resources.warehouse import Warehouse
from resources.warehouse.statements import run

SILENT_AFTER = timedelta(seconds=20)
"""A listener that lives notes every few seconds that its server was heard."""


@dataclass(frozen=True)
class ListenerReport:
    """How listening to one server stands.

    Attributes:
        pbx_id: the server.
        is_alive: whether it is heard now; of one that calls us whether we would hear it.
        since: when it was connected.
        events: stored since then; of one that calls us in the last hour.
        last_event_at: the latest of them.
        last_error: of the latest failure, however long ago.
        words: all that in a sentence.
    """

    pbx_id: str
    is_alive: bool
    since: datetime | None
    events: int
    last_event_at: datetime | None
    last_error: str | None
    words: str

    @property
    def metadata(self) -> dict[str, Any]:
        """Figures of an observation."""
        figures = {
            "alive": self.is_alive,
            "since": self.since.isoformat() if self.since else "",
            "events": self.events,
            "last event": self.last_event_at.isoformat() if self.last_event_at else "",
            "last error": self.last_error or "",
        }
        return {f"{self.pbx_id}: {name}": value for name, value in figures.items()}


def report_listeners(
    warehouse: Warehouse, channels: Mapping[str, str], now: datetime, zone: str
) -> Sequence[ListenerReport]:
    """Tell how listening to servers stands.

    Args:
        warehouse: where the listener keeps it.
        channels: the kind of event channel by `pbx_id`.
        now: aware.
        zone: in which times are told.
    """
    webhooks = [name for name, kind in channels.items() if kind == "webhook"]
    with warehouse.transaction() as connection:
        rows = run(
            connection, "assets.live", "select_listeners", {"names": list(channels), "webhooks": webhooks}
        ).mappings()
        return [_report(dict(row), now, ZoneInfo(zone)) for row in rows]


def _report(row: Mapping[str, Any], now: datetime, zone: ZoneInfo) -> ListenerReport:
    def clock(moment: datetime | None) -> str:
        return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}" if moment else "never"

    is_heard = row["heard_at"] is not None and now - row["heard_at"] < SILENT_AFTER
    is_alive = row["is_webhook"] or (row["is_connected"] and is_heard)
    gaps = f", {row['gaps_of_a_day']} gaps in 24 hours" if row["gaps_of_a_day"] else ""
    if row["is_webhook"]:
        words = f"calls us; {row['events']} events in the last hour, the latest {clock(row['last_event_at'])}"
    elif is_alive:
        words = (
            f"listening since {clock(row['connected_at'])}, {row['events']} events, the latest "
            f"{clock(row['last_event_at'])}{gaps}"
        )
    else:
        reason = "" if row["is_connected"] else row["stopped_because"] or row["last_error"]
        words = f"not heard since {clock(row['heard_at'])}: {reason or 'the listener gives no sign of life'}"
    return ListenerReport(
        pbx_id=row["pbx_id"],
        is_alive=is_alive,
        since=row["connected_at"] if is_alive else None,
        events=row["events"],
        last_event_at=row["last_event_at"],
        last_error=row["last_error"],
        words=f"{row['pbx_id']}: {words}",
    )
