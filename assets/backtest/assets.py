"""Asset `routing_backtest`: each day's calls, predicted from what was known before each."""

import math
from collections import Counter
from datetime import timedelta

import dagster as dg

from assets.backtest.days import backtest_days, kept_days
from assets.backtest.measures import Measures, calibrate, continuity, measure
from assets.backtest.plot import as_markdown, draw
from assets.calendar import CallDays, days_between, days_of
from assets.describe import ROWS_OF_DAY, as_table, columns_of, day_table, lineage, tell_days
from assets.failures import told_plainly
from assets.platform import Platform
from resources.warehouse.tables.backtest import routing_backtest as table

GROUP = "quality"
SHOWN_DAYS = 90
"""So many days, up to the run's last, are in the plot and in the calibration: a day alone has too few calls."""


def make_assets(call_days: CallDays) -> list[dg.AssetsDefinition]:
    """Define the assets of this family on the given days."""

    @dg.asset(
        group_name=GROUP,
        kinds={"postgres"},
        owners=["team:telephony"],
        deps=["tracked_interactions", "enriched_calls"],
        partitions_def=call_days.partitions,
        backfill_policy=call_days.backfill,
        metadata=columns_of(table)
        | lineage(
            {
                "call_day": {"tracked_interactions": ["interaction_day"]},
                "at": {"tracked_interactions": ["at"]},
                "client_id": {"tracked_interactions": ["client_id"]},
                "employee_id": {"tracked_interactions": ["employee_id", "role"]},
                "predicted_id": {"tracked_interactions": ["weight", "at", "valid_until", "contact_id"]},
                "share": {"tracked_interactions": ["weight", "at", "valid_until", "contact_id"]},
                "predicted_rank": {"tracked_interactions": ["weight", "at", "valid_until", "contact_id"]},
                "last_id": {"tracked_interactions": ["employee_id", "at"]},
                "frequent_id": {"tracked_interactions": ["employee_id"]},
                "owner_id": {"enriched_calls": ["responsible_id"]},
            }
        ),
        description=(
            "Would the ranking have named whoever then took the call? One row per answered external inbound call: "
            "who talked longest, whom the ranking would have named from what was known before the call, and whom "
            "simpler rules would have.\n\nMaterialising days replays their calls by the present settings.\n\n"
            "Проверка маршрутизации на истории."
        ),
    )
    @told_plainly
    def routing_backtest(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        first_day, last_day = days_of(context)
        events, predictions = backtest_days(
            platform.warehouse, platform.routing_rules, platform.business_zone, first_day, last_day
        )
        counts = Counter(predictions["call_day"])
        days = days_between(first_day, last_day)
        tell_days(context, {day: _figures(measure(predictions[predictions["call_day"] == day])) for day in days})
        shown = kept_days(platform.warehouse, last_day - timedelta(days=SHOWN_DAYS - 1), last_day)
        calibration = calibrate(shown)
        span = f"{SHOWN_DAYS} days up to {last_day}"
        return dg.MaterializeResult(
            metadata={
                "calls per day": day_table(counts),
                f"plot, {SHOWN_DAYS} days": dg.MetadataValue.md(
                    as_markdown(draw(measure(shown), calibration), f"Backtest, {span}")
                ),
                f"hit rate by share, {SHOWN_DAYS} days": as_table(calibration.round(3)),
                "continuity of the callers, by team": as_table(continuity(events).round(3)),
            }
        )

    return [routing_backtest]


def _figures(measures: Measures) -> dict[str, int | float]:
    """Return the measures as numbers that plot; those without a value are left out."""
    rates = {
        "hit@1, %": measures.hit_1,
        "hit@3, %": measures.hit_3,
        "MRR, %": measures.mrr,
        "coverage, %": measures.coverage,
        "precision, %": measures.precision,
        "last talker, %": measures.last,
        "most frequent, %": measures.frequent,
        "CRM owner, %": measures.owner,
        "lift over last talker, points": measures.lift_over_last,
        "lift over most frequent, points": measures.lift_over_frequent,
        "lift over CRM owner, points": measures.lift_over_owner,
    }
    figures = {name: round(100 * rate, 2) for name, rate in rates.items() if not math.isnan(rate)}
    return {ROWS_OF_DAY: measures.calls} | figures
