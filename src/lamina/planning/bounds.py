"""How fast a workflow could be at best, and how urgent its tasks are: bounds and ranks."""

from __future__ import annotations

from lamina.planning.problem import Edge, Problem


def critical_path_bound(problem: Problem) -> float:
    """Seconds that no schedule can beat: the longest way through the graph at its best.

    Each task has, on each resource, an earliest end: after the best ends of all that it reads,
    where staying on one resource moves nothing. Machines are as many as it likes.
    """
    ends: dict[str, dict[str, float]] = {}
    for name in problem.order:
        found: dict[str, float] = {}
        for resource, seconds in problem.times[name].items():
            begin = problem.by_name[resource].delay
            for edge in problem.parents[name]:
                begin = max(begin, _best(problem, edge, ends[edge.source], resource))
            found[resource] = begin + seconds
        ends[name] = found
    return max(min(found.values()) for found in ends.values())


def _best(problem: Problem, edge: Edge, ends: dict[str, float], target: str) -> float:
    """When the data of an edge can be on a resource at the earliest."""
    return min(
        end + (0.0 if source == target else problem.transfer(edge, source, target))
        for source, end in ends.items()
    )


def mean_seconds(problem: Problem, task: str) -> float:
    """Run time over the resources that may run it, on average."""
    times = problem.times[task].values()
    return sum(times) / len(times)


def mean_transfer(problem: Problem, edge: Edge) -> float:
    """Transfer between different machines over all pairs of resources, on average."""
    if edge.seconds is not None and not any(one.shared for one in problem.resources):
        return edge.seconds
    pairs = [
        problem.transfer(edge, source, target)
        for source in problem.times[edge.source]
        for target in problem.times[edge.target]
        if source != target or problem.by_name[source].count != 1
    ]
    return sum(pairs) / len(pairs) if pairs else 0.0


def upward_ranks(problem: Problem) -> dict[str, float]:
    """Task -> mean seconds from its begin to the end of the workflow along the longest way.

    The upward rank of H. Topcuoglu, S. Hariri and M.-Y. Wu, IEEE TPDS 13(3), 2002.
    """
    found: dict[str, float] = {}
    for name in reversed(problem.order):
        behind = (
            mean_transfer(problem, edge) + found[edge.target] for edge in problem.children[name]
        )
        found[name] = mean_seconds(problem, name) + max(behind, default=0.0)
    return found


def downward_ranks(problem: Problem) -> dict[str, float]:
    """Task -> mean seconds from the begin of the workflow to its own begin along the longest way.

    The downward rank of the same paper.
    """
    found: dict[str, float] = {}
    for name in problem.order:
        before = (
            found[edge.source] + mean_seconds(problem, edge.source) + mean_transfer(problem, edge)
            for edge in problem.parents[name]
        )
        found[name] = max(before, default=0.0)
    return found


def urgent_first(problem: Problem) -> list[str]:
    """The tasks by falling upward rank; each after all that it reads."""
    rank = upward_ranks(problem)
    depth = {name: number for number, name in enumerate(problem.order)}
    # Of equal ranks the order of the graph decides; sums of floats may differ in their last
    # digits where the ranks are equal.
    return sorted(problem.order, key=lambda name: (-float(f"{rank[name]:.9g}"), depth[name]))
