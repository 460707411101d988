"""Assets `call_events` and `call_events_reconciliation`."""

import dagster as dg

from assets.calendar import CallDays, days_of
from assets.describe import ROWS_OF_DAY, columns_of, count_by_day, lineage, preview, tell_days
from assets.failures import told_plainly
from assets.live.reconcile import reconcile_days
from assets.platform import Platform
from resources.warehouse.tables.live import call_events as events
from resources.warehouse.tables.live import call_events_reconciliation as table

GROUP = "live"


def make_assets(call_days: CallDays) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """Define the assets of this family on the given days."""
    call_events = dg.AssetSpec(
        "call_events",
        group_name=GROUP,
        kinds={"postgres"},
        owners=["team:telephony"],
        metadata=columns_of(events),
        description=(
            "What happened to each leg of a call, as it happened: ringing, answered, held, transferred, ended. Written "
            "by the listener and by webhooks, each event once; the sensors `call_events` and `call_events_other` "
            "switch it and report how it goes.\n\nСобытия звонков."
        ),
    )

    @dg.asset(
        group_name=GROUP,
        kinds={"postgres"},
        owners=["team:telephony"],
        deps=["call_events", "call_history"],
        partitions_def=call_days.partitions,
        backfill_policy=call_days.backfill,
        metadata=columns_of(table)
        | lineage(
            {
                "call_day": {"call_history": ["call_day"], "call_events": ["source_at", "received_at"]},
                "pbx_id": {"call_history": ["pbx_id"], "call_events": ["pbx_id"]},
                "linkedid": {"call_history": ["linkedid"], "call_events": ["linkedid"]},
                "began_at": {"call_history": ["started_at"], "call_events": ["source_at", "received_at"]},
                "finding": {"call_history": ["linkedid"], "call_events": ["linkedid", "kind"]},
            }
        ),
        description=(
            "Calls of which history and events disagree: finalised without events, events without a call in the "
            "history, ends nobody told of; with what explains it, such as a gap in the listening. The metadata have "
            "how long a card took from the ring, stage by stage.\n\nСверка событий с историей звонков."
        ),
    )
    @told_plainly
    def call_events_reconciliation(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        first_day, last_day = days_of(context)
        figures = reconcile_days(platform.warehouse, platform.business_zone, first_day, last_day)
        with platform.warehouse.transaction() as connection:
            counts = count_by_day(connection, table, figures)
            tell_days(context, {day: {ROWS_OF_DAY: counts[day], **values} for day, values in figures.items()})
            return dg.MaterializeResult(metadata={"preview": preview(connection, table, first_day, last_day)})

    return [call_events, call_events_reconciliation]
