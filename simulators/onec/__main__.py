"""Runs a simulated 1C publication with believable data: `python -m simulators.onec --help`."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from datetime import date

import uvicorn

from simulators.company import Company
from simulators.onec import company
from simulators.onec.app import SimulatedOnec, User
from simulators.onec.presets import PARTNERS, PLAN, PRESETS
from simulators.onec.same_company import fill_from
from simulators.onec.store import Store


def main() -> None:
    """Parse the command line and serve until terminated."""
    asked = _parsed()
    store = Store(PRESETS[asked.preset](), asked.seed)
    today = asked.today or store.now().date()
    if asked.company_seed is None:
        company.fill(
            store,
            seed=asked.seed,
            clients=asked.clients,
            contacts=asked.contacts,
            users=asked.users,
            days=asked.days,
            last_day=today,
            calls_per_day=asked.calls_per_day,
        )
    else:
        same = Company.invent(asked.company_seed, asked.parties, today)
        fill_from(store, same, seed=asked.seed, days=asked.days, calls_per_day=asked.calls_per_day)
    node = store.node(PLAN, "Switchboard")
    onec = SimulatedOnec(store, users={asked.login: User(os.environ[asked.password_env])}, base=asked.base)
    listener = socket.create_server((asked.host, asked.port))
    port = listener.getsockname()[1]
    sys.stdout.write(f"listening on http://{asked.host}:{port}/{asked.base}/odata/standard.odata\n")
    sys.stdout.write(f"exchange plan {PLAN.partition('_')[2]}, node {node}\n")
    sys.stdout.flush()
    server = uvicorn.Server(uvicorn.Config(onec, log_level="warning", lifespan="off", timeout_graceful_shutdown=1))
    server.run(sockets=[listener])


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="simulators.onec", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--preset", choices=PRESETS, default="ut11", help="which configuration's metadata")
    parser.add_argument("--base", default="base", help="name of the publication")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clients", type=int, default=300)
    parser.add_argument("--contacts", type=int, default=600, help="contact persons; made when read, 200000 is fine")
    parser.add_argument("--users", type=int, default=25)
    parser.add_argument(
        "--company-seed", type=int, help="know the clients and staff of a simulated PBX started with this --seed"
    )
    parser.add_argument("--parties", type=int, default=600, help="as many as that PBX has --clients")
    parser.add_argument("--today", type=date.fromisoformat, help="as that PBX's; today's date if absent")
    parser.add_argument("--days", type=int, default=0, help="days of documents, today included")
    parser.add_argument("--calls-per-day", type=int, default=30, help="phone calls that users noted on a working day")
    parser.add_argument("--login", default="Робот")
    parser.add_argument("--password-env", default="SIMULATED_1C_PASSWORD", help="variable that holds the password")
    asked = parser.parse_args()
    if asked.company_seed is not None and PARTNERS not in PRESETS[asked.preset]().types:
        parser.error(f"the preset {asked.preset} has no partners to put the company into")
    if not os.environ.get(asked.password_env):
        parser.error(f"set the password in {asked.password_env}")
    return asked


if __name__ == "__main__":
    main()
