"""A year of Dagster's log, simulated: how large it grows with housekeeping each night, and how large without.

One run of each job is made for real; its rows are then copied as often as the job runs on a busy day, day by day, and
the log is trimmed after each day as the job `housekeeping` does it. Every run is taken for one with work to do, which
is the most there can be.
"""

import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import psycopg
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from sqlalchemy import Connection, func, make_url, select, table

from benchmarks.databases import Databases
from pipelines.dagster_log import LogRetention, trim_log
from resources.warehouse.statements import statement

DAYS = 365
RUNS_A_DAY = {"call_history_load": 391, "contact_owners": 73, "routing_table_update": 53, "nightly": 3}
TABLES = ("event_logs", "asset_event_tags", "runs", "run_tags", "asset_check_executions", "snapshots", "asset_keys")

PARTITIONS = dg.DailyPartitionsDefinition("2025-01-01", end_offset=1)


def run(databases: Databases, days: int = DAYS) -> str:
    """Simulate and return the table."""
    lines = ["### A year of Dagster's log", "", "| after | runs | events | MB | trimming, s (median of a week) |",
             "|---|---|---|---|---|"]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        server = databases.make()
        url = make_url(server).set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)
        Path(folder, "dagster.yaml").write_text(
            f'storage: {{postgres: {{postgres_url: "{url}"}}}}\ntelemetry: {{enabled: false}}\n'
        )
        with dg.DagsterInstance.from_config(folder) as instance:
            first = datetime(2025, 3, 1, 9, tzinfo=UTC)
            events = instance.event_log_storage
            assert isinstance(events, SqlEventLogStorage)
            _make_templates(instance)
            seconds: list[float] = []
            for number in range(days):
                day = first + timedelta(days=number)
                with events.index_connection() as connection:
                    _copy_a_day(connection, day)
                started = time.perf_counter()
                trim_log(instance, LogRetention(), now=day)
                seconds.append(time.perf_counter() - started)
                # As autovacuum does within the day, for which this one is too short.
                with psycopg.connect(server, autocommit=True) as vacuuming:
                    vacuuming.execute("VACUUM")
                if number + 1 in (14, 92, 183, days):
                    with events.index_connection() as connection:
                        size = _size(connection)
                    week = sorted(seconds[-7:])[len(seconds[-7:]) // 2]
                    lines.append(f"| {number + 1} days | {size[0]:,} | {size[1]:,} | {size[2]:,.0f} | {week:.1f} |")
                    largest = size[3]
    lines += ["", f"At the end, by table: {largest}."]
    return "\n".join(lines) + "\n"


def _make_templates(instance: dg.DagsterInstance) -> None:
    """Make one run of each job for real; what they log is like what ours log."""

    @dg.op
    def load(context: dg.OpExecutionContext) -> None:
        context.log.info("office: 14 rows read, 14 new legs, 0 changed, 0 gone, 0 quarantined")
        for asset in ("call_legs", "call_history", "enriched_calls"):
            context.log_event(
                dg.AssetMaterialization(asset, partition="2025-01-01", metadata={"rows touched": 14, "exact": 9})
            )

    @dg.op
    def update(context: dg.OpExecutionContext) -> None:
        context.log_event(dg.AssetMaterialization("tracked_interactions", partition="2025-01-01"))
        preview = dg.MetadataValue.md("a | b | c\n--- | --- | ---\n" + "1 | 2 | 3\n" * 30)
        for asset in ("participation", "routing_table", "published_routing", "voice_menus"):
            context.log_event(dg.AssetMaterialization(asset, metadata={"rows": 1, "preview": preview}))

    @dg.asset(partitions_def=PARTITIONS)
    def owners() -> dg.MaterializeResult[None]:
        return dg.MaterializeResult(metadata={"rows": 1, "preview": dg.MetadataValue.md("a | b\n" * 20)})

    @dg.asset(check_specs=[dg.AssetCheckSpec(f"rule_{number}", asset="quality") for number in range(10)])
    def quality():  # type: ignore[no-untyped-def]  # noqa: ANN202 - an annotation would be read as one output
        results = [dg.AssetCheckResult(passed=True, check_name=f"rule_{number}") for number in range(10)]
        return dg.MaterializeResult(check_results=results)

    @dg.job
    def call_history_load() -> None:
        load()

    @dg.job
    def routing_table_update() -> None:
        update()

    call_history_load.execute_in_process(instance=instance)
    routing_table_update.execute_in_process(instance=instance)
    jobs = dg.Definitions(
        assets=[owners, quality],
        jobs=[
            dg.define_asset_job("contact_owners", selection=["owners"]),
            dg.define_asset_job("nightly", selection=["quality"]),
        ],
    )
    jobs.resolve_job_def("contact_owners").execute_in_process(instance=instance, partition_key="2025-01-01")
    jobs.resolve_job_def("nightly").execute_in_process(instance=instance)


def _copy_a_day(connection: Connection, day: datetime) -> None:
    values = {"day": day.replace(tzinfo=None), "partition": f"{day:%Y-%m-%d}"}
    for job, runs in RUNS_A_DAY.items():
        for name in ("copy_runs", "copy_run_tags", "copy_events", "copy_checks"):
            wanted = statement("benchmarks", name)
            known = values | {"job": job, "runs": runs}
            connection.execute(wanted, {key: known[key] for key in wanted.compile().params})


def _size(connection: Connection) -> tuple[int, int, float, str]:
    counts = {name: connection.execute(select(func.count()).select_from(table(name))).scalar_one() for name in TABLES}
    sizes = {name: connection.execute(select(func.pg_total_relation_size(name))).scalar_one() for name in TABLES}
    shares = ", ".join(f"{name} {size / 1e6:,.0f} MB" for name, size in sorted(sizes.items(), key=lambda one: -one[1]))
    return counts["runs"], counts["event_logs"], sum(sizes.values()) / 1e6, shares
