"""By which rules the routing table answers and goes live: what is not scoring."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import time
from typing import Any, Literal

Interception = Literal["off", "crm_attribute", "automatic"]

PHRASES: dict[str, dict[str, str]] = {
    "ru": {
        "greeting_known": "Здравствуйте, {client}!",
        "greeting_new": "Здравствуйте! Вы позвонили в нашу компанию.",
        "name": "{employee}: наберите {extension}.",
        "ending": "Или дождитесь ответа.",
    },
    "en": {
        "greeting_known": "Hello, {client}!",
        "greeting_new": "Hello! Thank you for calling.",
        "name": "For {employee}, dial {extension}.",
        "ending": "Or please hold the line.",
    },
}
"""What the voice menu says where the settings say nothing else: by language."""


@dataclass(frozen=True)
class AnswerPolicy:
    """What an answer is given by, besides the table; it goes live with the table.

    Attributes:
        zone: the business zone.
        names: how many employees are offered at most, those available now.
        last_talker_days: who talked last answers, where nobody else is responsible, for so many days; 0 is never.
        queue_extension: where a call goes that nobody is responsible for; empty leaves it to the PBX.
        interception: whether the responsible's telephone may ring beside the call's normal route: not at all, only
            for the employee whom the CRM names, or for anybody responsible.
        phrases: the menu's words: `greeting_known` with `{client}`, `greeting_new`, `name` with `{employee}` and
            `{extension}`, `ending`.
    """

    zone: str = "Europe/Moscow"
    names: int = 3
    last_talker_days: float = 30
    queue_extension: str = ""
    interception: Interception = "off"
    phrases: dict[str, str] = field(default_factory=lambda: PHRASES["ru"])

    def as_json(self) -> dict[str, Any]:
        """Return it as `published_routing.policy` holds it."""
        return {
            "zone": self.zone,
            "names": self.names,
            "last_talker_days": self.last_talker_days,
            "queue_extension": self.queue_extension or None,
            "interception": self.interception,
            "menu": self.phrases,
        }


@dataclass(frozen=True)
class PublicationRules:
    """When a built table may go live, and how long it answers unverified.

    Attributes:
        largest_change: share of the clients with a responsible who may get another one, or none, at once.
        guarded_from: how many such clients there must be for the share to say anything.
        holds_if_worse: whether a table that does worse than the last talker on the latest days stays back.
        stale_after_seconds: so long after it was last verified a table answers as stale, in time of the window.
        window: first and last hour of the working window, in the business zone.
    """

    largest_change: float = 0.2
    guarded_from: int = 50
    holds_if_worse: bool = False
    stale_after_seconds: float = 1800
    window: tuple[time, time] = (time(8), time(21))
