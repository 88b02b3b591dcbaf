"""Charts of runs as data sets for networks: bytes, drawn when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.diagnosis.runs import Run
from lamina.errors import BundleError, UsageError
from lamina.traces.gantt.tensor import ChartForm, draw_charts
from lamina.traces.table import PhaseTable

Bytes = NDArray[np.uint8]
Rows = Sequence[int] | NDArray[np.int64]

AXES = ("own", "absolute")
"""Where the time axis ends: at each run's own makespan, as in the Gantt paper, or at the same
second for all, so that a run that took longer looks longer."""

BESIDE = 2.0
"""An absolute axis ends at so many times the median makespan; what comes later is cut off."""


def chart_form(
    size: int = 512,
    channels: str = "colours",
    axis: str = "own",
    order: str = "recorded",
    runs: Sequence[Run] = (),
) -> ChartForm:
    """The form of square charts; the defaults are the Gantt paper's.

    Args:
        size: pixels along each side.
        channels: "colours" (red, green, blue of the paper) or "phases" (one per phase).
        axis: one of `AXES`.
        order: of the rows: "recorded", "start" or "level".
        runs: whose makespans an absolute axis is laid by; those that are learnt from.

    Raises:
        UsageError: a value that is none of these; an absolute axis without a run that took time.
    """
    if axis not in AXES:
        raise UsageError(f"the axis of a chart cannot be {axis!r}", f"choose from {_said(AXES)}")
    seconds = None
    if axis == "absolute":
        took = [run.table.seconds for run in runs if run.table.seconds > 0]
        if not took:
            raise UsageError(
                "an absolute axis needs runs that took time", "give some, or take the axis own"
            )
        seconds = BESIDE * median(took)
    return ChartForm(size, size, channels, order, seconds, dtype="uint8")


@dataclass(frozen=True, eq=False)
class Charts:
    """The charts of runs, in their order; none is drawn before it is asked for.

    840 charts of 512 x 512 in colours are 660 MB, drawn in a fraction of a second, so they are
    drawn again where they are needed and kept nowhere.

    Args:
        runs: a chart each.
        form: of all; its type is bytes.
    """

    runs: tuple[Run, ...] = field(repr=False)
    form: ChartForm

    def __post_init__(self) -> None:
        if self.form.dtype != "uint8":
            object.__setattr__(self, "form", replace(self.form, dtype="uint8"))

    def __len__(self) -> int:
        return len(self.runs)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Of all: charts, channels, height, width."""
        return (len(self), *self.form.shape)

    @property
    def nbytes(self) -> int:
        """What all take together."""
        return int(np.prod(self.shape, dtype=np.int64))

    def drawn(self, rows: Rows | None = None) -> Bytes:
        """All charts, or some: (n, channels, height, width), 0 to 255."""
        chosen = self.runs if rows is None else [self.runs[row] for row in np.asarray(rows)]
        found = np.empty((len(chosen), *self.form.shape), dtype=np.uint8)
        there = [place for place, run in enumerate(chosen) if len(run.table)]
        if len(there) == len(chosen):
            draw_charts([run.table for run in chosen], self.form, found)
            return found
        # A run of no jobs is a sheet of paper.
        found[:] = 255 if self.form.channels == "colours" else 0
        found[there] = draw_charts([chosen[place].table for place in there], self.form)
        return found

    def blocks(self, size: int = 64) -> Iterator[Bytes]:
        """All charts, at most `size` at a time."""
        for first in range(0, len(self), size):
            yield self.drawn(np.arange(first, min(first + size, len(self))))


def rows_of(table: PhaseTable, form: ChartForm) -> NDArray[np.int64]:
    """Which row of a table each line of pixels of its chart shows; -1 where there is none.

    Where a line of pixels shows several jobs, it counts as the one in its middle.
    """
    from lamina.traces.gantt.tensor import row_order

    if not len(table):
        return np.full(form.height, -1, dtype=np.int64)
    middles = (np.arange(form.height) + 0.5) * len(table) / form.height
    return row_order(table, form.order)[middles.astype(np.int64)]


def form_document(form: ChartForm) -> dict[str, Any]:
    """A form as plain values."""
    return {entry.name: getattr(form, entry.name) for entry in fields(ChartForm)}


def form_of(document: Mapping[str, Any]) -> ChartForm:
    """The form that plain values tell.

    Raises:
        BundleError: values that are none of a form.
    """
    try:
        return ChartForm(**document)
    except (TypeError, UsageError) as error:
        raise BundleError(f"the form of charts does not hold: {error}", "train it again") from None


def _said(names: Sequence[str]) -> str:
    return ", ".join(names)
