"""Losses on a row vector: weighted loss, and its change by what the last layer gave."""

from __future__ import annotations

from collections.abc import Callable

from lamina.training.engines.fused_kernel import numeric
from lamina.training.engines.fused_kernel.code import Code, Value

Single = Callable[[Code, Value, Value, Value], tuple[Value, Value]]
"""(code, output, target, delta) -> loss and its derivative by the output."""


def logistic(code: Code, output: Value, target: Value, delta: Value) -> tuple[Value, Value]:
    """Binary cross-entropy from a logit: softplus(z) - y z, in a form that cannot overflow."""
    del delta
    share, small = numeric.logistic(code, output)
    grown = code.larger("zeroinitializer", output)
    loss = code.add(numeric.log_one_plus(code, small), grown)
    loss = code.fma(code.negate(target), output, loss)
    return loss, code.sub(share, target)


def mse(code: Code, output: Value, target: Value, delta: Value) -> tuple[Value, Value]:
    """Squared error."""
    del delta
    error = code.sub(output, target)
    return code.mul(error, error), code.add(error, error)


def l1(code: Code, output: Value, target: Value, delta: Value) -> tuple[Value, Value]:
    """Absolute error; the derivative is 0 at 0."""
    del delta
    error = code.sub(output, target)
    sign = code.call("copysign", code.constant(1.0), error)
    away = code.compare("une", error, "zeroinitializer")
    return code.call("fabs", error), code.choose(away, sign, "zeroinitializer")


def huber(code: Code, output: Value, target: Value, delta: Value) -> tuple[Value, Value]:
    """Huber's loss: half the squared error, linear from `delta` on."""
    error = code.sub(output, target)
    size = code.call("fabs", error)
    half = code.constant(0.5)
    near = code.mul(code.mul(error, error), half)
    far = code.mul(delta, code.sub(size, code.mul(delta, half)))
    inside = code.compare("ule", size, delta)
    slope = code.choose(inside, error, code.call("copysign", delta, error))
    return code.choose(inside, near, far), slope


SINGLE: dict[str, Single] = {"logistic": logistic, "mse": mse, "l1": l1, "huber": huber}
"""Losses that are a mean over a row's outputs."""


def softmax_parts(code: Code, base: Value, width: int) -> tuple[Value, Value]:
    """Over the logits at `base`: their maximum, and the sum of exp(z - maximum)."""
    first = code.load(base)
    with code.loop("1", str(width), 1, [(code.vector, first)]) as loop:
        logit = code.load(code.along(base, loop.index, code.step))
        loop.following = [code.larger(loop.carried[0], logit)]
    largest = loop.results[0]
    with code.loop("0", str(width), 1, [(code.vector, "zeroinitializer")]) as loop:
        logit = code.load(code.along(base, loop.index, code.step))
        part = numeric.exponential(code, code.sub(logit, largest))
        loop.following = [code.add(loop.carried[0], part)]
    return largest, loop.results[0]


def softmax(code: Code, base: Value, width: int, label: Value, weight: Value) -> Value:
    """Cross-entropy from the logits at `base`, which become their weighted change.

    label: class numbers as i32 lanes in a float32 vector. Returns the weighted loss.
    """
    largest, total = softmax_parts(code, base, width)
    classes = code.bits(label)
    scale = code.div(weight, total)
    start = [(code.vector, "zeroinitializer")]
    with code.loop("0", str(width), 1, start) as loop:
        place = code.along(base, loop.index, code.step)
        logit = code.load(place)
        number = code.put(f"trunc i64 {loop.index} to i32")
        first = code.put(f"insertelement {code.integers} poison, i32 {number}, i64 0")
        same = code.put(
            f"shufflevector {code.integers} {first}, {code.integers} poison, "
            f"{code.integers} zeroinitializer"
        )
        mine = code.put(f"icmp eq {code.integers} {classes}, {same}")
        loop.following = [code.choose(mine, logit, loop.carried[0])]
        part = code.mul(numeric.exponential(code, code.sub(logit, largest)), scale)
        code.store(code.sub(part, code.choose(mine, weight, "zeroinitializer")), place)
    own = loop.results[0]
    loss = code.sub(code.add(numeric.logarithm(code, total), largest), own)
    return code.mul(loss, weight)
