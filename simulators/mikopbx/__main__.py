"""Runs a simulated MikoPBX with believable history: `python -m simulators.mikopbx --help`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import secrets
import signal
import socket
import sys
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

import uvicorn

from simulators.company import Company
from simulators.mikopbx.app import SimulatedPbx
from simulators.mikopbx.history import generate_calls, is_open, one_call

LIVE_SECONDS = 20.0
LIVE_SERIAL_START = 1_000_000


def main() -> None:
    """Parse the command line and serve until terminated."""
    asked = _parsed()
    today = asked.today or datetime.now(ZoneInfo(asked.timezone)).date()
    company = Company.invent(asked.seed, asked.clients, today)
    if asked.contacts_dir:
        asked.contacts_dir.mkdir(parents=True, exist_ok=True)
        company.write_contacts_csv(asked.contacts_dir / "contacts.csv")
        company.write_vcards(asked.contacts_dir / "contacts.vcf")
        company.write_employees_csv(asked.contacts_dir / "employees.csv")
    pbx = SimulatedPbx(
        api_key=os.environ[asked.api_key_env],
        timezone=asked.timezone,
        database=asked.database,
        nchan_token=os.environ.get(asked.nchan_token_env) or secrets.token_hex(32),
    )
    extensions = company.extensions_on(today)
    pbx.extensions = [
        {
            "number": extensions[employee.employee_id],
            "callerid": employee.name,
            "type": "SIP",
            "mobile": employee.mobile,
        }
        for employee in company.employees
        if employee.employee_id in extensions
    ]
    if not pbx.store.count("1 = 1", ()):
        calls = generate_calls(
            company,
            first_day=today - timedelta(days=asked.days - 1),
            days=asked.days,
            calls_per_day=asked.calls_per_day,
            timezone=asked.timezone,
            seed=asked.seed,
        )
        now = pbx.clock.now()
        pbx.store.expect(call for call in calls if not asked.end_now or call.finalised_at <= now)
    asyncio.run(_serve(pbx, company, asked))


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="simulators.mikopbx", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--today", type=date.fromisoformat, help="last day of the history; today's date if absent")
    parser.add_argument("--days", type=int, default=90, help="days of history, today included")
    parser.add_argument("--calls-per-day", type=int, default=120, help="on a working day")
    parser.add_argument("--end-now", action="store_true", help="leave out what would still come today")
    parser.add_argument("--clients", type=int, default=600)
    parser.add_argument("--timezone", default="Europe/Moscow")
    parser.add_argument("--contacts-dir", type=Path, help="write the company's contact files there")
    parser.add_argument("--database", type=Path, help="keep the calls in this file, for the next start")
    parser.add_argument("--api-key-env", default="SIMULATED_PBX_API_KEY", help="variable that holds the API key")
    parser.add_argument(
        "--nchan-token-env",
        default="SIMULATED_PBX_NCHAN_TOKEN",
        help="variable that holds the token of the channel of live calls; nobody is let in without",
    )
    parser.add_argument(
        "--live", nargs="?", const="always", choices=("always", "working"), help="new calls, always or in working hours"
    )
    parser.add_argument("--live-seconds", type=float, help=f"a new call every so many seconds; {LIVE_SECONDS:.0f}")
    asked = parser.parse_args()
    if not os.environ.get(asked.api_key_env):
        parser.error(f"set the API key in {asked.api_key_env}")
    return asked


async def _serve(pbx: SimulatedPbx, company: Company, asked: argparse.Namespace) -> None:
    listener = socket.create_server((asked.host, asked.port))
    config = uvicorn.Config(pbx.app, log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    # The server ends on these, and raises them once more before the calls are put away.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    is_live = asked.live or asked.live_seconds
    live = asyncio.create_task(_live(pbx, company, asked)) if is_live else None
    sys.stdout.write(f"listening on http://{asked.host}:{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve(sockets=[listener])
    if live:
        live.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await live
    pbx.store.close()


async def _live(pbx: SimulatedPbx, company: Company, asked: argparse.Namespace) -> None:
    """Let calls begin as time passes; they are finalised when they have ended."""
    chance = random.Random(asked.seed)
    serial = count(LIVE_SERIAL_START)
    while True:
        await asyncio.sleep(chance.expovariate(1 / (asked.live_seconds or LIVE_SECONDS)))
        if asked.live != "working" or is_open(pbx.clock.now(), asked.timezone):
            pbx.store.expect([one_call(company, pbx.clock.now(), asked.timezone, chance, serial)])


if __name__ == "__main__":
    main()
