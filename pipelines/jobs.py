"""Jobs: what a run does.

Those that follow a cursor are ops, because the days they touch are known only while they run; they
log one materialisation for each touched day of each asset they wrote. (No postponed annotations
here: Dagster reads the ops' annotations as objects.)
"""

from collections.abc import Collection, Iterable
from datetime import date
from typing import Any

import dagster as dg

from assets.describe import log_days
from assets.failures import PlainFailure, told_plainly
from assets.history.load import LoadReport, load_new, reread_days
from assets.platform import Platform, Telephony
from assets.routing.assets import describe_participation, describe_routing_table
from assets.routing.build import update_routing
from assets.routing.published import describe_menus, describe_publication, publish_newest, push_everywhere
from pipelines.contact_changes import contact_changes, log_enriched_days
from pipelines.housekeeping import Retention, make_housekeeping_job
from resources.warehouse.tables import call_history, call_legs, tracked_interactions

SOURCE_TAG = "switchboard/source"
DAY_TAG = "switchboard/day"
"""Of a load: the business day it touched, or the first and the last of several, as `2026-05-01...2026-05-03`."""

AUDIT_ASSETS = ("recordings", "history_gaps")
BACKTEST_ASSETS = ("routing_backtest", "call_events_reconciliation")
QUALITY_ASSETS = (*AUDIT_ASSETS, *BACKTEST_ASSETS)

CONTACT_ASSETS = ("crm_parties", "crm_phones", "crm_employees", "contact_ownership", "number_owners")


class SourceConfig(dg.Config):
    """Which telephony server to read, by its name in the settings."""

    source: str


class RereadConfig(SourceConfig):
    """Which business days to read again, both included, as ISO dates."""

    first_day: str
    last_day: str


@dg.op(description="Follow the source's cursor until it has no more; each portion is one transaction.")
@told_plainly
def load_new_legs(context: dg.OpExecutionContext, config: SourceConfig, platform: dg.ResourceParam[Platform]) -> None:
    """Load what a telephony server finalised since the last load."""
    tag_run(context, config.source)
    server = _server(platform, config.source)
    source = server.open()
    try:
        report = load_new(platform.warehouse, source, server.rules)
    finally:
        source.close()
    _log_report(context, platform, config.source, report)


@dg.op(description="Read whole days again: late recordings, changed, merged and removed calls.")
@told_plainly
def reread_legs(context: dg.OpExecutionContext, config: RereadConfig, platform: dg.ResourceParam[Platform]) -> None:
    """Read days of a telephony server again."""
    tag_run(context, config.source)
    server = _server(platform, config.source)
    first_day, last_day = date.fromisoformat(config.first_day), date.fromisoformat(config.last_day)
    source = server.open()
    try:
        report = reread_days(platform.warehouse, source, server.rules, first_day, last_day)
    finally:
        source.close()
    _log_report(context, platform, config.source, report)


