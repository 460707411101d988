"""The usage report: shown as it would be sent, sent once and only where everything allows it, in nobody's way."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import dagster as dg
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from assets.platform import Platform
from assets.usage.figures import UsageRules
from pipelines.definitions import build_defs
from pipelines.settings import Settings
from pipelines.usage_settings import usage_rules
from resources.collector import post_report
from tests.fix_gateway import execute
from tests.rows import select
from tests.serving import serving


class Collector:
    """Takes reports as a collector does."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.tokens: list[str] = []
        self.status = 200
        self.delay_seconds = 0.0

    async def take(self, request: Request) -> Response:
        """Keep a report."""
        import asyncio

        self.bodies.append(await request.body())
        self.tokens.append(request.headers.get("authorization", ""))
        await asyncio.sleep(self.delay_seconds)
        return PlainTextResponse("", self.status, headers={"Location": "/elsewhere"})


@pytest.fixture
def collector() -> Collector:
    return Collector()


@pytest.fixture
def url(collector: Collector) -> Iterator[str]:
    with serving(Starlette(routes=[Route("/{path:path}", collector.take, methods=["GET", "POST"])])) as address:
        yield f"{address}/reports"


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


def run_job(platform: Platform, instance: dg.DagsterInstance, **rules: Any) -> Any:  # noqa: ANN401
    """Run the job with these rules."""
    with_rules = replace(platform, usage=UsageRules(**rules))
    job = build_defs(Settings(), with_rules).resolve_job_def("usage_report")
    return job.execute_in_process(instance=instance, resources={"platform": with_rules}, raise_on_error=False)


def outcome(platform: Platform) -> str:
    """Return what became of the last report."""
    return str(select(platform.warehouse, "SELECT outcome FROM sent_usage_metrics ORDER BY report_id")[-1][0])


def shown(instance: dg.DagsterInstance) -> str:
    """Return what the UI shows as the document."""
    [record] = instance.fetch_materializations(dg.AssetKey("usage_metrics"), limit=1).records
    assert record.asset_materialization
    return str(record.asset_materialization.metadata["document"].value)


def test_what_is_sent_is_byte_for_byte_what_is_shown(
    platform: Platform, instance: dg.DagsterInstance, collector: Collector, url: str
) -> None:
    """With the collector's token, once."""
    assert run_job(platform, instance, is_on=True, collector_url=url, token=SecretStr("sesame")).success
    assert collector.bodies == [shown(instance).encode()]
    assert collector.tokens == ["Bearer sesame"]
    assert outcome(platform) == "sent"


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ({}, "usage.enabled is false"),
        ({"is_on": True, "do_not_track": True}, "DO_NOT_TRACK is set"),
        ({"is_on": False, "do_not_track": False}, "usage.enabled is false"),
    ],
)
def test_nothing_is_sent_unless_everything_allows_it(
    platform: Platform,
    instance: dg.DagsterInstance,
    collector: Collector,
    url: str,
    rules: dict[str, Any],
    reason: str,
) -> None:
    """The report is built and shown all the same."""
    assert run_job(platform, instance, collector_url=url, **rules).success
    assert collector.bodies == []
    assert outcome(platform) == f"not sent: {reason}"
    assert shown(instance).startswith('{"counts"')


def test_do_not_track_wins_over_the_setting() -> None:
    """Whatever stands in the file."""
    settings = Settings(usage={"enabled": True, "collector_url": "https://collector.example.com"})
    assert usage_rules(settings, {}).silent_because == ""
    assert usage_rules(settings, {"DO_NOT_TRACK": "0"}).silent_because == ""
    assert usage_rules(settings, {"DO_NOT_TRACK": "1"}).silent_because == "DO_NOT_TRACK is set"
    assert usage_rules(Settings(), {}).silent_because == "usage.enabled is false"


def test_a_report_with_somebodys_name_stops_before_it_is_sent(
    platform: Platform, instance: dg.DagsterInstance, collector: Collector, url: str
) -> None:
    """A client may be called as one of the words of a report."""
    execute(
        platform.warehouse,
        "INSERT INTO crm_parties (party_id, source, name, kind) VALUES ('x', 'hand', 'WhatsApp', 'company')",
    )
    from assets.usage.schema import Messenger

    result = run_job(platform, instance, is_on=True, collector_url=url, messengers=[Messenger(kind="whatsapp")])
    assert not result.success
    assert collector.bodies == []
    refused = select(platform.warehouse, "SELECT refused_because FROM usage_metrics")
    assert refused == [("messengers[0].kind: it is somebody's name",)]


@pytest.mark.parametrize("status", [500, 302, 404])
def test_a_collector_that_fails_is_tried_once_and_fails_nothing(
    platform: Platform, instance: dg.DagsterInstance, collector: Collector, url: str, status: int
) -> None:
    """Nor is it followed to another address."""
    collector.status = status
    assert run_job(platform, instance, is_on=True, collector_url=url).success
    assert len(collector.bodies) == 1
    assert outcome(platform) == f"not sent: the collector answered {status}"


def test_a_collector_that_is_away_or_slow_holds_nobody_up(collector: Collector, url: str) -> None:
    """All of it has one time-out."""
    assert "cannot be reached" in post_report("http://127.0.0.1:1/", b"{}")
    collector.delay_seconds = 3.0
    begun = time.monotonic()
    assert post_report(url, b"{}", patience_seconds=0.2).startswith("not sent")
    assert time.monotonic() - begun < collector.delay_seconds


def test_counts_are_buckets_of_what_there_is(platform: Platform, instance: dg.DagsterInstance) -> None:
    """And jobs are there with how they went."""
    execute(
        platform.warehouse,
        "INSERT INTO crm_parties (party_id, source, name, kind) "
        "SELECT 'p' || n, 'hand', 'Клиент ' || n, 'company' FROM generate_series(1, 57) AS n",
    )
    run_job(platform, instance)
    run_job(platform, instance)
    with platform.warehouse.transaction() as connection:
        last = connection.execute(
            text("SELECT CAST(document AS jsonb) FROM usage_metrics ORDER BY report_id DESC LIMIT 1")
        ).scalar_one()
    assert last["counts"]["clients"] == "10-99"
    [own] = [job for job in last["jobs"] if job["job"] == "usage_report"]
    assert (own["succeeded"], own["failed"], own["last_success"]) == ("1-9", "0", "day")
    rows = select(platform.warehouse, "SELECT succeeded, failed FROM job_health WHERE job = 'usage_report'")
    assert rows == [(1, 0)]
