"""A runtime that has tasks placed keeps what every runtime promises, whoever chooses the place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lamina.data.artifacts.store import Artifacts
from lamina.execution.placed.lanes import Lane
from lamina.execution.runtimes.base import Assignment
from lamina.execution.runtimes.local import LocalRuntime
from lamina.execution.runtimes.placed import PlacedRuntime
from lamina.execution.values import StoredValues
from lamina.planning.placement.words import Runtime
from lamina.testing.runtimes import Bench, check_runtime
from lamina.workflow.needs import Placement


class _All(PlacedRuntime):
    """Every assignment asks for a place."""

    def start(self, assignment: Assignment) -> None:
        care = replace(assignment.task.care, placement=Placement())
        super().start(replace(assignment, task=replace(assignment.task, care=care)))


def bench(folder: Path, kind: Any = _All) -> Bench:
    artifacts = Artifacts(folder / "artifacts")
    lanes = {
        name: Lane(Runtime(name, standby=True, capacity=4), environment={"PLACE": name})
        for name in ("near", "far")
    }
    usual = LocalRuntime(artifacts, 2.0, 2**32, ())
    runtime = kind(usual, lanes, [], StoredValues(artifacts))
    return Bench(runtime, artifacts.put, artifacts.get, folder)


@pytest.mark.parametrize("kind", [PlacedRuntime, _All])
def test_placed_assignments_keep_the_promises(tmp_path: Path, kind: Any) -> None:
    check_runtime(lambda: bench(tmp_path, kind))
