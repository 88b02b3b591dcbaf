"""Charts as arrays: exact shares of area, at any size, in every form."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lamina.benchmark.made_runs import made_table
from lamina.errors import MissingExtraError, UsageError
from lamina.traces.gantt import tensor
from lamina.traces.gantt.palette import LOOKS
from lamina.traces.gantt.tensor import (
    CHANNELS,
    ORDERS,
    ChartForm,
    draw_charts,
    engine_of,
    row_order,
)
from lamina.traces.table import PhaseTable
from lamina.workflow.log import PHASES

Array = NDArray[Any]
RUN = PHASES.index("run")
DRAWING = ["numpy", *(["native"] if engine_of("auto") == "native" else [])]
INK = np.array([[int(LOOKS[name].colour[at : at + 2], 16) for at in (1, 3, 5)] for name in PHASES])


def table_from(begin: Array, end: Array, seconds: float) -> PhaseTable:
    names = tuple(f"j{number}" for number in range(len(begin)))
    zeros = np.zeros(len(begin))
    return PhaseTable(names, names, names, zeros, zeros, zeros, begin, end, seconds)


def table_with(phase: int, begin: float, end: float, seconds: float = 1.0) -> PhaseTable:
    begins, ends = np.full((1, 7), np.nan), np.full((1, 7), np.nan)
    begins[0, phase], ends[0, phase] = begin, end
    return table_from(begins, ends, seconds)


def by_definition(table: PhaseTable, form: ChartForm) -> Array:
    """Each phase's share of each pixel: overlap along the time times overlap down the rows."""
    length = form.seconds or table.seconds
    rows = row_order(table, form.order)
    across = np.arange(form.width)
    down = np.arange(form.height)
    tall = form.height / len(table)
    found = np.zeros((7, form.height, form.width))
    for number, row in enumerate(rows):
        top = (number + (1 - form.bar) / 2) * tall
        share = np.clip(np.minimum(down + 1, top + form.bar * tall) - np.maximum(down, top), 0, 1)
        for phase in range(7):
            begin, end = table.phase_begin[row, phase], table.phase_end[row, phase]
            if np.isnan(begin):
                continue
            left, right = begin * form.width / length, end * form.width / length
            part = np.clip(np.minimum(across + 1, right) - np.maximum(across, left), 0, 1)
            found[phase] += np.outer(share, part)
    return found


@st.composite
def on_a_grid(draw: st.DrawFn) -> tuple[PhaseTable, ChartForm, int, int]:
    """A table whose edges lie on whole pixels of a picture that is larger by whole factors."""
    rows = draw(st.integers(1, 6))
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    fine = draw(st.integers(1, 8))
    halves = draw(st.integers(1, 4))
    finer = rows * 2 * 4
    ticks = width * fine
    begin, end = np.full((rows, 7), np.nan), np.full((rows, 7), np.nan)
    for row in range(rows):
        for phase in range(7):
            if draw(st.booleans()):
                first, last = sorted(draw(st.tuples(*[st.integers(-2, ticks + 2)] * 2)))
                begin[row, phase], end[row, phase] = first, last
    form = ChartForm(height, width, seconds=float(ticks), bar=halves / 4)
    return table_from(begin, end, float(ticks)), form, fine, finer


def rendered(table: PhaseTable, form: ChartForm, fine: int, finer: int, colours: bool) -> Array:
    """Painted pixel by pixel at a higher resolution, in order of time, then averaged down."""
    tall, wide = form.height * finer, form.width * fine
    large = np.zeros((7, tall, wide))
    if colours:
        large = np.full((3, tall, wide), 255.0)
    each = tall // len(table)
    gap = round(each * (1 - form.bar) / 2)
    for row in range(len(table)):
        lines = slice(row * each + gap, row * each + each - gap)
        for phase in np.argsort(np.maximum(table.phase_begin[row], 0), kind="stable"):
            if np.isnan(table.phase_begin[row, phase]):
                continue
            first, last = (
                int(np.clip(at[row, phase], 0, wide)) for at in (table.phase_begin, table.phase_end)
            )
            if colours:
                large[:, lines, first:last] = INK[phase][:, None, None]
            else:
                large[:, lines, first:last] = 0.0
                large[phase, lines, first:last] = 1.0
    fine_pixels = large.reshape(len(large), form.height, finer, form.width, fine)
    return np.asarray(fine_pixels.mean(axis=(2, 4)))


