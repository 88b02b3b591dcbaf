"""Planners: ways to give the tasks of a workflow to machines before it runs; one file each."""

from __future__ import annotations

from lamina.planning.goals import Planner
from lamina.registry import Registry

PLANNERS: Registry[Planner] = Registry(
    "planners",
    "planner",
    {
        "cpop": "lamina.planning.planners.cpop:PLANNER",
        "heft": "lamina.planning.planners.heft:PLANNER",
        "ic-pcp": "lamina.planning.planners.ic_pcp:PLANNER",
        "lpod": "lamina.planning.planners.lpod:PLANNER",
        "min-min": "lamina.planning.planners.min_min:PLANNER",
        "one-per-resource": "lamina.planning.planners.one_per_resource:PLANNER",
        "single-resource": "lamina.planning.planners.single_resource:PLANNER",
        "t-cluster": "lamina.planning.planners.t_cluster:PLANNER",
    },
)
"""Name of a planner -> what it is."""
