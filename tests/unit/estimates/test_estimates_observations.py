"""Expected times of tasks, from recorded attempts."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lamina.estimates.observations import Observation, TaskTimes


def took(seconds: float, size: float = 100.0, code: str = "c", cut: bool = False) -> Observation:
    """An attempt of the task t."""
    return Observation("t", code, size, seconds, cut)


def test_nothing_is_expected_of_what_never_ran() -> None:
    assert TaskTimes([took(1.0)]).expected("u") is None


def test_the_median_of_the_past_is_expected() -> None:
    found = TaskTimes([took(1.0), took(30.0), took(2.0)]).expected("t")

    assert found is not None
    assert found.seconds == pytest.approx(2.0, rel=0.05)
    assert found.low < found.seconds < found.high
    assert found.count == 3


def test_more_bytes_take_longer_where_the_past_says_so() -> None:
    times = TaskTimes([took(size / 1e6, size) for size in (1e6, 4e6, 16e6, 2e6)])

    small, large = times.expected("t", "c", 1e6), times.expected("t", "c", 64e6)

    assert small is not None
    assert large is not None
    assert small.seconds == pytest.approx(1.0, rel=0.05)
    assert large.seconds == pytest.approx(64.0, rel=0.1)


def test_sizes_do_not_matter_where_the_past_says_so() -> None:
    times = TaskTimes([took(5.0, size) for size in (1e3, 1e5, 1e7)])

    found = times.expected("t", "c", 1e9)

    assert found is not None
    assert found.seconds == pytest.approx(5.0)


def test_attempts_of_the_same_code_count_most() -> None:
    times = TaskTimes([took(10.0, code="new")] + [took(1.0, code="old")] * 3)

    same, unknown = times.expected("t", "new"), times.expected("t")

    assert same is not None
    assert unknown is not None
    assert same.seconds > 3.0
    assert unknown.seconds < 3.0


def test_new_attempts_count_more_than_old_ones() -> None:
    found = TaskTimes([took(9.0)] * 25 + [took(1.0)] * 30).expected("t")

    assert found is not None
    assert found.seconds == pytest.approx(9.0)


def test_what_was_cut_off_would_have_taken_longer() -> None:
    whole = TaskTimes([took(float(n)) for n in range(1, 11)]).expected("t")
    cut = TaskTimes([took(min(float(n), 4.0), cut=n > 4) for n in (7, 8, 9, 10, 1, 2, 3, 4)])

    found = cut.expected("t")

    assert whole is not None
    assert found is not None
    assert found.seconds >= 3.5


def test_where_all_was_cut_off_the_longest_is_said() -> None:
    found = TaskTimes([took(5.0, cut=True), took(3.0, cut=True)]).expected("t")

    assert found is not None
    assert found.seconds == pytest.approx(5.0)


def test_it_loads_nothing() -> None:
    program = "import sys, lamina.estimates.observations; print('numpy' in sys.modules)"
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert said.stdout.strip() == "False"
