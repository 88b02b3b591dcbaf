"""Members as one network: every layer gives what it gives for each member alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from lamina.nets.layers import Layer, ModuleCall, Shape
from lamina.nets.layers.activations import GELU, LeakyReLU, ReLU, Softmax, Tanh
from lamina.nets.layers.attention import MultiheadAttention
from lamina.nets.layers.convolution import Conv1d, Conv2d, Conv3d, ConvTranspose2d
from lamina.nets.layers.dropout import Dropout
from lamina.nets.layers.embedding import Embedding
from lamina.nets.layers.joining import Add, Concat
from lamina.nets.layers.linear import Linear
from lamina.nets.layers.normalisation import BatchNorm1d, BatchNorm2d, GroupNorm, LayerNorm
from lamina.nets.layers.permuting import Permute
from lamina.nets.layers.pooling import AdaptiveAvgPool2d, AvgPool1d, AvgPool2d, MaxPool2d
from lamina.nets.layers.recurrent import LSTM
from lamina.nets.layers.reshaping import Flatten, Reshape
from lamina.nets.layers.upsampling import Upsample
from lamina.nets.network import Network, Wiring, sequential
from lamina.training.engines.torch import TorchEngine
from lamina.training.program import Member, Portion, Program
from lamina.training.settings import Settings


def head(layers: Sequence[Layer], shape: tuple[int, ...], values: str = "float") -> Network:
    return sequential([*layers, Flatten(), Linear(out_features=2)], shape=shape, values=values)


class Slopes(nn.Module):
    """A module that Lamina does not know, as a plug-in would bring."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.zeros(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.where(x > 0, x, x * self.slope)


@dataclass(frozen=True)
class Foreign(Layer):
    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        return inputs[0]

    def module(self, inputs: tuple[Shape, ...]) -> ModuleCall:
        return ModuleCall(f"{__name__}:Slopes", {"width": inputs[0][-1]})

    def parameters(self, inputs: tuple[Shape, ...]) -> dict[str, Shape]:
        return {"slope": inputs[0][-1:]}


def attention_of_three() -> Network:
    wiring = Wiring()
    x = wiring.input("x", (3, 4))
    keys, values = wiring.add(Linear(4, 3), x), wiring.add(Linear(4, 5), x)
    seen = wiring.add(MultiheadAttention(num_heads=2), x, keys, values)
    again = wiring.add(MultiheadAttention(num_heads=2, bias=False), seen, x, x)
    return wiring.network(wiring.add(Linear(12, 2), wiring.add(Flatten(), again)))


def branches(join: Layer, wide: bool) -> Network:
    wiring = Wiring()
    x = wiring.input("x", (2, 6, 6) if wide else 5)
    kinds = [Conv2d(2, 3, 3, padding=1) if wide else Linear(5, 4) for _ in range(2)]
    joined = wiring.add(join, *(wiring.add(kind, x) for kind in kinds))
    flat = wiring.add(Flatten(), joined) if wide else joined
    return wiring.network(wiring.add(Linear(out_features=2), flat))


NETWORKS: dict[str, Network] = {
    "dense": sequential([Linear(5, 4), LeakyReLU(), Linear(4, 2, bias=False)]),
    "dense over steps": head([Linear(3, 4), GELU(), Softmax(dim=0)], (5, 3)),
    "convolution": head([Conv2d(1, 3, 3), ReLU(), MaxPool2d(2)], (1, 6, 6)),
    "convolution, grouped": head(
        [Conv2d(2, 4, 3, groups=2, bias=False), Conv2d(4, 4, 3, padding="same", groups=4)],
        (2, 6, 6),
    ),
    "convolution, mirrored": head([Conv2d(2, 3, 3, padding=1, padding_mode="reflect")], (2, 5, 5)),
    "convolution, one axis": head([Conv1d(2, 3, 3, stride=2), Tanh(), AvgPool1d(2)], (2, 9)),
    "convolution, three axes": head([Conv3d(1, 2, 2), ReLU()], (1, 3, 3, 3)),
    "convolution, transposed": head(
        [ConvTranspose2d(2, 4, 2, stride=2, groups=2), AvgPool2d(2)], (2, 3, 3)
    ),
    "means": head([Conv2d(1, 3, 3), AdaptiveAvgPool2d(2), Upsample(scale_factor=2)], (1, 6, 6)),
    "batch norm": sequential([Linear(5, 4), BatchNorm1d(), Tanh(), Linear(4, 2)]),
    "batch norm, images": head([Conv2d(1, 3, 3), BatchNorm2d(), ReLU()], (1, 6, 6)),
    "batch norm, plain": sequential([BatchNorm1d(affine=False), Linear(5, 2)], shape=5),
    "layer norm": head([Linear(3, 4), LayerNorm(), LayerNorm((5, 4), bias=False)], (5, 3)),
    "group norm": head([Conv2d(1, 4, 3), GroupNorm(2), ReLU()], (1, 5, 5)),
    "embedding": head([Embedding(7, 3)], (4,), "int"),
    "embedding, padded": head([Embedding(7, 3, padding_idx=2)], (4,), "int"),
    "reshaped": head([Reshape((2, -1)), Conv1d(2, 3, 2)], (3, 4)),
    "attention": head([MultiheadAttention(num_heads=2)], (3, 4)),
    "attention of three": attention_of_three(),
    "permuted": head([Permute((1, 0)), Conv1d(4, 2, 2)], (3, 4)),
    "foreign": sequential([Linear(5, 4), Foreign(), Linear(4, 2)]),
    "added": branches(Add(), wide=False),
    "added, images": branches(Add(), wide=True),
    "side by side": branches(Concat(), wide=False),
    "side by side, images": branches(Concat(), wide=True),
    "dropout": head([Conv2d(1, 3, 3), Dropout(0.3), Flatten(), Dropout(0.5)], (1, 6, 6)),
    "dropout first": sequential([Dropout(0.3), Linear(5, 2)], shape=5),
}


