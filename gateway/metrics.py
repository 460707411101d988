"""`/metrics`: the figures of this installation for its own operator, as Prometheus reads them.

With the bearer token, as all for programs; Prometheus gives it by `authorization.credentials`. Nothing of a person is
among them, but amounts are exact here.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from psycopg.rows import dict_row
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.config import GatewayConfig
from gateway.database import Database, NoAnswerError
from gateway.doors import check_token

_MEANINGS = {
    "objects": ("how many there are; of what there is very much an estimate", ["kind"]),
    "job_runs_7d": ("runs of a job in the last seven days", ["job", "outcome"]),
    "job_last_success_timestamp_seconds": ("when a job last succeeded", ["job"]),
    "dial_plan_told_timestamp_seconds": ("when a version of the sample dial plan last asked", ["version"]),
    "outbox": ("messages that are not sent", ["account", "state"]),
    "switch": ("whether a switch of the UI is on", ["name"]),
}


class _Figures(Collector):
    """The figures as they were read."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self._rows = rows

    def collect(self) -> Iterable[Metric]:
        """Yield each figure with its labels."""
        yield InfoMetricFamily("switchboard", "this program", value={"version": version("switchboard-telephony")})
        for name, (meaning, labels) in _MEANINGS.items():
            family = GaugeMetricFamily(f"switchboard_{name}", meaning, labels=labels)
            for row in self._rows:
                if row["name"] == name:
                    family.add_metric([row["labels"][label] for label in labels], row["value"])
            yield family


def make_routes(database: Database, config: GatewayConfig) -> list[Route]:
    """Return the address and what answers there."""

    async def metrics(request: Request) -> Response:
        check_token(request, config)
        try:
            rows = await database.ask("select_metrics", {}, dict_row)
        except NoAnswerError as error:
            raise HTTPException(503, str(error)) from None
        # A registry of its own: the library's global one would add figures of the process.
        registry = CollectorRegistry()
        registry.register(_Figures(rows))
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return [Route("/metrics", metrics)]
