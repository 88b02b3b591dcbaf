"""Manifests for Knative and OpenFaaS: as they are kept in tests/golden/placing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from lamina.errors import UsageError
from lamina.execution.placing.manifests import write_manifests
from lamina.execution.placing.profile import read_profile

GOLDEN = Path(__file__).parents[2] / "golden" / "placing"


def written(folder: Path, text: str = "") -> list[Path]:
    profile = GOLDEN / "profile.yaml"
    if text:
        profile = folder / "profile.yaml"
        profile.write_text(text)
    return write_manifests(read_profile(profile), "classify.py:classify", folder / "out")


@pytest.mark.parametrize(
    "name", ["knative.yaml", "stack.yml", "openfaas-profiles.yaml", "Dockerfile"]
)
def test_manifests_are_as_they_were(tmp_path: Path, name: str) -> None:
    written(tmp_path)
    assert (tmp_path / "out" / name).read_text() == (GOLDEN / name).read_text()


def test_a_service_asks_for_devices_its_token_and_one_pod(tmp_path: Path) -> None:
    written(tmp_path)
    services: list[dict[str, Any]] = list(
        yaml.safe_load_all((tmp_path / "out" / "knative.yaml").read_text())
    )
    assert [one["metadata"]["name"] for one in services] == ["cpu", "gpu2"]
    assert {one["apiVersion"] for one in services} == {"serving.knative.dev/v1"}
    template = services[1]["spec"]["template"]
    (container,) = template["spec"]["containers"]
    assert container["resources"]["limits"] == {"nvidia.com/gpu": "2"}
    assert container["env"][0]["valueFrom"]["secretKeyRef"]["name"] == "gpu2-token"
    assert template["metadata"]["annotations"]["autoscaling.knative.dev/max-scale"] == "1"


KNOWN = {
    "image", "environment", "secrets", "skip_build", "labels", "annotations", "namespace", "limits",
    "requests", "lang", "handler", "constraints", "fprocess", "readonly_root_filesystem",
}  # fmt: skip
"""What a function of a stack may have, as faas-cli reads it."""


def test_devices_are_asked_of_openfaas_by_a_profile_since_a_stack_cannot(tmp_path: Path) -> None:
    out = tmp_path / "out"
    written(tmp_path)
    functions: dict[str, Any] = yaml.safe_load((out / "stack.yml").read_text())["functions"]
    for function in functions.values():
        assert set(function) <= KNOWN
        assert set(function.get("limits", {})) <= {"memory", "cpu"}
    name = functions["gpu2"]["annotations"]["com.openfaas.profile"]
    (profile,) = yaml.safe_load_all((out / "openfaas-profiles.yaml").read_text())
    assert profile["metadata"] == {"name": name, "namespace": "openfaas"}
    assert profile["spec"]["resources"]["limits"] == {"nvidia.com/gpu": "2"}


def test_without_devices_there_is_no_profile(tmp_path: Path) -> None:
    paths = written(tmp_path, 'runtimes: {a: {kind: http, address: "https://x.org"}}')
    assert {path.name for path in paths} == {"knative.yaml", "stack.yml", "Dockerfile"}


def test_no_secret_stands_in_a_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPU2_TOKEN", "very-secret-token")
    assert not any("very-secret-token" in path.read_text() for path in written(tmp_path))


def test_a_profile_without_http_runtimes_has_no_manifests(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no runtime of kind http"):
        written(tmp_path, "runtimes: {edge: {kind: local}}")


def test_a_name_that_no_cluster_takes_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="GPU_1"):
        written(tmp_path, 'runtimes: {GPU_1: {kind: http, address: "https://x.org"}}')
