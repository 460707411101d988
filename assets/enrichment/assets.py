"""Asset `enriched_calls`: days of calls with the owner each number had when the call began."""

import dagster as dg
from sqlalchemy import func, select

from assets.calendar import CallDays, days_of
from assets.describe import columns_of, count_by_day, day_table, lineage, preview
from assets.enrichment.fill import fill_owners
from assets.platform import Platform
from resources.warehouse import tables


def make_assets(call_days: CallDays) -> list[dg.AssetsDefinition]:
    """Define the assets of this family on the given days."""

    @dg.asset(
        group_name="enrichment",
        kinds={"postgres"},
        owners=["team:telephony"],
        deps=["call_history", "contact_ownership", "number_owners", "crm_parties"],
        partitions_def=call_days.partitions,
        backfill_policy=call_days.backfill,
        metadata=columns_of(tables.enriched_calls)
        | lineage(
            {
                "call_day": {"call_history": ["call_day"]},
                "started_at": {"call_history": ["started_at"]},
                "number": {"call_history": ["client_number"]},
                "party_id": {"number_owners": ["party_id", "valid_from", "valid_to"]},
                "contact_id": {"number_owners": ["contact_id"]},
                "rung": {"number_owners": ["rung"]},
                "candidates": {"number_owners": ["candidates", "ambiguous"]},
                "responsible_id": {"crm_parties": ["responsible_id"]},
            }
        ),
        description=(
            "Calls with their owner, one row per `pbx_id`, `linkedid`: the number in E.164, the party and "
            "contact it belonged to when the call began, how it was matched, and the candidates where several "
            "parties share it.\n\n"
            "Materialising days fills their owners anew, filled or not; only rows that change are written.\n\n"
            "Звонки с владельцами номеров."
        ),
    )
    def enriched_calls(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        first_day, last_day = days_of(context)
        written = fill_owners(platform.warehouse, first_day, last_day, platform.regions, platform.internal_digits)
        with platform.warehouse.transaction() as connection:
            calls = tables.enriched_calls
            counts = count_by_day(connection, calls, first_day, last_day)
            owned, ambiguous, exact, national = connection.execute(
                select(
                    func.count(calls.c.party_id),
                    func.count().filter(func.cardinality(calls.c.candidates) > 0),
                    func.count().filter(calls.c.rung == "exact"),
                    func.count().filter(calls.c.rung == "national"),
                ).where(calls.c.call_day.between(first_day, last_day))
            ).one()
            total = sum(counts.values())
            return dg.MaterializeResult(
                metadata={
                    "dagster/partition_row_count": total,
                    "rows written": sum(written.values()),
                    "share with an owner": owned / total if total else 0.0,
                    "ambiguous calls": ambiguous,
                    "matched exactly": exact,
                    "matched nationally": national,
                    "calls per day": day_table(counts),
                    "preview": preview(connection, calls, first_day, last_day),
                }
            )

    return [enriched_calls]
