"""Assets `usage_metrics` and `sent_usage_metrics`; the check between them stands with the others."""

from datetime import UTC, datetime

import dagster as dg

from assets.calendar import CallDays
from assets.describe import columns_of
from assets.failures import told_plainly
from assets.platform import Platform
from assets.usage.figures import build_report, note_health, read_health, refusals_here, store_report
from resources.collector import post_report
from resources.warehouse.statements import run
from resources.warehouse.tables import sent_usage_metrics as sent_table
from resources.warehouse.tables import usage_metrics as table

GROUP = "usage"
_HERE = "assets.usage"


def make_assets(_call_days: CallDays) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """Define the assets of this family."""

    @dg.asset(
        group_name=GROUP,
        kinds={"postgres", "json"},
        owners=["team:telephony"],
        metadata=columns_of(table),
        description=(
            "What this installation would tell its developers: the metadata `document` is byte for byte what would be "
            "sent. Versions, kinds of systems, counts in buckets, how the jobs go; never numbers, names, addresses. "
            "docs/usage-metrics.md publishes the schema.\n\nМетрика использования: что было бы отправлено."
        ),
    )
    @told_plainly
    def usage_metrics(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        now = datetime.now(UTC)
        health = read_health(context.instance, now)
        note_health(platform.warehouse, health)
        report = build_report(platform.warehouse, platform.usage, health, now)
        text, found = store_report(platform.warehouse, report)
        return dg.MaterializeResult(
            metadata={
                "document": dg.MetadataValue.text(text),
                "bytes": len(text.encode()),
                "refused because": "; ".join(found),
                "sending": platform.usage.silent_because or "on",
            },
        )

    @dg.asset(
        group_name=GROUP,
        kinds={"postgres"},
        owners=["team:telephony"],
        deps=["usage_metrics"],
        metadata=columns_of(sent_table),
        description=(
            "Sends the last report as it stands in `usage_metrics`, once, where the settings allow it; a collector "
            "that cannot be reached is no failure.\n\nТелефония: Отправка метрики разработчикам."
        ),
    )
    @told_plainly
    def sent_usage_metrics(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
        rules = platform.usage
        with platform.warehouse.transaction() as connection:
            report = run(connection, _HERE, "select_last_report").first()
        if report is None:
            return dg.MaterializeResult(metadata={"outcome": "not sent: no report was built"})
        found = refusals_here(platform.warehouse, report.document)
        if found:
            outcome = f"not sent: {'; '.join(found)}"
        elif rules.silent_because:
            outcome = f"not sent: {rules.silent_because}"
        else:
            token = rules.token.get_secret_value() if rules.token else ""
            outcome = post_report(rules.collector_url, report.document.encode(), token)
        with platform.warehouse.transaction() as connection:
            run(connection, _HERE, "store_outcome", {"report_id": report.report_id, "outcome": outcome})
        return dg.MaterializeResult(metadata={"outcome": outcome})

    return [usage_metrics, sent_usage_metrics]
