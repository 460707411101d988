"""Sensors that switch what runs beside Dagster: listening for events of calls, and the exchange of callers' names.

Their ticks launch nothing: they look how it goes and say so.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from assets.failures import told_plainly
from assets.live.report import ListenerReport, report_listeners
from assets.platform import Platform
from pipelines.settings import Settings
from pipelines.switches import CALL_EVENTS, CALL_EVENTS_OTHER, CONTACT_EXCHANGE, channels_by_switch, defaults
from pipelines.windows import is_within

REPORTED_EVERY = timedelta(minutes=1)
CONTACT_EXCHANGE_SECONDS = 60


def make_live_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """Return the sensors that switch what runs beside Dagster."""
    hours = settings.schedules
    window = hours.window_start, hours.window_end
    channels = channels_by_switch(settings)
    statuses = {
        name: dg.DefaultSensorStatus.RUNNING if is_on else dg.DefaultSensorStatus.STOPPED
        for name, is_on in defaults(settings).items()
    }

    def closed() -> dg.SkipReason | None:
        if is_within(datetime.now(UTC), *window, settings.timezone):
            return None
        return dg.SkipReason(f"Outside the working window {window[0]:%H:%M}-{window[1]:%H:%M}.")

    @dg.sensor(
        name=CALL_EVENTS,
        minimum_interval_seconds=hours.call_events_seconds,
        default_status=statuses[CALL_EVENTS],
        description=(
            "Телефония: Обмен с сервером телефонии событиями.\n\n"
            "Switches the listener that holds a long-polling connection to each telephony server with such an event "
            "channel, second by second; the ticks only tell how it goes.\n\n"
            "Off: the listener lets go within five seconds, nobody's client card opens, and the calls of that time "
            "lack their events. Servers with another channel are switched by call_events_other."
        ),
    )
    @told_plainly
    def call_events(context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]) -> dg.SkipReason:
        if not channels[CALL_EVENTS]:
            others = ", ".join(f"{name} ({kind})" for name, kind in channels[CALL_EVENTS_OTHER].items())
            return dg.SkipReason(
                "No telephony server has the event channel long_polling"
                + (f"; {others}: switched by the sensor call_events_other." if others else ".")
            )
        return closed() or tell_how_it_goes(context, platform, channels[CALL_EVENTS], datetime.now(UTC))

    @dg.sensor(
        name=CALL_EVENTS_OTHER,
        minimum_interval_seconds=hours.call_events_seconds,
        default_status=statuses[CALL_EVENTS_OTHER],
        description=(
            "Телефония: Обмен с сервером телефонии событиями (другие каналы).\n\n"
            "Switches the exchange of events with telephony servers whose event channel is ami, polling or webhook; "
            "the ticks only tell how it goes.\n\n"
            "Off: nobody listens to these servers, what they send by webhook is kept but opens no card."
        ),
    )
    @told_plainly
    def call_events_other(context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]) -> dg.SkipReason:
        if not channels[CALL_EVENTS_OTHER]:
            return dg.SkipReason("No telephony server has the event channel ami, polling or webhook.")
        return closed() or tell_how_it_goes(context, platform, channels[CALL_EVENTS_OTHER], datetime.now(UTC))

    @dg.sensor(
        name=CONTACT_EXCHANGE,
        minimum_interval_seconds=CONTACT_EXCHANGE_SECONDS,
        default_status=statuses[CONTACT_EXCHANGE],
        description=(
            "Телефония: Обмен с сервером телефонии контактными данными.\n\n"
            "Switches the answers to a PBX that asks for its caller's name while the telephone rings; they come from "
            "our own tables.\n\n"
            "Off: the PBX shows the number alone. Routing goes on answering."
        ),
    )
    @told_plainly
    def contact_exchange(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        return closed() or dg.SkipReason("The gateway answers for callers' names.")

    return [call_events, call_events_other, contact_exchange]


def tell_how_it_goes(
    context: dg.SensorEvaluationContext, platform: Platform, channels: Mapping[str, str], now: datetime
) -> dg.SkipReason:
    """Say how listening to servers stands; where that changed, and once a minute, also to the asset."""
    reports = report_listeners(platform.warehouse, channels, now, platform.business_zone)
    standing = {report.pbx_id: f"{report.is_alive} {report.since}" for report in reports}
    told = json.loads(context.cursor or "{}")
    if standing != told.get("standing") or now - datetime.fromisoformat(told["told_at"]) >= REPORTED_EVERY:
        _tell_asset(context.instance, reports)
        context.update_cursor(json.dumps({"standing": standing, "told_at": now.isoformat()}))
    return dg.SkipReason("; ".join(report.words for report in reports) + ".")


def _tell_asset(instance: dg.DagsterInstance, reports: Sequence[ListenerReport]) -> None:
    figures = {name: value for report in reports for name, value in report.metadata.items()}
    silent = [report.words for report in reports if not report.is_alive]
    instance.report_runless_asset_event(dg.AssetObservation("call_events", metadata=figures))
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey("call_events"),
            check_name="servers_not_heard",
            passed=not silent,
            description="; ".join(silent) or "Every telephony server whose switch is on is listened to.",
            metadata=figures,
        )
    )
