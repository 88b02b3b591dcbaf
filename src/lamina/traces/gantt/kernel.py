"""Charts drawn by vector code of our own: the same shares of area, several times as fast.

A line of pixels is made in float32 from the edges of a row, in a buffer that stays in the core's
first cache; pixel lines that lie inside one bar are copies of it, those between bars are weighted
sums. So the time goes into writing the chart. `lamina.traces.gantt.coverage` does the same with
NumPy alone.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.traces.gantt.coverage import overlaps
from lamina.traces.gantt.edges import Strokes
from lamina.training.engines.fused_kernel import build
from lamina.training.engines.fused_kernel.code import Code, Value, single

Array = NDArray[Any]

_JOB = np.dtype(
    [
        *((name, "<i8") for name in ("out", "starts", "changes", "first", "bands", "shares")),
        ("rows", "<i8"),
        ("paper", "<f4"),
        ("unused", "<i4"),
    ]
)
"""What the code is told of one channel of one chart: addresses, and the value without a bar."""

_BAND = 32
"""Bytes of a band: pixel, how many whole pixels (0 for a part of one), whether it is the last
of its pixel, unused."""

_GRAIN = 16
"""Bytes that are written past the caches at a time; NumPy's arrays begin at a multiple of it."""

_LARGE = 4 << 20
"""Bytes of charts from which on they are written past the caches, where they would not stay."""

_SIZES = {"uint8": 1, "float32": 4}


@dataclass(frozen=True, eq=False)
class Bands:
    """Where the rows of a chart stand in its height: whole pixels together, parts one by one.

    Args:
        first: (rows + 1,) the first band of each row.
        bands: (n, 4) as in `_BAND`.
        shares: (n, 2) share of the pixel's height, and 1 where the pixel has been begun.
        empty: pixels without a bar.
    """

    first: NDArray[np.int64]
    bands: NDArray[np.int64]
    shares: NDArray[np.float32]
    empty: NDArray[np.int64]


@lru_cache(maxsize=512)
def bands_of(rows: int, height: int, bar: float) -> Bands:
    """The bands of a chart whose rows fill the height equally."""
    row, pixel, share, whole = overlaps(rows, height, bar)
    together = whole.copy()
    together[1:] &= whole[:-1] & (row[1:] == row[:-1])
    together[:1] = False
    begin = np.flatnonzero(~together)
    count = np.diff(np.append(begin, len(row))) * whole[begin]
    part = ~whole[begin]
    begun = np.concatenate([[False], np.diff(pixel[begin]) == 0]) if len(begin) else part
    last = np.concatenate([np.diff(pixel[begin]) != 0, [True]]) if len(begin) else part
    bands = np.stack([pixel[begin], count, last, np.zeros_like(count)], axis=1).astype(np.int64)
    shares = np.stack([share[begin], begun], axis=1).astype(np.float32)
    first = np.searchsorted(row[begin], np.arange(rows + 1)).astype(np.int64)
    return Bands(first, bands, shares, np.setdiff1d(np.arange(height), pixel))


