"""The asset checks. A broken rule shows how many rows break it, some of them, and what to do."""

from dataclasses import dataclass

import dagster as dg
from sqlalchemy import text

from assets.describe import query_table
from assets.platform import Platform
from resources.warehouse.statements import statement

SAMPLE_ROWS = 20


@dataclass(frozen=True)
class Rule:
    """A rule of one asset: `name` is its query in `sql`, which returns the rows that break it.

    Attributes:
        is_warning: breaking it is something to look at, not something wrong with the table.
        is_blocking: while it is broken nothing that depends on the asset is materialised with it.
    """

    asset: str
    name: str
    meaning: str
    remedy: str
    is_warning: bool = False
    is_blocking: bool = False


RULES = [
    Rule("call_history", "calls_without_legs", "No call without legs.", "Materialise call_history for the days shown."),
    Rule("call_legs", "legs_without_call", "No leg without a call.", "Materialise call_history for the days shown."),
    Rule(
        "call_history",
        "talk_above_duration",
        "Nobody talks longer than the call lasts.",
        "Look at the legs of the calls shown: the server's clock or its records are wrong.",
    ),
    Rule(
        "enriched_calls",
        "owners_that_do_not_exist",
        "Every enriched call's owner exists.",
        "Materialise number_owners, then enriched_calls for the days shown.",
    ),
    Rule(
        "enriched_calls",
        "calls_not_enriched",
        "Every call has been looked up.",
        "Materialise enriched_calls for the days shown.",
    ),
    Rule(
        "enriched_calls",
        "match_rate_fell",
        "The share of calls that find their owner did not fall.",
        "Look at the busiest unknown numbers in the asset's metadata, and at what last changed in the CRM.",
        is_warning=True,
    ),
    Rule(
        "number_owners",
        "overlapping_owners",
        "No two owners hold a number at one time.",
        "A constraint of the database is missing: run 'switchboard migrate', then materialise number_owners.",
    ),
    Rule("routing_table", "rank_holes", "Ranks run 1, 2, 3 without a hole.", "Materialise routing_table."),
    Rule(
        "routing_table",
        "responsible_not_at_work",
        "Every responsible is employed today.",
        "Materialise routing_table; if it stays, look at the employee's dates.",
    ),
    Rule(
        "routing_table",
        "calls_routing_has_not_seen",
        "The routing table is not older than the calls under it.",
        "Switch schedule routing_table_update on, or launch its job.",
        is_warning=True,
    ),
    Rule(
        "published_routing",
        "stale_answers",
        "The table that answers was verified in time.",
        "Switch schedule routing_table_update on, or launch its job; see its last runs for why it did not.",
    ),
    Rule(
        "published_routing",
        "stopped_publications",
        "The newest version answers, or was rolled back on purpose.",
        "Look at the reason and the diff; materialise published_routing with 'approve: true' if it is meant.",
        is_warning=True,
    ),
    Rule(
        "call_events",
        "servers_not_heard",
        "Every telephony server whose switch is on is listened to.",
        "Look at the error shown and at <home>/logs/listener.log.",
    ),
    Rule(
        "call_events",
        "calls_that_do_not_end",
        "No call goes on for hours.",
        "Look at the calls shown in the PBX; if they are gone there, switch sensor call_events off and on.",
        is_warning=True,
    ),
    Rule(
        "usage_metrics",
        "usage_metrics_allowed",
        "The last report has only what the allow-list has, and nothing like a number, a name or an address.",
        "Look at the reason shown; nothing is sent until a report is built that may be.",
        is_blocking=True,
    ),
    Rule(
        "messages",
        "messages_held_up",
        "No account is stopped, and of every message it is known whether it was sent.",
        "Mend what the account's error says; decide about messages of unknown outcome at the gateway's /messenger.",
        is_warning=True,
    ),
    Rule(
        "message_media",
        "files_lost",
        "No file was forgotten by its provider before it was fetched.",
        "Look at the errors shown, and whether the sensor messenger_media was on.",
        is_warning=True,
    ),
    Rule(
        "call_events_reconciliation",
        "events_and_history_disagree",
        "Every call of the last week has its events, and the other way round.",
        "Look at the calls shown: what the event channel told of them stands in call_events.raw.",
        is_warning=True,
    ),
    Rule(
        "history_gaps",
        "holes_left_open",
        "Every hole found in the history was filled, or is known to be none.",
        "Look at the explanation of the rows shown; materialise history_gaps for their days to try again.",
        is_warning=True,
    ),
    Rule(
        "recordings",
        "recordings_missing",
        "Every recording of the last month that the server named is there.",
        "Look at the PBX's disk and its folder of recordings; see table recordings for the files.",
        is_warning=True,
    ),
    Rule(
        "call_legs",
        "fresh_quarantine",
        "No row was refused within the last day.",
        "Look at the rows in table quarantine: reason and raw text tell what the source sent.",
        is_warning=True,
    ),
]


def make_checks() -> list[dg.AssetChecksDefinition]:
    """Define a check for each rule."""
    return [_make_check(rule) for rule in RULES]


def _make_check(rule: Rule) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        name=rule.name,
        asset=rule.asset,
        blocking=rule.is_blocking,
        description=f"{rule.meaning} If broken: {rule.remedy}",
    )
    def check(platform: dg.ResourceParam[Platform]) -> dg.AssetCheckResult:
        query = statement("assets.quality", rule.name)
        known = {
            "business_zone": platform.business_zone,
            "largest_match_fall": platform.matching.largest_match_fall,
        }
        bound = {name: known[name] for name in query.compile().params}
        with platform.warehouse.transaction() as connection:
            # The query is one of our own files, so counting it by wrapping its text builds nothing from values.
            broken = connection.execute(text(f"SELECT count(*) FROM ({query.text}) AS broken"), bound).scalar_one()  # noqa: S608
            sample = query_table(connection, text(f"{query.text} LIMIT {SAMPLE_ROWS}"), bound)
        return dg.AssetCheckResult(
            passed=broken == 0,
            severity=dg.AssetCheckSeverity.WARN if rule.is_warning else dg.AssetCheckSeverity.ERROR,
            description=rule.meaning if broken == 0 else f"{broken} rows break the rule: {rule.meaning} {rule.remedy}",
            metadata={"rows breaking the rule": broken, "some of them": sample},
        )

    return check
