"""Every setting: environment `SWITCHBOARD_*` over `switchboard.toml` over defaults that work for `demo`.

Nested settings are written with two underscores, for example
`SWITCHBOARD_SOURCES__OFFICE__API_KEY`. Secrets come from the environment, or from a
`switchboard.toml` that only its owner may read (mode 600).
"""

from __future__ import annotations

import os
import stat
from datetime import date, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from assets.contacts.rules import MatchingRules
from assets.routing.policy import AnswerPolicy, PublicationRules
from pipelines.messenger_settings import MessengerSettings, WhatsAppSettings
from pipelines.routing_settings import AnswerSettings, GatewaySettings, PublicationSettings, RoutingSettings
from pipelines.systems import AnyCrm, AnySource, Section, known_zone
from pipelines.usage_settings import UsageSettings

CONFIG_VARIABLE = "SWITCHBOARD_CONFIG"


class SettingsError(Exception):
    """A setting cannot be used; the text names it, says why and what to write instead."""


class ContactSettings(Section):
    """Files with clients, employees and what is set by hand; each may be absent.

    Attributes:
        contacts_csv: clients, their contacts and numbers; the columns are in docs/switchboard.example.toml.
        contacts_vcard: clients as vCards 2.1 to 4.0.
        employees_csv: employees and who held which extension when.
        absences_csv: when employees are away.
        working_hours_csv: weekly hours of employees, departments, everybody; who has none is there at any hour.
        holidays_csv: days off, and days off that are worked.
        exclusions_csv: employees who are never offered to a caller.
        deputies_csv: who answers for whom.
        pins_csv: a client's employee set by hand; goes before every other rule.
        overrides_csv: whose a number is, set by hand; it wins over every card.
        listed_numbers_csv: numbers that are nobody's client, spam or unknown, with their expiry.
        own_lines: numbers of ours; those at which we are called are learned from the calls.
        largest_loss: share of a source's clients, numbers or employees that may be missing at once; above it the source
            is refused and the old data stays. Raise it for one load if the loss is meant.
    """

    contacts_csv: Path | None = None
    contacts_vcard: Path | None = None
    employees_csv: Path | None = None
    absences_csv: Path | None = None
    working_hours_csv: Path | None = None
    holidays_csv: Path | None = None
    exclusions_csv: Path | None = None
    deputies_csv: Path | None = None
    pins_csv: Path | None = None
    overrides_csv: Path | None = None
    listed_numbers_csv: Path | None = None
    own_lines: tuple[str, ...] = ()
    largest_loss: float = Field(default=0.3, ge=0, le=1)

    @property
    def has_files(self) -> bool:
        """Whether any file is configured."""
        return any(isinstance(value, Path) for _, value in self)


class MatchingSettings(Section):
    """How far the search for a number's owner goes.

    Attributes:
        tail_digits: so many last digits must agree where a number without country code is found in no better way;
            0 leaves the tail out. Fewer than 9 begin to name strangers.
        shared_from: a number of so many clients and more is taken for a reception's or a call centre's.
        relink_days: how many days back calls are looked at again after a card or an override changed.
        largest_match_fall: by how much the share of calls with an owner may fall before a check warns, 0..1.
    """

    tail_digits: int = Field(default=10, ge=0, le=15)
    shared_from: int = Field(default=5, ge=2)
    relink_days: int = Field(default=92, ge=1)
    largest_match_fall: float = Field(default=0.05, ge=0, le=1)

    def as_rules(self) -> MatchingRules:
        """Return them as the matching takes them."""
        return MatchingRules(**self.model_dump())


