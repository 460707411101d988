"""Random conversations: people write, are answered, answer back, send photos, react and correct themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from random import Random

from simulators.whatsapp.number import BusinessNumber
from simulators.whatsapp.truth import ReceivedMessage, SentMessage

OPENINGS = (
    "Здравствуйте! Подскажите, пожалуйста, когда будет доставка?",
    "Добрый день. Есть ли в наличии насос на 32 мм?",
    "Доброе утро, пришлите счёт на оплату",
    "Здравствуйте, не могу до вас дозвониться",
    "Hi! Do you ship to Kazakhstan?",
    "Добрый вечер, хочу вернуть товар",
    "Здравствуйте, а где мой заказ №{number}?",
)
ANSWERS = (
    "Спасибо!", "Хорошо, жду", "А сколько это стоит?", "👍", "Можно завтра после обеда?", "Да, верно",
    "Нет, другой адрес", "Перезвоните мне, пожалуйста", "Ок", "Отправьте, пожалуйста, документы на почту",
    "Понял, спасибо 🙏",
)  # fmt: skip
SENDS_OTHER_THAN_TEXT = 0.15
OTHERS = ("image", "image", "image", "audio", "audio", "document", "video", "sticker", "location", "contacts")
CORRECTS = 0.03
REVOKES = 0.01
ANSWERS_BACK = 0.6
REACTS = 0.1
HALF_MINUTE = 30.0


class Load:
    """Conversations at a pace.

    Args:
        number: to which is written.
        messages_per_minute: how many conversations begin, or go on unasked.
        numbers: who writes, E.164; invented if none are given.
        people: how many are invented.
        chance: all that is random.
    """

    def __init__(
        self, number: BusinessNumber, messages_per_minute: float, numbers: Sequence[str], people: int, chance: Random
    ) -> None:
        self._number, self._per_minute, self._chance = number, messages_per_minute, chance
        self._numbers = list(numbers) or [f"+79{chance.randrange(10**8, 10**9)}" for _ in range(people)]

    async def run(self) -> None:
        """Let people write, until cancelled."""
        while True:
            await asyncio.sleep(self._chance.expovariate(self._per_minute / 60))
            opening = self._chance.choice(OPENINGS).format(number=self._chance.randrange(1000, 10000))
            self._write(self._chance.choice(self._numbers), opening)

    def answer(self, message: SentMessage) -> None:
        """Let the recipient of our message answer or react after a while, as not all do."""
        dice = self._chance.random()
        if dice < REACTS:
            content = {"message_id": message.wamid, "emoji": self._chance.choice("👍🙏😀😮")}
            self._later(lambda: self._number.receive("reaction", message.person, content, {}))
        elif dice < REACTS + ANSWERS_BACK:
            self._later(lambda: self._write(message.to, self._chance.choice(ANSWERS)))

    def _write(self, sender: str, text: str) -> None:
        person = self._number.people.find(sender)
        if self._chance.random() < SENDS_OTHER_THAN_TEXT:
            self._number.receive(self._chance.choice(OTHERS), person, None, {})
            return
        message = self._number.receive("text", person, {"body": text}, {})
        dice = self._chance.random()
        if dice < CORRECTS:
            edited = {"original_message_id": message.wamid, "message": {"type": "text", "text": {"body": text + "!"}}}
            self._later(lambda: self._number.receive("edit", person, edited, {}))
        elif dice < CORRECTS + REVOKES:
            revoked = {"original_message_id": message.wamid}
            self._later(lambda: self._number.receive("revoke", person, revoked, {}))

    def _later(self, what: Callable[[], ReceivedMessage | None]) -> None:
        asyncio.get_running_loop().call_later(self._chance.expovariate(1 / HALF_MINUTE), what)
