"""Telephone numbers of WhatsApp accounts: the account's id is not always the number that is dialled.

An account keeps the digits it was made with: Brazilian mobiles without their ninth digit, Mexican ones with a 1 after
the country code, Argentine ones without their 9 (protocol page A6; Meta, "Send messages": the prefix may be modified,
and that is no bug). Numbers here are in the form that is dialled, so that they meet the CRM's.
"""

from __future__ import annotations

import re

import phonenumbers

_DIGITS = re.compile(r"\d{7,15}")
_BRAZILIAN_WITHOUT_NINTH = re.compile(r"55(\d\d)([6-9]\d{7})")
_MEXICAN_WITH_ONE = re.compile(r"521(\d{10})")
_ARGENTINE_WITHOUT_NINE = re.compile(r"54([1-8]\d{9})")


def number_of(wa_id: str) -> str:
    """Return the E.164 form of an account's id; '' where it is no telephone number."""
    if not _DIGITS.fullmatch(wa_id):
        return ""
    digits = wa_id
    if found := _BRAZILIAN_WITHOUT_NINTH.fullmatch(digits):
        digits = f"55{found[1]}9{found[2]}"
    elif found := _MEXICAN_WITH_ONE.fullmatch(digits):
        digits = f"52{found[1]}"
    elif found := _ARGENTINE_WITHOUT_NINE.fullmatch(digits):
        # WhatsApp knows mobiles only, and those are dialled with a 9 from abroad.
        digits = f"549{found[1]}"
    try:
        number = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(number):
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
