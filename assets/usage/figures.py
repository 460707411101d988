"""The figures of a usage report: what is set up, how much there is, how the jobs go."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, get_args

from pydantic import SecretStr

from assets.usage.document import refusals, strings_of, text_of
from assets.usage.schema import Age, Counts, Crm, Job, JobHealth, Messenger, Pbx, UsageReport, bucket_of
from resources.warehouse.connection import Warehouse
from resources.warehouse.statements import run

if TYPE_CHECKING:
    from dagster import DagsterInstance

_HERE = "assets.usage"

LOOKED_BACK = timedelta(days=7)
_MOST_RUNS = 10_000


@dataclass(frozen=True)
class UsageRules:
    """What may be told, and to whom.

    Attributes:
        is_on: whether anything may be sent at all.
        do_not_track: the environment asks not to be tracked, which wins over every setting.
        collector_url: where reports go; '' is nowhere.
        token: what the collector asks for.
        pbxs: telephony servers of the settings.
        crms: CRMs of the settings.
        messengers: numbers at messengers of the settings.
    """

    is_on: bool = False
    do_not_track: bool = False
    collector_url: str = ""
    token: SecretStr | None = None
    pbxs: Sequence[Pbx] = ()
    crms: Sequence[Crm] = ()
    messengers: Sequence[Messenger] = ()

    @property
    def silent_because(self) -> str:
        """Why nothing is sent; '' where it is."""
        if self.do_not_track:
            return "DO_NOT_TRACK is set"
        if not self.is_on:
            return "usage.enabled is false"
        if not self.collector_url:
            return "usage.collector_url names no collector"
        return ""


@dataclass(frozen=True)
class Health:
    """How a job went in the last seven days."""

    job: Job
    succeeded: int
    failed: int
    last_success_at: datetime | None


def read_health(instance: DagsterInstance, now: datetime) -> list[Health]:
    """Ask Dagster how our jobs go."""
    from dagster import DagsterRunStatus, RunsFilter

    found = []
    for job in get_args(Job):
        records = instance.get_run_records(
            RunsFilter(
                job_name=job,
                statuses=[DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE],
                created_after=now - LOOKED_BACK,
            ),
            limit=_MOST_RUNS,
        )
        ended = [record for record in records if record.dagster_run.status is DagsterRunStatus.SUCCESS]
        last = max((record.end_time for record in ended if record.end_time), default=None)
        if last is None:
            former = instance.get_run_records(RunsFilter(job_name=job, statuses=[DagsterRunStatus.SUCCESS]), limit=1)
            last = former[0].end_time if former else None
        last_at = datetime.fromtimestamp(last, UTC) if last else None
        found.append(Health(job, len(ended), len(records) - len(ended), last_at))
    return found


def note_health(warehouse: Warehouse, health: Sequence[Health]) -> None:
    """Keep how the jobs go, for those that do not ask Dagster."""
    told = json.dumps([asdict(each) for each in health], default=datetime.isoformat)
    with warehouse.transaction() as connection:
        run(connection, _HERE, "note_job_health", {"health": told})


def build_report(warehouse: Warehouse, rules: UsageRules, health: Sequence[Health], now: datetime) -> UsageReport:
    """Return the report of this installation."""
    with warehouse.transaction() as connection:
        counts = {row.name: bucket_of(row.amount) for row in run(connection, _HERE, "count_objects")}
        plans = [row.version for row in run(connection, _HERE, "select_dial_plans")]
    return UsageReport(
        switchboard=version("switchboard-telephony"),
        pbxs=sorted(rules.pbxs, key=lambda pbx: (pbx.kind, pbx.version)),
        crms=sorted(rules.crms, key=lambda crm: (crm.kind, crm.configuration, crm.version)),
        messengers=list(rules.messengers),
        dial_plans=plans,
        counts=Counts(**counts),
        jobs=[
            JobHealth(
                job=each.job,
                succeeded=bucket_of(each.succeeded),
                failed=bucket_of(each.failed),
                last_success=age_of(each.last_success_at, now),
            )
            for each in health
        ],
    )


def store_report(warehouse: Warehouse, report: UsageReport) -> tuple[str, list[str]]:
    """Keep a report as it would be sent; return its text, and why it must not be sent."""
    text = text_of(report)
    found = refusals_here(warehouse, text)
    with warehouse.transaction() as connection:
        run(connection, _HERE, "store_report", {"document": text, "refused_because": "; ".join(found)})
    return text, found


def refusals_here(warehouse: Warehouse, text: str) -> list[str]:
    """Return why a report must not be sent, with the names that are known here."""
    texts = sorted({each.casefold() for each in strings_of(text)})
    with warehouse.transaction() as connection:
        names = frozenset(row.name for row in run(connection, _HERE, "select_known_names", {"texts": texts}))
    return refusals(text, names)


def age_of(then: datetime | None, now: datetime) -> Age:
    """Return how long ago something was, by classes."""
    if then is None:
        return "never"
    if now - then < timedelta(days=1):
        return "day"
    return "week" if now - then < timedelta(days=7) else "older"
