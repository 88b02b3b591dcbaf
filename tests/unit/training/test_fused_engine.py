"""The fused engine against torch: same weights, same rows, same losses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lamina.nets.layers import Layer
from lamina.nets.layers.activations import GELU, LeakyReLU, ReLU, Sigmoid, SiLU, Softmax, Tanh
from lamina.nets.layers.linear import Linear
from lamina.nets.network import Network, sequential
from lamina.training.engines.fused import FusedEngine
from lamina.training.program import Member, Portion, Program
from lamina.training.settings import Settings

ACTIVATIONS: tuple[Layer | None, ...] = (
    ReLU(),
    LeakyReLU(0.1),
    Sigmoid(),
    Tanh(),
    GELU(),
    GELU(approximate="tanh"),
    SiLU(),
    None,
)
MODULES: dict[str, Callable[[Any], torch.nn.Module]] = {
    "ReLU": lambda _: torch.nn.ReLU(),
    "LeakyReLU": lambda layer: torch.nn.LeakyReLU(layer.negative_slope),
    "Sigmoid": lambda _: torch.nn.Sigmoid(),
    "Tanh": lambda _: torch.nn.Tanh(),
    "GELU": lambda layer: torch.nn.GELU(approximate=layer.approximate),
    "SiLU": lambda _: torch.nn.SiLU(),
}
ALL = np.array([True])


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """So small products gain nothing from more, and lose much on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def network(
    widths: Sequence[int], between: Layer | None, last: Layer | None, bias: bool = True
) -> Network:
    layers: list[Layer] = []
    for place, (inputs, outputs) in enumerate(pairwise(widths)):
        layers.append(Linear(inputs, outputs, bias=bias))
        behind = last if place == len(widths) - 2 else between
        if behind is not None:
            layers.append(behind)
    return sequential(layers)


def program(
    given_network: Network,
    loss: str,
    rows: int = 83,
    weighted: bool = False,
    members: Sequence[Settings] | None = None,
    **values: Any,
) -> Program:
    generator = np.random.default_rng(7)
    features = generator.normal(size=(rows, given_network.inputs[0].shape[0]))
    width = given_network.shapes[given_network.outputs[0]][0]
    targets: NDArray[Any]
    if loss == "cross-entropy":
        targets = generator.integers(0, width, rows)
    elif loss in ("bce", "bce-logits"):
        targets = (generator.random((rows, width)) < 0.4).astype(np.float32)
    else:
        targets = (features[:, :1] ** 2 + np.arange(width) - 0.5).astype(np.float32)
    weights = generator.random(rows).astype(np.float32) + 0.5 if weighted else None
    train = generator.permutation(rows)[: rows - 9]
    rest = np.setdiff1d(np.arange(rows), train)
    shift, scale = features.mean(axis=0), 1 / features.std(axis=0)
    portion = Portion(train, rest[:5], rest[5:], shift, scale, row_weights=weights)
    chosen = list(members) if members else [Settings(**values)]
    return Program(
        given_network,
        features,
        targets,
        (portion,),
        tuple(Member(f"member {i}", 0, s, 11 + i) for i, s in enumerate(chosen)),
        loss,
    )


def torch_net(wanted: Program) -> torch.nn.Sequential:
    weights = wanted.start_weights(wanted.members[0])
    modules: list[torch.nn.Module] = []
    for node in wanted.network.nodes:
        if isinstance(node.layer, Linear):
            inputs = wanted.network.shapes[node.sources[0]][0]
            linear = torch.nn.Linear(inputs, node.layer.out_features, bias=node.layer.bias)
            linear.weight.data = torch.from_numpy(weights[f"{node.name}.weight"].copy())
            if node.layer.bias:
                linear.bias.data = torch.from_numpy(weights[f"{node.name}.bias"].copy())
            modules.append(linear)
        elif node.layer.kind != "Softmax" and not (
            node.layer.kind == "Sigmoid" and node is wanted.network.nodes[-1]
            and wanted.loss == "bce"
        ):  # fmt: skip
            modules.append(MODULES[node.layer.kind](node.layer))
    return torch.nn.Sequential(*modules)


