"""Who writes: numbers as WhatsApp identifies them (`wa_id`), business-scoped ids (BSUID), usernames.

Public source: Meta, "Business-scoped user IDs" (May 2026) and "Send messages" (2026).
"""

from __future__ import annotations

import hashlib
import random
import re
from dataclasses import dataclass
from typing import Any

import phonenumbers

from simulators import names

USER_ID = re.compile(r"[A-Z]{2}\.(ENT\.)?[0-9A-Za-z]{1,128}")
_SIGNS = re.compile(r"[\s+().-]")
_FIRST_BRAZILIAN_AREA_OF_OLD_IDS = 31


@dataclass
class Person:
    """Somebody with WhatsApp.

    Attributes:
        wa_id: digits of the number as WhatsApp has it; a `…@lid` as other gateways have it; empty where never shown.
        user_id: the business-scoped id; empty beside `@lid`.
        name: of the profile.
        username: if one was adopted.
        is_reachable: whether messages arrive; else they fail with 131026, as to those who blocked us.
        is_number_hidden: leave `wa_id`, `from` and `recipient_id` out, as after a username was adopted.
    """

    wa_id: str
    user_id: str
    name: str
    username: str = ""
    is_reachable: bool = True
    is_number_hidden: bool = False

    @property
    def key(self) -> str:
        """What stays the same until the number changes."""
        return self.user_id or self.wa_id

    @property
    def shown_wa_id(self) -> str:
        """The number, where it is shown."""
        return "" if self.is_number_hidden else self.wa_id

    def contact(self) -> dict[str, Any]:
        """Return the person as `contacts[]` of webhooks has them."""
        profile = {"name": self.name} | ({"username": self.username} if self.username else {})
        ids = {"wa_id": self.shown_wa_id, "user_id": self.user_id}
        return {"profile": profile} | {key: value for key, value in ids.items() if value}


class People:
    """Everybody the simulator has met.

    Args:
        country_code: of the business number; it is put before numbers without `+` that are none otherwise.
        seed: of names and ids.
    """

    def __init__(self, country_code: int, seed: int) -> None:
        self._country_code = country_code
        self._seed = seed
        self._people: dict[str, Person] = {}

    def find(self, written: str) -> Person:
        """Return who is meant by a number in any notation, a BSUID or a `…@lid`; somebody new if not met yet."""
        is_id = USER_ID.fullmatch(written) is not None
        wa_id = "" if is_id else written if "@" in written else self.wa_id(written)
        known = self._people.get(wa_id or written)
        if known is None:
            user_id = written if is_id else "" if "@" in written else self._user_id(wa_id)
            name = names.person(random.Random(f"{self._seed} {wa_id or written}"))
            known = Person(wa_id, user_id, name, is_reachable=not wa_id.isdigit() or _may_be(wa_id))
            self._people.update({key: known for key in (wa_id, user_id) if key})
        return known

    def wa_id(self, written: str) -> str:
        """Return the id of a number; it may differ from the number, as in Brazil, Mexico and Argentina."""
        digits = _SIGNS.sub("", written)
        if digits in self._people:
            return digits
        if not written.strip().startswith("+") and _e164(digits) is None:
            digits = f"{self._country_code}{digits}"
        if digits.startswith("55") and len(digits) == 13 and int(digits[2:4]) >= _FIRST_BRAZILIAN_AREA_OF_OLD_IDS:
            return digits[:4] + digits[5:]
        if digits.startswith("52") and len(digits) == 12:
            return "521" + digits[2:]
        if digits.startswith("54") and len(digits) == 12:
            return "549" + digits[2:]
        return digits

    def change_number(self, person: Person, written: str) -> Person:
        """Give a person another number, and with it another BSUID; return them as they are now."""
        now = self.find(written)
        now.name, now.username, now.is_number_hidden = person.name, person.username, person.is_number_hidden
        return now

    def _user_id(self, wa_id: str) -> str:
        digest = hashlib.sha256(f"{self._seed} {wa_id}".encode()).digest()
        return f"{_region(wa_id)}.{int.from_bytes(digest[:8]) % 10**17 + 10**17}"


def _may_be(wa_id: str) -> bool:
    """Tell whether somebody may have that id: there is such a number, or there was before Mexico changed its own."""
    return _e164(wa_id) in (f"+{wa_id}", f"+{wa_id.replace('521', '52', 1)}")


def _e164(digits: str) -> str | None:
    """Return the number that digits with their country code are, signs of the way to dial left out; None for none."""
    try:
        number = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _region(wa_id: str) -> str:
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(f"+{wa_id}")) or "US"
    except phonenumbers.NumberParseException:
        return "US"
