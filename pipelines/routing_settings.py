"""Settings of the routing: how evidence is weighed, calls are answered, a table goes live, and where we serve."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from assets.routing.policy import PHRASES, Interception
from pipelines.systems import Section


class RoutingSettings(Section):
    """How evidence is weighed; see `assets.routing.rules.RoutingRules` for the meaning of each.

    Attributes:
        tracked_interactions_file: which interactions are evidence, YAML; without it answered calls are.
    """

    half_life_days: float = Field(default=90, ge=1)
    shortest_talk_seconds: int = Field(default=10, ge=0)
    longest_talk_seconds: int = Field(default=1800, ge=1)
    shrinkage: float = Field(default=2, gt=0)
    smallest_share: float = Field(default=0.45, ge=0, le=1)
    fewest_interactions: int = Field(default=2, ge=1)
    enough_talk_seconds: int = Field(default=60, ge=0)
    hysteresis: float = Field(default=1.15, ge=1)
    ranks: int = Field(default=6, ge=1, le=20)
    tracked_interactions_file: Path | None = None


class AnswerSettings(Section):
    """How a caller is answered.

    Attributes:
        names: how many employees are offered at most, those available at that moment.
        last_talker_days: for so many days whoever talked last answers, where nobody else is responsible; 0 is never.
        queue_extension: where a call goes that nobody is responsible for; empty leaves it to the PBX.
        interception: whether the responsible's telephone may ring beside the call's normal route: off, crm_attribute
            (only for the employee whom the CRM names), automatic.
        language: of the menu's words, ru or en.
        greeting_known: the menu's first words to a client; {client} is the name.
        greeting_new: the menu's first words to a caller whom nobody knows.
        name: how an employee is offered; {employee} and {extension}.
        ending: the menu's last words.
    """

    names: int = Field(default=3, ge=1, le=20)
    last_talker_days: float = Field(default=30, ge=0)
    queue_extension: str = ""
    interception: Interception = "off"
    language: Literal["ru", "en"] = "ru"
    greeting_known: str | None = None
    greeting_new: str | None = None
    name: str | None = None
    ending: str | None = None

    @property
    def phrases(self) -> dict[str, str]:
        """The menu's words: the language's, where none are set."""
        return {
            key: text if (text := getattr(self, key)) is not None else PHRASES[self.language][key]
            for key in PHRASES[self.language]
        }


class PublicationSettings(Section):
    """When a built routing table goes live, and how long it answers unverified.

    Attributes:
        largest_change: share of the clients with a responsible who may get another one, or none, at once; beyond it
            the former table stays live until somebody approves the new one.
        guarded_from: fewer such clients are not guarded: a share of them says nothing.
        holds_if_worse: hold a table back while the ranking does worse than the last talker would have, on the latest
            days of routing_backtest.
        stale_after_seconds: so long after it was last verified a table answers as stale, counted in hours of the
            schedules' window; without it two intervals of the routing's updates.
        export_folder: where routing_export writes its CSV and JSON; without it <home>/export.
    """

    largest_change: float = Field(default=0.2, ge=0, le=1)
    guarded_from: int = Field(default=50, ge=1)
    holds_if_worse: bool = False
    stale_after_seconds: float | None = Field(default=None, gt=0)
    export_folder: Path | None = None


class GatewaySettings(Section):
    """Where PBXs and other programs ask us.

    Attributes:
        host: address it listens on; loopback, unless told otherwise.
        port: of SOAP and JSON.
        agi_port: of FastAGI; 0 leaves it out.
        api_token: what JSON and FastAGI ask for; where none is set one is made and kept in <home>/gateway.json, mode
            600.
        soap_login: what SOAP asks for.
        soap_password: as api_token.
        trusts_loopback: answer the JSON look-ups of programs on this machine without the token, as MIKO's own daemon
            does.
        tts_service: what a MikoPBX speaks the menu with.
        dictor: its voice.
        tts_api_key: its key, handed to the PBX with each menu; for CRT a JSON object with username, domain_id and
            password.
        public_url: the address at which employees reach it, such as https://card.example.com, where a proxy stands
            before it; links to log in begin with it.
        language: of its pages where the browser has no wish, ru or en.
        crm_url_template: address of a client in the CRM, with {party_id} and {number}; the card links to it.
        frame_ancestors: which sites may show the pages in a frame, as in a Content-Security-Policy.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8070, ge=1, le=65535)
    agi_port: int = Field(default=4573, ge=0, le=65535)
    api_token: SecretStr | None = None
    soap_login: str = "switchboard"
    soap_password: SecretStr | None = None
    trusts_loopback: bool = False
    tts_service: Literal["Yandex", "CRT"] = "Yandex"
    dictor: str = "jane"
    tts_api_key: SecretStr | None = None
    public_url: str = ""
    language: Literal["ru", "en"] = "ru"
    crm_url_template: str = ""
    frame_ancestors: str = "'self'"
