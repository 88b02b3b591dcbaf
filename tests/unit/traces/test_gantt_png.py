"""Gantt charts as PNG pictures."""

from __future__ import annotations

import io
import sys
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lamina.errors import MissingExtraError
from lamina.testing.runs import RUNS, many
from lamina.traces.gantt.palette import BAD, LOOKS
from lamina.traces.gantt.png import gantt_png
from lamina.traces.gantt.rows import SIMULATED, title_of
from lamina.traces.gantt.svg import gantt_svg
from lamina.traces.gantt.text import gantt_text
from lamina.traces.reading import trace_of
from lamina.traces.trace import Trace

image = pytest.importorskip(
    "matplotlib.image", reason="no matplotlib: pip install 'lamina[pictures]'"
)


def trace(kind: str) -> Trace:
    made = RUNS[kind]()
    return trace_of(made.record, made.events)


def pixels(picture: bytes) -> NDArray[np.uint8]:
    found = image.imread(io.BytesIO(picture))[:, :, :3]
    return np.asarray(np.rint(found * 255), dtype=np.uint8)


def count(shown: NDArray[np.uint8], colour: str) -> int:
    wanted = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return int((shown == wanted).all(axis=2).sum())


@pytest.mark.parametrize("kind", RUNS)
def test_every_kind_of_run_becomes_a_picture_without_a_warning(kind: str) -> None:
    found = trace(kind)
    picture = gantt_png(found)
    assert picture.startswith(b"\x89PNG\r\n")
    shown = pixels(picture)
    assert shown.shape[1] == 2200
    assert bool(count(shown, BAD.colour)) == any(one.failed for one in found.attempts)
    worked = any(one.spent("run") > 0 and not one.failed for one in found.attempts)
    assert bool(count(shown, LOOKS["run"].colour)) == worked
    assert gantt_png(found) == picture


def test_bars_are_as_long_as_their_phases_on_one_scale() -> None:
    found = trace("chain")
    shown = pixels(gantt_png(found))
    ink = [int(LOOKS["run"].colour[at : at + 2], 16) for at in (1, 3, 5)]
    # Below the last row stands the legend, with a box of each colour.
    rows = shown[: -2 * 46].astype(int)
    lines = (rows == ink).all(axis=2)
    ran = [one.spent("run") for one in found.attempts]
    tops = [64 * 2 + row * 36 + 18 for row in range(len(ran))]
    drawn = np.array([lines[top].sum() for top in tops])
    scale = drawn.sum() / sum(ran)
    assert np.abs(drawn - scale * np.array(ran)).max() <= 4


def test_ten_thousand_tasks_are_a_small_picture_soon_drawn() -> None:
    made = many(10_000)
    found = trace_of(made.record, made.events)
    start = time.process_time()
    picture = gantt_png(found)
    assert time.process_time() - start < 10
    assert len(picture) < 300_000


def test_a_made_up_schedule_says_so_in_every_form() -> None:
    made_up = replace(trace("chain"), simulated=True)
    assert SIMULATED not in title_of(trace("chain"))
    assert SIMULATED in title_of(made_up)
    assert SIMULATED in gantt_svg(made_up)
    assert SIMULATED in gantt_text(made_up)
    assert gantt_png(made_up) != gantt_png(trace("chain"))


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    missing: dict[str, Any] = {"matplotlib.figure": None}
    for name, module in missing.items():
        monkeypatch.setitem(sys.modules, name, module)
    with pytest.raises(MissingExtraError, match="pictures"):
        gantt_png(trace("chain"))
