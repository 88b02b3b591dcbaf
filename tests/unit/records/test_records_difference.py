"""Differences between two runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lamina.records.attempts import Attempt, attempts
from lamina.records.difference import Side, difference
from lamina.records.store import RunRecord
from lamina.testing.runs import RUNS, MadeRun


def ref(value: str) -> dict[str, Any]:
    return {"codec": "json", "digest": f"{hash(value) % 2**64:064x}", "size": 1, "inline": value}


def side(
    name: str, *found: Attempt, recipes: Mapping[str, Any] | None = None, **record: Any
) -> Side:
    return Side(RunRecord("00" * 5, name, "w", **record), found, recipes or {})


def one(task: str, value: str = "1", **more: Any) -> Attempt:
    base = Attempt(task, 1, "succeeded", 1, 0.0, 0.0, 2.0, phases={"run": (0.0, 2.0)})
    return replace(base, **{"inputs": {"x": ref(value)}, "outputs": {"y": ref(value)}} | more)


def made(run: MadeRun) -> Side:
    return Side(run.record, attempts(run.events))


def test_a_run_does_not_differ_from_itself() -> None:
    for kind in RUNS.values():
        both = made(kind())
        found = difference(both, both)
        assert (found.changes, found.only_first, found.only_second, found.run) == ((), (), (), ())


def test_values_of_inputs_and_outputs_are_told() -> None:
    found = difference(side("a", one("sort")), side("b", one("sort", "2")))
    (change,) = found.changes
    assert (change.why, change.what) == (("input x 1 -> 2",), ("output y 1 -> 2",))
    assert change.seconds == (2.0, 2.0)
    assert found.lines() == [
        "a -> b  tasks ran 2.00 s -> 2.00 s",
        "tasks: 0 the same, 1 differ",
        "  sort",
        "    input x 1 -> 2",
        "    output y 1 -> 2",
        "    ran 2.00 s -> 2.00 s",
    ]


def test_changed_code_is_told_by_its_recipe() -> None:
    old = {"do": "python", "names": {"f": "aa"}, "places": {"f": "words.py:3"}}
    new = {"do": "python", "names": {"f": "bb"}, "places": {"f": "words.py:4"}}
    found = difference(
        side("a", one("sort", recipe="r1"), recipes={"r1": old}),
        side("b", one("sort", recipe="r2"), recipes={"r2": new}),
    )
    assert found.changes[0].why == ("code changed: words.py:4",)


def test_how_a_task_ended_is_told() -> None:
    failed = one("sort", outputs={}, status="failed", error={"cause": "no luck\nat all"})
    found = difference(side("a", one("sort")), side("b", failed))
    assert found.changes[0].what == ("succeeded -> failed: no luck",)


def test_a_reused_result_is_the_same_result() -> None:
    reused = one("sort", number=0, status="reused", inputs={}, phases={}, key="k")
    found = difference(side("a", one("sort", key="k")), side("b", reused))
    assert (found.changes, found.same) == ((), 1)


def test_reused_results_of_other_keys_differ_in_what_they_read() -> None:
    old, new = (one("sort", number=0, status="reused", inputs={}, key=key) for key in "kl")
    found = difference(side("a", old), side("b", new))
    assert found.changes[0].why == ("its inputs, or what it reads of them, differ",)


def test_tasks_of_one_run_only_are_listed_by_task() -> None:
    found = difference(
        side("a", one("sort"), *(one(f"count[{n}]") for n in range(3))), side("b", one("plot"))
    )
    assert found.only_first == ("sort", "count[0]", "count[1]", "count[2]")
    assert found.lines()[-5:] == [
        "only in a",
        "  sort",
        "  count: 3 items",
        "only in b",
        "  plot",
    ]


def test_items_that_differ_alike_share_their_lines() -> None:
    found = difference(
        side("a", *(one(f"count[{n}]", str(n)) for n in range(9))),
        side("b", *(one(f"count[{n}]", str(n + 1)) for n in range(9))),
    )
    assert found.lines()[2:] == [
        "  count: 9 of its items",
        "    input x differs",
        "    output y differs",
        "    ran 18.0 s -> 18.0 s",
    ]


def test_what_all_items_share_is_told_whole() -> None:
    first = [one(f"count[{n}]", str(n), inputs={"lr": ref("0.1")}) for n in range(3)]
    second = [one(f"count[{n}]", str(n + 5), inputs={"lr": ref("0.2")}) for n in range(3)]
    lines = difference(side("a", *first), side("b", *second)).lines()
    assert lines[2:5] == [
        "  count: 3 of its items",
        "    input lr 0.1 -> 0.2",
        "    output y differs",
    ]


def test_the_parts_of_a_workflow_that_changed_are_named() -> None:
    old = {"tasks": {"sort": {"do": "python"}, "cut": {"do": "python"}}, "inputs": {"x": "int"}}
    new = {"tasks": {"sort": {"do": "command"}, "join": {}}, "inputs": {"x": "int"}}
    found = difference(side("a", document=old), side("b", document=new))
    assert found.run == ("the workflow changed: tasks sort, cut, join",)
    many = {"tasks": {f"t{n}": {} for n in range(20)}, "inputs": {"x": "int"}}
    (told,) = difference(side("a", document=old), side("b", document=many)).run
    assert told.endswith("t4, t5, 14 more")


def test_inputs_options_and_packages_of_the_runs_are_told() -> None:
    first = replace(
        side("a", inputs={"n": ref("3")}, options={"cpus": 2, "command": ["x"]}),
        environment={"python": "3.11", "host": "h", "packages": {"numpy": "1", "torch": "2"}},
    )
    second = replace(
        side("b", inputs={"n": ref("4")}, options={"cpus": 4, "command": ["y"]}, status="failed"),
        environment={"python": "3.12", "host": "h", "packages": {"numpy": "2"}},
    )
    assert difference(first, second).run == (
        "input n 3 -> 4",
        "option cpus 2 -> 4",
        "status running -> failed",
        "environment: python 3.11 -> 3.12",
        "package numpy 1 -> 2",
        "package torch 2 -> none",
    )
