"""The executor in this process keeps what every executor promises; broken ones are caught."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from lamina.execution import run
from lamina.testing.executors import check_executor
from lamina.workflow import Workflow


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_local_executor_keeps_its_promises(threads: int) -> None:
    check_executor(lambda made, inputs: run(made, inputs, threads=threads).outputs)


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
