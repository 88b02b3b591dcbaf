"""A training engine in plain NumPy: dense chains, slow, easy to read; others are held to it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.nets.initial import Weights
from lamina.nets.layers import Layer
from lamina.training.engines.base import Engine, Estimate, Session, State
from lamina.training.losses import row_losses, sigmoid, softmax
from lamina.training.program import Member, Program

Floats = NDArray[np.float64]
KINDS = ("Linear", "ReLU", "LeakyReLU", "Sigmoid", "Tanh", "Flatten")


class ReferenceEngine(Engine):
    """Trains chains of Linear and simple activations, one member after another, in float64."""

    name = "reference"

    def refusal(self, program: Program, device: str) -> str:
        """Everything but dense chains on the CPU without clipping and parts is refused."""
        kinds = [node.layer.kind for node in program.network.nodes]
        body = kinds[:-1] if kinds[-1] == "Softmax" else kinds
        odd = sorted(set(body) - set(KINDS))
        if device != "cpu":
            return "it runs on the CPU only"
        if odd or not program.network.chain:
            return f"it takes chains of {', '.join(KINDS)}; not {', '.join(odd)}"
        if any(member.settings.clip_norm for member in program.members):
            return "it does not clip gradients"
        if any(member.settings.frozen or member.settings.rates for member in program.members):
            return "it trains all layers at one rate"
        return ""

    def estimate(self, program: Program, device: str) -> Estimate:
        """A rough price: a microsecond per row, epoch and member."""
        rows = sum(len(program.portions[m.portion].train) for m in program.members)
        return Estimate(1e-6 * rows * program.epochs, 0.0, "plain NumPy")

    def start(self, program: Program, device: str, threads: int) -> Session:
        """A session; threads are not used."""
        return ReferenceSession(program)


class ReferenceSession(Session):
    """Parameters and optimiser moments of every member as float64 arrays."""

    form = "one by one"

    def __init__(self, program: Program) -> None:
        self.program = program
        starts = [program.start_weights(member) for member in program.members]
        self._weights = [{k: a.astype(np.float64) for k, a in own.items()} for own in starts]
        self._first = [{k: np.zeros(a.shape) for k, a in own.items()} for own in starts]
        self._second = [{k: np.zeros(a.shape) for k, a in own.items()} for own in starts]
        self._epoch = 0
        self._steps = np.zeros(len(starts), dtype=np.int64)
        last = program.network.nodes[-1].layer.kind
        self._folded = (program.loss, last) in (("bce", "Sigmoid"), ("cross-entropy", "Softmax"))

    def advance(self, epochs: int, active: NDArray[np.bool_]) -> NDArray[np.float64]:
        """See Session."""
        costs = np.full((epochs, len(self.program.members)), np.nan)
        with np.errstate(all="ignore"):
            for k in range(epochs):
                for number in np.flatnonzero(active):
                    costs[k, number] = self._train_epoch(int(number), self._epoch)
                self._epoch += 1
        return costs

    def outputs(self, part: str) -> list[NDArray[np.float32]]:
        """See Session."""
        found = []
        for member, own in zip(self.program.members, self._weights, strict=True):
            x = self.program.prepared(self.program.portions[member.portion], part)
            with np.errstate(all="ignore"):
                found.append(self._forward(own, x.astype(np.float64))[-1].astype(np.float32))
        return found

    def weights(self) -> list[Weights]:
        """See Session."""
        with np.errstate(all="ignore"):
            return [{k: a.astype(np.float32) for k, a in own.items()} for own in self._weights]

    def state(self) -> State:
        """See Session."""
        state: State = {"epoch": np.array(self._epoch), "steps": self._steps.copy()}
        for kind, store in self._stores().items():
            for number, own in enumerate(store):
                state.update({f"{kind}.{number}.{key}": a.copy() for key, a in own.items()})
        return state

    def restore(self, state: State) -> None:
        """See Session."""
        self._epoch = int(np.asarray(state["epoch"]))
        self._steps = np.array(state["steps"], dtype=np.int64)
        for kind, store in self._stores().items():
            for number, own in enumerate(store):
                for key in own:
                    own[key] = np.array(state[f"{kind}.{number}.{key}"], dtype=np.float64)

    def _stores(self) -> Mapping[str, list[dict[str, Floats]]]:
        return {"weights": self._weights, "first": self._first, "second": self._second}

    def _train_epoch(self, number: int, epoch: int) -> float:
        program, member = self.program, self.program.members[number]
        portion = program.portions[member.portion]
        x = program.prepared(portion, "train").astype(np.float64)
        y = program.wanted(portion, "train")
        given = program.weights(portion, "train")
        weights = np.ones(len(x)) if given is None else given.astype(np.float64)
        order = program.epoch_order(member, epoch)
        if order is not None:
            x, y, weights = x[order], y[order], weights[order]
        bounds, total = member.settings.bounds(len(x)), 0.0
        for start, end in pairwise(bounds):
            part = slice(start, end)
            loss, gradients = self._gradients(number, x[part], y[part], weights[part])
            self._step(number, member, epoch, gradients)
            total += loss * (end - start)
        return total / len(x)

    def _forward(self, own: Mapping[str, Floats], x: Floats) -> list[Floats]:
        values = [x]
        for node in self.program.network.nodes:
            values.append(_apply(node.layer, node.name, own, values[-1]))
        return values

    def _gradients(
        self, number: int, x: Floats, targets: NDArray[Any], row_weights: Floats
    ) -> tuple[float, dict[str, Floats]]:
        program, own = self.program, self._weights[number]
        delta = program.members[number].settings.huber_delta
        values = self._forward(own, x)
        nodes = list(program.network.nodes)
        if self._folded:
            nodes.pop()
            values.pop()
        share = row_weights / row_weights.sum()
        name = "bce-logits" if program.loss == "bce" and self._folded else program.loss
        loss = float((share * row_losses(name, values[-1], targets, False, delta)).sum())
        flow = _loss_slope(name, values[-1], targets, delta) * share.reshape(-1, 1)
        gradients: dict[str, Floats] = {}
        for k in range(len(nodes) - 1, -1, -1):
            flow = _backward(nodes[k].layer, nodes[k].name, own, values[k : k + 2], flow, gradients)
        return loss, gradients

    def _step(
        self, number: int, member: Member, epoch: int, gradients: Mapping[str, Floats]
    ) -> None:
        s, own = member.settings, self._weights[number]
        rate = float(s.learning_rates()[epoch])
        self._steps[number] += 1
        step = int(self._steps[number])
        for key, gradient in gradients.items():
            first, second = self._first[number], self._second[number]
            slope = gradient
            if s.optimiser == "adamw":
                own[key] = own[key] * (1 - rate * s.weight_decay)
            else:
                slope = slope + s.weight_decay * own[key]
            if s.optimiser == "sgd":
                first[key] = s.momentum * first[key] + slope
                move = slope + s.momentum * first[key] if s.nesterov else first[key]
            else:
                first[key] = s.beta1 * first[key] + (1 - s.beta1) * slope
                second[key] = s.beta2 * second[key] + (1 - s.beta2) * slope**2
                spread = np.sqrt(second[key] / (1 - s.beta2**step)) + s.epsilon
                move = first[key] / (1 - s.beta1**step) / spread
            own[key] = own[key] - rate * move


def _apply(layer: Any, name: str, own: Mapping[str, Floats], x: Floats) -> Floats:
    if layer.kind == "Linear":
        y = x @ own[f"{name}.weight"].T
        return y + own[f"{name}.bias"] if layer.bias else y
    if layer.kind == "Flatten":
        return x.reshape(len(x), -1)
    if layer.kind == "ReLU":
        return np.maximum(x, 0.0)
    if layer.kind == "LeakyReLU":
        return np.where(x > 0, x, layer.negative_slope * x)
    if layer.kind == "Sigmoid":
        return sigmoid(x)
    return np.tanh(x) if layer.kind == "Tanh" else softmax(x)


def _backward(
    layer: Layer,
    name: str,
    own: Mapping[str, Floats],
    values: list[Floats],
    flow: Floats,
    gradients: dict[str, Floats],
) -> Floats:
    """The gradient in front of a layer; those of its parameters go into `gradients`."""
    x, y = values
    if layer.kind == "Linear":
        gradients[f"{name}.weight"] = flow.T @ x
        if f"{name}.bias" in own:
            gradients[f"{name}.bias"] = flow.sum(axis=0)
        return np.asarray(flow @ own[f"{name}.weight"])
    if layer.kind == "Flatten":
        return flow.reshape(x.shape)
    if layer.kind in ("ReLU", "LeakyReLU"):
        return np.where(x > 0, flow, flow * getattr(layer, "negative_slope", 0.0))
    return np.asarray(flow * (y * (1 - y) if layer.kind == "Sigmoid" else 1 - y**2))


def _loss_slope(loss: str, outputs: Floats, targets: NDArray[Any], delta: float) -> Floats:
    """Derivative of each row's loss by the outputs."""
    if loss == "cross-entropy":
        chances = softmax(outputs)
        chances[np.arange(len(outputs)), targets.astype(np.int64)] -= 1.0
        return chances
    away = outputs - targets.reshape(outputs.shape)
    if loss == "bce-logits":
        slope = sigmoid(outputs) - targets.reshape(outputs.shape)
    elif loss == "mse":
        slope = 2.0 * away
    elif loss == "l1":
        slope = np.sign(away)
    else:
        slope = np.clip(away, -delta, delta)
    return np.asarray(slope / outputs.shape[1])
