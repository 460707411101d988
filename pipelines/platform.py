"""Makes the platform the assets work with out of the settings."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, assert_never

from assets.history.load import LoadRules
from assets.platform import ContactFiles, Platform, Telephony
from pipelines.settings import (
    AnySource,
    AsteriskCsvSettings,
    AsteriskSqlSettings,
    HttpSourceSettings,
    MikoHistorySettings,
    MikoPbxGetDataSettings,
    MikoPbxRestSettings,
    Settings,
    SettingsError,
)
from resources.telephony.source import TelephonySource
from resources.warehouse import Warehouse

if TYPE_CHECKING:
    from resources.telephony.http import HttpBounds


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
            name: Telephony(open=partial(open_source, name, source, settings), rules=_rules(source, settings))
            for name, source in settings.sources.items()
        },
        contact_files=ContactFiles(**settings.contacts.model_dump()),
        routing_rules=settings.routing.as_rules(),
        business_zone=settings.timezone,
        region=settings.country,
        internal_digits=settings.internal_digits,
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


def _bounds(source: HttpSourceSettings) -> HttpBounds:
    from resources.telephony.http import HttpBounds

    return HttpBounds(requests_per_minute=source.requests_per_minute)


def _rules(source: AnySource, settings: Settings) -> LoadRules:
    return LoadRules(
        business_zone=settings.timezone,
        source_zone=source.timezone or settings.timezone,
        region=source.country or settings.country,
        internal_digits=source.internal_digits or settings.internal_digits,
    )
