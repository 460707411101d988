"""A gateway, in this process or in one of its own, and a small table that it answers from."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import stamina
from sqlalchemy import text

from assets.messenger.rules import Messengers
from gateway.app import make_app
from gateway.config import GatewayConfig
from resources.telephony.recordings import RecordingShelf
from resources.warehouse import Warehouse
from tests.serving import free_ports, serving

CHECKOUT = Path(__file__).parents[1]
TOKEN = "token-of-the-tests"
PASSWORD = "пароль: öffne dich"
IVANOV, STRANGER = "+74951112233", "+74959998877"

POLICY = """
{"zone": "Europe/Moscow", "names": 3, "last_talker_days": 30, "queue_extension": "600", "interception": "automatic",
 "menu": {"greeting_known": "Здравствуйте, {client}!", "greeting_new": "Здравствуйте!",
          "name": "{employee}: {extension}.", "ending": "Или ждите."}}
"""


@dataclass(frozen=True)
class ServedGateway:
    """A gateway that listens.

    Attributes:
        url: of HTTP.
        agi_port: of FastAGI on 127.0.0.1.
    """

    url: str
    agi_port: int

    def get(self, path: str, **how: Any) -> httpx.Response:  # noqa: ANN401
        """Ask with the token."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        return httpx.get(self.url + path, headers=headers, timeout=10, trust_env=False, **how)


def execute(warehouse: Warehouse, *statements: str, **values: Any) -> None:  # noqa: ANN401
    """Run statements in one transaction."""
    with warehouse.transaction() as connection:
        for statement in statements:
            connection.execute(text(statement), values)


def build_table(warehouse: Warehouse) -> None:
    """Two employees, a client and a published table in which Anna is responsible and Boris second."""
    execute(
        warehouse,
        "INSERT INTO crm_employees (employee_id, source, name, mobile) VALUES "
        "('anna', 'hand', 'Анна <Смирнова> & Co', '+79160000001'), ('boris', 'hand', 'Борис Кузнецов', NULL), "
        "('gone', 'hand', 'Ушедший', NULL)",
        "UPDATE crm_employees SET employed_until = '2020-01-01' WHERE employee_id = 'gone'",
        "INSERT INTO employee_extensions (employee_id, extension) VALUES ('anna', '201'), ('boris', '202')",
        "INSERT INTO crm_parties (party_id, source, name, kind) VALUES ('ivanov', 'hand', 'ИП Иванов', 'person')",
        "INSERT INTO number_owners (number, national_number, party_id, contact_id, rung, ambiguous, candidates, "
        "is_shared) VALUES ('+74951112233', '4951112233', 'ivanov', '', 'exact', false, '{ivanov}', false)",
        "INSERT INTO routing_versions (rules, clients, rows_opened, rows_closed) VALUES ('{}', 1, 2, 0)",
        "INSERT INTO routing_table (version, number, rank, client_id, party_id, party_name, employee_id, "
        "employee_name, extension, score, share, is_responsible, reason) VALUES "
        "(1, '+74951112233', 1, 'ivanov', 'ivanov', 'ИП Иванов', 'anna', 'Анна', '201', 3, 0.75, true, 'rank'), "
        "(1, '+74951112233', 2, 'ivanov', 'ivanov', 'ИП Иванов', 'boris', 'Борис', '202', 1, 0.25, false, 'rank')",
    )
    execute(
        warehouse,
        "INSERT INTO published_routing (version, verified_at, stale_at, policy) "
        "VALUES (1, now(), now() + interval '1 day', CAST(:policy AS jsonb))",
        policy=POLICY,
    )


@contextmanager
def silent_server(warehouse: Warehouse) -> Iterator[None]:
    """Stop the database server in its tracks: it accepts and answers nothing, and cuts no connection."""
    with warehouse.transaction() as connection:
        server = psutil.Process(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()).parent()
    assert server is not None
    stopped = [server, *server.children(recursive=True)]
    for process in stopped:
        # A worker of the server may have ended by itself meanwhile.
        with suppress(psutil.NoSuchProcess):
            process.suspend()
    try:
        yield
    finally:
        for process in stopped:
            with suppress(psutil.NoSuchProcess):
                process.resume()


@dataclass(frozen=True)
class GatewayProcess(ServedGateway):
    """A gateway as `up` starts it.

    Attributes:
        process: it.
        log: what it wrote.
    """

    process: subprocess.Popen[bytes]
    log: Path


@pytest.fixture
def gateway_process(warehouse: Warehouse, tmp_path: Path) -> Iterator[Callable[..., GatewayProcess]]:
    """A function that starts a gateway on the warehouse, ended with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(**settings: str) -> GatewayProcess:
        free_port, agi_port = free_ports(2)
        port = int(settings.get("SWITCHBOARD_GATEWAY__PORT", free_port))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SWITCHBOARD_")} | {
            "SWITCHBOARD_HOME": str(tmp_path / "home"),
            "SWITCHBOARD_CONFIG": str(tmp_path / "absent.toml"),
            "SWITCHBOARD_DATABASE_URL": warehouse.url.render_as_string(hide_password=False),
            "SWITCHBOARD_GATEWAY__PORT": str(port),
            "SWITCHBOARD_GATEWAY__AGI_PORT": str(agi_port),
            "SWITCHBOARD_GATEWAY__API_TOKEN": TOKEN,
            "SWITCHBOARD_GATEWAY__SOAP_PASSWORD": PASSWORD,
            **settings,
        }
        log = tmp_path / f"gateway-{port}-{len(started)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "pipelines.gateway_process"],
                env=environment,
                cwd=CHECKOUT,
                stdout=output,
                stderr=output,
            )
        started.append(process)
        url = f"http://127.0.0.1:{port}"
        for attempt in stamina.retry_context(on=httpx.TransportError, wait_max=0.2, timeout=30, attempts=None):
            with attempt:
                assert process.poll() is None, log.read_text()
                httpx.get(f"{url}/v1/health", timeout=5, trust_env=False)
        return GatewayProcess(url, agi_port, process, log)

    yield start
    for process in started:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)


@pytest.fixture
def answer_seconds() -> float:
    """How long a look-up may take; tests that ask more than a busy machine answers in time have their own."""
    return GatewayConfig.answer_seconds


@pytest.fixture
def recording_shelves() -> dict[str, RecordingShelf]:
    """Where recordings are played from; tests that play some have their own."""
    return {}


@pytest.fixture
def gateway(
    warehouse: Warehouse, answer_seconds: float, tmp_path: Path, recording_shelves: dict[str, RecordingShelf]
) -> Iterator[ServedGateway]:
    """A gateway in this process, over real sockets, that answers from the small table."""
    build_table(warehouse)
    [agi_port] = free_ports(1)
    config = GatewayConfig(
        warehouse.url.render_as_string(hide_password=False),
        TOKEN,
        PASSWORD,
        agi_port=agi_port,
        connections=4,
        pbxs=("office", "branch"),
        webhook_pbx="office",
        crm_url_template="https://crm.example.com/{party_id}?n={number}",
        answer_seconds=answer_seconds,
        messengers=Messengers(media_folder=tmp_path / "media"),
        recording_shelves=recording_shelves,
    )
    with serving(make_app(config), lifespan="on") as url:
        yield ServedGateway(url, agi_port)
