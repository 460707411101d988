"""Contacts from address books: vCard 2.1 (RFC 2425's forerunner), 3.0 (RFC 2426), 4.0 (RFC 6350).

An organisation (ORG) is the party and the card its contact; a card without one is a private person.
Cards carry no key of a party, so it is made from the organisation's name. Lines are unfolded and
decoded by `vobject`; only the five properties wanted here are read, so that a broken photo or a
foreign extension does not cost the card.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from io import StringIO
from itertools import islice
from pathlib import Path

import pandas as pd
from vobject.base import VObjectError, getLogicalLines, textLineToContentLine

from resources.contacts.rows import (
    CONTACT_COLUMNS,
    ContactPortion,
    RefusedContact,
    checked_contacts,
    open_text,
)

CARDS_PER_PORTION = 5_000

_LONGEST_UID = 80
_LONGEST_RAW = 2000
_WANTED = re.compile(r"^(?:[\w-]+\.)?(FN|N|ORG|TEL|UID)[;:]", re.IGNORECASE)
_BEGIN = re.compile(r"^BEGIN\s*:\s*VCARD\s*$", re.IGNORECASE)
_END = re.compile(r"^END\s*:\s*VCARD\s*$", re.IGNORECASE)
_AGENT = re.compile(r"^AGENT\b[^:]*:\s*$", re.IGNORECASE)
_COMPONENT_END = re.compile(r"(?<!\\);")
_ESCAPED = re.compile(r"\\([\\,;:nN])")


class _CardError(Exception):
    """The card cannot be read; the text says why."""


def read_vcards(path: Path, cards_per_portion: int = CARDS_PER_PORTION) -> Iterator[ContactPortion]:
    """Yield the cards with a phone number, in the columns `CONTACT_COLUMNS`.

    Cards without a phone number are counted in `skipped`; a card that cannot be read is refused and
    the others go on. The numbers of a card stand in `phones`, one a line.

    Raises:
        ContactFileError: the file cannot be read.
    """
    with open_text(path) as file:
        cards = _cards(file)
        while batch := list(islice(cards, cards_per_portion)):
            yield _portion(batch)


def _cards(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Cut a file into cards: their text, and what is wrong with where they begin or end."""
    card: list[str] = []
    depth = 0
    for line in lines:
        line = line.replace("\0", "")
        if _BEGIN.match(line):
            is_inner = depth > 0 and bool(_AGENT.match(card[-1]))
            if depth and not is_inner:
                yield "".join(card), "the card has no END:VCARD"
                card, depth = [], 0
            depth += 1
        if depth:
            card.append(line)
        elif line.strip():
            yield line, "the line stands outside of any card"
        if _END.match(line) and depth:
            depth -= 1
            if not depth:
                yield "".join(card), ""
                card = []
    if card:
        yield "".join(card), "the card has no END:VCARD"


def _portion(batch: list[tuple[str, str]]) -> ContactPortion:
    rows, raws, refused = [], [], []
    skipped = 0
    for text, problem in batch:
        # A photo makes a card long and says nothing to the people who look at refused rows.
        raw = text[:_LONGEST_RAW]
        try:
            row = None if problem else _row(text)
        except _CardError as error:
            problem = str(error)
        if problem:
            refused.append(RefusedContact(problem, raw))
        elif row:
            rows.append(row)
            raws.append(raw)
        else:
            skipped += 1
    checked = checked_contacts(pd.DataFrame(rows, columns=list(CONTACT_COLUMNS), dtype=str), raws)
    return ContactPortion(checked.rows, [*refused, *checked.refused], skipped)


def _row(card: str) -> tuple[str, ...] | None:
    """Return the card as a row, or None where it has no phone number."""
    values = _values(card)
    phones = [phone for phone in map(_unescaped, values.get("TEL", [])) if phone]
    if not phones:
        return None
    organisation = _components(values.get("ORG", [""])[0])[0]
    family, given, *_ = [*_components(values.get("N", [""])[0]), ""]
    name = _unescaped(values.get("FN", [""])[0]) or f"{given} {family}".strip()
    uid = _unescaped(values.get("UID", [""])[0])
    if not uid or len(uid) > _LONGEST_UID:
        uid = _digest(uid or "\n".join([organisation, name, *sorted(phones)]))
    if organisation:
        party = (f"org:{_digest(' '.join(organisation.casefold().split()))}", organisation, "company")
    else:
        party = (f"card:{uid}", name or phones[0], "person")
    return (*party, uid, name or organisation, "\n".join(phones), "", "", "")


def _values(card: str) -> dict[str, list[str]]:
    """All numbers of a card and the first of its other wanted properties; an inner card is left out."""
    values: dict[str, list[str]] = {}
    depth = 0
    for text, _ in getLogicalLines(StringIO(card), allowQP=True):
        depth += bool(_BEGIN.match(text)) - bool(_END.match(text))
        found = _WANTED.match(text) if depth == 1 else None
        name = found[1].upper() if found else ""
        if name == "TEL" or (name and name not in values):
            values.setdefault(name, []).append(_value(text, name))
    return values


def _value(text: str, name: str) -> str:
    try:
        return str(textLineToContentLine(text).value)
    except (VObjectError, UnicodeDecodeError, LookupError) as error:
        raise _CardError(f"its property {name} cannot be decoded") from error


def _components(value: str) -> list[str]:
    return [_unescaped(component) for component in _COMPONENT_END.split(value)]


def _unescaped(value: str) -> str:
    return _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], value).strip()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:20]
