"""Told parameters and defaults that can be checked before a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamina.errors import WorkflowError
from lamina.execution import run
from lamina.workflow import Workflow, named, workflow
from lamina.workflow.told import told_mistakes


def training(network: object, default: object = "papers-1") -> Workflow:
    with workflow("w") as w:
        nets = w.input("nets", "list[network]", default=[default])
        w.output("each", named("train").map(nets, table="no.csv", target="y"))
        w.output("one", named("train")(network=network, table="no.csv", target="y"))
    return w.workflow


def test_networks_are_checked_and_tables_are_left_to_the_run() -> None:
    assert list(told_mistakes(training("5-3-1"))) == []
    found = dict(told_mistakes(training("papers-9", {"lamina": "network/1"})))
    assert list(found) == ["workflow input 'nets'", "task 'train_2'"]
    assert "layers: is missing" in found["workflow input 'nets'"]
    assert "did you mean 'papers-5'?" in found["task 'train_2'"]


def test_a_run_does_not_start_with_a_network_that_cannot_be_read(tmp_path: Path) -> None:
    started: list[object] = []
    with pytest.raises(WorkflowError, match="task 'train_2': port 'network': papers-9"):
        run(training("papers-9"), folder=tmp_path, on_event=started.append)
    assert started == []
