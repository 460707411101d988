"""The listener as a service."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from pipelines.services.service import Service


def listener_service(home: Path, checkout: Path, environment: Mapping[str, str]) -> Service:
    """Return the listener as a service.

    Args:
        home: the data folder; the listener asks Dagster's storage by the settings in it.
        checkout: the folder with the code.
        environment: what it needs to know besides the settings it reads itself, such as the URLs of databases.
    """
    return Service(
        name="listener",
        argv=[sys.executable, "-m", "pipelines.listener_process"],
        environment={**environment, "DAGSTER_HOME": str(home.resolve() / "dagster")},
        folder=checkout,
    )
