"""Losses: which one a network and a target ask for, and what a network's outputs mean."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.errors import SettingsError
from lamina.nets.layers.base import size
from lamina.nets.network import Network

Floats = NDArray[np.float64]
_OF_NUMBERS = ("mse", "l1", "huber")


def resolve_loss(network: Network, task: str, classes: int, loss: str = "auto") -> str:
    """The loss that a training uses.

    Args:
        network: one output; its last layer tells logits from probabilities.
        task: "binary", "classes" or "regression".
        classes: number of classes; 0 for regression.
        loss: a wish; "auto" takes bce (one output behind a Sigmoid), bce-logits (one output),
            cross-entropy (an output per class) or mse (regression).

    Raises:
        SettingsError: the network's outputs, the target and the loss contradict each other.
    """
    width, last = size(network.shapes[network.outputs[0]]), _last(network)
    chosen = _automatic(task, width, last) if loss == "auto" else loss
    mistakes = _mistakes(chosen, task, classes, network)
    if mistakes:
        way_out = "give the network another last layer, or choose another loss"
        raise SettingsError(f"network {network.name!r} does not fit the target", mistakes, way_out)
    return chosen


def gives_probabilities(network: Network) -> bool:
    """Whether the outputs are probabilities already: a Sigmoid or Softmax stands last.

    A mean of such outputs (an Add, then a Linear, as ensembles have) counts too.
    """
    last = network[network.outputs[0]]
    if last.layer.kind == "Linear" and any(n.name == last.sources[0] for n in network.nodes):
        before = network[last.sources[0]]
        if before.layer.kind == "Add":
            return all(network[s].layer.kind in ("Sigmoid", "Softmax") for s in before.sources)
    return last.layer.kind in ("Sigmoid", "Softmax")


def targets_for(
    loss: str, targets: NDArray[Any], network: Network
) -> NDArray[np.float32] | NDArray[np.float64] | NDArray[np.int64]:
    """Targets as programs hold them: class numbers for cross-entropy, rows of floats otherwise.

    Numbers of a regression stay float64: they are scaled before they become float32.
    """
    if loss == "cross-entropy":
        return targets.astype(np.int64)
    shape = network.shapes[network.outputs[0]]
    rows: NDArray[Any] = targets.reshape(len(targets), *shape)
    if targets.dtype.kind == "f":
        return np.ascontiguousarray(rows, dtype=np.float64)
    return np.ascontiguousarray(rows, dtype=np.float32)


def probabilities(outputs: NDArray[Any], loss: str, network: Network) -> Floats:
    """Probability of each class, (rows, classes), float64; two columns for a single output.

    Outputs trained with mse, l1 or huber towards 0 and 1 are cut to that range.

    Args:
        outputs: what the network gave, (rows, ...).
        loss: a resolved loss; empty when unknown.
        network: tells whether its outputs are probabilities or logits.
    """
    values = as_rows(outputs)
    done = gives_probabilities(network) or loss in _OF_NUMBERS
    if values.shape[1] > 1:
        return values if done else softmax(values)
    positive = np.clip(values if done else sigmoid(values), 0.0, 1.0)
    return np.hstack([1.0 - positive, positive])


def row_losses(
    loss: str, outputs: NDArray[Any], targets: NDArray[Any], folded: bool, delta: float = 1.0
) -> Floats:
    """Loss of each row, shape (rows,): the mean over the values of a row, float64.

    Args:
        loss: a resolved loss.
        outputs: what the network gave, (rows, ...).
        targets: class numbers for cross-entropy; the outputs' shape otherwise.
        folded: outputs are probabilities of a last Sigmoid or Softmax.
        delta: of huber.
    """
    values = as_rows(outputs)
    if loss == "cross-entropy":
        logs = np.log(np.maximum(values, _TINY)) if folded else values - _log_sum(values)
        own = np.take_along_axis(logs, targets.reshape(-1, 1).astype(np.int64), axis=1)
        return np.asarray(-own[:, 0])
    wanted = targets.reshape(values.shape).astype(np.float64)
    if loss in ("bce", "bce-logits"):
        return np.asarray(_binary(values, wanted, folded and loss == "bce").mean(axis=1))
    away = np.abs(values - wanted)
    if loss == "mse":
        return np.asarray((away**2).mean(axis=1))
    if loss == "huber":
        away = np.where(away <= delta, 0.5 * away**2, delta * (away - 0.5 * delta))
    return np.asarray(away.mean(axis=1))


def as_rows(values: NDArray[Any]) -> Floats:
    """The values of each row side by side: (rows, values), float64; also for no rows."""
    return values.reshape(len(values), math.prod(values.shape[1:])).astype(np.float64)


def softmax(logits: Floats) -> Floats:
    """exp normalised over the last axis."""
    return np.exp(logits - _log_sum(logits))


def sigmoid(logits: Floats) -> Floats:
    """1 / (1 + exp(-x)) without overflow."""
    small = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1.0, small) / (1.0 + small)


_TINY = float(np.finfo(np.float32).tiny)


def _log_sum(values: Floats) -> Floats:
    top = values.max(axis=-1, keepdims=True)
    return np.asarray(top + np.log(np.exp(values - top).sum(axis=-1, keepdims=True)))


def _binary(values: Floats, wanted: Floats, folded: bool) -> Floats:
    if folded:
        kept = np.clip(values, _TINY, 1.0)
        other = np.clip(1.0 - values, 2.0**-24, 1.0)
        return -(wanted * np.log(kept) + (1.0 - wanted) * np.log(other))
    return np.maximum(values, 0) - wanted * values + np.log1p(np.exp(-np.abs(values)))


def _last(network: Network) -> str:
    return network[network.outputs[0]].layer.kind


def _automatic(task: str, width: int, last: str) -> str:
    if task == "regression":
        return "mse"
    if task == "binary" and width == 1:
        return "bce" if last == "Sigmoid" else "bce-logits"
    return "cross-entropy"


def _mistakes(loss: str, task: str, classes: int, network: Network) -> list[str]:
    shape, last = network.shapes[network.outputs[0]], _last(network)
    outputs = f"{size(shape)} output{'s' if size(shape) != 1 else ''}"
    if loss == "cross-entropy":
        return _class_mistakes(task, classes, network)
    mistakes = []
    if task == "classes":
        mistakes.append(f"{classes} classes need the loss cross-entropy, not {loss}")
    if task == "binary" and size(shape) != 1:
        mistakes.append(
            f"a target of two classes with the loss {loss} needs 1 output, not {outputs}"
        )
    if task == "regression" and loss not in _OF_NUMBERS:
        mistakes.append(f"the loss {loss} needs classes; the target holds numbers: use mse")
    if loss == "bce" and last != "Sigmoid":
        mistakes.append(f"the loss bce needs a Sigmoid last, not {last}: or use bce-logits")
    if loss == "bce-logits" and last == "Sigmoid":
        mistakes.append("the loss bce-logits takes outputs before the Sigmoid: use bce")
    if task != "regression" and last == "Softmax" and size(shape) == 1:
        mistakes.append("a Softmax over 1 output is always 1: end with a Sigmoid")
    return mistakes


def _class_mistakes(task: str, classes: int, network: Network) -> list[str]:
    shape, last = network.shapes[network.outputs[0]], _last(network)
    if task == "regression":
        return ["the loss cross-entropy needs classes; the target holds numbers: use mse"]
    if classes == 2 and size(shape) == 1:
        return [
            "the two labels are other whole numbers than 0 and 1, which one output cannot stand "
            "for: write them as 0 and 1 or as texts, or give the network 2 outputs"
        ]
    mistakes = []
    if shape != (classes,):
        known = f"{size(shape)} output{'s' if size(shape) != 1 else ''}"
        shown = known if len(shape) == 1 else f"output of shape {shape}"
        mistakes.append(f"{classes} classes need {classes} outputs; the network has {shown}")
    if last == "Sigmoid":
        mistakes.append("the loss cross-entropy needs logits or a Softmax last, not Sigmoid")
    return mistakes
