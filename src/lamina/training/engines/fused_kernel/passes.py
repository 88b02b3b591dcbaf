"""Forward and backward of one block of rows through all layers."""

from __future__ import annotations

from lamina.training.engines.fused_kernel import dense, losses, numeric
from lamina.training.engines.fused_kernel.activations import activate, through
from lamina.training.engines.fused_kernel.code import Code, Value
from lamina.training.engines.fused_kernel.dense import Grid, Index, Matrix
from lamina.training.engines.fused_kernel.plan import Dense, Plan


class Passes:
    """Writes the passes of a plan.

    Args:
        code: what is being written.
        plan: sizes and activations.
        parameters: address of the parameters.
        scratch: address of the block's values.
    """

    def __init__(self, code: Code, plan: Plan, parameters: Value, scratch: Value) -> None:
        self.code = code
        self.plan = plan
        self.parameters = parameters
        self.shape = dense.Shape(plan.row_tile, plan.unit_tile, plan.gradient_tile)
        stride = plan.scratch * code.step
        widths = [layer.outputs for layer in plan.layers]
        self.values = [
            Grid(code.at(scratch, place * code.step), stride, width)
            for place, width in zip(plan.places, widths, strict=True)
        ]
        self.slopes = [
            Grid(code.at(scratch, place * code.step), stride, width) if place >= 0 else None
            for place, width in zip(plan.slopes, widths, strict=True)
        ]

    def forward(self, rows: Value, data: Grid, training: bool) -> None:
        """All layers over a block: values, and derivatives where they are stored."""
        for number, layer in enumerate(self.plan.layers):
            source = data if number == 0 else self.values[number - 1]
            self._layer(number, layer, rows, source, training)

    def change(self, rows: Value, data: Grid, delta: Value, loss: Value) -> None:
        """Turns the last layer's values into the loss's change by its sums.

        loss: address of a vector to which the weighted losses are added.
        """
        code, plan = self.code, self.plan
        with code.loop("0", rows, 1, [(code.vector, code.load(loss))]) as loop:
            record = data.row(code, loop.index)
            weight = code.load(record, code.step * (plan.features + plan.targets))
            place = self.values[-1].row(code, loop.index)
            target = code.at(record, code.step * plan.features)
            if plan.loss == "softmax":
                label = code.load(target)
                lost = losses.softmax(code, place, plan.width, label, weight)
                loop.following = [code.add(loop.carried[0], lost)]
            else:
                lost = self._mean_change(loop.index, place, target, weight, delta)
                loop.following = [code.fma(lost, weight, loop.carried[0])]
        code.store(loop.results[0], loss)

    def backward(self, rows: Value, data: Grid, gradients: Value) -> None:
        """Adds the block's gradients to `gradients`, one number per parameter."""
        code, plan = self.code, self.plan
        for number in reversed(range(len(plan.layers))):
            layer, change = plan.layers[number], self.values[number]
            source = data if number == 0 else self.values[number - 1]
            own = code.at(gradients, 4 * plan.starts[number])
            dense.weight_gradients(code, self.shape, rows, source, change, own)
            if layer.bias:
                biases = code.at(own, 4 * layer.inputs * layer.outputs)
                dense.bias_gradients(code, rows, change, biases)
            if number:
                self._back(number, rows)

    def finish(self, rows: Value) -> None:
        """Applies the final sigmoid or softmax, for predictions."""
        code, plan = self.code, self.plan
        if not plan.final:
            return
        with code.loop("0", rows) as loop:
            base = self.values[-1].row(code, loop.index)
            if plan.final == "softmax":
                largest, total = losses.softmax_parts(code, base, plan.width)
            with code.loop("0", str(plan.width)) as unit:
                place = code.along(base, unit.index, code.step)
                value = code.load(place)
                if plan.final == "softmax":
                    part = numeric.exponential(code, code.sub(value, largest))
                    code.store(code.div(part, total), place)
                else:
                    code.store(numeric.logistic(code, value)[0], place)

    def _layer(self, number: int, layer: Dense, rows: Value, source: Grid, training: bool) -> None:
        code, start = self.code, 4 * self.plan.starts[number]
        weights = code.at(self.parameters, start)
        bias = code.at(weights, 4 * layer.inputs * layer.outputs) if layer.bias else None
        matrix = Matrix(weights, layer.inputs, 1, layer.outputs, layer.inputs, bias)
        target, slopes = self.values[number], self.slopes[number]

        def store(row: Value, first: Index, sums: list[Value]) -> None:
            place = dense.along(code, target.row(code, row), first, code.step)
            for unit, value in enumerate(sums):
                result, slope = activate(code, layer, value)
                code.store(result, place, unit * code.step)
                if slope is not None and slopes is not None and training:
                    beside = dense.along(code, slopes.row(code, row), first, code.step)
                    code.store(slope, beside, unit * code.step)

        dense.product(code, self.shape, rows, source, matrix, store)

    def _back(self, number: int, rows: Value) -> None:
        """The change of a layer's inputs, in front of their activation, in their place."""
        code, layer = self.code, self.plan.layers[number]
        below, target = self.plan.layers[number - 1], self.values[number - 1]
        slopes = self.slopes[number - 1]
        weights = code.at(self.parameters, 4 * self.plan.starts[number])
        matrix = Matrix(weights, 1, layer.inputs, layer.inputs, layer.outputs)

        def store(row: Value, first: Index, sums: list[Value]) -> None:
            place = dense.along(code, target.row(code, row), first, code.step)
            for unit, change in enumerate(sums):
                value = code.load(place, unit * code.step)
                slope = ""
                if slopes is not None:
                    beside = dense.along(code, slopes.row(code, row), first, code.step)
                    slope = code.load(beside, unit * code.step)
                result = through(code, below, change, value, slope)
                code.store(result, place, unit * code.step)

        dense.product(code, self.shape, rows, self.values[number], matrix, store)

    def _mean_change(
        self, row: Value, place: Value, target: Value, weight: Value, delta: Value
    ) -> Value:
        """Writes the change of all outputs of a row vector; returns the mean loss per row."""
        code, plan = self.code, self.plan
        single, share = losses.SINGLE[plan.loss], code.constant(1.0 / plan.width)
        part = code.mul(weight, share) if plan.width > 1 else weight
        with code.loop("0", str(plan.width), 1, [(code.vector, "zeroinitializer")]) as loop:
            output_place = code.along(place, loop.index, code.step)
            output = code.load(output_place)
            wanted = code.load(code.along(target, loop.index, code.step))
            lost, change = single(code, output, wanted, delta)
            change = code.mul(change, part)
            change = through(code, plan.layers[-1], change, output, self._slope(row, loop.index))
            code.store(change, output_place)
            loop.following = [code.add(loop.carried[0], lost)]
        return code.mul(loop.results[0], share) if plan.width > 1 else loop.results[0]

    def _slope(self, row: Value, unit: Value) -> Value:
        """The stored derivative of an output, or nothing."""
        slopes = self.slopes[-1]
        if slopes is None:
            return ""
        code = self.code
        return code.load(code.along(slopes.row(code, row), unit, code.step))
