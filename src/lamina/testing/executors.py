"""Conformance of executors: whatever runs workflows must keep these promises."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from lamina.errors import TaskFailedError, UsageError
from lamina.workflow import Workflow, choose, expand, loop, task, workflow

Run = Callable[[Workflow, Mapping[str, Any]], Mapping[str, Any]]
"""What is held to the contract: (workflow, inputs) -> outputs by name."""


class _Ends(NamedTuple):
    low: int
    high: int


@task
def _add(numbers: list[int], by: int = 0) -> int:
    return sum(numbers) + by


@task
def _ends(numbers: list[int]) -> _Ends:
    return _Ends(min(numbers), max(numbers))


@task
def _late(x: int) -> int:
    time.sleep(0.002 * (5 - x))
    return 10 * x


@task
def _fail(x: int) -> int:
    raise ValueError(f"no {x} here")


@task
def _any(x: Any) -> Any:
    return x


@task
def _enough(x: int) -> bool:
    return x > 20


@task
def _grown(count: int) -> list[int]:
    with workflow("decided") as w:
        w.output("each", _late.map(w.input("numbers", "list[int]")))
    found: list[int] = expand(w, numbers=list(range(count)))
    return found


@task
def _flow(count: int) -> Iterator[int]:
    yield from range(count)


@task
def _drained(numbers: Iterator[int]) -> int:
    return sum(numbers)


def check_executor(run: Run) -> None:
    """Holds an executor to its contract, on workflows of functions.

    Values go along the edges, lists keep their order, records fill several ports, scatter and
    gather keep the order of the items (also of none), workflows run inside workflows with their
    own defaults, optional inputs are None, types are checked on arrival, and a failure ends the
    run with the name of its task and its cause. Loops run until their output says so and fail when
    it never does, conditions choose, tasks decide on tasks, streams bring all items in order.

    Args:
        run: the executor under test.

    Raises:
        AssertionError: says what does not hold.
    """
    for check in (_edges, _scatter, _inner, _failures, _inputs, _loops, _decisions, _streams):
        check(run)


def _edges(run: Run) -> None:
    with workflow("edges") as w:
        a, b = w.input("a", "int"), w.input("b", "int", default=5)
        ends = _ends([a, b, _add([a], 10)])
        w.output("sum", _add([ends.high, ends.low, b], by=1))
        w.output("again", a)
        w.output("both", [ends.low, a])
    found = run(w.workflow, {"a": 1})
    assert dict(found) == {"sum": 18, "again": 1, "both": [1, 1]}, f"values were lost: {found}"


def _scatter(run: Run) -> None:
    with workflow("scatter") as w:
        numbers = w.input("numbers", "list[int]")
        late = _late.map(numbers)
        w.output("each", late)
        w.output("sum", _add(late))
    found = run(w.workflow, {"numbers": [1, 2, 3, 4]})
    assert dict(found) == {"each": [10, 20, 30, 40], "sum": 100}, f"not in order: {found}"
    found = run(w.workflow, {"numbers": []})
    assert dict(found) == {"each": [], "sum": 0}, f"a scatter over nothing gave {found}"


def _inner(run: Run) -> None:
    with workflow("inner") as inner:
        inner.output("y", _add([inner.input("x", "int")], inner.input("by", "int", default=7)))
    part = task(inner.workflow)
    with workflow("outer") as w:
        w.output("own", part(w.input("x", "int")))
        w.output("given", part(1, by=1))
        w.output("each", part.map(w.input("xs", "list[int]")))
        w.output("none", _any(w.input("nothing", optional=True)))
    found = run(w.workflow, {"x": 1, "xs": [1, 2]})
    expected = {"own": 8, "given": 2, "each": [8, 9], "none": None}
    assert dict(found) == expected, f"workflows inside gave {found}"


def _failures(run: Run) -> None:
    with workflow("inner") as inner:
        inner.output("y", _fail.map(inner.input("x", "list[int]")))
    with workflow("failing") as w:
        w.output("y", task(inner.workflow)(x=w.input("x", "list[int]")))
    error = _raised(run, w.workflow, {"x": [3]}, TaskFailedError)
    assert error.task == "inner/fail[0]", f"the failed task is called {error.task!r}"
    assert "no 3 here" in error.cause, f"the cause is {error.cause!r}"
    assert isinstance(error.__cause__, ValueError), "the exception itself is not the cause"
    with workflow("types") as w:
        w.output("y", _late(_any(w.input("x"))))
    error = _raised(run, w.workflow, {"x": "text"}, TaskFailedError)
    assert error.task == "late", f"a wrong value is blamed on {error.task!r}"


def _loops(run: Run) -> None:
    with workflow("body") as body:
        x = _add([body.input("x", "int")], 7)
        body.output("x", x)
        body.output("done", _enough(x))
    with workflow("looping") as w:
        w.output("y", loop(body, "done")(x=w.input("x", "int")))
    found = run(w.workflow, {"x": 1})
    assert dict(found) == {"y": 22}, f"a loop gave {found}"
    with workflow("endless") as w:
        w.output("y", loop(body, "done", most=2)(x=w.input("x", "int")))
    error = _raised(run, w.workflow, {"x": 1}, TaskFailedError)
    assert error.task == "body", f"a loop that is not done is blamed on {error.task!r}"


def _decisions(run: Run) -> None:
    with workflow("more") as more:
        more.output("x", _add([more.input("x", "int")], 1))
    with workflow("choosing") as w:
        x = w.input("x", "int")
        w.output("y", choose(more)(when=_enough(x), x=x))
        w.output("each", _grown(_add([x], -20)))
    found = run(w.workflow, {"x": 22})
    assert dict(found) == {"y": 23, "each": [0, 10]}, f"decisions gave {found}"
    found = run(w.workflow, {"x": 20})
    assert dict(found) == {"y": 20, "each": []}, f"decisions gave {found}"


def _streams(run: Run) -> None:
    with workflow("streaming") as w:
        flow = _flow(w.input("count", "int"))
        w.output("whole", _any(flow))
        w.output("drained", _drained(flow))
    found = run(w.workflow, {"count": 100})
    assert dict(found) == {"whole": list(range(100)), "drained": 4950}, f"a stream gave {found}"


def _inputs(run: Run) -> None:
    with workflow("inputs") as w:
        w.output("y", _late(w.input("x", "int")))
    for wrong in ({}, {"x": "text"}, {"x": 1, "z": 1}):
        _raised(run, w.workflow, wrong, UsageError)


def _raised(run: Run, made: Workflow, inputs: Mapping[str, Any], kind: type[Any]) -> Any:
    try:
        found = run(made, inputs)
    except kind as error:
        return error
    raise AssertionError(f"{made.name} with {inputs} should have failed; it gave {found}")