def program(network: Network, portions: int = 3, rows: int = 31, **settings: object) -> Program:
    generator = np.random.default_rng(0)
    shape = network.inputs[0].shape
    features = (
        generator.integers(0, 7, (rows, *shape))
        if network.inputs[0].values == "int"
        else generator.normal(size=(rows, *shape))
    )
    parts = np.array_split(generator.permutation(rows), max(2, portions))
    folds = [
        Portion(
            np.concatenate([part for k, part in enumerate(parts) if k != fold]),
            parts[fold],
            np.arange(0),
        )
        for fold in range(portions)
    ]
    chosen = Settings(epochs=6, batches=2, learning_rate=0.02).changed(**settings)
    members = tuple(Member("", k % portions, chosen, k) for k in range(3))
    targets = generator.normal(size=(rows, 2)).astype(np.float32)
    return Program(network, features, targets, tuple(folds), members, "mse")


def trained(made: Program, form: str, epochs: int = 4) -> tuple[np.ndarray, list[dict]]:  # type: ignore[type-arg]
    session = TorchEngine(form=form).start(made, "cpu", 1)
    assert session.form == form
    costs = session.advance(epochs, np.ones(len(made.members), dtype=np.bool_))
    return costs, [*session.weights()]


@pytest.mark.parametrize("portions", [3, 1])
@pytest.mark.parametrize("name", NETWORKS)
def test_members_together_are_what_they_are_alone(name: str, portions: int) -> None:
    made = program(NETWORKS[name], portions)
    alone, own = trained(made, "one by one")
    together, same = trained(made, "vectorised")
    np.testing.assert_allclose(together, alone, rtol=2e-5)
    for one, other in zip(own, same, strict=True):
        for key, array in one.items():
            np.testing.assert_allclose(other[key], array, rtol=1e-3, atol=1e-5, err_msg=key)


@pytest.mark.parametrize("name", ["convolution", "batch norm, images", "side by side, images"])
def test_a_member_alone_is_what_a_plain_torch_loop_gives(name: str) -> None:
    from lamina.nets.convert.torch_out import to_torch

    made = program(NETWORKS[name], portions=1)
    costs, weights = trained(made, "one by one")
    member, portion = made.members[0], made.portions[0]
    module = to_torch(made.network, made.start_weights(member)).train()
    optimiser = torch.optim.SGD(module.parameters(), lr=0.02, momentum=0.9)
    x = torch.from_numpy(made.prepared(portion, "train"))
    y = torch.from_numpy(made.wanted(portion, "train"))
    bounds = member.settings.bounds(len(x)).tolist()
    for epoch in range(4):
        total = 0.0
        for start, end in pairwise(bounds):
            optimiser.zero_grad()
            loss = nn.functional.mse_loss(module(x[start:end]), y[start:end])
            torch.autograd.backward(loss)
            optimiser.step()
            total += loss.item() * (end - start)
        assert costs[epoch, 0] == pytest.approx(total / len(x), rel=1e-5)
    for key, tensor in module.state_dict().items():
        np.testing.assert_allclose(weights[0][key], tensor.numpy(), rtol=1e-4, atol=1e-6)


def test_recurrent_layers_run_one_by_one() -> None:
    network = sequential([LSTM(hidden_size=3, last=True), Linear(3, 2)], shape=(4, 2))
    session = TorchEngine(form="vectorised").start(program(network), "cpu", 1)
    assert session.form == "one by one"


def test_attention_that_drops_runs_one_by_one() -> None:
    network = head([MultiheadAttention(num_heads=2, dropout=0.5)], (3, 4))
    session = TorchEngine(form="vectorised").start(program(network), "cpu", 1)
    assert session.form == "one by one"
