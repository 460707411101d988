"""What taking messages in and sending them must know: accounts, to whom a chat is offered, and how fast may be sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from resources.messengers.exchange import Accepted, Delivery, Fetched, Outgoing, Template
from resources.messengers.items import Item


class Messenger(Protocol):
    """One of our numbers at a provider, as the work with messages uses it. Safe to use from several threads."""

    def send(self, outgoing: Outgoing, attempt_id: str) -> Accepted:
        """Ask the provider once to send a message.

        Raises:
            NotSentError: the request never left.
            OutcomeUnknownError: it left, and nobody knows what became of it.
            RefusedError: the provider does not take it.
        """

    def upload_media(self, path: Path, mime_type: str, file_name: str) -> str:
        """Give the provider a file; return its id. Raises as `send`."""

    def taken_between(self, from_at: datetime, until_at: datetime) -> Iterable[Delivery]:
        """Return what the provider took in a time, each a `Delivery`."""

    def templates(self) -> Sequence[Template]:
        """Return the templates that the provider lists."""

    def fetch_media(self, media_id: str, folder: Path, largest_bytes: int) -> Fetched:
        """Write a file of a message into a folder, under the hash of its bytes."""


@dataclass(frozen=True)
class ChatRule:
    """To whom a chat in the queue is offered, where a message fits.

    Attributes:
        name: for people.
        account: of which account; '' is any.
        keywords: one of them must occur in a message, in whatever case; none at all fits any message.
        employees: to whom, by their ids.
        departments: to everybody in them. With neither employees nor departments it is offered to everybody.
    """

    name: str
    account: str = ""
    keywords: Sequence[str] = ()
    employees: Sequence[str] = ()
    departments: Sequence[str] = ()


@dataclass(frozen=True)
class ChatRules:
    """How chats find who answers them.

    Attributes:
        rules: from the top down the first that fits counts, of those with somebody who is there.
        returns_to_owner: whether a closed chat in which the client writes again goes to whoever answered it.
        zone: the business zone, IANA.
    """

    rules: Sequence[ChatRule] = ()
    returns_to_owner: bool = True
    zone: str = "Europe/Moscow"


@dataclass(frozen=True)
class SendingPace:
    """How fast and how patiently is sent; the defaults keep below WhatsApp's limits (protocol page A7).

    Attributes:
        number_per_second: of an account. WhatsApp counts 80, incoming ones too.
        number_burst: at once, after a rest.
        pair_seconds: between messages to one person, on average. WhatsApp lends up to 45 within six seconds, and
            then takes the time back.
        pair_burst: at once to one person, after a rest.
        parallel: requests at a time.
        most_tries: refusals of a message, after which it is given up.
        lease_seconds: within which a request must have ended. Longer than the client waits for an answer.
        settle_after_seconds: after which an unknown outcome is looked up in the provider's list; a status may tell it
            before, and a list may lag.
        resends_what_was_not_taken: whether a message whose request was lost is sent again once the provider's own list
            shows that it was not taken; else somebody decides.
    """

    number_per_second: float = 40.0
    number_burst: float = 40.0
    pair_seconds: float = 6.0
    pair_burst: float = 10.0
    parallel: int = 8
    most_tries: int = 6
    lease_seconds: float = 60.0
    settle_after_seconds: float = 120.0
    resends_what_was_not_taken: bool = True


@dataclass(frozen=True)
class MessengerAccount:
    """One of our numbers at a provider.

    Attributes:
        number_id: by which the provider's webhooks name it.
        sends: whether we may send by it.
        open: connects to it.
        pace: how fast is sent.
    """

    number_id: str
    sends: bool
    open: Callable[[], AbstractContextManager[Messenger]]
    pace: SendingPace = field(default_factory=SendingPace)


@dataclass(frozen=True)
class Messengers:
    """All of it, as the settings describe it.

    Attributes:
        accounts: by name.
        rules: how chats find who answers them.
        media_folder: where files are kept, by their hash.
        largest_media_bytes: larger files are not fetched.
        sends_at_once: whether the gateway sends what is written at once, without waiting for the sensor.
        read: reads a webhook into its parts, each with the provider's id of our number that it is of.
    """

    accounts: Mapping[str, MessengerAccount] = field(default_factory=dict)
    rules: ChatRules = field(default_factory=ChatRules)
    media_folder: Path = Path("media")
    largest_media_bytes: int = 100 * 1024 * 1024
    sends_at_once: bool = False
    read: Callable[[bytes], Sequence[tuple[str, Item]]] = field(default=lambda _body: ())
