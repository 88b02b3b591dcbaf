"""Windows follow what is placed; machines find gaps."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings

from lamina.planning.board import Board, Machine, earliest_end
from lamina.planning.bounds import urgent_first
from lamina.planning.problem import Edge, Problem, Task
from lamina.planning.reading import problem_from_document
from lamina.planning.resources import Resource
from lamina.planning.windows import Windows
from lamina.testing.planners import problems
from lamina.workflow.reading import parse_text

TEN = Path(__file__).parents[3] / "examples" / "planning" / "ten-tasks.yaml"


def test_windows_of_the_ten_tasks_are_those_of_their_longest_ways() -> None:
    ten = problem_from_document(parse_text(TEN.read_text()))
    windows = Windows(Board(ten), 50.0)
    assert windows.begin["T9"] == 1 + 10 + 2 + 8 + 3
    assert windows.end["T2"] == 50 - 10 - 3 - 8 - 2
    assert windows.end["T10"] == 50


@settings(max_examples=60, deadline=None, derandomize=True)
@given(problem=problems())
def test_windows_that_are_renewed_are_those_made_anew(problem: Problem) -> None:
    board = Board(problem)
    windows = Windows(board, 5000.0)
    for task in urgent_first(problem):
        board.place(task, *earliest_end(board, task))
        windows.renew([task])
        anew = Windows(board, 5000.0)
        assert windows.begin == pytest.approx(anew.begin)
        assert windows.end == pytest.approx(anew.end)


def test_a_task_fits_into_a_gap_that_is_long_enough() -> None:
    machine = Machine(Resource("m", delay=1.0))
    machine.take(2.0, 5.0)
    machine.take(8.0, 10.0)
    assert machine.earliest(0.0, 1.0) == 1.0
    assert machine.earliest(0.0, 2.0) == 5.0
    assert machine.earliest(6.0, 2.0) == 6.0
    assert machine.earliest(6.0, 3.0) == 10.0
    assert machine.earliest(12.0, 3.0) == 12.0


def test_a_machine_is_counted_as_sending_until_its_readers_are_placed() -> None:
    cloud = Resource("m", price=1.0, interval=1.0, count=None)
    tasks = (Task("a", 2.0), Task("b", 1.0))
    board = Board(Problem("p", tasks, (Edge("a", "b", seconds=5.0),), (cloud,)))
    home = Machine(cloud)
    board.place("a", home, 0.0)
    assert board.paid(home) == 7.0
    board.place("b", home, 2.0)
    assert board.schedule("hand").cost == 3.0
