"""What the switches in the Dagster UI do, done to an instance directly."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.definitions.selector import InstigatorSelector
from dagster._core.remote_origin import (
    GrpcServerCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, SensorInstigatorData

ON, OFF, AS_DECLARED = InstigatorStatus.RUNNING, InstigatorStatus.STOPPED, InstigatorStatus.DECLARED_IN_CODE


def switch(instance: dg.DagsterInstance, name: str, status: InstigatorStatus) -> None:
    """Switch a sensor of the code location on or off."""
    location = GrpcServerCodeLocationOrigin(host="127.0.0.1", port=1, location_name="telephony")
    origin = RemoteInstigatorOrigin(
        repository_origin=RemoteRepositoryOrigin(code_location_origin=location, repository_name="__repository__"),
        instigator_name=name,
    )
    state = InstigatorState(origin, InstigatorType.SENSOR, status, SensorInstigatorData(sensor_type=None))
    selector = InstigatorSelector(location_name="telephony", repository_name="__repository__", name=name).get_id()
    assert state.selector_id == selector
    if instance.get_instigator_state("", selector) is None:
        instance.add_instigator_state(state)
    else:
        instance.update_instigator_state(state)


def zone_of_daytime() -> str:
    """Return a zone in which it is neither the first nor the last hour of the day, so that a window can be open."""
    return "Etc/GMT+6" if datetime.now(UTC).hour > 12 else "Etc/GMT-6"
