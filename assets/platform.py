"""What the assets are given to work with: the warehouse, the sources and the rules, ready made.

`pipelines` builds it from the settings; tests build it by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from assets.contacts.crm_source import CrmSource
from assets.contacts.rules import ContactRules, MatchingRules
from assets.contacts.sources import ContactSource
from assets.enrichment.enrich import NumberRules
from assets.history.load import LoadRules
from assets.history.recorded import RecordingRules
from assets.messenger.rules import Messengers
from assets.routing.policy import AnswerPolicy, PublicationRules
from assets.routing.rules import RoutingRules
from assets.usage.figures import UsageRules
from resources.telephony.source import TelephonySource
from resources.warehouse.connection import Warehouse

if TYPE_CHECKING:
    from resources.telephony.interception import ResponsibleBook


@dataclass(frozen=True)
class Telephony:
    """A configured telephony server.

    Attributes:
        open: opens it.
        rules: by which its rows are read.
        recordings: what is known of its recordings.
    """

    open: Callable[[], TelephonySource]
    rules: LoadRules
    recordings: RecordingRules = field(default_factory=RecordingRules)


@dataclass(frozen=True)
class Platform:
    """Everything an asset may touch.

    Attributes:
        warehouse: where the tables are.
        telephony: the configured servers by their name, which is their `pbx_id`.
        contacts: where clients, employees and what is set by hand come from, in the order they are read.
        contact_rules: what taking them in must know.
        own_lines: numbers of ours that the settings name.
        matching: how far the search for a number's owner goes.
        routing_rules: how evidence is weighed.
        answer_policy: how calls are answered.
        publication_rules: when a routing table goes live.
        export_folder: where the live table is written as files.
        pushes: PBXs that are handed the responsibles, by name: how to open their module.
        messengers: our numbers at messengers, and how chats are handled.
        usage: what may be told of this installation, and to whom.
        business_zone: IANA name of the zone whose days partition the calls.
        region: ISO country of numbers without a country code.
        internal_digits: longest number that is an internal one.
    """

    warehouse: Warehouse
    telephony: Mapping[str, Telephony] = field(default_factory=dict)
    contacts: Sequence[ContactSource] = ()
    contact_rules: ContactRules = field(default_factory=ContactRules)
    own_lines: Sequence[str] = ()
    matching: MatchingRules = field(default_factory=MatchingRules)
    routing_rules: RoutingRules = field(default_factory=RoutingRules)
    answer_policy: AnswerPolicy = field(default_factory=AnswerPolicy)
    publication_rules: PublicationRules = field(default_factory=PublicationRules)
    export_folder: Path = Path("export")
    pushes: Mapping[str, Callable[[], ResponsibleBook]] = field(default_factory=dict)
    messengers: Messengers = field(default_factory=Messengers)
    usage: UsageRules = field(default_factory=UsageRules)
    business_zone: str = "Europe/Moscow"
    region: str = "RU"
    internal_digits: int = 4

    @property
    def number_rules(self) -> NumberRules:
        """How the numbers of calls are read and matched."""
        regions = {"": self.region} | {name: server.rules.region for name, server in self.telephony.items()}
        return NumberRules(regions, self.internal_digits, self.matching)

    @property
    def crms(self) -> list[CrmSource]:
        """The CRMs among the contact sources."""
        return [source for source in self.contacts if isinstance(source, CrmSource)]
