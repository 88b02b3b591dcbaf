"""A network as a workflow: layers are tasks, and every value in between is a port."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings

from lamina.errors import DataError
from lamina.nets.bundle import Bundle
from lamina.nets.convert.torch_out import to_torch
from lamina.nets.initial import initial_weights
from lamina.nets.layers.linear import Linear
from lamina.nets.network import Network, sequential
from lamina.nets.workflow import as_workflow, run_layer
from lamina.nets.zoo import ZOO, mlp, papers_1
from lamina.testing.layer_strategies import networks
from lamina.testing.layers import rows_for, small_zoo
from lamina.workflow.document import workflow_from_text, workflow_to_text
from lamina.workflow.graph import Workflow


def model_of(network: Network) -> Bundle:
    return Bundle(network, initial_weights(network, "xavier", 3))


def values_of(workflow: Workflow, given: dict[str, Any]) -> dict[str, Any]:
    """The value at every source of a workflow of layers, computed task by task."""
    values = dict(given)
    for name in workflow.order:
        task = workflow[name]
        inputs = [values[e.source] for e in workflow.incoming[name] if e.target_port == "inputs"]
        values[f"{name}.result"] = run_layer(inputs, values["model"], **task.parameters)
    return values


@pytest.mark.parametrize("name", ZOO.names())
def test_layer_by_layer_gives_what_the_whole_network_gives(name: str) -> None:
    network = small_zoo(name)
    model, rows = model_of(network), rows_for(network, 3)
    workflow = as_workflow(network)
    values = values_of(workflow, {"x": rows[0], "model": model})
    with torch.no_grad():
        whole = to_torch(network, model.weights).eval()(torch.from_numpy(rows[0]))
    (edge,) = workflow.incoming[""]
    assert np.allclose(values[edge.source], whole.numpy(), atol=1e-6)


@settings(deadline=None, max_examples=40)
@given(networks())
def test_any_network_is_a_workflow_that_a_document_keeps(network: Network) -> None:
    workflow = as_workflow(network)
    assert len(workflow) == len(network.nodes)
    assert len(workflow.outputs) == len(network.outputs)
    assert workflow_from_text(workflow_to_text(workflow)) == workflow


def test_a_tapped_layer_is_a_further_output() -> None:
    workflow = as_workflow(papers_1().tapped("r1"))
    assert [port.name for port in workflow.outputs] == ["s1", "r1"]
    assert {edge.source for edge in workflow.incoming[""]} == {"s1.result", "r1.result"}


def test_names_that_a_workflow_does_not_allow_are_spelled_otherwise() -> None:
    chain = [("0.weight", Linear(2, 2)), ("0/weight", Linear(2, 2)), ("model", Linear(2, 1))]
    network = sequential(chain, name="?")
    workflow = as_workflow(network)
    assert [task.name for task in workflow.tasks] == ["_0_weight", "_0_weight_2", "model"]
    assert [port.name for port in workflow.inputs] == ["x", "model_2"]
    assert workflow.name == "network"


def test_a_model_with_another_layer_is_refused() -> None:
    layer = {"layer": "Linear", "in_features": 5, "out_features": 3}
    rows = np.zeros((2, 5), np.float32)
    with pytest.raises(DataError, match="in the model there is"):
        run_layer([rows], model_of(papers_1()), {**layer, "out_features": 4}, "l1")
    with pytest.raises(DataError, match="none of that name, but l1, r1, l2, s1"):
        run_layer([rows], model_of(papers_1()), layer, "l9")


def test_rows_of_another_shape_are_refused() -> None:
    layer = {"layer": "Linear", "in_features": 5, "out_features": 3}
    with pytest.raises(DataError, match=r"needs rows of shape \(5,\); it gets \(4,\)"):
        run_layer([np.zeros((2, 4))], model_of(papers_1()), layer, "l1")


def test_a_network_of_a_thousand_layers_becomes_a_workflow_soon() -> None:
    network = mlp(8, [8] * 500)
    start = time.perf_counter()
    assert len(as_workflow(network)) == 1002
    assert time.perf_counter() - start < 3.0
