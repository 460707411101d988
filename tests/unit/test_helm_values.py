"""What is shipped for Kubernetes agrees with the code, with Dagster and Kubernetes; with the chart where it is at hand.

The chart is in no package index and not ours to ship. Where SWITCHBOARD_TEST_CHART names a copy of its folder and
`helm` is on the PATH, it is rendered; docs/scaling.md says how, and when that was last done.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes.client  # type: ignore[import-untyped]
import pytest
import yaml
from dagster._config import validate_config
from dagster._core.instance.config import dagster_instance_config
from dagster_k8s import K8sRunLauncher
from dagster_k8s.models import k8s_model_from_dict, k8s_snake_case_dict

from pipelines.services.dagster import code_location
from tests.unit.test_deploy import CELERY, CHECKOUT, accept, instance

VALUES = CHECKOUT / "deploy" / "helm" / "values.yaml"
HELM: dict[str, Any] = yaml.safe_load(VALUES.read_text("utf-8"))
IMAGE = "{repository}:{tag}".format(**HELM["dagsterDaemon"]["image"])
OF_THE_CHART = {"storage", "telemetry", "run_launcher", "run_coordinator"}
"""What the chart writes into dagster.yaml by values of its own."""


def run_coordinator() -> dict[str, Any]:
    """Return the run coordinator that the values name, which the chart writes as it stands."""
    given = HELM["dagsterDaemon"]["runCoordinator"]
    assert given["enabled"]
    assert given["type"] == "CustomRunCoordinator"
    return dict(given["config"]["customRunCoordinator"])


def accepted_by_kubernetes(manifest: dict[str, Any]) -> None:
    """See that Kubernetes knows every key, and that nothing it requires is missing."""
    model = getattr(kubernetes.client, f"V1{manifest['kind']}")
    assert manifest["apiVersion"].endswith("v1")
    k8s_model_from_dict(model, k8s_snake_case_dict(model, without_nulls(manifest)))


def without_nulls(value: Any) -> Any:  # noqa: ANN401
    """Return YAML without keys that say nothing, which Kubernetes leaves out."""
    if isinstance(value, dict):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [without_nulls(inner) for inner in value] if isinstance(value, list) else value


def test_dagster_is_set_as_everywhere(tmp_path: Path) -> None:
    """The chart writes its own storage and launcher; all else comes from `additionalInstanceConfig`, as it stands."""
    celery = instance(tmp_path, CELERY)
    extra = HELM["additionalInstanceConfig"]
    assert extra == {key: value for key, value in celery.items() if key not in OF_THE_CHART}
    assert run_coordinator() == celery["run_coordinator"]
    # What the chart would write a second time is switched off there.
    daemon = HELM["dagsterDaemon"]
    assert not any(daemon[part]["enabled"] for part in ("runMonitoring", "runRetries"))
    assert not any(daemon[part]["useThreads"] for part in ("sensors", "schedules"))
    assert HELM["telemetry"] == {"enabled": False}


def test_dagster_takes_what_the_chart_makes_of_the_values(tmp_path: Path) -> None:
    """Storage and launcher written as the chart's templates write them."""
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
        "dagster_home": "/opt/dagster/dagster_home",
        "instance_config_map": "dagster-instance",
        "postgres_password_secret": HELM["global"]["postgresqlSecretName"],
        "env_secrets": [each["name"] for each in values["envSecrets"]],
        "resources": values["resources"],
        "security_context": values["securityContext"],
        "run_k8s_config": {"job_spec_config": values["runK8sConfig"]["jobSpecConfig"]},
    }
    checked = validate_config(K8sRunLauncher.config_type(), config)  # type: ignore[no-untyped-call]
    assert checked.success, checked.errors
    rendered = {
        "storage": {"postgres": {"postgres_db": url}},
        "run_launcher": {"module": "dagster_k8s", "class": "K8sRunLauncher", "config": config},
        "run_coordinator": run_coordinator(),
        "telemetry": HELM["telemetry"],
        **HELM["additionalInstanceConfig"],
    }
    (tmp_path / "dagster.yaml").write_text(json.dumps(rendered))
    dagster_instance_config(str(tmp_path))


def test_runs_have_the_memory_that_is_meant_for_them() -> None:
    """What a code location adds to its runs goes before the launcher's, and would be the code server's limits."""
    [deployment] = HELM["dagster-user-deployments"]["deployments"]
    assert deployment["includeConfigInLaunchedRuns"] == {"enabled": False}
    launcher = HELM["runLauncher"]["config"]["k8sRunLauncher"]
    assert launcher["envSecrets"] == deployment["envSecrets"]


