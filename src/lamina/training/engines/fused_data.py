"""Rows as the fused kernel reads them: batches of row vectors, features side by side."""

from __future__ import annotations

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
    """

    def __init__(self, program: Program, portion: Portion, plan: Plan) -> None:
        rows = len(portion.train)
        bounds = program.members[0].settings.bounds(rows)
        sizes = np.diff(bounds)
        vectors = -(-sizes // plan.lanes)
        self._plan = plan
        self._places = _places(bounds, vectors, plan.lanes)
        self._bounds = bounds
        self._table = _table(program, portion, plan)
        self.count = int(vectors.sum())
        self.most_slices = max(slices(int(v), plan.parameters) for v in vectors)
        self.batches = np.zeros((len(sizes), len(BATCH)), dtype=np.int64)
        self.batches[:, 0] = np.cumsum(vectors) - vectors
        self.batches[:, 1] = vectors
        self.batches[:, 2] = [slices(int(v), plan.parameters) for v in vectors]
        self.batches[:, 3] = (sizes / rows).view(np.int64)

    def packed(self, order: NDArray[np.int64] | None = None, into: Rows | None = None) -> Rows:
        """The rows in an order (positions), each batch's weights divided by their sum."""
        table, plan = self._table, self._plan
        if order is not None:
            table = np.concatenate([table[order], table[-1:]])
        weights = table[:-1, plan.features + plan.targets]
        totals = np.add.reduceat(weights.astype(np.float64), self._bounds[:-1])
        shares = weights / np.repeat(totals, np.diff(self._bounds))
        if into is None:
            records = aligned((self.count, plan.record, plan.lanes)).view(np.float32)
            into = Rows(records, len(weights))
        used = plan.features + plan.targets + 1
        taken = table[self._places].reshape(self.count, plan.lanes, used)
        into.records[:, :used, :] = taken.transpose(0, 2, 1)
        padded = np.append(shares.astype(np.float32), np.float32(0.0))
        into.records[:, used - 1, :] = padded[self._places].reshape(self.count, plan.lanes)
        return into


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
    """(rows + 1, features + targets + 1): a row of zeros at the end, for the padding."""
    train = portion.train
    table = np.zeros((len(train) + 1, plan.features + plan.targets + 1), dtype=np.float32)
    table[:-1, : plan.features] = program.prepared(portion, "train")
    wanted = program.targets[train]
    if plan.loss == "softmax":
        wanted = wanted.astype(np.int32).view(np.float32)
    table[:-1, plan.features : -1] = wanted.reshape(len(train), plan.targets)
    table[:-1, -1] = 1.0 if program.row_weights is None else program.row_weights[train]
    return table


def _places(bounds: NDArray[np.int64], vectors: NDArray[np.int64], lanes: int) -> NDArray[np.int64]:
    """Position in the table of every lane; -1, the row of zeros, for the padding."""
    places = np.full(int(vectors.sum()) * lanes, -1, dtype=np.int64)
    ends = np.cumsum(vectors) * lanes
    for begin, end, last, count in zip(bounds[:-1], bounds[1:], ends, vectors * lanes, strict=True):
        start = last - count
        places[start : start + end - begin] = np.arange(begin, end)
    return places
