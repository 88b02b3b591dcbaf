"""Charts by vector code: the same as by NumPy, on any processor, into any memory."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lamina.benchmark.made_runs import made_table
from lamina.traces.gantt.tensor import CHANNELS, ChartForm, draw_charts
from lamina.traces.table import PhaseTable

pytest.importorskip("llvmlite", reason="no llvmlite: pip install 'lamina[fused]'")
from lamina.traces.gantt import kernel
from lamina.training.engines.fused_kernel import build

TABLES = [made_table(jobs, jobs) for jobs in (57, 3, 0, 1, 400, 99, 57)]


def apart(found: NDArray[Any], wanted: NDArray[Any]) -> float:
    return float(np.abs(found.astype(np.float64) - wanted).max())


def same(form: ChartForm, tables: list[PhaseTable], found: NDArray[Any]) -> None:
    """Equal to NumPy's chart; bytes may be rounded the other way where a half is between them."""
    exact = draw_charts(tables, replace(form, dtype="float32"), engine="numpy")
    if form.dtype == "float32":
        assert apart(found, exact) < 5e-7
    else:
        assert apart(found, exact.astype(np.float64) * 255) < 0.5 + 1e-3


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("size", [(1, 1), (130, 77), (64, 128), (512, 512)])
def test_both_engines_draw_the_same(size: tuple[int, int], channels: str, dtype: str) -> None:
    for bar in (1.0, 0.7):
        form = ChartForm(*size, channels, dtype=dtype, bar=bar)
        same(form, TABLES, draw_charts(TABLES, form, engine="native"))


@pytest.mark.parametrize("lanes", [4, 8, 16])
def test_other_processors_draw_the_same(lanes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    host = build.host()
    if lanes > host.core.lanes:
        pytest.skip(f"this processor has {host.core.lanes} lanes")
    other = replace(host, core=replace(host.core, lanes=lanes))
    monkeypatch.setattr(build, "host", lambda: other)
    for dtype in ("uint8", "float32"):
        form = ChartForm(50, 61, "colours", dtype=dtype)
        same(form, TABLES, draw_charts(TABLES, form, engine="native"))


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("skipped", [0, 4, 16])
def test_large_charts_are_the_same_wherever_they_lie_in_memory(skipped: int, dtype: str) -> None:
    tables = [made_table(57, seed) for seed in range(8)]
    form = ChartForm(512, 512, "colours", dtype=dtype)
    count = len(tables) * int(np.prod(form.shape))
    size = count * np.dtype(dtype).itemsize
    assert size > kernel._LARGE
    room = np.full(size + 64 + skipped, 3, dtype=np.uint8)
    begin = -room.ctypes.data % 64 + skipped
    out = room[begin : begin + size].view(dtype).reshape(len(tables), *form.shape)
    same(form, tables, draw_charts(tables, form, out, "native"))
    # Nothing is written before or behind.
    assert (room[:begin] == 3).all() and (room[begin + size :] == 3).all()


def test_phases_that_touch_but_for_rounding_are_drawn_in_order() -> None:
    begin, end = np.full((2, 7), np.nan), np.full((2, 7), np.nan)
    begin[0, 4], end[0, 4] = 0.0, 5.0 + 1e-12
    begin[0, 5], end[0, 5] = 5.0 - 1e-12, 9.5
    begin[1, 4], end[1, 4] = 2.0, 5.0 - 1e-12
    begin[1, 5], end[1, 5] = 5.0 + 1e-12, 8.0
    zeros = np.zeros(2)
    table = PhaseTable(("a", "b"), ("", ""), ("", ""), zeros, zeros, zeros, begin, end, 10.0)
    form = ChartForm(2, 10, "colours", dtype="uint8")
    assert np.array_equal(
        draw_charts([table], form, engine="native"), draw_charts([table], form, engine="numpy")
    )