@dg.op(description="Take in the calls and clients that changed: evidence, participation, ranking; then publish.")
@told_plainly
def update_routing_table(context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
    """Bring the routing table up to date with what changed, and let it go live."""
    report = update_routing(platform.warehouse, platform.routing_rules, platform.business_zone)
    log_days(context, platform.warehouse, tracked_interactions, report.days, "interaction_day")
    context.log_event(dg.AssetMaterialization("participation", metadata=describe_participation(platform, report)))
    context.log_event(
        dg.AssetMaterialization(
            "routing_table",
            metadata={
                "clients looked at": report.clients,
                "rows opened": report.rows_opened,
                "rows closed": report.rows_closed,
                **describe_routing_table(platform),
            },
        )
    )
    publication = publish_newest(platform)
    for asset, metadata in (
        ("published_routing", describe_publication(platform, publication)),
        ("voice_menus", describe_menus(platform)),
    ):
        context.log_event(dg.AssetMaterialization(asset, metadata=metadata))
    # Last: a PBX that is away keeps no answer of ours back.
    if platform.pushes:
        context.log_event(dg.AssetMaterialization("pushed_routes", metadata=push_everywhere(platform)))


@dg.job(
    description="Телефония: Загрузка истории звонков.\n\nLoad new calls from a telephony server.",
    tags={"switchboard/job": "call_history_load"},
)
def call_history_load() -> None:
    """Load new calls."""
    load_new_legs()


@dg.job(
    description="Телефония: Загрузка истории звонков (повторное чтение).\n\n"
    "Read the latest days again: late recordings, merged and removed calls.",
    tags={"switchboard/job": "call_history_reread"},
)
def call_history_reread() -> None:
    """Read days again."""
    reread_legs()


@dg.job(
    description="Телефония: Обновление таблицы маршрутизации.\n\n"
    "Bring the routing table up to date with what changed, and publish it.",
    tags={"switchboard/job": "routing_table_update"},
)
def routing_table_update() -> None:
    """Update the routing table."""
    update_routing_table()


def make_jobs(retention: Retention) -> list[Any]:
    """Return every job."""
    owners = dg.AssetSelection.assets(*CONTACT_ASSETS, "enriched_calls")
    return [
        call_history_load,
        call_history_reread,
        routing_table_update,
        contact_changes,
        dg.define_asset_job(
            "contact_owners_5_days",
            selection=owners,
            description="Телефония: Обновление контактных данных (оперативно).\n\n"
            "Refresh contacts and fill the owners of the last days' calls.",
            tags={"switchboard/job": "contact_owners_5_days"},
        ),
        dg.define_asset_job(
            "contact_owners_3_months",
            selection=owners,
            description="Телефония: Обновление контактных данных.\n\n"
            "Refresh contacts and fill the owners of three months' calls.",
            tags={"switchboard/job": "contact_owners_3_months"},
        ),
        dg.define_asset_job(
            "nightly_quality",
            selection=dg.AssetSelection.assets(*QUALITY_ASSETS) | dg.AssetSelection.all_asset_checks(),
            description="Ночная проверка качества.\n\n"
            "Look for what the history lacks and bring it back; check recordings; replay yesterday's calls: would the "
            "ranking have named whoever took them? Compare them with the events of that day. And run every asset "
            "check.",
            tags={"switchboard/job": "nightly_quality"},
        ),
        dg.define_asset_job(
            "asset_checks",
            selection=dg.AssetSelection.all_asset_checks(),
            description="Проверка всех правил.\n\nRun every asset check.",
            tags={"switchboard/job": "asset_checks"},
        ),
        dg.define_asset_job(
            "messenger_media",
            selection=dg.AssetSelection.assets("message_media"),
            description="Мессенджер: Загрузка файлов.\n\nFetch the files of messages.",
            tags={"switchboard/job": "messenger_media"},
        ),
        dg.define_asset_job(
            "usage_report",
            selection=dg.AssetSelection.assets("usage_metrics", "sent_usage_metrics"),
            description="Телефония: Отправка метрики разработчикам.\n\n"
            "Build the usage report, and send it where the settings allow it.",
            tags={"switchboard/job": "usage_report"},
        ),
        make_housekeeping_job(retention),
    ]


def tag_run(context: dg.OpExecutionContext, source: str, days: Collection[date] = ()) -> None:
    """Tag a run, whoever launched it, by the server it reads and the days it touched, which its end alone knows."""
    tags = {SOURCE_TAG: source}
    if days:
        first, last = min(days).isoformat(), max(days).isoformat()
        tags[DAY_TAG] = first if first == last else f"{first}...{last}"
    context.instance.add_run_tags(context.run_id, tags)


def _server(platform: Platform, name: str) -> Telephony:
    if name not in platform.telephony:
        raise PlainFailure(
            f"No telephony server '{name}' is configured; there are: {_listed(platform.telephony)}. "
            "Servers stand under [sources.<name>] in switchboard.toml.",
        )
    return platform.telephony[name]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _log_report(context: dg.OpExecutionContext, platform: Platform, source: str, report: LoadReport) -> None:
    tag_run(context, source, report.days)
    context.log.info(
        "%s: %d rows read, %d new legs, %d changed, %d gone, %d quarantined",
        source,
        report.read,
        report.new,
        report.changed,
        report.gone,
        report.quarantined,
    )
    for table in (call_legs, call_history):
        log_days(context, platform.warehouse, table, report.days)
    log_enriched_days(context, platform, report.days)
    context.add_output_metadata(
        {
            "rows read": report.read,
            "new legs": report.new,
            "changed legs": report.changed,
            "gone legs": report.gone,
            "quarantined rows": report.quarantined,
            "touched days": len(report.days),
            "source began anew": report.was_reset,
        }
    )
