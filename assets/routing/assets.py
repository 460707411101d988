"""Assets `tracked_interactions`, `participation` and `routing_table`: from evidence to who should answer."""

from typing import Any

import dagster as dg
from sqlalchemy import func, select

from assets.calendar import CallDays, days_of
from assets.describe import columns_of, count_by_day, count_rows, day_table, lineage, preview, query_table
from assets.failures import told_plainly
from assets.platform import Platform
from assets.routing.build import rebuild_participation, rebuild_routing_table, track_days
from resources.warehouse import tables

GROUP = "routing"


def make_assets(call_days: CallDays) -> list[dg.AssetsDefinition]:
    """Define the assets of this family on the given days."""

    @dg.asset(
        group_name=GROUP,
        kinds={"postgres"},
        owners=["team:telephony"],
        deps=["enriched_calls", "crm_employees"],
        partitions_def=call_days.partitions,
        backfill_policy=call_days.backfill,
        metadata=columns_of(tables.tracked_interactions)
        | lineage(
            {
                "interaction_day": {"enriched_calls": ["call_day"]},
                "at": {"enriched_calls": ["started_at"]},
                "client_id": {"enriched_calls": ["party_id", "number"]},
                "party_id": {"enriched_calls": ["party_id"]},
                "number": {"enriched_calls": ["number"]},
                "contact_id": {"enriched_calls": ["contact_id"]},
                "employee_id": {
                    "call_legs": ["src_extension", "dst_extension"],
                    "crm_employees": ["employee_id"],
                },
                "talk_seconds": {"call_legs": ["talk_seconds"]},
                "weight": {"call_legs": ["talk_seconds"], "enriched_calls": ["party_id"]},
            }
        ),
        description=(
            "Evidence that an employee worked with a client, one row per interaction and employee: who talked "
            "how long, in which role, and what that weighs on its day.\n\n"
            "Materialising days makes their evidence anew; the clients concerned wait for the next update of the "
            "routing.\n\nОтслеживаемые взаимодействия."
        ),
    )
    @told_plainly
    def tracked_interactions(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        first_day, last_day = days_of(context)
        written = track_days(platform.warehouse, platform.routing_rules, first_day, last_day)
        with platform.warehouse.transaction() as connection:
            counts = count_by_day(connection, tables.tracked_interactions, first_day, last_day, "interaction_day")
            return dg.MaterializeResult(
                metadata={
                    "dagster/partition_row_count": sum(counts.values()),
                    "rows written": sum(written.values()),
                    "interactions per day": day_table(counts),
                    "preview": preview(
                        connection,
                        tables.tracked_interactions,
                        first_day,
                        last_day,
                        day_column="interaction_day",
                    ),
                }
            )

    @dg.asset(
        group_name=GROUP,
        kinds={"postgres"},
        owners=["team:telephony"],
        deps=["tracked_interactions"],
        metadata=columns_of(tables.participation)
        | lineage(
            {
                "client_id": {"tracked_interactions": ["client_id"]},
                "party_id": {"tracked_interactions": ["party_id"]},
                "contact_id": {"tracked_interactions": ["contact_id"]},
                "number": {"tracked_interactions": ["number"]},
                "employee_id": {"tracked_interactions": ["employee_id"]},
                "log_score": {"tracked_interactions": ["weight", "at"]},
                "talk_seconds": {"tracked_interactions": ["talk_seconds"]},
                "first_at": {"tracked_interactions": ["at"]},
                "last_at": {"tracked_interactions": ["at"]},
            }
        ),
        description=(
            "Each employee's part in the work with each client: the decayed sum of their evidence, kept so that "
            "time alone never changes it.\n\nMaterialising weighs every client anew; only rows that change are "
            "written.\n\nДоля участия сотрудников в работе с клиентом."
        ),
    )
    @told_plainly
    def participation(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
        report = rebuild_participation(platform.warehouse, platform.routing_rules)
        with platform.warehouse.transaction() as connection:
            return dg.MaterializeResult(
                metadata={
                    "dagster/row_count": count_rows(connection, tables.participation),
                    "clients": report.clients,
                    "rows written": report.parts_written,
                    "preview": preview(connection, tables.participation),
                }
            )

    @dg.asset(
        group_name=GROUP,
        kinds={"postgres"},
        owners=["team:telephony"],
        deps=["participation", "crm_employees", "crm_parties", "number_owners"],
        metadata=columns_of(tables.routing_table)
        | lineage(
            {
                "number": {"number_owners": ["number"]},
                "party_id": {"participation": ["party_id"]},
                "party_name": {"crm_parties": ["name"]},
                "employee_id": {"participation": ["employee_id"], "crm_parties": ["responsible_id"]},
                "employee_name": {"crm_employees": ["name"]},
                "score": {"participation": ["log_score"]},
                "share": {"participation": ["log_score"]},
                "is_responsible": {"participation": ["log_score", "interactions", "talk_seconds"]},
            }
        ),
        description=(
            "Who should answer a number, best first: up to three employees at work today, and whether the first "
            "is responsible. A row holds from `version` until `until_version`.\n\nMaterialising ranks every "
            "client anew; a new version opens only if something comes out different.\n\nТаблица маршрутизации."
        ),
    )
    @told_plainly
    def routing_table(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
        report = rebuild_routing_table(platform.warehouse, platform.routing_rules, platform.business_zone)
        return dg.MaterializeResult(
            metadata={
                "clients looked at": report.clients,
                "rows opened": report.rows_opened,
                "rows closed": report.rows_closed,
                **describe_routing_table(platform),
            }
        )

    return [tracked_interactions, participation, routing_table]


def describe_routing_table(platform: Platform) -> dict[str, Any]:
    """Return what people look at first in the current table: size, clients with a responsible, some rows."""
    table = tables.routing_table
    with platform.warehouse.transaction() as connection:
        rows, clients, with_responsible = connection.execute(
            select(
                func.count(),
                func.count(table.c.client_id.distinct()),
                func.count(table.c.client_id.distinct()).filter(table.c.is_responsible),
            ).where(table.c.until_version.is_(None))
        ).one()
        version = connection.execute(select(func.max(tables.routing_versions.c.version))).scalar_one()
        sample = query_table(
            connection,
            select(
                table.c.number,
                table.c.rank,
                table.c.party_name,
                table.c.employee_name,
                table.c.extension,
                table.c.score,
                table.c.share,
                table.c.is_responsible,
                table.c.reason,
            )
            .where(table.c.until_version.is_(None))
            .order_by(table.c.number, table.c.rank)
            .limit(10),
        )
    return {
        "dagster/row_count": rows,
        "version": version or 0,
        "clients": clients,
        "clients with a responsible": with_responsible,
        "preview": sample,
    }
