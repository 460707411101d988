"""Command `doctor`: tries every setting and connection and says in plain words what is wrong."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import typer
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

from pipelines.cli.database import warehouse_of, with_database
from pipelines.event_channels import make_servers
from pipelines.messenger_sensors import lateness
from pipelines.messenger_settings import open_whatsapp
from pipelines.platform import open_interception, open_onec, open_source
from pipelines.services.gateway import gateway_config
from pipelines.settings import Settings, SettingsError, config_file, load_settings
from pipelines.systems import AnyCrm, MikoPbxRestSettings, SqlContactsSettings
from pipelines.tracked import TrackedFileError, read_tracked
from resources.contacts.errors import ContactQueryError
from resources.messengers.exchange import MessengerError
from resources.onec.errors import OnecError
from resources.postgres import EmbeddedPostgresError
from resources.telephony.live.event import EventChannel, EventChannelError
from resources.telephony.source import SourceError
from resources.warehouse.migrate import is_current, unfit_reasons

FREE_GIGABYTES = 1
LISTENING_SECONDS = 10


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes:
        what: what was looked at.
        seen: what was seen.
        remedy: what to do about it; empty where all is well.
    """

    what: str
    seen: str
    remedy: str = ""


def doctor() -> None:
    """Check every configured connection and setting; exit 1 if anything is wrong."""
    findings = list(examine())
    table = Table("", "what", "seen")
    for finding in findings:
        mark = "[red]wrong[/]" if finding.remedy else "[green]ok[/]"
        seen = Text(finding.seen)
        if finding.remedy:
            seen.append(f"\n{finding.remedy}", "bold")
        table.add_row(mark, finding.what, seen)
    Console().print(table)
    if any(finding.remedy for finding in findings):
        raise typer.Exit(1)


def examine() -> Iterator[Finding]:
    """Yield what is found, settings first; without usable settings nothing else can be looked at."""
    try:
        settings = load_settings()
    except SettingsError as error:
        yield Finding("settings", str(error), "Correct the values named above.")
        return
    file = config_file()
    origin = str(file) if file.exists() else f"environment and defaults (no {file})"
    yield Finding("settings", f"{origin}, business zone {settings.timezone}")
    yield _data_folder(settings.home)
    try:
        with with_database(settings) as reachable:
            yield from _databases(reachable)
    except EmbeddedPostgresError as error:
        yield Finding("embedded PostgreSQL", str(error), "Mend what it says, or set SWITCHBOARD_DATABASE_URL.")
    yield from _sources(settings)
    yield from _event_channels(settings)
    yield from _crms(settings)
    yield from _contact_files(settings)
    yield from _tracked(settings)
    yield from _interception(settings)
    yield from _messengers(settings)
    yield _gateway(settings)


def _messengers(settings: Settings) -> Iterator[Finding]:
    if settings.messengers and (warning := lateness(settings.schedules.messenger_sync_seconds)):
        yield Finding("messages", f"sent every {settings.schedules.messenger_sync_seconds} s", warning)
    for name, account in settings.messengers.items():
        try:
            with open_whatsapp(account) as client:
                templates = client.templates()
        except MessengerError as error:
            yield Finding(f"messenger {name}", str(error), "Check token, waba_id, url and version of the account.")
            continue
        usable = sum(template.status == "approved" for template in templates)
        sending = "may send" if account.write_enabled else "only receives (write_enabled = false)"
        yield Finding(f"messenger {name}", f"{account.kind} {account.version}: {usable} templates, {sending}")


def _data_folder(home: Path) -> Finding:
    existing = next(folder for folder in (home.absolute(), *home.absolute().parents) if folder.exists())
    if not os.access(existing, os.W_OK | os.X_OK):
        return Finding("data folder", f"{existing} cannot be written to", "Set SWITCHBOARD_HOME to a folder that can.")
    free = shutil.disk_usage(existing).free / 1e9
    if free < FREE_GIGABYTES:
        return Finding("data folder", f"{home}: {free:.1f} GB free", f"Free some space: {FREE_GIGABYTES} GB at least.")
    return Finding("data folder", f"{home}, {free:.0f} GB free")


def _databases(settings: Settings) -> Iterator[Finding]:
    warehouse = warehouse_of(settings)
    place = make_url(warehouse.url).render_as_string(hide_password=True)
    try:
        with warehouse.transaction() as connection:
            version = connection.execute(text("SHOW server_version")).scalar_one()
            problems = unfit_reasons(connection)
    except DBAPIError as error:
        yield Finding("warehouse", f"{place}: {_first_line(error)}", "Check SWITCHBOARD_DATABASE_URL and the server.")
        return
    yield Finding("warehouse", f"{place}, PostgreSQL {version}", " ".join(problems))
    if not problems:
        yield _schema(lambda: is_current(warehouse))
    if settings.dagster_database_url is not None:
        yield _dagster_database(settings.dagster_database_url.get_secret_value())


def _schema(current: Callable[[], bool]) -> Finding:
    if current():
        return Finding("tables", "up to date")
    return Finding("tables", "missing or older than this program", "Run 'switchboard migrate' ('up' does it too).")


