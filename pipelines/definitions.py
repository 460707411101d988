"""The code location: everything Dagster knows of, assembled in one place.

Asset implementations, jobs and schedules are made elsewhere; this module only puts them together.
"""

from __future__ import annotations

import importlib
import pkgutil
import warnings
from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster import BetaWarning

import assets
from assets.calendar import CallDays
from assets.platform import Platform
from assets.quality.checks import make_checks
from pipelines.housekeeping import Retention
from pipelines.jobs import make_jobs
from pipelines.live_sensors import make_live_sensors
from pipelines.messenger_sensors import make_messenger_sensors
from pipelines.platform import make_platform
from pipelines.schedules import make_schedules
from pipelines.sensors import make_sensors
from pipelines.settings import Settings, load_settings
from pipelines.ui import with_its_page, with_more_told

# Dagster passes this parameter itself when it copies a sensor, and would warn of it at every start.
warnings.filterwarnings("ignore", "Parameter `owners` of initializer `SensorDefinition", BetaWarning)


@dg.definitions
def defs() -> dg.Definitions:
    """Return the code location as the settings describe it."""
    return build_defs(load_settings())


def build_defs(settings: Settings, platform: Platform | None = None) -> dg.Definitions:
    """Assemble assets, checks, jobs, schedules and resources.

    Args:
        settings: what is configured.
        platform: what the assets work with; made from the settings when first needed where absent.
    """
    call_days = CallDays.since(settings.history_start_on, settings.timezone, settings.backfill_days)
    jobs = {job.name: job for job in make_jobs(Retention(**settings.retention.model_dump()))}
    return dg.Definitions(
        assets=[_told_more(asset, settings.docs_url) for asset in make_assets(call_days)],
        asset_checks=make_checks(),
        jobs=list(jobs.values()),
        schedules=[with_its_page(schedule, settings.docs_url) for schedule in make_schedules(settings, jobs)],
        sensors=[
            with_its_page(sensor, settings.docs_url)
            for sensor in (
                *make_sensors(settings, jobs),
                *make_live_sensors(settings),
                *make_messenger_sensors(settings, jobs),
            )
        ],
        resources={"platform": platform or _platform_from(settings)},
        # A process per step would double what a run costs, and no run here has parallel steps.
        executor=dg.in_process_executor,
    )


def make_assets(call_days: CallDays) -> Iterator[dg.AssetsDefinition | dg.AssetSpec]:
    """Yield the assets of every module of the package that has some."""
    with warnings.catch_warnings():
        # Backfill policies are used knowingly; Dagster would say "beta" once for each asset, at every start.
        warnings.simplefilter("ignore", BetaWarning)
        for module in pkgutil.walk_packages(assets.__path__, "assets."):
            make: Any = getattr(importlib.import_module(module.name), "make_assets", None)
            if make is not None:
                yield from make(call_days)


def _told_more(asset: dg.AssetsDefinition | dg.AssetSpec, docs_url: str) -> dg.AssetsDefinition | dg.AssetSpec:
    if isinstance(asset, dg.AssetSpec):
        return with_more_told(asset, docs_url)
    return asset.map_asset_specs(lambda spec: with_more_told(spec, docs_url))


def _platform_from(settings: Settings) -> dg.ResourceDefinition:
    @dg.resource(description="Warehouse, telephony servers and rules, as the settings describe them.")
    def platform(_context: dg.InitResourceContext) -> Platform:
        return make_platform(settings)

    return platform
