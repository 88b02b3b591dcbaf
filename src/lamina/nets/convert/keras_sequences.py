"""Embedding and recurrent layers of Keras as layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lamina.nets.convert.keras_build import (
    Builder,
    Floats,
    Tensor,
    Unsupported,
    layer,
    number,
    only,
)
from lamina.nets.convert.keras_graph import Step

_GRU_ORDER = (1, 0, 2)
"""Keras's gates (update, reset, new) in torch's order: reset, update, new."""


def embedding(builder: Builder, step: Step, x: Tensor) -> Tensor:
    """Embedding without a mask."""
    only(step, mask_zero=(False,))
    (table,) = builder.arrays(step, 1)
    if table.ndim != 2:
        raise Unsupported(f"its table has {table.ndim} axes")
    made = layer("Embedding", num_embeddings=table.shape[0], embedding_dim=table.shape[1])
    return builder.add(step.name, made, builder.last(x), arrays={"weight": table})


def recurrent(builder: Builder, step: Step, x: Tensor) -> Tensor:
    """LSTM, or GRU with reset_after."""
    _check(step)
    x = _dropped(builder, step, builder.last(x))
    made = layer(
        step.kind,
        input_size=x.shape[-1],
        hidden_size=number(step, "units"),
        bias=bool(step.config.get("use_bias", True)),
        last=not step.config.get("return_sequences", False),
    )
    arrays = _gates(builder, step, step.kind, "cell/vars", "")
    return replace(builder.add(step.name, made, x, arrays=arrays), first=False)


def bidirectional(builder: Builder, step: Step, x: Tensor) -> Tensor:
    """Bidirectional around an LSTM or GRU that gives its whole sequence."""
    only(step, merge_mode=("concat",))
    inner: Any = step.config.get("layer")
    if not isinstance(inner, dict) or inner.get("class_name") not in ("LSTM", "GRU"):
        raise Unsupported("only an LSTM or GRU inside has a counterpart")
    kind, config = str(inner["class_name"]), inner.get("config", {})
    forward = replace(step, kind=kind, config=config)
    _check(forward)
    if not config.get("return_sequences", False):
        raise Unsupported("return_sequences=False of both directions has no counterpart")
    x = _dropped(builder, forward, builder.last(x))
    made = layer(
        kind,
        input_size=x.shape[-1],
        hidden_size=number(forward, "units"),
        bias=bool(config.get("use_bias", True)),
        bidirectional=True,
    )
    arrays = {
        **_gates(builder, forward, kind, "forward_layer/cell/vars", ""),
        **_gates(builder, forward, kind, "backward_layer/cell/vars", "_reverse"),
    }
    return replace(builder.add(step.name, made, x, arrays=arrays), first=False)


def _check(step: Step) -> None:
    only(
        step,
        activation=("tanh",),
        recurrent_activation=("sigmoid",),
        return_state=(False,),
        go_backwards=(False,),
        stateful=(False,),
        recurrent_dropout=(0, 0.0),
        reset_after=(True,),
    )


def _dropped(builder: Builder, step: Step, x: Tensor) -> Tensor:
    rate = step.config.get("dropout", 0.0)
    if not rate:
        return x
    return builder.add(f"{step.name}_dropout", layer("Dropout", p=float(rate)), x)


def _gates(builder: Builder, step: Step, kind: str, inside: str, suffix: str) -> dict[str, Floats]:
    """Weights of one direction: transposed, gates in torch's order."""
    order = range(4) if kind == "LSTM" else _GRU_ORDER
    bias = bool(step.config.get("use_bias", True))
    kernel, recurrent_kernel, *biases = builder.arrays(step, 2 + bias, inside)
    found = {
        f"weight_ih_l0{suffix}": _ordered(kernel.T, order),
        f"weight_hh_l0{suffix}": _ordered(recurrent_kernel.T, order),
    }
    if bias:
        # An LSTM has one bias; torch's second stays zero. A GRU has one for each product.
        pair = biases[0] if biases[0].ndim == 2 else np.stack([biases[0], 0 * biases[0]])
        found[f"bias_ih_l0{suffix}"] = _ordered(pair[0], order)
        found[f"bias_hh_l0{suffix}"] = _ordered(pair[1], order)
    return found


def _ordered(array: Floats, order: Sequence[int]) -> Floats:
    if len(array) % len(order):
        raise Unsupported(f"its weights have shape {array.shape}: not {len(order)} gates")
    gates = np.split(array, len(order))
    return np.concatenate([gates[gate] for gate in order])