def test_the_code_location_has_its_name() -> None:
    """Stored switches belong to it, and the listener asks for them by it."""
    [deployment] = HELM["dagster-user-deployments"]["deployments"]
    assert deployment["name"] == code_location(CHECKOUT)["location_name"]
    assert code_location(CHECKOUT)["module_name"] in deployment["dagsterApiGrpcArgs"]


def test_our_own_services_are_told_commands_that_exist() -> None:
    """Of one image, which is that of Dagster's services; without rights, and such as Kubernetes takes."""
    for manifest in HELM["extraManifests"]:
        accepted_by_kubernetes(manifest)
        pod = manifest["spec"].get("template", {}).get("spec", {"containers": []})
        for container in pod["containers"]:
            accept(container["args"])
            assert container["image"] == IMAGE
            assert container["securityContext"]["runAsNonRoot"]
            assert pod["automountServiceAccountToken"] is False


class OnceOnly(yaml.SafeLoader):
    """Reads YAML in which a key may not be said twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping; a key that comes again is an error instead of the last word."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        assert len(keys) == len(set(keys)), keys
        return super().construct_mapping(node, deep)


def without_remote_schemas(value: Any) -> Any:  # noqa: ANN401
    """Return a JSON schema without what it fetches from elsewhere: Kubernetes' parts, checked as manifests."""
    if isinstance(value, dict):
        return {
            key: without_remote_schemas(inner)
            for key, inner in value.items()
            if not (key == "$ref" and str(inner).startswith("http"))
        }
    return [without_remote_schemas(inner) for inner in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What Helm makes of the chart with our values, which its schema takes."""
    given, helm = os.environ.get("SWITCHBOARD_TEST_CHART"), shutil.which("helm")
    if not given or not helm:
        pytest.skip("Dagster's chart is not here: SWITCHBOARD_TEST_CHART names its folder, and helm is on the PATH")
    home = tmp_path_factory.mktemp("helm")
    chart = Path(shutil.copytree(given, home / "dagster"))
    for file in chart.rglob("values.schema.json"):
        file.write_text(json.dumps(without_remote_schemas(json.loads(file.read_text("utf-8")))), "utf-8")
    done = subprocess.run(
        [helm, "template", "dagster", str(chart), "--values", str(VALUES)],
        env=os.environ | {f"HELM_{name}_HOME": str(home / name) for name in ("CONFIG", "CACHE", "DATA")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [manifest for manifest in yaml.load_all(done.stdout, OnceOnly) if manifest]


def containers(rendered: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the containers of all deployments and jobs."""
    for manifest in rendered:
        if manifest["kind"] in {"Deployment", "Job"}:
            yield from manifest["spec"]["template"]["spec"]["containers"]


def test_kubernetes_takes_every_manifest_that_the_chart_renders(rendered: list[dict[str, Any]]) -> None:
    """Ours are among them, and each container is of our image and may not gain rights."""
    for manifest in rendered:
        accepted_by_kubernetes(manifest)
    names = {(manifest["kind"], manifest["metadata"]["name"]) for manifest in rendered}
    assert {(ours["kind"], ours["metadata"]["name"]) for ours in HELM["extraManifests"]} < names
    for container in containers(rendered):
        assert container["image"] == IMAGE
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert all(port["containerPort"] >= 1024 for port in container.get("ports") or ())


def test_the_rendered_dagster_yaml_says_what_ours_says_once(rendered: list[dict[str, Any]], tmp_path: Path) -> None:
    """And Dagster takes it, its launcher the launcher's part."""
    [text] = [each["data"]["dagster.yaml"] for each in rendered if "dagster.yaml" in (each.get("data") or {})]
    said = yaml.load(text, OnceOnly)  # noqa: S506 - a safe loader
    celery = instance(tmp_path / "celery", CELERY)
    for key in celery.keys() - {"storage", "run_launcher"}:
        assert said[key] == celery[key], key
    for part in ("run_storage", "event_log_storage", "schedule_storage"):
        assert said[part]["config"]["postgres_db"]["scheme"] == "postgresql+psycopg2"
    assert said["run_launcher"]["config"]["resources"]["limits"] == {"memory": "2Gi"}
    checked = validate_config(K8sRunLauncher.config_type(), said["run_launcher"]["config"])  # type: ignore[no-untyped-call]
    assert checked.success, checked.errors
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text(text, "utf-8")
    dagster_instance_config(str(home))


def test_the_rendered_workspace_names_our_code_location(rendered: list[dict[str, Any]]) -> None:
    """Under the name by which switches are stored."""
    [text] = [each["data"]["workspace.yaml"] for each in rendered if "workspace.yaml" in (each.get("data") or {})]
    [location] = yaml.safe_load(text)["load_from"]
    assert location["grpc_server"]["location_name"] == code_location(CHECKOUT)["location_name"]
