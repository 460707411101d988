"""`/metrics`: the operator's figures, with the token only; and the versions of dial plans that ask."""

from __future__ import annotations

import socket
import time

import httpx
from prometheus_client.parser import text_string_to_metric_families

from resources.warehouse import Warehouse
from tests.chats import make_chat
from tests.fix_gateway import TOKEN, ServedGateway, execute
from tests.rows import select


def figures(gateway: ServedGateway) -> dict[tuple[str, tuple[str, ...]], float]:
    """Return all samples as Prometheus reads them."""
    answer = gateway.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_the_operator_reads_the_figures_of_the_tables(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """Exact, because they leave the house by nobody's hand but the operator's."""
    make_chat(warehouse)
    execute(
        warehouse,
        "INSERT INTO job_health (job, succeeded, failed, last_success_at) VALUES ('housekeeping', 7, 2, '2026-01-01')",
        "INSERT INTO switches (name, is_on, reason) VALUES ('messenger_sync', false, '')",
    )
    seen = figures(gateway)
    assert seen["switchboard_objects", ("employees",)] == 3
    assert seen["switchboard_objects", ("chats",)] == 1
    assert seen["switchboard_job_runs_7d", ("housekeeping", "succeeded")] == 7
    assert seen["switchboard_job_runs_7d", ("housekeeping", "failed")] == 2
    assert ("switchboard_job_last_success_timestamp_seconds", ("housekeeping",)) in seen
    assert seen["switchboard_switch", ("messenger_sync",)] == 0
    assert ("switchboard_info", ("0.1.0",)) in seen


def test_nobody_reads_them_without_the_token(gateway: ServedGateway) -> None:
    """They tell how much there is."""
    assert httpx.get(f"{gateway.url}/metrics", trust_env=False).status_code == 401


def ask(gateway: ServedGateway, plan: str) -> None:
    """Ask by FastAGI as a dial plan does."""
    with socket.create_connection(("127.0.0.1", gateway.agi_port), timeout=10) as call:
        script = f"agi_network_script: route?token={TOKEN}&plan={plan}\nagi_callerid: +74951112233\n\n"
        call.sendall(script.encode())
        with call.makefile("r") as answers:
            while answers.readline():
                call.sendall(b"200 result=1\n")


def test_the_version_of_a_dial_plan_is_noted_beside_the_call(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """What is no small number is none."""
    for plan in ("", "x", "0", "1000", "9161234567", "7"):
        ask(gateway, plan)
    until = time.monotonic() + 20
    while not (noted := select(warehouse, "SELECT version FROM told_dial_plans")) and time.monotonic() < until:
        time.sleep(0.02)
    assert noted == [(7,)]
