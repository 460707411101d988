"""Several gateways on one database: each serves what another began, alone and behind the proxy that we ship."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import stamina

from gateway.invitations import invite
from gateway.people import COOKIE
from resources.warehouse import Warehouse
from tests.fix_gateway import CHECKOUT, IVANOV, TOKEN, GatewayProcess, build_table
from tests.live_calls import Reader, card_api, ring
from tests.serving import free_ports

CADDY = shutil.which("caddy")
USER, PASSWORD = "operator", "a long password of an operator"


@pytest.fixture
def replicas(
    warehouse: Warehouse, gateway_process: Callable[..., GatewayProcess], tmp_path: Path
) -> tuple[GatewayProcess, GatewayProcess]:
    """Two gateways on one database that share no folder."""
    build_table(warehouse)
    first, second = (gateway_process(SWITCHBOARD_HOME=str(tmp_path / name)) for name in ("first", "second"))
    return first, second


def link_of(warehouse: Warehouse) -> str:
    with warehouse.transaction() as connection:
        return invite(connection, "anna", "Europe/Moscow", hours=1, is_supervisor=None)


def log_in(url: str, link: str) -> dict[str, str]:
    answer = httpx.post(f"{url}/login", data={"link": link}, headers={"Origin": url}, timeout=20, trust_env=False)
    assert answer.status_code == 303, answer.text
    return {"Cookie": f"{COOKIE}={answer.cookies[COOKIE]}"}


def test_a_session_opened_on_one_is_good_on_the_other_until_it_ends_on_either(
    warehouse: Warehouse, replicas: tuple[GatewayProcess, GatewayProcess]
) -> None:
    """Whichever a proxy chooses, the browser is the same employee."""
    first, second = replicas
    anna = log_in(first.url, link_of(warehouse))
    assert [card_api(each.url, "me", anna).json()["employee_id"] for each in replicas] == ["anna", "anna"]
    left = httpx.post(f"{second.url}/logout", headers={"Origin": second.url} | anna, trust_env=False)
    assert left.status_code == 303
    assert [card_api(each.url, "me", anna).status_code for each in replicas] == [401, 401]


def test_an_event_reaches_the_readers_of_both(
    warehouse: Warehouse, replicas: tuple[GatewayProcess, GatewayProcess]
) -> None:
    """PostgreSQL wakes every gateway, and a card opens wherever its employee is connected."""
    first, second = replicas
    anna = log_in(first.url, link_of(warehouse))
    with Reader(first.url, anna) as here, Reader(second.url, anna) as there:
        here.begun()
        there.begun()
        ring(warehouse, "c1", "201")
        told = [[event["event_id"] for event in reader.calls(2)] for reader in (here, there)]
    assert told[0] == told[1]


@dataclass(frozen=True)
class Doors:
    """The proxy's addresses.

    Attributes:
        card: of the gateways.
        dagster: of Dagster's UI.
    """

    card: str
    dagster: str


@pytest.fixture
def doors(replicas: tuple[GatewayProcess, GatewayProcess], tmp_path: Path) -> Iterator[Doors]:
    """Caddy with our Caddyfile before both gateways; a gateway also stands in for Dagster's web server."""
    if CADDY is None:
        pytest.skip("there is no caddy on this machine")
    card, dagster = (f"http://127.0.0.1:{port}" for port in free_ports(2))
    addresses = [each.url.removeprefix("http://") for each in replicas]
    hashing = [CADDY, "hash-password", "--plaintext", PASSWORD]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "CARD_SITE": card,
        "DAGSTER_SITE": dagster,
        "GATEWAYS": " ".join(addresses),
        "WEBSERVER": addresses[0],
        "DAGSTER_USER": USER,
        "DAGSTER_PASSWORD_HASH": subprocess.run(hashing, capture_output=True, text=True, check=True).stdout.strip(),
    }
    command = [CADDY, "run", "--config", str(CHECKOUT / "deploy" / "Caddyfile"), "--adapter", "caddyfile"]
    with (tmp_path / "caddy.log").open("wb") as log:
        proxy = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        for attempt in stamina.retry_context(on=httpx.TransportError, wait_max=0.2, timeout=20, attempts=None):
            with attempt:
                assert proxy.poll() is None, (tmp_path / "caddy.log").read_text()
                httpx.get(f"{card}/v1/health", timeout=5, trust_env=False)
        yield Doors(card, dagster)
    finally:
        proxy.kill()
        proxy.wait(timeout=20)


def test_behind_the_proxy_a_killed_gateway_is_not_missed(
    warehouse: Warehouse, replicas: tuple[GatewayProcess, GatewayProcess], doors: Doors
) -> None:
    """Look-ups are answered, sessions hold, and a stream that was cut goes on where it was."""
    anna = log_in(doors.card, link_of(warehouse))
    asked = {"headers": {"Authorization": f"Bearer {TOKEN}"}, "timeout": 10, "trust_env": False}

    def ask() -> int:
        return httpx.get(f"{doors.card}/v1/route", params={"number": IVANOV}, **asked).status_code  # type: ignore[arg-type]

    with Reader(doors.card, anna) as reader:
        reader.begun()
        ring(warehouse, "c1", "201")
        reader.calls(2)
        assert [ask() for _ in range(10)] == [200] * 10
        replicas[0].process.kill()
        replicas[0].process.wait(timeout=10)
        assert [ask() for _ in range(20)] == [200] * 20
    ring(warehouse, "c2", "201")
    with Reader(doors.card, anna, after=reader.last_id) as again:
        assert [event["call_id"] for event in again.calls(2)] == ["c2", "c2"]
    assert card_api(doors.card, "me", anna).status_code == 200


def test_dagsters_ui_opens_by_password_only(doors: Doors) -> None:
    """It would let everybody do everything."""
    for path in ("/", "/graphql", "/v1/health"):
        assert httpx.get(doors.dagster + path, trust_env=False).status_code == 401
        assert httpx.get(doors.dagster + path, auth=(USER, "wrong"), trust_env=False).status_code == 401
    assert httpx.get(f"{doors.dagster}/v1/health", auth=(USER, PASSWORD), trust_env=False).status_code == 200
