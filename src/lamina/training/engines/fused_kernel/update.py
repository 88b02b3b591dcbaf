"""One step of the optimiser: sum of the slices, clipping, SGD, Adam, AdamW."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lamina.training.engines.fused_kernel.code import Code, Value
from lamina.training.engines.fused_kernel.plan import HYPER, Plan


@dataclass(frozen=True)
class Optimised:
    """Addresses of a member's arrays: parameters, moments, powers of the betas, numbers."""

    parameters: Value
    first: Value
    second: Value
    powers: Value
    numbers: Value


Rule = Callable[[Code, "Numbers", Optimised, Value, Value, Value], None]
"""(code, numbers, arrays, byte offset, gradient, parameters): one vector's step."""


class Numbers:
    """Reads a member's numbers, spread over the lanes.

    Args:
        rate: this epoch's learning rate, double.
    """

    def __init__(self, code: Code, base: Value, rate: Value) -> None:
        self._code = code
        self._base = base
        self.rate = code.splat(code.put(f"fptrunc double {rate} to float"))
        self.scale: Value = ""
        self.root: Value = ""

    def spread(self, name: str) -> Value:
        """A number in all lanes."""
        return self._code.spread(self._base, 4 * HYPER.index(name))

    def single(self, name: str) -> Value:
        """A number as float32."""
        return self._code.read("float", self._base, 4 * HYPER.index(name))


def step(
    code: Code, plan: Plan, arrays: Optimised, gradient: Value, square: Value, rate: Value
) -> None:
    """Moves the parameters once.

    gradient: address of the summed gradients; square: vector of the sums of their squares.
    """
    numbers = Numbers(code, arrays.numbers, rate)
    kept = code.splat(_clipping(code, numbers, square))
    if plan.optimiser != "sgd":
        _advance_powers(code, numbers, arrays.powers, rate)
    rule = _sgd if plan.optimiser == "sgd" else _adam
    decoupled = plan.optimiser == "adamw"
    with code.loop("0", str(4 * plan.padded), code.step) as loop:
        place = loop.index
        value = code.load(arrays.parameters, place)
        g = code.mul(code.load(gradient, place), kept)
        if decoupled:
            loss = code.mul(numbers.rate, numbers.spread("decay"))
            value = code.fma(code.negate(loss), value, value)
        else:
            g = code.fma(numbers.spread("decay"), value, g)
        rule(code, numbers, arrays, place, g, value)


def total(code: Code, plan: Plan, sums: Value, count: Value, result: Value) -> tuple[Value, Value]:
    """Adds the slices' sums in their order; returns the loss and the vector of squares."""
    stride = 4 * plan.sums
    with code.loop(
        "0", str(4 * plan.padded), code.step, [(code.vector, "zeroinitializer")]
    ) as loop:
        column = code.at(sums, loop.index)
        with code.loop("1", count, 1, [(code.vector, code.load(column))]) as part:
            more = code.load(code.along(column, part.index, stride))
            part.following = [code.add(part.carried[0], more)]
        code.store(part.results[0], result, loop.index)
        loop.following = [code.fma(part.results[0], part.results[0], loop.carried[0])]
    column = code.at(sums, 4 * plan.padded)
    with code.loop("1", count, 1, [("float", code.read("float", column))]) as part:
        more = code.read("float", code.along(column, part.index, stride))
        part.following = [code.put(f"fadd float {part.carried[0]}, {more}")]
    return part.results[0], loop.results[0]


def reduced(code: Code, vector: Value) -> Value:
    """The sum over the lanes, as float32."""
    name = f"llvm.vector.reduce.fadd.v{code.lanes}f32"
    code.declare(f"declare float @{name}(float, {code.vector})")
    return code.put(f"call reassoc float @{name}(float -0.0, {code.vector} {vector})")


def _clipping(code: Code, numbers: Numbers, square: Value) -> Value:
    """The factor that bounds the gradient's norm, or 1; as torch's clip_grad_norm_."""
    code.declare("declare float @llvm.sqrt.f32(float)")
    norm = code.put(f"call float @llvm.sqrt.f32(float {reduced(code, square)})")
    bound = numbers.single("clip")
    norm = code.put(f"fadd float {norm}, 0x3EB0C6F7A0000000")
    factor = code.put(f"fdiv float {bound}, {norm}")
    small = code.put(f"fcmp olt float {factor}, 1.0")
    wanted = code.put(f"fcmp ogt float {bound}, 0.0")
    both = code.put(f"and i1 {small}, {wanted}")
    return code.put(f"select i1 {both}, float {factor}, float 1.0")


def _sgd(
    code: Code, numbers: Numbers, arrays: Optimised, place: Value, g: Value, value: Value
) -> None:
    """v = m v + g; the parameter moves against v, or with Nesterov against g + m v.

    look_ahead is m for Nesterov and -1 for plain momentum.
    """
    speed = code.fma(numbers.spread("momentum"), code.load(arrays.first, place), g)
    ahead = numbers.spread("look_ahead")
    plain = code.compare("olt", ahead, "zeroinitializer")
    move = code.choose(plain, speed, code.fma(ahead, speed, g))
    code.store(speed, arrays.first, place)
    code.store(code.fma(code.negate(numbers.rate), move, value), arrays.parameters, place)


def _advance_powers(code: Code, numbers: Numbers, powers: Value, rate: Value) -> None:
    """Powers of the betas by one step, and the bias corrections (Kingma and Ba, 2015)."""
    corrections = []
    for position, name in enumerate(("beta1", "beta2")):
        beta = code.put(f"fpext float {numbers.single(name)} to double")
        power = code.put(f"fmul double {code.read('double', powers, 8 * position)}, {beta}")
        code.write("double", power, powers, 8 * position)
        corrections.append(code.put(f"fsub double 1.0, {power}"))
    code.declare("declare double @llvm.sqrt.f64(double)")
    scale = code.put(f"fdiv double {rate}, {corrections[0]}")
    root = code.put(f"call double @llvm.sqrt.f64(double {corrections[1]})")
    inverse = code.put(f"fdiv double 1.0, {root}")
    numbers.scale = code.splat(code.put(f"fptrunc double {scale} to float"))
    numbers.root = code.splat(code.put(f"fptrunc double {inverse} to float"))


def _adam(
    code: Code, numbers: Numbers, arrays: Optimised, place: Value, g: Value, value: Value
) -> None:
    one = code.constant(1.0)
    beta1, beta2 = numbers.spread("beta1"), numbers.spread("beta2")
    first = code.mul(code.load(arrays.first, place), beta1)
    first = code.fma(code.sub(one, beta1), g, first)
    second = code.mul(code.load(arrays.second, place), beta2)
    second = code.fma(code.mul(code.sub(one, beta2), g), g, second)
    code.store(first, arrays.first, place)
    code.store(second, arrays.second, place)
    below = code.fma(code.call("sqrt", second), numbers.root, numbers.spread("epsilon"))
    move = code.div(code.mul(numbers.scale, first), below)
    code.store(code.sub(value, move), arrays.parameters, place)
