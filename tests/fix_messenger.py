"""A WhatsApp account on a simulated Cloud API, whose webhooks come through a real gateway into a real warehouse."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from assets.messenger.rules import ChatRules, MessengerAccount, Messengers, SendingPace
from assets.messenger.work import Round, send_due, take_in
from gateway.app import make_app
from gateway.config import GatewayConfig, WebhookDoor
from resources.messengers.whatsapp.client import WhatsAppClient
from resources.messengers.whatsapp.webhooks import read_webhook
from resources.warehouse import Warehouse
from simulators.whatsapp.limits import Limits
from simulators.whatsapp.whatsapp import SimulatedWhatsApp
from tests.fix_gateway import PASSWORD, TOKEN
from tests.serving import serving

ACCOUNT = "sales"
FAST = SendingPace(number_per_second=10_000, number_burst=10_000, pair_seconds=0.001, pair_burst=1000)
PATIENCE_SECONDS = 20.0


@dataclass
class MessengerBench:
    """An account with all that belongs to it.

    Attributes:
        warehouse: where all goes.
        whatsapp: the simulated provider.
        messengers: the account, as the settings would describe it.
    """

    warehouse: Warehouse
    whatsapp: SimulatedWhatsApp
    messengers: Messengers
    gateway_url: str = ""
    _keys: list[str] = field(default_factory=list)

    def rows(self, query: str, **values: Any) -> list[Any]:  # noqa: ANN401
        """Ask the warehouse."""
        with self.warehouse.transaction() as connection:
            return [tuple(row) for row in connection.execute(text(query), values)]

    def value(self, query: str, **values: Any) -> Any:  # noqa: ANN401
        """Ask the warehouse for one value."""
        [[value]] = self.rows(query, **values)
        return value

    def execute(self, statement: str, **values: Any) -> None:  # noqa: ANN401
        """Change the warehouse."""
        with self.warehouse.transaction() as connection:
            connection.execute(text(statement), values)

    def taken_in(self) -> None:
        """Wait until the provider has told all, and all of it is in the tables."""
        self.whatsapp.wait_until_told()
        take_in(self.warehouse, self.messengers)

    def write(self, to: str, words: str, **columns: Any) -> int:  # noqa: ANN401
        """Put a text into the outbox for whoever has this number; return its id."""
        values = {"kind": "text", "text": words, "employee_id": "anna", "client_key": str(uuid4())} | columns
        names = ", ".join(values)
        with self.warehouse.transaction() as connection:
            return int(
                connection.execute(
                    text(
                        f"INSERT INTO outbox (account, chat_id, {names}) "  # noqa: S608 - names of columns, in a test
                        "SELECT c.account, c.chat_id, "
                        + ", ".join(f"CAST(:{name} AS {_TYPES.get(name, 'text')})" for name in values)
                        + " FROM chats AS c JOIN messenger_people AS p USING (person_id) WHERE p.number = :number "
                        "RETURNING outbox_id"
                    ),
                    values | {"number": to},
                ).scalar_one()
            )

    def send(self, seconds: float = PATIENCE_SECONDS, *, repairs: bool = False) -> Round:
        """Do one round of sending."""
        until = time.monotonic() + seconds
        rounds = send_due(self.warehouse, self.messengers, lambda: time.monotonic() > until, repairs=repairs)
        return rounds[ACCOUNT]

    def state_of(self, outbox_id: int) -> str:
        """Return how a message of the outbox stands."""
        return str(self.value("SELECT state FROM outbox WHERE outbox_id = :id", id=outbox_id))

    def texts_sent(self) -> list[str]:
        """Return the texts that the provider took, in order."""
        return [message.body["text"]["body"] for message in self.whatsapp.messages if message.kind == "text"]

    def paced(self, **pace: Any) -> None:  # noqa: ANN401
        """Change how fast and patiently is sent."""
        account = self.messengers.accounts[ACCOUNT]
        changed = replace(account, pace=replace(account.pace, **pace))
        self.messengers = replace(self.messengers, accounts={ACCOUNT: changed})


_TYPES = {"client_key": "uuid", "template_values": "text[]", "next_try_at": "timestamptz", "written_at": "timestamptz"}


@pytest.fixture
def make_messenger(
    warehouse: Warehouse, make_whatsapp: Callable[..., SimulatedWhatsApp], tmp_path: Path
) -> Iterator[Callable[..., MessengerBench]]:
    """A function that makes an account: `make_messenger(rules=…, timeout_seconds=…, simulator settings…)`."""
    with ExitStack() as running:

        def make(
            *,
            rules: ChatRules | None = None,
            timeout_seconds: float = 5.0,
            sends_at_once: bool = False,
            pace: SendingPace = FAST,
            works_in_gateway: bool = False,
            **simulator: Any,  # noqa: ANN401
        ) -> MessengerBench:
            whatsapp = make_whatsapp(**({"limits": Limits.none()} | simulator))

            def open_account() -> WhatsAppClient:
                return WhatsAppClient(
                    whatsapp.url,
                    "v25.0",
                    whatsapp.phone_number_id,
                    whatsapp.waba_id,
                    whatsapp.token,
                    timeout_seconds=timeout_seconds,
                )

            messengers = Messengers(
                accounts={ACCOUNT: MessengerAccount(whatsapp.phone_number_id, True, open_account, pace)},
                rules=rules or ChatRules(),
                media_folder=tmp_path / "media",
                sends_at_once=sends_at_once,
                read=read_webhook,
            )
            config = GatewayConfig(
                database_url=warehouse.url.render_as_string(hide_password=False),
                api_token=TOKEN,
                soap_password=PASSWORD,
                agi_port=0,
                messengers=messengers if works_in_gateway else Messengers(),
                webhook_doors={ACCOUNT: WebhookDoor(whatsapp.app_secret, whatsapp.verify_token)},
                answer_seconds=10.0,
            )
            url = running.enter_context(serving(make_app(config), lifespan="on"))
            bench = MessengerBench(warehouse, whatsapp, messengers, url)
            assert whatsapp.verify(f"{url}/webhooks/whatsapp/{ACCOUNT}")
            return bench

        yield make


@pytest.fixture
def messenger(make_messenger: Callable[..., MessengerBench]) -> MessengerBench:
    """An account with one simulated number, no limits, and nobody who works by himself: tests take in and send."""
    return make_messenger()
