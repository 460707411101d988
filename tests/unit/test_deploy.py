"""What we ship for production agrees with the code: files that lag behind it fail here."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster._config import validate_config
from dagster._core.instance.config import dagster_instance_config
from dagster_k8s import K8sRunLauncher
from typer.main import get_command
from typer.testing import CliRunner

from pipelines.cli import make_app
from pipelines.services.dagster import code_location, write_instance
from pipelines.settings import SettingsError, load_settings
from pipelines.workers import WorkersRunLauncher

CHECKOUT = Path(__file__).parents[2]
DEPLOY = CHECKOUT / "deploy"
CELERY = DEPLOY / "dagster.celery.yaml"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
HELM: dict[str, Any] = yaml.safe_load((DEPLOY / "helm" / "values.yaml").read_text("utf-8"))
OURS = [name for name, service in COMPOSE["services"].items() if str(service["image"]).startswith("switchboard:")]


def instance(folder: Path, overlay: Path | None = None) -> dict[str, Any]:
    """Return Dagster's own settings as its services read them."""
    settings, _ = dagster_instance_config(str(write_instance(CHECKOUT, folder, overlay)))
    return dict(settings)


def accept(arguments: list[str]) -> None:
    """Have the command line read arguments, and do nothing."""
    program, name, *rest = arguments
    assert program == "switchboard"
    command = get_command(make_app()).commands[name]  # type: ignore[attr-defined]
    command.make_context(name, rest)


def test_the_overlay_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    """Dagster takes the whole, its launcher the launcher's part."""
    plain, celery = instance(tmp_path / "plain"), instance(tmp_path / "celery", CELERY)
    named = set(yaml.safe_load(CELERY.read_text("utf-8")))
    assert {key for key in celery if celery[key] != plain.get(key)} == named
    assert celery["run_monitoring"]["max_runtime_seconds"] == plain["run_monitoring"]["max_runtime_seconds"]
    launcher = celery["run_launcher"]
    assert (launcher["module"], launcher["class"]) == (WorkersRunLauncher.__module__, WorkersRunLauncher.__name__)
    checked = validate_config(WorkersRunLauncher.config_type(), launcher["config"])
    assert checked.success, checked.errors


@pytest.mark.parametrize("name", OURS)
def test_every_container_is_told_a_command_that_exists(name: str) -> None:
    """With options that it takes."""
    accept(COMPOSE["services"][name]["command"])


def test_the_image_takes_whole_commands() -> None:
    """Dagster's chart and its launcher say `dagster api …`: an entry point would come before it."""
    assert "\nENTRYPOINT" not in (DEPLOY / "Dockerfile").read_text("utf-8")


def test_one_machine_after_another_is_told_a_service_that_exists() -> None:
    """The instance of the systemd unit is what `serve` is told."""
    unit = (DEPLOY / "systemd" / "switchboard@.service").read_text("utf-8")
    listed = re.search(r"is told: (.+)\.\n", unit)
    assert listed is not None
    for name in listed[1].split(", "):
        accept(["switchboard", "serve", name])
    assert "switchboard serve %i $SERVE_OPTIONS" in unit


def test_a_worker_without_a_queue_says_what_to_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Instead of waiting for runs that are launched elsewhere."""
    monkeypatch.setenv("SWITCHBOARD_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setenv("SWITCHBOARD_HOME", str(tmp_path))
    monkeypatch.setenv("SWITCHBOARD_CONFIG", str(tmp_path / "absent.toml"))
    monkeypatch.delenv("SWITCHBOARD_DAGSTER_OVERLAY", raising=False)
    result = CliRunner().invoke(make_app(), ["serve", "worker"])
    assert isinstance(result.exception, SettingsError)
    assert "SWITCHBOARD_DAGSTER_OVERLAY" in str(result.exception)


def test_nothing_is_published_but_on_loopback_unless_told_otherwise() -> None:
    """The database, the broker and Dagster's UI, which asks for no log-in, are published nowhere."""
    published = {name: service["ports"] for name, service in COMPOSE["services"].items() if "ports" in service}
    assert set(published) == {"gateway-1", "gateway-2", "proxy"}
    assert all(port.startswith("${PUBLIC_ADDRESS:-127.0.0.1}:") for ports in published.values() for port in ports)


