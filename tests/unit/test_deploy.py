"""What we ship for production agrees with the code: files that lag behind it fail here."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster._config import validate_config
from dagster._core.instance.config import dagster_instance_config
from typer.main import get_command
from typer.testing import CliRunner

from pipelines.cli import make_app
from pipelines.services.dagster import write_instance
from pipelines.settings import SettingsError, load_settings
from pipelines.workers import WorkersRunLauncher

CHECKOUT = Path(__file__).parents[2]
DEPLOY = CHECKOUT / "deploy"
CELERY = DEPLOY / "dagster.celery.yaml"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
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


def test_what_was_built_runs_without_rights() -> None:
    """Its user has a number, by which alone Kubernetes sees that it is not root; containers keep no capability."""
    [user] = re.findall(r"^USER (.+)$", (DEPLOY / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    assert int(user) > 0
    for name in OURS:
        service = COMPOSE["services"][name]
        assert (service["cap_drop"], service["security_opt"]) == (["ALL"], ["no-new-privileges:true"]), name


@pytest.mark.parametrize("unit", ["switchboard.service", "systemd/switchboard@.service"])
def test_units_are_such_as_systemd_takes(unit: str, tmp_path: Path) -> None:
    """Every line is one it knows, and what it shuts in is shut in."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd is not installed here")
    # The paths of an installation are not here.
    text = re.sub(r"(?m)^ExecStart=.*", "ExecStart=/bin/true", (DEPLOY / unit).read_text("utf-8"))
    file = tmp_path / Path(unit).name.replace("@", "@gateway")
    file.write_text(text.replace("WorkingDirectory=/opt/switchboard", "WorkingDirectory=/"), "utf-8")
    verified = subprocess.run([analyze, "verify", str(file)], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
    judged = subprocess.run(
        [analyze, "security", "--offline=true", "--threshold=40", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert judged.returncode == 0, judged.stdout.splitlines()[-1:]


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