class ScheduleSettings(Section):
    """How often the jobs look, and the hours in which they do, both ends included.

    Attributes:
        window_start: on the hour, in the business zone.
        window_end: on the hour, in the business zone; the job looks then for the last time.
        call_history_load_seconds: whole minutes that divide an hour, as the others.
        contact_owners_seconds: between looks at contact sources and at the owners of the last five days' calls.
        contact_changes_seconds: between looks at contact sources that tell of changes, and at what was set by hand.
        full_comparison_seconds: between comparisons with contact sources that do not.
        routing_table_seconds: between updates of the routing table.
        call_events_seconds: between looks at how the listener is; Dagster looks every five seconds at most.
        messenger_sync_seconds: between looks at what is to be sent by messenger; above 60 clients notice it.
        messenger_media_seconds: between looks at files of messages that are to be fetched.
    """

    window_start: time = time(8)
    window_end: time = time(21)
    call_history_load_seconds: int = 120
    contact_owners_seconds: int = 900
    contact_changes_seconds: int = Field(default=60, ge=30)
    full_comparison_seconds: int = Field(default=900, ge=60)
    routing_table_seconds: int = 900
    call_events_seconds: int = Field(default=5, ge=1)
    messenger_sync_seconds: int = Field(default=15, ge=5, le=3600)
    messenger_media_seconds: int = Field(default=30, ge=5, le=3600)

    @field_validator("call_history_load_seconds", "contact_owners_seconds", "routing_table_seconds")
    @classmethod
    def _divides_an_hour(cls, value: int) -> int:
        if value % 60 or value <= 0 or 3600 % value:
            raise ValueError(
                f"{value} s cannot be scheduled: an interval must be whole minutes that divide an hour, "
                "such as 60, 120, 300, 900 or 3600"
            )
        return value

    @field_validator("window_start", "window_end")
    @classmethod
    def _on_the_hour(cls, value: time) -> time:
        if value.minute or value.second:
            raise ValueError("the window must begin and end on the hour, such as 08:00")
        return value


class RetentionSettings(Section):
    """For how many days things are kept that grow by themselves.

    Attributes:
        event_log_days: Dagster's events that only tell the course of runs, their console output, and events of assets
            that newer ones have taken the place of.
        run_days: Dagster's runs that ended well, and results of checks but for the last of each.
        failed_run_days: Dagster's runs that failed, and why.
        quarantine_days: rows refused.
        routing_version_days: former versions of the routing table.
        call_event_days: events of calls as they happened.
        webhook_days: webhooks of messengers as they came; the messages stay.
        media_days: files of messages.
        usage_report_days: usage reports, sent or not.
    """

    event_log_days: int = Field(default=14, ge=1)
    run_days: int = Field(default=92, ge=1)
    failed_run_days: int = Field(default=365, ge=1)
    quarantine_days: int = Field(default=365, ge=1)
    routing_version_days: int = Field(default=30, ge=1)
    call_event_days: int = Field(default=92, ge=2)
    webhook_days: int = Field(default=30, ge=1)
    media_days: int = Field(default=365, ge=1)
    usage_report_days: int = Field(default=92, ge=1)


RESERVED_NAMES = {*ContactSettings.model_fields, "assign", "settings", "sensor", "runs of the job"}
"""Sources of contacts that have their names from us."""


