"""What the assets are given to work with: the warehouse, the sources and the rules, ready made.

`pipelines` builds it from the settings; tests build it by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from assets.history.load import LoadRules
from assets.routing.rules import RoutingRules
from resources.telephony.source import TelephonySource
from resources.warehouse.connection import Warehouse


@dataclass(frozen=True)
class Telephony:
    """A configured telephony server: how to open it, and by which rules its rows are read."""

    open: Callable[[], TelephonySource]
    rules: LoadRules


@dataclass(frozen=True)
class ContactFiles:
    """Files with clients and employees; any may be absent.

    Attributes:
        largest_loss: share of a file's rows that may be missing at once, 0..1; above it the file is refused.
    """

    contacts_csv: Path | None = None
    contacts_vcard: Path | None = None
    employees_csv: Path | None = None
    largest_loss: float = 0.3


@dataclass(frozen=True)
class Platform:
    """Everything an asset may touch.

    Attributes:
        warehouse: where the tables are.
        telephony: the configured servers by their name, which is their `pbx_id`.
        contact_files: where clients and employees come from.
        routing_rules: how evidence is weighed.
        business_zone: IANA name of the zone whose days partition the calls.
        region: ISO country of numbers without a country code.
        internal_digits: longest number that is an internal one.
    """

    warehouse: Warehouse
    telephony: Mapping[str, Telephony] = field(default_factory=dict)
    contact_files: ContactFiles = field(default_factory=ContactFiles)
    routing_rules: RoutingRules = field(default_factory=RoutingRules)
    business_zone: str = "Europe/Moscow"
    region: str = "RU"
    internal_digits: int = 4

    @property
    def regions(self) -> dict[str, str]:
        """pbx_id to the country of its numbers, '' for all others."""
        return {"": self.region} | {name: server.rules.region for name, server in self.telephony.items()}
