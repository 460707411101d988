"""Assets `published_routing`, `voice_menus`, `pushed_routes`, `routing_export`: what answers, and who is told of it."""

from typing import Any

import dagster as dg
from sqlalchemy import ARRAY, BigInteger, Boolean, Column, MetaData, Table, Text, select, text

from assets.calendar import CallDays
from assets.describe import ROWS, as_table, columns_of, count_rows, lineage, query_table, type_of, words_of
from assets.failures import EXPECTED, PlainFailure, in_plain_words, told_plainly
from assets.platform import Platform
from assets.routing.export import export_routing
from assets.routing.publish import Publication, look, publish
from resources.warehouse import tables
from resources.warehouse.statements import run

GROUP = "routing"

EXPORTED = (
    "number",
    "rank",
    "client_id",
    "employee_id",
    "employee_name",
    "extension",
    "score",
    "share",
    "is_responsible",
    "reason",
)
"""Columns of the routing table that the exported files have under the same name."""

voice_menus_view = Table(
    "voice_menus",
    MetaData(schema=tables.SCHEMA),
    Column("number", Text),
    Column("client_name", Text),
    Column("version", BigInteger, comment="the routing table it comes from"),
    Column("is_stale", Boolean, comment="whether that table was not verified in time"),
    Column("greeting", Text, comment="what is said first"),
    Column("phrases", ARRAY(Text), comment="one for each employee who is available, best first"),
    Column("ending", Text, comment="what is said last"),
    Column("extensions", ARRAY(Text), comment="of these employees, in the same order"),
)
"""A view, so it stands in a migration and not among the tables."""


class PublishConfig(dg.Config):
    """Whether a person has seen what changes and wants it, though it is more than may change at once."""

    approve: bool = False


