"""Asset `enriched_calls`: days of calls with the owner each number had when the call began."""

from datetime import UTC, datetime
from enum import Enum

import dagster as dg
from pydantic import Field

from assets.calendar import CallDays, days_between, days_of
from assets.describe import ROWS_OF_DAY, columns_of, day_table, lineage, preview, tell_days
from assets.enrichment.describe import busiest_unknown, figures_by_day
from assets.enrichment.fill import fill_owners
from assets.failures import told_plainly
from assets.platform import Platform
from resources.warehouse import tables


class OwnersAsOf(Enum):
    """At which moment a number's owner counts."""

    CALL_START = "call_start"
    TODAY = "today"


class OwnersConfig(dg.Config):
    """Whose the numbers were."""

    owners_as_of: OwnersAsOf = Field(
        default=OwnersAsOf.CALL_START,
        description=(
            "CALL_START: each call gets the owner its number had when the call began. TODAY: the owner it has now, "
            "also for old calls; it stays until the days are filled again."
        ),
    )


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
                "pbx_id": {"call_history": ["pbx_id"]},
                "linkedid": {"call_history": ["linkedid"]},
                "number_kind": {"call_history": ["client_number", "direction"]},
                "call_day": {"call_history": ["call_day"]},
                "started_at": {"call_history": ["started_at"]},
                "number": {"call_history": ["client_number"]},
                "party_id": {"number_owners": ["party_id", "valid_from", "valid_to"]},
                "contact_id": {"number_owners": ["contact_id"]},
                "rung": {"number_owners": ["rung"]},
                "candidates": {"number_owners": ["candidates", "ambiguous"]},
                "outcome": {"number_owners": ["party_id", "ambiguous", "is_shared"]},
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
    @told_plainly
    def enriched_calls(
        context: dg.AssetExecutionContext, config: OwnersConfig, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        first_day, last_day = days_of(context)
        as_of = datetime.now(UTC) if config.owners_as_of is OwnersAsOf.TODAY else None
        written = fill_owners(platform.warehouse, first_day, last_day, platform.number_rules, as_of)
        with platform.warehouse.transaction() as connection:
            calls = tables.enriched_calls
            figures = figures_by_day(connection, days_between(first_day, last_day))
            tell_days(context, {day: {**told, "rows touched": written.get(day, 0)} for day, told in figures.items()})
            return dg.MaterializeResult(
                metadata={
                    "busiest unknown numbers": busiest_unknown(connection, first_day, last_day),
                    "calls per day": day_table({day: int(told[ROWS_OF_DAY]) for day, told in figures.items()}),
                    "preview": preview(connection, calls, first_day, last_day),
                }
            )

    return [enriched_calls]