@settings(max_examples=120, deadline=None)
@given(on_a_grid())
def test_a_chart_equals_a_larger_one_averaged_down(
    case: tuple[PhaseTable, ChartForm, int, int],
) -> None:
    table, form, fine, finer = case
    for engine in DRAWING:
        phases = draw_charts([table], form, engine=engine)[0]
        assert np.abs(phases - rendered(table, form, fine, finer, False)).max() < 1e-6
        colours = draw_charts([table], replace(form, channels="colours"), engine=engine)[0]
        assert np.abs(colours * 255 - rendered(table, form, fine, finer, True)).max() < 2e-4


FORMS = st.builds(
    ChartForm,
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    order=st.sampled_from(ORDERS),
    seconds=st.sampled_from([None, 200.0, 5000.0]),
    bar=st.floats(0.05, 1.0),
)


@settings(max_examples=60, deadline=None)
@given(st.builds(made_table, st.integers(1, 90), st.integers(0, 10_000)), FORMS)
def test_every_pixel_is_the_share_that_bars_cover_at_any_size(
    table: PhaseTable, form: ChartForm
) -> None:
    wanted = by_definition(table, form)
    paper = 255 + np.tensordot(INK.T - 255, wanted, axes=1)
    for engine in DRAWING:
        found = draw_charts([table], form, engine=engine)[0]
        assert np.abs(found - wanted).max() < 1e-6
        # What no bar touches is nothing at all, not nearly nothing.
        assert not found[wanted == 0].any()
        assert found.min() >= 0 and found.max() <= 1
        tinted = draw_charts([table], replace(form, channels="colours"), engine=engine)[0]
        assert np.abs(tinted * 255 - paper).max() < 1e-3


@pytest.mark.parametrize("engine", DRAWING)
@pytest.mark.parametrize("channels", CHANNELS)
def test_bytes_are_the_same_values_rounded(channels: str, engine: str) -> None:
    tables = [made_table(57, seed) for seed in range(3)]
    form = ChartForm(100, 130, channels=channels)
    exact = draw_charts(tables, form, engine=engine).astype(np.float64) * 255
    found = draw_charts(tables, replace(form, dtype="uint8"), engine=engine)
    assert found.dtype == np.uint8
    assert np.abs(found - exact).max() <= 0.5 + 1e-4


@pytest.mark.parametrize("engine", DRAWING)
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("channels", CHANNELS)
def test_charts_of_a_batch_are_those_drawn_alone(channels: str, dtype: str, engine: str) -> None:
    tables = [made_table(jobs, jobs) for jobs in (57, 57, 3, 400, 1, 57, 0, 200, 57)]
    form = ChartForm(96, 80, channels=channels, dtype=dtype)
    whole = draw_charts(tables, form, engine=engine)
    assert whole.shape == (9, CHANNELS[channels], 96, 80)
    for table, found in zip(tables, whole, strict=True):
        assert np.array_equal(found, draw_charts([table], form, engine=engine)[0])
    given_room = np.full(whole.shape, 7, dtype=dtype)
    assert draw_charts(tables, form, given_room, engine) is given_room
    assert np.array_equal(given_room, whole)


@pytest.mark.parametrize("engine", DRAWING)
def test_a_run_without_jobs_or_without_length_is_blank_paper(engine: str) -> None:
    blank = [made_table(0), replace(made_table(4), seconds=0.0)]
    assert not draw_charts(blank, ChartForm(8, 8), engine=engine).any()
    assert (draw_charts(blank, ChartForm(8, 8, "colours"), engine=engine) == 1).all()
    assert draw_charts([], ChartForm(8, 8), engine=engine).shape == (0, 7, 8, 8)