def make_assets(call_days: CallDays) -> list[dg.AssetsDefinition]:
    """Define the assets of this family."""

    @dg.asset(
        group_name=GROUP,
        kinds={"postgres"},
        owners=["team:telephony"],
        deps=["routing_table"],
        metadata=columns_of(tables.published_routing)
        | lineage({"version": {"routing_table": ["version"]}, "previous_version": {"routing_table": ["version"]}}),
        description=(
            "Which version of the routing table answers the PBX.\n\nMaterialising lets the newest version go live, "
            "if it is whole and changes no more responsibles than may change at once; otherwise the former one "
            "stays, the failure says why, and materialising with `approve: true` publishes it all the same. After "
            "`switchboard rollback` nothing goes live until `switchboard release` or such an approval.\n\n"
            "Опубликованная таблица маршрутизации."
        ),
    )
    @told_plainly
    def published_routing(config: PublishConfig, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
        publication = publish_newest(platform, is_approved=config.approve)
        return dg.MaterializeResult(metadata=describe_publication(platform, publication))

    @dg.asset(
        group_name=GROUP,
        kinds={"postgres"},
        owners=["team:telephony"],
        deps=["published_routing"],
        description=(
            "What the voice menu says to each number of the live table: the greeting, the employees who are available "
            "at this moment in the order of the table, the last words. A view, so it follows hours and absences to "
            "the minute.\n\nMaterialising counts the menus and shows some.\n\nПерсональные голосовые меню."
        ),
        metadata=columns_of(voice_menus_view)
        | lineage(
            {
                "number": {"routing_table": ["number"]},
                "client_name": {"routing_table": ["party_name"]},
                "version": {"published_routing": ["version"]},
                "is_stale": {"published_routing": ["stale_at"]},
                "greeting": {"routing_table": ["party_name"], "published_routing": ["policy"]},
                "phrases": {"routing_table": ["employee_name", "rank"], "published_routing": ["policy"]},
                "ending": {"published_routing": ["policy"]},
                "extensions": {"routing_table": ["extension", "rank"]},
            }
        ),
    )
    @told_plainly
    def voice_menus(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
        return dg.MaterializeResult(metadata=describe_menus(platform))

    @dg.asset(
        group_name=GROUP,
        kinds={"csv", "json"},
        owners=["team:telephony"],
        deps=["published_routing"],
        description=(
            "The live routing table as `routing_table.csv` and `routing_table.json`, for programs that read files. "
            "Each is replaced as a whole.\n\nВыгрузка таблицы маршрутизации."
        ),
        metadata=export_columns()
        | lineage(
            {
                "version": {"published_routing": ["version"]},
                "published_at": {"published_routing": ["published_at"]},
                "client_name": {"routing_table": ["party_name"]},
                **{name: {"routing_table": [name]} for name in EXPORTED},
            }
        ),
    )
    @told_plainly
    def routing_export(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
        done = export_routing(platform.warehouse, platform.export_folder)
        return dg.MaterializeResult(
            metadata={ROWS: done.rows, "version": done.version or 0, "folder": str(done.folder)}
        )

    @dg.asset(
        group_name=GROUP,
        kinds={"postgres", "api"},
        owners=["team:telephony"],
        deps=["published_routing"],
        metadata=columns_of(tables.pushed_routes),
        description=(
            "Responsibles that PBXs have taken from us: MikoPBX's ModuleInterceptionSmartIvr of each server with "
            "`write_enabled`, as `answers.interception` allows. Only what changed is handed over, each client with all "
            "its numbers, and read back.\n\nMaterialising hands over what is still missing.\n\n"
            "Перехват на ответственного: выгрузка в АТС."
        ),
    )
    @told_plainly
    def pushed_routes(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
        return dg.MaterializeResult(metadata=push_everywhere(platform))

    return [published_routing, voice_menus, pushed_routes, routing_export]


def export_columns() -> dict[str, Any]:
    """Return the schema of the exported files."""
    row, live = tables.routing_table.c, tables.published_routing.c
    columns = [live.version, live.published_at, row.party_name, *(row[name] for name in EXPORTED)]
    named = [
        dg.TableColumn(
            "client_name" if column is row.party_name else column.name,
            type=type_of(column),
            description=words_of(column),
        )
        for column in columns
    ]
    return {"dagster/column_schema": dg.TableSchema(columns=named)}


def publish_newest(platform: Platform, *, is_approved: bool = False) -> Publication:
    """Let the newest version go live.

    Raises:
        dagster.Failure: it was stopped; the former one answers. The text says why and what to do.
    """
    publication = publish(
        platform.warehouse,
        platform.publication_rules,
        platform.answer_policy,
        is_approved=is_approved,
        objection=_objection(platform) if platform.publication_rules.holds_if_worse else "",
    )
    if publication.decision == "stopped":
        raise PlainFailure(
            f"Version {publication.version} of the routing table was not published. {publication.reason}",
            metadata=describe_publication(platform, publication),
        )
    return publication


def _objection(platform: Platform) -> str:
    """Say why the table should stay back, if the ranking did worse than the last talker would have."""
    from assets.backtest.days import lift_over_last

    lift = lift_over_last(platform.warehouse)
    if not lift.is_worse:
        return ""
    return (
        f"From {lift.first_day} to {lift.last_day} whoever talked last would have been right {lift.worse} times where "
        f"the responsible was wrong, the other way round only {lift.better} times. Compare settings with 'switchboard "
        "backtest', or materialise published_routing with 'approve: true'."
    )


def push_everywhere(platform: Platform) -> dict[str, Any]:
    """Hand the responsibles to every PBX that may be told; return what was done, for people.

    Raises:
        dagster.Failure: PBXs could not be told; the others were. The text says which, why and what to do.
        ExceptionGroup: the same, for reasons nobody expects.
    """
    from assets.routing.push import push_responsibles

    done: dict[str, Any] = {"PBXs": len(platform.pushes)}
    failures: dict[str, Exception] = {}
    for name, open_book in platform.pushes.items():
        book = open_book()
        try:
            report = push_responsibles(
                platform.warehouse, name, book, platform.answer_policy.interception, platform.business_zone
            )
        except Exception as error:
            error.add_note(f"While handing the responsibles to {name}.")
            failures[name] = error
        else:
            done |= {
                f"{name}: clients handed over": report.clients,
                f"{name}: numbers": report.rows,
                f"{name}: numbers that show something else": report.differing,
                f"{name}: shows none of our numbers": report.is_blind,
            }
        finally:
            book.close()
    if all(isinstance(error, EXPECTED) for error in failures.values()) and failures:
        reasons = "\n".join(f"{name}: {in_plain_words(error)}" for name, error in failures.items())
        raise PlainFailure(f"The responsibles could not be handed to these PBXs, to the others they were.\n{reasons}")
    if failures:
        raise ExceptionGroup("responsibles could not be handed over", list(failures.values()))
    with platform.warehouse.transaction() as connection:
        return {ROWS: count_rows(connection, tables.pushed_routes), **done}


def describe_publication(platform: Platform, publication: Publication) -> dict[str, Any]:
    """Return what people look at: what was decided, who changes, what each employee gains and loses."""
    import pandas as pd

    live = look(platform.warehouse)
    with platform.warehouse.transaction() as connection:
        columns = tables.published_routing.c
        now = connection.execute(select(columns.verified_at, columns.stale_at, columns.held_reason)).one_or_none()
    diff = publication.diff
    described: dict[str, Any] = {
        "decision": publication.decision,
        "live version": live.version or 0,
        "newest version": live.newest or 0,
        "clients with another responsible": diff.changed,
        "clients without one any more": diff.lost,
        "clients with a first one": diff.gained,
        "share of clients who lose theirs": diff.share,
        "employees": as_table(pd.DataFrame(diff.employees, columns=["employee_id", "name", "gains", "loses"])),
        "some of the clients": as_table(
            pd.DataFrame(diff.some, columns=["client_id", "party_name", "from_name", "to_name"])
        ),
    }
    if publication.reason:
        described["reason"] = publication.reason
    if now is not None:
        described |= {
            "verified at": dg.MetadataValue.timestamp(now.verified_at),
            "stale at": dg.MetadataValue.timestamp(now.stale_at),
        }
    return described


def describe_menus(platform: Platform) -> dict[str, Any]:
    """Return how many menus there are, how many can offer somebody now, and some of them."""
    with platform.warehouse.transaction() as connection:
        counts = run(connection, "assets.routing", "describe_menus").one()
        sample = query_table(
            connection,
            text(
                "SELECT number, client_name, greeting, phrases, ending, extensions FROM voice_menus "
                "ORDER BY cardinality(extensions) DESC, number LIMIT 10"
            ),
        )
    return {
        ROWS: counts.numbers,
        "menus that offer somebody now": counts.with_names,
        "names per menu": round(counts.names_per_menu, 2),
        "is stale": counts.is_stale,
        "preview": sample,
    }
