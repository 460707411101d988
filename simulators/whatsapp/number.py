"""The business number: it takes messages in, keeps the truth of them, and puts on their way what is to be told."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from simulators.whatsapp import incoming, templates
from simulators.whatsapp.checks import MEDIA, check
from simulators.whatsapp.clock import Clock
from simulators.whatsapp.errors import GraphError
from simulators.whatsapp.limits import Limits
from simulators.whatsapp.media import MediaShelf
from simulators.whatsapp.people import People, Person
from simulators.whatsapp.statuses import Habits, event_of, orphan
from simulators.whatsapp.truth import ReceivedMessage, SentMessage, StatusEvent, Truth, Update, new_wamid
from simulators.whatsapp.webhooks import Webhooks


class BusinessNumber:
    """One number of one WhatsApp Business Account; all methods are to be called on the loop.

    Attributes:
        habits: what becomes of sent messages by itself; None leaves it to `tell_status`.
        accepted: is told of each accepted message.
    """

    def __init__(
        self,
        *,
        digits: str,
        clock: Clock,
        limits: Limits,
        habits: Habits | None,
        webhooks: Webhooks,
        country_code: int,
        seed: int,
    ) -> None:
        self.digits, self.clock, self.limits, self.habits, self.webhooks = digits, clock, limits, habits, webhooks
        self.people = People(country_code, seed)
        self.media = MediaShelf(clock)
        self.templates = templates.usual_templates()
        self.truth = Truth()
        self.accepted: Callable[[SentMessage], None] | None = None
        self._chance = random.Random(seed)

    def accept(self, body: dict[str, Any]) -> SentMessage:
        """Accept a message to send.

        Raises:
            GraphError: why it is not accepted.
        """
        kind = check(body)
        to = str(body.get("to") or body["recipient"])
        person = self.people.find(to)
        now = self.clock.now()
        if person.wa_id == self.digits:
            raise GraphError(131021)
        content = body[kind]
        if kind == "template":
            templates.check_template(content, self.templates, is_by_number=bool(body.get("to")))
        if kind in MEDIA and "id" in content and content["id"] not in self.media.media:
            raise GraphError(131009, f"{content['id']} is no valid id of a medium.")
        is_open = kind == "template" or self.limits.is_window_open(person.key, now)
        if not is_open and not self.limits.is_window_refused_later:
            raise GraphError(131047)
        self.limits.outgoing(person.key, now)
        wamid = new_wamid(person, self._chance, is_outgoing=True)
        message = SentMessage(wamid, len(self.truth.sent) + 1, person, to, kind, body, now)
        self.truth.sent[wamid] = message
        self._begin(message, is_open=is_open)
        if self.accepted:
            self.accepted(message)
        return message

    def mark_read(self, body: dict[str, Any]) -> None:
        """Take a read receipt of ours.

        Raises:
            GraphError: the message is not known.
        """
        message = self.truth.received.get(str(body.get("message_id")))
        if message is None:
            raise GraphError(131009, "The message_id is not that of a received message.")
        message.is_read = True
        message.is_typing_shown = message.is_typing_shown or "typing_indicator" in body

    def tell_status(
        self, message: SentMessage, status: str, after_seconds: float, error_code: int | None
    ) -> StatusEvent:
        """Give a message a status, and tell it."""
        at = self.clock.now() + after_seconds
        event = event_of(message, status, at, self.habits or Habits(), error_code)
        message.statuses.append(event)
        self.webhooks.tell(event.update, after_seconds)
        return event

    def tell_orphan(self, wamid: str, status: str, person: Person, error_code: int | None) -> None:
        """Tell a status of a message that nobody sent here."""
        self.webhooks.tell(orphan(wamid, status, self.clock.now(), person, error_code))

    def receive(self, kind: str, person: Person, content: Any, extra: dict[str, Any]) -> ReceivedMessage:  # noqa: ANN401
        """Let a person write, and tell it."""
        now = self.clock.now()
        if kind in MEDIA and (content is None or "id" not in content):
            content = self._medium(kind, content or {})
        content = incoming.content_of(kind, content)
        wamid = new_wamid(person, self._chance, is_outgoing=False)
        update = incoming.message_of(kind, person, wamid, now, content, extra)
        message = ReceivedMessage(wamid, person, kind, update, now)
        self.truth.received[wamid] = message
        self.limits.incoming(person.key, now)
        self.webhooks.tell(update)
        return message

    def echo(self, person: Person, text: str) -> Update:
        """Tell what an employee typed to a person in the WhatsApp Business app of the telephone."""
        item = {"from": self.digits, "to": person.shown_wa_id, "to_user_id": person.user_id}
        item |= {"id": new_wamid(person, self._chance, is_outgoing=True), "timestamp": str(int(self.clock.now()))}
        item = {key: value for key, value in item.items() if value}
        echoed = Update(
            "smb_message_echoes", "message_echoes", item | {"type": "text", "text": {"body": text}}, person.contact()
        )
        self.webhooks.tell(echoed)
        return echoed

    def _begin(self, message: SentMessage, *, is_open: bool) -> None:
        if not is_open or not message.person.is_reachable:
            self.tell_status(message, "failed", 0.0, 131026 if is_open else 131047)
        elif self.habits:
            for status, after_seconds in self.habits.course(self._chance):
                self.tell_status(message, status, after_seconds, None)

    def _medium(self, kind: str, given: dict[str, Any]) -> dict[str, Any]:
        given = dict(given)
        data: bytes = given.pop("data", None) or self._chance.randbytes(2_000)
        mime_type = given.pop("mime_type", None) or incoming.MEDIA_TYPES[kind]
        medium = self.media.put(data, mime_type, is_uploaded=False)
        return incoming.media_of(kind, medium.id, data, mime_type, given)
