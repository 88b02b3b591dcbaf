"""Every planner is held to the conformance suite that ships."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings

from lamina.planning.goals import Planner
from lamina.planning.planners import PLANNERS
from lamina.planning.problem import Problem
from lamina.testing.planners import CONFORMANCE, problems


@pytest.mark.parametrize("check", CONFORMANCE, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", PLANNERS.names())
@settings(max_examples=10, deadline=None, derandomize=True)
@given(problem=problems())
def test_a_planner_conforms(
    name: str, check: Callable[[Planner, Problem], None], problem: Problem
) -> None:
    check(PLANNERS.get(name), problem)


@pytest.mark.slow
@pytest.mark.parametrize("check", CONFORMANCE, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", PLANNERS.names())
@settings(max_examples=150, deadline=None)
@given(problem=problems(largest=30))
def test_a_planner_conforms_on_many_problems(
    name: str, check: Callable[[Planner, Problem], None], problem: Problem
) -> None:
    check(PLANNERS.get(name), problem)
