"""The gateway as a service, and the secrets it asks for."""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

from gateway.config import GatewayConfig, WebhookDoor
from pipelines.messenger_settings import make_messengers
from pipelines.recordings import recording_shelf
from pipelines.services.service import Service, answers_http
from pipelines.settings import Settings, SettingsError
from pipelines.switches import CALL_EVENTS_OTHER, channels_by_switch

SECRETS_FILE = "gateway.json"


def gateway_service(settings: Settings, checkout: Path, environment: Mapping[str, str]) -> Service:
    """Return the gateway as a service.

    Args:
        settings: where it listens.
        checkout: the folder with the code.
        environment: what it needs to know besides the settings it reads itself, such as the URL of the warehouse.
    """
    return Service(
        name="gateway",
        argv=[sys.executable, "-m", "pipelines.gateway_process"],
        environment=environment,
        folder=checkout,
        is_ready=answers_http(f"{gateway_url(settings)}/v1/health"),
    )


def gateway_url(settings: Settings) -> str:
    """Return the address at which this machine reaches the gateway."""
    host, port = settings.gateway.host, settings.gateway.port
    with suppress(ValueError):
        address = ip_address(host)
        if address.is_unspecified:
            host = "127.0.0.1" if address.version == 4 else "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def login_url(settings: Settings, token: str) -> str:
    """Return the address that logs an employee in by a link's token."""
    address = settings.gateway.public_url.rstrip("/") or gateway_url(settings)
    return f"{address}/login?link={token}"


def gateway_config(settings: Settings) -> GatewayConfig:
    """Return what the gateway must know; secrets that are not set are made once and kept in the data folder.

    Raises:
        SettingsError: no warehouse is known, or others may read the file with the secrets.
    """
    if settings.database_url is None:
        raise SettingsError("No warehouse is known to the gateway: start it with 'switchboard up'.")
    given = settings.gateway
    made = _made_secrets(settings.home)
    webhooks = [name for name, kind in channels_by_switch(settings)[CALL_EVENTS_OTHER].items() if kind == "webhook"]
    return GatewayConfig(
        database_url=settings.database_url.get_secret_value(),
        api_token=given.api_token.get_secret_value() if given.api_token else made["api_token"],
        soap_password=given.soap_password.get_secret_value() if given.soap_password else made["soap_password"],
        soap_login=given.soap_login,
        host=given.host,
        port=given.port,
        agi_port=given.agi_port,
        region=settings.country,
        internal_digits=settings.internal_digits,
        trusts_loopback=given.trusts_loopback,
        tts_service=given.tts_service,
        dictor=given.dictor,
        tts_api_key=given.tts_api_key.get_secret_value() if given.tts_api_key else "",
        zone=settings.timezone,
        pbxs=tuple(settings.sources),
        webhook_pbx=webhooks[0] if len(webhooks) == 1 else "",
        language=given.language,
        crm_url_template=given.crm_url_template,
        frame_ancestors=given.frame_ancestors,
        messengers=make_messengers(settings.messengers, settings.messenger, settings.home, settings.timezone),
        webhook_doors={
            name: WebhookDoor(account.app_secret.get_secret_value(), account.verify_token.get_secret_value())
            for name, account in settings.messengers.items()
        },
        recording_shelves={
            name: shelf
            for name, source in settings.sources.items()
            if (shelf := recording_shelf(source, settings)) is not None
        },
    )


def _made_secrets(home: Path) -> dict[str, str]:
    file = home / SECRETS_FILE
    home.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        if file.stat().st_mode & 0o077:
            raise SettingsError(f"{file} holds secrets and others may read it: run 'chmod 600 {file}'.") from None
    else:
        made = {"api_token": secrets.token_urlsafe(32), "soap_password": secrets.token_urlsafe(24)}
        with os.fdopen(descriptor, "w", encoding="utf-8") as new:
            json.dump(made, new)
    kept: dict[str, str] = json.loads(file.read_text("utf-8"))
    return kept
