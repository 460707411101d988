"""The simulated Cloud API as one object: it listens, tells and fails in a thread of its own, at the caller's word."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any

import phonenumbers

from simulators.threaded import PATIENCE_SECONDS
from simulators.whatsapp import incoming
from simulators.whatsapp.clock import Clock
from simulators.whatsapp.control import Control
from simulators.whatsapp.faults import Faults
from simulators.whatsapp.graph import Graph
from simulators.whatsapp.limits import Limits
from simulators.whatsapp.load import Load
from simulators.whatsapp.number import BusinessNumber
from simulators.whatsapp.people import Person
from simulators.whatsapp.serving import ServedInThread
from simulators.whatsapp.statuses import Habits
from simulators.whatsapp.truth import ReceivedMessage, SentMessage, StatusEvent, Update
from simulators.whatsapp.webhooks import Chaos, Post, Retries, Webhooks


class SimulatedWhatsApp(ServedInThread):
    """A simulated Cloud API with one business number; use it as a context manager, or `start` and `stop`.

    All methods may be called from any thread; each returns when it is done. `faults`, `limits`, `habits`
    and `token` may be changed at any time. Nothing is told until `verify` succeeded at `webhook_url`; it
    waits till then.

    Args:
        host: where it listens.
        port: 0 takes a free one.
        number: the business number, E.164.
        phone_number_id: its id, as in paths.
        waba_id: of the WhatsApp Business Account.
        token: what requests bear.
        app_secret: by which webhooks are signed.
        verify_token: by which the subscriber is asked to prove itself.
        webhook_url: of the subscriber.
        limits: throughput, pace and window; Meta's unless given, `Limits.none()` for none.
        habits: what becomes of sent messages by itself; None leaves all to `deliver_statuses`.
        retries: how webhooks are repeated.
        parallel: posts at once; with one, updates come in their order unless chaos has it otherwise.
        batch: most updates in a post; they gather while posts are on their way.
        seed: of everything that is left to chance.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        number: str = "+74951230001",
        phone_number_id: str = "106540352242922",
        waba_id: str = "102290129340398",
        token: str = "simulated-token",  # noqa: S107 - of a stand-in
        app_secret: str = "simulated-app-secret",  # noqa: S107
        verify_token: str = "simulated-verify-token",  # noqa: S107
        webhook_url: str = "",
        limits: Limits | None = None,
        habits: Habits | None = Habits(),  # noqa: B008 - it is copied
        retries: Retries | None = None,
        parallel: int = 1,
        batch: int = 1,
        seed: int = 1,
    ) -> None:
        super().__init__(host, port, "simulated-whatsapp")
        self.phone_number_id, self.waba_id = phone_number_id, waba_id
        self.faults = Faults(seed)
        digits = number.lstrip("+")
        self._webhooks = Webhooks(
            waba_id=waba_id,
            metadata={"display_phone_number": digits, "phone_number_id": phone_number_id},
            app_secret=app_secret,
            verify_token=verify_token,
            faults=self.faults,
            retries=retries or Retries(),
            parallel=parallel,
            batch=batch,
        )
        self._webhooks.url = webhook_url
        self.number = BusinessNumber(
            digits=digits,
            clock=Clock(),
            limits=limits or Limits(),
            habits=Habits(**vars(habits)) if habits else None,
            webhooks=self._webhooks,
            country_code=phonenumbers.parse(number).country_code or 0,
            seed=seed,
        )
        self.graph = Graph(
            self.number,
            phone_number_id=phone_number_id,
            waba_id=waba_id,
            token=token,
            faults=self.faults,
            cut=self.reset,
            base_url=lambda: self.url,
            control=Control(self),
        )

    @property
    def app(self) -> Graph:
        """Graph: `{url}/v25.0/{phone_number_id}/messages`."""
        return self.graph

    @property
    def webhook_url(self) -> str:
        """Where webhooks are posted; setting another asks for `verify` again."""
        return self._webhooks.url

    @webhook_url.setter
    def webhook_url(self, url: str) -> None:
        self._webhooks.url, self._webhooks.is_verified = url, False

    @property
    def app_secret(self) -> str:
        """By which webhooks are signed."""
        return self._webhooks.app_secret

    @property
    def verify_token(self) -> str:
        """By which the subscriber is asked to prove itself."""
        return self._webhooks.verify_token

    @property
    def token(self) -> str:
        """What requests must bear; setting another lets the old one expire."""
        return self.graph.token

    @token.setter
    def token(self, token: str) -> None:
        self.graph.token = token

    @property
    def messages(self) -> list[SentMessage]:
        """What we were asked to send and it accepted, each once, in order."""
        return self._run(lambda: list(self.number.truth.sent.values()))

    @property
    def received(self) -> list[ReceivedMessage]:
        """What people wrote, in order."""
        return self._run(lambda: list(self.number.truth.received.values()))

    @property
    def posts(self) -> list[Post]:
        """All attempts to tell something that left it, with bytes, signature and HTTP status."""
        return self._run(lambda: list(self._webhooks.posts))

    @property
    def backlog(self) -> int:
        """How many posts wait or are on their way, those of statuses to come included."""
        return self._webhooks.backlog

    @property
    def batch(self) -> int:
        """Most updates in a post."""
        return self._webhooks.batch

    @batch.setter
    def batch(self, batch: int) -> None:
        self._webhooks.batch = batch

    @property
    def is_verified(self) -> bool:
        """Whether the subscriber proved itself."""
        return self._webhooks.is_verified

    @property
    def limits(self) -> Limits:
        """Throughput, pace and window."""
        return self.number.limits

    @property
    def habits(self) -> Habits | None:
        """What becomes of sent messages by itself."""
        return self.number.habits

    @habits.setter
    def habits(self, habits: Habits | None) -> None:
        self.number.habits = habits

    @property
    def templates(self) -> list[dict[str, Any]]:
        """The message templates, to be changed at will."""
        return self.number.templates

    def start(self) -> None:
        """Listen, and tell."""
        super().start()
        self._start(self._webhooks.run())

    def verify(self, webhook_url: str | None = None, token: str | None = None) -> bool:
        """Ask the subscriber to prove itself, as when it is entered at Meta; return whether it did.

        Args:
            webhook_url: of the subscriber, if it changes.
            token: another than the right one.
        """
        if webhook_url is not None:
            self.webhook_url = webhook_url
        return self._await(self.verifying(token))

    async def verifying(self, token: str | None = None) -> bool:
        """Do the same, on the loop."""
        return await self._webhooks.verify(token)

    def person(self, who: str) -> Person:
        """Return somebody by number (in any notation), BSUID or `…@lid`.

        `username`, `is_number_hidden` and `is_reachable` may be set.
        """
        return self._run(lambda: self.number.people.find(who))

    def receive_text(self, sender: str, text: str, **extra: Any) -> ReceivedMessage:  # noqa: ANN401
        """Let somebody write a text; `extra` is put into the message: `context`, `referral`."""
        return self.receive("text", sender, {"body": text}, **extra)

    def receive_texts(self, texts: Iterable[tuple[str, str]]) -> list[ReceivedMessage]:
        """Let people write all at once: sender and text of each."""
        return self._run(lambda: [self.receive_text(sender, text) for sender, text in texts])

    def receive(self, kind: str, sender: str, content: Any = None, **extra: Any) -> ReceivedMessage:  # noqa: ANN401
        """Let somebody send a message of any type.

        Args:
            kind: text, image, video, audio, document, sticker, location, contacts, interactive, button, reaction,
                order, edit, revoke, unsupported, unknown, or any other whose content is given.
            sender: number, BSUID or `…@lid`.
            content: put over the usual content. Of media it may hold `data` (bytes) and `mime_type`.
            extra: put into the message: `context`, `referral`, unknown fields.
        """
        return self._run(lambda: self.number.receive(kind, self.number.people.find(sender), content, extra))

    def edit(self, message: ReceivedMessage, text: str) -> ReceivedMessage:
        """Let somebody edit the text or the caption of their message."""
        content = message.update.item[message.kind] | {"body" if message.kind == "text" else "caption": text}
        edited = {"original_message_id": message.wamid, "message": {"type": message.kind, message.kind: content}}
        return self._run(lambda: self.number.receive("edit", message.person, edited, {}))

    def revoke(self, message: ReceivedMessage) -> ReceivedMessage:
        """Let somebody delete their message."""
        return self._run(
            lambda: self.number.receive("revoke", message.person, {"original_message_id": message.wamid}, {})
        )

    def react(self, message: SentMessage | ReceivedMessage, emoji: str | None, sender: str = "") -> ReceivedMessage:
        """Let somebody react; an empty emoji takes the reaction back, and so does None: without the field."""
        person = self.person(sender) if sender else message.person
        content = {"message_id": message.wamid, "emoji": emoji}
        return self._run(lambda: self.number.receive("reaction", person, content, {}))

    def change_number(self, sender: str, number: str) -> ReceivedMessage:
        """Let somebody change their number, and with it their BSUID."""

        def change() -> ReceivedMessage:
            before = self.number.people.find(sender)
            now = self.number.people.change_number(before, number)
            return self.number.receive("system", before, incoming.changed_number(before, now), {})

        return self._run(change)

    def echo(self, recipient: str, text: str) -> Update:
        """Let an employee write from the WhatsApp Business app of the telephone (`smb_message_echoes`)."""
        return self._run(lambda: self.number.echo(self.number.people.find(recipient), text))

    def tell(self, key: str, item: dict[str, Any], field: str = "messages") -> Update:
        """Tell anything, well formed or not; it is not part of the truth."""
        update = Update(field, key, item)
        self._run(lambda: self._webhooks.tell(update))
        return update

    def deliver_statuses(
        self, message: SentMessage | str, *statuses: str, error_code: int | None = None, recipient: str = "+79160000000"
    ) -> list[StatusEvent]:
        """Give a message statuses now, in this order, whatever it had before.

        Args:
            message: it, or a wamid, even of a message that was never sent here.
            statuses: sent, delivered, read, played, failed.
            error_code: of `failed`.
            recipient: of a message that was never sent here.
        """

        def deliver() -> list[StatusEvent]:
            known = self.number.truth.sent.get(message) if isinstance(message, str) else message
            if known:
                return [self.number.tell_status(known, status, 0.0, error_code) for status in statuses]
            for status in statuses:
                self.number.tell_orphan(str(message), status, self.number.people.find(recipient), error_code)
            return []

        return self._run(deliver)

    def chaos(
        self,
        *,
        loss: float = 0.0,
        duplicate: float = 0.0,
        delay_seconds: float = 0.0,
        shuffle_seconds: float = 0.0,
        batch: int = 1,
        for_good: bool = False,
        seed: int = 1,
    ) -> None:
        """Let webhooks be lost (and repeated, unless `for_good`), doubled, late, shuffled; bare, no longer.

        See `Chaos`; what is already on its way keeps its time.
        """
        chance = random.Random(seed)
        chaos = Chaos(loss, duplicate, delay_seconds, shuffle_seconds, batch, for_good, chance)
        self._run(lambda: setattr(self._webhooks, "chaos", chaos))

    def post_again(self, how_many: int) -> int:
        """Post the last so many acknowledged bodies once more, byte for byte; return how many there were."""
        return self._run(lambda: self._webhooks.post_again(how_many))

    def advance(self, seconds: float) -> None:
        """Put the clock forward: windows close, media and their addresses end, pace recovers."""
        self._run(lambda: self.number.clock.advance(seconds))

    def open_window(self, who: str) -> None:
        """Open the 24-hour window without a message, as a call does."""
        self._run(lambda: self.limits.open_window(self.number.people.find(who).key, self.number.clock.now()))

    def start_load(
        self, messages_per_minute: float, *, numbers: Sequence[str] = (), people: int = 30, seed: int = 1
    ) -> None:
        """Let invented people write and answer, until it stops; see `Load`."""
        load = Load(self.number, messages_per_minute, numbers, people, random.Random(seed))
        self.number.accepted = load.answer
        self._start(load.run())

    def wait_until_told(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until nothing is left to tell.

        Raises:
            TimeoutError: something still is.
        """
        self.wait_for(lambda: not self.backlog, seconds)
