"""Look-ups at ring time: a gateway on one core, asked by SOAP and JSON at a fixed rate, whether it keeps up or not.

Requests go out by the clock (open loop), so a slow answer delays no later question, and what is measured is the time
from the instant at which a request was due: one that waits for a free connection is late, and counted so.
"""

from __future__ import annotations

import asyncio
import base64
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks.databases import Databases
from benchmarks.served import free_port, wait_for_gateway
from resources.warehouse import Warehouse
from resources.warehouse.statements import run as run_statement

TOKEN, PASSWORD = "token-of-the-benchmark", "password-of-the-benchmark"
CONNECTIONS = 100
SOAP_BODY = (
    '<?xml version="1.0" encoding="UTF-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">'
    '<soap:Body><m:getivrtext xmlns:m="http://wiki.miko.ru/doc:1cajam:smarttransfer"><m:Number>{number}</m:Number>'
    "</m:getivrtext></soap:Body></soap:Envelope>"
)


def run(databases: Databases, clients: int, per_second: int, seconds: int) -> str:
    """Measure and return the table."""
    warehouse = databases.make_warehouse()
    with warehouse.transaction() as connection:
        run_statement(connection, "benchmarks", "fill_routing", {"clients": clients})
    with warehouse.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
    lines = [
        f"### Look-ups at {per_second:,} a second, gateway on one core, {CONNECTIONS} connections, {clients:,} clients",
        "",
        "| form | asked | p50 ms | p99 ms | longest ms | errors | gateway's CPU, ms each |",
        "|---|---|---|---|---|---|---|",
    ]
    with _served(warehouse) as (port, gateway):
        for name, request_of in (("JSON /v1/route", _json_request), ("SOAP getivrtext", _soap_request)):
            asyncio.run(_ask(port, request_of, clients, per_second, 3))
            cpu = gateway.cpu_times()
            times, errors = asyncio.run(_ask(port, request_of, clients, per_second, seconds))
            ordered = sorted(times)
            p50, p99 = statistics.median(ordered), ordered[int(len(ordered) * 0.99)]
            used = sum(gateway.cpu_times()[:2]) - sum(cpu[:2])
            cells = (f"{1000 * value:.1f}" for value in (p50, p99, ordered[-1]))
            lines.append(
                f"| {name} | {len(ordered):,} | {' | '.join(cells)} | {errors} | {1000 * used / len(ordered):.2f} |"
            )
    databases.drop(warehouse.url.render_as_string(hide_password=False))
    return "\n".join([*lines, "", "The asking side and PostgreSQL run on all cores, the gateway's among them.", ""])


@contextmanager
def _served(warehouse: Warehouse) -> Iterator[tuple[int, psutil.Process]]:
    port = free_port()
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {
            "SWITCHBOARD_HOME": home,
            "SWITCHBOARD_CONFIG": str(Path(home) / "absent.toml"),
            "SWITCHBOARD_DATABASE_URL": warehouse.url.render_as_string(hide_password=False),
            "SWITCHBOARD_GATEWAY__PORT": str(port),
            "SWITCHBOARD_GATEWAY__AGI_PORT": "0",
            "SWITCHBOARD_GATEWAY__API_TOKEN": TOKEN,
            "SWITCHBOARD_GATEWAY__SOAP_PASSWORD": PASSWORD,
        }
        process = subprocess.Popen([sys.executable, "-m", "pipelines.gateway_process"], env=environment)
        os.sched_setaffinity(process.pid, {0})
        try:
            wait_for_gateway(port)
            yield port, psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait()


def _json_request(number: str) -> bytes:
    head = f"GET /v1/route?number=%2B{number[1:]} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    return head.encode()


def _soap_request(number: str) -> bytes:
    body = SOAP_BODY.format(number=number).encode()
    login = base64.b64encode(f"switchboard:{PASSWORD}".encode()).decode()
    head = (
        "POST /base/ws/MIKO_IVRGenerator4SmartTransfer.1cws HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\n"
        f"Authorization: Basic {login}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _ask(
    port: int, request_of: Callable[[str], bytes], clients: int, per_second: int, seconds: int
) -> tuple[list[float], int]:
    """Ask by the clock; return the time each answer took from when it was due, and how many were none."""
    due: asyncio.Queue[tuple[float, bytes] | None] = asyncio.Queue()
    times: list[float] = []
    errors = 0
    chance = random.Random(1)

    async def one_line() -> None:
        nonlocal errors
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (asked := await due.get()) is not None:
            due_at, request = asked
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            [length] = [int(line[15:]) for line in head.split("\r\n") if line.startswith("content-length:")]
            body = await reader.readexactly(length)
            times.append(time.perf_counter() - due_at)
            errors += not (head.startswith("http/1.1 200 ") and b"Employee" in body)
        writer.close()

    lines = [asyncio.create_task(one_line()) for _ in range(CONNECTIONS)]
    begun = time.perf_counter()
    for place in range(per_second * seconds):
        due_at = begun + place / per_second
        if (early := due_at - time.perf_counter()) > 0:
            await asyncio.sleep(early)
        due.put_nowait((due_at, request_of(f"+7495{chance.randrange(clients):07d}")))
    for _ in lines:
        due.put_nowait(None)
    await asyncio.gather(*lines)
    return times, errors
