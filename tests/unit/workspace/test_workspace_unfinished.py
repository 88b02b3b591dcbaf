"""Which outputs a run that did not end well needs to go on."""

from __future__ import annotations

from lamina.records.store import RunRecord
from lamina.workspace.unfinished import needed_units

TASKS = {
    "a": {"do": "python"},
    "b": {"do": "python", "in": {"x": "a"}},
    "c": {"do": "python", "in": {"x": "b.result"}, "scatter": ["x"]},
    "d": {"do": "python", "in": {"x": ["c", "a.other"], "n": "given"}},
}


def needed(*done: str, tasks: object = None) -> list[str]:
    """What is needed once these units have ended."""
    document = {"tasks": TASKS if tasks is None else tasks, "outputs": {"y": {"from": "d"}}}
    return needed_units(RunRecord("r", "r", "w", document), done)


def test_an_output_is_needed_until_all_its_readers_have_ended() -> None:
    assert needed("a") == ["a"]
    assert needed("a", "b") == ["a", "b"]  # d reads a


def test_a_scattered_reader_may_have_units_left() -> None:
    assert needed("a", "b", "c[0]") == ["a", "b", "c[0]"]


def test_once_somebody_reads_a_scattered_task_it_has_ended() -> None:
    assert needed("a", "b", "c[0]", "c[1]", "d") == ["d"]  # the run gives it back


def test_a_workflow_inside_may_have_tasks_left() -> None:
    tasks = {
        "in": {"do": "workflow"},
        "x": {"do": "python"},
        "out": {"do": "loop", "in": {"x": "x"}},
    }

    assert needed("in/a", "x", "out#0/a", tasks=tasks) == ["in/a", "x", "out#0/a"]


def test_without_a_document_everything_is_needed() -> None:
    assert needed_units(RunRecord("r", "r", "w"), ["a", "b"]) == ["a", "b"]


def test_tasks_that_the_document_does_not_have_are_needed() -> None:
    assert needed("gone") == ["gone"]
