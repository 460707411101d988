"""The demo's world: a simulated MikoPBX as a service, and the settings that point at it."""

from __future__ import annotations

import json
import secrets
import socket
import sys
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from pipelines.services import Service
from pipelines.services.service import answers_http

DAYS = 90
CALLS_PER_DAY = 120
SECONDS_BETWEEN_LIVE_CALLS = 40
API_KEY_VARIABLE = "SWITCHBOARD_DEMO_API_KEY"
EVENTS_TOKEN_VARIABLE = "SWITCHBOARD_DEMO_EVENTS_TOKEN"  # noqa: S105 - its name


@dataclass(frozen=True)
class Demo:
    """One start of the demo.

    Attributes:
        folder: where the company's contact files are written.
        today: the day up to which the invented history goes: that of the first start on this data folder, so
            that a later start finds the same company and the same calls.
        port: where the simulated PBX listens.
        api_key: what it asks for; made anew at each start.
        events_token: what its channel of live calls asks for; made anew at each start.
    """

    folder: Path
    today: date
    port: int
    api_key: str
    events_token: str

    @classmethod
    def at(cls, home: Path) -> Demo:
        """Prepare the demo of a data folder."""
        folder = home.resolve() / "demo"
        folder.mkdir(parents=True, exist_ok=True)
        note = folder / "demo.json"
        if note.exists():
            today = date.fromisoformat(json.loads(note.read_text())["today"])
        else:
            today = date.today()  # noqa: DTZ011 - which day the invented history ends on is of no consequence
            note.write_text(json.dumps({"today": today.isoformat()}))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        return cls(folder, today, port, secrets.token_hex(32), secrets.token_hex(32))

    def environment(self) -> dict[str, str]:
        """Return the settings that make the simulated PBX and its company's contacts the configured systems."""
        return {
            "SWITCHBOARD_SOURCES__DEMO__KIND": "mikopbx_rest",
            "SWITCHBOARD_SOURCES__DEMO__URL": f"http://127.0.0.1:{self.port}",
            "SWITCHBOARD_SOURCES__DEMO__API_KEY": self.api_key,
            "SWITCHBOARD_SOURCES__DEMO__EVENT_CHANNEL__KIND": "long_polling",
            "SWITCHBOARD_SOURCES__DEMO__EVENT_CHANNEL__VIA": "nchan",
            "SWITCHBOARD_SOURCES__DEMO__EVENT_CHANNEL__URL": f"http://127.0.0.1:{self.port}",
            "SWITCHBOARD_SOURCES__DEMO__EVENT_CHANNEL__SECRET": self.events_token,
            "SWITCHBOARD_CONTACTS__CONTACTS_CSV": str(self.folder / "contacts.csv"),
            "SWITCHBOARD_CONTACTS__CONTACTS_VCARD": str(self.folder / "contacts.vcf"),
            "SWITCHBOARD_CONTACTS__EMPLOYEES_CSV": str(self.folder / "employees.csv"),
            "SWITCHBOARD_HISTORY_START_ON": (self.today - timedelta(days=DAYS - 1)).isoformat(),
        }

    def service(self) -> Service:
        """Return the simulated PBX as a service."""
        options = {
            "--port": self.port,
            "--days": DAYS,
            "--calls-per-day": CALLS_PER_DAY,
            "--today": self.today.isoformat(),
            "--contacts-dir": self.folder,
            "--api-key-env": API_KEY_VARIABLE,
            "--nchan-token-env": EVENTS_TOKEN_VARIABLE,
            "--database": self.folder / "pbx.db",
            "--live": "always",
            "--live-seconds": SECONDS_BETWEEN_LIVE_CALLS,
        }
        arguments = [str(part) for option in options.items() for part in option]
        return Service(
            name="simulated-pbx",
            argv=[sys.executable, "-m", "simulators.mikopbx", *arguments],
            environment={API_KEY_VARIABLE: self.api_key, EVENTS_TOKEN_VARIABLE: self.events_token},
            is_ready=answers_http(f"http://127.0.0.1:{self.port}/_sim/requests"),
        )
