"""Runs a simulated WhatsApp Cloud API: `python -m simulators.whatsapp --help`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from simulators.whatsapp.limits import Limits
from simulators.whatsapp.statuses import Habits
from simulators.whatsapp.whatsapp import SimulatedWhatsApp

SECRETS = ("token", "app_secret", "verify_token")
VERIFY_EVERY_SECONDS = 1.0


def main() -> None:
    """Parse the command line and serve until terminated."""
    asked = _parsed()
    whatsapp = SimulatedWhatsApp(
        host=asked.host,
        port=asked.port,
        number=asked.number,
        phone_number_id=asked.phone_number_id,
        waba_id=asked.waba_id,
        token=os.environ[asked.token_env],
        app_secret=os.environ[asked.app_secret_env],
        verify_token=os.environ[asked.verify_token_env],
        webhook_url=asked.webhook_url or "",
        limits=Limits.none() if asked.no_limits else Limits(),
        habits=Habits(
            sent_seconds=0.5, delivered_seconds=2, read_seconds=20, read_share=0.8, failed_share=0.01, skipped_share=0.1
        ),
        parallel=asked.parallel,
        batch=asked.batch,
        seed=asked.seed,
    )
    is_ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: is_ended.set())
    with whatsapp:
        sys.stdout.write(f"listening on {whatsapp.url}\n")
        sys.stdout.flush()
        if asked.loss or asked.duplicate or asked.shuffle_seconds:
            whatsapp.chaos(
                loss=asked.loss, duplicate=asked.duplicate, shuffle_seconds=asked.shuffle_seconds, seed=asked.seed
            )
        if asked.live:
            numbers = asked.numbers.read_text(encoding="utf-8").split() if asked.numbers else ()
            whatsapp.start_load(asked.live, numbers=numbers, people=asked.people, seed=asked.seed)
        # The subscriber may be started after us.
        while asked.webhook_url and not whatsapp.verify() and not is_ended.wait(VERIFY_EVERY_SECONDS):
            pass
        is_ended.wait()


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="simulators.whatsapp", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="of Graph and /_sim/; 0 takes a free one")
    parser.add_argument("--webhook-url", help="of the subscriber; it is asked to prove itself until it does")
    parser.add_argument("--number", default="+74951230001", help="the business number")
    parser.add_argument("--phone-number-id", default="106540352242922")
    parser.add_argument("--waba-id", default="102290129340398")
    for secret in SECRETS:
        option, usual = f"--{secret.replace('_', '-')}-env", f"SIMULATED_WHATSAPP_{secret.upper()}"
        parser.add_argument(option, default=usual, help=f"variable that holds the {secret.replace('_', ' ')}")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--live", type=float, metavar="MESSAGES_PER_MINUTE", help="random conversations")
    parser.add_argument("--people", type=int, default=30, help="how many are invented for them")
    parser.add_argument("--numbers", type=Path, help="a file of the numbers that write; invented if absent")
    parser.add_argument("--no-limits", action="store_true", help="no throughput, no pace, no 24-hour window")
    parser.add_argument("--parallel", type=int, default=4, help="webhooks posted at once")
    parser.add_argument("--batch", type=int, default=10, help="most updates in a webhook")
    parser.add_argument("--loss", type=float, default=0.0, help="share of webhooks lost, and repeated")
    parser.add_argument("--duplicate", type=float, default=0.0, help="share of webhooks that come twice")
    parser.add_argument("--shuffle-seconds", type=float, default=0.0, help="how far webhooks change places")
    asked = parser.parse_args()
    for variable in (asked.token_env, asked.app_secret_env, asked.verify_token_env):
        if not os.environ.get(variable):
            parser.error(f"set the secret in {variable}")
    return asked


if __name__ == "__main__":
    main()
