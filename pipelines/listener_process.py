"""The process of the listener, as `switchboard up` starts it: `python -m pipelines.listener_process`."""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import suppress

from sqlalchemy import make_url

from assets.live.listener import Listener
from assets.live.store import EventStore
from pipelines.event_channels import make_servers
from pipelines.settings import Settings, SettingsError, load_settings
from pipelines.switches import reader


def main() -> None:
    """Listen as the settings and the switches say, until SIGTERM."""
    # Of others' lines only warnings: httpx names whole addresses at INFO, and those hold tokens.
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("assets.live").setLevel(logging.INFO)
    asyncio.run(_run(load_settings()))


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
        running = asyncio.ensure_future(listener.run())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, running.cancel)
        with suppress(asyncio.CancelledError):
            await running


if __name__ == "__main__":
    main()
