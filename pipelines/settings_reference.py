"""The settings reference, made from the code: `python -m pipelines.settings_reference > docs/settings.md`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from assets.routing.rules import RoutingRules
from pipelines import settings as module
from pipelines.event_settings import AmiSettings, LongPollingSettings, PollingSettings, WebhookSettings
from pipelines.messenger_settings import MessengerSettings, WhatsAppSettings
from pipelines.routing_settings import AnswerSettings, GatewaySettings, PublicationSettings, RoutingSettings
from pipelines.settings import (
    ContactSettings,
    MatchingSettings,
    RetentionSettings,
    ScheduleSettings,
    Settings,
)
from pipelines.systems import (
    AsteriskCsvSettings,
    AsteriskSqlSettings,
    MikoHistorySettings,
    MikoPbxGetDataSettings,
    MikoPbxRestSettings,
    OnecSettings,
    SqlContactsSettings,
)
from pipelines.usage_settings import UsageSettings

SECTIONS: dict[str, type[BaseModel]] = {
    "": Settings,
    "contacts": ContactSettings,
    "matching": MatchingSettings,
    "schedules": ScheduleSettings,
    "routing": RoutingSettings,
    "answers": AnswerSettings,
    "publication": PublicationSettings,
    "gateway": GatewaySettings,
    "messenger": MessengerSettings,
    "usage": UsageSettings,
    "retention": RetentionSettings,
}
SYSTEMS: dict[str, tuple[type[BaseModel], ...]] = {
    "sources": (
        MikoPbxRestSettings,
        MikoPbxGetDataSettings,
        MikoHistorySettings,
        AsteriskSqlSettings,
        AsteriskCsvSettings,
    ),
    "sources.NAME.event_channel": (LongPollingSettings, AmiSettings, PollingSettings, WebhookSettings),
    "crm": (OnecSettings, SqlContactsSettings),
    "messengers": (WhatsAppSettings,),
}
_ATTRIBUTE = re.compile(r"^        (\w+): (.+(?:\n {12}.+)*)", re.MULTILINE)


def reference() -> str:
    """Return every setting, its variable, type and default as Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield "# Settings"
    yield ""
    yield (module.__doc__ or "").strip()
    for name, section in SECTIONS.items():
        yield ""
        yield f"## [{name}]" if name else "## General"
        yield ""
        yield from _table(section, f"{name}." if name else "")
    for family, systems in SYSTEMS.items():
        for system in systems:
            kind = system.model_fields["kind"].annotation
            yield ""
            table = family if family.endswith("event_channel") else f"{family}.NAME"
            yield f"## [{table}], kind = {str(kind).split('[')[1].rstrip(']')}"
            yield ""
            yield (system.__doc__ or "").split("\n")[0]
            yield ""
            yield from _table(system, f"{table}.")
    yield ""


def _table(section: type[BaseModel], prefix: str) -> Iterator[str]:
    told = meanings(section)
    yield "| setting | environment | default | meaning |"
    yield "|---|---|---|---|"
    for name, field in section.model_fields.items():
        if name in SECTIONS or name in SYSTEMS or name == "kind":
            continue
        variable = "SWITCHBOARD_" + f"{prefix}{name}".replace(".", "__").upper()
        yield f"| `{prefix}{name}` | `{variable}` | {_default(field)} | {told.get(name, '')} |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value: Any = field.default
    return "" if value is None else f"`{value}`"


def meanings(section: type[BaseModel]) -> dict[str, str]:
    """Return what the docstrings of a section and those it extends say of each attribute."""
    found: dict[str, str] = {}
    explained = [RoutingRules] if section is RoutingSettings else []
    for kind in [*explained, *reversed(section.__mro__)]:
        for name, text in _ATTRIBUTE.findall(kind.__doc__ or ""):
            found[name] = " ".join(text.split())
    return found


if __name__ == "__main__":
    sys.stdout.write(reference())
