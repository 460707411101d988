"""Manager messages as Asterisk writes them: `Key: value` lines ended by CRLF, and the same as XML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from html import escape

END = "\r\n\r\n"
UNKNOWN = "<unknown>"


def message(fields: Mapping[str, str] | Iterable[tuple[str, str]]) -> str:
    """Write one message, its closing blank line included."""
    pairs = fields.items() if isinstance(fields, Mapping) else fields
    return "".join(f"{key}: {value}\r\n" for key, value in pairs) + "\r\n"


def parse(text: str) -> dict[str, str]:
    """Read one message; of a repeated key the last value stays. Values may hold `: `."""
    lines = (line.partition(":") for line in text.split("\r\n") if ":" in line)
    return {key.strip(): value.strip() for key, _, value in lines}


def split(text: str) -> list[str]:
    """Cut a run of messages into single ones, each with its blank line; an unfinished one is left out."""
    return [part + END for part in text.split(END)[:-1]]


def to_xml(text: str) -> str:
    """Write a run of messages as `/mxml` answers it.

    Keys are in lower case with `_` for what is no letter or digit; a repeated key gets `-2`, `-3`.
    """
    objects = "".join(f"<response type='object' id='unknown'><generic {_attributes(one)} /></response>\n"
                      for one in split(text))  # fmt: skip
    return f"<ajax-response>\n{objects}</ajax-response>\n"


def _attributes(text: str) -> str:
    seen: Counter[str] = Counter()
    written = []
    for line in filter(None, text.split("\r\n")):
        key, _, value = line.partition(":")
        name = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in key.lower())
        seen[name] += 1
        repeated = f"-{seen[name]}" if seen[name] > 1 else ""
        safe = escape(value.strip(), quote=False).replace('"', "&quot;").replace("'", "&apos;")
        written.append(f"{name}{repeated}='{safe}'")
    return " ".join(written)
