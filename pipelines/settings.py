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
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from assets.routing.rules import RoutingRules

CONFIG_VARIABLE = "SWITCHBOARD_CONFIG"


class SettingsError(Exception):
    """A setting cannot be used; the text names it, says why and what to write instead."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SourceSettings(_Section):
    """What every telephony source has.

    Attributes:
        timezone: zone in which the server shows its clocks; the business zone where absent.
        country: ISO country of numbers without a country code; the general one where absent.
        internal_digits: longest number that is an internal one; the general one where absent.
    """

    timezone: str | None = None
    country: str | None = None
    internal_digits: int | None = Field(default=None, ge=2, le=8)

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        return value if value is None else _zone(value)


class HttpSourceSettings(SourceSettings):
    """What a source that is asked over HTTP has.

    Attributes:
        url: the server's address, such as https://pbx.example.com.
        ca_file: certificate of the authority that signed the server's, where the system does not know it.
        verify_tls: whether to insist on a valid certificate.
        requests_per_minute: kept on average. MikoPBX blocks an address above 180 a minute; 0 where its firewall
            exempts this machine.
    """

    url: str
    ca_file: str = ""
    verify_tls: bool = True
    requests_per_minute: int = Field(default=150, ge=0)


class MikoPbxRestSettings(HttpSourceSettings):
    """MikoPBX by REST v3 (2024 and newer).

    Attributes:
        api_key: made in MikoPBX under API keys; it needs to read `/api/v3/cdr` and `/api/v3/extensions`.
        portion_size: rows asked for at once.
    """

    kind: Literal["mikopbx_rest"]
    api_key: SecretStr
    portion_size: int = Field(default=1000, ge=1, le=1000)


class MikoPbxGetDataSettings(HttpSourceSettings):
    """MikoPBX by the older portion endpoint, `/pbxcore/api/cdr/get_data`.

    Attributes:
        format: of the answers.
        portion_size: rows asked for at once; old firmware gives 600 at most.
    """

    kind: Literal["mikopbx_get_data"]
    format: Literal["xml", "json"] = "xml"
    portion_size: int = Field(default=600, ge=1, le=2000)


class MikoHistorySettings(HttpSourceSettings):
    """MIKO's history XML, as its provider modules publish it.

    Attributes:
        offset_style: `mega` counts rows, `mts` sends the whole current day each time.
        portion_size: rows asked for at once.
    """

    kind: Literal["miko_history"]
    offset_style: Literal["mega", "mts"] = "mega"
    portion_size: int = Field(default=450, ge=1, le=600)


class AsteriskSqlSettings(SourceSettings):
    """The CDR table of an Asterisk, in PostgreSQL or MySQL/MariaDB.

    Attributes:
        url: postgresql://, mysql:// or mariadb://, with user and password.
        table: its name, with its schema where needed.
        window_hours: how far back from the newest row each load looks; the table promises no usable key.
    """

    kind: Literal["asterisk_sql"]
    url: SecretStr
    table: str = "cdr"
    window_hours: int = Field(default=24, ge=1)


class AsteriskCsvSettings(SourceSettings):
    """CDR files of an Asterisk: `Master.csv` or those of `cdr_custom`, rotated or not.

    Attributes:
        path: the file that is written; its rotated forms belong to it.
        columns: Asterisk's names of the columns in order, where the layout is an unusual one; `-` skips one.
    """

    kind: Literal["asterisk_csv"]
    path: Path
    columns: tuple[str, ...] | None = None


AnySource = Annotated[
    MikoPbxRestSettings | MikoPbxGetDataSettings | MikoHistorySettings | AsteriskSqlSettings | AsteriskCsvSettings,
    Field(discriminator="kind"),
]


class ContactSettings(_Section):
    """Where clients and employees come from; each may be absent.

    Attributes:
        contacts_csv: clients, their contacts and numbers; the columns are in docs/switchboard.example.toml.
        contacts_vcard: clients as vCards 2.1 to 4.0.
        employees_csv: employees and who held which extension when.
        largest_loss: share of a file's rows that may be missing at once; above it the file is refused and the old
            data stays. Raise it for one load if the loss is meant.
    """

    contacts_csv: Path | None = None
    contacts_vcard: Path | None = None
    employees_csv: Path | None = None
    largest_loss: float = Field(default=0.3, ge=0, le=1)


class ScheduleSettings(_Section):
    """How often the jobs look, and the hours in which they do, both ends included.

    Attributes:
        window_start: on the hour, in the business zone.
        window_end: on the hour, in the business zone; the job looks then for the last time.
        call_history_load_seconds: whole minutes that divide an hour, as the others.
        contact_owners_seconds: between looks at contact files and at the owners of the last five days' calls.
        routing_table_seconds: between updates of the routing table.
    """

    window_start: time = time(8)
    window_end: time = time(21)
    call_history_load_seconds: int = 120
    contact_owners_seconds: int = 900
    routing_table_seconds: int = 900

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


class RoutingSettings(_Section):
    """How evidence is weighed; see `assets.routing.rules.RoutingRules` for the meaning of each."""

    half_life_days: float = Field(default=90, ge=1)
    call_weight: float = Field(default=1, gt=0)
    shortest_talk_seconds: int = Field(default=10, ge=0)
    longest_talk_seconds: int = Field(default=1800, ge=1)
    transferrer_factor: float = Field(default=0.3, ge=0)
    outbound_factor: float = Field(default=1, ge=0)
    smallest_share: float = Field(default=0.45, ge=0, le=1)
    fewest_interactions: int = Field(default=2, ge=1)
    enough_talk_seconds: int = Field(default=60, ge=0)
    names: int = Field(default=3, ge=1, le=20)

    def as_rules(self) -> RoutingRules:
        """Return them as the routing takes them."""
        return RoutingRules(**self.model_dump())


class RetentionSettings(_Section):
    """For how many days things are kept that grow by themselves.

    Attributes:
        event_log_days: Dagster's events that only tell the course of runs, and their console output.
        quarantine_days: rows refused.
        routing_version_days: former versions of the routing table.
    """

    event_log_days: int = Field(default=14, ge=1)
    quarantine_days: int = Field(default=365, ge=1)
    routing_version_days: int = Field(default=30, ge=1)


class Settings(BaseSettings):
    """All settings of Switchboard.

    Attributes:
        home: the one folder in which anything is written.
        database_url: a PostgreSQL server in place of the embedded one.
        dagster_database_url: another database for Dagster's own storage.
        timezone: the business zone: partition days and working hours are in it.
        country: ISO country of numbers written without a country code.
        internal_digits: longest number that is an internal one.
        history_start_on: first day that has a partition.
        webserver_port: where Dagster's UI listens, on loopback.
        sources: telephony servers by name; the name becomes `pbx_id`.
    """

    model_config = SettingsConfigDict(env_prefix="SWITCHBOARD_", env_nested_delimiter="__", extra="forbid")

    home: Path = Path(".switchboard")
    database_url: SecretStr | None = None
    dagster_database_url: SecretStr | None = None
    timezone: str = "Europe/Moscow"
    country: str = Field(default="RU", pattern="^[A-Z]{2}$")
    internal_digits: int = Field(default=4, ge=2, le=8)
    history_start_on: date = date(2024, 1, 1)
    webserver_port: int = Field(default=3000, ge=1, le=65535)
    sources: dict[str, AnySource] = Field(default_factory=dict)
    contacts: ContactSettings = Field(default_factory=ContactSettings)
    schedules: ScheduleSettings = Field(default_factory=ScheduleSettings)
    routing: RoutingSettings = Field(default_factory=RoutingSettings)
    retention: RetentionSettings = Field(default_factory=RetentionSettings)

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        return _zone(value)

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


def _zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError(f"'{value}' is no time zone; write an IANA name such as Europe/Moscow")
    return value


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
    secrets += [value for source in settings.sources.values() for _, value in source if isinstance(value, SecretStr)]
    if any(secret and secret.get_secret_value() in text for secret in secrets):
        raise SettingsError(f"{file} holds a secret and others may read it: run 'chmod 600 {file}'.")
