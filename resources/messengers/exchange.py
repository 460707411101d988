"""What we ask of a messenger's provider: messages to send, files, lists; and how it may answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from resources.messengers.items import Kind, Person, Status


@dataclass(frozen=True)
class TemplateUse:
    """A template with what is filled in.

    Attributes:
        name: the provider's.
        language: its code, such as ru or en_US.
        values: of the body's variables, in their order.
    """

    name: str
    language: str
    values: Sequence[str] = ()


@dataclass(frozen=True)
class Template:
    """A template that the provider lets us use outside the 24 hours.

    Attributes:
        name: the provider's.
        language: its code.
        category: utility, marketing or authentication.
        body: its text, variables as {{1}}.
        variables: how many the body has.
        status: approved, pending, rejected, paused and so on, in lower case.
    """

    name: str
    language: str
    category: str
    body: str
    variables: int
    status: str


@dataclass(frozen=True)
class Outgoing:
    """A message to send.

    Attributes:
        person: to whom; the number is written with its plus, the user id where there is no number.
        kind: text, template, or a kind of file.
        text: the body, or a file's caption.
        template: which, where the kind is template.
        media_id: of a file given to the provider before.
        file_name: of a document.
        reply_to_id: of the message that it answers.
    """

    person: Person
    kind: Kind
    text: str = ""
    template: TemplateUse | None = None
    media_id: str = ""
    file_name: str = ""
    reply_to_id: str = ""


@dataclass(frozen=True)
class Accepted:
    """The provider took a message; that it was delivered is another matter.

    Attributes:
        message_id: the provider's, by which its statuses come.
        wa_id: of the recipient, as the provider corrected it; '' where it did not say.
    """

    message_id: str
    wa_id: str = ""


class RefusalClass(StrEnum):
    """What to do about a message that the provider refused."""

    RETRY = "retry"
    """Something is wrong over there: again later, a bounded number of times."""
    SLOW_NUMBER = "slow_number"
    """Our number sends too fast: nothing of it for some seconds."""
    SLOW_PAIR = "slow_pair"
    """This person gets too much: nothing to them for 4^X seconds."""
    SLOW_ACCOUNT = "slow_account"
    """The limit of calls is used up: nothing for minutes."""
    NEEDS_TEMPLATE = "needs_template"
    """The 24 hours are over: only a template can be sent."""
    STOP = "stop"
    """Nothing will be taken until somebody mends it: key, rights, payment, a locked account."""
    STOP_FOR_HOURS = "stop_for_hours"
    """The provider takes us for a nuisance: nothing for hours."""
    PERMANENT = "permanent"
    """This message will never be taken."""


class MessengerError(Exception):
    """The provider could not be used; the text says what happened and what to do, without secrets or numbers."""


class NotSentError(MessengerError):
    """The request never left: sending again is harmless."""


class OutcomeUnknownError(MessengerError):
    """The request left, and no answer came: the message may have been sent. It must not be repeated blindly."""


class RefusedError(MessengerError):
    """The provider answered that it does not take the message.

    Attributes:
        refusal: what to do about it.
        code: the provider's; None where it sent none.
        wait_seconds: how long the provider asks us to wait, where it does.
    """

    def __init__(
        self, text: str, refusal: RefusalClass, code: int | None = None, wait_seconds: float | None = None
    ) -> None:
        super().__init__(text)
        self.refusal = refusal
        self.code = code
        self.wait_seconds = wait_seconds


@dataclass(frozen=True)
class Delivery:
    """A message that the provider lists as taken, and what it knows became of it.

    Attributes:
        message_id: the provider's.
        statuses: each with its time, as `Status` has it.
    """

    message_id: str
    statuses: Sequence[Status] = ()


@dataclass(frozen=True)
class Fetched:
    """A file of a message that was written to disk.

    Attributes:
        sha256: of the bytes, hexadecimal.
        size_bytes: how many.
        mime_type: as the provider said.
    """

    sha256: str
    size_bytes: int
    mime_type: str


class MediaGoneError(MessengerError):
    """The provider has the file no more, or what it gives is not what was sent; asking again does not help."""
