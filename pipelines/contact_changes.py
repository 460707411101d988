"""Job `contact_changes`: what changed on cards and by hand, taken in, down to the calls concerned.

(No postponed annotations here: Dagster reads the op's annotations as objects.)
"""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg
from pydantic import Field

from assets.contacts.describe import describe_contacts, describe_owners
from assets.contacts.ownership import update_owners
from assets.contacts.sources import ContactSourcesError, Refreshed, refresh_sources
from assets.describe import ROWS, count_rows, log_days
from assets.enrichment.describe import figures_by_day
from assets.enrichment.relink import relink_calls
from assets.failures import told_plainly
from assets.platform import Platform
from resources.warehouse.tables import crm_interactions

LOCK = "contact changes"
"""Held while the changes are taken in: one run at a time, and a run without it is lost."""


class ChangesConfig(dg.Config):
    """Which sources have news."""

    sources: list[str] = Field(
        default=[], description="names of contact sources; what waits in the queues is done in any case"
    )


@dg.op(description="Read the sources that changed, decide whose their numbers are, and link exactly their calls anew.")
@told_plainly
def take_in_contact_changes(
    context: dg.OpExecutionContext, config: ChangesConfig, platform: dg.ResourceParam[Platform]
) -> None:
    """Take in what changed; a source that cannot be read does not keep the others' changes back."""
    warehouse = platform.warehouse
    first_day = first_relinked_day(platform)
    with warehouse.locked(LOCK, wait_seconds=600):
        failure = None
        sources = [source for source in platform.contacts if source.name in config.sources]
        if sources:
            try:
                done = refresh_sources(warehouse, sources, platform.contact_rules)
                _log_contacts(context, platform, done)
            except ContactSourcesError as error:
                failure = error
        with warehouse.transaction() as connection:
            owners = update_owners(connection, platform.matching)
            figures = describe_owners(connection, owners) if owners.looked_at else {}
        for table, metadata in figures.items():
            context.log_event(dg.AssetMaterialization(table.name, metadata=metadata))
        relinked = relink_calls(warehouse, first_day, platform.number_rules)
        log_enriched_days(context, platform, relinked.days)
        links = [crm.write_links(warehouse, first_day) for crm in platform.crms if crm.write_enabled]
    context.add_output_metadata(
        {
            "sources read": ", ".join(source.name for source in sources) or "none",
            "numbers changed": owners.changed,
            "numbers looked up again": relinked.numbers,
            "calls looked at": sum(relinked.days.values()),
            "calls that came out different": relinked.written,
            "contacts written into the CRM": sum(link.written for link in links if link),
        }
    )
    if failure:
        raise failure


def first_relinked_day(platform: Platform) -> date:
    """Return the first business day whose calls are looked at again."""
    today = datetime.now(ZoneInfo(platform.business_zone)).date()
    return today - timedelta(days=platform.matching.relink_days - 1)


def log_enriched_days(context: dg.OpExecutionContext, platform: Platform, days: dict[date, int]) -> None:
    """Log one materialisation of `enriched_calls` for each touched day, with how its calls found their owners."""
    if not days:
        return
    with platform.warehouse.transaction() as connection:
        figures = figures_by_day(connection, days)
    for day, rows in days.items():
        context.log_event(
            dg.AssetMaterialization(
                "enriched_calls",
                partition=day.isoformat(),
                metadata={"rows touched": rows, **figures[day]},
            )
        )


@dg.job(
    description="Телефония: Обновление контактных данных (по изменениям).\n\n"
    "Take in changed cards and overrides, and link exactly the calls with their numbers anew.",
    tags={"switchboard/job": "contact_changes"},
)
def contact_changes() -> None:
    """Take in changed contacts."""
    take_in_contact_changes()


def _log_contacts(context: dg.OpExecutionContext, platform: Platform, done: Refreshed) -> None:
    changed = {table: metadata for table, metadata in describe_contacts(done).items() if any(metadata.values())}
    with platform.warehouse.transaction() as connection:
        sizes = {table: count_rows(connection, table) for table in changed}
    for table, metadata in changed.items():
        context.log_event(dg.AssetMaterialization(table.name, metadata={ROWS: sizes[table], **metadata}))
    log_days(context, platform.warehouse, crm_interactions, done.interactions, "interaction_day")
