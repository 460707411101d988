"""Messages of Asterisk's manager: out of AMI's stream of blocks, `/rawman` bodies and `/mxml` bodies, all alike.

Public source of the rules: Asterisk 22, `main/manager.c`. A message is a mapping of text to text. Its keys are those of
`/mxml`, which says least: in lower case, whatever is neither letter nor digit as `_` (`CID-CallingPres` is
`cid_callingpres`), and a key that comes again in the same message with `-2`, `-3` behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

Message = Mapping[str, str]

_END = b"\r\n\r\n"
_MAX_BLOCK_BYTES = 1 << 20
_NO_KEY_CHARACTER = re.compile(r"[^a-z0-9]")
_NO_XML_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TIMESTAMP = re.compile(r"(\d{9,11})(?:\.(\d{1,6}))?", re.ASCII)
_EPOCH_AT = datetime.fromtimestamp(0, UTC)


class ManagerMessagesError(ValueError):
    """These bytes are not what a manager says. The text says why, without repeating them."""


class MessageStream:
    """Cuts messages out of bytes as they come in over TCP."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Message]:
        """Return the messages that these bytes complete.

        Raises:
            ManagerMessagesError: a block has no end; the stream is of no use any more.
        """
        *blocks, self._rest = (self._rest + data).split(_END)
        if len(self._rest) > _MAX_BLOCK_BYTES:
            raise ManagerMessagesError("a message has no end; is this the manager's port?")
        return [message for block in blocks if (message := _message_of_block(block))]


def messages_of_rawman(body: bytes) -> list[Message]:
    """Read the answer of `/rawman`; what holds no message gives none."""
    return [message for block in body.split(_END) if (message := _message_of_block(block))]


def messages_of_mxml(body: bytes) -> list[Message]:
    """Read the answer of `/mxml`.

    Raises:
        ManagerMessagesError: it is no XML, or such as no manager writes.
    """
    # Callers' names may hold characters that XML does not allow; one of them must not cost a whole answer.
    text = _NO_XML_CHARACTER.sub("\ufffd", body.decode("utf-8", "replace"))
    try:
        root = fromstring(text, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError):
        raise ManagerMessagesError("not XML as a manager writes it") from None
    return [_message_of_fields(element.items()) for element in root.iter("generic") if element.attrib]


def happened_at(message: Message) -> datetime | None:
    """Return when the server says it happened; None where it is not set to say so (`timestampevents`)."""
    match = _TIMESTAMP.fullmatch(message.get("timestamp", ""))
    if not match:
        return None
    seconds, fraction = match.groups()
    return _EPOCH_AT + timedelta(seconds=int(seconds), microseconds=int((fraction or "0").ljust(6, "0")))


def _message_of_block(block: bytes) -> Message:
    lines = block.decode("utf-8", "replace").split("\r\n")
    return _message_of_fields(
        (key, value.strip()) for key, colon, value in (line.partition(":") for line in lines) if colon
    )


def _message_of_fields(fields: Iterable[tuple[str, str]]) -> Message:
    message: dict[str, str] = {}
    times: dict[str, int] = {}
    for written, value in fields:
        key, dash, number = written.strip().lower().rpartition("-")
        if not (dash and number.isdecimal() and key in message):
            key, dash, number = written.strip().lower(), "", ""
        key = _NO_KEY_CHARACTER.sub("_", key)
        if not key:
            continue
        times[key] = times.get(key, 0) + 1
        message[key if times[key] == 1 else f"{key}-{times[key]}"] = value
    return message
