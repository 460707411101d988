"""Runs a simulated Asterisk manager: `python -m simulators.asterisk --help`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from simulators.asterisk.manager import SimulatedManager


def main() -> None:
    """Parse the command line and serve until terminated."""
    asked = _parsed()
    manager = SimulatedManager(
        host=asked.host,
        ami_port=asked.ami_port,
        ajam_port=asked.ajam_port,
        username=asked.username,
        secret=os.environ[asked.secret_env],
        system_name=asked.system_name,
        idle_seconds=asked.idle_seconds,
        technology=asked.technology,
        cdr_connector=asked.cdr_connector is not None,
        channel_events=asked.cdr_connector != "only",
        timezone=asked.timezone,
        seed=asked.seed,
    )
    is_ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: is_ended.set())
    with manager:
        sys.stdout.write(f"AMI listening on {manager.host}:{manager.ami_port}\n")
        sys.stdout.write(f"listening on {manager.ajam_url}\n")
        sys.stdout.flush()
        if asked.live:
            numbers = asked.numbers.read_text(encoding="utf-8").split() if asked.numbers else ()
            manager.start_load(
                asked.live,
                asked.extensions.split(","),
                numbers=numbers,
                dids=asked.dids.split(","),
                seed=asked.seed,
                talk_seconds=asked.talk_seconds,
            )
        if asked.replay:
            manager.replay(asked.replay, speed=asked.speed or None, shift_to_now=asked.shift_to_now, is_awaited=False)
        is_ended.wait()


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="simulators.asterisk", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--ami-port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--ajam-port", type=int, default=0, help="of the HTTP manager and /_sim/; 0 takes a free one")
    parser.add_argument("--username", default="listener")
    parser.add_argument("--secret-env", default="SIMULATED_MANAGER_SECRET", help="variable that holds the password")
    parser.add_argument("--system-name", default="pbx-msk")
    parser.add_argument("--idle-seconds", type=float, default=60.0, help="after which an HTTP session dies")
    parser.add_argument("--technology", choices=("PJSIP", "IAX2"), default="PJSIP")
    parser.add_argument(
        "--cdr-connector", nargs="?", const="too", choices=("too", "only"), help="MikoPBX's events, too or only"
    )
    parser.add_argument("--timezone", default="Europe/Moscow", help="of MikoPBX's events")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--live", type=float, metavar="CALLS_PER_MINUTE", help="random calls")
    parser.add_argument("--talk-seconds", type=float, default=60.0, help="mean of the random calls")
    parser.add_argument("--extensions", default="101,102,103,104,105", help="whose telephones ring")
    parser.add_argument("--dids", default="74951230001", help="our numbers")
    parser.add_argument("--numbers", type=Path, help="a file of the numbers that call; invented if absent")
    parser.add_argument("--replay", type=Path, help="a recording: AMI bytes, or answers of /rawman in .jsonl; .gz too")
    parser.add_argument("--speed", type=float, default=1.0, help="of the replay; 0 is as fast as possible")
    parser.add_argument("--shift-to-now", action="store_true", help="stamp replayed events as if they happened now")
    asked = parser.parse_args()
    if not os.environ.get(asked.secret_env):
        parser.error(f"set the password in {asked.secret_env}")
    return asked


if __name__ == "__main__":
    main()
