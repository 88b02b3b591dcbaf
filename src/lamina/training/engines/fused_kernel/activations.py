"""Activations on vectors: value, and the derivative from the value or stored beside it."""

from __future__ import annotations

import math

from lamina.training.engines.fused_kernel import numeric
from lamina.training.engines.fused_kernel.code import Code, Value
from lamina.training.engines.fused_kernel.plan import Dense

_INNER = math.sqrt(2.0 / math.pi)
_CUBIC = 0.044715


def activate(code: Code, layer: Dense, argument: Value) -> tuple[Value, Value | None]:
    """The activation's value, and its derivative where the value does not tell it."""
    one, zero = code.constant(1.0), "zeroinitializer"
    if layer.activation == "relu":
        return code.larger(zero, argument), None
    if layer.activation == "leaky":
        scaled = code.mul(argument, code.constant(layer.slope))
        return code.choose(code.compare("ogt", argument, zero), argument, scaled), None
    if layer.activation == "sigmoid":
        return numeric.logistic(code, argument)[0], None
    if layer.activation == "tanh":
        return numeric.tangent(code, argument), None
    if layer.activation == "silu":
        share = numeric.logistic(code, argument)[0]
        inner = code.fma(argument, code.sub(one, share), one)
        return code.mul(argument, share), code.mul(share, inner)
    if layer.activation == "gelu":
        share, density = numeric.normal(code, argument)
        return code.mul(argument, share), code.fma(argument, density, share)
    if layer.activation == "gelu-tanh":
        return _gelu_tanh(code, argument)
    return argument, None


def _gelu_tanh(code: Code, argument: Value) -> tuple[Value, Value]:
    one, half = code.constant(1.0), code.constant(0.5)
    square = code.mul(argument, argument)
    factor = code.fma(square, code.constant(_INNER * _CUBIC), code.constant(_INNER))
    bent = numeric.tangent(code, code.mul(argument, factor))
    share = code.fma(bent, half, half)
    steep = code.fma(square, code.constant(3.0 * _INNER * _CUBIC), code.constant(_INNER))
    curve = code.mul(code.fma(code.negate(bent), bent, one), code.mul(steep, half))
    return code.mul(argument, share), code.fma(argument, curve, share)


def through(code: Code, layer: Dense, change: Value, value: Value, slope: Value) -> Value:
    """The change in front of an activation, from the change behind it.

    value: what the activation gave; slope: its stored derivative (where it stores one).
    """
    one, zero = code.constant(1.0), "zeroinitializer"
    if layer.activation == "relu":
        return code.choose(code.compare("ogt", value, zero), change, zero)
    if layer.activation == "leaky":
        scaled = code.mul(change, code.constant(layer.slope))
        return code.choose(code.compare("ogt", value, zero), change, scaled)
    if layer.activation == "sigmoid":
        return code.mul(change, code.mul(value, code.sub(one, value)))
    if layer.activation == "tanh":
        return code.mul(change, code.fma(code.negate(value), value, one))
    return code.mul(change, slope) if slope else change
