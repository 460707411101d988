"""Assets `tracked_interactions`, `participation` and `routing_table`: from evidence to who should answer."""

from typing import Any

import dagster as dg
from sqlalchemy import func, select

from assets.calendar import CallDays, days_between, days_of
from assets.describe import (
    ROWS,
    ROWS_OF_DAY,
    columns_of,
    count_by_day,
    count_rows,
    day_table,
    lineage,
    preview,
    query_table,
    tell_days,
)
from assets.failures import told_plainly
from assets.platform import Platform
from assets.routing.build import RoutingReport, rebuild_participation, rebuild_routing_table, track_days
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
                "source": {"enriched_calls": ["pbx_id"]},
                "source_key": {"enriched_calls": ["linkedid"]},
                "direction": {"call_history": ["direction"]},
                "role": {"call_legs": ["talk_seconds", "started_at"]},
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
            table, days = tables.tracked_interactions, days_between(first_day, last_day)
            counts = count_by_day(connection, table, days, "interaction_day")
            touched = {day: {ROWS_OF_DAY: rows, "rows touched": written.get(day, 0)} for day, rows in counts.items()}
            tell_days(context, touched)
            return dg.MaterializeResult(
                metadata={
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
                "interactions": {"tracked_interactions": ["source_key"]},
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
        return dg.MaterializeResult(metadata=describe_participation(platform, report))

    @dg.asset(
        group_name=GROUP,
        kinds={"postgres"},
        owners=["team:telephony"],
        deps=["participation", "crm_employees", "crm_parties", "number_owners"],
        metadata=columns_of(tables.routing_table)
        | lineage(
            {
                "number": {"number_owners": ["number"], "participation": ["number"]},
                "client_id": {"participation": ["client_id"]},
                "rank": {"participation": ["log_score"]},
                "extension": {"crm_employees": ["employee_id"]},
                "contact_id": {"number_owners": ["contact_id"]},
                "reason": {"participation": ["log_score"], "crm_parties": ["responsible_id"]},
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
            "Who should answer a number, best first: employees at work today, `routing.ranks` of them, and whether the "
            "first is responsible. A row holds from `version` until `until_version`.\n\nMaterialising ranks every "
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


def describe_participation(platform: Platform, report: RoutingReport) -> dict[str, Any]:
    """Return how large the table is, what an update did to it, and some rows."""
    with platform.warehouse.transaction() as connection:
        return {
            ROWS: count_rows(connection, tables.participation),
            "clients looked at": report.clients,
            "rows written": report.parts_written,
            "preview": preview(connection, tables.participation),
        }


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
        ROWS: rows,
        "version": version or 0,
        "clients": clients,
        "clients with a responsible": with_responsible,
        "preview": sample,
    }
