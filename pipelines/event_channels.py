"""The event channels that the settings describe, ready to be listened to."""

from __future__ import annotations

from typing import assert_never

from assets.live.listen import Listened
from assets.live.listener import Server
from pipelines.event_settings import AmiSettings, LongPollingSettings, PollingSettings, WebhookSettings
from pipelines.settings import Settings, SettingsError
from pipelines.switches import channels_by_switch
from pipelines.systems import MikoPbxRestSettings
from resources.telephony.live.event import EventChannel


def make_servers(settings: Settings) -> dict[str, Server]:
    """Return the servers that are listened to, by their `pbx_id`; those that call us are none of them.

    Raises:
        SettingsError: an event channel cannot be used as it is configured.
    """
    servers = {}
    for switch, kinds in channels_by_switch(settings).items():
        for pbx_id, kind in kinds.items():
            try:
                channel = _open(pbx_id, settings)
            except (ValueError, OSError) as error:
                raise SettingsError(f"sources.{pbx_id}.event_channel: {error}") from None
            if channel is not None:
                servers[pbx_id] = Server(switch, Listened(kind, channel))
    return servers


def _open(pbx_id: str, settings: Settings) -> EventChannel | None:
    source = settings.sources[pbx_id]
    digits = source.internal_digits or settings.internal_digits
    timezone = source.timezone or settings.timezone
    match source.event_channel:
        case None | WebhookSettings():
            return None
        case LongPollingSettings(via="manager") as given:
            from resources.telephony.live.ajam import AjamChannel

            return AjamChannel(
                given.url,
                given.login,
                given.secret.get_secret_value(),
                internal_digits=digits,
                timezone=timezone,
                written_as=given.format,
                ca_file=given.ca_file,
                verify_tls=given.verify_tls,
            )
        case LongPollingSettings() as given:
            from resources.telephony.live.nchan import NchanChannel

            api_key = source.api_key.get_secret_value() if isinstance(source, MikoPbxRestSettings) else ""
            return NchanChannel(
                given.url,
                given.secret.get_secret_value(),
                api_key=api_key,
                internal_digits=digits,
                ca_file=given.ca_file,
                verify_tls=given.verify_tls,
            )
        case AmiSettings() as given:
            from resources.telephony.live.ami import AmiChannel

            return AmiChannel(
                given.host,
                given.port,
                given.login,
                given.secret.get_secret_value(),
                internal_digits=digits,
                stream=given.stream,
                timezone=timezone,
                tls=given.tls,
                ca_file=given.ca_file,
            )
        case PollingSettings(interval_seconds=interval):
            from resources.telephony.live.active_calls import ActiveCallsChannel

            assert isinstance(source, MikoPbxRestSettings)  # the settings see to it
            return ActiveCallsChannel(
                source.url,
                source.api_key.get_secret_value(),
                timezone=timezone,
                interval_seconds=interval,
                internal_digits=digits,
                ca_file=source.ca_file,
                verify_tls=source.verify_tls,
            )
        case _:
            assert_never(source.event_channel)
