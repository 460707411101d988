"""Assets `call_legs` and `call_history`: days of history, read again from the source or grouped anew."""

import dagster as dg

from assets.calendar import CallDays, days_between, days_of
from assets.describe import (
    ROWS_OF_DAY,
    columns_of,
    count_by_day,
    count_groups,
    day_table,
    lineage,
    preview,
    tell_days,
)
from assets.failures import PlainFailure, told_plainly
from assets.history.calls import prepare, regroup_touched_calls, touch_days
from assets.history.load import LoadReport, reread_days
from assets.platform import Platform
from resources.warehouse import tables

GROUP = "history"
STATUSES = ("accepted", "reached", "no_answer", "lost", "cancelled", "busy", "failed")
TURN_SECONDS = 1800
"""How long a run of a backfill waits for its turn at a telephony server: one run after the other reads from it."""


def make_assets(call_days: CallDays) -> list[dg.AssetsDefinition]:
    """Define the assets of this family on the given days."""

    @dg.asset(
        group_name=GROUP,
        kinds={"postgres"},
        owners=["team:telephony"],
        partitions_def=call_days.partitions,
        backfill_policy=call_days.backfill,
        metadata=columns_of(tables.call_legs),
        description=(
            "Legs of calls as the telephony servers wrote them, one row per `pbx_id`, `leg_id`.\n\n"
            "Materialising a day reads it again from every configured server: late recordings and changed "
            "rows are taken, legs the server no longer has are marked `gone_at`. The schedule "
            "`call_history_load` adds new legs by itself.\n\n"
            "Строки истории звонков, как их записала АТС."
        ),
    )
    @told_plainly
    def call_legs(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        first_day, last_day = days_of(context)
        if not platform.telephony:
            raise PlainFailure(
                "No telephony server is configured, so there is nothing to read these days from. "
                "Add one under [sources.<name>] in switchboard.toml; `switchboard doctor` checks it.",
            )
        total = LoadReport()
        for name, server in platform.telephony.items():
            source = server.open()
            try:
                report = reread_days(
                    platform.warehouse, source, server.rules, first_day, last_day, wait_seconds=TURN_SECONDS
                )
            finally:
                source.close()
            context.log.info("%s: %d rows read, %d new, %d changed", name, report.read, report.new, report.changed)
            for field in ("read", "new", "changed", "gone", "quarantined"):
                setattr(total, field, getattr(total, field) + getattr(report, field))
            for day, rows in report.days.items():
                total.days[day] = total.days.get(day, 0) + rows
        with platform.warehouse.transaction() as connection:
            counts = count_by_day(connection, tables.call_legs, days_between(first_day, last_day))
            tell_days(
                context,
                {day: {ROWS_OF_DAY: legs, "rows touched": total.days.get(day, 0)} for day, legs in counts.items()},
            )
            return dg.MaterializeResult(
                metadata={
                    "rows read by the run": total.read,
                    "new legs in the run": total.new,
                    "changed legs in the run": total.changed,
                    "gone legs in the run": total.gone,
                    "rows quarantined by the run": total.quarantined,
                    "legs per day": day_table(counts),
                    "preview": preview(connection, tables.call_legs, first_day, last_day, hidden=("raw",)),
                }
            )

    @dg.asset(
        group_name=GROUP,
        kinds={"postgres"},
        owners=["team:telephony"],
        deps=["call_legs", "crm_employees"],
        partitions_def=call_days.partitions,
        backfill_policy=call_days.backfill,
        metadata=columns_of(tables.call_history)
        | lineage(
            {
                "pbx_id": {"call_legs": ["pbx_id"]},
                "linkedid": {"call_legs": ["linkedid"]},
                "call_day": {"call_legs": ["started_at"]},
                "started_at": {"call_legs": ["started_at"]},
                "answered_at": {"call_legs": ["answered_at", "talk_seconds"]},
                "ended_at": {"call_legs": ["ended_at"]},
                "direction": {"call_legs": ["src_extension", "dst_extension"]},
                "status": {"call_legs": ["disposition", "talk_seconds"]},
                "client_number": {"call_legs": ["src_number", "dst_number"]},
                "client_key": {"call_legs": ["src_number", "dst_number"]},
                "did": {"call_legs": ["did"]},
                "duration_seconds": {"call_legs": ["started_at", "ended_at"]},
                "talk_seconds": {"call_legs": ["talk_seconds", "is_app"]},
                "wait_seconds": {"call_legs": ["started_at", "answered_at"]},
                "legs": {"call_legs": ["leg_id"]},
                "extensions": {"call_legs": ["src_extension", "dst_extension"]},
                "first_contact": {"call_legs": ["src_number", "dst_number", "started_at"]},
                "needs_attention": {"call_legs": ["disposition", "talk_seconds", "started_at"]},
                "employees": {
                    "call_legs": ["src_extension", "dst_extension"],
                    "crm_employees": ["employee_id"],
                },
            }
        ),
        description=(
            "Calls as people know them: all legs with one linkedid, one row per `pbx_id`, `linkedid`.\n\n"
            "Materialising a day groups its legs anew; only calls that come out different are written.\n\n"
            "История звонков: кто, с кем, когда, чем закончилось."
        ),
    )
    @told_plainly
    def call_history(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        first_day, last_day = days_of(context)
        with platform.warehouse.transaction() as connection:
            prepare(connection)
            touch_days(connection, first_day, last_day)
            regroup_touched_calls(connection, platform.business_zone)
            days = days_between(first_day, last_day)
            counts = count_by_day(connection, tables.call_history, days)
            statuses = count_groups(connection, tables.call_history, "status", STATUSES, days)
            tell_days(context, {day: {ROWS_OF_DAY: counts[day], **statuses[day]} for day in days})
            return dg.MaterializeResult(
                metadata={
                    "calls per day": day_table(counts),
                    "preview": preview(connection, tables.call_history, first_day, last_day),
                }
            )

    return [call_legs, call_history]
