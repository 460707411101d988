"""A sender in a process of its own, for tests that kill it: `python -m tests.sending_process`.

It reads what it needs from the environment, and sends what is due again and again until it is killed.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from assets.messenger.rules import MessengerAccount, Messengers, SendingPace
from assets.messenger.work import send_due
from resources.messengers.whatsapp.client import WhatsAppClient
from resources.warehouse import Warehouse


def main() -> None:
    """Send until killed."""
    url, number_id, waba_id, token = os.environ["STORM_PROVIDER"].split(" ")
    pace = SendingPace(
        number_per_second=100_000,
        number_burst=100_000,
        pair_seconds=0.001,
        pair_burst=1000,
        lease_seconds=1.5,
        settle_after_seconds=1.0,
    )

    def connect() -> WhatsAppClient:
        return WhatsAppClient(url, "v25.0", number_id, waba_id, token, timeout_seconds=1.0)

    messengers = Messengers(
        accounts={"sales": MessengerAccount(number_id, True, connect, pace)}, media_folder=Path("unused")
    )
    warehouse = Warehouse(os.environ["STORM_DATABASE"])
    while True:
        send_due(warehouse, messengers, lambda: False)
        time.sleep(0.05)


if __name__ == "__main__":
    main()