def test_the_example_environment_is_one_that_the_settings_take(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every variable of it is a setting, or one that the overlay asks for."""
    for name in [name for name in os.environ if name.startswith("SWITCHBOARD_")]:
        monkeypatch.delenv(name)
    lines = (DEPLOY / "production.env.example").read_text("utf-8").splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SWITCHBOARD_CONFIG", "absent.toml")
    settings = load_settings()
    assert settings.dagster_overlay == Path("/opt/switchboard/deploy/dagster.celery.yaml")
    known = (CHECKOUT / "docs" / "settings.md").read_text("utf-8")
    of_overlay = CELERY.read_text("utf-8")
    for name in given:
        assert name.startswith("SWITCHBOARD_SOURCES__") or f"`{name}`" in known or f"env: {name}" in of_overlay, name


def test_on_kubernetes_dagster_is_set_as_everywhere(tmp_path: Path) -> None:
    """The chart renders its own storage and launcher; all else comes from `additionalInstanceConfig`, as it stands."""
    celery = instance(tmp_path, CELERY)
    extra = HELM["additionalInstanceConfig"]
    of_the_chart = {"storage", "telemetry", "run_launcher"}
    assert extra == {key: value for key, value in celery.items() if key not in of_the_chart}
    # What the chart would write a second time is switched off there.
    daemon = HELM["dagsterDaemon"]
    assert not any(daemon[part]["enabled"] for part in ("runCoordinator", "runMonitoring", "runRetries"))
    assert not any(daemon[part]["useThreads"] for part in ("sensors", "schedules"))
    assert HELM["telemetry"] == {"enabled": False}


def test_on_kubernetes_dagster_takes_what_the_chart_makes_of_the_values(tmp_path: Path) -> None:
    """Storage and launcher written as the chart's templates write them; the chart itself is in no package index."""
    postgres = HELM["postgresql"]
    url = {
        "username": postgres["postgresqlUsername"],
        "password": {"env": "DAGSTER_PG_PASSWORD"},
        "hostname": postgres["postgresqlHost"],
        "db_name": postgres["postgresqlDatabase"],
        "port": postgres["service"]["port"],
        "scheme": postgres["postgresqlScheme"],
    }
    values = HELM["runLauncher"]["config"]["k8sRunLauncher"]
    config = {
        "load_incluster_config": values["loadInclusterConfig"],
        "image_pull_policy": values["imagePullPolicy"],
        "service_account_name": "dagster",
        "dagster_home": {"env": "DAGSTER_HOME"},
        "instance_config_map": {"env": "DAGSTER_K8S_INSTANCE_CONFIG_MAP"},
        "postgres_password_secret": {"env": "DAGSTER_K8S_PG_PASSWORD_SECRET"},
        "env_secrets": [each["name"] for each in values["envSecrets"]],
        "resources": values["resources"],
        "fail_pod_on_run_failure": values["failPodOnRunFailure"],
        "run_k8s_config": {"job_spec_config": values["runK8sConfig"]["jobSpecConfig"]},
    }
    checked = validate_config(K8sRunLauncher.config_type(), config)  # type: ignore[no-untyped-call]
    assert checked.success, checked.errors
    rendered = {
        "storage": {"postgres": {"postgres_db": url}},
        "run_launcher": {"module": "dagster_k8s", "class": "K8sRunLauncher", "config": config},
        "telemetry": HELM["telemetry"],
        **HELM["additionalInstanceConfig"],
    }
    (tmp_path / "dagster.yaml").write_text(json.dumps(rendered))
    dagster_instance_config(str(tmp_path))


def test_on_kubernetes_the_code_location_has_its_name() -> None:
    """Stored switches belong to it, and the listener asks for them by it."""
    [deployment] = HELM["dagster-user-deployments"]["deployments"]
    assert deployment["name"] == code_location(CHECKOUT)["location_name"]
    assert code_location(CHECKOUT)["module_name"] in deployment["dagsterApiGrpcArgs"]


def test_on_kubernetes_our_own_services_are_told_commands_that_exist() -> None:
    """Of one image, which is that of Dagster's services."""
    images = {f"{HELM['dagsterDaemon']['image']['repository']}:{HELM['dagsterDaemon']['image']['tag']}"}
    for manifest in HELM["extraManifests"]:
        for container in manifest["spec"].get("template", {}).get("spec", {}).get("containers", []):
            accept(container["args"])
            images.add(container["image"])
    assert len(images) == 1
