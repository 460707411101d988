"""What a gateway must know to start; secrets come in through it and are never shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from assets.messenger.rules import Messengers
from resources.telephony.recordings import RecordingShelf


@dataclass(frozen=True)
class WebhookDoor:
    """How a messenger's provider proves itself, and we to it.

    Attributes:
        app_secret: by which it signs.
        verify_token: what it says when the address is registered.
    """

    app_secret: str = field(repr=False)
    verify_token: str = field(repr=False)


@dataclass(frozen=True)
class GatewayConfig:
    """Where a gateway listens, what it asks for, and how it reads numbers.

    Attributes:
        database_url: the warehouse, any `postgresql://` form.
        api_token: what JSON and FastAGI ask for.
        soap_password: what SOAP asks for, with `soap_login`.
        soap_login: see `soap_password`.
        host: address to listen on.
        port: of HTTP.
        agi_port: of FastAGI; 0 leaves it out.
        region: ISO country of numbers without a country code.
        internal_digits: longest number that is an internal one.
        trusts_loopback: whether look-ups from this machine need no token.
        tts_service: what the PBX speaks the menu with, `Yandex` or `CRT`.
        dictor: its voice.
        tts_api_key: its key, handed on to the PBX; for CRT a JSON object with `username`, `domain_id`, `password`.
        connections: connections to the database, at most.
        zone: the business zone, IANA.
        pbxs: names of the telephony servers in the settings: whose events are taken.
        webhook_pbx: the one of them whose events come by SOAP; empty where there is none, or more than one.
        language: of the pages and of their words.
        crm_url_template: address of a client in the CRM, with `{party_id}` and `{number}`; empty leaves the link out.
        frame_ancestors: which sites may show our pages in a frame, as in a Content-Security-Policy.
        messengers: the accounts at messengers, and how their chats are handled.
        webhook_doors: by account: how its webhooks are proven.
        recording_shelves: by telephony server: where its recordings are played from.
        answer_seconds: how long a look-up may take; the PBX waits five seconds and then goes its failover way.
    """

    database_url: str = field(repr=False)
    api_token: str = field(repr=False)
    soap_password: str = field(repr=False)
    soap_login: str = "switchboard"
    host: str = "127.0.0.1"
    port: int = 8070
    agi_port: int = 4573
    region: str = "RU"
    internal_digits: int = 4
    trusts_loopback: bool = False
    tts_service: str = "Yandex"
    dictor: str = "jane"
    tts_api_key: str = field(default="", repr=False)
    zone: str = "Europe/Moscow"
    pbxs: tuple[str, ...] = ()
    webhook_pbx: str = ""
    language: Literal["ru", "en"] = "ru"
    crm_url_template: str = ""
    frame_ancestors: str = "'self'"
    messengers: Messengers = field(default_factory=Messengers)
    webhook_doors: Mapping[str, WebhookDoor] = field(default_factory=dict)
    recording_shelves: Mapping[str, RecordingShelf] = field(default_factory=dict, repr=False)
    connections: int = 8
    answer_seconds: float = 1.0
