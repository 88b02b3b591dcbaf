"""A program's rows on the device: sent once, served as batches without host traffic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lamina.training.program import BYTE, Member, Program

RESIDENT_BYTES = 1 << 30
"""Up to this size the batches of all members are laid out once; above, they are gathered."""

SHARED_BYTES = 1 << 28
"""Above this size, folds that need no normalisation share one copy of the features."""


class Pool:
    """Training rows of all portions on the device, and where each portion's rows lie.

    Portions that are normalised have their own copy, in the order in which batches are cut;
    large data and bytes that no portion normalises are there once, behind row numbers. Bytes
    stay bytes until a batch is served.
    """

    def __init__(self, program: Program, device: torch.device) -> None:
        self.program = program
        self.device = device
        portions = sorted({member.portion for member in program.members})
        rows = {p: program.portions[p].train for p in portions}
        count = sum(len(r) for r in rows.values())
        row_bytes = program.features.nbytes // max(1, len(program.features))
        folds = [program.portions[p] for p in portions]
        scaled = any(p.shift is not None or p.target_shift is not None for p in folds)
        small = program.features.dtype != np.uint8 and count * row_bytes <= SHARED_BYTES
        self.shared = not (scaled or small)
        if self.shared:
            self.places = dict(rows)
            self.x, self.y = self._send(program.features), self._send(program.targets)
        else:
            starts = np.cumsum([0, *(len(rows[p]) for p in portions)])
            self.places = {
                p: np.arange(start, start + len(rows[p]), dtype=np.int64)
                for p, start in zip(portions, starts[:-1], strict=True)
            }
            self.x = torch.cat([self._send(program.prepared(p, "train")) for p in folds])
            self.y = torch.cat([self._send(program.wanted(p, "train")) for p in folds])
        self.row_bytes = self.x[0].nbytes + self.y[0].nbytes

    def _send(self, array: NDArray[np.generic]) -> Tensor:
        kinds = {"i": "int64", "u": "uint8"}
        made = np.asarray(array, dtype=kinds.get(array.dtype.kind, "float32"))
        # A copy in torch's own memory: how it is aligned must not change from run to run.
        return torch.tensor(made, device=self.device)


@dataclass(frozen=True, eq=False)
class Cuts:
    """How the rows of several members fall into batches of equal size.

    Folds may differ by a row or two: a shorter batch is filled up with rows of weight zero.

    Args:
        starts: (batches + 1,) columns at which the common batches begin.
        slots: (members, columns) positions in each member's order; filled up with 0.
        real: (members, columns) false where filled up.
        sizes: (batches, members) rows of each member in each batch.
        rows: training rows of each member.
    """

    starts: NDArray[np.int64]
    slots: NDArray[np.int64]
    real: NDArray[np.bool_]
    sizes: NDArray[np.int64]
    rows: NDArray[np.int64]

    @classmethod
    def of(cls, program: Program, members: Sequence[Member]) -> Cuts:
        """The common batches of some members."""
        rows = np.array([len(program.portions[m.portion].train) for m in members], dtype=np.int64)
        bounds = [m.settings.bounds(int(n)) for m, n in zip(members, rows, strict=True)]
        batches = max(len(b) for b in bounds) - 1
        sizes = np.zeros((len(members), batches), dtype=np.int64)
        for number, b in enumerate(bounds):
            sizes[number, : len(b) - 1] = np.diff(b)
        starts = np.append(0, np.cumsum(sizes.max(axis=0)))
        column = np.arange(starts[-1])
        batch = np.searchsorted(starts, column, side="right") - 1
        inside = column - starts[batch]
        real = inside[None] < sizes[:, batch]
        begins = np.cumsum(sizes, axis=1) - sizes
        slots = np.where(real, begins[:, batch] + inside[None], 0)
        return cls(starts, slots, real, sizes.T.copy(), rows)

    @property
    def live(self) -> NDArray[np.bool_]:
        """(batches, members): whether a member has rows in a batch."""
        return self.sizes > 0


class Feed:
    """Batches of the members of one lane.

    Args:
        pool: rows on the device.
        members: who is served; all read the same columns.
        layout: "rows" (rows, ...), "members" (members, rows, ...) or "channels" (rows,
            members x channels, ...) of the features.
        share: part of RESIDENT_BYTES that this feed may fill.
    """

    def __init__(self, pool: Pool, members: Sequence[Member], layout: str, share: float) -> None:
        self.pool = pool
        self.members = tuple(members)
        self.layout = layout
        self.cuts = Cuts.of(pool.program, members)
        self.batches = len(self.cuts.starts) - 1
        self.shuffled = members[0].settings.shuffle == "epoch"
        self.common = layout == "rows"
        bounds = self.cuts.starts.tolist()
        self.spans = list(pairwise(bounds))
        self.padded = [not self.cuts.real[:, a:b].all() for a, b in self.spans]
        places = self._positions(0)
        self._index = self._send(places)
        alone = self.common and not self.shuffled and len(members) == 1
        steps = np.diff(places[0])
        self._block = int(places[0, 0]) if alone and (steps == 1).all() else None
        self.weights, self.shares = self._row_weights(0)
        self.real = self._send(self.cuts.real.astype(np.float32))
        size = self._index.numel() * pool.row_bytes
        self._resident: list[tuple[Tensor, Tensor]] | None = None
        if not self.shuffled and size <= RESIDENT_BYTES * share:
            self._resident = [self._gather(a, b) for a, b in self.spans]

    def begin_epoch(self, epoch: int) -> None:
        """Lays out the order of an epoch; one small transfer when it is shuffled anew."""
        if self.shuffled:
            self._index.copy_(self._send(self._positions(epoch)))
            if any(self._given_weights(member) is not None for member in self.members):
                weights, shares = self._row_weights(epoch)
                self.weights.copy_(weights)
                self.shares.copy_(shares)

    def batch(self, number: int) -> tuple[Tensor, Tensor]:
        """Features and targets of a batch."""
        if self._resident is not None:
            x, y = self._resident[number]
        else:
            x, y = self._gather(*self.spans[number])
        return x.float().mul_(float(BYTE)) if x.dtype == torch.uint8 else x, y

    def _gather(self, start: int, end: int) -> tuple[Tensor, Tensor]:
        if self._block is not None:
            rows = slice(self._block + start, self._block + end)
            return rows_last(self.pool.x[rows]), self.pool.y[rows]
        index = self._index[:1, start:end] if self.common else self._index[:, start:end]
        flat = index.reshape(-1)
        x = self.pool.x.index_select(0, flat).view(*index.shape, *self.pool.x.shape[1:])
        index = self._index[:, start:end]
        y = self.pool.y.index_select(0, index.reshape(-1))
        y = y.view(*index.shape, *self.pool.y.shape[1:])
        if self.layout == "channels":
            x = in_channels(x)
        elif self.common:
            x = rows_last(x[0])
            y = y[0] if len(self.members) == 1 else y
        return x, y

    def _positions(self, epoch: int) -> NDArray[np.int64]:
        """Rows of the pool for each member and column."""
        return np.stack(
            [
                self.pool.places[member.portion][self._order(number, epoch)]
                for number, member in enumerate(self.members)
            ]
        )

    def _row_weights(self, epoch: int) -> tuple[Tensor, Tensor]:
        """Factors of the row losses: in a batch's loss, and in the cost of the epoch."""
        factors = self.cuts.real.astype(np.float64)
        for number, member in enumerate(self.members):
            given = self._given_weights(member)
            if given is not None:
                factors[number] *= given[self._order(number, epoch)]
        starts = self.cuts.starts[:-1]
        sums = np.add.reduceat(factors, starts, axis=1)
        counts = np.add.reduceat(self.cuts.real, starts, axis=1, dtype=np.int64)
        width = np.diff(self.cuts.starts)
        factors /= np.repeat(np.where(counts > 0, sums, 1.0), width, axis=1)
        shares = factors * np.repeat(counts, width, axis=1) / self.cuts.rows[:, None]
        return self._send(factors.astype(np.float32)), self._send(shares.astype(np.float32))

    def _order(self, number: int, epoch: int) -> NDArray[np.int64]:
        """Positions into a member's training rows for each column."""
        order = self.pool.program.epoch_order(self.members[number], epoch)
        slots: NDArray[np.int64] = self.cuts.slots[number]
        return slots if order is None else order[slots]

    def _given_weights(self, member: Member) -> NDArray[np.float32] | None:
        program = self.pool.program
        return program.weights(program.portions[member.portion], "train")

    def _send(self, array: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(array).to(self.pool.device)


def in_channels(x: Tensor) -> Tensor:
    """(members, rows, channels, ...) -> (rows, members x channels, ...)."""
    return rows_last(x.transpose(0, 1).flatten(1, 2))


def rows_last(x: Tensor) -> Tensor:
    """On the CPU, images with their channels last in memory: what its convolutions like."""
    if x.dim() == 4 and x.device.type == "cpu":
        return x.contiguous(memory_format=torch.channels_last)
    return x.contiguous()
