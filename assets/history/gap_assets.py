"""Assets `recordings` and `history_gaps`: which talks have their file, and what the history lacks."""

from collections.abc import Mapping
from datetime import date

import dagster as dg

from assets.calendar import CallDays, days_between, days_of
from assets.describe import ROWS_OF_DAY, columns_of, count_by_day, lineage, log_days, preview, tell_days
from assets.failures import PlainFailure, in_plain_words, told_plainly
from assets.history.assets import TURN_SECONDS
from assets.history.audit import audit_days
from assets.history.gaps import Gap, figures
from assets.history.load import LoadReport
from assets.history.recorded import check_recordings
from assets.platform import Platform
from resources.telephony.source import SourceError
from resources.warehouse.connection import WarehouseBusyError
from resources.warehouse.statements import run
from resources.warehouse.tables import audit as tables
from resources.warehouse.tables import call_history, call_legs, enriched_calls

GROUP = "history"
STATES = ("available", "named", "pending", "missing", "none")


class AuditConfig(dg.Config):
    """How the history is audited.

    Attributes:
        repair: read what is missing again; without it holes are only listed.
    """

    repair: bool = True


def make_assets(call_days: CallDays) -> list[dg.AssetsDefinition]:
    """Define the assets of this family on the given days."""

    @dg.asset(
        group_name=GROUP,
        kinds={"postgres"},
        owners=["team:telephony"],
        deps=["call_legs"],
        partitions_def=call_days.partitions,
        backfill_policy=call_days.backfill,
        metadata=columns_of(tables.recordings)
        | lineage(
            {
                "leg_id": {"call_legs": ["leg_id"]},
                "linkedid": {"call_legs": ["linkedid"]},
                "call_day": {"call_legs": ["call_day"]},
                "file": {"call_legs": ["recording"]},
                "state": {"call_legs": ["recording", "talk_seconds", "ended_at"]},
            }
        ),
        description=(
            "The recording of each leg in which somebody talked: available, named by the server, pending, missing, or "
            "none. Files stay with the PBX; the journal plays them from there. Where sources.*.recordings_folder is "
            "set, the files themselves are looked at.\n\nЗаписи разговоров: что есть, чего ждём, чего не хватает."
        ),
    )
    @told_plainly
    def recordings(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        first_day, last_day = days_of(context)
        amiss = 0
        failures: dict[str, str] = {}
        for name, server in platform.telephony.items():
            try:
                amiss += len(check_recordings(platform.warehouse, name, server.recordings, first_day, last_day))
            except SourceError as error:
                failures[name] = in_plain_words(error)
        with platform.warehouse.transaction() as connection:
            counts = count_by_day(connection, tables.recordings, days_between(first_day, last_day))
            told: dict[date, dict[str, int | float]] = {
                day: {ROWS_OF_DAY: legs, **dict.fromkeys(STATES, 0)} for day, legs in counts.items()
            }
            for row in run(
                connection, "assets.history", "count_recordings", {"first_day": first_day, "last_day": last_day}
            ):
                told[row.call_day][row.state] = row.legs
                if row.size_bytes is not None:
                    told[row.call_day][f"{row.state}, MB"] = round(int(row.size_bytes) / 1e6, 1)
            tell_days(context, told)
            _complain(failures, {"recordings and files amiss at the others": amiss})
            return dg.MaterializeResult(
                metadata={
                    "recordings and files amiss": amiss,
                    "preview": preview(connection, tables.recordings, first_day, last_day),
                }
            )

    @dg.asset(
        group_name=GROUP,
        kinds={"postgres"},
        owners=["team:telephony"],
        deps=["call_legs", "call_history", "recordings"],
        partitions_def=call_days.partitions,
        backfill_policy=call_days.backfill,
        metadata=columns_of(tables.history_gaps)
        | lineage(
            {
                "subject": {
                    "call_legs": ["source_row_id", "started_at"],
                    "call_history": ["linkedid", "legs"],
                    "recordings": ["leg_id", "file"],
                },
                "call_day": {"call_legs": ["call_day"]},
                "held_rows": {"call_legs": ["leg_id"]},
            }
        ),
        description=(
            "What the history lacked, and what became of it: holes in the row ids, hours of which the server counts "
            "other rows than we hold, calls with missing legs, cut pages, recordings without calls and calls without "
            "recordings. Each hole is read again by exactly its ids or its hour; with 'repair: false' it is only "
            "listed.\n\nПропуски в истории звонков и их восстановление."
        ),
    )
    @told_plainly
    def history_gaps(
        context: dg.AssetExecutionContext, config: AuditConfig, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        first_day, last_day = days_of(context)
        gaps: list[Gap] = []
        failures: dict[str, str] = {}
        restored = 0
        for name, server in platform.telephony.items():
            source = server.open()
            try:
                report = audit_days(
                    platform.warehouse,
                    source,
                    server.rules,
                    first_day,
                    last_day,
                    is_repairing=config.repair,
                    wait_seconds=TURN_SECONDS,
                )
            except (SourceError, WarehouseBusyError) as error:
                # The other servers are audited all the same.
                failures[name] = in_plain_words(error)
                continue
            finally:
                source.close()
            _log_repair(context, platform, report.load)
            restored += report.load.new
            gaps += report.gaps
        _complain(failures, {"legs restored at the others": restored})
        found = _by_day(gaps)
        with platform.warehouse.transaction() as connection:
            counts = count_by_day(connection, tables.history_gaps, days_between(first_day, last_day))
            tell_days(
                context, {day: {ROWS_OF_DAY: rows, **figures(found.get(day, []))} for day, rows in counts.items()}
            )
            return dg.MaterializeResult(
                metadata={
                    "legs restored": restored,
                    "preview": preview(connection, tables.history_gaps, first_day, last_day),
                }
            )

    return [recordings, history_gaps]


def _complain(failures: Mapping[str, str], metadata: Mapping[str, int]) -> None:
    """Fail for the servers that could not be looked at; the others were all the same."""
    if failures:
        told = "\n".join(f"{name}: {reason}" for name, reason in failures.items())
        raise PlainFailure(f"These servers could not be audited, the others were:\n{told}", metadata=metadata)


def _log_repair(context: dg.AssetExecutionContext, platform: Platform, load: LoadReport) -> None:
    for table in (call_legs, call_history, enriched_calls):
        log_days(context, platform.warehouse, table, load.days)


def _by_day(gaps: list[Gap]) -> Mapping[date, list[Gap]]:
    by_day: dict[date, list[Gap]] = {}
    for gap in gaps:
        by_day.setdefault(gap.call_day, []).append(gap)
    return by_day
