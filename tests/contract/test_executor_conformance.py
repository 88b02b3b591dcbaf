"""The executor in this process keeps what every executor promises; broken ones are caught."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from lamina.data.artifacts.store import Artifacts
from lamina.execution import run
from lamina.execution.engine import execute
from lamina.execution.options import Options
from lamina.execution.runtimes.local import LocalRuntime
from lamina.execution.values import StoredValues, run_inputs
from lamina.testing.executors import check_executor
from lamina.workflow import Workflow


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_local_executor_keeps_its_promises(threads: int) -> None:
    check_executor(lambda made, inputs: run(made, inputs, threads=threads).outputs)


def test_worker_processes_keep_the_promises_of_executors(tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path / "artifacts")
    values = StoredValues(artifacts)
    numbers = count()

    def go(made: Workflow, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        checked = run_inputs(made, inputs)
        given = {n: values.constant(v, made.input(n), None) for n, v in checked.items()}
        ending = execute(
            made,
            given,
            run="a-run",
            folder=tmp_path / f"run{next(numbers)}",
            runtime=LocalRuntime(artifacts, 2.0, 2**32, ()),
            values=values,
            sink=lambda events: None,
            options=Options(workers=2),
        )
        if ending.failures:
            raise ending.failures[0]
        return {name: artifacts.get(ref) for name, ref in ending.outputs.items()}

    check_executor(go)


def test_an_executor_that_loses_order_is_caught() -> None:
    def backwards(made: Workflow, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        found = run(made, inputs).outputs
        return {k: v[::-1] if isinstance(v, list) else v for k, v in found.items()}

    with pytest.raises(AssertionError, match="not in order"):
        check_executor(backwards)


def test_an_executor_that_hides_failures_is_caught() -> None:
    def silent(made: Workflow, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            return run(made, inputs).outputs
        except Exception:
            return {}

    with pytest.raises(AssertionError, match="should have failed"):
        check_executor(silent)
