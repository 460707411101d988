"""The processes behind `switchboard up` and `demo`: started, watched, restarted, ended together.

    with supervised(home, ui_url) as services:
        services.start(dagster_services(...))
        services.wait_until_ready()
        services.wait()  # until Ctrl-C

What the services do is not known here.
"""

from __future__ import annotations

from pipelines.services.dagster import dagster_services
from pipelines.services.gateway import gateway_service
from pipelines.services.listener import listener_service
from pipelines.services.running import AlreadyRunningError, Running, find_running
from pipelines.services.service import Service, ServiceFailedError
from pipelines.services.supervisor import Services, supervised

__all__ = [
    "AlreadyRunningError",
    "Running",
    "Service",
    "ServiceFailedError",
    "Services",
    "dagster_services",
    "find_running",
    "gateway_service",
    "listener_service",
    "supervised",
]
