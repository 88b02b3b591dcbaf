"""The zoo: every network is there by name and computes in torch what it promises."""

from __future__ import annotations

import pytest
import torch

from lamina.errors import NetworkError, UnknownNameError
from lamina.nets.convert.torch_out import to_torch
from lamina.nets.zoo import ZOO, from_sizes, mlp
from lamina.testing.layers import rows_for, small_zoo


@pytest.mark.parametrize("name", ZOO.names())
def test_a_network_of_the_zoo_runs_with_its_own_name_and_shapes(name: str) -> None:
    network = small_zoo(name)
    assert network.name == name
    rows = [torch.from_numpy(array) for array in rows_for(network, 2)]
    with torch.no_grad():
        out = to_torch(network).eval()(*rows)
    assert tuple(out.shape) == (2, *network.shapes[network.outputs[0]])


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("papers-1", (5, 3, 1)),
        ("papers-2", (8, 5, 3, 1)),
        ("papers-3", (4, 2, 1)),
        ("papers-4", (13, 8, 5, 3, 1)),
        ("papers-5", (16, 8, 5, 3, 1)),
    ],
)
def test_the_papers_networks_have_relu_between_and_sigmoid_last(
    name: str, sizes: tuple[int, ...]
) -> None:
    network = ZOO.get(name)()
    kinds = [node.layer.kind for node in network.nodes]
    assert kinds == ["Linear", "ReLU"] * (len(sizes) - 2) + ["Linear", "Sigmoid"]
    widths = [network.shapes[n.name][0] for n in network.nodes if n.layer.kind == "Linear"]
    assert (network.inputs[0].shape[0], *widths) == sizes


def test_a_dense_network_ends_as_its_outputs_ask() -> None:
    assert mlp(4, (), 3).nodes[-1].layer.kind == "Linear"
    assert mlp(4, (2,), 3, "Tanh", last="Softmax").nodes[-1].layer.kind == "Softmax"
    assert mlp(4, (2,), 1, last="").nodes[-1].layer.kind == "Linear"
    assert mlp(4, (2,)).name == "4-2-1"


def test_a_dense_network_refuses_what_does_not_exist() -> None:
    with pytest.raises(UnknownNameError):
        mlp(4, (2,), activation="Relu")
    with pytest.raises(NetworkError):
        mlp(4, (0,))


@pytest.mark.parametrize("text", ["5", "5-", "0-1", "5-x-1", "-5-1", "9999999-1", ""])
def test_other_text_is_no_sizes(text: str) -> None:
    assert from_sizes(text) is None
