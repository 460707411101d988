"""Assets of clients, employees and number owners, read from the configured contact files."""

from collections.abc import Iterator

import dagster as dg
from sqlalchemy import func, select

from assets.calendar import CallDays
from assets.contacts.refresh import refresh_clients, refresh_employees
from assets.describe import columns_of, count_rows, lineage, preview
from assets.platform import Platform
from resources.warehouse import tables

GROUP = "contacts"
OWNERS = ["team:telephony"]


def make_assets(_call_days: CallDays) -> list[dg.AssetsDefinition]:
    """Define the assets of this family; none of them has days."""

    @dg.multi_asset(
        specs=[
            dg.AssetSpec(
                "crm_parties",
                group_name=GROUP,
                kinds={"postgres", "csv"},
                owners=OWNERS,
                metadata=columns_of(tables.crm_parties),
                description=(
                    "Clients: companies and private persons, with the employee the CRM names as responsible.\n\n"
                    "Read whole from the configured contact files; rows gone from them are marked `gone_at`. A file "
                    "that suddenly lacks a large share is refused and the old data stays.\n\nКонтрагенты и партнёры."
                ),
            ),
            dg.AssetSpec(
                "crm_phones",
                group_name=GROUP,
                kinds={"postgres", "csv"},
                owners=OWNERS,
                metadata=columns_of(tables.crm_phones),
                description=(
                    "Numbers on clients' cards, one row per number, in E.164 where they have such a form.\n\n"
                    "Телефоны контрагентов и контактных лиц."
                ),
            ),
        ],
        name="read_contact_files",
    )
    def clients(platform: dg.ResourceParam[Platform]) -> Iterator[dg.MaterializeResult[None]]:
        with platform.warehouse.transaction() as connection:
            reports = refresh_clients(connection, platform)
            for table, part in ((tables.crm_parties, "parties"), (tables.crm_phones, "phones")):
                changes = [getattr(report, part) for report in reports.values()]
                yield dg.MaterializeResult(
                    asset_key=table.name,
                    metadata={
                        "dagster/row_count": count_rows(connection, table),
                        "new rows": sum(change.new for change in changes),
                        "changed rows": sum(change.changed for change in changes),
                        "gone rows": sum(change.gone for change in changes),
                        "refused rows": sum(report.refused for report in reports.values()),
                        "preview": preview(connection, table),
                    },
                )

    @dg.asset(
        group_name=GROUP,
        kinds={"postgres", "csv"},
        owners=OWNERS,
        metadata=columns_of(tables.crm_employees),
        description=(
            "Employees, and in `employee_extensions` who held which internal number when: one holder at a time.\n\n"
            "A corrected extension regroups the calls that bear it.\n\nСотрудники и их внутренние номера."
        ),
    )
    def crm_employees(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
        with platform.warehouse.transaction() as connection:
            report = refresh_employees(connection, platform)
            return dg.MaterializeResult(
                metadata={
                    "dagster/row_count": count_rows(connection, tables.crm_employees),
                    "changed employees": report.employees.written if report else 0,
                    "changed extensions": report.extensions.written if report else 0,
                    "calls regrouped": report.regrouped if report else 0,
                    "refused rows": report.refused if report else 0,
                    "preview": preview(connection, tables.crm_employees),
                }
            )

    @dg.asset(
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
            "Dated facts: a number belongs to a contact of a party, from when to when, and since when we know. The "
            "first known owner holds a number from the beginning of time; nothing is overwritten, only superseded."
            "\n\nПринадлежность номеров."
        ),
    )
    def contact_ownership(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
        from assets.contacts.ownership import update_ownership

        with platform.warehouse.transaction() as connection:
            report = update_ownership(connection)
            return dg.MaterializeResult(
                metadata={
                    "dagster/row_count": report.believed,
                    "facts recorded": report.recorded,
                    "facts superseded": report.superseded,
                    "preview": preview(connection, tables.contact_ownership),
                }
            )

    @dg.asset(
        group_name=GROUP,
        kinds={"postgres"},
        owners=OWNERS,
        deps=["contact_ownership"],
        metadata=columns_of(tables.number_owners)
        | lineage(
            {
                "number": {"contact_ownership": ["number"]},
                "party_id": {"contact_ownership": ["party_id"]},
                "contact_id": {"contact_ownership": ["contact_id"]},
                "rung": {"contact_ownership": ["rung"]},
                "valid_from": {"contact_ownership": ["valid_from"]},
                "valid_to": {"contact_ownership": ["valid_to"]},
            }
        ),
        description=(
            "The decision per number, dated and without overlap: one party, or several candidates and none of them "
            "silently the first.\n\nВладельцы номеров."
        ),
    )
    def number_owners(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
        from assets.contacts.ownership import decide_owners

        owners = tables.number_owners
        with platform.warehouse.transaction() as connection:
            changed = decide_owners(connection)
            ambiguous = connection.execute(
                select(func.count(owners.c.number.distinct())).where(owners.c.ambiguous, owners.c.valid_to.is_(None))
            ).scalar_one()
            return dg.MaterializeResult(
                metadata={
                    "dagster/row_count": count_rows(connection, owners),
                    "numbers changed": changed,
                    "ambiguous numbers": ambiguous,
                    "preview": preview(connection, owners),
                }
            )

    return [clients, crm_employees, contact_ownership, number_owners]
