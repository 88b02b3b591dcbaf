"""What a network computes in training."""

from __future__ import annotations

import torch
from torch import nn

from lamina.nets.layers.activations import ReLU, Sigmoid, Softmax
from lamina.nets.layers.convolution import Conv2d
from lamina.nets.layers.joining import Add
from lamina.nets.layers.linear import Linear
from lamina.nets.layers.pooling import MaxPool2d
from lamina.nets.layers.reshaping import Flatten
from lamina.nets.network import Wiring, sequential
from lamina.training.engines.torch_steps import folds, training_steps


def test_a_last_activation_is_folded_into_its_loss_only() -> None:
    binary = sequential([Linear(4, 1), Sigmoid()])
    assert folds(binary, "bce")
    assert not folds(binary, "mse")
    assert training_steps(binary, "bce")[1] == "l1"
    assert training_steps(binary, "mse")[1] == "s1"


def test_a_softmax_over_another_axis_is_not_folded() -> None:
    assert folds(sequential([Linear(4, 3), Softmax()]), "cross-entropy")
    assert folds(sequential([Linear(4, 3), Softmax(dim=0)]), "cross-entropy")
    assert not folds(sequential([Linear(4, 3), Softmax(dim=0)], shape=(2, 4)), "cross-entropy")


def test_pooling_moves_in_front_of_the_relu_and_gives_the_same() -> None:
    layers = [Conv2d(1, 2, 3), ReLU(), MaxPool2d(2), Flatten(), Linear(18, 2)]
    network = sequential(layers, shape=(1, 8, 8))
    steps, end = training_steps(network, "cross-entropy")
    kinds = [type(step.module) for step in steps]
    assert kinds == [nn.Conv2d, nn.MaxPool2d, nn.ReLU, nn.Flatten, nn.Linear]
    x = torch.randn(3, 2, 6, 6, generator=torch.Generator().manual_seed(0), requires_grad=True)
    before = nn.MaxPool2d(2)(nn.ReLU()(x))
    after = steps[2].module(steps[1].module(x))
    assert torch.equal(before, after)
    (one,) = torch.autograd.grad(before.square().sum(), x)
    (other,) = torch.autograd.grad(after.square().sum(), x)
    assert torch.equal(one, other)
    assert end == "l1"


def test_a_relu_that_others_read_stays_and_keeps_what_it_reads() -> None:
    wiring = Wiring()
    x = wiring.input("x", (2, 4, 4))
    relu = wiring.add(ReLU(), wiring.add(Conv2d(2, 2, 3, padding=1), x), name="relu")
    pooled = wiring.add(MaxPool2d(2), relu, name="pool")
    wide = wiring.add(Conv2d(2, 2, 2, stride=2), relu, name="wide")
    network = wiring.network(wiring.add(Add(), pooled, wide, name="sum"))
    steps = {step.name: step for step in training_steps(network, "mse")[0]}
    assert type(steps["relu"].module) is nn.ReLU
    assert type(steps["pool"].module) is nn.MaxPool2d


def test_a_relu_overwrites_only_what_nobody_else_reads() -> None:
    wiring = Wiring()
    first = wiring.add(Linear(4, 4), wiring.input("x", 4), name="first")
    one = wiring.add(ReLU(), first, name="one")
    second = wiring.add(Linear(4, 4), one, name="second")
    two = wiring.add(ReLU(), second, name="two")
    network = wiring.network(wiring.add(Add(), first, two, name="sum"))
    steps = {step.name: step for step in training_steps(network, "mse")[0]}
    assert not getattr(steps["one"].module, "inplace", None)
    assert getattr(steps["two"].module, "inplace", None)
