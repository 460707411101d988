"""What the UI tells of each asset besides what the asset says itself: its switches, its page, how old it may be.

Jobs that follow a cursor are ops, so Dagster cannot know by itself which schedule refreshes an asset.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import dagster as dg
from dagster_shared.record import replace

Switch = TypeVar("Switch", dg.ScheduleDefinition, dg.SensorDefinition)


@dataclass(frozen=True)
class Shown:
    """What is told of an asset.

    Attributes:
        refreshed_by: schedules and sensors that bring it up to date, by their names; none is by hand.
        page: of the documentation, below `docs`, without its ending.
        warn_after: no news for so long is odd; None is where nothing may happen for as long as it likes.
    """

    refreshed_by: tuple[str, ...]
    page: str
    warn_after: timedelta | None = None


LONGEST_QUIET = timedelta(days=3)
"""A company telephones on working days: no new call from Friday to Tuesday is odd."""

_HISTORY = Shown(("call_history_load", "call_history_reread", "nightly_quality"), "sources", LONGEST_QUIET)
_CONTACTS = Shown(("contact_changes", "contact_owners_5_days", "contact_owners_3_months"), "contacts")
_ROUTING = Shown(("routing_table_update",), "routing", LONGEST_QUIET)
_NIGHTLY = ("nightly_quality",)

SHOWN: dict[str, Shown] = {
    "call_legs": _HISTORY,
    "call_history": _HISTORY,
    "recordings": Shown(_NIGHTLY, "gaps", LONGEST_QUIET),
    "history_gaps": Shown(_NIGHTLY, "gaps", LONGEST_QUIET),
    "crm_parties": _CONTACTS,
    "crm_phones": _CONTACTS,
    "crm_employees": _CONTACTS,
    "crm_interactions": _CONTACTS,
    "contact_ownership": _CONTACTS,
    "number_owners": _CONTACTS,
    "enriched_calls": Shown(
        ("call_history_load", "contact_changes", "contact_owners_5_days", "contact_owners_3_months"),
        "contacts",
        LONGEST_QUIET,
    ),
    "tracked_interactions": _ROUTING,
    "participation": _ROUTING,
    "routing_table": _ROUTING,
    "published_routing": _ROUTING,
    "voice_menus": _ROUTING,
    "pushed_routes": Shown(("routing_table_update",), "connect-pbx"),
    "routing_export": Shown((), "routing"),
    "routing_backtest": Shown(_NIGHTLY, "backtest", LONGEST_QUIET),
    "call_events": Shown(("call_events", "call_events_other"), "live-calls"),
    "call_events_reconciliation": Shown(_NIGHTLY, "live-calls"),
    "messages": Shown(("messenger_sync",), "messenger"),
    "chats": Shown(("messenger_sync",), "messenger"),
    "message_media": Shown(("messenger_media",), "messenger"),
    "usage_metrics": Shown(("usage_metrics",), "usage-metrics"),
    "sent_usage_metrics": Shown(("usage_metrics",), "usage-metrics"),
}


SENSORS = frozenset(
    ("call_events", "call_events_other", "contact_changes", "contact_exchange", "messenger_media", "messenger_sync")
)
LOCATION = "/locations/telephony"
"""Where the UI has the schedules and sensors of the code location that `workspace.yaml` names."""


def _with_links(description: str, shown: Shown) -> str:
    """Add links to the switches: of jobs that follow a cursor the UI says that no automation was found."""
    links = [
        f"[{name}]({LOCATION}/{'sensors' if name in SENSORS else 'schedules'}/{name})" for name in shown.refreshed_by
    ]
    return f"{description}\n\nKept up to date by {', '.join(links)}." if links else description


def _with_sources(spec: dg.AssetSpec) -> dict[str, Any]:
    """Return the table's schema in which each column also says what it is made from.

    The UI keeps column lineage, but only Dagster's paid edition draws it.
    """
    schema, lineage = (spec.metadata.get(f"dagster/column_{name}") for name in ("schema", "lineage"))
    if schema is None or lineage is None:
        return {}
    columns = []
    for column in schema.columns:
        deps = lineage.deps_by_column.get(column.name, ())
        sources = ", ".join(f"{dep.asset_key.to_user_string()}.{dep.column_name}" for dep in deps)
        columns.append(
            replace(column, description=f"{column.description} ← {sources}" if sources else column.description)
        )
    return {"dagster/column_schema": replace(schema, columns=columns)}


def with_more_told(spec: dg.AssetSpec, docs_url: str) -> dg.AssetSpec:
    """Return the asset with its switches, its page and how old it may be.

    Args:
        spec: the asset.
        docs_url: where the documentation is read; empty names the file in the checkout.
    """
    shown = SHOWN[spec.key.to_user_string()]
    read_on = address(shown.page, docs_url)
    page: Any = dg.MetadataValue.url(read_on) if docs_url else dg.MetadataValue.text(read_on)
    told = spec.merge_attributes(
        metadata={"refreshed by": ", ".join(shown.refreshed_by) or "by hand", "read on": page, **_with_sources(spec)}
    ).replace_attributes(description=_with_links(spec.description or "", shown))
    if shown.warn_after is None:
        return told
    policy = dg.FreshnessPolicy.time_window(fail_window=2 * shown.warn_after, warn_window=shown.warn_after)
    return told.replace_attributes(freshness_policy=policy)


def with_its_page(switch: Switch, docs_url: str) -> Switch:
    """Return the schedule or sensor with its page named in its description.

    The UI shows their descriptions, and of their metadata nothing.
    """
    # Dagster has no public way to describe one anew; its version is pinned.
    switch._description = f"{switch.description}\n\nRead on: {address(f'jobs/{switch.name}', docs_url)}"
    return switch


def address(page: str, docs_url: str) -> str:
    """Return where a page is read: in the documentation that is served, or else as a file of the checkout."""
    return f"{docs_url.rstrip('/')}/{page}/" if docs_url else f"docs/{page}.md"
