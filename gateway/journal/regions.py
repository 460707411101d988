"""Regions of numbers, by libphonenumber's tables: the place of a landline, the operator of a mobile telephone."""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import ColumnElement, Connection, or_, select

from gateway.journal.filters import CALLS, number_prefix

LANGUAGES = ("ru", "en")
UNKNOWN_REGION = "-"


def in_region(connection: Connection, region: str, found: list[ColumnElement[bool]]) -> ColumnElement[bool]:
    """Return what holds for the calls of a region, named in any language: a link shows everybody the same."""
    prefix = number_prefix()
    there = connection.execute(select(prefix).select_from(CALLS).where(*found, prefix.is_not(None)).distinct())
    wanted = "" if region == UNKNOWN_REGION else region
    fits = prefix.in_([digits for digits in there.scalars() if wanted in {region_of(digits, one) for one in LANGUAGES}])
    return fits if wanted else or_(fits, prefix.is_(None))


@lru_cache(maxsize=100_000)
def region_of(digits: str, language: str) -> str:
    """Return the region of numbers that begin with these digits, country code first; '' where it is not known."""
    # Their tables are tens of megabytes, and a gateway that only answers a PBX has no use for them.
    import phonenumbers
    from phonenumbers import carrier, geocoder

    try:
        # Whatever follows, the tables go by the beginning.
        country = phonenumbers.parse(f"+{digits.ljust(11, '0')}")
    except phonenumbers.NumberParseException:
        return ""
    operator = carrier.name_for_number(country, language)
    # A number filled up with noughts may be none, which hides even its country.
    codes = phonenumbers.region_codes_for_country_code(country.country_code or 0)
    place = (
        geocoder.description_for_number(country, language)
        or geocoder.country_name_for_number(country, language)
        or (codes[0] if codes else "")
    )
    return f"{place}, {operator}" if operator else place
