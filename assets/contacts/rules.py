"""By which rules contacts are taken in, and a number is matched with an owner."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class MatchingRules:
    """How far the search for an owner goes.

    Attributes:
        tail_digits: so many last digits must agree where the number is found in no better way; 0 leaves the
            tail out.
        shared_from: a number of so many parties and more is a reception's or a call centre's, and tells nothing.
        relink_days: how many days back calls are looked at again after a card or an override changed.
        largest_match_fall: by how much the share of calls with an owner may fall from one week to the next, 0..1,
            before a check warns.
    """

    tail_digits: int = 10
    shared_from: int = 5
    relink_days: int = 92
    largest_match_fall: float = 0.05


@dataclass(frozen=True)
class ContactRules:
    """What a load must know besides the source.

    Attributes:
        business_zone: IANA name of the zone whose midnights begin and end a dated card.
        region: ISO country assumed for numbers written without a country code.
        internal_digits: longest number that is an internal one.
        largest_loss: share (0..1) of its clients, phone numbers or employees that a source may lose
            from one load to the next.
        guarded_from: below this many a source may lose any share; it may never come empty.
    """

    business_zone: str = "Europe/Moscow"
    region: str = "RU"
    internal_digits: int = 4
    largest_loss: float = 0.3
    guarded_from: int = 20

    def of_country(self, country: str | None) -> ContactRules:
        """Return the rules for a source whose numbers without a country code are another country's."""
        return replace(self, region=country) if country else self
