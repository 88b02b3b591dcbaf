"""Reads a program for the fused kernel: its plan, or why there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lamina.nets.layers import Layer
from lamina.nets.network import Network
from lamina.nets.parts import Node
from lamina.training.engines.fused_kernel.plan import Core, Dense, Plan
from lamina.training.program import Program

WIDEST = 4096
"""Units per layer up to which the kernel's loops and memory make sense."""

_LOSSES = {
    "bce": "logistic",
    "bce-logits": "logistic",
    "cross-entropy": "softmax",
    "mse": "mse",
    "l1": "l1",
    "huber": "huber",
}

_ACTIVATIONS: dict[str, Callable[[Layer], tuple[str, float]]] = {
    "ReLU": lambda _: ("relu", 0.0),
    "LeakyReLU": lambda layer: ("leaky", float(getattr(layer, "negative_slope", 0.01))),
    "Sigmoid": lambda _: ("sigmoid", 0.0),
    "Tanh": lambda _: ("tanh", 0.0),
    "GELU": lambda layer: (
        "gelu-tanh" if getattr(layer, "approximate", "none") == "tanh" else "gelu",
        0.0,
    ),
    "SiLU": lambda _: ("silu", 0.0),
}


def refusal(program: Program) -> str:
    """Why the kernel cannot train a program, as one sentence; empty when it can."""
    network = program.network
    if program.augment is not None:
        return "fused takes rows as they are; this training changes its batches"
    if not network.chain:
        return "fused trains chains of dense layers; this network branches"
    given = network.inputs[0]
    if len(given.shape) != 1 or given.values != "float":
        return (
            f"fused trains on rows of numbers; input {given.name!r} has shape {given.shape} "
            f"of {given.values} values"
        )
    return _layer_refusal(network) or _loss_refusal(program) or _parts_refusal(program)


def plan(program: Program, core: Core) -> Plan:
    """The plan of a program that is not refused."""
    nodes, final = _folded(program.network.nodes, program.loss)
    return Plan(
        layers=_chain(program.network, nodes),
        loss=_LOSSES[program.loss],
        final=final,
        optimiser=program.members[0].settings.optimiser,
        core=core,
    )


def _layer_refusal(network: Network) -> str:
    dense_before = False
    for node in network.nodes:
        kind = node.layer.kind
        if kind == "Linear":
            dense_before = True
            if network.shapes[node.name][0] > WIDEST:
                return f"fused trains layers of up to {WIDEST} units; {node.label} is wider"
            continue
        if kind not in _ACTIVATIONS and kind != "Softmax":
            known = ", ".join(["Linear", *_ACTIVATIONS, "Softmax"])
            return f"fused has no {kind} ({node.label}); it has: {known}"
        if not dense_before:
            return f"fused takes an activation right behind a Linear only; {node.label} is not"
        dense_before = False
    return ""


def _loss_refusal(program: Program) -> str:
    kinds = [node.layer.kind for node in program.network.nodes]
    if program.loss not in _LOSSES:
        return f"fused has no loss {program.loss!r}; it has: {', '.join(_LOSSES)}"
    if program.loss == "bce" and kinds[-1] != "Sigmoid":
        return f"bce needs probabilities: a Sigmoid at the end; the network ends in {kinds[-1]}"
    if program.loss == "cross-entropy" and kinds[-1] not in ("Linear", "Softmax"):
        return f"fused has cross-entropy behind Linear or Softmax only, not behind {kinds[-1]}"
    if "Softmax" in (kinds if program.loss != "cross-entropy" else kinds[:-1]):
        return "fused has Softmax only as the last layer, with cross-entropy"
    slopes = [getattr(node.layer, "negative_slope", 0.0) for node in program.network.nodes]
    if any(slope < 0 for slope in slopes):
        return "fused has LeakyReLU with slopes from 0 on only"
    return ""


def _parts_refusal(program: Program) -> str:
    for member in program.members:
        parts = (*member.settings.frozen, *(part for part, _ in member.settings.rates))
        if parts:
            return (
                "fused trains all layers at one rate; frozen parts and rates of their own "
                f"({', '.join(parts)}) need the engine torch"
            )
    return ""


def _folded(nodes: tuple[Node, ...], loss: str) -> tuple[tuple[Node, ...], str]:
    """Without a last layer that the loss takes over, and what that layer is."""
    last = nodes[-1].layer.kind
    if (last, loss) in (("Sigmoid", "bce"), ("Softmax", "cross-entropy")):
        return nodes[:-1], last.lower()
    return nodes, ""


def _chain(network: Network, nodes: tuple[Node, ...]) -> tuple[Dense, ...]:
    layers: list[Dense] = []
    for node in nodes:
        if node.layer.kind == "Linear":
            inputs, outputs = network.shapes[node.sources[0]][0], network.shapes[node.name][0]
            layers.append(Dense(inputs, outputs, bool(getattr(node.layer, "bias", True))))
        else:
            activation, slope = _ACTIVATIONS[node.layer.kind](node.layer)
            layers[-1] = replace(layers[-1], activation=activation, slope=slope)
    return tuple(layers)
