"""Frozen parts and rates of parts: settings, refusals, and steps like torch's parameter groups."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from lamina.errors import SettingsError
from lamina.nets.convert.torch_out import to_torch
from lamina.nets.layers.activations import ReLU
from lamina.nets.layers.convolution import Conv2d
from lamina.nets.layers.linear import Linear
from lamina.nets.layers.normalisation import BatchNorm2d
from lamina.nets.layers.pooling import AdaptiveAvgPool2d
from lamina.nets.layers.reshaping import Flatten
from lamina.nets.network import Network, sequential
from lamina.nets.zoo import mlp
from lamina.training.engines.torch import TorchEngine
from lamina.training.parts import frozen_layers, own_rate, part_mistakes
from lamina.training.plans import Plan
from lamina.training.program import Member, Portion, Program
from lamina.training.settings import Settings
from lamina.training.trainer import train

ROWS = 12


def network() -> Network:
    return sequential(
        [
            ("body.conv", Conv2d(1, 3, 3, bias=False)),
            ("body.norm", BatchNorm2d(3)),
            ("body.relu", ReLU()),
            ("middle", Conv2d(3, 3, 2)),
            ("pool", AdaptiveAvgPool2d(1)),
            ("flat", Flatten()),
            ("head.0", Linear(3, 4)),
            ("head.1", ReLU()),
            ("head.2", Linear(4, 2)),
        ],
        shape=(1, 6, 6),
    )


def program(members: int = 1, **settings: Any) -> Program:
    generator = np.random.default_rng(0)
    features = generator.normal(size=(ROWS, 1, 6, 6))
    targets = generator.normal(size=(ROWS, 2)).astype(np.float32)
    portion = Portion(np.arange(ROWS), np.arange(0), np.arange(0))
    chosen = Settings(epochs=4, batches=3, learning_rate=0.05, start="plain").changed(**settings)
    group = tuple(Member(str(k), 0, chosen.changed(seed=k), k) for k in range(members))
    return Program(network(), features, targets, (portion,), group, "mse")


def trained(made: Program, form: str = "one by one") -> list[dict[str, Any]]:
    session = TorchEngine(form).start(made, "cpu", 1)
    session.advance(made.epochs, np.ones(len(made.members), dtype=np.bool_))
    return [dict(weights) for weights in session.weights()]


@pytest.mark.parametrize("form", ["one by one", "vectorised"])
@pytest.mark.parametrize("optimiser", ["sgd", "adam", "adamw"])
def test_a_frozen_part_stays_bit_for_bit_and_the_rest_learns(form: str, optimiser: str) -> None:
    made = program(2, frozen=("body",), optimiser=optimiser, weight_decay=0.1, clip_norm=1.0)
    for member, after in zip(made.members, trained(made, form), strict=True):
        before = made.start_weights(member)
        for name in before:
            same = np.array_equal(before[name], after[name])
            assert same == name.startswith("body."), name


@pytest.mark.parametrize("optimiser", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("clip", [0.0, 0.05])
def test_steps_are_those_of_torch_with_parameter_groups(optimiser: str, clip: float) -> None:
    settings: dict[str, Any] = {
        "optimiser": optimiser,
        "weight_decay": 0.01,
        "schedule": "cosine",
        "shuffle": "none",
    }
    made = program(frozen=("body",), rates={"head": 0.2}, clip_norm=clip, **settings)
    (after,) = trained(made)
    module = to_torch(made.network, made.start_weights(made.members[0])).train()
    parameters = dict(module.named_parameters())
    # A frozen part is in evaluation mode: batch normalisation uses its running statistics.
    dict(module.named_children())["body.norm"].eval()
    for name in parameters:
        parameters[name].requires_grad_(not name.startswith("body."))
    kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    own = made.members[0].settings
    options: dict[str, Any] = {"weight_decay": own.weight_decay}
    options |= {"momentum": own.momentum} if optimiser == "sgd" else {}
    groups = [
        {"params": [p for n, p in parameters.items() if n.startswith("middle.")], "lr": 0.05},
        {"params": [p for n, p in parameters.items() if n.startswith("head.")], "lr": 0.2},
    ]
    stepper = kind[optimiser](groups, **options)
    x, y = torch.from_numpy(made.features.astype(np.float32)), torch.from_numpy(made.targets)
    for epoch in range(made.epochs):
        for group, rate in zip(stepper.param_groups, (0.05, 0.2), strict=True):
            group["lr"] = own.changed(learning_rate=rate).learning_rates()[epoch]
        for start in range(0, ROWS, 4):
            stepper.zero_grad()
            rows = slice(start, start + 4)
            ((module(x[rows]) - y[rows]) ** 2).mean().backward()
            if clip:
                torch.nn.utils.clip_grad_norm_([*parameters.values()], clip)
            stepper.step()
    for name, parameter in parameters.items():
        np.testing.assert_allclose(after[name], parameter.detach().numpy(), rtol=2e-4, atol=2e-6)


def test_members_together_take_the_steps_of_members_alone() -> None:
    made = program(3, frozen=("middle",), rates={"head.2": 0.3, "body": 0.01}, clip_norm=0.5)
    for alone, together in zip(trained(made), trained(made, "vectorised"), strict=True):
        for name in alone:
            np.testing.assert_allclose(together[name], alone[name], rtol=2e-4, atol=2e-6)


def test_training_goes_on_from_its_state_bit_for_bit() -> None:
    made = program(frozen=("body",), rates={"head": 0.2}, optimiser="adam")
    active = np.ones(1, dtype=np.bool_)
    whole = TorchEngine("one by one").start(made, "cpu", 1)
    whole.advance(2, active)
    state = whole.state()
    costs = whole.advance(2, active)
    resumed = TorchEngine("one by one").start(made, "cpu", 1)
    resumed.restore(state)
    np.testing.assert_array_equal(resumed.advance(2, active), costs)


def test_the_longest_name_counts() -> None:
    settings = Settings(frozen=("head", "body.norm"), rates=(("head.2", 0.3), ("body", 0.1)))
    rates = {node.name: own_rate(node.name, settings) for node in network().nodes}
    assert rates["body.conv"] == 0.1
    assert rates["body.norm"] == 0.0
    assert rates["middle"] is None
    assert rates["head.0"] == 0.0
    assert rates["head.2"] == 0.3
    assert frozen_layers(network(), settings) == {"body.norm", "head.0", "head.1"}


def test_parts_that_do_not_fit_are_said_at_once() -> None:
    settings = Settings(frozen=("bodies", "pool"), rates=(("hea", 0.3), ("body.conv", 0.1)))
    known = "there are: body, middle, head, and layers in them by their names"
    assert part_mistakes(network(), settings) == [
        f"there is no part 'bodies'; {known}",
        "part 'pool' has no weights",
        f"there is no part 'hea'; {known}",
    ]
    rows = np.zeros((8, 1, 6, 6)), np.arange(8) % 2
    with pytest.raises(SettingsError, match="no part 'bodies'"):
        train(network(), rows, settings=settings, plan="all")


def test_a_network_of_frozen_parts_only_is_refused() -> None:
    settings = Settings(frozen=("body", "middle", "head"))
    assert part_mistakes(network(), settings) == [
        "every layer with weights is frozen: nothing is left to be trained"
    ]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"frozen": "body"}, "frozen = 'body': a list of names"),
        ({"frozen": [""]}, "a list of names"),
        ({"rates": {"head": 0}}, "rate of 'head' = 0: a positive number"),
        ({"rates": {"head": "fast"}}, "rate of 'head' = 'fast'"),
        ({"rates": ["head"]}, "a mapping of parts to learning rates"),
        ({"rates": {"head": 0.1}, "frozen": ["head"]}, "'head' is frozen and has a rate"),
    ],
)
def test_settings_of_parts_that_do_not_hold_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        Settings.from_document(given)


def test_settings_of_parts_survive_a_document() -> None:
    settings = Settings(frozen=("body",), rates=(("head", 1e-6),), learning_rate=1e-8)
    document = settings.to_document()
    assert (document["frozen"], document["rates"]) == (["body"], {"head": 1e-6})
    assert Settings.from_document(document) == settings


def test_fused_refuses_parts_and_auto_takes_torch() -> None:
    rows = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2
    settings = Settings(epochs=2, frozen=("l1",))
    with pytest.raises(SettingsError, match="fused trains all layers at one rate") as caught:
        train(mlp(3, (4,)), rows, settings=settings, engine="fused")
    assert "(l1) need the engine torch" in str(caught.value)
    assert train(mlp(3, (4,)), rows, settings=settings).resource.engine == "torch"


def test_a_sweep_may_change_what_is_frozen() -> None:
    rows = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2
    sweep = (((("frozen", ("l1",)),)), ((("frozen", ()),)))
    result = train(mlp(3, (4,)), rows, settings=Settings(epochs=2), plan=Plan(sets=sweep))
    assert [one.settings.frozen for one in result.sets] == [("l1",), ()]
