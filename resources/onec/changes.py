"""Changes by a 1C exchange plan: handed out as an Atom feed, acknowledged by a separate call.

`SelectChanges` stamps what it hands out with the message's number and gives it again until
`NotifyChangesReceived` names that number (1C developer guide, "Exchange plans over OData"). So the
caller stores and commits first and acknowledges then: a crash between the two repeats, never loses.
One reader per node.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from resources.onec.answers import Row, is_html, refuse_page
from resources.onec.cards import Deletion
from resources.onec.errors import ControlCharacterError, OnecAnswerError, OnecRefusedError
from resources.onec.http import OnecClient
from resources.onec.metadata import NAMESPACE

_ATOM = "{http://www.w3.org/2005/Atom}"
_DELETED = "{http://purl.org/atompub/tombstones/1.0}deleted-entry"
_META = "{http://schemas.microsoft.com/ado/2007/08/dataservices/metadata}"
_OBJECT = re.compile(r"(?:^|/)([^/()]+)\(guid'([0-9A-Fa-f-]{36})'\)$")


class ExchangePlan:
    """One node of an exchange plan.

    Args:
        client: the base.
        plan: the plan's name, without `ExchangePlan_`.
        node: the node's reference.
    """

    def __init__(self, client: OnecClient, plan: str, node: str) -> None:
        self._client = client
        self._node = f"ExchangePlan_{plan}(guid'{node}')"

    def next_message(self) -> int:
        """Return the number to ask for: one above the last acknowledged.

        Raises:
            OnecError: see the classes in `resources.onec.errors`.
        """
        received = self._client.row(self._node).get("ReceivedNo")
        try:
            return int(str(received)) + 1
        except ValueError as error:
            raise OnecAnswerError(f"{self._client.where(self._node)}: no ReceivedNo; is this a node?") from error

    def changes(self, message: int) -> Iterator[tuple[str, Row] | Deletion]:
        """Yield changed objects with their set, and deletions, until the whole packet is read.

        Raises:
            ControlCharacterError: 1C could not write the packet.
            OnecAnswerError: the feed is cut or no feed: nothing of it may be acknowledged.
            OnecError: see the classes in `resources.onec.errors`.
        """
        try:
            file = self._client.post("SelectChanges", self._options(message))
        except OnecRefusedError as error:
            if error.status != 400:
                raise
            raise ControlCharacterError(
                f"{error}. Most often a text holds a control character (code below 32), and the whole "
                "packet fails until it is cleaned: look through the objects changed last, in 1C, and "
                "take it out. Ask again after some minutes only: each try costs the base minutes",
                error.status,
                error.code,
            ) from error
        with file:
            yield from read_feed(file)

    def acknowledge(self, message: int) -> None:
        """Tell 1C that everything handed out under this number is committed here.

        Raises:
            OnecError: see the classes in `resources.onec.errors`.
        """
        with self._client.post("NotifyChangesReceived", self._options(message)) as file:
            if is_html(file.read(1024)):
                raise OnecAnswerError(
                    f"{self._client.where('NotifyChangesReceived')}: an HTML page; the packet is not acknowledged "
                    "and will come again. Is a log-in page or a proxy in the way?"
                )

    def _options(self, message: int) -> dict[str, str]:
        return {"DataExchangePoint": f"'{self._client.root}/{self._node}'", "MessageNo": str(message)}


def read_feed(file: IO[bytes]) -> Iterator[tuple[str, Row] | Deletion]:
    """Yield what an Atom feed of 1C holds, in bounded memory.

    Raises:
        OnecAnswerError: no feed, or cut.
    """
    try:
        refuse_page(file.read(1024))
        file.seek(0)
        root: Element | None = None
        for event, element in iterparse(file, events=("start", "end")):
            if event == "start":
                root = element if root is None else root
                if root.tag != f"{_ATOM}feed":
                    raise OnecAnswerError("another document instead of a feed of changes")
            elif root is not None and element.tag == f"{_ATOM}entry":
                if change := _entry(element):
                    yield change
                root.clear()
            elif root is not None and element.tag == _DELETED:
                if match := _OBJECT.search(element.get("ref", "")):
                    yield Deletion(match[1], match[2].lower())
                root.clear()
    except (ParseError, DefusedXmlException) as error:
        raise OnecAnswerError("the feed of changes is no XML, or was cut; nothing of it is acknowledged") from error


def _entry(entry: Element) -> tuple[str, Row] | None:
    category = entry.find(f"{_ATOM}category")
    properties = entry.find(f".//{_META}properties")
    if category is None or properties is None:
        raise OnecAnswerError("an entry of the feed without its type or properties")
    return category.get("term", "").removeprefix(NAMESPACE), _row(properties)


def _row(element: Element) -> Row:
    row: Row = {}
    for child in element:
        name = child.tag.rpartition("}")[2]
        if child.get(f"{_META}type", "").startswith("Collection("):
            row[name] = [_row(line) for line in child]
        else:
            row[name] = child.text or ""
    return row
