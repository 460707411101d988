"""Webhooks of messengers at the gateway's door: proven, stored, answered; beside the gateway's cheapest answer.

What was stored is taken in meanwhile by the same gateway, as in life.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from benchmarks.databases import Databases
from benchmarks.served import free_port, wait_for_gateway
from resources.messengers.whatsapp.signature import SIGNATURE_HEADER, signature_of
from resources.warehouse import Warehouse

SECRET, NUMBER_ID = "app-secret-of-the-benchmark", "1"


def run(databases: Databases, posts: int, rounds: int) -> str:
    """Measure and return the table."""
    warehouse = databases.make_warehouse()
    port = free_port()
    account = "SWITCHBOARD_MESSENGERS__SALES__"
    times: dict[str, list[float]] = {"GET /v1/health": [], "POST /webhooks/whatsapp": []}
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {
            "SWITCHBOARD_HOME": home,
            "SWITCHBOARD_CONFIG": str(Path(home) / "absent.toml"),
            "SWITCHBOARD_DATABASE_URL": warehouse.url.render_as_string(hide_password=False),
            "SWITCHBOARD_GATEWAY__PORT": str(port),
            "SWITCHBOARD_GATEWAY__AGI_PORT": "0",
            f"{account}KIND": "whatsapp",
            f"{account}PHONE_NUMBER_ID": NUMBER_ID,
            f"{account}WABA_ID": "2",
            f"{account}TOKEN": "token",
            f"{account}APP_SECRET": SECRET,
            f"{account}VERIFY_TOKEN": "verify",
        }
        process = subprocess.Popen([sys.executable, "-m", "pipelines.gateway_process"], env=environment)
        try:
            wait_for_gateway(port)
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=10) as client:
                for turn in range(rounds):
                    for place in range(posts):
                        times["GET /v1/health"].append(_timed(client, "GET", "/v1/health", b"", ""))
                        body = _webhook(turn * posts + place)
                        signature = signature_of(SECRET, body)
                        times["POST /webhooks/whatsapp"].append(
                            _timed(client, "POST", "/webhooks/whatsapp/sales", body, signature)
                        )
                _wait_until_taken(warehouse, rounds * posts)
        finally:
            process.terminate()
            process.wait()
    lines = [
        f"### Webhooks of messengers, {rounds * posts:,} one after another, each beside a look at the gateway's health",
        "",
        "| asked | p50 ms | p99 ms | longest ms | against the health |",
        "|---|---|---|---|---|",
    ]
    base = statistics.median(times["GET /v1/health"])
    for name, taken in times.items():
        ordered = sorted(taken)
        cells = (statistics.median(ordered), ordered[int(len(ordered) * 0.99)], ordered[-1])
        shown = " | ".join(f"{1000 * value:.1f}" for value in cells)
        lines.append(f"| {name} | {shown} | {statistics.median(ordered) / base:.2f}× |")
    databases.drop(warehouse.url.render_as_string(hide_password=False))
    return "\n".join([*lines, ""])


def _timed(client: httpx.Client, method: str, path: str, body: bytes, signature: str) -> float:
    begun = time.perf_counter()
    answer = client.request(method, path, content=body, headers={SIGNATURE_HEADER: signature})
    answer.raise_for_status()
    return time.perf_counter() - begun


def _webhook(number: int) -> bytes:
    message = {
        "from": f"7916{number % 500:07d}",
        "id": f"wamid.{number}",
        "timestamp": str(int(time.time())),
        "type": "text",
        "text": {"body": f"Здравствуйте! Это сообщение номер {number}."},
    }
    value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": NUMBER_ID}, "messages": [message]}
    changes = [{"field": "messages", "value": value}]
    return json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "2", "changes": changes}]}).encode()


def _wait_until_taken(warehouse: Warehouse, count: int) -> None:
    for _ in range(600):
        with warehouse.transaction() as connection:
            if connection.exec_driver_sql("SELECT count(*) FROM messages").scalar_one() == count:
                return
        time.sleep(0.1)
    raise TimeoutError("the gateway did not take in what it was sent")
