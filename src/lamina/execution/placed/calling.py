"""What a worker of this machine does for a task that a pod runs: hands it over, and waits."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from lamina.data.artifacts.store import Artifacts
from lamina.errors import UsageError
from lamina.execution.failures import CommandFailed
from lamina.execution.placed.services import CALL, Service, key_of
from lamina.execution.placing.parcels import packed, unpacked
from lamina.execution.placing.pods import Pod
from lamina.workflow.ports import Port
from lamina.workflow.telling import Attempt, current

WAIT = 5.0
"""Seconds that a question may wait for news, at most."""


def call_pod(**values: Any) -> Any:
    """The task of this attempt, done by the pod that its lane names.

    Raises:
        PodError: the pod went away, or does not take work.
        UsageError: values that cannot travel; other code there than here.
        CommandFailed: the task failed there; it has the class's name and the words of its error.
    """
    told = json.loads(os.environ[CALL])
    service, attempt = Service.from_json(told), current()
    assert attempt is not None
    artifacts = Artifacts(service.artifacts)
    kinds = {one[0]: Port(*one).type for one in told["in"]}
    refs = {name: artifacts.put(value, kinds[name]) for name, value in values.items()}
    order = {
        "code": service.code, "in": told["in"], "out": told["out"],
        "parcel": packed(artifacts, refs), "run": attempt.run, "name": attempt.task,
        "attempt": attempt.number, "threads": attempt.threads,
    }  # fmt: skip
    pod, key = service.pod(), key_of(attempt.run, attempt.task, attempt.number)
    try:
        pod.hand(key, order)
        found = _awaited(pod, key, attempt)
    finally:
        pod.cancel(key)
        pod.close()
    _judge(pod, found)
    outputs = unpacked(artifacts, found["parcel"])
    made = {name: artifacts.get(ref, trusted=False) for name, ref in outputs.items()}
    return next(iter(made.values())) if len(told["out"]) == 1 else made


def _awaited(pod: Pod, key: str, attempt: Attempt) -> dict[str, Any]:
    """What came of it; live metrics are told on meanwhile."""
    seen, wait = 0, min(WAIT, pod.limits.answer / 3)
    while True:
        answer = pod.results(key, seen, wait)
        seen = answer.next
        for one in answer.results:
            if "value" in one:
                found: dict[str, Any] = one["value"]
                return found
            attempt.tell(one["told"])


def _judge(pod: Pod, found: Mapping[str, Any]) -> None:
    """Raises what an attempt raises that ended as this one did."""
    status, error = found["status"], found["error"]
    if status == "succeeded":
        return
    cause, way_out = str(error.get("cause", "it failed")), str(error.get("way_out", ""))
    if status == "refused":
        raise UsageError(f"pod {pod.address}: {cause}", way_out)
    if status == "memory":
        raise MemoryError(f"pod {pod.address}: {cause}")
    kind = type(str(error.get("kind", "CommandFailed")), (CommandFailed,), {})
    raise kind(cause, str(error.get("details", "")), way_out)
