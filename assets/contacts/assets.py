"""Assets of clients, employees, interactions and number owners, read from the configured sources."""

from collections import Counter
from collections.abc import Iterator
from datetime import date

import dagster as dg

from assets.calendar import CallDays, days_between, days_of
from assets.contacts.describe import describe_contacts, describe_owners
from assets.contacts.sources import refresh_sources
from assets.describe import (
    ROWS,
    ROWS_OF_DAY,
    columns_of,
    count_by_day,
    count_rows,
    day_table,
    lineage,
    preview,
    tell_days,
)
from assets.failures import told_plainly
from assets.platform import Platform
from resources.warehouse import tables

GROUP = "contacts"
OWNERS = ["team:telephony"]
KINDS = {"postgres"}


def make_assets(call_days: CallDays) -> list[dg.AssetsDefinition]:
    """Define the assets of this family; of them only the interactions have days."""

    @dg.multi_asset(
        specs=[
            dg.AssetSpec(
                "crm_parties",
                group_name=GROUP,
                kinds=KINDS,
                owners=OWNERS,
                metadata=columns_of(tables.crm_parties),
                description=(
                    "Clients: companies and private persons, with the employee the CRM names as responsible.\n\n"
                    "Made what the configured sources say: 1C, files, queries. Rows gone from them are marked "
                    "`gone_at`. A source that suddenly lacks a large share is refused and the old data stays.\n\n"
                    "Контрагенты и партнёры."
                ),
            ),
            dg.AssetSpec(
                "crm_phones",
                group_name=GROUP,
                kinds=KINDS,
                owners=OWNERS,
                metadata=columns_of(tables.crm_phones),
                description=(
                    "Numbers on clients' cards, one row per number, in E.164 where they have such a form.\n\n"
                    "Телефоны контрагентов и контактных лиц."
                ),
            ),
            dg.AssetSpec(
                "crm_employees",
                group_name=GROUP,
                kinds=KINDS,
                owners=OWNERS,
                metadata=columns_of(tables.crm_employees),
                description=(
                    "Employees, and in `employee_extensions` who held which internal number when: one holder at a "
                    "time.\n\nA corrected extension regroups the calls that bear it.\n\n"
                    "Сотрудники и их внутренние номера."
                ),
            ),
        ],
        name="read_contact_sources",
    )
    @told_plainly
    def contacts(platform: dg.ResourceParam[Platform]) -> Iterator[dg.MaterializeResult[None]]:
        from assets.contacts.own_numbers import store_own_lines

        refreshed = refresh_sources(platform.warehouse, platform.contacts, platform.contact_rules)
        with platform.warehouse.transaction() as connection:
            store_own_lines(connection, platform.own_lines, platform.region, platform.internal_digits)
            for table, figures in describe_contacts(refreshed).items():
                yield dg.MaterializeResult(
                    asset_key=table.name,
                    metadata={
                        ROWS: count_rows(connection, table),
                        **figures,
                        "preview": preview(connection, table),
                    },
                )

    @dg.asset(
        group_name=GROUP,
        kinds={"postgres"},
        owners=OWNERS,
        partitions_def=call_days.partitions,
        backfill_policy=call_days.backfill,
        metadata=columns_of(tables.crm_interactions),
        description=(
            "Documents of the CRM that show who worked with a client: calls, orders, e-mails, meetings; by the "
            "business day of their date.\n\n"
            "Materialising days reads their documents again. What changes in the CRM meanwhile comes with the "
            "contacts.\n\nВзаимодействия из 1С: звонки, заказы, письма, встречи."
        ),
    )
    @told_plainly
    def crm_interactions(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.MaterializeResult[None]:
        first_day, last_day = days_of(context)
        written: Counter[date] = Counter()
        for crm in platform.crms:
            rows = crm.read_interactions(platform.warehouse, platform.contact_rules, first_day, last_day)
            written.update(rows)
        with platform.warehouse.transaction() as connection:
            held = tables.crm_interactions
            counts = count_by_day(connection, held, days_between(first_day, last_day), "interaction_day")
            touched = {day: {ROWS_OF_DAY: rows, "rows touched": written[day]} for day, rows in counts.items()}
            tell_days(context, touched)
            return dg.MaterializeResult(
                metadata={
                    "documents per day": day_table(counts),
                    "preview": preview(connection, held, first_day, last_day, day_column="interaction_day"),
                }
            )

    @dg.multi_asset(
        specs=[
            dg.AssetSpec(
                "contact_ownership",
                group_name=GROUP,
                kinds={"postgres"},
                owners=OWNERS,
                deps=["crm_parties", "crm_phones"],
                metadata=columns_of(tables.contact_ownership)
                | lineage(
                    {
                        "number": {"crm_phones": ["number"]},
                        "party_id": {"crm_parties": ["party_id"], "crm_phones": ["party_id"]},
                        "contact_id": {"crm_phones": ["contact_id"]},
                        "valid_from": {"crm_phones": ["valid_from"]},
                        "valid_to": {"crm_phones": ["valid_to"]},
                    }
                ),
                description=(
                    "Dated facts: a number belongs to a contact of a party, from when to when, and since when we "
                    "know. The first known owner holds a number from the beginning of time; nothing is overwritten, "
                    "only superseded.\n\nПринадлежность номеров."
                ),
            ),
            dg.AssetSpec(
                "number_owners",
                group_name=GROUP,
                kinds={"postgres"},
                owners=OWNERS,
                deps=["contact_ownership"],
                metadata=columns_of(tables.number_owners)
                | lineage(
                    {
                        "number": {"contact_ownership": ["number"]},
                        "national_number": {"contact_ownership": ["number"]},
                        "ambiguous": {"contact_ownership": ["party_id"]},
                        "is_shared": {"contact_ownership": ["party_id"]},
                        "candidates": {"contact_ownership": ["party_id"]},
                        "party_id": {"contact_ownership": ["party_id"]},
                        "contact_id": {"contact_ownership": ["contact_id"]},
                        "rung": {"contact_ownership": ["rung"]},
                        "valid_from": {"contact_ownership": ["valid_from"]},
                        "valid_to": {"contact_ownership": ["valid_to"]},
                    }
                ),
                description=(
                    "The decision per number, dated and without overlap: what was assigned by hand, else the one "
                    "party whose card it is on, else several candidates and none of them silently the first. A "
                    "number of many parties is a shared one: a reception's, a call centre's.\n\n"
                    "Materialising decides about every number anew; jobs look only at those that changed.\n\n"
                    "Владельцы номеров."
                ),
            ),
        ],
        name="decide_ownership",
    )
    @told_plainly
    def ownership(platform: dg.ResourceParam[Platform]) -> Iterator[dg.MaterializeResult[None]]:
        from assets.contacts.ownership import update_owners

        with platform.warehouse.transaction() as connection:
            report = update_owners(connection, platform.matching, every_number=True)
            for table, figures in describe_owners(connection, report).items():
                yield dg.MaterializeResult(
                    asset_key=table.name,
                    metadata={
                        **figures,
                        "preview": preview(connection, table),
                    },
                )

    return [contacts, crm_interactions, ownership]
