"""Ten thousand look-ups over a hundred connections while versions go live: each answer is of one version."""

from __future__ import annotations

import asyncio
import json
import threading
from itertools import chain
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from resources.warehouse import Warehouse
from tests.fix_gateway import IVANOV, TOKEN, ServedGateway, execute

LOOK_UPS, CONNECTIONS = 10_000, 100
STAFF = {1: ["anna", "boris"], 2: ["vera", "gleb"]}


async def ask(address: httpx.URL) -> list[dict[str, Any]]:
    """Ask as often as it says, all connections at once; a client library would take most of the time."""
    request = f"GET /v1/route?number={quote(IVANOV)} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"

    async def one_after_another() -> list[dict[str, Any]]:
        reader, writer = await asyncio.open_connection(address.host, address.port)
        answers = []
        for _ in range(LOOK_UPS // CONNECTIONS):
            writer.write(request.encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            [length] = [int(line[15:]) for line in head.split("\r\n") if line.startswith("content-length:")]
            body = await reader.readexactly(length)
            answers.append(json.loads(body) if head.startswith("HTTP/1.1 200 ") else {"refused": head})
        writer.close()
        return answers

    return list(chain(*await asyncio.gather(*[one_after_another() for _ in range(CONNECTIONS)])))


# A hundred questions wait for four connections: here it matters what the answers say, not how soon.
@pytest.mark.parametrize("answer_seconds", [30.0])
def test_no_answer_ever_mixes_two_versions(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """Version 2 has other employees; both are switched to and fro all the while."""
    execute(
        warehouse,
        "INSERT INTO crm_employees (employee_id, source, name) VALUES ('vera', 'hand', 'В'), ('gleb', 'hand', 'Г')",
        "INSERT INTO employee_extensions (employee_id, extension) VALUES ('vera', '203'), ('gleb', '204')",
        "INSERT INTO routing_versions (rules, clients, rows_opened, rows_closed) VALUES ('{}', 1, 2, 2)",
        "UPDATE routing_table SET until_version = 2",
        "INSERT INTO routing_table (version, number, rank, client_id, employee_id, employee_name, extension, score, "
        "share, is_responsible, reason) VALUES (2, '+74951112233', 1, 'ivanov', 'vera', 'В', '203', 3, 0.7, true, "
        "'rank'), (2, '+74951112233', 2, 'ivanov', 'gleb', 'Г', '204', 1, 0.3, false, 'rank')",
    )
    ended = threading.Event()

    def switch() -> None:
        while not ended.is_set():
            for version in (2, 1):
                execute(warehouse, "UPDATE published_routing SET version = :version", version=version)
                ended.wait(0.005)

    switcher = threading.Thread(target=switch)
    switcher.start()
    try:
        answers = asyncio.run(ask(httpx.URL(gateway.url)))
    finally:
        ended.set()
        switcher.join()
    assert len(answers) == LOOK_UPS
    assert not [answer for answer in answers if "refused" in answer]
    assert {answer["version"] for answer in answers} == {1, 2}
    for answer in answers:
        assert [who["employee_id"] for who in answer["ranked"]] == STAFF[answer["version"]]
        assert answer["employee_id"] == STAFF[answer["version"]][0]