def test_an_own_axis_hides_how_long_a_run_took_and_an_absolute_one_shows_it() -> None:
    usual, slow = made_table(30, 5), made_table(30, 5, slow=2.0)
    own = draw_charts([usual, slow], ChartForm(64, 64))
    assert np.abs(own[0] - own[1]).max() < 1e-6
    same = draw_charts([usual, slow], ChartForm(64, 64, seconds=2 * usual.seconds))
    assert same[0, :, :, 32:].max() == 0
    assert np.abs(same[1] - own[1]).max() < 1e-6


@pytest.mark.parametrize("engine", DRAWING)
def test_what_happens_behind_the_end_of_the_axis_is_cut(engine: str) -> None:
    form = ChartForm(1, 2, seconds=1.0)
    found = draw_charts([table_with(RUN, 0.75, 9.0)], form, engine=engine)[0]
    assert found[RUN].tolist() == [[0.0, 0.5]]
    before = draw_charts([table_with(RUN, -3.0, 0.25)], form, engine=engine)[0]
    assert before[RUN].tolist() == [[0.5, 0.0]]


def test_rows_stand_in_the_order_that_is_asked_for() -> None:
    table = made_table(40, 3)
    shuffled = table.taken(np.random.default_rng(0).permutation(40))
    for order in ("start", "level"):
        form = ChartForm(40, 50, order=order)
        rows = row_order(shuffled, order)
        drawn = draw_charts([shuffled.taken(rows)], replace(form, order="recorded"))
        assert np.array_equal(draw_charts([shuffled], form), drawn)
    assert (np.diff(shuffled.begin[row_order(shuffled, "start")]) >= 0).all()
    levels = shuffled.levels[row_order(shuffled, "level")]
    assert levels.max() >= 3 and (np.diff(levels) >= 0).all()
    assert row_order(shuffled).tolist() == list(range(40))


@pytest.mark.parametrize("engine", DRAWING)
def test_where_a_phase_interrupts_another_only_it_is_seen(engine: str) -> None:
    begin, end = np.full((1, 7), np.nan), np.full((1, 7), np.nan)
    for phase, first, last in ((RUN, 0.0, 4.0), (RUN - 1, 1.0, 2.0), (RUN + 1, 2.0, 3.0)):
        begin[0, phase], end[0, phase] = first, last
    form = ChartForm(1, 4, "colours", dtype="uint8")
    found = draw_charts([table_from(begin, end, 4.0)], form, engine=engine)
    shown = [RUN, RUN - 1, RUN + 1, RUN]
    assert found[0, :, 0].T.tolist() == [INK[phase].tolist() for phase in shown]
    apart = draw_charts([table_from(begin, end, 4.0)], ChartForm(1, 4), engine=engine)
    assert apart[0, :, 0].argmax(axis=0).tolist() == shown
    assert apart.sum() == 4


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"channels": "hues"}, "channels of a chart cannot be 'hues'"),
        ({"order": "name"}, "order of a chart cannot be 'name'"),
        ({"dtype": "int"}, "dtype of a chart cannot be 'int'"),
        ({"height": 0}, "a chart cannot be 0 x 512 pixels"),
        ({"seconds": 0.0}, "cannot end at 0.0 s"),
        ({"seconds": float("nan")}, "cannot end at nan s"),
        ({"bar": 1.5}, "a bar cannot take 1.5 of its row"),
    ],
)
def test_what_a_chart_cannot_be_is_said(given: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        ChartForm(**given)


def test_an_array_that_does_not_fit_is_refused() -> None:
    with pytest.raises(UsageError, match=r"do not fit into an array of shape \(1, 7, 8, 9\)"):
        draw_charts([made_table(3)], ChartForm(8, 8), np.zeros((1, 7, 8, 9), np.float32))
    with pytest.raises(UsageError, match="type uint8"):
        draw_charts([made_table(3)], ChartForm(8, 8), np.zeros((1, 7, 8, 8), np.uint8))


def test_an_engine_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="charts are not drawn by 'cairo'"):
        draw_charts([made_table(3)], engine="cairo")
    monkeypatch.setattr(tensor, "find_spec", lambda name: None)
    assert engine_of("auto") == "numpy"
    assert draw_charts([made_table(3)], ChartForm(8, 8)).any()
    with pytest.raises(MissingExtraError, match="fused"):
        draw_charts([made_table(3)], engine="native")