class Settings(BaseSettings):
    """All settings of Switchboard.

    Attributes:
        home: the one folder in which anything is written.
        database_url: a PostgreSQL server in place of the embedded one.
        dagster_database_url: another database for Dagster's own storage.
        dagster_overlay: a YAML file laid over dagster.yaml, such as deploy/dagster.celery.yaml; in a list it replaces
            the whole list.
        workspace: a workspace.yaml with code locations of yours; they are loaded beside ours.
        timezone: the business zone: partition days and working hours are in it.
        docs_url: where this documentation is served; the UI links to it. Empty names the files instead.
        country: ISO country of numbers written without a country code.
        internal_digits: longest number that is an internal one.
        history_start_on: first day that has a partition.
        backfill_days: days that one run of a backfill takes; fewer spread a backfill over more workers.
        webserver_port: where Dagster's UI listens, on loopback.
        sources: telephony servers by name; the name becomes `pbx_id`.
        crm: CRMs and databases with clients and employees, by name.
        messengers: our numbers at messengers, by name.
    """

    model_config = SettingsConfigDict(env_prefix="SWITCHBOARD_", env_nested_delimiter="__", extra="forbid")

    home: Path = Path(".switchboard")
    database_url: SecretStr | None = None
    dagster_database_url: SecretStr | None = None
    dagster_overlay: Path | None = None
    workspace: Path | None = None
    timezone: str = "Europe/Moscow"
    docs_url: str = ""
    country: str = Field(default="RU", pattern="^[A-Z]{2}$")
    internal_digits: int = Field(default=4, ge=2, le=8)
    history_start_on: date = date(2024, 1, 1)
    backfill_days: int = Field(default=31, ge=1, le=366)
    webserver_port: int = Field(default=3000, ge=1, le=65535)
    sources: dict[str, AnySource] = Field(default_factory=dict)
    crm: dict[str, AnyCrm] = Field(default_factory=dict)
    messengers: dict[str, WhatsAppSettings] = Field(default_factory=dict)
    contacts: ContactSettings = Field(default_factory=ContactSettings)
    matching: MatchingSettings = Field(default_factory=MatchingSettings)
    schedules: ScheduleSettings = Field(default_factory=ScheduleSettings)
    routing: RoutingSettings = Field(default_factory=RoutingSettings)
    answers: AnswerSettings = Field(default_factory=AnswerSettings)
    publication: PublicationSettings = Field(default_factory=PublicationSettings)
    gateway: GatewaySettings = Field(default_factory=GatewaySettings)
    messenger: MessengerSettings = Field(default_factory=MessengerSettings)
    usage: UsageSettings = Field(default_factory=UsageSettings)
    retention: RetentionSettings = Field(default_factory=RetentionSettings)

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        return known_zone(value)

    @field_validator("crm")
    @classmethod
    def _free_names(cls, value: dict[str, AnyCrm]) -> dict[str, AnyCrm]:
        for name in RESERVED_NAMES & value.keys():
            raise ValueError(f"'{name}' names something else already; call the CRM another name")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over file; `SWITCHBOARD_CONFIG` names another file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, config_file())

    @property
    def zone(self) -> ZoneInfo:
        """The business zone."""
        return ZoneInfo(self.timezone)

    @property
    def answer_policy(self) -> AnswerPolicy:
        """How calls are answered, as it goes live with the table."""
        given = self.answers
        return AnswerPolicy(
            zone=self.timezone,
            names=given.names,
            last_talker_days=given.last_talker_days,
            queue_extension=given.queue_extension,
            interception=given.interception,
            phrases=given.phrases,
        )

    @property
    def publication_rules(self) -> PublicationRules:
        """When a table goes live, and how long it is good."""
        given = self.publication
        return PublicationRules(
            largest_change=given.largest_change,
            guarded_from=given.guarded_from,
            holds_if_worse=given.holds_if_worse,
            stale_after_seconds=given.stale_after_seconds or 2 * self.schedules.routing_table_seconds,
            window=(self.schedules.window_start, self.schedules.window_end),
        )


def config_file() -> Path:
    """Return the settings file that is read, whether it is there or not."""
    return Path(os.environ.get(CONFIG_VARIABLE, "switchboard.toml"))


def load_settings(**overrides: Any) -> Settings:  # noqa: ANN401
    """Read the settings.

    Raises:
        SettingsError: a value cannot be used, or a file with secrets may be read by others.
    """
    file = config_file()
    try:
        # pydantic-settings takes SWITCHBOARD_CONFIG for an unknown field only from files, not from here.
        settings = Settings(**overrides)
    except ValidationError as error:
        raise SettingsError(_in_plain_words(error, file)) from None
    _refuse_open_secrets(settings, file)
    return settings


def _in_plain_words(error: ValidationError, file: Path) -> str:
    lines = [
        f"  {'.'.join(str(part) for part in problem['loc'])}: {problem['msg'].removeprefix('Value error, ')}"
        for problem in error.errors(include_input=False, include_url=False)
    ]
    return "\n".join([f"These settings cannot be used (environment SWITCHBOARD_*, then {file}):", *lines])


def _refuse_open_secrets(settings: Settings, file: Path) -> None:
    if not file.exists() or not stat.S_IMODE(file.stat().st_mode) & 0o077:
        return
    text = file.read_text("utf-8")
    secrets = [settings.database_url, settings.dagster_database_url]
    channels = [source.event_channel for source in settings.sources.values() if source.event_channel]
    systems = [
        *settings.sources.values(),
        *channels,
        *settings.crm.values(),
        *settings.messengers.values(),
        settings.gateway,
        settings.usage,
    ]
    secrets += [value for system in systems for _, value in system if isinstance(value, SecretStr)]
    if any(secret and secret.get_secret_value() in text for secret in secrets):
        raise SettingsError(f"{file} holds a secret and others may read it: run 'chmod 600 {file}'.")
