"""Charts of the Gantt paper's own runs, where LAMINA_DATA has them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from lamina.benchmark.gantt import papers_picture
from lamina.traces.gantt.tensor import ChartForm, draw_charts
from lamina.traces.table import PhaseTable, table_of
from lamina.traces.trace import Trace
from lamina.workspace.traces import read_traces

ARCHIVE = Path(os.environ.get("LAMINA_DATA", "")) / "exogeni_2020" / "1000genome.tar.xz"

pytestmark = pytest.mark.skipif(
    not ARCHIVE.is_file(), reason="set LAMINA_DATA to the folder with exogeni_2020/"
)


@pytest.fixture(scope="module")
def runs() -> list[Trace]:
    return list(read_traces([ARCHIVE]))


@pytest.fixture(scope="module")
def tables(runs: list[Trace]) -> list[PhaseTable]:
    return [table_of(run) for run in runs]


def test_every_run_becomes_a_table_of_57_jobs_at_once(runs: list[Trace]) -> None:
    start = time.process_time()
    tables = [table_of(run) for run in runs]
    assert time.process_time() - start < 2.0
    assert {len(table) for table in tables} == {57}
    for run, table in zip(runs, tables, strict=True):
        assert table.seconds == pytest.approx(run.seconds)
        assert table.spent.sum() == pytest.approx(sum(run.totals.values()), rel=1e-6)
        assert np.nanmin(table.phase_begin) >= 0
        assert np.nanmax(table.phase_end) <= table.seconds + 1e-6
    assert tables[0].levels.max() >= 4


def test_anomalies_are_seen_on_an_absolute_axis(
    runs: list[Trace], tables: list[PhaseTable]
) -> None:
    """Packet loss makes staging in longer, taken cores make running longer: more of the chart."""
    seconds = max(table.seconds for table in tables)
    charts = draw_charts(tables, ChartForm(64, 64, seconds=seconds))
    covered = charts.mean(axis=(2, 3))
    of = {
        label: np.median(covered[[run.labels["label"] == label for run in runs]], axis=0)
        for label in ("normal", "cpu_3", "loss_5")
    }
    staged, ran = 3, 4
    assert of["loss_5"][staged] > 2 * of["normal"][staged]
    assert of["cpu_3"][ran] > 1.3 * of["normal"][ran]


def test_real_charts_are_those_of_the_paper_but_for_edges(tables: list[PhaseTable]) -> None:
    pytest.importorskip("matplotlib", reason="no matplotlib: pip install 'lamina[pictures]'")
    for table in tables[::300]:
        ours = draw_charts([table], ChartForm(channels="colours"))[0] * 255.0
        assert np.abs(ours - papers_picture(table)).mean() < 0.6
