"""Settings of usage metrics: off until somebody switches them on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING, get_args
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from assets.usage.figures import UsageRules
from assets.usage.schema import Crm, CrmConfiguration, Messenger, Pbx
from pipelines.systems import Section

if TYPE_CHECKING:
    from pipelines.settings import Settings

_VERSION = r"^(\d{1,4}(\.\d{1,5}){0,3})?$"


class UsageSettings(Section):
    """Whether, and to whom, the developers are told how this installation is used; docs/usage-metrics.md says what.

    Attributes:
        enabled: whether anything may be sent. `DO_NOT_TRACK=1` in the environment wins over it, and the schedule
            usage_metrics must be switched on besides.
        collector_url: where reports are posted, https.
        token: what the collector asks for.
        pbx_versions: versions of telephony servers, by their name in the settings; no interface of theirs tells it.
        crm_configurations: of 1C bases by their name in the settings: УТ, УНФ, ERP, КА, БП, CRM, Розница, УПП.
        crm_versions: versions of these configurations.
    """

    enabled: bool = False
    collector_url: str = ""
    token: SecretStr | None = None
    pbx_versions: dict[str, str] = Field(default_factory=dict)
    crm_configurations: dict[str, str] = Field(default_factory=dict)
    crm_versions: dict[str, str] = Field(default_factory=dict)

    @field_validator("collector_url")
    @classmethod
    def _is_private(cls, value: str) -> str:
        if value and urlsplit(value).scheme != "https" and not _is_local(value):
            raise ValueError("a collector is asked by https")
        return value

    @field_validator("pbx_versions", "crm_versions")
    @classmethod
    def _are_versions(cls, value: dict[str, str]) -> dict[str, str]:
        for name, version in value.items():
            if not re.fullmatch(_VERSION, version):
                raise ValueError(f"the version of '{name}' must be numbers with dots, such as 2025.1.1")
        return value


def usage_rules(settings: Settings, environment: Mapping[str, str]) -> UsageRules:
    """Return what may be told, and to whom."""
    given = settings.usage
    known = get_args(CrmConfiguration)
    return UsageRules(
        is_on=given.enabled,
        do_not_track=environment.get("DO_NOT_TRACK", "0") not in {"", "0"},
        collector_url=given.collector_url,
        token=given.token,
        pbxs=[
            Pbx(kind=source.kind, version=given.pbx_versions.get(name) or "unknown")
            for name, source in settings.sources.items()
        ],
        crms=[
            Crm(
                kind=crm.kind,
                configuration=_configuration(given.crm_configurations.get(name, ""), known),
                version=given.crm_versions.get(name) or "unknown",
            )
            for name, crm in settings.crm.items()
        ],
        messengers=[Messenger(kind=account.kind) for account in settings.messengers.values()],
    )


def _configuration(given: str, known: tuple[CrmConfiguration, ...]) -> CrmConfiguration:
    if not given:
        return "unknown"
    return next((name for name in known if name == given), "other")


def _is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
