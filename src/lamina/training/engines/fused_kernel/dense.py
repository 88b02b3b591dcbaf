"""Dense layers over a block of rows: products and weight gradients in register tiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lamina.training.engines.fused_kernel.code import Code, Value

Index = Value | int
"""A number in the code, or one known while it is written."""

UNROLL = 32
"""Inputs up to which an inner product is written out without a loop."""


@dataclass(frozen=True)
class Grid:
    """Vectors of a block of rows: unit u of row vector r stands at base + r*stride + u*step."""

    base: Value
    stride: int
    units: int

    def row(self, code: Code, row: Index) -> Value:
        """Address of a row vector's first unit."""
        return along(code, self.base, row, self.stride)


@dataclass(frozen=True)
class Matrix:
    """Weights: entry (out, in) stands at base + 4 * (out*by_output + in*by_input).

    bias: address of the outputs' biases, if there are any.
    """

    base: Value
    by_output: int
    by_input: int
    outputs: int
    inputs: int
    bias: Value | None = None


@dataclass(frozen=True)
class Shape:
    """Sizes of register tiles."""

    rows: int
    units: int
    gradient: tuple[int, int]


def along(code: Code, pointer: Value, index: Index, stride: int) -> Value:
    """The address `index` times `stride` bytes behind a pointer."""
    if isinstance(index, int):
        return code.at(pointer, index * stride)
    return code.along(pointer, index, stride)


def tiles(code: Code, total: int, most: int, write: Callable[[Index, int], None]) -> None:
    """Calls write(start, size) so that the sizes, at most `most`, cover `total`.

    A few tiles are written one after another, many as a loop and a rest.
    """
    count = -(-total // most)
    if count <= 4:
        start = 0
        for part in range(count):
            size = total // count + int(part < total % count)
            write(start, size)
            start += size
        return
    whole = total // most * most
    with code.loop("0", str(whole), most) as loop:
        write(loop.index, most)
    if whole < total:
        write(whole, total - whole)


def row_tiles(code: Code, rows: Value, most: int, write: Callable[[Value, int], None]) -> None:
    """Calls write(first row vector, size) for tiles of `most` row vectors, then for single ones."""
    rest = code.integer("srem", rows, most)
    whole = code.integer("sub", rows, rest)
    with code.loop("0", whole, most) as loop:
        write(loop.index, most)
    with code.loop(whole, rows) as loop:
        write(loop.index, 1)


def product(
    code: Code,
    shape: Shape,
    rows: Value,
    source: Grid,
    matrix: Matrix,
    finish: Callable[[Value, Index, list[Value]], None],
) -> None:
    """Inner products of all outputs and row vectors of a block.

    finish(row vector, first output, values): is handed a row vector's results of one tile.
    """

    def over_units(start: Index, size: int) -> None:
        weights = along(code, matrix.base, start, 4 * matrix.by_output)
        offsets = None if matrix.bias is None else along(code, matrix.bias, start, 4)

        def over_rows(first: Value, count: int) -> None:
            pointers = [code.at(source.row(code, first), r * source.stride) for r in range(count)]
            sums = _start(code, offsets, size, count)
            sums = _inner(code, matrix, weights, pointers, sums)
            for r in range(count):
                row = code.integer("add", first, r)
                finish(row, start, sums[r * size : (r + 1) * size])

        row_tiles(code, rows, shape.rows, over_rows)

    tiles(code, matrix.outputs, shape.units, over_units)


def _start(code: Code, offsets: Value | None, size: int, count: int) -> list[Value]:
    if offsets is None:
        return ["zeroinitializer"] * (size * count)
    return [code.spread(offsets, 4 * unit) for unit in range(size)] * count


def _inner(
    code: Code, matrix: Matrix, weights: Value, pointers: list[Value], sums: list[Value]
) -> list[Value]:
    """Adds the products over all inputs to sums[row * units + unit]."""
    units = len(sums) // len(pointers)

    def add(weight: Value, places: list[Value], first: int, count: int, sums: list[Value]) -> None:
        for k in range(first, first + count):
            values = [code.load(place, k * code.step) for place in places]
            for unit in range(units):
                offset = 4 * (unit * matrix.by_output + k * matrix.by_input)
                factor = code.spread(weight, offset)
                for r, value in enumerate(values):
                    sums[r * units + unit] = code.fma(value, factor, sums[r * units + unit])

    sums = list(sums)
    if matrix.inputs <= UNROLL:
        add(weights, pointers, 0, matrix.inputs, sums)
        return sums
    whole = matrix.inputs // 4 * 4
    with code.loop("0", str(whole), 4, [(code.vector, s) for s in sums]) as loop:
        inside = list(loop.carried)
        weight = code.along(weights, loop.index, 4 * matrix.by_input)
        add(weight, [code.along(p, loop.index, code.step) for p in pointers], 0, 4, inside)
        loop.following = inside
    sums = loop.results
    add(weights, pointers, whole, matrix.inputs - whole, sums)
    return sums


def weight_gradients(
    code: Code, shape: Shape, rows: Value, source: Grid, change: Grid, gradients: Value
) -> None:
    """Adds the block's change x input to the gradients of all weights (out, in).

    A tile's sums stay in registers over all rows of the block; then the rows in their lanes
    are added up, so that memory holds one number per weight.
    """
    most_outputs, most_inputs = shape.gradient

    def over_outputs(output: Index, outputs: int) -> None:
        changes = along(code, change.base, output, code.step)
        line = along(code, gradients, output, 4 * source.units)

        def over_inputs(start: Index, inputs: int) -> None:
            values = along(code, source.base, start, code.step)
            first = [(code.vector, "zeroinitializer")] * (outputs * inputs)
            with code.loop("0", rows, 1, first) as loop:
                x = code.along(values, loop.index, source.stride)
                d = code.along(changes, loop.index, change.stride)
                left = [code.load(d, code.step * o) for o in range(outputs)]
                right = [code.load(x, code.step * i) for i in range(inputs)]
                pairs = [(a, b) for a in left for b in right]
                loop.following = [
                    code.fma(a, b, s) for (a, b), s in zip(pairs, loop.carried, strict=True)
                ]
            keep(code, loop.results, inputs, along(code, line, start, 4), 4 * source.units)

        tiles(code, source.units, most_inputs, over_inputs)

    tiles(code, change.units, most_outputs, over_outputs)


def bias_gradients(code: Code, rows: Value, change: Grid, gradients: Value) -> None:
    """Adds the block's changes to the gradients of the biases."""

    def over_outputs(output: Index, count: int) -> None:
        changes = along(code, change.base, output, code.step)
        first = [(code.vector, "zeroinitializer")] * count
        with code.loop("0", rows, 1, first) as loop:
            d = code.along(changes, loop.index, change.stride)
            loop.following = [
                code.add(s, code.load(d, code.step * o)) for o, s in enumerate(loop.carried)
            ]
        keep(code, loop.results, count, along(code, gradients, output, 4), 0)

    tiles(code, change.units, min(8, code.lanes), over_outputs)


def keep(code: Code, sums: list[Value], width: int, target: Value, stride: int) -> None:
    """Adds the lanes' totals to memory, in lines of `width` that begin `stride` bytes apart."""
    lines = max(1, code.lanes // width)
    for start in range(0, len(sums), lines * width):
        group = sums[start : start + lines * width]
        count = len(group) // width
        group += ["zeroinitializer"] * (code.lanes - len(group))
        folded = code.total(group)
        for line in range(count):
            place = code.at(target, (start // width + line) * stride)
            code.add_lanes(folded, line * width, width, place)
