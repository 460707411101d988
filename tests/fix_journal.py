"""A supervisor who reads the journal, and a few calls to read of."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from assets.contacts.ownership import update_owners
from assets.contacts.rules import MatchingRules
from resources.warehouse import Warehouse
from tests.fix_gateway import ServedGateway, execute
from tests.live_calls import logged_in
from tests.rows import at, leg, load

MONDAY = at("2026-03-02 10:00:00")
ROMASHKA, LILIA, STRANGER = "+74957770001", "+78129998877", "+79161112233"
DAYS = {"first_day": "2026-03-01", "last_day": "2026-03-31"}


def journal(gateway: ServedGateway, who: dict[str, str], path: str = "calls", **asked: object) -> httpx.Response:
    params = {name: str(value) for name, value in asked.items()}
    return httpx.get(f"{gateway.url}/journal/api/{path}", params=params, headers=who, timeout=20, trust_env=False)


@pytest.fixture
def chief(gateway: ServedGateway, warehouse: Warehouse) -> dict[str, str]:
    """A supervisor, and two days of calls of three numbers, two of them clients'."""
    execute(
        warehouse,
        "INSERT INTO crm_parties (party_id, source, name, kind, responsible_id) VALUES "
        "('romashka', 'hand', 'ООО «Ромашка 100%»', 'company', 'anna'), "
        "('lilia', 'hand', 'ЗАО Лилия', 'company', NULL)",
        "INSERT INTO crm_phones (source, party_id, contact_id, raw, contact_name, number, national_number, kind) "
        "VALUES ('hand', 'romashka', 'petr', '1', 'Пётр Сомов', '+74957770001', '4957770001', 'external'), "
        "('hand', 'lilia', '', '2', '', '+78129998877', '8129998877', 'external')",
        "DELETE FROM number_owners",
    )
    with warehouse.transaction() as connection:
        connection.exec_driver_sql("INSERT INTO numbers_to_decide SELECT number FROM crm_phones")
        update_owners(connection, MatchingRules())
    load(
        warehouse,
        [
            leg("first", MONDAY, ROMASHKA, "201", duration=60, talk=40, did="84950000001", recordingfile="/m/a.mp3"),
            leg("missed", MONDAY + timedelta(hours=1), LILIA, "202", did="84950000002"),
            leg("back", MONDAY + timedelta(hours=2), "202", LILIA, duration=90, talk=60),
            leg("lost", MONDAY + timedelta(days=1), STRANGER, "201", did="84950000001"),
            leg("inner", MONDAY + timedelta(days=1, hours=1), "201", "202", talk=10),
            leg("again", MONDAY + timedelta(days=7), ROMASHKA, "202", talk=20, did="84950000001"),
        ],
    )
    return logged_in(warehouse, "boris", is_supervisor=True)
