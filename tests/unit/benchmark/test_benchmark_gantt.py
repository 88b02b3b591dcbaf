"""Charts for networks beside the Gantt paper's pictures: how far apart, and the figures' page."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from lamina.benchmark import gantt, report
from lamina.benchmark.made_runs import made_table
from lamina.traces.gantt.tensor import ChartForm, draw_charts


@pytest.mark.parametrize("seed", range(3))
def test_a_chart_differs_from_the_papers_picture_only_at_edges(seed: int) -> None:
    """The paper: matplotlib at 3875 pixels, then bilinear resizing to 512.

    Two things differ, and only at edges. matplotlib moves an edge to a whole pixel of the large
    picture: at most half of 512/3875 = 0.066 of a pixel. Pillow's bilinear filter is a triangle
    two pixels wide, which spreads an edge over its neighbours: an edge in the middle of a pixel
    leaves 1/8 of its contrast in each of two. With about 10 edges on a line of 512 pixels, 1/4 of
    a contrast of at most 255 each, that comes to less than 1 of 255 on average; measured: 0.32.
    """
    pytest.importorskip("matplotlib", reason="no matplotlib: pip install 'lamina[pictures]'")
    table = made_table(57, seed)
    ours = draw_charts([table], ChartForm(channels="colours"))[0].astype(np.float64) * 255
    theirs = gantt.papers_picture(table)
    apart = np.abs(ours - theirs)
    assert apart.mean() < 0.6
    # Where no edge is within two pixels both show the same colour, but for rounding.
    around = sliding_window_view(np.pad(ours, ((0, 0), (2, 2), (2, 2)), "edge"), (5, 5), (1, 2))
    flat = (around.max((3, 4)) - around.min((3, 4)) < 1e-3).all(axis=0)
    assert flat.mean() > 0.4
    assert apart[:, flat].max() <= 1.0
    # Averaged down instead, what is left is matplotlib's whole pixels.
    averaged = np.abs(ours - gantt.papers_picture(table, filtered="BOX"))
    assert averaged.mean() < 0.3


def test_the_benchmark_tells_rates_a_ratio_and_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib", reason="no matplotlib: pip install 'lamina[pictures]'")
    monkeypatch.setattr(gantt.Options, "charts", 4)
    said: list[str] = []
    found = gantt.benchmark_gantt(gantt.Options(quick=True), "lamina benchmark gantt", said.append)
    again: dict[str, Any] = json.loads(json.dumps(found))
    rate = again["charts_per_second"]["colours uint8"]
    assert again["ratio"] == pytest.approx(rate * again["matplotlib"]["seconds"])
    assert [bar["value"] for bar in again["bars"]] == [
        *again["charts_per_second"].values(),
        again["ratio"],
    ]
    assert set(again["charts_per_second_numpy"]) == set(again["charts_per_second"])
    assert 0 < again["difference"]["mean"] < 1
    assert any("colours uint8" in line for line in said)
    for page in (report.text(again), report.markdown(again)):
        assert "phases float32" in page and "7,340,032" in page
        assert "times as fast as matplotlib at 3875 pixels" in page


def test_without_matplotlib_the_ratio_is_absent_and_not_made_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gantt.Options, "charts", 2)
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    found = gantt.benchmark_gantt(gantt.Options(quick=True), "", lambda said: None)
    assert "matplotlib" in found["absent"] and "ratio" not in found
    assert found["bars"][-1]["reached"] is None
    assert "absent: matplotlib" in report.text(found)
