"""Rows as the fused kernel reads them: batches of row vectors, features side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lamina.training.engines.fused_kernel.plan import BATCH, Plan, slices
from lamina.training.program import Portion, Program

Floats = NDArray[np.float32]


def aligned(shape: tuple[int, ...], dtype: type[np.generic] = np.float32) -> NDArray[np.generic]:
    """Zeros that begin on a border of 128 bytes: two cache lines, one vector and more."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.zeros(size + 128, dtype=np.uint8)
    start = -memory.ctypes.data % 128
    return memory[start : start + size].view(dtype).reshape(shape)


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows in the kernel's order: records (row vectors, entries, lanes), padded with weight 0."""

    records: Floats
    count: int

    @property
    def address(self) -> int:
        """Where the records begin."""
        return int(self.records.ctypes.data)


class Arrangement:
    """A portion's training rows and how batches cut them; packs them in any order.

    Args:
        program: of which the portion is one.
        portion: whose rows these are.
        plan: of the kernel.
        gather: the kernel's `arrange`.
    """

    def __init__(
        self, program: Program, portion: Portion, plan: Plan, gather: Callable[..., None]
    ) -> None:
        rows = len(portion.train)
        self._bounds = program.members[0].settings.bounds(rows)
        sizes = np.diff(self._bounds)
        vectors = -(-sizes // plan.lanes)
        parts = np.array([slices(int(count), plan.parameters) for count in vectors])
        self._plan = plan
        self._gather = gather
        self._places = _places(self._bounds, vectors, plan.lanes)
        self._table: Floats | None = _table(program, portion, plan)
        given = program.weights(portion, "train")
        self._weights = np.ones(rows, dtype=np.float32) if given is None else given
        self._weighted = given is not None
        self.count = int(vectors.sum())
        self.most_slices = int(parts.max())
        self.batches = np.zeros((len(sizes), len(BATCH)), dtype=np.int64)
        self.batches[:, 0] = np.cumsum(vectors) - vectors
        self.batches[:, 1] = vectors
        self.batches[:, 2] = parts
        self.batches[:, 3] = (sizes / rows).view(np.int64)

    def packed(self, order: NDArray[np.int64] | None = None, into: Rows | None = None) -> Rows:
        """The rows in an order (positions), each batch's weights divided by their sum."""
        if self._table is None:
            raise AssertionError("the rows were packed for good")
        plan, weights = self._plan, self._weights
        places = self._places
        if order is not None:
            places = np.append(order, len(order))[places]
            weights = weights[order]
        rows = into
        if rows is None:
            records = aligned((self.count, plan.record, plan.lanes)).view(np.float32)
            rows = Rows(records, len(weights))
        if into is None or self._weighted:
            totals = np.add.reduceat(weights.astype(np.float64), self._bounds[:-1])
            shares = weights / np.repeat(totals, np.diff(self._bounds))
            padded = np.append(shares.astype(np.float32), np.float32(0.0))[self._places]
            place = plan.features + plan.targets
            rows.records[:, place, :] = padded.reshape(self.count, plan.lanes)
        lines = np.ascontiguousarray(places, dtype=np.int32)
        self._gather(self._table.ctypes.data, lines.ctypes.data, self.count, rows.address)
        return rows

    def forget(self) -> None:
        """Gives the table's memory back: the rows will be packed in no other order."""
        self._table = None


def evaluation(features: Floats, plan: Plan) -> Rows:
    """Rows for prediction: features only."""
    count = -(-len(features) // plan.lanes)
    records = aligned((count, plan.record, plan.lanes)).view(np.float32)
    full = np.zeros((count * plan.lanes, plan.features), dtype=np.float32)
    full[: len(features)] = features
    records[:, : plan.features, :] = full.reshape(count, plan.lanes, plan.features).transpose(
        0, 2, 1
    )
    return Rows(records, len(features))


def _table(program: Program, portion: Portion, plan: Plan) -> Floats:
    """(rows + 1, features + targets): a line of zeros at the end, for the padding."""
    train = portion.train
    table = np.zeros((len(train) + 1, plan.features + plan.targets), dtype=np.float32)
    table[:-1, : plan.features] = program.prepared(portion, "train")
    wanted = program.wanted(portion, "train")
    numbers = wanted.astype(np.int32).view(np.float32) if plan.loss == "softmax" else wanted
    table[:-1, plan.features :] = numbers.reshape(len(train), plan.targets)
    return table


def _places(bounds: NDArray[np.int64], vectors: NDArray[np.int64], lanes: int) -> NDArray[np.int64]:
    """Position in the table of every lane; the line of zeros for the padding."""
    places = np.full(int(vectors.sum()) * lanes, bounds[-1], dtype=np.int64)
    starts = (np.cumsum(vectors) - vectors) * lanes
    for begin, end, start in zip(bounds[:-1], bounds[1:], starts, strict=True):
        places[start : start + end - begin] = np.arange(begin, end)
    return places
