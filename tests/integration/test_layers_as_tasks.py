"""The ordinary executor runs a network layer by layer; what lies between is an ordinary port."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lamina.errors import TaskFailedError
from lamina.execution import run
from lamina.nets.bundle import Bundle
from lamina.nets.convert.torch_out import to_torch
from lamina.nets.initial import initial_weights
from lamina.nets.network import Network
from lamina.nets.workflow import as_workflow
from lamina.nets.zoo import digits_residual, papers_2, sequence_transformer, small_unet
from lamina.testing.layers import rows_for
from lamina.workflow.actions.python import PythonAction
from lamina.workflow.document import read_workflow, write_workflow
from lamina.workflow.graph import Edge, Port, Task

NETWORKS = [papers_2(), digits_residual(), sequence_transformer(), small_unet()]


def brightest(maps: NDArray[np.float32]) -> list[int]:
    """An ordinary task: the number of the strongest feature map of each row."""
    return [int(number) for number in maps.mean(axis=(2, 3)).argmax(axis=1)]


def prepared(network: Network) -> tuple[Bundle, NDArray[np.float32], NDArray[np.float32]]:
    """A model, rows for it, and what torch makes of them with the whole network."""
    model = Bundle(network, initial_weights(network, "kaiming", 5))
    rows: NDArray[np.float32] = rows_for(network, 4)[0]
    with torch.no_grad():
        whole = to_torch(network, model.weights).eval()(torch.from_numpy(rows)).numpy()
    return model, rows, whole


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_the_executor_gives_the_numbers_of_torch(network: Network, tmp_path: Path) -> None:
    model, rows, whole = prepared(network)
    outcome = run(as_workflow(network), {"x": rows, "model": model})
    (result,) = outcome.outputs.values()
    assert np.allclose(result, whole, atol=1e-5)
    write_workflow(as_workflow(network), tmp_path / "net.yaml")
    again = run(read_workflow(tmp_path / "net.yaml"), {"x": rows, "model": model})
    assert np.array_equal(next(iter(again.outputs.values())), result)


def test_a_feature_map_feeds_an_ordinary_task() -> None:
    network = digits_residual()
    model, rows, _ = prepared(network)
    flow = as_workflow(network)
    task = Task.of("brightest", PythonAction.of(brightest))
    tapped = replace(
        flow,
        tasks=(*flow.tasks, task),
        outputs=(*flow.outputs, Port("strongest", "list[int]")),
        edges=(
            *flow.edges,
            Edge("a_relu2.result", "brightest.maps"),
            Edge("brightest.result", "strongest"),
        ),
    )
    outcome = run(tapped, {"x": rows, "model": model})
    part = network.upto("a_relu2")
    weights = {n: model.weights[n] for n in (*part.parameters(), *part.buffers())}
    with torch.no_grad():
        maps = to_torch(part, weights).eval()(torch.from_numpy(rows)).numpy()
    assert outcome.outputs["strongest"] == brightest(maps)


def test_the_model_of_another_network_ends_the_run_with_the_layers_name() -> None:
    rows, other = prepared(papers_2())[1], prepared(small_unet())[0]
    with pytest.raises(TaskFailedError, match="layer 'l1' is"):
        run(as_workflow(papers_2().upto("l1")), {"x": rows, "model": other})
