"""Files in which a CRM or an address book hands its contacts on: CSV, and vCard 3.0 (RFC 2426)."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_LONGEST_LINE_OCTETS = 75


@dataclass(frozen=True)
class Card:
    """What stands on a card; no organisation for a private person."""

    uid: str
    name: str
    organisation: str
    phones: tuple[str, ...]


def write_csv(path: Path, header: str, rows: Iterable[Sequence[object]]) -> None:
    """Write rows in UTF-8 under a header; None becomes an empty field."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header.split(","))
        writer.writerows(rows)


def write_vcards(path: Path, cards: Iterable[Card]) -> None:
    """Write cards, long lines folded."""
    with path.open("w", encoding="utf-8", newline="") as file:
        for card in cards:
            family, _, given = card.name.partition(" ")
            lines = ["BEGIN:VCARD", "VERSION:3.0", f"UID:{card.uid}", f"FN:{_escaped(card.name)}"]
            lines.append(f"N:{_escaped(family)};{_escaped(given)};;;")
            if card.organisation:
                lines.append(f"ORG:{_escaped(card.organisation)}")
            lines += [f"TEL;TYPE=WORK,VOICE:{_escaped(phone)}" for phone in card.phones]
            lines.append("END:VCARD")
            file.writelines(f"{_folded(line)}\r\n" for line in lines)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(",", "\\,").replace(";", "\\;")


def _folded(line: str) -> str:
    """Fold between characters, so that no line has more than 75 octets."""
    parts, room = [""], _LONGEST_LINE_OCTETS
    for character in line:
        room -= len(character.encode())
        if room < 0:
            parts.append(" ")
            room = _LONGEST_LINE_OCTETS - 1 - len(character.encode())
        parts[-1] += character
    return "\r\n".join(parts)
