"""The time axis of charts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.records.history import Session
from lamina.traces.gantt.axis import Axis, duration, tick_step, tick_text, ticks


def test_a_pause_takes_no_room() -> None:
    axis = Axis((Session(100.0, 110.0), Session(5000.0, 5005.0)))
    assert axis.length == 15
    assert axis.breaks == (10.0,)
    places = [axis.at(time) for time in (0, 100, 104, 110, 3000, 5000, 5001, 9999)]
    assert places == [0, 0, 4, 10, 10, 10, 11, 15]


@given(st.floats(1e-6, 1e7), st.integers(1, 40))
def test_ticks_fit_and_begin_at_the_begin(length: float, most: int) -> None:
    found = ticks(length, most)
    assert found[0] == 0
    assert 2 <= len(found) <= max(most, 4) + 1
    assert found[-1] <= length * (1 + 1e-9)


@given(st.floats(1e-6, 1e6), st.integers(2, 20))
def test_texts_of_ticks_differ(length: float, most: int) -> None:
    step = tick_step(length, most)
    words = [tick_text(at, step) for at in ticks(length, most)]
    assert len(set(words)) == len(words)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0"), (0.00042, "0.4 ms"), (0.0123, "12 ms"), (0.82, "820 ms"), (0.9999, "1.0 s"),
        (4.21, "4.2 s"), (99.96, "100 s"), (312, "312 s"), (750, "12:30"), (3905, "1:05:05"),
    ],
)  # fmt: skip
def test_durations_are_short(seconds: float, words: str) -> None:
    assert duration(seconds) == words
