"""Manifests by which Knative and OpenFaaS run the pods of http runtimes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from lamina.errors import UsageError
from lamina.execution.placing.profile import Entry, Profile

IMAGE = "lamina-function:latest"
"""Image of a runtime that names none."""
PORT = 8080
TOKEN = "token"


def write_manifests(profile: Profile, function: str, folder: Path) -> list[Path]:
    """Writes `knative.yaml`, `stack.yml`, and a `Dockerfile` for the image; gives their paths.

    Where runtimes have devices, `openfaas-profiles.yaml` comes with them, which `kubectl` takes.

    Args:
        profile: its http runtimes are written.
        function: "module:name" or "file.py:name" that pods serve.
        folder: made where it is not there.

    Raises:
        UsageError: the profile has no http runtime, or one whose name no cluster takes.
    """
    entries = {name: e for name, e in profile.runtimes.items() if e.kind == "http"}
    if not entries:
        raise UsageError(
            f"profile {profile.file} has no runtime of kind http",
            f"its kinds: {', '.join(sorted({e.kind for e in profile.runtimes.values()}))}",
        )
    for name in entries:
        if not re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", name):
            raise UsageError(
                f"runtime {name!r} cannot be the name of a service",
                "small letters, digits and '-', the first one a letter, at most 63",
            )
    folder.mkdir(parents=True, exist_ok=True)
    services = [_knative(name, entry, function) for name, entry in entries.items()]
    gateways = {str(e.settings["gateway"]) for e in entries.values() if "gateway" in e.settings}
    if len(gateways) > 1:
        raise UsageError(
            f"the runtimes name several gateways: {', '.join(sorted(gateways))}",
            "write a profile for each",
        )
    stack = {
        "version": "1.0",
        "provider": {"name": "openfaas", "gateway": next(iter(gateways), "http://127.0.0.1:8080")},
        "functions": {name: _openfaas(name, e) for name, e in entries.items()},
    }
    written = {
        "knative.yaml": yaml.safe_dump_all(services, sort_keys=False, explicit_start=True),
        "stack.yml": yaml.safe_dump(stack, sort_keys=False),
        "Dockerfile": _DOCKERFILE.format(function=function),
    }
    profiles = [_profile(count) for count in sorted({e.runtime.devices for e in entries.values()})
                if count]  # fmt: skip
    if profiles:
        text = yaml.safe_dump_all(profiles, sort_keys=False, explicit_start=True)
        written["openfaas-profiles.yaml"] = text
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in written]


def _command(function: str) -> list[str]:
    return ["lamina", "serve-function", function, "--host", "0.0.0.0", "--port", str(PORT)]


def _knative(name: str, entry: Entry, function: str) -> dict[str, Any]:
    """A service of serving.knative.dev/v1. One pod at most: what is asked about a work has to reach
    the pod that does it."""
    runtime = entry.runtime
    container: dict[str, Any] = {
        "image": entry.settings.get("image", IMAGE),
        "command": _command(function),
        "ports": [{"name": "http1", "containerPort": PORT}],
        "env": [
            {
                "name": "LAMINA_TOKEN",
                "valueFrom": {"secretKeyRef": {"name": f"{name}-token", "key": TOKEN}},
            }
        ],
        "readinessProbe": {"httpGet": {"path": "/ready"}, "periodSeconds": 1},
        "livenessProbe": {"httpGet": {"path": "/health"}},
    }
    if runtime.devices:
        container["resources"] = {"limits": {"nvidia.com/gpu": str(runtime.devices)}}
    scaling = {
        "autoscaling.knative.dev/min-scale": "1" if runtime.standby else "0",
        "autoscaling.knative.dev/max-scale": "1",
        "autoscaling.knative.dev/scale-down-delay": "60s",
    }
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": _metadata(name, entry),
        "spec": {
            "template": {
                "metadata": {"annotations": scaling, "labels": _labels(entry)},
                "spec": {"timeoutSeconds": 300, "containers": [container]},
            }
        },
    }


def _openfaas(name: str, entry: Entry) -> dict[str, Any]:
    """A function of a stack; the image's own command listens where the watchdog would."""
    runtime = entry.runtime
    found: dict[str, Any] = {
        "skip_build": True,
        "image": entry.settings.get("image", IMAGE),
        "environment": {"LAMINA_TOKEN_FILE": f"/var/openfaas/secrets/{name}-token"},
        "secrets": [f"{name}-token"],
        "labels": {
            "com.openfaas.scale.min": "1",
            "com.openfaas.scale.max": "1",
            "com.openfaas.scale.zero": "false" if runtime.standby else "true",
            **_labels(entry),
        },
        "annotations": {
            "com.openfaas.health.http.path": "/health",
            "com.openfaas.ready.http.path": "/ready",
        },
    }
    if "namespace" in entry.settings:
        found["namespace"] = entry.settings["namespace"]
    if runtime.devices:
        found["annotations"]["com.openfaas.profile"] = _profile_name(runtime.devices)
    return found


def _profile_name(devices: int) -> str:
    return f"lamina-gpu-{devices}"


def _profile(devices: int) -> dict[str, Any]:
    """A profile of openfaas.com/v1: limits of a stack know memory and processors only."""
    wanted = {"nvidia.com/gpu": str(devices)}
    return {
        "apiVersion": "openfaas.com/v1",
        "kind": "Profile",
        "metadata": {"name": _profile_name(devices), "namespace": "openfaas"},
        "spec": {
            "tolerations": [
                {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
            ],
            "resources": {"requests": wanted, "limits": dict(wanted)},
        },
    }


def _metadata(name: str, entry: Entry) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, "labels": _labels(entry)}
    if "namespace" in entry.settings:
        found["namespace"] = entry.settings["namespace"]
    found["annotations"] = {"lamina/address": urlsplit(entry.settings["address"]).geturl()}
    return found


def _labels(entry: Entry) -> Mapping[str, str]:
    """What it may be asked to be."""
    return {f"lamina/{_plain(label)}": "true" for label in sorted(entry.runtime.labels)}


def _plain(label: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "-", label).strip("-_.") or "label"


_DOCKERFILE = """\
FROM python:3.11-slim
RUN pip install --no-cache-dir 'lamina[remote]'
WORKDIR /work
COPY . /work
USER 1000
EXPOSE 8080
CMD ["lamina", "serve-function", "{function}", "--host", "0.0.0.0", "--port", "8080"]
"""
