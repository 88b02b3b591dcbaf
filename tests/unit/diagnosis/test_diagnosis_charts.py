"""Charts of runs: forms, lazy drawing, what a line of pixels shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lamina.diagnosis.charts import Charts, chart_form, form_document, form_of, rows_of
from lamina.errors import BundleError, UsageError
from lamina.testing.detectors import made_run, made_runs
from lamina.traces.gantt.tensor import ChartForm, draw_charts

RUNS = made_runs(batches=1, each=2).runs


@pytest.mark.parametrize("channels", ["colours", "phases"])
def test_charts_are_what_the_drawing_gives_as_bytes(channels: str) -> None:
    charts = Charts(RUNS, chart_form(24, channels))
    direct = draw_charts([run.table for run in RUNS], ChartForm(24, 24, channels, dtype="uint8"))
    np.testing.assert_array_equal(charts.drawn(), direct)
    np.testing.assert_array_equal(charts.drawn([3, 1]), direct[[3, 1]])
    np.testing.assert_array_equal(np.concatenate(list(charts.blocks(4))), direct)
    assert charts.shape == direct.shape
    assert charts.nbytes == direct.nbytes
    assert len(charts) == len(RUNS)


def test_charts_are_bytes_whatever_the_form_says() -> None:
    charts = Charts(RUNS, ChartForm(8, 8, dtype="float32"))
    assert charts.drawn().dtype == np.uint8


def test_840_charts_in_the_papers_size_fit_into_a_gigabyte() -> None:
    assert Charts(RUNS * 140, chart_form(512)).nbytes < 1 << 30


def test_an_absolute_axis_shows_how_long_a_run_took() -> None:
    run = RUNS[0]
    table = run.table
    slow = replace(
        run,
        table=replace(
            table,
            phase_begin=table.phase_begin * 1.5,
            phase_end=table.phase_end * 1.5,
            seconds=table.seconds * 1.5,
        ),
    )
    own = Charts((run, slow), chart_form(32)).drawn()
    absolute = Charts((run, slow), chart_form(32, axis="absolute", runs=RUNS)).drawn()
    np.testing.assert_allclose(own[0].astype(int), own[1].astype(int), atol=1)
    assert (absolute[0] != absolute[1]).mean() > 0.05
    assert (absolute[0, :, :, 20:] == 255).all(), "half of the axis is left for longer runs"


def test_a_run_without_jobs_is_a_sheet_of_paper() -> None:
    empty = replace(RUNS[0], table=RUNS[0].table.taken([]), anomalies=())
    coloured = Charts((empty, RUNS[1]), chart_form(8)).drawn()
    assert (coloured[0] == 255).all()
    assert (coloured[1] != 255).any()
    assert (Charts((empty,), chart_form(8, "phases")).drawn() == 0).all()
    assert (rows_of(empty.table, chart_form(8)) == -1).all()


@pytest.mark.parametrize("order", ["recorded", "start"])
def test_a_line_of_pixels_shows_the_job_that_fills_it(order: str) -> None:
    table = made_run("normal", "b", 1, jobs=4).table.taken([2, 0, 3, 1])
    form = chart_form(8, order=order)
    wanted = [0, 1, 2, 3] if order == "recorded" else np.argsort(table.begin, kind="stable")
    assert rows_of(table, form).tolist() == np.repeat(wanted, 2).tolist()


def test_forms_come_back_from_their_documents() -> None:
    form = chart_form(16, "phases", "absolute", "level", RUNS)
    assert form_of(form_document(form)) == form
    with pytest.raises(BundleError, match="form of charts"):
        form_of({"height": 8, "wide": 3})
    with pytest.raises(BundleError, match="train it again"):
        form_of({**form_document(form), "channels": "smells"})


def test_mistakes_name_the_choices() -> None:
    with pytest.raises(UsageError, match=r"(?s)axis of a chart cannot be 'log'.*own, absolute"):
        chart_form(axis="log")
    with pytest.raises(UsageError, match="absolute axis needs runs"):
        chart_form(axis="absolute")
