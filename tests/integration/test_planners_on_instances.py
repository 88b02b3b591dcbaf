"""Planners on real WfCommons instances, where LAMINA_DATA names them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lamina.benchmark.planners import CLOUD, NETWORK, instances
from lamina.planning.goals import Goal, planned
from lamina.planning.planners import PLANNERS
from lamina.planning.reading import machine_cores
from lamina.planning.wfformat import problem_from_wfformat

FOLDER = Path(os.environ.get("LAMINA_DATA") or "/nowhere") / "wfcommons"
needs_data = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="set LAMINA_DATA to the folder with wfcommons/"
)
SOME = ("1000genome-chameleon-2ch-100k-001", "rnaseq-dirt02-001", "blast-chameleon-small-005")


@pytest.fixture(name="known", scope="module")
def fixture_known() -> Mapping[str, dict[str, Any]]:
    return dict(instances(FOLDER))


@needs_data
@pytest.mark.parametrize("name", SOME)
def test_enough_cores_reach_the_bound_with_heft(
    name: str, known: Mapping[str, dict[str, Any]]
) -> None:
    problem = problem_from_wfformat(known[name], machine_cores(1000))
    assert planned(PLANNERS.get("heft"), problem).over_bound == pytest.approx(1.0)


@needs_data
@pytest.mark.parametrize("name", SOME)
def test_few_cores_are_busy_all_the_time_or_wait_for_the_critical_path(
    name: str, known: Mapping[str, dict[str, Any]]
) -> None:
    problem = problem_from_wfformat(known[name], machine_cores(4))
    work = sum(times["core"] for times in problem.times.values()) / 4
    for planner in ("heft", "cpop", "min-min", "lpod"):
        made = planned(PLANNERS.get(planner), problem)
        assert max(work, made.bound) <= made.makespan * (1 + 1e-9)
        assert made.makespan <= work + made.bound, "no list schedule is longer (Graham)"


@needs_data
@pytest.mark.parametrize("name", SOME)
def test_time_saves_money_for_hire(name: str, known: Mapping[str, dict[str, Any]]) -> None:
    problem = problem_from_wfformat(known[name], CLOUD, NETWORK)
    fast = planned(PLANNERS.get("heft"), problem)
    for planner in ("ic-pcp", "lpod"):
        slow = planned(PLANNERS.get(planner), problem, Goal(4 * fast.makespan))
        assert slow.cost <= 0.5 * fast.cost
        assert slow.makespan <= 4 * fast.makespan


@needs_data
@pytest.mark.slow
def test_every_instance_is_planned_by_every_planner(known: Mapping[str, dict[str, Any]]) -> None:
    assert len(known) >= 50
    for document in known.values():
        for resources in (machine_cores(16), CLOUD):
            problem = problem_from_wfformat(document, resources, NETWORK)
            for name in PLANNERS.names():
                assert planned(PLANNERS.get(name), problem).over_bound >= 1 - 1e-9
