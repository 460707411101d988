"""Makes the platform the assets work with out of the settings."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, assert_never, get_args

from assets.contacts.crm_source import CrmSource
from assets.contacts.interaction_query import InteractionQuery
from assets.contacts.query_source import Query, QuerySource
from assets.contacts.rules import ContactRules
from assets.contacts.sources import ContactSource, FileKind, FileSource
from assets.eligibility.crm_absences import AbsenceSet, CrmAbsences
from assets.history.load import LoadRules
from assets.platform import Platform, Telephony
from assets.routing.rules import RoutingRules
from pipelines.messenger_settings import make_messengers
from pipelines.recordings import recording_rules
from pipelines.settings import Settings, SettingsError
from pipelines.systems import (
    AnySource,
    AsteriskCsvSettings,
    AsteriskSqlSettings,
    HttpSourceSettings,
    MikoHistorySettings,
    MikoPbxGetDataSettings,
    MikoPbxRestSettings,
    OnecSettings,
    QuerySettings,
    SqlContactsSettings,
)
from pipelines.tracked import read_tracked
from pipelines.usage_settings import usage_rules
from resources.telephony.source import TelephonySource
from resources.warehouse import Warehouse

if TYPE_CHECKING:
    from resources.onec.source import OnecSource
    from resources.telephony.http import HttpBounds
    from resources.telephony.interception import InterceptionModule


def make_platform(settings: Settings) -> Platform:
    """Return the platform these settings describe; nothing is opened yet.

    Raises:
        SettingsError: no warehouse is known. `switchboard up` and `demo` start the embedded one and name
            it in the environment.
    """
    if settings.database_url is None:
        raise SettingsError(
            "No warehouse is known to this process. Start Switchboard with 'switchboard up' or 'demo', which "
            "bring their own PostgreSQL, or set SWITCHBOARD_DATABASE_URL."
        )
    return Platform(
        warehouse=Warehouse(settings.database_url.get_secret_value()),
        telephony={
            name: Telephony(
                open=partial(open_source, name, source, settings),
                rules=_rules(source, settings),
                recordings=recording_rules(source, settings),
            )
            for name, source in settings.sources.items()
        },
        contacts=make_contact_sources(settings),
        contact_rules=contact_rules(settings),
        own_lines=settings.contacts.own_lines,
        matching=settings.matching.as_rules(),
        routing_rules=routing_rules(settings),
        answer_policy=settings.answer_policy,
        publication_rules=settings.publication_rules,
        pushes={
            name: partial(open_interception, name, source)
            for name, source in settings.sources.items()
            if isinstance(source, MikoPbxRestSettings) and source.write_enabled
        },
        export_folder=settings.publication.export_folder or settings.home.resolve() / "export",
        messengers=make_messengers(settings.messengers, settings.messenger, settings.home, settings.timezone),
        usage=usage_rules(settings, os.environ),
        business_zone=settings.timezone,
        region=settings.country,
        internal_digits=settings.internal_digits,
    )


def make_contact_sources(settings: Settings) -> list[ContactSource]:
    """Return the configured contact sources in the order they are read: what is set by hand comes last."""
    given: dict[FileKind, Path] = {}
    for name in get_args(FileKind):
        path = getattr(settings.contacts, name)
        if path is not None:
            given[name] = path
    by_hand = {"overrides_csv", "listed_numbers_csv"}
    sources: list[ContactSource] = [FileSource(name, path) for name, path in given.items() if name not in by_hand]
    for name, crm in settings.crm.items():
        match crm:
            case OnecSettings():
                sources.append(
                    CrmSource(
                        name,
                        open=partial(open_onec, name, crm, settings),
                        country=crm.country,
                        rules=contact_rules(settings),
                        has_plan=bool(crm.exchange_plan),
                        write_enabled=crm.write_enabled,
                    )
                )
                if crm.absences:
                    objects = AbsenceSet(**crm.absences.model_dump())
                    sources.append(CrmAbsences(name, partial(open_onec, name, crm, settings), objects))
            case SqlContactsSettings():
                url = crm.url.get_secret_value()
                contacts, employees = _query(crm.contacts), _query(crm.employees)
                sources.append(QuerySource(name, url, contacts, employees, crm.changes_sql, crm.country))
            case _:
                assert_never(crm)
    for query in read_tracked(settings.routing.tracked_interactions_file).queries:
        sources.append(InteractionQuery(query.kind, query.url, query.text, query.columns))
    return [*sources, *(FileSource(name, path) for name, path in given.items() if name in by_hand)]


def routing_rules(settings: Settings) -> RoutingRules:
    """Return how evidence is weighed, with what is tracked.

    Raises:
        TrackedFileError: the file of tracked interactions cannot be used.
    """
    tracked = read_tracked(settings.routing.tracked_interactions_file)
    scoring = settings.routing.model_dump(exclude={"tracked_interactions_file"})
    return RoutingRules(**scoring, calls=tracked.calls, documents=tracked.documents)


def open_onec(name: str, crm: OnecSettings, settings: Settings) -> OnecSource:
    """Return the client of a 1C base."""
    from resources.onec.source import OnecSource

    return OnecSource(
        name,
        crm.url,
        crm.login,
        crm.password.get_secret_value(),
        crm.timezone or settings.timezone,
        plan=crm.exchange_plan,
        node=crm.exchange_node,
        allowed_only=crm.allowed_only,
        page_rows=crm.page_rows,
        ca_file=crm.ca_file,
    )


def contact_rules(settings: Settings) -> ContactRules:
    """Return what taking contacts in must know."""
    return ContactRules(
        business_zone=settings.timezone,
        region=settings.country,
        internal_digits=settings.internal_digits,
        largest_loss=settings.contacts.largest_loss,
    )


def open_source(name: str, source: AnySource, settings: Settings) -> TelephonySource:
    """Return the client of one configured telephony server."""
    timezone = source.timezone or settings.timezone
    # A source's module is imported where it is used: a run loads the one it reads and no other.
    match source:
        case MikoPbxRestSettings():
            from resources.telephony.mikopbx_rest import MikoPbxRestSource

            return MikoPbxRestSource(
                name,
                source.url,
                source.api_key.get_secret_value(),
                timezone=timezone,
                portion_size=source.portion_size,
                ca_file=source.ca_file,
                verify_tls=source.verify_tls,
                bounds=_bounds(source),
            )
        case MikoPbxGetDataSettings():
            from resources.telephony.mikopbx_get_data import MikoPbxGetDataSource

            return MikoPbxGetDataSource(
                name,
                source.url,
                timezone=timezone,
                data_format=source.format,
                portion_size=source.portion_size,
                ca_file=source.ca_file,
                verify_tls=source.verify_tls,
                bounds=_bounds(source),
            )
        case MikoHistorySettings():
            from resources.telephony.miko_history import MikoHistorySource

            return MikoHistorySource(
                name,
                source.url,
                offset_style=source.offset_style,
                portion_size=source.portion_size,
                ca_file=source.ca_file,
                verify_tls=source.verify_tls,
                bounds=_bounds(source),
            )
        case AsteriskSqlSettings():
            from resources.telephony.asterisk_sql import AsteriskSqlSource

            return AsteriskSqlSource(
                name,
                source.url.get_secret_value(),
                zone=timezone,
                table=source.table,
                window_hours=source.window_hours,
            )
        case AsteriskCsvSettings():
            from resources.telephony.asterisk_csv import AsteriskCsvSource

            return AsteriskCsvSource(name, source.path, zone=timezone, columns=source.columns)
        case _:
            assert_never(source)


def open_interception(name: str, source: MikoPbxRestSettings) -> InterceptionModule:
    """Return the client of a MikoPBX's interception module."""
    from resources.telephony.interception import InterceptionModule

    return InterceptionModule(
        name,
        source.url,
        source.api_key.get_secret_value(),
        bounds=_bounds(source),
        ca_file=source.ca_file,
        verify_tls=source.verify_tls,
    )


def _query(given: QuerySettings | None) -> Query | None:
    return Query(given.sql, given.columns) if given else None


def _bounds(source: HttpSourceSettings) -> HttpBounds:
    from resources.telephony.http import HttpBounds

    return HttpBounds(requests_per_minute=source.requests_per_minute)


def _rules(source: AnySource, settings: Settings) -> LoadRules:
    return LoadRules(
        business_zone=settings.timezone,
        source_zone=source.timezone or settings.timezone,
        region=source.country or settings.country,
        internal_digits=source.internal_digits or settings.internal_digits,
        matching=settings.matching.as_rules(),
    )
