"""Settings of the messengers: our numbers at them, who is offered a chat, and how files are kept."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, SecretStr, field_validator

from assets.messenger.rules import ChatRule, ChatRules, MessengerAccount, Messengers, SendingPace
from pipelines.systems import Section

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from resources.messengers.items import Item
    from resources.messengers.whatsapp.client import WhatsAppClient


class WhatsAppSettings(Section):
    """A number of ours at WhatsApp, by Meta's Cloud API.

    Attributes:
        phone_number_id: of our number, as Meta's app dashboard shows it.
        waba_id: of the WhatsApp Business account.
        token: of a system user with the rights whatsapp_business_messaging and whatsapp_business_management.
        app_secret: by which Meta signs its webhooks.
        verify_token: any secret of yours; it is typed into Meta's dashboard beside the address
            /webhooks/whatsapp/NAME of the gateway.
        write_enabled: whether messages may be sent. Without it they are received, and wait.
        url: of the API.
        version: of the API; Meta ends each about two years after it came.
        timeout_seconds: for one request.
        ca_file: certificate of the authority that signed the server's, where the system does not know it.
        number_per_second: messages sent on average. WhatsApp counts 80, incoming ones too; 20 where the telephone's app
            is used beside it.
        pair_seconds: between two messages to one person, on average.
        pair_burst: messages to one person at once, after a rest.
        resend_lost: send a message again whose request was lost, once WhatsApp's own list shows that it was not taken;
            else somebody decides.
    """

    kind: Literal["whatsapp"]
    phone_number_id: str = Field(min_length=1)
    waba_id: str = Field(min_length=1)
    token: SecretStr
    app_secret: SecretStr
    verify_token: SecretStr
    write_enabled: bool = False
    url: str = "https://graph.facebook.com"
    version: str = Field(default="v25.0", pattern=r"^v\d+\.\d+$")
    timeout_seconds: float = Field(default=10.0, gt=0, le=30)
    ca_file: str = ""
    number_per_second: float = Field(default=40.0, gt=0, le=1000)
    pair_seconds: float = Field(default=6.0, gt=0)
    pair_burst: float = Field(default=10.0, ge=1, le=45)
    resend_lost: bool = True


class ChatRuleSettings(Section):
    """To whom a chat in the queue is offered, where a message fits; `[[messenger.rules]]`, from the top down.

    Attributes:
        name: for people.
        account: of which account; any, where empty.
        keywords: one of them must occur in the message, in whatever case; none fits any message.
        employees: to whom, by employee_id.
        departments: to everybody in them; with neither employees nor departments to everybody.
    """

    name: str = Field(min_length=1)
    account: str = ""
    keywords: tuple[str, ...] = ()
    employees: tuple[str, ...] = ()
    departments: tuple[str, ...] = ()


class MessengerSettings(Section):
    """How chats are handled, whatever the messenger.

    Attributes:
        sends_at_once: the gateway sends what is written at once, in the working window and while the sensor
            messenger_sync is on; else that sensor sends it at its next look.
        returns_to_owner: a closed chat in which the client writes again goes to whoever answered it, if they are there.
        rules: to whom a chat in the queue is offered; the first that fits and has somebody who is there.
        media_folder: where files are kept; without it <home>/media.
        largest_media_megabytes: larger files are not fetched.
    """

    sends_at_once: bool = False
    returns_to_owner: bool = True
    rules: tuple[ChatRuleSettings, ...] = ()
    media_folder: Path | None = None
    largest_media_megabytes: int = Field(default=100, ge=1)

    @field_validator("rules")
    @classmethod
    def _different_names(cls, value: tuple[ChatRuleSettings, ...]) -> tuple[ChatRuleSettings, ...]:
        names = [rule.name for rule in value]
        if len(set(names)) < len(names):
            raise ValueError("two rules have the same name")
        return value


def make_messengers(
    accounts: Mapping[str, WhatsAppSettings], given: MessengerSettings, home: Path, zone: str
) -> Messengers:
    """Return the messengers as the work with them takes them; nothing is opened yet."""
    return Messengers(
        accounts={
            name: MessengerAccount(
                number_id=account.phone_number_id,
                sends=account.write_enabled,
                open=partial(open_whatsapp, account),
                pace=SendingPace(
                    number_per_second=account.number_per_second,
                    number_burst=account.number_per_second,
                    pair_seconds=account.pair_seconds,
                    pair_burst=account.pair_burst,
                    # A request and the upload of its file, and a second to write down what came of them.
                    lease_seconds=2 * account.timeout_seconds + 40,
                    resends_what_was_not_taken=account.resend_lost,
                ),
            )
            for name, account in accounts.items()
        },
        rules=ChatRules(
            rules=[ChatRule(**rule.model_dump()) for rule in given.rules],
            returns_to_owner=given.returns_to_owner,
            zone=zone,
        ),
        media_folder=given.media_folder or home.resolve() / "media",
        largest_media_bytes=given.largest_media_megabytes * 1024 * 1024,
        sends_at_once=given.sends_at_once,
        read=_read,
    )


def open_whatsapp(account: WhatsAppSettings) -> WhatsAppClient:
    """Return the client of a number."""
    from resources.messengers.whatsapp.client import WhatsAppClient

    return WhatsAppClient(
        account.url,
        account.version,
        account.phone_number_id,
        account.waba_id,
        account.token.get_secret_value(),
        timeout_seconds=account.timeout_seconds,
        ca_file=account.ca_file,
    )


def _read(body: bytes) -> Sequence[tuple[str, Item]]:
    # What reads numbers is loaded where something is read: the code location has no need of it.
    from resources.messengers.whatsapp.webhooks import read_webhook

    return read_webhook(body)