def _dagster_database(url: str) -> Finding:
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg2"))
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except DBAPIError as error:
        return Finding("Dagster's storage", _first_line(error), "Check SWITCHBOARD_DAGSTER_DATABASE_URL.")
    finally:
        engine.dispose()
    return Finding("Dagster's storage", make_url(url).render_as_string(hide_password=True))


def _sources(settings: Settings) -> Iterator[Finding]:
    if not settings.sources:
        yield Finding(
            "telephony",
            "no server is configured",
            "Add one to switchboard.toml, for example:\n[sources.office]\nkind = 'mikopbx_rest'\n"
            "url = 'https://pbx.example.com'\nand its key as SWITCHBOARD_SOURCES__OFFICE__API_KEY.",
        )
    for name, configured in settings.sources.items():
        source = open_source(name, configured, settings)
        try:
            look = source.look({})
            yield Finding(f"telephony {name}", f"{configured.kind}: {look.seen}")
        except SourceError as error:
            yield Finding(f"telephony {name}", str(error), f"Check [sources.{name}] and the server.")
        finally:
            source.close()


def _event_channels(settings: Settings) -> Iterator[Finding]:
    try:
        servers = make_servers(settings)
    except SettingsError as error:
        yield Finding("event channels", str(error), "Correct the values named above.")
        return
    for name, server in servers.items():
        kind, switch = server.listened.name, server.switch
        try:
            calls = asyncio.run(_living_calls(server.listened.channel))
        except (EventChannelError, TimeoutError) as error:
            words = str(error) or f"no answer within {LISTENING_SECONDS} s"
            yield Finding(f"events {name}", f"{kind}: {words}", f"Check [sources.{name}.event_channel] and the server.")
        else:
            going = "" if calls is None else f"; calls going on: {calls}"
            yield Finding(f"events {name}", f"{kind}, switched by sensor {switch}: it can be listened to{going}")


async def _living_calls(channel: EventChannel) -> int | None:
    async with asyncio.timeout(LISTENING_SECONDS), channel.listen() as listening:
        return len(listening.snapshot.linkedids) if listening.snapshot else None


def _crms(settings: Settings) -> Iterator[Finding]:
    for name, crm in settings.crm.items():
        try:
            yield Finding(f"crm {name}", _try_crm(name, crm, settings))
        except (OnecError, ContactQueryError, OSError) as error:
            yield Finding(f"crm {name}", str(error), f"Check [crm.{name}] and the system behind it.")


def _try_crm(name: str, crm: AnyCrm, settings: Settings) -> str:
    if isinstance(crm, SqlContactsSettings):
        from resources.contacts.sql_query import check_queries

        contacts, employees = ((query.sql, query.columns) if query else None for query in (crm.contacts, crm.employees))
        return check_queries(crm.url.get_secret_value(), contacts, employees, crm.changes_sql)
    base = open_onec(name, crm, settings)
    try:
        writing = "writes contacts into phone calls" if crm.write_enabled else "writes nothing"
        return f"{base.check()}; {writing}"
    finally:
        base.close()


def _contact_files(settings: Settings) -> Iterator[Finding]:
    for name, path in settings.contacts:
        if not isinstance(path, Path):
            continue
        if os.access(path, os.R_OK):
            yield Finding(f"contacts.{name}", str(path))
        else:
            yield Finding(f"contacts.{name}", f"{path} cannot be read", "Correct the path or the file's rights.")


def _tracked(settings: Settings) -> Iterator[Finding]:
    file = settings.routing.tracked_interactions_file
    try:
        tracked = read_tracked(file)
    except TrackedFileError as error:
        yield Finding("tracked interactions", str(error), "Correct the lines named above.")
        return
    kinds = [*(["call"] if tracked.calls.weight else []), *(each.kind for each in tracked.documents)]
    yield Finding("tracked interactions", f"{file or 'no file'}: {', '.join(kinds)}")
    for query in tracked.queries:
        from resources.contacts.sql_query import read_interactions_query

        try:
            first = next(read_interactions_query(query.url, query.text, query.columns), None)
        except ContactQueryError as error:
            yield Finding(f"tracked {query.kind}", str(error), f"Correct the entry '{query.kind}' of {file}.")
        else:
            rows, refused = (len(first.rows), len(first.refused)) if first else (0, 0)
            yield Finding(f"tracked {query.kind}", f"the first {rows + refused} rows: {refused} of them unusable")


def _interception(settings: Settings) -> Iterator[Finding]:
    for name, source in settings.sources.items():
        if not isinstance(source, MikoPbxRestSettings) or not source.write_enabled:
            continue
        module = open_interception(name, source)
        try:
            module.responsible_of("0000000000")
            seen = f"its interception module answers; answers.interception is {settings.answers.interception}"
            yield Finding(f"interception {name}", seen)
        except SourceError as error:
            remedy = (
                "Install ModuleInterceptionSmartIvr there and let the key write to it, or switch write_enabled off."
            )
            yield Finding(f"interception {name}", str(error), remedy)
        finally:
            module.close()


def _gateway(settings: Settings) -> Finding:
    try:
        config = gateway_config(settings.model_copy(update={"database_url": SecretStr("postgresql://none")}))
    except SettingsError as error:
        return Finding("gateway", str(error), "Mend the file's rights.")
    where = f"{config.host}, port {config.port}, FastAGI {config.agi_port or 'off'}"
    return Finding("gateway", where)


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0]