def paint(strokes: Strokes, bands: Sequence[Bands], rows: Sequence[int], out: Array) -> None:
    """Draws charts, the values of each channel from 0 to 255 or 0 to 1 by the type of `out`.

    Args:
        strokes: of the rows of all charts, one below the other.
        bands: of each chart.
        rows: how many each chart has.
        out: (charts, channels, height, width), C-contiguous.
    """
    charts, channels, height, width = out.shape
    paper = 0.0 if strokes.planes > 1 else 255.0
    jobs = np.zeros((charts, channels), dtype=_JOB)
    jobs["out"] = out.ctypes.data + np.arange(charts * channels).reshape(charts, channels) * (
        height * width * out.itemsize
    )
    above = np.concatenate([[0], np.cumsum(rows)])
    channel = np.arange(channels)
    plane = channel if strokes.planes > 1 else 0 * channel
    jobs["starts"] = strokes.starts.ctypes.data + 8 * (above[:-1, None] + plane * above[-1])
    value = channel if strokes.planes == 1 else 0 * channel
    jobs["changes"] = strokes.changes.ctypes.data + value * strokes.changes.strides[0]
    for name in ("first", "bands", "shares"):
        jobs[name] = np.array([getattr(one, name).ctypes.data for one in bands])[:, None]
    jobs["rows"] = np.array(rows)[:, None]
    jobs["paper"] = paper
    pixels = np.floor(strokes.places).astype(np.int64)
    rests = (1.0 - (strokes.places - pixels)).astype(np.float32)
    lanes = build.host().core.lanes
    stride = 4 * lanes * (width // lanes + 2)
    grains = (out.ctypes.data | width * out.itemsize) % _GRAIN == 0
    past = int(grains and out.nbytes >= _LARGE)
    scratch = _aligned(3 * stride, 4 * lanes)
    machine(lanes).functions[f"charts_{out.dtype}"](
        jobs.ctypes.data,
        jobs.size,
        pixels.ctypes.data,
        rests.ctypes.data,
        scratch.ctypes.data,
        stride,
        width,
        past,
    )
    for chart, one in zip(out, bands, strict=True):
        if len(one.empty):
            chart[:, one.empty] = paper if out.dtype == np.uint8 else paper / 255


def _aligned(size: int, step: int) -> NDArray[np.uint8]:
    """Zeros whose address is a multiple of `step`."""
    room = np.zeros(size + step, dtype=np.uint8)
    skipped = -room.ctypes.data % step
    return room[skipped : skipped + size]


@lru_cache(maxsize=1)
def machine(lanes: int) -> build.Machine:
    """The functions in memory, compiled once per machine."""
    text = write(lanes)
    pointer, count = ctypes.c_void_p, ctypes.c_int64
    arguments = (pointer, count, pointer, pointer, pointer, count, count, count)
    return build.machine(
        f"gantt {text}", lambda: text, {f"charts_{dtype}": arguments for dtype in _SIZES}
    )


def write(lanes: int) -> str:
    """The module as LLVM code, with a function per type of values."""
    code = Code(lanes)
    for dtype in _SIZES:
        _charts(code, dtype)
    code.declare("attributes #0 = { nounwind }")
    return code.text()


_ARGUMENTS = (
    "ptr %jobs", "i64 %count", "ptr %pixels", "ptr %rests", "ptr %scratch", "i64 %stride",
    "i64 %width", "i64 %past",
)  # fmt: skip


def _charts(code: Code, dtype: str) -> None:
    """A function that draws one channel of one chart after the other."""
    with code.function(f"charts_{dtype}", _ARGUMENTS, internal=False):
        sheet = _Sheet(code, dtype)
        with code.loop("0", "%count") as job:
            here = code.along("%jobs", job.index, _JOB.itemsize)
            starts, changes, first, bands, shares = (
                code.read("ptr", here, 8 * place) for place in range(1, 6)
            )
            sheet.out = code.read("ptr", here)
            sheet.paper = code.splat(code.read("float", here, 56))
            with code.loop("0", code.read("i64", here, 48)) as row:
                sheet.line_of(_between(code, starts, row.index), changes)
                low, high = _between(code, first, row.index)
                with code.loop(low, high) as band:
                    place = code.along(bands, band.index, _BAND)
                    sheet.band(place, code.along(shares, band.index, 8))
        # What was written past the caches is there for all threads before anyone is told.
        code.do("fence seq_cst")


def _between(code: Code, numbers: Value, index: Value) -> tuple[Value, Value]:
    """Two i64 of a table, one behind the other."""
    here = code.along(numbers, index, 8)
    return code.read("i64", here), code.read("i64", here, 8)


class _Sheet:
    """Writes the code for the lines of a chart; its buffers: the line of a row, a sum of lines,
    and a finished line of pixels."""

    def __init__(self, code: Code, dtype: str) -> None:
        self.code, self.dtype = code, dtype
        self.out: Value = ""
        self.paper: Value = ""
        self.line = "%scratch"
        self.sum = code.at("%scratch", "%stride")
        self.done = code.at("%scratch", code.integer("mul", "%stride", 2))
        self.bytes = code.integer("mul", "%width", _SIZES[dtype])

    def line_of(self, edges: tuple[Value, Value], changes: Value) -> None:
        """A row's values without the paper, from left to right.

        Between edges the value is the sum of the changes so far, a whole number; a pixel with
        edges inside adds the part of each that lies in it.
        """
        code = self.code
        carried = [("i64", "0"), ("float", single(0.0)), ("float", single(0.0))]
        with code.loop(*edges, carried=carried) as edge:
            at, value, level = edge.carried
            pixel = code.read("i64", code.along("%pixels", edge.index, 8))
            rest = code.read("float", code.along("%rests", edge.index, 4))
            change = code.read("float", code.along(changes, edge.index, 4))
            self._filled(at, value, pixel, level)
            moved = code.put(f"icmp sgt i64 {pixel}, {at}")
            before = code.put(f"select i1 {moved}, float {level}, float {value}")
            part = code.put(f"fmul float {change}, {rest}")
            edge.following = [
                pixel,
                code.put(f"fadd float {before}, {part}"),
                code.put(f"fadd float {level}, {change}"),
            ]
        at, value, level = edge.results
        self._filled(at, value, "%width", level)

    def _filled(self, at: Value, value: Value, end: Value, level: Value) -> None:
        """A pixel and those behind it, up to `end`; what is written beyond is written again."""
        code = self.code
        code.write("float", value, code.along(self.line, at, 4))
        many = code.splat(level)
        with code.loop(code.integer("add", at, 1), end, step=code.lanes) as turn:
            place = code.along(self.line, turn.index, 4)
            code.do(f"store {code.vector} {many}, ptr {place}, align 4")

    def band(self, band: Value, shares: Value) -> None:
        """Puts a row's line where it belongs: copies, or a part of a sum."""
        code = self.code
        pixel, count = code.read("i64", band), code.read("i64", band, 8)
        target = code.at(self.out, code.integer("mul", pixel, self.bytes))
        whole = code.put(f"icmp sgt i64 {count}, 0")
        with code.when(whole):
            self._finish(self.line)
            with code.loop("0", count) as turn:
                self._copy(code.at(target, code.integer("mul", turn.index, self.bytes)))
        with code.when(code.put(f"xor i1 {whole}, true")):
            share, begun = code.spread(shares), code.spread(shares, 4)
            with code.loop("0", "%width", step=code.lanes) as turn:
                offset = code.integer("mul", turn.index, 4)
                kept = code.mul(code.load(self.sum, offset), begun)
                code.store(code.fma(code.load(self.line, offset), share, kept), self.sum, offset)
            with code.when(code.put(f"icmp ne i64 {code.read('i64', band, 16)}, 0")):
                self._finish(self.sum)
                self._copy(target)

    def _finish(self, source: Value) -> None:
        """A line on its paper, rounded or scaled, in the type of the chart."""
        code = self.code
        with code.loop("0", "%width", step=code.lanes) as turn:
            offset = code.integer("mul", turn.index, 4)
            value = code.add(code.load(source, offset), self.paper)
            value = code.smaller(code.constant(255.0), code.larger(code.constant(0.0), value))
            if self.dtype == "float32":
                code.store(code.mul(value, code.constant(1 / 255)), self.done, offset)
            else:
                rounded = code.add(value, code.constant(0.5))
                kind = f"<{code.lanes} x i8>"
                found = code.put(f"fptoui {code.vector} {rounded} to {kind}")
                code.do(f"store {kind} {found}, ptr {code.at(self.done, turn.index)}, align 1")

    def _copy(self, target: Value) -> None:
        """The finished line into the chart; large charts go past the caches, which is what the
        speed depends on: a usual write reads the memory first that it overwrites."""
        code = self.code
        code.declare("declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)")
        code.declare("!0 = !{i32 1}")
        past = code.put("icmp ne i64 %past, 0")
        with code.when(past), code.loop("0", self.bytes, step=_GRAIN) as turn:
            grain = code.put(f"load <4 x i32>, ptr {code.at(self.done, turn.index)}, align 16")
            place = code.at(target, turn.index)
            code.do(f"store <4 x i32> {grain}, ptr {place}, align {_GRAIN}, !nontemporal !0")
        with code.when(code.put(f"xor i1 {past}, true")):
            code.do(
                f"call void @llvm.memcpy.p0.p0.i64(ptr {target}, ptr {self.done}, "
                f"i64 {self.bytes}, i1 false)"
            )
