"""Optimisers on stacked weights, against torch.optim."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from lamina.training.engines.torch_optimisers import OPTIMISERS, Optimiser
from lamina.training.settings import Settings

STEPS = 7
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {"optimiser": "sgd", "momentum": 0.0},
    "momentum": {"optimiser": "sgd", "momentum": 0.9, "weight_decay": 0.1},
    "nesterov": {"optimiser": "sgd", "momentum": 0.8, "nesterov": True},
    "adam": {"optimiser": "adam", "weight_decay": 0.1, "beta1": 0.8},
    "adamw": {"optimiser": "adamw", "weight_decay": 0.1, "beta2": 0.95},
    "clipped": {"optimiser": "sgd", "momentum": 0.9, "clip_norm": 0.5},
}


def settings(**values: Any) -> Settings:
    return Settings(**{"epochs": STEPS, "learning_rate": 0.1, "schedule": "cosine", **values})


def gradients(members: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(members, 5, generator=generator) for _ in range(STEPS)]


def made(weights: torch.Tensor, members: list[Settings], fixed: bool = False) -> Optimiser:
    rates = np.stack([s.learning_rates() for s in members], axis=1)
    kind = OPTIMISERS[members[0].optimiser]
    memory = [torch.zeros_like(weights) for _ in range(kind.slots)]
    return kind(weights, memory, members, rates, fixed)


def stepped(members: list[Settings], fixed: bool = False) -> torch.Tensor:
    weights = torch.ones(len(members), 5)
    optimiser = made(weights, members, fixed)
    for epoch, gradient in enumerate(gradients(len(members))):
        optimiser.begin_epoch(epoch, np.ones((1, len(members)), dtype=np.bool_))
        optimiser.step(0, gradient)
    return weights


def expected(one: Settings, member: int, members: int) -> torch.Tensor:
    weight = torch.ones(5, requires_grad=True)
    options: dict[str, Any] = {"lr": one.learning_rate, "weight_decay": one.weight_decay}
    if one.optimiser == "sgd":
        options |= {"momentum": one.momentum, "nesterov": one.nesterov}
    else:
        options |= {"betas": (one.beta1, one.beta2), "eps": one.epsilon}
    kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    optimiser = kind[one.optimiser]([weight], **options)
    for epoch, gradient in enumerate(gradients(members)):
        optimiser.param_groups[0]["lr"] = one.learning_rates()[epoch]
        weight.grad = gradient[member].clone()
        if one.clip_norm:
            torch.nn.utils.clip_grad_norm_([weight], one.clip_norm)
        optimiser.step()
    return weight.detach()


@pytest.mark.parametrize("variant", VARIANTS)
def test_steps_are_those_of_torch(variant: str) -> None:
    one = settings(**VARIANTS[variant])
    torch.testing.assert_close(stepped([one])[0], expected(one, 0, 1))


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize(
    "group", [("plain", "momentum", "nesterov", "clipped"), ("adam", "adam"), ("adamw", "adamw")]
)
def test_members_keep_their_own_numbers(group: tuple[str, ...], fixed: bool) -> None:
    members = [
        settings(**{**VARIANTS[name], "learning_rate": 0.1 / (place + 1), "epsilon": 1e-4})
        for place, name in enumerate(group)
    ]
    weights = stepped(members, fixed)
    for member, one in enumerate(members):
        torch.testing.assert_close(weights[member], expected(one, member, len(members)))


@pytest.mark.parametrize("variant", ["nesterov", "adam"])
def test_members_without_rows_keep_weights_memory_and_count(variant: str) -> None:
    members = [settings(**VARIANTS[variant])] * 2
    weights = torch.ones(2, 5)
    optimiser = made(weights, members)
    first, second = gradients(2)[:2]
    optimiser.begin_epoch(0, np.array([[True, True], [True, False]]))
    optimiser.step(0, first)
    after = [tensor.clone() for tensor in (weights, *optimiser.memory)]
    optimiser.step(1, second, torch.tensor([[True], [False]]))
    for tensor, before in zip((weights, *optimiser.memory), after, strict=True):
        assert torch.equal(tensor[1], before[1])
        assert not torch.equal(tensor[0], before[0])
    assert optimiser.taken.tolist() == [2, 1]
