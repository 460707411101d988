"""Which columns a CDR row of Asterisk has: the layouts of `cdr_csv` and `cdr_custom`, told by the row.

Neither file has a header, and the options behind them can change while the server runs, so a layout
is told by the number of fields and by what stands in them (Asterisk, cdr_csv.c: `loguniqueid` and
`loguserfield` each add a column, `newcdrcolumns` adds three; `cdr_custom` writes whatever its mapping
says, its usual "full" one is known here).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence

Columns = tuple[str, ...]
"""A layout: Asterisk's own column names, in the order of the fields."""

SKIPPED = "-"
"""In a mapping given by hand: a field that has no column of ours."""

_BASE: Columns = (
    *("accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp", "lastdata"),
    *("start", "answer", "end", "duration", "billsec", "disposition", "amaflags"),
)
_NEW: Columns = ("peeraccount", "linkedid", "sequence")
_CUSTOM: Columns = (
    *("clid", "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "lastdata"),
    *("start", "answer", "end", "duration", "billsec", "disposition", "amaflags"),
    *("accountcode", "uniqueid", "userfield"),
)
_CUSTOM_EPOCHS: Columns = (
    *(*_CUSTOM, "linkedid", "sequence", "peeraccount"),
    *("epoch_start", "epoch_answer", "epoch_end"),
)

LAYOUTS: tuple[Columns, ...] = (
    _BASE,
    # Of two layouts of one length the one that asks more of a row comes first.
    (*_BASE, "uniqueid"),
    (*_BASE, "userfield"),
    (*_BASE, "uniqueid", "userfield"),
    _CUSTOM,
    (*_BASE, *_NEW),
    (*_BASE, "uniqueid", *_NEW),
    (*_BASE, "userfield", *_NEW),
    (*_BASE, "uniqueid", "userfield", *_NEW),
    _CUSTOM_EPOCHS,
)

KNOWN_COLUMNS = frozenset(name for layout in LAYOUTS for name in layout) | {"did", "recordingfile"}

_TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?"
_SECONDS = r"\d+(?:\.\d+)?"
_ID = r"(?:.*-)?\d{9,11}\.\d+"
_SHAPES = {
    name: re.compile(pattern)
    for name, pattern in {
        "start": _TIME,
        "answer": f"(?:{_TIME})?",
        "end": f"(?:{_TIME})?",
        "duration": _SECONDS,
        "billsec": _SECONDS,
        "uniqueid": _ID,
        "linkedid": f"(?:{_ID})?",
        "sequence": r"\d+",
    }.items()
}


class Layouts:
    """The layouts a row may have: the known ones, or only the one given by hand.

    Args:
        columns: column names in the order of the fields; `-` for a field to leave out.

    Raises:
        ValueError: a name is not a CDR column.
    """

    def __init__(self, columns: Sequence[str] | None = None) -> None:
        unknown = sorted(set(columns or ()) - KNOWN_COLUMNS - {SKIPPED})
        if unknown:
            raise ValueError(
                f"No CDR column is named {', '.join(unknown)}. Known names: "
                f"{', '.join(sorted(KNOWN_COLUMNS))}; write '{SKIPPED}' for a field to leave out."
            )
        self.is_given = columns is not None
        self.by_length: dict[int, list[Columns]] = {}
        for layout in [tuple(columns)] if columns is not None else LAYOUTS:
            self.by_length.setdefault(len(layout), []).append(layout)

    def of_row(self, fields: Sequence[str]) -> Columns | None:
        """Return the layout whose shape the row has, or None."""
        for layout in self.by_length.get(len(fields), ()):
            if self.is_given or all(
                _SHAPES[name].fullmatch(value) for name, value in zip(layout, fields, strict=True) if name in _SHAPES
            ):
                return layout
        return None

    def why_not(self, fields: Sequence[str]) -> str:
        """Say why a row has no layout, for people."""
        if len(fields) not in self.by_length:
            lengths = ", ".join(map(str, sorted(self.by_length)))
            return f"{len(fields)} columns, where a known layout has {lengths}"
        return f"{len(fields)} columns, but the values are not where a known layout of so many has them"


def read_row(text: str) -> list[str] | None:
    """Return the fields of one CSV row, or None where it cannot be read as one."""
    try:
        rows = list(csv.reader([text]))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None
