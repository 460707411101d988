"""Listening to servers: connect, take in what lives, follow; after a break anew, with the gap written down."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

import psycopg

from assets.live.store import EventStore
from resources.telephony.live.event import EventChannel, EventChannelError

FIRST_PATIENCE_SECONDS = 0.2
LONGEST_PATIENCE_SECONDS = 15.0
PATIENCE_AFTER_REFUSAL_SECONDS = 60.0
"""A wrong password will not be right in a moment, and PBXs block addresses that try too often."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Listened:
    """A server that can be listened to.

    Attributes:
        name: of its channel, as it is shown: long_polling, ami, polling.
        channel: how.
    """

    name: str
    channel: EventChannel


async def listen(pbx_id: str, server: Listened, store: EventStore) -> None:
    """Listen to one server until cancelled; however often it is lost, it is listened to again.

    Raises:
        psycopg.Error: the warehouse does not take what was heard.
    """
    failures = 0
    while True:
        try:
            async with server.channel.listen() as listening:
                await store.connected(pbx_id, server.name, listening.snapshot)
                _log.info("Listening to %s by %s", pbx_id, server.name)
                while True:
                    events = await listening.next()
                    await store.heard(pbx_id, server.name, events)
                    failures = 0
        except psycopg.Error:
            raise
        except Exception as error:
            failures += 1
            patience = _patience(failures, error)
            if isinstance(error, EventChannelError):
                words = str(error)
                _log.warning("%s is not heard: %s Trying again in %.1f s.", pbx_id, words, patience)
            else:
                words = f"A fault of ours ({type(error).__name__}); the listener's log has it."
                _log.exception("Listening to %s failed", pbx_id)
            await store.lost(pbx_id, server.name, words)
        await asyncio.sleep(patience)


def _patience(failures: int, error: Exception) -> float:
    if isinstance(error, EventChannelError) and error.is_permanent:
        return PATIENCE_AFTER_REFUSAL_SECONDS
    return min(FIRST_PATIENCE_SECONDS * 2.0 ** min(failures - 1, 10), LONGEST_PATIENCE_SECONDS)