def row_losses(loss: str, delta: float, got: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    functional = torch.nn.functional
    if loss == "cross-entropy":
        return functional.cross_entropy(got, wanted, reduction="none")
    if loss in ("bce", "bce-logits"):
        every = functional.binary_cross_entropy_with_logits(got, wanted, reduction="none")
    elif loss == "mse":
        every = functional.mse_loss(got, wanted, reduction="none")
    elif loss == "l1":
        every = functional.l1_loss(got, wanted, reduction="none")
    else:
        every = functional.huber_loss(got, wanted, reduction="none", delta=delta)
    return every.mean(dim=1)


def torch_optimiser(net: torch.nn.Module, s: Settings) -> torch.optim.Optimizer:
    if s.optimiser == "sgd":
        return torch.optim.SGD(
            net.parameters(), s.learning_rate, s.momentum, nesterov=s.nesterov,
            weight_decay=s.weight_decay,
        )  # fmt: skip
    kind = torch.optim.Adam if s.optimiser == "adam" else torch.optim.AdamW
    return kind(net.parameters(), s.learning_rate, (s.beta1, s.beta2), s.epsilon, s.weight_decay)


def torch_losses(wanted: Program) -> NDArray[np.float64]:
    """Mean loss of each epoch, as the contract of engines has it, on plain torch."""
    member = wanted.members[0]
    s, portion = member.settings, wanted.portions[0]
    net = torch_net(wanted)
    optimiser = torch_optimiser(net, s)
    x = torch.from_numpy(wanted.prepared(portion, "train"))
    y = torch.from_numpy(wanted.wanted(portion, "train"))
    given_weights = wanted.weights(portion, "train")
    w = torch.ones(len(x)) if given_weights is None else torch.from_numpy(given_weights)
    bounds, rates, found = s.bounds(len(x)), s.learning_rates(), []
    for epoch in range(s.epochs):
        optimiser.param_groups[0]["lr"] = rates[epoch]
        order = wanted.epoch_order(member, epoch)
        rows = torch.arange(len(x)) if order is None else torch.from_numpy(order)
        total = 0.0
        for begin, end in pairwise(bounds):
            part = rows[begin:end]
            optimiser.zero_grad()
            each = row_losses(wanted.loss, s.huber_delta, net(x[part]), y[part])
            loss = (each * w[part]).sum() / w[part].sum()
            loss.backward()  # type: ignore[no-untyped-call]
            if s.clip_norm:
                torch.nn.utils.clip_grad_norm_(net.parameters(), s.clip_norm)
            optimiser.step()
            total += loss.item() * (end - begin)
        found.append(total / len(x))
    return np.array(found)


def fused_losses(wanted: Program, threads: int = 1) -> NDArray[np.float64]:
    engine = FusedEngine()
    assert engine.refusal(wanted, "cpu") == ""
    session = engine.start(wanted, "cpu", threads)
    return session.advance(wanted.epochs, ALL)[:, 0]


def assert_agreement(wanted: Program) -> None:
    np.testing.assert_allclose(fused_losses(wanted), torch_losses(wanted), rtol=1e-4)


@pytest.mark.parametrize("between", ACTIVATIONS, ids=str)
def test_every_activation_agrees_with_torch(between: Layer | None) -> None:
    net = network((6, 7, 5, 1), between, Sigmoid())
    assert_agreement(program(net, "bce", epochs=50, learning_rate=0.05))


@pytest.mark.parametrize("last", ACTIVATIONS, ids=str)
def test_every_last_activation_agrees_with_torch(last: Layer | None) -> None:
    net = network((5, 6, 2), Tanh(), last)
    assert_agreement(program(net, "mse", epochs=50, learning_rate=0.02))


@pytest.mark.parametrize("optimiser", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("loss", ["bce", "bce-logits", "cross-entropy", "mse", "l1", "huber"])
def test_every_loss_and_optimiser_agrees_with_torch(loss: str, optimiser: str) -> None:
    last = Sigmoid() if loss == "bce" else Softmax() if loss == "cross-entropy" else None
    net = network((6, 9, 3), Tanh(), last)
    values: dict[str, Any] = {
        "learning_rate": 0.03 if optimiser == "sgd" else 0.01,
        "weight_decay": 0.01,
    }
    assert_agreement(program(net, loss, optimiser=optimiser, epochs=50, huber_delta=0.7, **values))


@pytest.mark.parametrize(
    "values",
    [
        {"momentum": 0.0},
        {"nesterov": True},
        {"clip_norm": 0.2},
        {"schedule": "cosine", "warmup_epochs": 5},
        {"shuffle": "epoch"},
        {"batch_size": 7},
        {"batches": 1},
    ],
    ids=str,
)
def test_every_setting_agrees_with_torch(values: dict[str, Any]) -> None:
    net = network((6, 8, 1), ReLU(), Sigmoid())
    assert_agreement(program(net, "bce", epochs=50, learning_rate=0.1, **values))


def test_row_weights_agree_with_torch() -> None:
    net = network((4, 5, 3), SiLU(), None)
    assert_agreement(program(net, "cross-entropy", weighted=True, epochs=50))
    assert_agreement(
        program(net, "huber", weighted=True, epochs=50, shuffle="epoch", learning_rate=0.01)
    )


def test_layers_without_bias_agree_with_torch() -> None:
    assert_agreement(program(network((4, 6, 1), Tanh(), Sigmoid(), False), "bce", epochs=50))


def test_wide_layers_agree_with_torch() -> None:
    net = network((70, 130, 37, 11), ReLU(), None)
    assert_agreement(program(net, "cross-entropy", rows=300, epochs=50, learning_rate=0.02))


@given(
    widths=st.lists(st.integers(1, 40), min_size=1, max_size=3),
    rows=st.integers(12, 200),
    batches=st.integers(1, 9),
)
@settings(deadline=None, max_examples=12)
def test_any_sizes_agree_with_torch(widths: list[int], rows: int, batches: int) -> None:
    net = network([*widths, 1], Tanh(), None)
    assert_agreement(program(net, "mse", rows=rows, batches=batches, epochs=10, learning_rate=0.01))


def test_gradients_are_finite_differences_of_the_loss() -> None:
    net = network((4, 5, 2), Tanh(), Sigmoid())
    wanted = program(net, "mse", epochs=1, batches=1, learning_rate=1.0, momentum=0.0)
    session = FusedEngine().start(wanted, "cpu", 1)
    before = session.weights()[0]
    session.advance(1, ALL)
    after = session.weights()[0]
    portion = wanted.portions[0]
    x = wanted.prepared(portion, "train").astype(np.float64)
    y = wanted.wanted(portion, "train")

    def loss(weights: dict[str, NDArray[np.float64]]) -> float:
        hidden = np.tanh(x @ weights["l1.weight"].T + weights["l1.bias"])
        sums = hidden @ weights["l2.weight"].T + weights["l2.bias"]
        return float(np.mean((1.0 / (1.0 + np.exp(-sums)) - y) ** 2))

    start = {name: array.astype(np.float64) for name, array in before.items()}
    for name, array in start.items():
        for place in np.ndindex(array.shape):
            kept, sides = array[place], []
            for step in (1e-5, -1e-5):
                array[place] = kept + step
                sides.append(loss(start))
            array[place] = kept
            slope = (sides[0] - sides[1]) / 2e-5
            moved = float(before[name][place]) - float(after[name][place])
            assert moved == pytest.approx(slope, rel=1e-3, abs=1e-6)
