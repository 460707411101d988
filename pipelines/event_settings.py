"""Settings of the ways in which telephony servers tell of their calls while they happen."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator


class EventChannelSettings(BaseModel):
    """What every event channel has: nothing but its kind; what it does not know is refused."""

    model_config = ConfigDict(extra="forbid")


class LongPollingSettings(EventChannelSettings):
    """A request that the server answers as soon as something happens: Asterisk's HTTP manager, or nchan.

    Attributes:
        url: of the HTTP manager, such as http://pbx.example.com:8088/asterisk on MikoPBX, http://pbx.example.com:8088
            elsewhere; of nchan the server's own address.
        via: manager, or nchan where a module of MikoPBX publishes `pbx-events`.
        login: of a manager user who may read call events.
        secret: of that user; of nchan the token.
        format: in which the HTTP manager answers.
        ca_file: certificate of the authority that signed the server's, where the system does not know it.
        verify_tls: whether to insist on a valid certificate.
    """

    kind: Literal["long_polling"]
    url: str
    via: Literal["manager", "nchan"] = "manager"
    login: str = ""
    secret: SecretStr
    format: Literal["rawman", "mxml"] = "rawman"
    ca_file: str = ""
    verify_tls: bool = True

    @model_validator(mode="after")
    def _login_of_manager(self) -> LongPollingSettings:
        if self.via == "manager" and not self.login:
            raise ValueError("the HTTP manager needs a login")
        return self


class AmiSettings(EventChannelSettings):
    """Asterisk's manager interface over TCP, on MikoPBX with its `CdrConnector` events.

    Attributes:
        host: of the server.
        port: of its manager interface.
        login: of a manager user who may read call events.
        secret: of that user.
        stream: channels are Asterisk's own events, cdr_connector MikoPBX's; auto takes the latter where they come.
        tls: whether the port speaks TLS.
        ca_file: certificate of the authority that signed the server's, where the system does not know it.
    """

    kind: Literal["ami"]
    host: str
    port: int = Field(default=5038, ge=1, le=65535)
    login: str
    secret: SecretStr
    stream: Literal["auto", "channels", "cdr_connector"] = "auto"
    tls: bool = False
    ca_file: str = ""


class PollingSettings(EventChannelSettings):
    """MikoPBX asked again and again for its active calls; with the address and key of the source.

    Attributes:
        interval_seconds: between questions; each counts against the server's 180 requests a minute.
    """

    kind: Literal["polling"]
    interval_seconds: float = Field(default=2.0, ge=0.5, le=30)


class WebhookSettings(EventChannelSettings):
    """The server, or a program beside it, calls the gateway: /v1/events/NAME, or SOAP `call_event`."""

    kind: Literal["webhook"]


AnyEventChannel = Annotated[
    LongPollingSettings | AmiSettings | PollingSettings | WebhookSettings, Field(discriminator="kind")
]
