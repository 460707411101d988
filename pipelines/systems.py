"""Settings of the systems Switchboard talks to: telephony servers and CRMs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from pipelines.event_settings import AnyEventChannel, PollingSettings


class Section(BaseModel):
    """A part of the settings; what it does not know is refused."""

    model_config = ConfigDict(extra="forbid")


def known_zone(value: str) -> str:
    """Return a time zone's name, or say that it is none."""
    if value not in available_timezones():
        raise ValueError(f"'{value}' is no time zone; write an IANA name such as Europe/Moscow")
    return value


class SourceSettings(Section):
    """What every telephony source has.

    Attributes:
        timezone: zone in which the server shows its clocks; the business zone where absent.
        country: ISO country of numbers without a country code; the general one where absent.
        internal_digits: longest number that is an internal one; the general one where absent.
        event_channel: how the server tells of calls while they happen; its settings are below, by kind. Without one it
            is not listened to.
        recordings_folder: where this machine sees the server's recordings, such as Asterisk's
            /var/spool/asterisk/monitor; a MikoPBX hands them over itself.
        records_every_talk: a talk without a recording lacks one; otherwise only a file that was named is missed.
    """

    timezone: str | None = None
    country: str | None = None
    internal_digits: int | None = Field(default=None, ge=2, le=8)
    event_channel: AnyEventChannel | None = None
    recordings_folder: Path | None = None
    records_every_talk: bool = False

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        return value if value is None else known_zone(value)

    @model_validator(mode="after")
    def _can_be_polled(self) -> SourceSettings:
        if isinstance(self.event_channel, PollingSettings) and not isinstance(self, MikoPbxRestSettings):
            raise ValueError("only a source of kind mikopbx_rest can be polled for its active calls")
        return self


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
        write_enabled: hand the responsibles to its ModuleInterceptionSmartIvr, as answers.interception allows; the key
            needs to write `/pbxcore/api/module-interception-ivr`.
    """

    kind: Literal["mikopbx_rest"]
    api_key: SecretStr
    portion_size: int = Field(default=1000, ge=1, le=1000)
    write_enabled: bool = False


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


class QuerySettings(Section):
    """A query and which of its columns is which of ours.

    Attributes:
        sql: the query; it gives all there is.
        columns: our column names to the query's; a column of the same name needs no mention, what the query lacks is
            empty.
    """

    sql: str
    columns: dict[str, str] = Field(default_factory=dict)


class SqlContactsSettings(Section):
    """Clients and employees out of any database that SQLAlchemy reaches.

    Attributes:
        url: SQLAlchemy's form, with user and password, such as postgresql+psycopg://user:password@host/database.
        contacts: columns party_id, party_name, party_kind, contact_id, contact_name, phones, responsible_id,
            valid_from, valid_to.
        employees: columns employee_id, name, department, extension, valid_from, valid_to, mobile, employed_from,
            employed_until.
        country: ISO country of numbers without a country code; the general one where absent.
        changes_sql: a query for one value that differs after every change; without it everything is read to compare.
    """

    kind: Literal["sql"]
    url: SecretStr
    contacts: QuerySettings | None = None
    employees: QuerySettings | None = None
    country: str | None = Field(default=None, pattern="^[A-Z]{2}$")
    changes_sql: str = ""


class AbsenceSettings(Section):
    """Where a 1C configuration keeps absences.

    Attributes:
        entity_set: the published set, such as Document_Отсутствие.
        employee: attribute with the employee's reference, such as Сотрудник_Key.
        starts: attribute with the first moment, such as ДатаНачала.
        ends: attribute with the last one, such as ДатаОкончания; midnight is the whole of that day.
        kind: attribute with the kind of absence.
    """

    entity_set: str
    employee: str
    starts: str
    ends: str
    kind: str = ""


class OnecSettings(Section):
    """A 1C:Enterprise base by its standard OData interface.

    Attributes:
        url: of the publication, such as https://server/base; /odata/standard.odata may follow or not.
        login: of a user with the role УдаленныйДоступOData.
        password: of that user.
        timezone: of the 1C server's clock; the business zone where absent.
        country: ISO country of numbers without a country code; the general one where absent.
        exchange_plan: name of an exchange plan with a node for us; without one versions are compared.
        exchange_node: reference (GUID) of that node.
        allowed_only: read what row-level restrictions leave, in place of an error.
        page_rows: objects asked for at once.
        ca_file: certificate of the authority that signed the server's, where the system does not know it.
        write_enabled: whether contacts may be written into phone calls that have none.
        absences: entity_set, employee, starts, ends and kind, where absences are to be read.
    """

    kind: Literal["onec"]
    url: str
    login: str
    password: SecretStr
    timezone: str | None = None
    country: str | None = Field(default=None, pattern="^[A-Z]{2}$")
    exchange_plan: str = ""
    exchange_node: str = ""
    allowed_only: bool = False
    page_rows: int = Field(default=500, ge=50, le=10_000)
    ca_file: str = ""
    write_enabled: bool = False
    absences: AbsenceSettings | None = None

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        return value if value is None else known_zone(value)

    @model_validator(mode="after")
    def _node_of_plan(self) -> OnecSettings:
        if bool(self.exchange_plan) != bool(self.exchange_node):
            raise ValueError("an exchange plan needs both exchange_plan and exchange_node")
        return self


AnyCrm = Annotated[OnecSettings | SqlContactsSettings, Field(discriminator="kind")]
