"""The process of the listener, as `switchboard up` starts it: `python -m pipelines.listener_process`."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from assets.live.listener import Listener
from assets.live.store import EventStore
from assets.usage.figures import note_health, read_health
from pipelines.event_channels import make_servers
from pipelines.settings import Settings, SettingsError, load_settings
from pipelines.switches import reader
from resources.warehouse import Warehouse

if TYPE_CHECKING:
    from dagster import DagsterInstance

HEALTH_SECONDS = 60.0

_log = logging.getLogger(__name__)


def main() -> None:
    """Listen as the settings and the switches say, until SIGTERM."""
    # Of others' lines only warnings: httpx names whole addresses at INFO, and those hold tokens.
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("assets.live").setLevel(logging.INFO)
    try:
        asyncio.run(_run(load_settings()))
    except SettingsError as error:
        # The log is where people look, and they need the words.
        sys.exit(str(error))


async def _run(settings: Settings) -> None:
    from dagster import DagsterInstance

    if settings.database_url is None:
        raise SettingsError("No warehouse is known to the listener: start it with 'switchboard up'.")
    url = make_url(settings.database_url.get_secret_value()).set(drivername="postgresql")
    address = url.render_as_string(hide_password=False)
    with DagsterInstance.get() as instance:
        listener = Listener(
            make_servers(settings),
            reader(settings, instance),
            lambda: EventStore.opened(address, settings.timezone, settings.country, settings.internal_digits),
        )
        noting = asyncio.ensure_future(_note_health(instance, Warehouse(address)))
        running = asyncio.ensure_future(listener.run())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, running.cancel)
        with suppress(asyncio.CancelledError):
            await running
        noting.cancel()
        await asyncio.gather(noting, return_exceptions=True)


async def _note_health(instance: DagsterInstance, warehouse: Warehouse) -> None:
    """Copy how the jobs go for those that do not ask Dagster, as the switches are."""
    while True:
        try:
            health = await asyncio.to_thread(read_health, instance, datetime.now(UTC))
            await asyncio.to_thread(note_health, warehouse, health)
        except SQLAlchemyError as error:
            _log.warning("How the jobs go was not noted (%s).", type(error).__name__)
        await asyncio.sleep(HEALTH_SECONDS)


if __name__ == "__main__":
    main()
